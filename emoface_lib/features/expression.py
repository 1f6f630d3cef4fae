"""Expression recognition on aligned face crops: the softmax of eq. (5) and of ES.

Taught in notebook 03.
"""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from emoface_lib.config import EXPRESSIONS, Settings
from emoface_lib.drawing import scale_points
from emoface_lib.features.alignment import into_canvas
from emoface_lib.features.lift import mean_face
from emoface_lib.landmarks import CANVAS, STABLE
from emoface_lib.training import Metrics, Schedule, fit

CROP_SIZE = 64  # px
BATCH = 64  # crops


class ExpressionNet(nn.Module):
    """Small convolutional network from a grey face crop to seven expressions."""

    classes = EXPRESSIONS

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        sizes = [1, width, 2 * width, 4 * width, 8 * width]
        blocks: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            blocks += [
                nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        self.blocks = nn.Sequential(*blocks)
        self.classify = nn.Linear(8 * width * 16, len(self.classes))

    def forward(self, crops: Tensor) -> Tensor:
        """Logits, Tensor[N, 7], of crops : Tensor[N, 64, 64], 0 to 255."""
        x = crops.float()[:, None]
        x = x - x.mean(dim=(2, 3), keepdim=True)
        x = x / (x.std(dim=(2, 3), keepdim=True) + 1)  # light and contrast don't count
        return self.classify(self.blocks(x).flatten(1))

    @torch.no_grad()
    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """Softmax a crop. crops : uint8[N, 64, 64]; returns float32[N, 7]."""
        self.eval()
        return self(torch.from_numpy(crops)).softmax(-1).numpy()


def face_crops(frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Grey crops in which the mean face's stable points lie where the canvas has them.

    frames : uint8[F, H, W, 3]; landmarks : float[F, 68, 2 or 3] px of the frame.
    Returns uint8[F, 64, 64].
    """
    canvas = into_canvas(mean_face())[STABLE, :2]
    goal = scale_points(canvas, CROP_SIZE / CANVAS)
    crops = np.empty((len(frames), CROP_SIZE, CROP_SIZE), np.uint8)
    for crop, frame, face in zip(crops, frames, landmarks, strict=True):
        turn = similarity(face[STABLE, :2], goal)
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        crop[:] = cv2.warpAffine(
            grey, turn, (CROP_SIZE, CROP_SIZE), borderMode=cv2.BORDER_REPLICATE
        )
    return crops


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Turn, size and shift that bring 2D points closest to others (least squares).

    Both : float[P, 2] px; returns float[2, 3], as cv2.warpAffine takes it.
    """
    a, b = source - source.mean(0), target - target.mean(0)
    size = (a**2).sum()
    cosine, sine = (a * b).sum() / size, (a[:, 0] @ b[:, 1] - a[:, 1] @ b[:, 0]) / size
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, target.mean(0) - turn @ source.mean(0)])


def train_expressions(
    crops: np.ndarray, labels: np.ndarray, folder: Path, settings: Settings
) -> ExpressionNet:
    """Train on crops of clips whose expression is known.

    crops : uint8[N, 64, 64]; labels : int[N], indices into EXPRESSIONS. Leaves
    `model.safetensors` and `log.csv` in `folder`. Taught in notebook 03.
    """
    torch.manual_seed(settings.seed)
    model = ExpressionNet()
    pictures, classes = torch.from_numpy(crops), torch.from_numpy(labels)

    def loss(generator: np.random.Generator) -> Metrics:
        chosen = torch.from_numpy(generator.integers(len(pictures), size=BATCH))
        batch = pictures[chosen]
        if generator.random() < 0.5:
            batch = batch.flip(2)  # faces are nearly symmetric
        batch = torch.roll(batch, tuple(generator.integers(-3, 4, size=2)), (1, 2))
        logits = model(batch)
        right = (logits.argmax(1) == classes[chosen]).float().mean()
        return {
            "loss": nn.functional.cross_entropy(logits, classes[chosen]),
            "accuracy": right,
        }

    schedule = Schedule(settings.expression_steps, 2e-3, 1e-4)
    fit(model, loss, schedule, folder, settings)
    return model

"""Expression recognition on aligned face crops: the softmax of eq. (5) and of ES.

Taught in notebook 03.
"""

from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.landmarks import CANONICAL_SIDE, STABLE, mean_face, scale_points
from emoface_lib.features.align import to_canonical
from emoface_lib.features.scn import SCN

CROP_EVERY = 5  # video frames; expressions change slowly

CROP_SIZE = 64  # px
ZOOM = 1.25  # above 1 crops tighter; the landmarks then fill nine tenths of the crop
WIDTH = 24  # channels of the first layer; the paper's [28] has 64
BATCH = 256  # crops recognised at once
SHARPEST = 0.67  # px of the crop a px of the picture; below half of it, means are taken


class ExpressionModel(Protocol):
    """Any model that recognises expressions and declares which output is which."""

    classes: tuple[str, ...]  # names as in EXPRESSIONS, in the order of its outputs

    def crops(self, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Face crops in the model's input format, uint8[F, ...].

        frames : uint8[F, H, W, 3]; landmarks : float[F, 68, 2 or 3] px of the frame.
        """
        ...

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """Softmax a crop, float32[N, K], in the order of `classes`."""
        ...


class ExpressionNet(SCN):
    """SCN of small width on grey crops: the expression model of the embedded corpus."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__(width, channels=1)
        # a quarter faster on a CPU; torch's stubs don't know the keyword alone
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Attention Tensor[N, 1] and logits Tensor[N, 7]. crops : Tensor[N, 64, 64]."""
        x = crops.float()[:, None]  # (N, 64, 64), 0 to 255 -> (N, 1, 64, 64)
        x = x - x.mean(dim=(2, 3), keepdim=True)
        x = x / (x.std(dim=(2, 3), keepdim=True) + 1)  # light and contrast don't count
        return super().forward(x.contiguous(memory_format=torch.channels_last))

    def crops(self, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Grey crops uint8[F, 64, 64], see `face_crops`."""
        return face_crops(frames, landmarks)

    @torch.no_grad()
    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """Softmax a crop. crops : uint8[N, 64, 64]; returns float32[N, 7]."""
        self.eval()
        parts = torch.from_numpy(crops).split(BATCH)
        return torch.cat([self(part)[1].softmax(1) for part in parts]).numpy()


def recognise(
    model: ExpressionModel, frames: np.ndarray, landmarks: np.ndarray
) -> np.ndarray:
    """Softmax of each frame in the order of EXPRESSIONS, float32[F, 7].

    frames : uint8[F, H, W, 3]; landmarks : float[F, 68, 2 or 3] px of the frame.
    """
    found = model.probabilities(model.crops(frames, landmarks))
    return found[:, [model.classes.index(name) for name in EXPRESSIONS]]


def face_crops(
    frames: np.ndarray,
    landmarks: np.ndarray,
    size: int = CROP_SIZE,
    zoom: float = ZOOM,
    grey: bool = True,
) -> np.ndarray:
    """Crops whose stable points lie where the mean face has them, canonical frame.

    frames : uint8[F, H, W, 3]; landmarks : float[F, 68, 2 or 3] px of the frame; size :
    px; zoom : above 1 crops tighter. Returns uint8[F, size, size], or uint8[F, size,
    size, 3] in colour.
    """
    canonical = to_canonical(mean_face())[STABLE, :2]
    canonical = (canonical - CANONICAL_SIDE / 2) * zoom + CANONICAL_SIDE / 2
    goal = scale_points(canonical, size / CANONICAL_SIDE)
    crops = []
    for frame, face in zip(frames, landmarks, strict=True):
        turn = similarity(face[STABLE, :2], goal)
        picture = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if grey else frame
        if (times := int(SHARPEST / np.hypot(*turn[:, 0]))) > 1:  # a large photograph
            picture = reduced(picture, times)
            turn = similarity((face[STABLE, :2] + 0.5) / times - 0.5, goal)
        crops.append(
            cv2.warpAffine(picture, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
        )
    return np.array(crops, np.uint8).reshape(len(frames), size, size, *[3][grey:])


def reduced(picture: np.ndarray, times: int) -> np.ndarray:
    """A picture `times` smaller, each pixel the mean of times x times pixels.

    picture : uint8[H, W] or uint8[H, W, 3]; returns uint8[H / times, W / times] or
    uint8[H / times, W / times, 3]. Rows and columns beyond a multiple of `times` are
    left out.
    """
    height, width = (side // times * times for side in picture.shape[:2])
    small = (width // times, height // times)
    return cv2.resize(picture[:height, :width], small, interpolation=cv2.INTER_AREA)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Turn, size and shift that bring 2D points closest to others (least squares).

    Both : float[P, 2] px; returns float[2, 3], as cv2.warpAffine takes it.
    """
    a, b = source - source.mean(0), target - target.mean(0)
    size = (a**2).sum()
    cosine, sine = (a * b).sum() / size, (a[:, 0] @ b[:, 1] - a[:, 1] @ b[:, 0]) / size
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, target.mean(0) - turn @ source.mean(0)])

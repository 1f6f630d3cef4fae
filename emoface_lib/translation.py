"""Step 3's data and use: reference frames and landmark images in, frames out.

Taught in notebook 06, paper section 3.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from emoface_lib.drawing import landmark_images, scale_points
from emoface_lib.files import read_npz
from emoface_lib.landmarks import CANVAS
from emoface_lib.models.translator import UNet
from emoface_lib.video import iter_frames

STRIDE = 4  # video frames between two that are kept; neighbours look alike
BATCH = 16  # frames painted at once


@dataclass(frozen=True)
class Pairs:
    """Frames of clips, from which reference and target are drawn.

    frames : uint8[N, S, S, 3]; landmark_images : uint8[N, S, S, 3] of the same frames;
    clips : int[N], the clip of each frame; reference and target are of one clip.
    """

    frames: np.ndarray
    landmark_images: np.ndarray
    clips: np.ndarray

    def draw(
        self, count: int, generator: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """References, landmark images and targets: Tensor[count, 3, S, S] each."""
        target = generator.integers(len(self.frames), size=count)
        first = np.searchsorted(self.clips, self.clips[target], side="left")
        last = np.searchsorted(self.clips, self.clips[target], side="right")
        reference = generator.integers(first, last)
        return (
            as_tensor(self.frames[reference]),
            as_tensor(self.landmark_images[target]),
            as_tensor(self.frames[target]),
        )


def load_pairs(
    videos: Sequence[Path], features: Sequence[Path], size: int, stride: int = STRIDE
) -> Pairs:
    """Read every `stride`-th frame of the clips, scaled to `size`, with its landmarks.

    videos : mp4 files; features : the .npz files of the same clips.
    """
    frames, images, clips = [], [], []
    for number, (video, path) in enumerate(zip(videos, features, strict=True)):
        stored = read_npz(path)
        chosen = range(0, len(stored["landmarks"]), stride)
        pictures = [frame for i, frame in enumerate(iter_frames(video)) if i in chosen]
        frames.append(resized(pictures, size))
        width = int(stored["size"][0])
        images.append(frame_landmark_images(stored["landmarks"][chosen], width, size))
        clips.append(np.full(len(pictures), number))
    return Pairs(np.concatenate(frames), np.concatenate(images), np.concatenate(clips))


def resized(frames: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Scale square frames: uint8[F, size, size, 3]."""
    return np.stack(
        [
            cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
            for frame in frames
        ]
    )


def frame_landmark_images(landmarks: np.ndarray, width: int, size: int) -> np.ndarray:
    """Landmark images of landmarks in px of a square frame of `width`.

    landmarks : float[F, 68, 2 or 3]; returns uint8[F, size, size, 3].
    """
    return landmark_images(scale_points(landmarks[..., :2], CANVAS / width), size)


@torch.no_grad()
def paint(model: UNet, reference: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Paint a clip: one reference frame, one landmark image a frame.

    reference : uint8[S, S, 3]; images : uint8[F, S, S, 3]; returns uint8[F, S, S, 3].
    """
    model.eval()
    face = as_tensor(reference[None])
    painted = [
        model(face.expand(len(part), -1, -1, -1), as_tensor(part))
        for part in np.split(images, range(BATCH, len(images), BATCH))
    ]
    pictures = torch.cat(painted).permute(0, 2, 3, 1)  # (F, 3, S, S) -> (F, S, S, 3)
    return (pictures * 255).round().byte().numpy()


def as_tensor(pictures: np.ndarray) -> Tensor:
    """Pictures to network input: uint8[N, H, W, 3] -> Tensor[N, 3, H, W] in [0, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255

"""The 68 face landmarks: named regions, the lips' opening, the poly-lines to draw.

Axes: B batch, T 20-ms frames, F video frames, N clips, D features, 68 landmarks, C H W.
Points are (x right, y down[, z away from the viewer]) in pixels; the centre of the
top-left pixel is (0, 0). "Right" and "left" are the pictured person's own sides. The
canonical frame is a square of CANONICAL_SIDE px in which aligned landmarks lie.
"""

from functools import cache
from typing import TypeVar

import numpy as np
import torch

from emoface_lib.core.files import LIBRARY, read_npz

WEIGHTS = LIBRARY / "weights"

Array = TypeVar("Array", np.ndarray, torch.Tensor)

JAW = slice(0, 17)
RIGHT_BROW = slice(17, 22)
LEFT_BROW = slice(22, 27)
BROWS = slice(17, 27)
NOSE_BRIDGE = slice(27, 31)
RIGHT_EYE = slice(36, 42)
LEFT_EYE = slice(42, 48)
EYES = slice(36, 48)
OUTER_LIPS = slice(48, 60)
INNER_LIPS = slice(60, 68)
LIPS = slice(48, 68)

CHIN = 8
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 36, 45
RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER = 48, 54
LIP_MIDDLES = [51, 57]  # outer lips, upper and lower
UPPER_LIP_INNER, LOWER_LIP_INNER = 62, 66
UPPER_INNER_LIP = [61, 62, 63]
LOWER_INNER_LIP = [67, 66, 65]  # in the order of UPPER_INNER_LIP
RIGHT_LIDS = ((37, 41), (38, 40))  # (upper, lower)
LEFT_LIDS = ((43, 47), (44, 46))
# Points that speech and expression hardly move, as MakeItTalk aligns by.
STABLE = [27, 28, 29, 30, 33, 36, 39, 42, 45]

# MIRROR[i] is the landmark opposite to landmark i.
_MIRRORED = {
    "jaw and brows": [*range(16, -1, -1), *range(26, 16, -1)],
    "nose": [27, 28, 29, 30, 35, 34, 33, 32, 31],
    "eyes": [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],
    "outer lips": [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55],
    "inner lips": [64, 63, 62, 61, 60, 67, 66, 65],
}
MIRROR = np.concatenate(list(_MIRRORED.values()))

# Open and closed poly-lines of a landmark image: name, indices.
POLYLINES: dict[str, list[int]] = {
    "jaw": [*range(0, 17)],
    "right brow": [*range(17, 22)],
    "left brow": [*range(22, 27)],
    "nose bridge": [*range(27, 31)],
    "nose base": [*range(31, 36)],
    "right eye": [*range(36, 42), 36],
    "left eye": [*range(42, 48), 42],
    "outer lips": [*range(48, 60), 48],
    "inner lips": [*range(60, 68), 60],
}

CANONICAL_SIDE = 256  # px; side of the canonical frame
EYE_DISTANCE = 96.0  # px between the mean face's outer eye corners, canonical frame
VIDEO_RATE = 25  # video frames a second
FRAME_RATE = 50  # 20-ms frames a second


def lip_opening(landmarks: Array) -> Array:
    """Distance of the inner lips' middle points.

    landmarks : Array[..., 68, 2 or 3] px; returns Array[...] px. Taught in notebook 08.
    """
    gap = landmarks[..., LOWER_LIP_INNER, :2] - landmarks[..., UPPER_LIP_INNER, :2]
    return (gap**2).sum(-1) ** 0.5


def smile(landmarks: Array) -> Array:
    """Height of the corners of the mouth over the middle of the lips.

    landmarks : Array[..., 68, 2 or 3] px; returns Array[...] px. Taught in notebook 08.
    """
    corners = landmarks[..., [RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER], 1]
    return landmarks[..., LIP_MIDDLES, 1].mean(-1) - corners.mean(-1)


def eye_distance(landmarks: Array) -> Array:
    """Distance of the outer eye corners, the measure of a face's size in pictures.

    landmarks : Array[..., 68, 2 or 3] px; returns Array[...] px.
    """
    across = landmarks[..., LEFT_EYE_OUTER, :] - landmarks[..., RIGHT_EYE_OUTER, :]
    return (across**2).sum(-1) ** 0.5


@cache
def mean_face() -> np.ndarray:
    """The mean face, float64 (68, 3), in units of the outer eye corners' distance."""
    face = read_npz(WEIGHTS / "mean_face.npz")["landmarks"].astype(float)
    face.flags.writeable = False
    return face


@cache
def mean_surface() -> np.ndarray:
    """Points of the mean face's skin between the landmarks, float64 (468, 3)."""
    return read_npz(WEIGHTS / "mean_face.npz")["surface"].astype(float)


def scale_points(points: np.ndarray, factor: float) -> np.ndarray:
    """Scale points with their picture: pixel centres stay on pixel centres.

    points : float[..., 2] px, the centre of the top-left pixel being (0, 0). Returns
    float[..., 2] px of the scaled picture.
    """
    return (points + 0.5) * factor - 0.5

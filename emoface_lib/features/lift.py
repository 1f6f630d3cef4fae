"""From 68 points in the picture to 68 points in space."""

from functools import cache
from pathlib import Path

import numpy as np

from emoface_lib.files import read_npz

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


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


def weak_perspective(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Rotation times scale that lays `face` best over `points` in each frame.

    points : (F, 68, 2) px; face : (68, 3) any unit; returns (F, 3, 3), px per unit.
    """
    centred = face - face.mean(0)
    flat = points - points.mean(1, keepdims=True)
    affine = flat.transpose(0, 2, 1) @ np.linalg.pinv(centred).T  # (F, 2, 3)
    u, s, v = np.linalg.svd(affine, full_matrices=False)
    across = u @ v  # the nearest two orthonormal rows
    rotation = np.concatenate([across, np.cross(across[:, :1], across[:, 1:])], 1)
    return rotation * s.mean(1)[:, None, None]


def lift(points: np.ndarray) -> np.ndarray:
    """Give each frame's points the depth of the mean face in the same pose.

    points : (F, 68, 2) px; returns float32 (F, 68, 3) px, depth with mean 0.
    """
    face = mean_face()
    depth = (face - face.mean(0)) @ weak_perspective(points, face)[:, 2, :, None]
    return np.concatenate([points, depth], -1).astype(np.float32)

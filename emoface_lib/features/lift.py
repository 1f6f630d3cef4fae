"""From 68 points in the picture to 68 points in space, by one quadratic map.

The map is fitted on drawn heads whose landmarks are known (`fit_lift`) and shipped. It
adds to each reading the detector's usual error there and the face's depth. Readings
unlike any drawing are clipped to the range of the training data, so that real faces
don't extrapolate.
Taught in notebook 03.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from emoface_lib.core.checkpoints import read_weights
from emoface_lib.core.landmarks import WEIGHTS, mean_face

LIFT_FILE = WEIGHTS / "lift.safetensors"
WIDEST = 3.0  # standard deviations at which a score is held
PAIRED = 40  # components of a reading whose products count


@dataclass(frozen=True)
class Standard:
    """Readings laid over the mean face by moving, turning and scaling in the picture.

    points : float (F, 68, 2) face units; centre, turn : complex (F,), px, px a unit
    """

    points: np.ndarray
    centre: np.ndarray
    turn: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray) -> "Standard":
        """Standardise readings (F, 68, 2) px."""
        z = points[..., 0] + 1j * points[..., 1]
        face = mean_face()[:, 0] + 1j * mean_face()[:, 1]
        face = face - face.mean()
        centre = z.mean(1)
        turn = (z - centre[:, None]) @ face.conj() / (np.abs(face) ** 2).sum()
        return cls(_parts((z - centre[:, None]) / turn[:, None]), centre, turn)

    def inside(self, picture: np.ndarray) -> np.ndarray:
        """Points of the picture (F, 68, 2 or 3) in these frames' face units."""
        z = picture[..., 0] + 1j * picture[..., 1] - self.centre[:, None]
        flat = _parts(z / self.turn[:, None])
        depth = picture[..., 2:] / np.abs(self.turn)[:, None, None]
        return np.concatenate([flat, depth], -1)

    def outside(self, units: np.ndarray) -> np.ndarray:
        """The inverse of `inside`: face units (F, 68, 2 or 3) to px of the picture."""
        z = (units[..., 0] + 1j * units[..., 1]) * self.turn[:, None]
        depth = units[..., 2:] * np.abs(self.turn)[:, None, None]
        return np.concatenate([_parts(z + self.centre[:, None]), depth], -1)


@dataclass(frozen=True)
class Lift:
    """Correction of a standardised reading: scores and their products @ weights.

    mean : (136,); basis : (K, 136), principal components of readings; spread : (K,),
    their standard deviations; weights : (K + PAIRED * (PAIRED + 1) / 2, 204);
    offset : (204,)
    """

    mean: np.ndarray
    basis: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    offset: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Lift readings (F, 68, 2) px to float32 (F, 68, 3) px, depth with mean 0."""
        standard = Standard.of(points)
        first = first_guess(standard.points)
        flat = standard.points.reshape(len(points), -1)
        scores = (flat - self.mean) @ self.basis.T / self.spread
        correction = with_products(scores) @ self.weights + self.offset
        lifted = first + correction.reshape(-1, 68, 3)
        return standard.outside(lifted).astype(np.float32)


def with_products(scores: np.ndarray) -> np.ndarray:
    """Scores (F, K), held within WIDEST, and products of pairs of the first PAIRED.

    What a turned face lacks depends on who turns: a product, which no linear map has.
    """
    held = np.clip(scores, -WIDEST, WIDEST)
    i, j = np.triu_indices(PAIRED)
    return np.concatenate([held, held[:, i] * held[:, j]], axis=1)


@cache
def shipped_lift() -> Lift:
    """The map that was fitted on readings of dlib's detector."""
    return Lift(**{n: x.numpy() for n, x in read_weights(LIFT_FILE).items()})


def first_guess(points: np.ndarray) -> np.ndarray:
    """Points (F, 68, 2) with the depth of the mean face in the same pose."""
    face = mean_face()
    depth = (face - face.mean(0)) @ weak_perspective(points, face)[:, 2, :, None]
    return np.concatenate([points, depth], -1)


def weak_perspective(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Rotation times scale that lays `face` best over `points` in each frame.

    points : (F, 68, 2) px; face : (68, 3) any unit; returns (F, 3, 3), px a unit.
    """
    centred = face - face.mean(0)
    flat = points - points.mean(1, keepdims=True)
    affine = flat.transpose(0, 2, 1) @ np.linalg.pinv(centred).T  # (F, 2, 3)
    u, s, v = np.linalg.svd(affine, full_matrices=False)
    across = u @ v  # the nearest two orthonormal rows
    rotation = np.concatenate([across, np.cross(across[:, :1], across[:, 1:])], 1)
    return rotation * s.mean(1)[:, None, None]


def _parts(z: np.ndarray) -> np.ndarray:
    return np.stack([z.real, z.imag], -1)

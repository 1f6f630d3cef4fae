"""The lips of a photograph: closing them, and the smooth curves of their edges."""

from functools import cache

import numpy as np
from scipy.interpolate import CubicSpline

from emoface_lib.core.landmarks import (
    INNER_LIPS,
    LEFT_MOUTH_CORNER,
    LOWER_INNER_LIP,
    RIGHT_MOUTH_CORNER,
    UPPER_INNER_LIP,
    eye_distance,
)

CURVE_POINTS = 17  # points with which a curve is drawn

# The points of each lip, and how much of its three inner ones' shift each takes along.
UPPER_LIP = [*UPPER_INNER_LIP, 49, 50, 51, 52, 53]
LOWER_LIP = [*LOWER_INNER_LIP, 59, 58, 57, 56, 55]
TAKEN = np.eye(3)[[0, 1, 2, 0, 0, 1, 2, 2]]
TAKEN[[3, 7]] /= 2
# How much of the jaw's shift its points take along, ear to chin to ear.
JAW_FOLLOWS = np.sin(np.linspace(0, np.pi, 17)) ** 2

UPPER_SHARE = 0.4  # share of a gap that the upper lip closes, as it relaxes downwards
UPPER_LONGEST = 0.05  # eye distances; an upper lip hardly moves further
JAW_FREE = 0.05  # eye distances that the lower lip moves without the jaw


def close_lips(landmarks: np.ndarray, upper_share: float = UPPER_SHARE) -> np.ndarray:
    """Bring the inner lips together, keeping the thickness of the lips.

    landmarks : float (68, 2) px; upper_share : of a gap, closed by the upper lip.
    Returns the same face with a closed mouth. A wide open mouth is closed by the jaw,
    a smiling one by the lips.
    """
    unit = float(eye_distance(landmarks))
    gaps = landmarks[LOWER_INNER_LIP] - landmarks[UPPER_INNER_LIP]
    gaps = np.where(_opening(landmarks, gaps)[:, None] > 0, gaps, 0)
    length = np.linalg.norm(gaps, axis=1, keepdims=True)
    up_share = np.minimum(upper_share, UPPER_LONGEST * unit / np.maximum(length, 1e-6))
    down, up = up_share * gaps, -(1 - up_share) * gaps
    closed = landmarks.copy()
    for lip, shift in ((UPPER_LIP, down), (LOWER_LIP, up)):
        closed[lip] += TAKEN @ shift
    rise = up[1] * max(
        0.0, 1 - JAW_FREE * unit / max(float(np.linalg.norm(up[1])), 1e-6)
    )
    closed[:17] += JAW_FOLLOWS[:, None] * rise
    return closed


def uncross_lips(landmarks: np.ndarray) -> np.ndarray:
    """Let lips that would pass through each other touch halfway; (68, 2) px."""
    upper, lower = landmarks[UPPER_INNER_LIP], landmarks[LOWER_INNER_LIP]
    crossed = _opening(landmarks, lower - upper)[:, None] < 0
    middle = (upper + lower) / 2
    touching = landmarks.copy()
    touching[UPPER_INNER_LIP] = np.where(crossed, middle, upper)
    touching[LOWER_INNER_LIP] = np.where(crossed, middle, lower)
    return touching


def _opening(landmarks: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Signed length of gaps between the lips, across the mouth; negative if crossed."""
    along = landmarks[LEFT_MOUTH_CORNER] - landmarks[RIGHT_MOUTH_CORNER]
    down = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    return gaps @ down


@cache
def curve_weights() -> tuple[np.ndarray, np.ndarray]:
    """Weights (CURVE_POINTS, 8) of the inner lips: their upper and their lower edge.

    Both are halves of one closed cubic spline, so that the corners are round, the more
    the wider the mouth opens.
    """
    contour = CubicSpline(
        np.arange(9), np.eye(9, 8) + np.eye(9, 8, -8), bc_type="periodic"
    )
    halves = np.linspace(0, 4, CURVE_POINTS), np.linspace(8, 4, CURVE_POINTS)
    return contour(halves[0]), contour(halves[1])


def lip_curves(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smooth inner edges of the upper and the lower lip, corner to corner.

    landmarks : float (68, 2) px; returns float (CURVE_POINTS, 2) px each.
    """
    upper, lower = curve_weights()
    return upper @ landmarks[INNER_LIPS], lower @ landmarks[INNER_LIPS]

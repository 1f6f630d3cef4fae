"""Eyelids of a photograph: skin comes down over a still eyeball."""

from dataclasses import dataclass

import numpy as np

from emoface_lib.core.landmarks import eye_distance
from emoface_lib.translation.warp.fields import smoothstep
from emoface_lib.translation.warp.raster import box_around, pull


@dataclass(frozen=True)
class Eye:
    """Landmarks of an eye, from the picture's left to its right."""

    upper: tuple[int, ...]  # edge of the upper lid, corners included
    lower: tuple[int, ...]


EYES = (
    Eye((36, 37, 38, 39), (36, 41, 40, 39)),
    Eye((42, 43, 44, 45), (42, 47, 46, 45)),
)
OPEN = 0.97  # an eye open by more than this share of its own opening is left alone
MEETING = 0.7  # where the lids meet, as a share of the way down from the upper lid
# In eye distances:
LASHES = 0.045  # above the upper lid's edge, to be covered with skin
BELOW = 0.025  # below the lower lid's edge, where clean skin begins
LINE = 0.007  # half thickness of the line where the lids meet
REACH = 0.6  # how far below the eye skin is taken, as a share of the eye's height
FOLD = (0.04, 0.07)  # above the upper lid's edge, where the fold's shade is read


def hold_lids(shift: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Shifts in which closing lids keep their opening, to squash no eyeball.

    shift, landmarks : float (68, 2) px. Widening lids keep their shift.
    """
    held = shift.copy()
    for eye in EYES:
        upper, lower = list(eye.upper[1:3]), list(eye.lower[1:3])
        gap = landmarks[lower] - landmarks[upper]
        if ((shift[lower] - shift[upper]) * gap).sum() < 0:
            held[upper] = held[lower] = (shift[upper] + shift[lower]) / 2
    return held


def draw_lids(picture: np.ndarray, landmarks: np.ndarray, opened: np.ndarray) -> None:
    """Close the eyes of `picture` in place, as far as the landmarks say.

    landmarks : float (68, 2) px wanted; opened : (68, 2) px, of the open eyes shown.
    """
    for eye in EYES:
        share = _opening(landmarks, eye) / max(_opening(opened, eye), 1e-6)
        if share < OPEN:
            _draw_lid(picture, opened, eye, 1 - max(share, 0.0))


def _opening(landmarks: np.ndarray, eye: Eye) -> float:
    """Height of the opening between the lids, px."""
    upper, lower = landmarks[list(eye.upper), 1], landmarks[list(eye.lower), 1]
    return float(np.mean(lower[1:3] - upper[1:3]))


def _draw_lid(picture: np.ndarray, face: np.ndarray, eye: Eye, closed: float) -> None:
    """Cover the eye with skin mirrored from below it, down to the lid's new edge."""
    unit = float(eye_distance(face))
    upper, lower = face[list(eye.upper)], face[list(eye.lower)]
    both = np.vstack([upper, lower])
    box = box_around(both, 0.1 * unit, picture.shape)
    y, x = (axis.astype(np.float32) for axis in np.mgrid[box])
    top, bottom = (_lid_edge(lid, x[0]) for lid in (upper, lower))
    height = np.maximum(bottom - top, 0)
    beside = ((x < upper[0, 0]) | (x > upper[-1, 0])).astype(np.float32)
    edge = top + closed * MEETING * height
    floor = bottom + (1 - closed) * BELOW * unit - closed * (1 - MEETING) * height
    skin = _mirrored_skin(picture, box, y, x, bottom + BELOW * unit)
    up = np.clip((bottom - y) / (height + 1), 0, 1)[..., None]
    shade = _mean_colour(picture[box], (top - y) / unit, FOLD)
    shade = shade / _mean_colour(skin, (bottom - y) * (y - top), (0, np.inf))
    skin *= 1 + (shade.clip(0.3, 1.05) - 1) * (0.3 + 0.7 * up)
    fold = top - closed * LASHES * unit
    lid = np.clip(edge - y + 0.5, 0, 1) * smoothstep(
        (y - fold) / (2 * LASHES * unit) + 0.5
    )
    rising = np.clip(y - floor + 0.5, 0, 1) * smoothstep(
        (bottom - y) / (BELOW * unit) + 1
    )
    taper = smoothstep(height / (0.04 * unit)) * (1 - beside)
    part = picture[box].astype(np.float32)
    part += (taper * np.maximum(lid, rising * closed))[..., None] * (skin - part)
    line = np.exp(-(((y - edge) / (LINE * unit + 0.3)) ** 2)) * taper
    dark = np.percentile(picture[box].reshape(-1, 3), 4, axis=0)
    part += (0.5 * min(1.0, 3 * closed) * line)[..., None] * (dark - part)
    picture[box] = np.round(part.clip(0, 255))


def _mean_colour(
    picture: np.ndarray, where: np.ndarray, between: tuple[float, float]
) -> np.ndarray:
    """Mean colour (3,) of the pixels whose `where` lies between two values."""
    chosen = picture[(where > between[0]) & (where < between[1])]
    return chosen.mean(0) if len(chosen) else np.full(3, 128.0)


def _mirrored_skin(
    picture: np.ndarray,
    box: tuple[slice, slice],
    y: np.ndarray,
    x: np.ndarray,
    clean: np.ndarray,
) -> np.ndarray:
    """Skin below an eye, turned upside down over it: float32 (h, w, 3)."""
    origin = clean + REACH * np.abs(clean - y)
    origins = np.stack([x, origin], -1).astype(np.float32)
    return pull(picture, origins).astype(np.float32)


def _lid_edge(points: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Height of a lid's edge in each column: a cubic through four points."""
    arc = np.polynomial.Polynomial.fit(points[:, 0], points[:, 1], 3)
    return arc(columns.clip(points[0, 0], points[-1, 0]))

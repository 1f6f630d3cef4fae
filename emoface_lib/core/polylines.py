"""Poly-lines of the 68 landmarks, drawn into pictures. Taught in notebook 06."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from emoface_lib.core.landmarks import POLYLINES


@dataclass(frozen=True)
class Style:
    """How landmark images look: a colour (RGB) a poly-line, ground in 0..255."""

    colours: Mapping[str, tuple[int, int, int]]
    ground: int = 0


# Colours far apart, so that the network can distinguish the regions.
DISTINCT = Style(
    {
        "jaw": (230, 230, 230),
        "right brow": (230, 159, 0),
        "left brow": (240, 228, 66),
        "nose bridge": (0, 158, 115),
        "nose base": (86, 180, 233),
        "right eye": (0, 114, 178),
        "left eye": (120, 94, 240),
        "outer lips": (213, 94, 0),
        "inner lips": (204, 121, 167),
    }
)
SUBPIXEL = 4  # bits; cv2 takes points in sixteenths of a pixel


def fixed(points: np.ndarray) -> np.ndarray:
    """Points (..., 2 or 3) px as cv2's fixed-point coordinates, int32 (..., 2)."""
    return np.round(points[..., :2] * (1 << SUBPIXEL)).astype(np.int32)


def draw_landmarks(
    image: np.ndarray,
    landmarks: np.ndarray,
    thickness: int = 1,
    style: Style = DISTINCT,
) -> None:
    """Draw the poly-lines of one face into an RGB picture, in place.

    image : uint8[H, W, 3]; landmarks : float[68, 2 or 3] px of the picture.
    """
    places = fixed(landmarks)
    for name, indices in POLYLINES.items():
        cv2.polylines(
            image,
            [places[indices]],
            isClosed=False,
            color=style.colours[name],
            thickness=thickness,
            lineType=cv2.LINE_AA,
            shift=SUBPIXEL,
        )

"""Landmark images: 68 points as coloured poly-lines. Taught in notebook 06."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from emoface_lib.core.landmarks import CANVAS, POLYLINES


@dataclass(frozen=True)
class Style:
    """How landmark images look: a colour (RGB) a poly-line, ground in 0..255."""

    colours: Mapping[str, tuple[int, int, int]]
    ground: int = 0


# Colours far apart, so that the network can tell regions apart.
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
# What MakeItTalk's released network was trained on, from its code.
MAKEITTALK = Style(
    {
        "jaw": (25, 144, 255),
        "right brow": (50, 205, 50),
        "left brow": (50, 205, 50),
        "nose bridge": (63, 224, 208),
        "nose base": (63, 224, 208),
        "right eye": (255, 99, 71),
        "left eye": (255, 99, 71),
        "outer lips": (238, 130, 238),
        "inner lips": (238, 130, 238),
    },
    ground=255,
)
SUBPIXEL = 4  # bits; cv2 takes points in sixteenths of a pixel


def landmark_images(
    landmarks: np.ndarray, size: int = CANVAS, style: Style = DISTINCT
) -> np.ndarray:
    """Draw landmarks of the canvas as coloured, anti-aliased poly-lines.

    landmarks : float[F, 68, 2] px of the canvas; size : side of the pictures, px.
    Returns uint8[F, size, size, 3]. Paper section 3.4, after its [16] and MakeItTalk.
    """
    points = scale_points(landmarks, size / CANVAS)
    images = np.full((len(points), size, size, 3), style.ground, np.uint8)
    thickness = max(1, round(size / 128))
    for image, face in zip(images, points, strict=True):
        draw_landmarks(image, face, thickness, style)
    return images


def draw_landmarks(
    image: np.ndarray,
    landmarks: np.ndarray,
    thickness: int = 1,
    style: Style = DISTINCT,
) -> None:
    """Draw the poly-lines of one face into an RGB picture, in place.

    image : uint8[H, W, 3]; landmarks : float[68, 2 or 3] px of the picture.
    """
    fixed = np.round(landmarks[:, :2] * (1 << SUBPIXEL)).astype(np.int32)
    for name, indices in POLYLINES.items():
        cv2.polylines(
            image,
            [fixed[indices]],
            isClosed=False,
            color=style.colours[name],
            thickness=thickness,
            lineType=cv2.LINE_AA,
            shift=SUBPIXEL,
        )


def scale_points(points: np.ndarray, factor: float) -> np.ndarray:
    """Scale points with their picture: pixel centres stay on pixel centres.

    points : float[..., 2] px, the centre of the top-left pixel being (0, 0).
    """
    return (points + 0.5) * factor - 0.5

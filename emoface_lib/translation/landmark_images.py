"""Landmark images: 68 points as coloured poly-lines. Taught in notebook 06."""

import numpy as np

from emoface_lib.core.landmarks import CANONICAL_SIDE, scale_points
from emoface_lib.core.polylines import DISTINCT, Style, draw_landmarks

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


def landmark_images(
    landmarks: np.ndarray, size: int = CANONICAL_SIDE, style: Style = DISTINCT
) -> np.ndarray:
    """Draw aligned landmarks as coloured, anti-aliased poly-lines.

    landmarks : float[F, 68, 2] px of the canonical frame; size : side of the pictures,
    px. Returns uint8[F, size, size, 3]. Paper section 3.4, after its [16] and
    MakeItTalk.
    """
    points = scale_points(landmarks, size / CANONICAL_SIDE)
    images = np.full((len(points), size, size, 3), style.ground, np.uint8)
    thickness = max(1, round(size / 128))
    for image, face in zip(images, points, strict=True):
        draw_landmarks(image, face, thickness, style)
    return images

"""Creases of the skin that expressions and age make, in texture space."""

import numpy as np

from emoface_lib.synthetic.heads.mesh import spline
from emoface_lib.synthetic.heads.sheet import Sheet

SIDES = (-1, 1)  # right and left side of the face, as the sign of x
Line = tuple[float, float, list[tuple[float, float]]]  # darkness, width, points
# Creases of an expression at weight 1, right side; the left is mirrored.
FOLDS: dict[str, list[Line]] = {
    "happiness": [
        (0.48, 0.035, [(-0.17, 0.40), (-0.27, 0.50), (-0.345, 0.62), (-0.36, 0.72)]),
        (0.35, 0.015, [(-0.54, 0.02), (-0.60, 0.01)]),
        (0.35, 0.015, [(-0.54, 0.07), (-0.60, 0.11)]),
        (0.35, 0.02, [(-0.25, 0.10), (-0.36, 0.125), (-0.47, 0.10)]),
    ],
    "disgust": [
        (0.42, 0.035, [(-0.17, 0.38), (-0.26, 0.48), (-0.33, 0.60), (-0.35, 0.70)]),
        (0.45, 0.028, [(-0.055, -0.26), (-0.045, -0.13)]),
        (0.4, 0.025, [(-0.10, -0.02), (-0.05, 0.02), (0.0, 0.035)]),
        (0.4, 0.025, [(-0.10, 0.05), (-0.05, 0.09), (0.0, 0.105)]),
    ],
    "anger": [
        (0.65, 0.028, [(-0.06, -0.28), (-0.045, -0.12)]),
        (0.3, 0.03, [(-0.17, 0.40), (-0.27, 0.52), (-0.33, 0.64)]),
    ],
    "surprise": [
        (0.27, 0.024, [(-0.4, -0.40), (-0.14, -0.44), (0.0, -0.44)]),
        (0.27, 0.024, [(-0.4, -0.50), (-0.14, -0.54), (0.0, -0.54)]),
        (0.22, 0.024, [(-0.3, -0.61), (-0.14, -0.63), (0.0, -0.63)]),
    ],
    "fear": [
        (0.32, 0.02, [(-0.35, -0.39), (-0.14, -0.43), (0.0, -0.42)]),
        (0.3, 0.02, [(-0.3, -0.48), (-0.14, -0.51), (0.0, -0.50)]),
        (0.22, 0.024, [(-0.17, -0.37), (-0.08, -0.40), (0.0, -0.40)]),
    ],
    "sadness": [
        (0.22, 0.024, [(-0.17, -0.37), (-0.08, -0.40), (0.0, -0.40)]),
        (0.4, 0.025, [(-0.30, 0.76), (-0.335, 0.86)]),
        (0.25, 0.03, [(-0.17, 0.40), (-0.27, 0.52), (-0.33, 0.64)]),
    ],
    "age": [  # an old face at rest
        (0.45, 0.03, [(-0.17, 0.40), (-0.27, 0.50), (-0.335, 0.62), (-0.35, 0.70)]),
        (0.3, 0.02, [(-0.24, 0.11), (-0.36, 0.145), (-0.47, 0.11)]),
        (0.22, 0.016, [(-0.4, -0.41), (-0.14, -0.45), (0.0, -0.45)]),
        (0.22, 0.016, [(-0.4, -0.52), (-0.14, -0.56), (0.0, -0.56)]),
        (0.25, 0.014, [(-0.54, 0.03), (-0.62, 0.02)]),
        (0.3, 0.025, [(-0.30, 0.76), (-0.345, 0.88)]),
    ],
}


def creases(sheet: Sheet, name: str) -> np.ndarray:
    """Darkness of an expression's creases, float (H, W), 0 to 1."""
    total = np.zeros(sheet.shape, np.float32)
    for darkness, width, points in FOLDS[name]:
        for side in SIDES:
            line = spline(np.array(points) * [-side, 1])
            total = np.maximum(total, darkness * sheet.stroke(line, width, 0.8 * width))
    return total

"""Creases of the skin that expressions and age make, in texture space.

Those of an expression at weight 1, and of an old face at rest, stand in `folds.csv`:
darkness, width and points (x y) in face units, right side; the left is mirrored.
"""

from pathlib import Path

import numpy as np

from emoface_lib.core.files import read_table
from emoface_lib.synthetic.heads.mesh import spline
from emoface_lib.synthetic.heads.sheet import Sheet

SIDES = (-1, 1)  # right and left side of the face, as the sign of x
FOLDS: dict[str, list[tuple[float, float, np.ndarray]]] = {}
for _name, _darkness, _width, _points in read_table(Path(__file__).with_suffix(".csv")):
    _line = np.array(_points.split(), float).reshape(-1, 2)
    FOLDS.setdefault(_name, []).append((float(_darkness), float(_width), _line))


def creases(sheet: Sheet, name: str) -> np.ndarray:
    """Darkness of an expression's creases, float (H, W), 0 to 1."""
    total = np.zeros(sheet.shape, np.float32)
    for darkness, width, points in FOLDS[name]:
        for side in SIDES:
            line = spline(points * [-side, 1])
            total = np.maximum(total, darkness * sheet.stroke(line, width, 0.8 * width))
    return total

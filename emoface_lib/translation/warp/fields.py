"""Smooth displacement fields on a lattice over a picture, and their inverses.

A field says for each point of the photograph where it goes; to draw a frame one needs
for each pixel where it comes from. Thin-plate splines: Bookstein 1989.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

STIFFNESS = 1e-5  # added to the kernel's diagonal; regularisation, for near points
ITERATIONS = 4  # Newton's steps that invert a field
LEAST_DETERMINANT = 0.2  # least one of its Jacobian, where a field all but folds


@dataclass(frozen=True)
class Lattice:
    """Nodes every `step` pixels over a rectangle of a picture.

    left, top : px of the rectangle; columns, rows : nodes. Node (0, 0) lies in the
    middle of the first step x step pixels, so that cv2.resize puts nodes in place.
    """

    left: int
    top: int
    columns: int
    rows: int
    step: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.columns * self.step, self.rows * self.step

    @cached_property
    def nodes(self) -> np.ndarray:
        """Positions of the nodes, float32[rows, columns, 2] px of the picture."""
        middle = (self.step - 1) / 2
        x = self.left + middle + self.step * np.arange(self.columns)
        y = self.top + middle + self.step * np.arange(self.rows)
        return np.stack(np.meshgrid(x, y), -1).astype(np.float32)

    def part(self, part: tuple[slice, slice]) -> "Lattice":
        """The lattice of some rows and columns of this one."""
        rows, columns = part
        return Lattice(
            self.left + columns.start * self.step,
            self.top + rows.start * self.step,
            columns.stop - columns.start,
            rows.stop - rows.start,
            self.step,
        )

    def to_nodes(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) px of the picture as (column, row) in units of the nodes."""
        first = np.array([self.left, self.top]) + (self.step - 1) / 2
        return (points - first) / self.step

    def sample(self, field: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Read a field on the nodes at any points (..., 2) px of the picture."""
        x, y = np.moveaxis(self.to_nodes(points).astype(np.float32), -1, 0)
        edge = cv2.BORDER_REPLICATE
        return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=edge))

    @cached_property
    def pixels(self) -> np.ndarray:
        """Positions of the pixels, float32[height, width, 2] px of the picture."""
        width, height = self.size
        x, y = self.left + np.arange(width), self.top + np.arange(height)
        return np.stack(np.meshgrid(x, y), -1).astype(np.float32)

    def expand(self, points: np.ndarray) -> np.ndarray:
        """Points given for the nodes, interpolated for every pixel of the rectangle.

        points : float32[rows, columns, 2] px; returns float32[height, width, 2] px.
        """
        shift = cv2.resize(points - self.nodes, self.size)
        return np.asarray(cv2.add(shift, self.pixels))


def invert(lattice: Lattice, field: np.ndarray, arrived: np.ndarray) -> np.ndarray:
    """Where points came from: solves x + field(x) = arrived by Newton's steps.

    field : float32 (rows, columns, 2) px on the lattice; arrived, and what is returned,
    float32 (..., 2) px of the picture.
    """
    slopes = np.stack(np.gradient(field, lattice.step, axis=(1, 0)), -1)
    slopes = slopes.reshape(*field.shape[:2], 4)  # dx/dx, dx/dy, dy/dx, dy/dy
    origin = arrived
    for _ in range(ITERATIONS):
        left = arrived - origin - lattice.sample(field, origin)
        a, b, c, d = np.moveaxis(lattice.sample(slopes, origin), -1, 0)
        x, y = left[..., 0], left[..., 1]
        scale = 1 / np.maximum((1 + a) * (1 + d) - b * c, LEAST_DETERMINANT)
        step = (1 + d) * x - b * y, (1 + a) * y - c * x
        origin = origin + scale[..., None] * np.stack(step, -1)
    return origin


def thin_plate(points: np.ndarray, controls: np.ndarray, unit: float) -> np.ndarray:
    """Weights that spread displacements of control points over other points.

    points : (P, 2); controls : (C, 2), px; unit : px, the scale of the stiffness.
    Returns float (P, C): displacement of the points = weights @ that of the controls.
    """
    each = np.eye(len(controls))  # one control point moves at a time
    spline = RBFInterpolator(controls / unit, each, smoothing=STIFFNESS)
    return np.asarray(spline(points / unit))


def smoothstep(x: np.ndarray) -> np.ndarray:
    """Smooth step 3 x^2 - 2 x^3 from 0 at 0 to 1 at 1, constant beyond.

    x : float[...], without unit; returns float[...] in 0..1.
    """
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)

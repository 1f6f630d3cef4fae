"""The mesh that carries a drawn head: vertices moved by landmarks, and its warp.

Texture space is the frontal mean face, in face units over EXTENT, the same for all
identities; a vertex has its place there, its depth, and weights with which it follows
the 68 landmarks. Taught in notebook 01.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import Delaunay
from scipy.spatial.distance import cdist

from emoface_lib.core.landmarks import INNER_LIPS, POLYLINES, mean_face, mean_surface
from emoface_lib.core.polylines import SUBPIXEL, fixed

EXTENT = (-1.3, -1.45, 1.3, 1.55)  # left, top, right, bottom of texture space
FINE, COARSE = 0.12, 0.26  # spacing of vertices on the face and around it
CLEAR = 0.05  # least distance of a vertex from the face's contours
# The skull behind the face's contour: where it is and how deep (x, y, z), right side.
SKULL = np.array(
    [
        [-0.80, -0.12, 0.62],
        [-0.78, -0.35, 0.48],
        [-0.70, -0.62, 0.32],
        [-0.48, -0.90, 0.22],
        [-0.22, -1.05, 0.20],
    ]
)
TOP_OF_SKULL = np.array([[0.0, -1.10, 0.20], [0.0, -0.85, 0.0]])
EARS = np.array([[-0.93, -0.05, 0.70], [-0.95, 0.12, 0.70], [-0.88, 0.34, 0.66]])
BORDER_DEPTH = 0.8  # face units; depth of all points at the edge of texture space
# Contours that must stay smooth, landmarks along open curves: closed ones in halves.
CURVES = [
    half
    for line in POLYLINES.values()
    for middle in [len(line) // 2]
    for half in ((line[: middle + 1], line[middle:]) if line[0] == line[-1] else [line])
]


@dataclass(frozen=True)
class Mesh:
    """V vertices and K triangles, for all identities."""

    texture: np.ndarray  # float (V, 2), face units of texture space
    mean: np.ndarray  # float (V, 3), on the mean face
    follow: np.ndarray  # float (V, 68): weights of the landmarks' displacements
    triangles: np.ndarray  # int (K, 3)

    def vertices(self, landmarks: np.ndarray) -> np.ndarray:
        """Where the vertices lie for landmarks (68, 3); float (V, 3) face units."""
        return self.mean + self.follow @ (landmarks - mean_face())


@cache
def head_mesh() -> Mesh:
    """The mesh, built once."""
    face = mean_face()
    curves = [_curve_rows(curve) for curve in CURVES]
    rows = np.unique(np.round(np.concatenate(curves), 9), axis=0)
    contour = rows @ face
    free = _free_points(contour[:, :2])
    mean = np.concatenate([contour, np.c_[free, depth()(free)]])
    follow = np.concatenate([rows, follow_weights(free)])
    return Mesh(mean[:, :2], mean, follow, _triangulate(mean, follow))


@cache
def depth() -> RBFInterpolator:
    """Depth of the mean head at points (P, 2) of texture space, (P,) face units."""
    surface = mean_surface()
    surface = surface[surface[:, 1] < 1.25]
    left, top, right, bottom = EXTENT
    across, down = np.linspace(left, right, 9), np.linspace(top, bottom, 11)
    border = np.concatenate(
        [np.c_[across, 0 * across + y] for y in (top, bottom)]
        + [np.c_[0 * down + x, down] for x in (left, right)]
    )
    points = np.concatenate(
        [
            surface,
            _curve_rows(CURVES[0]) @ mean_face(),
            both_sides(SKULL),
            both_sides(EARS),
            TOP_OF_SKULL,
            np.c_[border, np.full(len(border), BORDER_DEPTH)],
        ]
    )
    return RBFInterpolator(points[:, :2], points[:, 2], smoothing=3e-3, neighbors=80)


def both_sides(points: np.ndarray) -> np.ndarray:
    """Points (P, 3) of the right side and their mirror images, (2P, 3)."""
    return np.concatenate([points, points * [-1, 1, 1]])


@cache
def spline_weights(count: int, steps: int, closed: bool = False) -> np.ndarray:
    """Catmull-Rom spline as a matrix: `steps` points a segment from `count` points.

    Returns float (N, count), without unit: N = count * steps of a closed curve, else
    (count - 1) * steps + 1. Points on the curve are the matrix @ the given points.
    """
    t = np.linspace(0, 1, steps, endpoint=False)
    blend = 0.5 * np.stack(
        [
            -t + 2 * t**2 - t**3,
            2 - 5 * t**2 + 3 * t**3,
            t + 4 * t**2 - 3 * t**3,
            t**3 - t**2,
        ],
        1,
    )
    segments = count if closed else count - 1
    padded = np.zeros((segments * steps, count + 2))
    for segment in range(segments):
        columns = np.arange(segment, segment + 4)
        columns = (columns - 1) % count + 1 if closed else columns
        for step in range(steps):
            np.add.at(padded[segment * steps + step], columns, blend[step])
    weights = padded[:, 1:-1]
    if closed:
        return weights
    # beyond an open end the curve goes on as a mirror image of the point after it
    weights[:, 0] += 2 * padded[:, 0]
    weights[:, 1] -= padded[:, 0]
    weights[:, -1] += 2 * padded[:, -1]
    weights[:, -2] -= padded[:, -1]
    return np.concatenate([weights, np.eye(count)[-1:]])


def spline(points: np.ndarray, steps: int = 6, closed: bool = False) -> np.ndarray:
    """Smooth curve through points (P, D); returns (N, D) of the same unit.

    steps : points a segment; N is as for `spline_weights`.
    """
    return spline_weights(len(points), steps, closed) @ points


def follow_weights(points: np.ndarray) -> np.ndarray:
    """How points (P, 2) of texture space follow the 68 landmarks: weights (P, 68).

    Radial basis functions with the kernel r, exact at the landmarks, zero at the
    skull and the border. The inner lips move nothing but themselves.
    """
    face = mean_face()[: INNER_LIPS.start, :2]
    left, top, right, bottom = EXTENT
    edge = [(x, y) for x in (left, 0, right) for y in (top, bottom)]
    sides = [(x, y) for x in (left, right) for y in (-0.7, 0.0, 0.8)]
    still = np.concatenate(
        [both_sides(SKULL)[:, :2], TOP_OF_SKULL[:1, :2], edge, sides]
    )
    each = np.eye(len(face) + len(still), 68)  # one landmark moves at a time
    each[len(face) :] = 0
    centres = np.concatenate([face, still])
    return RBFInterpolator(centres, each, kernel="linear", degree=1)(points)


def inverse_map(
    corners: np.ndarray, depths: np.ndarray, texture: np.ndarray, size: int
) -> np.ndarray:
    """For each pixel of the picture, the place of the texture that shows there.

    corners : (K, 3, 2) px of the picture; depths : (K,), the far are hidden by the
    near; texture : (K, 3, 2) px of the texture. Returns float32 (2, size, size),
    x and y; outside the mesh they lie far outside the texture.
    """
    which = np.full((size, size), len(corners), np.int32)
    polygons = fixed(corners)
    order = np.argsort(-depths)
    facing = _areas(corners) * _areas(texture) > 0.05  # the others are turned away
    for k in order[facing[order]].tolist():
        cv2.fillConvexPoly(which, polygons[k], k, cv2.LINE_8, SUBPIXEL)
    affine = np.take(_affine(corners, texture), which, axis=2)  # (2, 3, size, size)
    pixels = np.arange(size, dtype=np.float32)
    return affine[:, 0] * pixels + affine[:, 1] * pixels[:, None] + affine[:, 2]


def _affine(corners: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """Maps from picture to texture, float32 (2, 3, K + 1); the last leads outside."""
    edge, seen = corners[:, 1:] - corners[:, :1], texture[:, 1:] - texture[:, :1]
    area = _areas(corners)
    area = np.where(np.abs(area) < 1e-3, 1e-3, area)
    inverse = np.stack([edge[:, 1, ::-1], edge[:, 0, ::-1]], 1) * [[1, -1], [-1, 1]]
    inverse = inverse / area[:, None, None]  # rows: of d(x, y) to weights of the edges
    linear = seen.transpose(0, 2, 1) @ inverse  # (K, 2, 2)
    offset = texture[:, 0, :, None] - linear @ corners[:, 0, :, None]
    outside = [[[0, 0, -100], [0, 0, -100]]]
    maps = np.concatenate([np.concatenate([linear, offset], 2), outside])
    return np.ascontiguousarray(maps.transpose(1, 2, 0), np.float32)


def _areas(corners: np.ndarray) -> np.ndarray:
    """Twice the signed areas of triangles (K, 3, 2), (K,)."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _curve_rows(curve: list[int]) -> np.ndarray:
    """Points along a curve of landmarks as weights of the 68."""
    return spline_weights(len(curve), 3) @ np.eye(68)[curve]


def _free_points(contour: np.ndarray) -> np.ndarray:
    """Vertices between and around the contours, (P, 2)."""
    left, top, right, bottom = EXTENT
    fine = _grid((-0.84, -0.9, 0.84, 1.3), FINE)
    coarse = _grid((left, top, right, bottom), COARSE)
    coarse = coarse[cdist(coarse, fine).min(1) > 0.8 * FINE]
    points = np.concatenate([fine, coarse])
    return points[cdist(points, contour).min(1) > CLEAR]


def _grid(extent: tuple[float, float, float, float], spacing: float) -> np.ndarray:
    left, top, right, bottom = extent
    columns = round((right - left) / spacing) + 1
    rows = round((bottom - top) / spacing) + 1
    x, y = np.meshgrid(
        np.linspace(left, right, columns), np.linspace(top, bottom, rows)
    )
    return np.stack([x.ravel(), y.ravel()], 1)


def _triangulate(mean: np.ndarray, follow: np.ndarray) -> np.ndarray:
    """Triangles between the vertices, found with the mouth a little open."""
    parted = mean_face().copy()
    parted[[67, 66, 65, 59, 58, 57, 56, 55], 1] += 0.06
    points = mean[:, :2] + follow @ (parted - mean_face())[:, :2]
    return Delaunay(points).simplices

"""The photograph's own warp: a renderer that needs no training (as MakeItTalk's).

Two smooth fields move the skin above and below the line between the lips; between them
the mouth opens. Only the head's surroundings are computed anew. Taught in notebook 06.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from emoface_lib.core.landmarks import (
    BROWS,
    CHIN,
    EYES,
    INNER_LIPS,
    JAW,
    LIPS,
    eye_distance,
)
from emoface_lib.translation.warp.eyes import Lids, hold_lids
from emoface_lib.translation.warp.fields import Lattice, invert, smoothstep, thin_plate
from emoface_lib.translation.warp.lips import (
    close_lips,
    curve_weights,
    lip_curves,
    uncross_lips,
)
from emoface_lib.translation.warp.mouth import MouthInterior
from emoface_lib.translation.warp.raster import blend, box_around, polygon_mask, pull

NODES = 24  # lattice nodes an eye distance: every 4 px at 96
# In eye distances, measured outwards from the outline of the face:
FACE_FREE, FACE_END = 0.05, 0.6  # its own motion is whole up to here, zero from here on
HEAD_FREE, HEAD_END = 0.4, 1.3  # so is the head's: hair comes along, shoulders don't
FOREHEAD = 0.45  # height of the outline above the brows
ANCHORS = 1.9  # fixed points stand this many times as far out as the outline
ABOVE_MOUTH = 0.35  # where the lower field begins, above the outer lips
BEYOND_CORNERS = 0.02  # inside the corners, where the two fields become one
# Half-height of the wedge in which they do: slope, least, most.
BAND = (0.8, 0.01, 0.15)
INNER_CORNERS = [60, 64]
STILL = np.eye(2, 3)  # no motion of the head
AHEAD = np.zeros(2)  # irises as photographed

# jaw, corners of the eyes and of the mouth steer both fields
SHARED = [*range(17), 36, 39, 42, 45, 48, 54, 60, 64]
UPPER_POINTS = [*SHARED, *range(17, 36), 37, 38, 40, 41, 43, 44, 46, 47, *range(49, 54)]
LOWER_POINTS = [*SHARED, *range(55, 60)]


class Pose(NamedTuple):
    """A face in one frame.

    face : float (68, 2) px of the photograph; motion : affine (2, 3) px of the whole
    head on top, which hair follows, too; gaze : (2,) px, shift of the irises; canonical
    : where it is known, the same face without head motion, frontal, (68, 2) px of the
    canonical frame; tongue : how far it is raised, 0..1.
    """

    face: np.ndarray
    motion: np.ndarray = STILL
    gaze: np.ndarray = AHEAD
    canonical: np.ndarray = np.empty(0)
    tongue: float = 0.0


class PhotoWarp:
    """Renders a photograph with displaced landmarks.

    picture : uint8 (H, W, 3) RGB; landmarks : float (68, 2 or 3) px of the face in it.
    `closed` is the same face with closed lips, from which displacements count.
    """

    def __init__(self, picture: np.ndarray, landmarks: np.ndarray) -> None:
        self.picture = picture
        self.landmarks = landmarks[:, :2].astype(float)
        self.closed = close_lips(self.landmarks)
        self.unit = float(eye_distance(self.landmarks))
        outline = face_outline(self.landmarks, self.unit)
        self.lattice = _lattice_around(outline, self.unit, picture.shape)
        self.nodes = self.lattice.nodes
        outside = _distance_outside(self.lattice, outline) / self.unit
        self.head = 1 - smoothstep((outside - HEAD_FREE) / (HEAD_END - HEAD_FREE))
        face = 1 - smoothstep((outside - FACE_FREE) / (FACE_END - FACE_FREE))
        middle = outline.mean(0)
        anchors = middle + ANCHORS * (outline - middle)
        upper, lower = curve_weights()
        self.upper = _Field(self, self.nodes, face, UPPER_POINTS, upper, anchors)
        self.below = _below_mouth(self.lattice, self.landmarks, self.unit, face)
        some = self.nodes[self.below], face[self.below]
        self.lower = _Field(self, *some, LOWER_POINTS, lower, anchors)
        self.lower_lattice = self.lattice.part(self.below)
        self.interior = MouthInterior(picture, self.landmarks, self.closed)
        self.skin = self.interior.skin
        self.lids = Lids(picture, self.landmarks)

    def frames(self, poses: Iterable[Pose]) -> Iterator[np.ndarray]:
        """Frames of the photograph, one a pose: uint8 (H, W, 3) RGB each."""
        return (self.render(*pose[:3], pose.tongue) for pose in poses)

    def render(
        self,
        landmarks: np.ndarray,
        motion: np.ndarray = STILL,
        gaze: np.ndarray = AHEAD,
        tongue: float = 0.0,
    ) -> np.ndarray:
        """The photograph with displaced landmarks: uint8 (H, W, 3) RGB.

        landmarks : float (68, 2) px, in the pose of the photograph; motion, gaze,
        tongue : as those of a `Pose`.
        """
        target = uncross_lips(landmarks)
        arrived = self.nodes if motion is STILL else self._before(motion)
        above, below = self._origins(target, arrived)
        area = pull(self.skin, self.lattice.expand(above))
        moved = transform(target, motion)
        corner = np.array([self.lattice.left, self.lattice.top])
        self._add_lower(area, below, moved - corner)
        self.interior.draw(area, target, motion, corner, tongue)
        # landmarks as they would be if the lids had kept their opening
        held = self.landmarks + hold_lids(target - self.landmarks, self.landmarks)
        opened = transform(held, motion) - corner
        self.lids.draw(area, moved - corner, opened, gaze)
        return self._with(area, self.picture)

    def carry(
        self, layer: np.ndarray, landmarks: np.ndarray, motion: np.ndarray
    ) -> np.ndarray:
        """Another layer of the photograph, such as its opacity, moved as its skin.

        layer : uint8 (H, W), which is returned moved; the others as in `render`.
        """
        above, _ = self._origins(uncross_lips(landmarks), self._before(motion))
        return self._with(pull(layer, self.lattice.expand(above)), layer)

    def _with(self, area: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """A copy of a picture with another one laid over the lattice's part of it."""
        frame = whole.copy()
        place = frame[self.lattice.top :, self.lattice.left :]
        place = place[: len(area), : area.shape[1]]
        place[:] = area[: len(place), : place.shape[1]]
        return frame

    def _before(self, motion: np.ndarray) -> np.ndarray:
        """Where the nodes were before the head moved."""
        before = self.nodes
        for _ in range(2):
            shift = transform(before, motion) - before
            before = self.nodes - self.head[..., None] * shift
        return before.astype(np.float32)

    def _origins(
        self, target: np.ndarray, arrived: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where the nodes come from in the photograph, by the upper and lower field."""
        shift = hold_lids(target - self.landmarks, self.landmarks)
        above = invert(self.lattice, self.upper.spread(shift), arrived)
        arrived = arrived[self.below]
        below = invert(self.lower_lattice, self.lower.spread(shift), arrived)
        meets, lower = _seam(arrived, target, self.unit)
        difference = meets * (below - above[self.below])
        below -= (1 - lower) * difference
        above[self.below] += lower * difference
        return above, below

    def _add_lower(
        self, area: np.ndarray, below: np.ndarray, moved: np.ndarray
    ) -> None:
        """Draw the skin below the lower lip's inner edge into `area`, in place."""
        offset = np.array([s.start for s in self.below[::-1]]) * self.lattice.step
        skin = pull(self.skin, self.lower_lattice.expand(below))
        height, width = skin.shape[:2]
        edge = lip_curves(moved)[1] - offset
        across = edge[-1] - edge[0]
        along = 4 * across * width / np.linalg.norm(across)
        down = np.array([-along[1], along[0]])
        first, last = edge[0] - along, edge[-1] + along
        border = np.vstack([first, edge, last, last + down, first + down])
        place = area[offset[1] :, offset[0] :][:height, :width]
        # beside the mouth both fields agree: only the lip's edge is blended
        box = rows, columns = box_around(edge, 2, place.shape)
        lip = place[box].copy()
        start = np.array([columns.start, rows.start])
        blend(lip, skin[box], polygon_mask(border - start, lip.shape))
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.round(border).astype(np.int32)], 255)
        cv2.copyTo(skin, mask, place)
        place[box] = lip


class _Field:
    """Spreads the shifts of 68 landmarks over the nodes of a lattice."""

    def __init__(
        self,
        warp: PhotoWarp,
        nodes: np.ndarray,
        window: np.ndarray,
        points: list[int],
        curve: np.ndarray,
        anchors: np.ndarray,
    ) -> None:
        curve = curve[2:-2:2]  # the corners are among the points
        steering = np.zeros((len(points) + len(curve), 68))
        steering[np.arange(len(points)), points] = 1
        steering[len(points) :, INNER_LIPS] = curve
        controls = np.vstack([steering @ warp.landmarks, anchors])
        self.shape, self.inside = nodes.shape, window > 0
        weights = thin_plate(nodes[self.inside], controls, warp.unit)
        weights = weights[:, : len(steering)] @ steering
        self.weights = (window[self.inside, None] * weights).astype(np.float32)

    def spread(self, shift: np.ndarray) -> np.ndarray:
        """Field of shifts (68, 2) px on the nodes: float32 (rows, columns, 2) px."""
        field = np.zeros(self.shape, np.float32)
        field[self.inside] = self.weights @ shift.astype(np.float32)
        return field


def transform(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Points (..., 2) px, transformed by an affine matrix (2, 3)."""
    return points @ motion[:, :2].T + motion[:, 2]


def face_outline(landmarks: np.ndarray, unit: float) -> np.ndarray:
    """Outline of a face with its forehead: float (27, 2) px, closed."""
    eyes = landmarks[EYES].mean(0)
    up = eyes - landmarks[CHIN]
    brows = landmarks[BROWS][::-1] + FOREHEAD * unit * up / np.linalg.norm(up)
    return np.vstack([landmarks[JAW], brows])


def _lattice_around(
    outline: np.ndarray, unit: float, shape: tuple[int, ...]
) -> Lattice:
    step = max(1, round(unit / NODES))
    low = np.maximum(outline.min(0) - HEAD_END * unit, 0).astype(int)
    high = np.minimum(outline.max(0) + HEAD_END * unit, [shape[1], shape[0]])
    columns, rows = np.ceil((high - low) / step).astype(int)
    return Lattice(int(low[0]), int(low[1]), int(columns), int(rows), step)


def _distance_outside(lattice: Lattice, outline: np.ndarray) -> np.ndarray:
    """Distance of the nodes from a face's outline, 0 inside: (rows, columns) px."""
    inside = polygon_mask(lattice.to_nodes(outline), (lattice.rows, lattice.columns))
    outside = np.where(inside > 127, 0, 255).astype(np.uint8)
    return lattice.step * cv2.distanceTransform(outside, cv2.DIST_L2, 5)


def _below_mouth(
    lattice: Lattice, landmarks: np.ndarray, unit: float, face: np.ndarray
) -> tuple[slice, slice]:
    """Rows and columns of the nodes that the lower field may move."""
    lips = lattice.to_nodes(landmarks[LIPS])
    top = lips[:, 1].min() - ABOVE_MOUTH * unit / lattice.step
    rows, columns = (np.flatnonzero(face.any(axis)) for axis in (1, 0))
    return (
        slice(max(0, int(top)), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )


def _seam(
    points: np.ndarray, landmarks: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """How far the fields are one, beside the mouth, and there the lower one's share.

    points : float32 (..., 2) px; returns two arrays (..., 1) in 0..1.
    """
    left, right = landmarks[INNER_CORNERS]
    along = (right - left).astype(np.float32)
    half = float(np.linalg.norm(along)) / 2
    along /= 2 * half
    offset = points - ((left + right) / 2).astype(np.float32)
    beside = np.abs(offset @ along) - half
    under = offset @ np.array([-along[1], along[0]])
    band = np.clip(BAND[0] * beside, BAND[1] * unit, BAND[2] * unit)
    meets = smoothstep(beside / (BEYOND_CORNERS * unit) + 1)
    lower = smoothstep(0.5 + under / (2 * band))
    return meets[..., None], lower[..., None]

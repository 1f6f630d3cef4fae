"""The faces of a photograph: found tilted or small, read several times over.

A detector's 68 points say nothing of whether a face is there. Read from several boxes
and in the mirror, points of a face that is seen agree; those of a mouth behind a mask,
or of a face that lies on its side, do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from emoface_lib.core.landmarks import EYES, LIPS, MIRROR, eye_distance
from emoface_lib.features.detection import Box
from emoface_lib.features.dlib_detector import DlibDetector

SEARCHED = 360  # px; longest side at first, then twice as much and so on; 80-px faces
ENLARGED = 720  # px; smaller pictures are searched in twice their size, too
TURNS = (0, -30, 30, -60, 60)  # degrees by which copies are turned that are searched
TURNED_SIDE = 1440  # px; longest side of them
LEVEL = 20.0  # degrees of tilt up to which points are read as well as upright
SURE = 0.3  # score above which a second face is believed
STEADY = 0.0075  # eye distances; see `Face.spread`: of 180 faces 97 in 100 are below
# Further readings: shifts of the box right and down, in its widths, and its scale.
SHIFTS = 0.06 * np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (0, 0), (0, 0)])
BOXES = tuple(zip(SHIFTS, (1.0, 1.0, 1.0, 1.0, 0.9, 1.1), strict=True))


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture, found in a copy that is turned by `turn` degrees.

    middle : (2,) px of its box, about which the copy is turned; width : px of the box;
    score : the detector's; points : float (68, 2) px of the picture; spread : how far
    readings of the mouth from other boxes and of the mirror image are apart, their
    median in eye distances.
    """

    middle: np.ndarray
    width: float
    turn: float
    score: float
    points: np.ndarray = field(default_factory=lambda: np.zeros((68, 2)))
    spread: float = np.inf

    @property
    def steady(self) -> bool:
        """Whether readings agree, and the copy was turned so that it is upright."""
        return self.spread < STEADY and abs(tilt(self.points) - self.turn) < LEVEL

    def holds(self, place: np.ndarray) -> bool:
        """Whether a place (2,) px lies in the middle of the face."""
        return bool(np.linalg.norm(place - self.middle) < self.width / 2)


def tilt(points: np.ndarray) -> float:
    """Degrees from level of a line through the eyes, clockwise: (68, 2) px."""
    across = points[EYES][6:].mean(0) - points[EYES][:6].mean(0)
    return float(np.degrees(np.arctan2(across[1], across[0])))


def find_faces(detector: DlibDetector, picture: np.ndarray) -> list[Face]:
    """Faces from the front, upright or tilted by up to 60 degrees, largest first.

    picture : uint8 (H, W, 3) RGB. It is searched reduced, and in larger and larger size
    until there are faces, then once more for those half as large. Of two readings of
    one face the first steady one stays, or else the steadier.
    """
    longest = max(picture.shape[:2])
    largest = 2.0 if longest <= ENLARGED else 1.0
    scale, found = min(1.0, SEARCHED / longest), list[Face]()
    while True:
        before = len(found)
        tilted = not before and scale * longest <= TURNED_SIDE
        for turn in TURNS if tilted else TURNS[:1]:
            for face in _faces_in_copy(detector, picture, scale, turn):
                known = next((one for one in found if one.holds(face.middle)), None)
                if known is not None and known.steady:
                    continue
                face = _read(detector, picture, face)
                turned = face.turn and tilt(face.points)
                if abs(turned - face.turn) > LEVEL / 4:  # again, in an upright copy
                    face = _read(detector, picture, replace(face, turn=turned))
                if known is None or face.spread < known.spread:
                    found = [one for one in found if one is not known] + [face]
        enough = min(longest, TURNED_SIDE)  # px; in which faces half as large are seen
        if before or scale >= largest or (found and scale * longest >= enough):
            break
        scale = min(2 * scale, largest)
    best = max((face.score for face in found), default=0.0)
    kept = [face for face in found if face.score > min(SURE, best - 1e-9)]
    return sorted(kept, key=lambda face: -face.width)


def _faces_in_copy(
    detector: DlibDetector, picture: np.ndarray, scale: float, turn: float
) -> Iterator[Face]:
    """The faces of a scaled and turned copy, their points not yet read."""
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    copy = np.asarray(
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method)
    )
    height, width = copy.shape[:2]
    motion: np.ndarray = np.eye(2, 3)
    if turn:
        motion = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
        corners = corners @ motion[:, :2].T + motion[:, 2]
        motion[:, 2] -= corners.min(0)
        width, height = np.ceil(np.ptp(corners, axis=0)).astype(int).tolist()
        copy = cv2.warpAffine(copy, motion, (width, height))
    back = cv2.invertAffineTransform(motion)
    for (left, top, right, bottom), score in detector.faces(copy, max(copy.shape)):
        middle = np.array([left + right, top + bottom]) / 2
        middle = (back[:, :2] @ middle + back[:, 2]) / scale
        yield Face(middle, (right - left) / scale, turn, score)


def _read(detector: DlibDetector, picture: np.ndarray, face: Face) -> Face:
    """The face with its points and the spread of further readings."""
    side = int(2 * face.width)
    corner = np.floor(face.middle - face.width).astype(int)
    motion = cv2.getRotationMatrix2D(tuple(face.middle), face.turn, 1.0)
    motion[:, 2] -= corner
    copy = np.asarray(cv2.warpAffine(picture, motion, (side, side)))
    middle = face.middle - corner
    points = detector.points(copy, _box(middle, face.width))
    others = [
        detector.points(copy, _box(middle + face.width * shift, face.width * grow))
        for shift, grow in BOXES
    ]
    mirror, across = np.ascontiguousarray(copy[:, ::-1]), np.array([side - 1, 0])
    flipped = detector.points(mirror, _box(np.abs(across - middle), face.width))
    others.append(np.abs(across - flipped)[MIRROR])
    readings = np.stack([points, *others])[:, LIPS]
    apart = np.linalg.norm(readings - np.median(readings, 0), axis=2).mean(1)
    spread = float(np.median(apart) / eye_distance(points))
    back = cv2.invertAffineTransform(motion)
    return replace(face, points=points @ back[:, :2].T + back[:, 2], spread=spread)


def _box(middle: np.ndarray, width: float) -> Box:
    left, top = middle - width / 2
    return float(left), float(top), float(left + width), float(top + width)

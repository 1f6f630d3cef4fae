"""The detectors by name, and the one that reads a corpus' ground truth."""

from pathlib import Path

import numpy as np
import torch

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz
from emoface_lib.core.settings import Settings
from emoface_lib.features.detection import Detection, Detector, Frames, known_faces
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.fan import FanDetector, require_weights

SURE = 0.3  # score of dlib's detector above which a second face is believed
LIKE = 0.6  # share of the larger face's width; smaller faces stand in the background


class TruthDetector:
    """The true landmarks of a clip of the embedded corpus, from its sidecar."""

    def __init__(self, sidecar: Path) -> None:
        self.sidecar = Path(sidecar)

    def detect(self, frames: Frames, track: bool = True) -> Detection:
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
        return known_faces(landmarks)


def choose_detector(settings: Settings, sidecar: Path, drawn: bool) -> Detector:
    """The detector that `settings.landmarks.detector` names.

    sidecar : a clip's ground truth, for "truth"; drawn : whether the clip is of the
    embedded corpus. Raises InputError if the weights of "fan" or "fan2d" are missing,
    and for "drawn", which takes no pictures.
    """
    match settings.landmarks.detector:
        case "truth":
            return TruthDetector(sidecar)
        case "fan" | "fan2d":
            device = "cuda" if torch.cuda.is_available() else "cpu"
            solid = settings.landmarks.detector == "fan"
            return FanDetector(solid, settings.landmarks.face_detector, device)
        case "dlib":
            return DlibDetector(drawn)
        case "drawn":
            raise InputError(
                "detector=drawn draws faces for voices that are prepared: take another "
                "one, such as dlib, for pictures."
            )


def two_faces(detector: Detector, frames: Frames) -> bool:
    """Whether two of three frames show two faces of like size; dlib's detector only.

    Of two people side by side it is not known who speaks. frames : of a video.
    """
    if not isinstance(detector, DlibDetector):
        return False
    pairs = 0
    for number in np.linspace(0, len(frames) - 1, 3).astype(int):
        faces = [box for box, score in detector.faces(frames[number]) if score > SURE]
        widths = [right - left for left, _, right, _ in faces]
        pairs += len(widths) > 1 and widths[1] > LIKE * widths[0]
    return pairs > 1


def check_detector(settings: Settings) -> None:
    """Raise InputError now, not clip by clip, if the detector's weights are missing."""
    if settings.landmarks.detector in ("fan", "fan2d"):
        require_weights(
            settings.landmarks.detector == "fan", settings.landmarks.face_detector
        )

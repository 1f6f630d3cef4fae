"""Rendered frames: PSNR, SSIM, the face's sharpness, and what dlib reads in them.

Taught in notebooks 06 and 07.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import dlib
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_laplace
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import CANONICAL_SIDE, LIPS, scale_points
from emoface_lib.features.dlib_detector import DlibDetector, dlib_model
from emoface_lib.translation.dataset import Pairs
from emoface_lib.translation.render import NetworkRenderer, Renderer
from emoface_lib.translation.translators import PairRenderer
from emoface_lib.translation.warp.photo_warp import PhotoWarp, Pose

BEST_PSNR = 60.0  # dB; given to a picture that is rendered without error
MOUTH = 0.06  # margin around the lips, share of the picture's side
COPIED, TRUE = "copied reference", "true frame"


@dataclass(frozen=True)
class Trial:
    """One target frame: its speaker, and what each method rendered.

    reference, target : uint8[S, S, 3]; landmarks : float[68, 2] px of the target;
    rendered : uint8[S, S, 3] a method.
    """

    speaker: str
    reference: np.ndarray
    target: np.ndarray
    landmarks: np.ndarray
    rendered: Mapping[str, np.ndarray]


def trials(
    pairs: Pairs,
    speakers: Sequence[str],
    networks: Mapping[str, PairRenderer],
    frames: int,
    generator: np.random.Generator,
) -> list[Trial]:
    """Render random frames of each clip from another frame of it, by each method.

    speakers : of the pairs' clips; networks : step 3's, by name. Added to them are
    the copied reference, the warp and the ground truth, which no method can beat.
    """
    done = []
    for clip, speaker in enumerate(speakers):
        pictures, landmarks = pairs.read(clip)
        first, *others = generator.permutation(len(pictures))[: frames + 1]
        reference, face = pictures[first], landmarks[first]
        renderers: dict[str, Renderer] = {"warp": PhotoWarp(reference, face)} | {
            name: NetworkRenderer(reference, face, network, pairs.size)
            for name, network in networks.items()
        }
        asked = landmarks[others]
        poses = list(map(Pose, asked))
        rendered = {name: list(r.frames(poses)) for name, r in renderers.items()}
        for i, other in enumerate(others):
            all_of = {name: series[i] for name, series in rendered.items()}
            all_of |= {COPIED: reference, TRUE: pictures[other]}
            done.append(Trial(speaker, reference, pictures[other], asked[i], all_of))
    return done


def quality_table(done: Sequence[Trial]) -> pd.DataFrame:
    """One row a trial and method.

    Columns speaker, method, PSNR and mouth PSNR (dB), SSIM, sharpness (the face's fine
    detail against the ground truth's), landmark error and lip error (px of a picture
    scaled to 256 px, NaN where dlib finds no face) and found.
    """
    rows = []
    for trial in done:
        for method, picture in trial.rendered.items():
            row: dict[str, str | float] = {"speaker": trial.speaker, "method": method}
            row.update(likeness(picture, trial.target, trial.landmarks))
            row.update(reading(picture, trial.landmarks))
            rows.append(row)
    return pd.DataFrame(rows)


def likeness(
    picture: np.ndarray, target: np.ndarray, landmarks: np.ndarray
) -> dict[str, float]:
    """PSNR, PSNR around the mouth, SSIM and sharpness of a picture uint8[S, S, 3].

    landmarks : float[68, 2] px of the target.
    """
    lips, margin = landmarks[LIPS], MOUTH * len(target)
    left, top = np.maximum(lips.min(0) - margin, 0).astype(int)
    right, bottom = np.ceil(lips.max(0) + margin).astype(int)
    mouth = slice(top, bottom), slice(left, right)
    ssim = structural_similarity(picture, target, channel_axis=2, data_range=255)
    return {
        "PSNR": psnr(picture, target),
        "mouth PSNR": psnr(picture[mouth], target[mouth]),
        "SSIM": float(ssim),
        "sharpness": fine_detail(picture, landmarks) / fine_detail(target, landmarks),
    }


def psnr(picture: np.ndarray, target: np.ndarray) -> float:
    """Peak signal-to-noise ratio, dB, at most BEST_PSNR.

    Both : uint8[H, W, 3], 0..255, of one size. Raises ValueError if sizes differ.
    """
    if np.array_equal(picture, target):
        return BEST_PSNR
    return float(min(BEST_PSNR, peak_signal_noise_ratio(target, picture)))


def fine_detail(picture: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean square of the Laplacian of a Gaussian on the face, squared grey levels.

    picture : uint8[H, W, 3] RGB; landmarks : float[68, 2] px of it. The Gaussian of a
    pixel keeps a network's lattice from counting as detail. A background that is copied
    counts nothing: whatever renders is as sharp there as the photograph.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = gaussian_laplace(grey, sigma=1.0)
    return float((detail[face_mask(grey, landmarks)] ** 2).mean())


def face_mask(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Where the face is, the convex hull of its landmarks: bool[H, W].

    picture : Array[H, W, ...]; landmarks : float[68, 2] px of it.
    """
    hull = cv2.convexHull(landmarks.round().astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(picture.shape[:2], np.uint8), hull, 1) > 0


def reading(picture: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    """Distance of dlib's landmarks in a picture from the intended ones.

    picture : uint8[S, S, 3] RGB; landmarks : float[68, 2] px of it. Returns "landmark
    error" and "lip error", px of a picture scaled to 256 px, NaN without a face, and
    "found", 1 or 0.
    """
    read = read_landmarks(picture)
    if read is None:
        return {"landmark error": np.nan, "lip error": np.nan, "found": 0.0}
    distance = np.linalg.norm(read - landmarks, axis=1) * CANONICAL_SIDE / len(picture)
    return {
        "landmark error": float(distance.mean()),
        "lip error": float(distance[LIPS].mean()),
        "found": 1.0,
    }


def read_landmarks(picture: np.ndarray) -> np.ndarray | None:
    """dlib's landmarks of a drawn face, float[68, 2] px; None if it finds no face.

    The picture is brought to 256 px, so that the face is large enough to be found.
    """
    side = (CANONICAL_SIDE, CANONICAL_SIDE)
    large = cv2.resize(picture, side, interpolation=cv2.INTER_CUBIC)
    try:
        found = DlibDetector(drawn=True).detect(large[None], track=False)
    except InputError:
        return None
    return scale_points(found.landmarks[0, :, :2], len(picture) / CANONICAL_SIDE)


def face_code(picture: np.ndarray, landmarks: np.ndarray | None) -> np.ndarray:
    """dlib's descriptor of who is seen, float[128] of length 1; NaN without landmarks.

    picture : uint8[S, S, 3] RGB; landmarks : float[68, 2] px of it. CSIM is the product
    of two, elsewhere of ArcFace's: printed values can't be compared across.
    """
    if landmarks is None:
        return np.full(128, np.nan)
    points = [dlib.point(*map(round, place)) for place in landmarks.tolist()]
    around = dlib.rectangle(0, 0, len(picture), len(picture))  # only points count
    face = dlib.full_object_detection(around, points)
    code = np.array(_recogniser().compute_face_descriptor(picture, face))
    return code / np.linalg.norm(code)


@cache
def _recogniser() -> dlib.face_recognition_model_v1:
    name = "dlib_face_recognition_resnet_model_v1"
    return dlib.face_recognition_model_v1(dlib_model(name))

"""Measure the detector on drawn faces: found share, landmark error.

python benchmarks/faces.py [--identities 42] [--seconds 2]

Unseen identities talk through all expressions with yaw to 20 degrees; the clips pass
through h264 as the corpus does; the detector reads them as video.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from results import enter
from scipy.interpolate import PchipInterpolator
from tqdm import tqdm

from emoface_lib.core.landmarks import VIDEO_RATE, lip_opening
from emoface_lib.core.video import read_video, write_video
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.synthetic.heads.draw import FaceDrawer
from emoface_lib.synthetic.heads.shape import (
    CONTROLS,
    Identity,
    pose_face,
    project,
    random_controls,
)
from tools.fit_lift import TEST_SEED, yaw_of

FIRST_SEED = TEST_SEED + 5_000  # neither trained nor tested the lift
TOPIC = "faces"
KEY_FRAMES = 6  # frames from one random face to the next
TARGETS = {
    "dlib finds, frame by frame": ("share", ">= 0.995"),
    "dlib finds, as video": ("share", ""),
    "landmark error after the lift": ("px", "<= 1.5"),
    "frames within 3 px": ("share", ">= 0.99"),
    "lip opening, read against true": ("r", ""),
    "lift: mean 3D error on unseen identities": ("px", "<= 1.5"),
    "lift: mean yaw error": ("degrees", "<= 2"),
}


def talk(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Controls (F, C) that pass smoothly from one random face to the next."""
    keys = frames // KEY_FRAMES + 2
    path = PchipInterpolator(np.arange(keys) * KEY_FRAMES, random_controls(rng, keys))
    return path(np.arange(frames))


def clips(
    identities: int, frames: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Drawn clips after h264: frames, true landmarks (F, 68, 3) px, yaw (F,) degrees.

    The depth of landmarks has the mean 0.
    """
    for seed in range(FIRST_SEED, FIRST_SEED + identities):
        rng = np.random.default_rng(seed)
        identity = Identity.random(rng)
        drawer, controls = FaceDrawer(identity), talk(rng, frames)
        shapes = pose_face(identity, controls)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            write_video(path, map(drawer.draw, shapes, controls))
            seen = read_video(path)[0]
        truth = project(identity, shapes, controls)
        truth[..., 2] -= truth[..., 2].mean(1, keepdims=True)
        yield seen, truth, controls[:, CONTROLS.index("yaw")]


def measure(identities: int, frames: int) -> tuple[int, list[float]]:
    """Number of frames, and the values of TARGETS."""
    detector = DlibDetector(drawn=True)
    found, alone, error, depth, yaw, opening = [], [], [], [], [], []
    made = tqdm(clips(identities, frames), total=identities, desc="clips")
    for pictures, truth, turned in made:
        alone += [bool(detector.faces(frame)) for frame in pictures]
        read = detector.detect(pictures)
        found.append(read.found)
        error.append(np.linalg.norm((read.landmarks - truth)[..., :2], axis=-1))
        depth.append(np.linalg.norm(read.landmarks - truth, axis=-1))
        yaw.append(np.abs(yaw_of(read.landmarks) - turned))
        pair = lip_opening(read.landmarks), lip_opening(truth[..., :2])
        opening.append(np.corrcoef(*pair)[0, 1])
    errors = np.concatenate(error)
    near = errors.mean(1) <= 3
    values = alone, np.concatenate(found), errors, near, opening, depth, yaw
    return len(errors), [float(np.mean(one)) for one in values]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identities", type=int, default=42)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    count, values = measure(given.identities, round(given.seconds * VIDEO_RATE))
    how = (
        f"benchmarks/faces.py: {count} frames of {given.identities} unseen identities, "
        "h264, 224 px; 1 thread"
    )
    for (name, (unit, target)), value in zip(TARGETS.items(), values, strict=True):
        enter(TOPIC, name, value, unit, how, target)


if __name__ == "__main__":
    main()

"""Fit the lift of `lift.py` on drawn heads: `python -m tools.fit_lift`.

Identities that train and identities that test are different; both come from fixed
seeds, so the command gives the same weights again.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from tqdm import tqdm

from emoface_lib.core.checkpoints import write_weights
from emoface_lib.core.files import write_beside
from emoface_lib.core.landmarks import mean_face
from emoface_lib.features.align import align
from emoface_lib.features.detection import box_around
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.lift import (
    LIFT_FILE,
    Lift,
    Standard,
    first_guess,
    with_products,
)
from emoface_lib.synthetic.heads.draw import FaceDrawer
from emoface_lib.synthetic.heads.shape import (
    CONTROLS,
    Identity,
    pose_face,
    project,
    random_controls,
)

TRAIN_SEED, TEST_SEED = 10_000, 90_000
COMPONENTS = 100
RIDGE = 300.0  # added to the squares of standardised scores


@dataclass(frozen=True)
class Readings:
    """What the detector read in N frames and what was true.

    points : (N, 68, 2) px; truth : (N, 68, 3) px, depth with mean 0; controls : (N, C);
    frames : how many were drawn (a frame without a found face is missing)
    """

    points: np.ndarray
    truth: np.ndarray
    controls: np.ndarray
    frames: int


def read_drawings(first_seed: int, identities: int, frames: int) -> Readings:
    """Draw frames of identities and let the detector read them.

    Pictures pass through JPEG, as video is compressed. Each face is read in the box
    of the face detector and in the box that follows from those points, as in a track.
    """
    detector = DlibDetector()
    points, truth, controls = [], [], []
    for seed in tqdm(range(first_seed, first_seed + identities), desc="faces"):
        rng = np.random.default_rng(seed)
        identity = Identity.random(rng)
        drawer, control = FaceDrawer(identity), random_controls(rng, frames)
        shapes = pose_face(identity, control)
        seen = project(identity, shapes, control)
        seen[..., 2] -= seen[..., 2].mean(1, keepdims=True)
        for f in range(frames):
            picture = compressed(drawer.draw(shapes[f], control[f]), rng)
            faces = detector.faces(picture)
            if not faces:
                continue
            first = detector.points(picture, faces[0][0])
            points += [first, detector.points(picture, box_around(first))]
            truth += [seen[f]] * 2
            controls += [control[f]] * 2
    drawn = 2 * identities * frames
    return Readings(np.array(points), np.array(truth), np.array(controls), drawn)


def fit(readings: Readings) -> Lift:
    """Ridge regression from scores and their products to what readings lack."""
    standard = Standard.of(readings.points)
    x = standard.points.reshape(len(readings.points), -1)
    lacking = standard.inside(readings.truth) - first_guess(standard.points)
    y = lacking.reshape(len(x), -1)
    mean = x.mean(0)
    _, s, v = np.linalg.svd(x - mean, full_matrices=False)
    basis, spread = v[:COMPONENTS], s[:COMPONENTS] / np.sqrt(len(x))
    z = with_products((x - mean) @ basis.T / spread)
    z_mean, y_mean = z.mean(0), y.mean(0)
    z = z - z_mean
    weights = np.linalg.solve(z.T @ z + RIDGE * np.eye(z.shape[1]), z.T @ (y - y_mean))
    return Lift(mean, basis, spread, weights, y_mean - z_mean @ weights)


def measure(lift: Lift, readings: Readings) -> dict[str, float]:
    """Errors of the lift, in px at 224 px and degrees; shares are 0 to 1."""
    lifted = lift(readings.points)
    error = lifted - readings.truth
    flat = np.linalg.norm(error[..., :2], axis=-1)
    raw = np.linalg.norm(readings.points - readings.truth[..., :2], axis=-1)
    yaw = yaw_of(lifted) - readings.controls[:, CONTROLS.index("yaw")]
    return {
        "found share": len(readings.points) / readings.frames,
        "error before the lift": float(raw.mean()),
        "error": float(flat.mean()),
        "share of frames within 3 px": float((flat.mean(1) <= 3).mean()),
        "error in 3D": float(np.linalg.norm(error, axis=-1).mean()),
        "error of depth": float(np.abs(error[..., 2]).mean()),
        "yaw error": float(np.abs(yaw).mean()),
        "share of frames with yaw within 5 degrees": float((np.abs(yaw) <= 5).mean()),
    }


def yaw_of(landmarks: np.ndarray) -> np.ndarray:
    """Yaw of faces (F, 68, 3) in degrees, of the sign that drawn heads have."""
    return -align(landmarks, mean_face())[1].degrees()[:, 0]


def compressed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture (H, W, 3) after JPEG of some quality, as video is compressed."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))]
    data = cv2.imencode(".jpg", picture, quality)[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


CARD = """# lift.safetensors
From the 68 points that dlib reads in a picture to 68 points in space: a quadratic
map, fitted on drawn heads only. Made by

    python -m tools.fit_lift

{train} identities of {frames} frames train it, {test} other identities test it; yaw to
20, pitch to 8, roll to 6 degrees, all expressions, talking, JPEG. Lengths are pixels
of pictures of 224 px (the face's box is about 110 px wide), means over the landmarks.

| on unseen identities | |
|---|---|
{rows}

Limits: it knows drawn heads. On photographs it gives depth and pose that agree with
the picture, and its corrections there are held within what drawings showed.
"""


def main(train: int = 480, test: int = 80, frames: int = 14) -> None:
    """Fit, test and write the weights with their card."""
    lift = fit(read_drawings(TRAIN_SEED, train, frames))
    results = measure(lift, read_drawings(TEST_SEED, test, frames))
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in results.items())
    arrays = {n: np.ascontiguousarray(x, np.float32) for n, x in vars(lift).items()}
    write_weights(LIFT_FILE, {n: torch.from_numpy(x) for n, x in arrays.items()})
    card = CARD.format(train=train, test=test, frames=frames, rows=rows)
    with write_beside(LIFT_FILE.with_suffix(".md")) as beside:
        beside.write_text(card, encoding="utf-8")
    print(rows)


if __name__ == "__main__":
    main()

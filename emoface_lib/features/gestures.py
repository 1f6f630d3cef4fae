"""What a face does, in a few numbers: lips, corners, brows, lids, from 68 landmarks.

A subset of ARKit's blend-shape coefficients that can be computed from landmarks, by
geometry alone. Taught in notebooks 08 and 09.
"""

import numpy as np
import pandas as pd

from emoface_lib.core.landmarks import (
    CHIN,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_LIDS,
    LEFT_MOUTH_CORNER,
    LIP_MIDDLES,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_LIDS,
    RIGHT_MOUTH_CORNER,
    lip_opening,
)

INNER_BROWS = [20, 21, 22, 23]
NOSE_ROOT, NOSE_TIP = 27, 33

# What of `measures` changes, and by how many px of the canonical frame (of eyes: by
# which share of their opening) from rest, coefficient 0, to coefficient 1: about the
# largest motion in the embedded corpus and of real faces.
FULL = {
    "jawOpen": ("jaw", 22.0),  # chin away from the nose
    "mouthSmileLeft": ("left corner", 7.0),  # up against the middle of the lips
    "mouthSmileRight": ("right corner", 7.0),
    "mouthFrownLeft": ("left corner", -5.0),
    "mouthFrownRight": ("right corner", -5.0),
    "mouthPucker": ("mouth width", -14.0),
    "browInnerUp": ("inner brows", 7.0),  # away from the nose's root
    "browDownLeft": ("left brow", -6.0),  # towards its eye
    "browDownRight": ("right brow", -6.0),
    "eyeBlinkLeft": ("left lids", -1.0),
    "eyeBlinkRight": ("right lids", -1.0),
}


def measures(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """Distances in a face without head motion, by name.

    landmarks : float[F, 68, 2] px of the canonical frame; returns float[F] px each.
    "left" is the person's own.
    """
    y = landmarks[..., 1]
    middle = y[:, LIP_MIDDLES].mean(1)
    across = landmarks[:, LEFT_MOUTH_CORNER] - landmarks[:, RIGHT_MOUTH_CORNER]
    return {
        "lip opening": lip_opening(landmarks),
        "jaw": y[:, CHIN] - y[:, NOSE_TIP],
        "mouth width": np.linalg.norm(across, axis=-1),
        "left corner": middle - y[:, LEFT_MOUTH_CORNER],
        "right corner": middle - y[:, RIGHT_MOUTH_CORNER],
        "left brow": y[:, LEFT_EYE].mean(1) - y[:, LEFT_BROW].mean(1),
        "right brow": y[:, RIGHT_EYE].mean(1) - y[:, RIGHT_BROW].mean(1),
        "inner brows": y[:, NOSE_ROOT] - y[:, INNER_BROWS].mean(1),
        "left lids": _opening(y, LEFT_LIDS),
        "right lids": _opening(y, RIGHT_LIDS),
    }


def _opening(y: np.ndarray, lids: tuple[tuple[int, int], ...]) -> np.ndarray:
    upper, lower = (list(points) for points in zip(*lids, strict=True))
    return (y[:, lower] - y[:, upper]).mean(1)


def coefficients(landmarks: np.ndarray, rest: np.ndarray) -> pd.DataFrame:
    """Coefficients 0..1 under ARKit's names, one row a frame, columns as FULL.

    landmarks : float[F, 68, 2]; rest : float[68, 2] of the same face at rest, lips
    closed; both px of the canonical frame, without head motion.
    """
    now, base = measures(landmarks), measures(rest[None])
    change = {name: now[name] - base[name] for name in now}
    for lids in ("left lids", "right lids"):
        change[lids] /= base[lids]
    shown = {n: (change[what] / full).clip(0, 1) for n, (what, full) in FULL.items()}
    return pd.DataFrame(shown)

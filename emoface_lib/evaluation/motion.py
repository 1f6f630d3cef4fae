"""How faces move, beside where they are: what today's papers measure without weights.

Each is about 1 for the true face, or has its own value there; a distance to the truth,
such as LMD, sees none of it. Taught in notebook 07.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d
from torch import Tensor

from emoface_lib.core.clip import Clip
from emoface_lib.core.landmarks import (
    BROWS,
    FRAME_RATE,
    LEFT_EYE,
    RIGHT_EYE,
    lip_opening,
)
from emoface_lib.evaluation.lips import CLOSED, FURTHEST, level
from emoface_lib.features.timing import shifted_r

STILL = 1e-3  # px; a curve that varies by less is one of a face that does not move
QUIET = 21  # frames; silence is where nothing is loud for 0.2 s on either side


def motion_measures(moved: Tensor, clip: Clip) -> dict[str, float]:
    """Dynamics of a predicted face; NaN where a face is still or nobody pauses.

    moved : Tensor[T, 68, 2], displacement, px of the canonical frame. Returns ratios to
    the truth: range (standard deviation) and speed of the lips' opening, range of the
    brows' height, jerk (third difference) of all points; *silent lips*, px/s that lips
    open or close in pauses; *SLCC*, r of loudness and opening at the best shift to
    0.2 s (speech-lip correlation); *offset*, by how many ms lips are late.
    """
    face = clip.reference + moved
    mine, real = (lip_opening(one).numpy() for one in (face, clip.landmarks))
    brows, real_brows = (_brow_height(one) for one in (face, clip.landmarks))
    loud, still = level(clip), mine.std() < STILL
    low, high = np.quantile(loud, (0.02, 0.95))
    pause = maximum_filter1d(loud, QUIET) < low + CLOSED * (high - low)
    speed = np.abs(np.gradient(mine)) * FRAME_RATE
    nan = float("nan")
    return {
        "lip range": _ratio(mine.std(), real.std()),
        "lip speed": _ratio(np.abs(np.diff(mine)).mean(), np.abs(np.diff(real)).mean()),
        "brow range": _ratio(brows.std(), real_brows.std()),
        "jerk": _ratio(_jerk(face), _jerk(clip.landmarks)),
        "silent lips, px/s": float(speed[pause].mean()) if pause.any() else nan,
        "SLCC": nan if still else float(shifted_r(mine, loud, FURTHEST).max()),
        "offset, ms": nan if still else _late(mine, real) * 1000 / FRAME_RATE,
    }


def diversity(moved: Sequence[Tensor]) -> float:
    """How far the mean faces of clips lie apart: mean distance of pairs, px.

    moved : Tensor[T, 68, 2], displacements, one a clip, two or more.
    """
    means = np.stack([one.mean(0).numpy() for one in moved])
    apart = np.linalg.norm(means[:, None] - means, axis=-1).mean(-1)  # (N, N)
    return float(apart.sum() / (len(means) * (len(means) - 1)))


def _brow_height(face: Tensor) -> np.ndarray:
    """Brows above eyes, px: Tensor[T, 68, 2] to float[T]."""
    eyes = (face[:, RIGHT_EYE, 1].mean(1) + face[:, LEFT_EYE, 1].mean(1)) / 2
    return (eyes - face[:, BROWS, 1].mean(1)).numpy()


def _late(mine: np.ndarray, real: np.ndarray) -> int:
    """By how many frames a curve is late, at most FURTHEST either way."""
    return FURTHEST - int(shifted_r(mine, real, FURTHEST).argmax())


def _jerk(face: Tensor) -> float:
    return float(face.diff(n=3, dim=0).norm(dim=-1).mean())


def _ratio(mine: float, real: float) -> float:
    return float(mine / real) if real > 0 else float("nan")

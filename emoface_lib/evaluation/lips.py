"""How lips follow a voice, real ones and predicted ones.

Taught in notebook 04. Curves are float[T], 50 frames/s.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d
from torch import Tensor

from emoface_lib.core.clip import Clip
from emoface_lib.core.landmarks import (
    FRAME_RATE,
    LEFT_MOUTH_CORNER,
    RIGHT_MOUTH_CORNER,
    lip_opening,
)
from emoface_lib.features.timing import peak, shifted_r

CLOSED = 0.25  # share of the way between quantiles .02 and .95 of a curve
FURTHEST = 10  # frames that curves are shifted by, at most
AROUND = 11  # frames; speech is loud where its loudest moment of 220 ms is


def level(clip: Clip) -> np.ndarray:
    """Loudness of a clip in log-mel units, float[T]; it looks ahead as F_a does."""
    return clip.log_mel.mean(1).numpy()


def mouth_width(landmarks: Tensor) -> Tensor:
    """Distance of the lips' corners: Tensor[..., 68, 2] px to Tensor[...] px."""
    right, left = landmarks[..., [RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER], :].unbind(-2)
    return (left - right).norm(dim=-1)


def shifted_likeness(
    curves: Sequence[np.ndarray], clips: Sequence[Clip]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean r of curves and real lips, the curves shifted in time.

    curves : float[T], one a clip, such as `level`. Returns int[21] shifts in frames, >
    0 moves a curve later, and float[21] r.
    """
    openings = [lip_opening(clip.landmarks).numpy() for clip in clips]
    pairs = zip(curves, openings, strict=True)
    found = [shifted_r(*pair, FURTHEST) for pair in pairs]
    return np.arange(-FURTHEST, FURTHEST + 1), np.mean(found, axis=0)


def lag(clips: Sequence[Clip]) -> float:
    """How much later than the voice lips come, in ms: where loudness fits them best.

    clips : of one corpus, whose features don't look ahead. The peak is interpolated.
    """
    _, r = shifted_likeness([level(clip) for clip in clips], clips)
    return peak(r) * 1000 / FRAME_RATE


def lip_measures(moved: Tensor, clip: Clip) -> dict[str, float]:
    """How predicted lips follow those of a clip.

    moved : Tensor[T, 68, 2], displacement, px of the canonical frame. Returns lip r and
    the ratio of deviations of the opening; slopes of width on opening, predicted and
    real; closures, the share of frames with closed lips in loud speech that are closed
    in the prediction, and their base rate, its closed share of all loud frames.
    """
    predicted = clip.reference + moved
    mine, real = (lip_opening(face).numpy() for face in (predicted, clip.landmarks))
    loud = maximum_filter1d(level(clip), AROUND)
    loud = loud > np.quantile(loud, (0.02, 0.95)).mean()
    shut, closed = _closed(mine), _closed(real) & loud
    return {
        "lip r": float(np.corrcoef(mine, real)[0, 1]),
        "sd ratio": float(mine.std() / real.std()),
        "width slope": _slope(mine, predicted),
        "width slope, real": _slope(real, clip.landmarks),
        "closures": float(shut[closed].mean()) if closed.any() else float("nan"),
        "base rate": float(shut[loud].mean()),
    }


def _slope(opening: np.ndarray, landmarks: Tensor) -> float:
    return float(np.polyfit(opening, mouth_width(landmarks).numpy(), 1)[0])


def _closed(opening: np.ndarray) -> np.ndarray:
    low, high = np.quantile(opening, (0.02, 0.95))
    return opening < low + CLOSED * (high - low)

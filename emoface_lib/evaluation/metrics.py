"""Metrics with their protocol.

Taught in notebook 07, paper section 4.3.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import pearsonr
from torch import Tensor

from emoface_lib.core.landmarks import CANONICAL_SIDE, LIPS, lip_opening

REGIONS = {"face": slice(0, 68), "mouth": LIPS}


@dataclass(frozen=True)
class LandmarkProtocol:
    """How a landmark distance is taken; papers differ, so it stands beside the number.

    region : points that count; centred : minus each frame's mean point; reduction :
    over points, "max_squared" of lip vertex error; scale : the pixels it is counted in;
    source : where the compared landmarks come from.
    """

    region: Literal["face", "mouth"] = "face"
    centred: bool = False
    reduction: Literal["mean", "sum", "max_squared"] = "mean"
    scale: str = "px of a 256-px canonical frame"
    source: str = "predicted, aligned"

    def __str__(self) -> str:
        centring = "centred" if self.centred else "not centred"
        over = self.reduction.replace("max_squared", "maximum of squares")
        return (
            f"{self.region}, {centring}, {self.scale}, {over} over "
            f"points, mean over frames, {self.source}"
        )

    def read(
        self, detector: str = "dlib", size: int = CANONICAL_SIDE
    ) -> "LandmarkProtocol":
        """The same distance of what a detector reads from both frames, as it stands.

        size : px of the frame that is measured in.
        """
        source = f"both read from frames by {detector}"
        return replace(self, scale=f"px of a {size}-px frame", source=source)


PAPER = LandmarkProtocol()
ATVG = LandmarkProtocol("mouth", centred=True, reduction="sum")
M_LMD = LandmarkProtocol("mouth", centred=True)  # EAMM, EAT
F_LMD = LandmarkProtocol("face", centred=True)  # EAMM, EAT
NERF = LandmarkProtocol("face", centred=True, scale="px of the frame")
LIP_VERTEX = LandmarkProtocol("mouth", reduction="max_squared")
# What the harness scores landmarks by. NERF is for frames, whose size it depends on.
PROTOCOLS = {
    "LMD": PAPER,
    "M-LMD": M_LMD,
    "F-LMD": F_LMD,
    "LMD of ATVG": ATVG,
    "lip vertex error": LIP_VERTEX,
}


def landmark_distance(
    predicted: Tensor, truth: Tensor, protocol: LandmarkProtocol = PAPER
) -> float:
    """LMD: mean Euclidean distance of predicted and true landmarks.

    Both : Tensor[F, 68, 2] in the protocol's pixels. Lip vertex error is in their
    square. Paper section 4.3.
    """
    points = REGIONS[protocol.region]
    first, second = predicted[:, points], truth[:, points]
    if protocol.centred:
        first = first - first.mean(1, keepdim=True)
        second = second - second.mean(1, keepdim=True)
    distance = (first - second).norm(dim=-1)  # (F, P)
    over_points = {
        "mean": distance.mean(1),
        "sum": distance.sum(1),
        "max_squared": distance.amax(1) ** 2,
    }
    return float(over_points[protocol.reduction].mean())


def emotion_similarity(synthesised: np.ndarray, real: np.ndarray) -> float:
    """ES: mean cosine of expression softmaxes, frame by frame.

    Both : float[F, 7]. Softmaxes are positive, so that even unrelated ones are alike:
    print the level of a static face beside it. Paper section 4.3.
    """
    lengths = np.linalg.norm(synthesised, axis=1) * np.linalg.norm(real, axis=1)
    return float(((synthesised * real).sum(1) / lengths.clip(1e-9)).mean())


def emotion_scores(synthesised: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """ES, ES of softmaxes less chance (1/7 a class), and top-1 agreement.

    Both : float[F, 7]. Less chance, unlike expressions have a cosine of about -1/6.
    """
    chance = 1 / real.shape[1]
    same = synthesised.argmax(1) == real.argmax(1)
    return {
        "ES": emotion_similarity(synthesised, real),
        "ES centred": emotion_similarity(synthesised - chance, real - chance),
        "ES top-1": float(same.mean()),
    }


def lip_correlation(predicted: Tensor, truth: Tensor) -> float:
    """Pearson r of the lips' opening over time; NaN if one is still to 0.001 px.

    Both : Tensor[F, 68, 2] px of the canonical frame.
    """
    first, second = lip_opening(predicted).numpy(), lip_opening(truth).numpy()
    if min(first.std(), second.std()) < 1e-3:
        return float("nan")
    return float(pearsonr(first, second).statistic)


def concordance(predicted: np.ndarray, truth: np.ndarray) -> float:
    """CCC of curves over time, float[T] each: r, less for a wrong level or range.

    L. I.-K. Lin (1989), "A concordance correlation coefficient to evaluate
    reproducibility".
    """
    apart = (predicted.mean() - truth.mean()) ** 2
    both = ((predicted - predicted.mean()) * (truth - truth.mean())).mean()
    return float(2 * both / (predicted.var() + truth.var() + apart))


# The paper's Table 2, for comparison: method, VoxCeleb2 LMD and ES, LRW LMD and ES.
PAPER_TABLE_2 = pd.DataFrame(
    [
        ("MakeItTalk", 9.16, 0.877, 7.13, 0.884),
        ("PC-AVS", 6.88, 0.879, 3.93, None),
        ("without D_style", 4.78, 0.891, 4.42, 0.895),
        ("without L_emotion", 4.59, 0.903, 4.06, 0.900),
        ("full", 4.15, 0.919, None, None),
    ],
    columns=["method", "VoxCeleb2 LMD", "VoxCeleb2 ES", "LRW LMD", "LRW ES"],
)

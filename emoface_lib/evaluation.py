"""Metrics with their protocol, and intervals over speakers.

Taught in notebook 07, paper section 4.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import pearsonr
from torch import Tensor

from emoface_lib.landmarks import LIPS, lip_opening

REGIONS = {"face": slice(0, 68), "mouth": LIPS}


@dataclass(frozen=True)
class LandmarkProtocol:
    """How a landmark distance is taken; papers differ, so it stands beside the number.

    region : points that count; centred : minus each frame's mean point; reduction :
    over points; source : where the compared landmarks come from.
    """

    region: Literal["face", "mouth"] = "face"
    centred: bool = False
    reduction: Literal["mean", "sum"] = "mean"
    source: str = "predicted, aligned"

    def __str__(self) -> str:
        centring = "centred" if self.centred else "not centred"
        return (
            f"{self.region}, {centring}, px of a 256-px canvas, {self.reduction} over "
            f"points, mean over frames, {self.source}"
        )


PAPER = LandmarkProtocol()
ATVG = LandmarkProtocol("mouth", centred=True, reduction="sum")
M_LMD = LandmarkProtocol("mouth", centred=True)  # EAMM, EAT
F_LMD = LandmarkProtocol("face", centred=True)  # EAMM, EAT


def landmark_distance(
    predicted: Tensor, truth: Tensor, protocol: LandmarkProtocol = PAPER
) -> float:
    """LMD: mean Euclidean distance of predicted and true landmarks.

    Both : Tensor[F, 68, 2] px of the canvas. Paper section 4.3.
    """
    points = REGIONS[protocol.region]
    first, second = predicted[:, points], truth[:, points]
    if protocol.centred:
        first = first - first.mean(1, keepdim=True)
        second = second - second.mean(1, keepdim=True)
    distance = (first - second).norm(dim=-1)  # (F, P)
    whole = distance.sum(1) if protocol.reduction == "sum" else distance.mean(1)
    return float(whole.mean())


def emotion_similarity(synthesised: np.ndarray, real: np.ndarray) -> float:
    """ES: mean cosine of expression softmaxes, frame by frame.

    Both : float[F, 7]. Softmaxes are positive, so that even unrelated ones are alike:
    print the level of a still face beside it. Paper section 4.3.
    """
    lengths = np.linalg.norm(synthesised, axis=1) * np.linalg.norm(real, axis=1)
    return float(((synthesised * real).sum(1) / lengths).mean())


def lip_correlation(predicted: Tensor, truth: Tensor) -> float:
    """Pearson r of the lips' opening over time; NaN if one is still to 0.001 px.

    Both : Tensor[F, 68, 2] px of the canvas.
    """
    first, second = lip_opening(predicted).numpy(), lip_opening(truth).numpy()
    if min(first.std(), second.std()) < 1e-3:
        return float("nan")
    return float(pearsonr(first, second).statistic)


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.mean):
            return "-"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(
    values: Sequence[float],
    speakers: Sequence[str],
    generator: np.random.Generator,
    samples: int = 1000,
    seeds: Sequence[int] | None = None,
) -> Interval:
    """Mean over clips, with the 95 % interval over speakers drawn with replacement.

    Clips of one speaker are alike, so speakers are drawn, not clips; seeds : of the
    training behind each value, which are then drawn as well. NaN are left out; if
    nothing else is there, the interval is NaN.
    """
    frame = pd.DataFrame(
        {"value": values, "speaker": speakers, "seed": 0 if seeds is None else seeds}
    ).dropna()
    if frame.empty:
        return Interval(np.nan, np.nan, np.nan)
    grouped = frame.groupby(["seed", "speaker"])["value"]
    sums = grouped.sum().unstack(fill_value=0).to_numpy()  # (seeds, speakers)
    counts = grouped.count().unstack(fill_value=0).to_numpy()
    by_speaker = _draws(sums.shape[1], samples, generator)
    by_seed = _draws(sums.shape[0], samples, generator)
    drawn = [((by_seed @ x) * by_speaker).sum(1) for x in (sums, counts)]
    low, high = np.nanquantile(drawn[0] / drawn[1], [0.025, 0.975])
    return Interval(float(frame["value"].mean()), float(low), float(high))


def _draws(count: int, samples: int, generator: np.random.Generator) -> np.ndarray:
    """How often each one is drawn, with replacement: int[samples, count]."""
    if count == 1:
        return np.ones((samples, 1), int)
    drawn = generator.integers(count, size=(samples, count))
    return (drawn[..., None] == np.arange(count)).sum(1)


def difference(
    scores: pd.DataFrame,
    first: str,
    second: str,
    metric: str,
    generator: np.random.Generator,
    samples: int = 1000,
) -> Interval:
    """First method minus second, clip by clip and seed by seed, with its interval.

    scores : columns method, metric, speaker, clip, value and perhaps seed, one row a
    clip. On the same clips the difference is surer than the two numbers.
    """
    if "seed" not in scores:
        scores = scores.assign(seed=0)
    chosen = scores[scores["metric"] == metric]
    keys = ["seed", "speaker", "clip"]
    wide = chosen.pivot(index=keys, columns="method", values="value")
    change = (wide[first] - wide[second]).dropna().reset_index(name="value")
    return bootstrap(
        change["value"].tolist(),
        change["speaker"].tolist(),
        generator,
        samples,
        change["seed"].tolist(),
    )


def table(
    scores: pd.DataFrame, generator: np.random.Generator, samples: int = 1000
) -> pd.DataFrame:
    """Summarise scores: one row a corpus, method and metric, with intervals.

    scores : columns corpus, method, metric, protocol, speaker, value and perhaps seed,
    one row a clip. Returns columns corpus, method, metric, protocol, mean, low, high,
    speakers, clips.
    """
    rows = []
    keys = ["corpus", "method", "metric", "protocol"]
    for key, group in scores.groupby(keys, sort=False):
        seeds = group["seed"].tolist() if "seed" in group else None
        values, speakers = group["value"].tolist(), group["speaker"].tolist()
        spread = bootstrap(values, speakers, generator, samples, seeds)
        counts = group["speaker"].nunique(), len(group)
        rows.append((*key, spread.mean, spread.low, spread.high, *counts))
    return pd.DataFrame(
        rows, columns=[*keys, "mean", "low", "high", "speakers", "clips"]
    )


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

"""Intervals: means over speakers or seeds, drawn again and again. Notebook 07."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import LABELS


def compare(
    first: pd.DataFrame,
    second: pd.DataFrame,
    generator: np.random.Generator,
    pairs: Sequence[str] = ("seed",),
    samples: int = 1000,
) -> pd.DataFrame:
    """First minus second, pair by pair, with 95 % intervals over the pairs.

    first, second : rows of `collect`, of two sweeps or of two parts of one; pairs :
    columns that say which runs belong together. Returns LABELS, mean, low, high (NaN
    for a single pair) and pairs. Raises InputError if the keys are not unique.
    """
    own = [name for name in LABELS if name in first and name in second]
    keys = [*own, *pairs]
    for table in (first, second):
        if table.duplicated(keys).any():
            raise InputError(
                f"Several rows have the same {', '.join(keys)}: name in `pairs` what "
                "they differ in, or choose some of them."
            )
    both = first.merge(second, on=keys, suffixes=("", "_second"))
    both["change"] = both["value"] - both["value_second"]
    rows = []
    for labels, group in both.dropna(subset="change").groupby(
        own, sort=False, dropna=False
    ):
        units = group[list(pairs)].astype(str).agg(" ".join, axis=1).tolist()
        change = bootstrap(group["change"].tolist(), units, generator, samples)
        spread = (change.low, change.high) if len(units) > 1 else (np.nan, np.nan)
        rows.append((*labels, change.mean, *spread, len(units)))
    return pd.DataFrame(rows, columns=[*own, "mean", "low", "high", "pairs"])


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
    (drawn,) = _drawn_means(frame, ["value"], generator, samples)
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Interval(float(frame["value"].mean()), float(low), float(high))


def _drawn_means(
    frame: pd.DataFrame, columns: list[str], generator: np.random.Generator, count: int
) -> list[np.ndarray]:
    """Means of columns, float[count] each, over speakers and seeds as they are drawn.

    All columns are of the same draws.
    """
    grouped = frame.groupby(["seed", "speaker"])[columns]
    counts = grouped.count()[columns[0]].unstack(fill_value=0).to_numpy()
    by_speaker = _draws(counts.shape[1], count, generator)
    by_seed = _draws(counts.shape[0], count, generator)
    known = ((by_seed @ counts) * by_speaker).sum(1)
    sums = [grouped.sum()[name].unstack(fill_value=0).to_numpy() for name in columns]
    with np.errstate(invalid="ignore"):  # drawings of speakers and seeds without a clip
        return [((by_seed @ x) * by_speaker).sum(1) / known for x in sums]


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
    both = _paired(scores, first, second, metric)
    return bootstrap(
        (both[first] - both[second]).tolist(),
        both["speaker"].tolist(),
        generator,
        samples,
        both["seed"].tolist(),
    )


def ratio(
    scores: pd.DataFrame,
    first: str,
    second: str,
    metric: str,
    generator: np.random.Generator,
    samples: int = 1000,
) -> Interval:
    """Mean of the first method over mean of the second, on the same clips and seeds.

    scores : as for `difference`.
    """
    both = _paired(scores, first, second, metric)
    if both.empty:
        return Interval(np.nan, np.nan, np.nan)
    above, below = _drawn_means(both, [first, second], generator, samples)
    low, high = np.nanquantile(above / below, [0.025, 0.975])
    return Interval(both[first].mean() / both[second].mean(), float(low), float(high))


def _paired(scores: pd.DataFrame, first: str, second: str, metric: str) -> pd.DataFrame:
    """Both methods' values side by side: columns seed, speaker, clip, the methods."""
    if "seed" not in scores:
        scores = scores.assign(seed=0)
    chosen = scores[scores["metric"] == metric]
    keys = ["seed", "speaker", "clip"]
    wide = chosen.pivot(index=keys, columns="method", values="value")
    return wide.reindex(columns=[first, second]).dropna().reset_index()

"""Figures of sound: spectrograms above one another, and scores of probes.

Taught in notebook 02; shown by `plots.show`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emoface_lib.plots.base import (
    EXPRESSION_MARKS,
    PALETTE,
    draw_lines,
    draw_mel,
    draw_phonemes,
    figure,
)


def draw_mels(
    mels: Mapping[str, np.ndarray], phonemes: Sequence[str], starts: Sequence[float]
) -> Figure:
    """Log-mels float[T, 80] by name, one above the other, phonemes (s) above all."""
    drawn, axes = figure(len(mels), size=(8, 1.7 * len(mels) + 0.5))
    for one, (name, mel) in zip(axes[:, 0], mels.items(), strict=True):
        draw_mel(one, mel)
        one.set(ylabel=f"{name}\nHz", xlabel="")
    draw_phonemes(axes[0, 0], phonemes, starts)
    axes[-1, 0].set_xlabel("seconds")
    return drawn


def draw_probes(axes: Axes, table: pd.DataFrame, splits: Sequence[str]) -> None:
    """Probe scores with intervals: a column a factor and split, a mark a feature.

    table : from `probes.probe_table`. A factor without a score on a split is left out.
    """
    places = [
        (factor, split)
        for factor in dict.fromkeys(table["factor"])
        for split in splits
        if len(table.query("factor == @factor and split == @split"))
    ]
    features = list(dict.fromkeys(table["feature"]))
    for number, feature in enumerate(features):
        own = table[table["feature"] == feature].set_index(["factor", "split"])
        own = own.loc[places]
        axes.errorbar(
            np.arange(len(places)) + 0.2 * (number - (len(features) - 1) / 2),
            own["mean"],
            yerr=[own["mean"] - own["low"], own["high"] - own["mean"]],
            fmt=EXPRESSION_MARKS[number],
            color=PALETTE[number],
            capsize=2,
            label=feature,
        )
    names = [f"{factor}\n{split}" for factor, split in places]
    axes.set_xticks(range(len(places)), names, fontsize=8)
    axes.set(ylabel="accuracy, or r", ylim=(min(0, axes.get_ylim()[0]), 1.25))
    axes.legend(fontsize=8, loc="upper center", ncols=len(features))


def draw_variance_shares(axes: Axes, shares: pd.DataFrame, title: str = "") -> None:
    """How much of a score is left: a line a column, over the rows in their order."""
    draw_lines(axes, shares, marked=True)
    axes.set_ylim(0, 1.6)
    axes.set_title(title, fontsize=9)
    axes.legend(fontsize=7, ncols=3, loc="upper center")


def draw_likeness(axes: Axes, likeness: np.ndarray, names: Sequence[str]) -> None:
    """Cosines float[N, N] of embeddings: rows and columns are the same speakers."""
    bar = {"label": "cosine"}
    ticks = {"xticklabels": list(names), "yticklabels": list(names)}
    sns.heatmap(
        likeness, cmap="Blues", vmax=1, square=True, cbar_kws=bar, **ticks, ax=axes
    )
    axes.tick_params("x", rotation=45)
    axes.tick_params("both", labelsize=7)
    axes.set(xlabel="embedding of", ylabel="another utterance of")

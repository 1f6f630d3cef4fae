"""Figures of the emotion space: Figure 2, effects of the dial, places of clips."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from emoface_lib.plots.base import PALETTE, draw_curves, draw_picture, looks

WIDE, TALL, BELOW = 1.25, 1.25, 1.9  # inches of a picture, and of the curves


def draw_figure_2(
    pictures: Sequence[Sequence[np.ndarray]],
    curves: Mapping[str, np.ndarray],
    seconds: np.ndarray,
    rate: float,
) -> Figure:
    """The paper's Figure 2: rows of frames at equal times, below the lips' curves.

    pictures : a row of uint8[H, W, 3] a curve; seconds : of the columns; rate : values
    of a curve a second. Dotted lines show in the curves where the pictures are.
    """
    rows, columns = len(pictures), len(seconds)
    shape = pictures[0][0].shape
    tall = TALL * shape[0] / shape[1]
    size = (WIDE * columns + 0.5, tall * rows + BELOW)
    tight = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.03, wspace=0, hspace=0)
    drawn = plt.figure(figsize=size, layout=tight)
    heights = [*[tall] * rows, BELOW]
    grid = drawn.add_gridspec(rows + 1, columns, height_ratios=heights)
    for row, (name, faces) in enumerate(zip(curves, pictures, strict=True)):
        for column, (face, time) in enumerate(zip(faces, seconds, strict=True)):
            axes = drawn.add_subplot(grid[row, column])
            draw_picture(axes, face, f"{time:.2f} s" if row == 0 else "")
            if column == 0:
                axes.set_ylabel(name, color=PALETTE[row % len(PALETTE)], fontsize=10)
    below = drawn.add_subplot(grid[rows, :])
    for time in seconds:
        below.axvline(time, color="0.8", linewidth=0.8, linestyle=":")
    draw_curves(below, curves, rate, "lip distance, px")
    below.margins(x=0)
    below.set_ylim(top=1.25 * max(float(curve.max()) for curve in curves.values()))
    below.legend(fontsize=8, ncols=len(curves), loc="upper right")
    return drawn


def widest(opening: np.ndarray, count: int) -> np.ndarray:
    """Frames to show: up to `count` with open lips, apart from one another, in order.

    opening : of the lips, float[F]. Returns int[<= count].
    """
    apart = max(1, round(0.6 * len(opening) / count))
    left = opening.astype(float)
    chosen: list[int] = []
    while len(chosen) < count and np.isfinite(left).any():
        place = int(np.nanargmax(left))
        chosen.append(place)
        left[max(0, place - apart) : place + apart + 1] = np.nan
    return np.array(sorted(chosen))


def draw_dose(
    axes: Axes, effects: Mapping[str, pd.DataFrame], measure: str, unit: str
) -> None:
    """How a measure changes with the dial, against no turn: a line an axis.

    effects : of `dial_effects`, by name of the axis. Bands hold half of the clips.
    """
    table = pd.concat(effects, names=["axis"]).reset_index("axis")
    none = table[table["amount"] == 0].set_index(["axis", "clip"])[measure]
    keys = pd.MultiIndex.from_frame(table[["axis", "clip"]])
    table["change"] = table[measure] - none.reindex(keys).to_numpy()
    look: dict[str, Any] = looks(list(effects))
    look |= {"hue": "axis", "style": "axis", "errorbar": ("pi", 50)}
    sns.lineplot(table, x="amount", y="change", err_kws={"lw": 0}, **look, ax=axes)
    axes.legend(fontsize=7)
    axes.axhline(0, color="0.8", lw=0.8, zorder=0)
    axes.set(xlabel="dial, standard deviations", ylabel=unit, title=measure)

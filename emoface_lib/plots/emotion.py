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

from emoface_lib.core.landmarks import POLYLINES
from emoface_lib.plots.base import PALETTE, draw_curves, draw_picture, looks

WIDE, TALL, BELOW = 1.25, 1.25, 1.9  # inches of a picture, and of the curves
ENLARGED = 3  # arrows are drawn so many times as long as points move


def draw_figure_2(
    pictures: Sequence[Sequence[np.ndarray]],
    curves: Mapping[str, np.ndarray],
    seconds: np.ndarray,
    rate: float,
    faces: Sequence[np.ndarray] = (),
    readings: Sequence[Sequence[str]] = (),
) -> Figure:
    """The paper's Figure 2: rows of frames at equal times, below the lips' curves.

    pictures : a row of uint8[H, W, 3] a curve; seconds : of the columns; rate : values
    of a curve a second; faces : float[68, 2] px of the canonical frame a row, to show
    by arrows how they differ from the middle row's; readings : to write below each
    picture. Dotted lines show in the curves where the pictures are.
    """
    rows, columns = len(pictures), len(seconds) + bool(len(faces))
    shape = pictures[0][0].shape
    tall = TALL * shape[0] / shape[1]
    size = (WIDE * columns + 0.5, tall * rows + BELOW)
    tight = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.03, wspace=0, hspace=0)
    drawn = plt.figure(figsize=size, layout=tight)
    heights = [*[tall] * rows, BELOW]
    grid = drawn.add_gridspec(rows + 1, columns, height_ratios=heights)
    for row, (name, shown) in enumerate(zip(curves, pictures, strict=True)):
        for column, (face, time) in enumerate(zip(shown, seconds, strict=True)):
            axes = drawn.add_subplot(grid[row, column])
            draw_picture(axes, face, f"{time:.2f} s" if row == 0 else "")
            if column == 0:
                axes.set_ylabel(name, color=PALETTE[row % len(PALETTE)], fontsize=10)
            if readings:
                axes.set_xlabel(readings[row][column], fontsize=7, labelpad=1)
    for row, face in enumerate(faces):
        axes = drawn.add_subplot(grid[row, -1])
        draw_moves(axes, faces[rows // 2], face, row)
        axes.set_title(f"moved, x {ENLARGED}" if row == 0 else "", fontsize=8)
    below = drawn.add_subplot(grid[rows, :])
    for time in seconds:
        below.axvline(time, color="0.8", linewidth=0.8, linestyle=":")
    draw_curves(below, curves, rate, "lip distance, px")
    below.margins(x=0)
    below.set_ylim(top=1.25 * max(float(curve.max()) for curve in curves.values()))
    below.legend(fontsize=8, ncols=len(curves), loc="upper right")
    return drawn


def draw_moves(axes: Axes, start: np.ndarray, end: np.ndarray, number: int = 0) -> None:
    """A face with arrows to where its points go, ENLARGED times as far.

    start, end : float[68, 2] px of the canonical frame; number : of the colour.
    """
    for points in POLYLINES.values():
        axes.plot(*start[points].T, color="0.7", linewidth=0.8)
    look: dict[str, Any] = {"width": 0.012, "scale": 1 / ENLARGED, "zorder": 3}
    look |= {"color": PALETTE[number % len(PALETTE)]}
    look |= {"angles": "xy", "scale_units": "xy"}
    axes.quiver(*start.T, *(end - start).T, **look)
    low, high = start.min(0) - 8, start.max(0) + 8
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.set(xticks=[], yticks=[])


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

"""Figures: data in, axes out; each has a caption, which is read to who can't see it."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
from emoface_lib.core.landmarks import CANONICAL_SIDE, POLYLINES, scale_points
from emoface_lib.core.polylines import draw_landmarks

# Okabe and Ito's colours, which the colour-blind can distinguish; lines also differ in
# dashes, points in their marks.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
DASHES = ("", (4, 1.5), (6, 1.5, 1, 1.5), (1, 1.5), (8, 1), (3, 1, 1, 1), (1, 0.7))
EXPRESSION_MARKS = ("o", "s", "^", "v", "D", "X", ".")
# No date: the same figure gives the same bytes.
OPTIONS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}},
    "jpeg": {"pil_kwargs": {"quality": 65}},
}
_NUMBERS = count(1)  # figures of a notebook
# Hz -> mel band of AutoVC's 80 that is centred there; librosa.mel_frequencies
MEL_BANDS = {"250": 4, "500": 11, "1000": 25.1, "2000": 44, "4000": 63}
TITLES = 42  # px above tiled pictures
DOTS_PER_INCH = 110  # for pictures in notebooks; keeps a page under 1.5 MB
WIDE, TALL, BELOW = 1.25, 1.25, 1.9  # inches of a picture, and of the curves
ENLARGED = 3  # arrows are drawn so many times as long as points move
ZOOM = 2  # px a pixel of a small frame, so that landmarks can be distinguished
MISSED = (213, 94, 0)  # RGB of the frame around a picture without a face


def figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (6.4, 3.2)
) -> tuple[Figure, np.ndarray]:
    """A figure of `size` inches with an array of its axes.

    size : width and height, inches. Returns the figure and Axes of shape (rows,
    columns), object array.
    """
    return plt.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained"
    )


def show(
    drawn: Figure,
    alt: str,
    path: Path | None = None,
    data: pd.DataFrame | None = None,
    kind: str = "png",
) -> None:
    """Show a figure above its numbered caption, and keep it with the data behind it.

    alt : the caption, which tells who can't see the figure what is in it; path :
    without suffix, gets `.png`, `.svg` and, with `data`, `.csv`; kind : "jpeg" suits
    many faces.
    Raises InputError without alt text.
    """
    output, metadata = as_output(drawn, alt, kind)
    if path is not None:
        keep(path.with_suffix(".png"), encode(drawn, "png"))
        keep(path.with_suffix(".svg"), encode(drawn, "svg"))
        if data is not None:
            keep(path.with_suffix(".csv"), data.to_csv(index=False).encode())
    display(output, raw=True, metadata=metadata)
    show_caption(alt)


def show_caption(alt: str) -> None:
    """Show the caption of the next figure of this notebook."""
    display(Markdown(f"**Figure {next(_NUMBERS)}.** {alt}"))


def as_output(
    drawn: Figure, alt: str, kind: str = "png"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Data and metadata of a figure as a notebook's output; pyplot forgets the figure.

    Raises InputError without alt text.
    """
    if not alt.strip():
        raise InputError("A figure has no alt text: say in words what it shows.")
    shown, picture = f"image/{kind}", encode(drawn, kind)
    plt.close(drawn)
    return {shown: picture, "text/plain": alt}, {shown: {"alt": alt}}


def keep(path: Path, content: bytes) -> None:
    """Write bytes beside and rename."""
    with write_beside(path) as beside:
        beside.write_bytes(content)


def encode(drawn: Figure, kind: str, **options: Any) -> bytes:
    """A figure as the bytes of a file; options : of savefig, beside the usual ones."""
    stream = BytesIO()
    usual = OPTIONS.get(kind, {}) | options
    # fixed ids, too
    with plt.rc_context({"svg.hashsalt": "emoface", "svg.fonttype": "none"}):
        drawn.savefig(stream, format=kind, dpi=DOTS_PER_INCH, **usual)
    return stream.getvalue()


def draw_mel(axes: Axes, mel: np.ndarray, title: str = "") -> None:
    """Log-mel spectrogram float[T, 80] at 50 frames/s."""
    extent = (0, len(mel) / 50, 0, mel.shape[1])
    look: dict[str, Any] = {"cmap": "magma", "vmin": 0, "vmax": 1, "aspect": "auto"}
    axes.imshow(mel.T, origin="lower", extent=extent, **look)
    axes.set(xlabel="seconds", ylabel="Hz", title=title)
    axes.set_yticks(list(MEL_BANDS.values()), list(MEL_BANDS))


def draw_phonemes(axes: Axes, names: Sequence[str], starts: Sequence[float]) -> None:
    """Names of phonemes above a spectrogram, where they start (s); pauses are blank."""
    axes.set_title(" ", fontsize=14)  # keeps room for them
    for name, start in zip(names, starts, strict=True):
        if not name.startswith("_"):
            axes.text(start, axes.get_ylim()[1] + 1, name, fontsize=7, rotation=45)


def draw_face(
    axes: Axes, landmarks: np.ndarray, label: str = "", number: int = 0
) -> None:
    """Landmarks float[68, 2] px of the canonical frame as poly-lines."""
    for index, points in enumerate(POLYLINES.values()):
        axes.plot(
            *landmarks[points].T,
            color=PALETTE[number],
            linestyle=(0, DASHES[number] or None),
            label=label if index == 0 else None,
        )
    in_canonical_frame(axes)


def in_canonical_frame(axes: Axes) -> None:
    """Let axes show the canonical frame, without ticks."""
    axes.set(xlim=(0, CANONICAL_SIDE), ylim=(CANONICAL_SIDE, 0), aspect="equal")
    axes.set(xticks=[], yticks=[])


def looks(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colours, dashes and marks by name, for seaborn's hue and style."""
    kinds = {"palette": PALETTE, "dashes": DASHES, "markers": EXPRESSION_MARKS}
    known = list(dict.fromkeys(names))
    return {k: dict(zip(known, every, strict=False)) for k, every in kinds.items()}


def draw_lines(axes: Axes, table: pd.DataFrame, marked: bool = False) -> None:
    """Columns of a table over its index, a line each; marked : with a mark a row."""
    look: dict[str, Any] = looks(list(table.columns))
    sns.lineplot(table, **look | ({} if marked else {"markers": False}), ax=axes)
    axes.legend(fontsize=8)


def draw_curves(
    axes: Axes, curves: Mapping[str, np.ndarray], rate: float, unit: str
) -> None:
    """Curves over time, one line style each.

    curves : float[F] by name, in `unit`, which the vertical axis is labelled with;
    rate : values a second.
    """
    table = pd.DataFrame({name: pd.Series(values) for name, values in curves.items()})
    draw_lines(axes, table.set_axis(table.index / rate))
    axes.set(xlabel="seconds", ylabel=unit)


def draw_picture(axes: Axes, picture: np.ndarray, title: str = "") -> None:
    """One picture without ticks.

    picture : uint8[H, W, 3] RGB, or Array[H, W] drawn in grey from its least value to
    its largest.
    """
    axes.imshow(picture, cmap="grey" if picture.ndim == 2 else None)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8)


def contact_sheet(
    pictures: Sequence[np.ndarray],
    titles: Sequence[str],
    columns: int,
    side: float = 1.3,
) -> Figure:
    """Pictures in rows of `columns`, each below its title.

    pictures : uint8[H, W, 3] RGB or Array[H, W] grey each; side : width of one, inches.
    """
    rows = -(-len(pictures) // columns)
    drawn, axes = figure(rows, columns, (columns * side, rows * side * 1.15))
    for one in axes.flat[len(pictures) :]:
        one.axis("off")
    for one, picture, title in zip(axes.flat, pictures, titles, strict=False):
        draw_picture(one, picture, title)
    return drawn


def draw_tiles(
    tiles: np.ndarray, groups: Sequence[str], columns: Sequence[str]
) -> Figure:
    """Pictures uint8[R, C, H, W, 3] edge to edge, one pixel a pixel.

    groups : titles of equal runs of columns; columns : names in each of these runs.
    """
    rows, count, height, width, _ = tiles.shape
    whole = tiles.swapaxes(1, 2).reshape(rows * height, count * width, 3)
    sides = np.array([count * width, rows * height + TITLES]) / DOTS_PER_INCH
    drawn = plt.figure(figsize=sides)
    axes = drawn.add_axes((0, 0, 1, rows * height / (rows * height + TITLES)))
    axes.imshow(whole, interpolation="none", aspect="auto")
    middles = (np.arange(count) + 0.5) * width
    names = [columns[i % len(columns)] for i in range(count)]
    axes.set_xticks(middles, names, fontsize=6)
    axes.tick_params(axis="x", top=True, labeltop=True, bottom=False, length=0)
    axes.set_yticks([])
    for number, group in enumerate(groups):
        x, y = (number + 0.5) / len(groups), 1 + 0.5 * TITLES / len(whole)
        axes.text(x, y, group, transform=axes.transAxes, ha="center", fontsize=8)
    return drawn


def draw_embedding(
    axes: Axes, points: np.ndarray, groups: Sequence[str], title: str = ""
) -> None:
    """Points float[N, 2], each group with its own colour and mark."""
    look, (x, y) = looks(groups), points.T
    look.pop("dashes")
    sns.scatterplot(x=x, y=y, hue=groups, style=groups, s=24, **look, ax=axes)
    axes.set_title(title, fontsize=9)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1))


def draw_intervals(axes: Axes, tables: Mapping[str, pd.DataFrame], label: str) -> None:
    """Means with intervals, one row a method, of one or two tables of the same methods.

    tables : by what the legend calls them, the second drawn a little below the first;
    columns method, mean, low and high. label : of the axis, with its unit.
    """
    methods = next(iter(tables.values()))["method"]
    places = np.arange(len(methods))[::-1]
    axes.set_yticks(places, methods)
    axes.set(xlabel=label, ylim=(-0.7, len(methods) - 0.3))
    for number, (name, table) in enumerate(tables.items()):
        errors = np.stack([table["mean"] - table["low"], table["high"] - table["mean"]])
        axes.errorbar(
            table["mean"],
            places - 0.25 * number,
            xerr=errors,
            fmt="ox"[number],
            capsize=3,
            color=[PALETTE[0], "black"][number],
            label=name,
        )


def draw_differences(axes: Sequence[Axes], table: pd.DataFrame) -> None:
    """Forest plot of paired differences: a row a pair, an axis a metric, a line at 0.

    table : columns first, second, metric, mean, low and high, of as many metrics as
    there are axes.
    """
    named = table.assign(method=table["first"] + " minus " + table["second"])
    pairs = named["method"].unique()
    metrics = named["metric"].unique()
    for number, (one, metric) in enumerate(zip(axes, metrics, strict=True)):
        part = named[named["metric"] == metric].set_index("method")
        rows = part.reindex(pairs).rename_axis("method")
        draw_intervals(one, {metric: rows.reset_index()}, metric)
        one.axvline(0, color="black", linewidth=0.8)
        if number:  # the rows are those of the first
            one.set_yticklabels([])


def draw_confusion(axes: Axes, counts: np.ndarray, names: Sequence[str]) -> None:
    """Confusion matrix int[K, K] with the true classes as rows, predictions as columns.

    Colours and numbers are shares of the row.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    look = {"vmin": 0, "vmax": 1, "cmap": "Blues", "square": True, "cbar": False}
    look |= {"annot": True, "fmt": ".2f", "annot_kws": {"fontsize": 7}}
    ticks = {"xticklabels": list(names), "yticklabels": list(names)}
    sns.heatmap(shares, **look, **ticks, ax=axes)
    axes.tick_params("x", rotation=45)
    axes.set(xlabel="recognised", ylabel="true")


def draw_diagram(
    axes: Axes,
    boxes: Mapping[str, tuple[float, float]],
    arrows: Sequence[tuple[str, str]],
    dashed: Sequence[str] = (),
) -> None:
    """Named boxes at (column, row) places, row 0 lowest, and arrows between them."""
    frames = {}
    for name, place in boxes.items():
        colour, line = (PALETTE[5], "--") if name in dashed else (PALETTE[0], "-")
        frame = {"boxstyle": "round", "fc": "#eef3f8", "ec": colour, "ls": line}
        text = axes.text(*place, name, ha="center", va="center", fontsize=9, bbox=frame)
        frames[name] = text.get_bbox_patch()
    for start, end in arrows:
        ends = {"patchA": frames[start], "patchB": frames[end]}
        arrow = {"arrowstyle": "->", "shrinkA": 1, "shrinkB": 1, **ends}
        axes.annotate("", boxes[end], boxes[start], arrowprops=arrow, zorder=1)
    columns, rows = zip(*boxes.values(), strict=True)
    axes.set(
        xlim=(min(columns) - 0.5, max(columns) + 0.5),
        ylim=(min(rows) - 0.4, max(rows) + 0.4),
    )
    axes.axis("off")


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


def marked(
    frames: np.ndarray, landmarks: np.ndarray, found: np.ndarray | None = None
) -> list[np.ndarray]:
    """Frames, enlarged, with landmarks drawn; those without a face get a border.

    frames : uint8[F, H, W, 3]; landmarks : float[F, 68, 2 or 3] px; found : bool[F].
    """
    pictures = []
    for number, (frame, face) in enumerate(zip(frames, landmarks, strict=True)):
        large = cv2.resize(
            frame, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_LINEAR
        )
        draw_landmarks(large, scale_points(face[:, :2], ZOOM), ZOOM)
        if found is not None and not found[number]:
            corner = (large.shape[1] - 1, large.shape[0] - 1)
            cv2.rectangle(large, (0, 0), corner, MISSED, 8 * ZOOM)
        pictures.append(large)
    return pictures


def draw_cloud(
    axes: Axes, landmarks: np.ndarray, mean: np.ndarray, title: str = ""
) -> None:
    """All landmarks of a clip as a cloud around a mean face.

    landmarks : float[F, 68, 2 or 3], mean : float[68, 2 or 3], px of the canonical
    frame.
    """
    points = landmarks[..., :2].reshape(-1, 2)
    axes.plot(*points.T, ".", color=PALETTE[0], ms=1, alpha=0.3)
    axes.plot(*mean[:, :2].T, "x", color=PALETTE[5], ms=3, label="mean face")
    in_canonical_frame(axes)
    axes.set_title(title)


def draw_shares(
    axes: Axes, values: Mapping[str, np.ndarray], bins: np.ndarray, label: str
) -> None:
    """Histograms over each other, which differ in colour and hatching.

    values : float[N] by name, at most three; values beyond the bins count in the outer
    ones. bins : float[K + 1], edges of the K bins, in the unit of the values, which
    `label` names.
    """
    for number, (name, numbers) in enumerate(values.items()):
        sns.histplot(
            np.clip(numbers, bins[0], bins[-1]),
            bins=bins.tolist(),
            label=name,
            alpha=0.6,
            color=PALETTE[number],
            hatch=("", "//", "..")[number],
            ax=axes,
        )
    axes.set(xlabel=label, ylabel="triplets")
    axes.legend(fontsize=7)


def draw_threshold(axes: Axes, thresholds: np.ndarray) -> None:
    """Histogram of lambda_rs / (1 - lambda_rp), eq. (5), with its median.

    thresholds : float[N], a ratio a triplet, without unit.
    """
    bins = np.geomspace(0.5, 200, 27)
    draw_shares(axes, {"triplets": thresholds}, bins, "threshold of eq. (5)")
    middle = float(np.median(thresholds))
    axes.axvline(middle, color=PALETTE[5], linestyle="--", label=f"median {middle:.1f}")
    axes.set_xscale("log")
    axes.legend(fontsize=7)


def draw_map(
    axes: Axes, values: np.ndarray, title: str = "", largest: float | None = None
) -> None:
    """A map over a picture, float[H, W], from 0 (dark) to `largest` (bright)."""
    axes.imshow(values, cmap="magma", vmin=0, vmax=largest)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8)


def draw_best_guess(axes: Axes, values: np.ndarray) -> None:
    """Mean absolute and squared error of each guess of a pixel; values : uint8[N]."""
    guesses = np.arange(256)
    apart = guesses[:, None] - values.astype(float)
    losses = {"absolute": np.abs(apart).mean(1), "squared": (apart**2).mean(1)}
    look = {"color": "0.8", "label": "the pixel's values"}
    sns.histplot(values, bins=32, stat="density", **look, ax=axes)
    axes.set(xlabel="brightness", ylabel="share of frames")
    beside = axes.twinx()
    for (name, loss), style, colour in zip(
        losses.items(), ("-", "--"), (PALETTE[0], PALETTE[5]), strict=True
    ):
        beside.plot(guesses, loss / loss.max(), style, color=colour, label=name)
        beside.plot(loss.argmin(), loss.min() / loss.max(), "o", color=colour)
    beside.set(ylabel="error of a guess", ylim=(0, 1))
    beside.legend(fontsize=7, title="error")


def draw_errors(axes: Axes, errors: Mapping[str, np.ndarray], unit: str) -> None:
    """Cumulative share of frames below an error, a line each. errors : float[F]."""
    for (name, values), colour, line in zip(
        errors.items(), PALETTE, ("-", "--", "-."), strict=False
    ):
        sns.ecdfplot(values, color=colour, linestyle=line, label=name, ax=axes)
    axes.set(xlabel=unit, ylabel="share of frames", ylim=(0, 1))
    axes.legend(fontsize=7)


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


class LiveCurves:
    """A monitor for training that redraws its curves in place as the log grows.

    panels : the log's columns of each panel; alt : what the finished figure shows.
    """

    def __init__(self, panels: Sequence[Sequence[str]], alt: str) -> None:
        self.panels, self.alt = panels, alt
        self.shown: Any = None

    def __call__(self, log: pd.DataFrame) -> None:
        """Draw the log as it is now."""
        wide = 3.2 * len(self.panels)
        drawn, axes = figure(1, len(self.panels), size=(wide, 2.6))
        for one, columns in zip(axes.flat, self.panels, strict=True):
            draw_training(one, log, [name for name in columns if name in log])
        data, metadata = as_output(drawn, self.alt)
        if self.shown is None:
            self.shown = display(data, raw=True, metadata=metadata, display_id=True)
            show_caption(self.alt)
        else:
            self.shown.update(data, raw=True, metadata=metadata)


def draw_training(axes: Axes, log: pd.DataFrame, columns: Sequence[str]) -> None:
    """Curves of a training log over steps, smoothed; dots are single validations."""
    log = log.set_index("step")
    whole = [name for name in columns if log[name].notna().all()]
    draw_lines(axes, smoothed(log[whole], 30))
    for name in set(columns) - set(whole):
        axes.plot(log[name], "o", color=PALETTE[columns.index(name)], label=name)
    axes.set(xlabel="step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.legend(fontsize=8)


def smoothed(log: pd.DataFrame, parts: int) -> pd.DataFrame:
    """Running means over 1/parts of a log."""
    return log.rolling(max(1, len(log) // parts), min_periods=1).mean()


def draw_histograms(axes: Axes, shares: Mapping[str, pd.Series], label: str) -> None:
    """Histograms beside each other: shares by the lower edge of equal bins."""
    width = 0.09 / len(shares)
    for number, (name, share) in enumerate(shares.items()):
        places = share.index.to_numpy() + 0.05 + (number - 0.5) * width
        hatch = ("", "///", "...")[number % 3]
        axes.bar(places, share, width, label=name, color=PALETTE[number], hatch=hatch)
    axes.set(xlabel=label, ylabel="share", xlim=(0, 1))
    axes.legend(fontsize=8)


def draw_logs(axes: Axes, logs: Mapping[str, pd.DataFrame], column: str) -> None:
    """One column of several logs over steps, smoothed, a line style each."""
    columns = {name: log.set_index("step")[column] for name, log in logs.items()}
    draw_lines(axes, smoothed(pd.DataFrame(columns), 20))
    axes.set(xlabel="step", title=column)


def draw_learning_curves(axes: Axes, table: pd.DataFrame, metric: str) -> None:
    """A metric over steps, a line a method: the mean of seeds, in a band of them all.

    table : columns method, metric, step and value, as of `Experiment.run`.
    """
    chosen = table[(table["metric"] == metric) & table["step"].notna()]
    look: dict[str, Any] = looks(list(chosen["method"])) | {"markers": False}
    look |= {"hue": "method", "style": "method", "errorbar": ("pi", 100)}
    sns.lineplot(chosen, x="step", y="value", **look, ax=axes)
    if legend := axes.get_legend():  # one for all axes of the figure
        legend.remove()
    axes.set(xlabel="step", ylabel="", title=metric)


def draw_learning_curve(axes: Axes, table: pd.DataFrame, unit: str) -> None:
    """Differences with intervals over the number of training speakers.

    table : columns speakers, mean, low and high.
    """
    places = np.arange(len(table))
    errors = np.stack([table["mean"] - table["low"], table["high"] - table["mean"]])
    axes.errorbar(places, table["mean"], errors, fmt="o-", capsize=3)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(places, table["speakers"].astype(str))
    axes.set(xlabel="training speakers", ylabel=unit)

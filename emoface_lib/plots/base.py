"""Figures: data in, axes out; every figure has a caption, also for screen readers."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
from emoface_lib.core.landmarks import CANONICAL_SIDE, POLYLINES

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

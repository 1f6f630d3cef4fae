"""Figures say nothing by colour alone, and their colours survive colour blindness."""

from collections.abc import Callable
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

from emoface_lib import plots
from emoface_lib.core.errors import InputError
from emoface_lib.plots import PALETTE

# How full dichromats see linear RGB: Machado et al. 2009, severity 1.0.
SIGHT = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
APART = 10  # CIEDE2000; about 2.3 is just noticed side by side


def seen_as(colours: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """sRGB float[N, 3] through a matrix on linear RGB, as sRGB."""
    linear = np.where(
        colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4
    )
    linear = np.clip(linear @ matrix.T, 0, 1)
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )


def closest(colours: np.ndarray) -> float:
    """The smallest CIEDE2000 of two of the colours, sRGB float[N, 3]."""
    lab = rgb2lab(colours[None])[0]
    return min(float(deltaE_ciede2000(*pair)) for pair in combinations(lab, 2))


@pytest.mark.parametrize("kind", SIGHT)
def test_colours_are_told_apart_by_the_colour_blind(kind: str) -> None:
    colours = np.array([to_rgb(colour) for colour in PALETTE])
    assert closest(seen_as(colours, np.array(SIGHT[kind]))) > APART


@pytest.mark.parametrize(("kind", "pair"), [("protanopia", ("r", "#8a7a00"))])
def test_red_and_olive_are_one_colour_to_some(kind: str, pair: tuple[str, str]) -> None:
    """The measure can fail: colours that differ for most people come together."""
    colours = np.array([to_rgb(colour) for colour in pair])
    assert closest(colours) > 2 * closest(seen_as(colours, np.array(SIGHT[kind])))


NAMES = list("abcdef")
CURVES = {name: np.arange(9.0) + k for k, name in enumerate(NAMES)}
LOG = pd.DataFrame(CURVES) * 0.1
LOG["step"] = range(9)
DOSE = pd.DataFrame({"clip": [0, 0, 1, 1], "amount": [0.0, 1.0] * 2, "lips": range(4)})
PROBES = pd.DataFrame(
    [
        {"factor": "phone", "split": "val", "feature": name}
        | {"mean": 0.5, "low": 0.4, "high": 0.6}
        for name in NAMES
    ]
)
DRAWN: dict[str, Callable[[Axes], object]] = {
    "curves": lambda axes: plots.draw_curves(axes, CURVES, 25, "px"),
    "embedding": lambda axes: plots.draw_embedding(axes, np.zeros((6, 2)), NAMES),
    "training": lambda axes: plots.draw_training(axes, LOG, NAMES),
    "logs": lambda axes: plots.draw_logs(axes, dict.fromkeys(NAMES, LOG), "a"),
    "shares": lambda axes: plots.draw_variance_shares(axes, LOG[NAMES]),
    "probes": lambda axes: plots.draw_probes(axes, PROBES, ["val"]),
    "dose": lambda axes: plots.draw_dose(
        axes, dict.fromkeys(NAMES, DOSE), "lips", "px"
    ),
}


def look(artist: object) -> str:
    """How a line or mark in a legend is drawn, without its colour."""
    if hasattr(artist, "get_paths"):
        return str(artist.get_paths()[0].vertices.round(3).tolist())
    line = (
        artist if hasattr(artist, "get_marker") else artist[0]
    )  # an error bar has several
    return f"{line.get_marker()} {line._dash_pattern if line.get_linestyle() else ''}"


@pytest.mark.parametrize("name", DRAWN)
def test_lines_and_marks_differ_without_colour(name: str) -> None:
    drawn, axes = plots.figure()
    DRAWN[name](axes[0, 0])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    assert labels == NAMES
    assert len({look(handle) for handle in handles}) == len(NAMES)
    plt.close(drawn)


@pytest.mark.parametrize("alt", ["", "  "])
def test_a_figure_without_alt_text_is_refused(alt: str) -> None:
    drawn, _ = plots.figure()
    with pytest.raises(InputError, match="alt"):
        plots.show(drawn, alt)
    with pytest.raises(InputError, match="alt"):
        plots.as_output(drawn, alt)
    plt.close(drawn)

"""Figures say nothing by colour alone, and their colours survive colour blindness."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from emoface_lib import plots
from emoface_lib.core.errors import InputError
from emoface_lib.plots import PALETTE

# M. Okabe and K. Ito (2008), "Color Universal Design": colours that full dichromats of
# each kind distinguish.
OKABE_ITO = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73"),
    *("#F0E442", "#0072B2", "#D55E00", "#CC79A7"),
)


def test_colours_are_told_apart_by_the_colour_blind() -> None:
    assert set(PALETTE) <= {*OKABE_ITO}
    assert len(set(PALETTE)) == len(PALETTE)


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

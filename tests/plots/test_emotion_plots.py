"""Figure 2 stands as in the paper, and shows frames in which the lips are open."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.quiver import Quiver

from emoface_lib import plots
from emoface_lib.plots import draw_dose, draw_figure_2, widest


def test_figure_2_has_a_row_of_frames_for_each_curve_and_marks_their_times() -> None:
    frames = [np.zeros((4, 8, 8, 3), np.uint8)] * 3
    curves = {name: np.arange(60.0) for name in ("-2", "0", "+2")}
    seconds = np.array([0.1, 0.4, 0.7, 1.0])
    drawn = draw_figure_2(frames, curves, seconds, rate=50)
    assert sum(bool(axes.images) for axes in drawn.axes) == 12
    below = drawn.axes[-1]
    assert sum(len(line.get_xdata()) > 0 for line in below.lines) == 3 + 4
    marks = [line.get_xdata()[0] for line in below.lines[:4]]
    np.testing.assert_allclose(marks, seconds)
    assert drawn.axes[0].get_title() == "0.10 s"


def test_figure_2_shows_where_the_dial_moves_a_face_and_what_is_read_in_it() -> None:
    frames = [np.zeros((2, 8, 8, 3), np.uint8)] * 3
    curves = {name: np.arange(60.0) for name in ("-2", "0", "+2")}
    face = np.random.default_rng(0).uniform(0, 256, (68, 2))
    faces = [face - np.array([0, 4]), face, face + np.array([0, 4])]
    readings = [["sadness .9", "anger .8"], ["", ""], ["", "happiness .7"]]
    drawn = draw_figure_2(frames, curves, np.array([0.1, 0.4]), 50, faces, readings)
    arrows = [
        quiver.V.mean()
        for axes in drawn.axes
        for quiver in axes.collections
        if isinstance(quiver, Quiver)
    ]
    assert arrows == pytest.approx([-4, 0, 4])  # as drawn, before they are enlarged
    assert drawn.axes[1].get_xlabel() == "anger .8"


@given(st.lists(st.floats(0, 20), min_size=1, max_size=80), st.integers(1, 9))
def test_the_frames_shown_are_in_order_and_hold_the_widest(
    opening: list[float], count: int
) -> None:
    shots = widest(np.array(opening), count)
    assert 1 <= len(shots) <= count
    assert (np.diff(shots) > 0).all()
    assert max(opening[shot] for shot in shots) == max(opening)


def test_a_dose_counts_from_no_turn() -> None:
    rows = [
        {"clip": clip, "amount": amount, "lip opening": base + 2 * amount}
        for clip, base in (("a", 5.0), ("b", 9.0))
        for amount in (-1.0, 0.0, 1.0)
    ]
    _, axes = plots.figure()
    draw_dose(axes[0, 0], {"PC1": pd.DataFrame(rows)}, "lip opening", "px")
    np.testing.assert_allclose(axes[0, 0].lines[0].get_ydata(), [-2, 0, 2])

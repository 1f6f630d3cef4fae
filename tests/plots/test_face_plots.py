"""Figures of faces: what is drawn is what was given."""

import numpy as np

from emoface_lib import plots
from emoface_lib.core.landmarks import mean_face

FACES = np.tile(mean_face()[:, :2] * 40 + 60, (2, 1, 1))


def test_landmarks_are_drawn_where_they_are_and_gaps_get_a_border() -> None:
    frames = np.zeros((2, 120, 120, 3), np.uint8)
    whole, gap = plots.marked(frames, FACES, np.array([True, False]))
    assert whole.shape == (240, 240, 3)
    chin = (FACES[0, 8] + 0.5) * 2 - 0.5
    x, y = chin.round().astype(int)
    assert whole[y - 1 : y + 2, x - 1 : x + 2].any()
    assert not whole[:4].any()
    assert (gap[0] == plots.MISSED).all()
    assert not frames.any()  # the frames themselves stay


def test_the_threshold_is_told_by_its_median() -> None:
    _, axes = plots.figure(1, 3)
    plots.draw_threshold(axes[0, 0], np.array([1.0, 4.0, 16.0]))
    texts = [text.get_text() for text in axes[0, 0].get_legend().get_texts()]
    assert "median 4.0" in texts
    plots.draw_cloud(axes[0, 1], FACES, FACES[0], "aligned")
    assert len(axes[0, 1].lines[0].get_xdata()) == 2 * 68
    plots.draw_errors(axes[0, 2], {"dlib": np.array([3.0, 1.0])}, "px")
    assert axes[0, 2].lines[0].get_xydata()[1:].tolist() == [[1, 0.5], [3, 1]]

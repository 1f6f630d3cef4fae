"""Figures are kept with their data and a text that says the same."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from emoface_lib import plots


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict]]:
    """What was displayed: data and metadata by their types."""
    seen: list[tuple[Any, dict]] = []

    def display(data: Any, raw: bool = False, metadata: dict | None = None) -> None:
        seen.append((data, metadata or {}))

    monkeypatch.setattr(plots, "display", display)
    return seen


def test_a_figure_is_shown_with_its_text_and_kept_with_its_data(
    shown: list[tuple[Any, dict]], tmp_path: Path
) -> None:
    drawn, axes = plots.figure()
    plots.draw_curves(axes[0, 0], {"a": np.arange(5.0)}, 25, "px")
    data = pd.DataFrame({"a": np.arange(5.0)})
    plots.show(drawn, "A rising line.", tmp_path / "rising", data)
    (pictures, metadata), (caption, _) = shown
    assert re.fullmatch(r"\*\*Figure \d+\.\*\* A rising line\.", caption.data)
    assert pictures["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == "A rising line."
    for suffix in (".png", ".svg", ".csv"):
        assert (tmp_path / f"rising{suffix}").stat().st_size > 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "rising.csv"), data)


def test_figures_are_numbered(shown: list[tuple[Any, dict]]) -> None:
    for _ in range(2):
        plots.show(plots.figure()[0], "A line.")
    first, second = (int(re.search(r"\d+", one.data)[0]) for one, _ in shown[1::2])
    assert second == first + 1


@pytest.mark.slow
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        drawn, axes = plots.figure()
        plots.draw_curves(axes[0, 0], {"a": np.arange(5.0)}, 25, "px")
        plots.show(drawn, "A line.", tmp_path / name)
    for suffix in (".png", ".svg"):
        first, second = (tmp_path / f"{n}{suffix}" for n in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("count", [1, 5, 6])
def test_a_contact_sheet_shows_every_picture(count: int) -> None:
    pictures = [np.zeros((4, 4, 3), np.uint8)] * count
    drawn = plots.contact_sheet(pictures, [str(i) for i in range(count)], columns=3)
    titles = [axes.get_title() for axes in drawn.axes if axes.images]
    assert titles == [str(i) for i in range(count)]


def test_lines_can_be_told_apart_without_colour() -> None:
    assert len(set(plots.DASHES)) == len(plots.DASHES) == len(set(plots.PALETTE))


def test_tiles_lie_edge_to_edge_and_stay_small(shown: list[tuple[Any, dict]]) -> None:
    tiles = np.full((3, 4, 20, 16, 3), 128, np.uint8)
    drawn = plots.draw_tiles(tiles, ["one", "two"], ["a", "b"])
    [image] = drawn.axes[0].images
    assert image.get_array().shape[:2] == (60, 64)
    names = [label.get_text() for label in drawn.axes[0].get_xticklabels()]
    assert names[:4] == ["a", "b", "a", "b"]
    plots.show(drawn, "Grey.", kind="jpeg")
    (pictures, metadata), _ = shown
    assert pictures["image/jpeg"].startswith(b"\xff\xd8")
    assert metadata["image/jpeg"]["alt"] == "Grey."


def test_curves_of_several_seeds_lie_in_their_band() -> None:
    rows = {"step": [1, 2, 1, 2], "value": [0.0, 1.0, 2.0, 5.0], "seed": [0, 0, 1, 1]}
    table = pd.DataFrame({**rows, "method": "full", "metric": "d_rs"})
    more = pd.DataFrame({"method": ["full"], "metric": "LMD", "value": 9.0})
    _, axes = plots.figure(1, 2)
    for one, some in zip(axes.flat, (table, table[table["seed"] == 0]), strict=True):
        plots.draw_learning_curves(one, pd.concat([some, more]), "d_rs")
    seeds, single = axes.flat
    assert seeds.lines[0].get_ydata().tolist() == [1.0, 3.0]
    assert single.lines[0].get_ydata().tolist() == [0.0, 1.0]
    corners = seeds.collections[0].get_paths()[0].vertices
    assert {0.0, 1.0, 2.0, 5.0} <= set(corners[:, 1])


def test_intervals_of_two_tables_lie_beside_each_other() -> None:
    first = pd.DataFrame({"method": ["a", "b"], "mean": [1.0, 2.0]})
    first = first.assign(low=first["mean"] - 0.1, high=first["mean"] + 0.3)
    second = first.assign(mean=[1.05, np.nan])  # the second method is missing here
    _, axes = plots.figure()
    axis = axes[0, 0]
    plots.draw_intervals(axis, {"stored": first, "here": second}, "LMD, px")
    assert axis.get_legend_handles_labels()[1] == ["stored", "here"]
    assert axis.get_xlabel() == "LMD, px"
    rows = dict(zip(axis.get_yticks(), axis.get_yticklabels(), strict=True))
    above, below = (bars.lines[0] for bars in axis.containers)
    for x, y, method in zip(*above.get_data(), "ab", strict=True):
        assert rows[y].get_text() == method
        assert x == first.set_index("method")["mean"][method]
    assert (above.get_ydata() > below.get_ydata()).all()
    ends = axis.containers[0].lines[2][0].get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [0.9, 1.3])


def test_differences_have_a_row_a_pair_in_every_metric() -> None:
    rows = [("a", "b", "LMD", 0.5), ("a", "c", "LMD", -0.2), ("a", "c", "ES", 0.1)]
    table = pd.DataFrame(rows, columns=["first", "second", "metric", "mean"])
    table = table.assign(low=table["mean"] - 0.1, high=table["mean"] + 0.1)
    _, axes = plots.figure(1, 2)
    plots.draw_differences(axes[0], table)
    labels = [text.get_text() for text in axes[0, 0].get_yticklabels()]
    assert labels == ["a minus b", "a minus c"]
    assert [one.get_xlabel() for one in axes[0]] == ["LMD", "ES"]
    (alone,) = axes[0, 1].containers
    np.testing.assert_equal(np.array(alone.lines[0].get_xdata(), float), [np.nan, 0.1])
    assert alone.lines[0].get_ydata().tolist() == axes[0, 0].get_yticks().tolist()

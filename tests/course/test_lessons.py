"""Every notebook is a lesson: its frame, its checkpoints and its exercises."""

import re
from pathlib import Path

import numpy as np
import pytest
from nbformat import NotebookNode

from course.lessons import draw_on_stored, foot, found, ledger, start
from course.make_editions import exercises
from course.openers import outlines, side_by_side
from emoface_lib import plots
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import NEEDS, PRODUCTS, load_settings
from emoface_lib.core.video import read_audio, read_video, write_video
from emoface_lib.runs.notebooks import (
    PARAMETERS,
    code_cells,
    find_notebooks,
    read_notebook,
    read_source,
    tags,
)

PATHS = find_notebooks()
NAMES = [path.stem for path in PATHS]
WITH_EXERCISES = [path for path in PATHS if "01" <= path.stem[:2] <= "08"]
KINDS = ("compute", "explore", "extend")
TITLE = re.compile(r"^### Exercise \d · (.+) · \d+ minutes · (\d) points?$", re.M)
PARTS = {"01": "I", "02": "I", "03": "I", "04": "II", "05": "II", "06": "II"}


def prose(notebook: NotebookNode) -> str:
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_lesson_has_its_frame(path: Path) -> None:
    notebook = read_notebook(path)
    first, text = notebook.cells[0].source, prose(notebook)
    assert "**Question.**" in first
    assert 3 <= len(re.findall(r"^\d\. ", first, re.M)) <= 5, "objectives"
    assert re.search(
        r"\*\*Minutes\*\* on 2 cores: smoke [\d.]+, tutorial [\d.]+", first
    )
    assert "**Run before:**" in first
    for part in (
        "**Notation.**",
        "**What differs from the paper",
        "**Further reading.",
    ):
        assert part in text
    assert "## Summary" in text
    codes = [cell.source for cell in code_cells(notebook)]
    assert "lessons.foot(lesson.settings)" in codes[-1]
    assert any("lessons.found(" in code for code in codes), "numbers just computed"


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_lesson_is_set_up_in_one_line(path: Path) -> None:
    own = [c for c in code_cells(read_notebook(path)) if PARAMETERS not in tags(c)]
    line = f'lesson = lessons.start("{path.stem[:2]}", globals())'
    assert own[0].source.split("\n\n") == ["from course import lessons", line]
    assert read_source(path).reads_settings


@pytest.mark.parametrize("name", NEEDS)
def test_a_lesson_names_the_command_that_makes_what_it_lacks(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOFACE_RUNS", str(tmp_path))
    for need in NEEDS[name]:
        command = f"`emoface reproduce --profile smoke --through {need[:2]}`"
        with pytest.raises(InputError, match=command) as caught:
            start(name[:2], {"profile": "smoke"})
        (shown,) = caught.value._render_traceback_()
        assert shown == str(caught.value)
        left = tmp_path / "smoke" / PRODUCTS[need]
        left.parent.mkdir(parents=True)
        left.touch()
    assert start(name[:2], {"profile": "smoke", "seed": 3}).settings.seed == 3


def needed(name: str) -> set[str]:
    return {other for need in NEEDS[name] for other in (need, *needed(need))}


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_lesson_names_no_folder_of_one_that_it_does_not_need(path: Path) -> None:
    code = "\n".join(c.source for c in code_cells(read_notebook(path)))
    for other in set(PRODUCTS) - needed(path.stem) - {path.stem}:
        left = PRODUCTS[other].partition("/")[0]
        assert f'run.path("{left}"' not in code
        assert f'run.product("{other}")' not in code


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_lesson_says_which_it_needs(path: Path) -> None:
    (said,) = re.findall(r"\*\*Run before:\*\* (.*)\.", prose(read_notebook(path)))
    numbers: set[str] = set()
    for part in [] if said == "nothing" else said.split(", "):
        first, _, last = part.partition(" to ")
        numbers |= {f"{n:02d}" for n in range(int(first), int(last or first) + 1)}
    assert numbers == {name[:2] for name in needed(path.stem)}


def test_a_prepared_corpus_is_named_in_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOFACE_RUNS", str(tmp_path))
    given = {"profile": "smoke", "corpus": "lrw"}
    with pytest.raises(InputError, match="--through 04 -p corpus=lrw`"):
        start("05", given)
    with pytest.raises(InputError, match="no prepared corpus"):
        start("04", given)


def test_faces_stand_side_by_side_with_their_sounds_beginning(tmp_path: Path) -> None:
    sound, video = tmp_path / "sound.mp4", tmp_path / "faces.mp4"
    frames = np.zeros((60, 64, 64, 3), np.uint8)
    write_video(sound, frames, np.sin(np.arange(38_400) / 9).astype(np.float32))
    face = np.full((60, 68, 2), 32.0)
    face[:, 8:17] = 48  # a line of the jaw, to the right below
    shown = side_by_side(video, [frames, outlines(face, 64)], sound, seconds=1)
    drawn, rate = read_video(video)
    assert drawn.shape == (25, 64, 128, 3)
    assert rate == 25
    assert drawn[:, :, :64].max() < 40 < drawn[:, :, 64:].max()
    assert len(read_audio(video)) == pytest.approx(16_000, abs=2_000)
    assert "video/mp4;base64" in shown._repr_html_()


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_checkpoints_have_folded_answers(path: Path) -> None:
    text = prose(read_notebook(path))
    asked = text.count("**Checkpoint.**")
    answers = text.count("<details><summary>Answer</summary>\n\n")
    assert asked == answers >= 2
    assert text.count("<details>") == text.count("\n\n</details>")


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_names_in_formulas_are_upright(path: Path) -> None:
    upright = re.compile(r"\\(?:mathrm|text|begin|end)\{[^}]*\}|\\[A-Za-z]+")
    for formula in re.findall(r"\$\$?[^$]+\$\$?", prose(read_notebook(path))):
        assert not re.search(r"[A-Za-z]{3}", upright.sub(" ", formula)), formula


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda path: path.stem)
def test_a_lesson_has_exercises_of_every_kind(path: Path) -> None:
    notebook = read_notebook(path)
    text, given = prose(notebook), exercises(notebook)
    titles = TITLE.findall(text)
    assert len(titles) == len(given) >= 3
    assert [int(points) for _, points in titles] == [each.points for each in given]
    assert {kind for kind, _ in titles} >= set(KINDS)
    assert text.count("<summary>Hint 1</summary>") == len(given)
    assert text.count("<summary>Hint 2</summary>") == len(given)


def test_each_part_has_a_silent_bug() -> None:
    kinds = {
        (PARTS.get(path.stem[:2], "III"), kind)
        for path in WITH_EXERCISES
        for kind, _ in TITLE.findall(prose(read_notebook(path)))
    }
    found = {part for part, kind in kinds if kind == "find the silent bug"}
    assert found == {"I", "II", "III"}


def test_the_foot_names_what_made_the_outputs() -> None:
    line = foot(load_settings("smoke", seed=3)).data
    for part in ("emoface ", "profile `smoke`", "seed 3", "Python 3", "torch 2"):
        assert part in line


def test_found_numbers_are_listed() -> None:
    shown = found({"LMD, px": np.float32(1.23456), "clips": 20, "device": "cpu"}).data
    assert shown == "* LMD, px: **1.23**\n* clips: **20**\n* device: **cpu**"


def test_a_run_is_drawn_on_what_the_ledger_has() -> None:
    _, axes = plots.figure()
    pattern = r"^(?P<method>.*): arousal that the face shows$"
    here = {"arousal, supervised": 0.5, "PCA as in the paper": 0.25}
    draw_on_stored(axes[0, 0], pattern, here, "arousal")
    rows = ledger().set_index("name")
    stored, this = axes[0, 0].containers
    for number, method in enumerate(
        label.get_text() for label in axes[0, 0].get_yticklabels()
    ):
        row = rows.loc[f"{method}: arousal that the face shows"]
        (low, _), (high, _) = stored.lines[2][0].get_segments()[number]
        assert f"interval {low:.3f} to {high:.3f}" in row["how"]
        assert stored.lines[0].get_xdata()[number] == float(row["value"])
        assert this.lines[0].get_xdata()[number] == here[method]

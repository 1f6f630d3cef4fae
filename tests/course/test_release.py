"""The student edition through nbgrader: handed out, solved by a script, marked.

Runs where nbgrader is: `make test-course`.
"""

import shutil
from pathlib import Path

import pytest

from emoface_lib.core.settings import Run, load_settings
from emoface_lib.runs.notebooks import find_notebook

pytest.importorskip("nbgrader", reason="needs nbgrader: `make test-course` runs this")

from course import release
from course.make_editions import exercises, lessons, mistakes_of
from course.release import answers, hand_in, make_course, marks, nbgrader
from emoface_lib.runs.notebooks import read_notebook

PATH = find_notebook("04", lessons())
LESSON = PATH.stem


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which three students have handed in a lesson that is marked."""
    smoke = Run(load_settings("smoke"))
    if not smoke.path("content").exists():
        pytest.skip("needs runs/smoke: run `emoface reproduce --profile smoke`")
    folder, runs = (tmp_path_factory.mktemp(name) for name in ("course", "runs"))
    # marking runs lessons, after which what they leave in a run is not up to date there
    others = shutil.ignore_patterns("corpus", "jupyter", "notebooks", "batch")
    shutil.copytree(smoke.folder, runs / "smoke", ignore=others)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOFACE_RUNS", str(runs))
        make_course(folder)
    wrong = {name: pairs[0][0] for name, pairs in mistakes_of(LESSON).items()}
    hand_in(folder, PATH, "solved", answers(PATH), profile="smoke")
    hand_in(folder, PATH, "empty", {}, profile="smoke", alone=True)
    hand_in(folder, PATH, "mistaken", wrong, profile="smoke", alone=True)
    nbgrader(folder, "autograde", LESSON)
    return folder


def test_solutions_get_full_marks_and_stubs_none(course: Path) -> None:
    got = marks(course, LESSON)
    worth = {e.check.id: e.points for e in exercises(read_notebook(PATH))}
    assert got["solved"] == worth
    assert set(got["empty"].values()) == set(got["mistaken"].values()) == {0}


def test_students_read_a_sentence_for_each_mistake(course: Path) -> None:
    nbgrader(course, "generate_feedback", LESSON)
    page = (course / "feedback" / "mistaken" / LESSON / f"{LESSON}.html").read_text()
    for pairs in mistakes_of(LESSON).values():
        assert pairs[0][1] in page


def test_a_teachers_edit_is_kept(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "lessons", lambda: [PATH])  # one tells it of all
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "# mine\n")
    for made in ("source", "release"):
        shutil.rmtree(course / made)
    make_course(course)
    assert config.read_text().endswith("# mine\n")
    assert (course / "submitted" / "solved" / LESSON / PATH.name).exists()
    assert (course / "release" / LESSON / PATH.name).exists()

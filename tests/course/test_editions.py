"""The editions are those of the notebooks, and nothing that is hidden is in them."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course.make_editions import (
    CHECK,
    SOLUTION,
    STUB,
    editions,
    exercises,
    instructor,
    lessons,
    main,
    solution,
    student,
    text_of,
)
from emoface_lib.runs.notebooks import code_cells, read_notebook, tags

LESSONS = lessons()
NAMES = [path.stem for path in LESSONS]
MASTER = new_notebook(
    cells=[
        new_code_cell(
            "def area(r):\n    ### BEGIN SOLUTION\n    s = r * r\n"
            "    return 3 * s\n    ### END SOLUTION",
            id="ex-1",
            metadata={"tags": [SOLUTION]},
            outputs=[new_output("stream", text="val")],
        ),
        new_code_cell(
            "check(area)\n### BEGIN HIDDEN TESTS\nassert area(1) == 3\n"
            "### END HIDDEN TESTS",
            id="ex-1-check",
            metadata={"tags": [CHECK, "points-2"]},
        ),
    ]
)


def test_a_student_gets_a_stub_and_no_hidden_test() -> None:
    stub, check = student(MASTER).cells
    assert stub.source == (
        "def area(r):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    )
    assert check.source == "check(area)"
    assert stub.outputs == []
    assert stub.execution_count is None
    assert check.metadata.nbgrader.points == 2
    assert check.metadata.nbgrader.locked
    assert stub.metadata.nbgrader.solution
    assert not stub.metadata.nbgrader.grade


def test_a_solution_has_the_answer_without_markers() -> None:
    answer, check = solution(MASTER).cells
    assert answer.source == "def area(r):\n    s = r * r\n    return 3 * s"
    assert check.source == "check(area)"
    kept = solution(MASTER, outputs=True).cells[0]
    assert kept.outputs[0].text == "val"


def test_an_instructor_gets_everything_and_the_mistakes() -> None:
    cells = instructor(MASTER, {"ex-1": [("return 3 * r", "squared")]}).cells
    assert [cell.cell_type for cell in cells] == ["code", "markdown", "code"]
    assert "### BEGIN SOLUTION" in cells[0].source
    assert "squared" in cells[1].source
    assert "### BEGIN HIDDEN TESTS" in cells[2].source
    nbformat.validate(new_notebook(cells=cells))


def test_every_lesson_has_every_edition_and_nothing_else_has(tmp_path: Path) -> None:
    main(tmp_path)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    names = ("instructor", "solution", "student")
    assert files == [Path(name, path.name) for name in names for path in LESSONS]


@pytest.mark.parametrize("path", LESSONS, ids=NAMES)
def test_a_stub_holds_no_line_that_is_not_in_the_solution(path: Path) -> None:
    whole = {cell.id: cell.source for cell in code_cells(solved(path))}
    for cell in code_cells(editions(path)["student"]):
        if SOLUTION in tags(cell):
            lines = {line.strip() for line in cell.source.splitlines()}
            assert set(STUB.splitlines()) <= lines
            lines -= set(STUB.splitlines())
            assert lines <= {line.strip() for line in whole[cell.id].splitlines()}


@pytest.mark.parametrize("path", LESSONS, ids=NAMES)
def test_no_solution_and_no_hidden_test_leaks(path: Path) -> None:
    text = text_of(editions(path)["student"])
    assert "### BEGIN" not in text
    assert "### END" not in text
    sources = [c.source for c in editions(path)["student"].cells]
    for each in exercises(read_notebook(path)):
        for name in ("SOLUTION", "HIDDEN TESTS"):
            for cell in each:
                for line in hidden(cell.source, name):
                    assert not any(line in source for source in sources), line


def solved(path: Path) -> nbformat.NotebookNode:
    return editions(path)["solution"]


def hidden(source: str, name: str) -> list[str]:
    """Telling lines between a pair of markers."""
    if f"### BEGIN {name}" not in source:
        return []
    inside = source.split(f"### BEGIN {name}\n")[1].split(f"### END {name}")[0]
    return [line.strip() for line in inside.splitlines() if len(line.strip()) > 24]

"""The student, solution and instructor editions of the lessons, from `notebooks/`.

`python -m course.make_editions`. In a notebook an exercise is two code cells: one with
the tag `solution`, whose answer stands between nbgrader's markers, and later one with
the tags `check` and `points-N`, which asks the checker and may hold hidden tests.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, NamedTuple

import nbformat
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from emoface_lib.core.files import write_beside
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import (
    code_cells,
    find_notebook,
    find_notebooks,
    read_notebook,
    tags,
)

MISTAKES = Path(__file__).with_name("mistakes")
EDITIONS = REPOSITORY / "build" / "editions"
SOLUTION, CHECK, POINTS = "solution", "check", "points-"
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
Mistakes = Mapping[str, Sequence[tuple[str, str]]]


class Exercise(NamedTuple):
    """The two cells of an exercise."""

    solution: NotebookNode
    check: NotebookNode

    @property
    def points(self) -> int:
        """What the exercise is worth."""
        return points_of(self.check)


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """The exercises of a lesson, each check with the solution before it."""
    marked = [c for c in code_cells(notebook) if {SOLUTION, CHECK} & set(tags(c))]
    return [Exercise(*pair) for pair in zip(marked[::2], marked[1::2], strict=True)]


def points_of(cell: NotebookNode) -> int:
    """Points of a check cell, from its tag `points-N`."""
    return next(int(t.removeprefix(POINTS)) for t in tags(cell) if t.startswith(POINTS))


def student(notebook: NotebookNode) -> NotebookNode:
    """Without outputs, with stubs in place of solutions and without hidden tests."""
    return _changed(notebook, {"SOLUTION": STUB, "HIDDEN TESTS": ""})


def solution(notebook: NotebookNode, outputs: bool = False) -> NotebookNode:
    """What is handed out after the deadline; with `outputs` for the web book."""
    return _changed(notebook, {"SOLUTION": None, "HIDDEN TESTS": ""}, outputs)


def instructor(notebook: NotebookNode, mistakes: Mistakes) -> NotebookNode:
    """nbgrader's source: everything, and the typical mistakes below each exercise."""
    made = _changed(notebook, {})
    cells = []
    for cell in made.cells:
        cells.append(cell)
        if wrong := mistakes.get(cell.id):
            cells.append(new_markdown_cell(_told(wrong), id=f"{cell.id}-mistakes"))
    made.cells = cells
    return made


def mistakes_of(lesson: str) -> Mistakes:
    """The typical mistakes in a lesson's exercises, by id of the solution's cell.

    Each is a wrong answer and words of the sentence that its checker says. Raises
    ValueError if one changes a piece that the solution does not hold.
    """
    path = MISTAKES / f"lesson_{lesson[:2]}.yml"
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    notebook = solution(read_notebook(find_notebook(lesson, find_notebooks())))
    return {
        one.id: [(_wrong(row, one.source), row["said"]) for row in found[one.id]]
        for one, _ in exercises(notebook)
    }


def _wrong(row: Mapping[str, str], right: str) -> str:
    """The code of a wrong answer, given whole or by a piece of the right one."""
    if "code" in row:
        return row["code"]
    if row["piece"] not in right:
        raise ValueError(f"The solution does not hold {row['piece']!r}.")
    return right.replace(row["piece"], row["other"])


def editions(path: Path) -> dict[str, NotebookNode]:
    """All editions of the lesson at `path`, by name."""
    notebook = read_notebook(path)
    return {
        "student": student(notebook),
        "solution": solution(notebook),
        "instructor": instructor(notebook, mistakes_of(path.stem)),
    }


def lessons() -> list[Path]:
    """The notebooks that have exercises."""
    return [path for path in find_notebooks() if exercises(read_notebook(path))]


def text_of(notebook: NotebookNode) -> str:
    """A notebook as its file holds it."""
    return nbformat.writes(notebook) + "\n"


def main(folder: Path = EDITIONS) -> None:
    """Write every edition of every lesson below `folder`, and say where."""
    for path in lessons():
        for name, notebook in editions(path).items():
            with write_beside(folder / name / path.name) as beside:
                beside.write_text(text_of(notebook), encoding="utf-8")
    print(f"The editions lie in {folder}.")


def _changed(
    notebook: NotebookNode, regions: Mapping[str, str | None], outputs: bool = False
) -> NotebookNode:
    """A copy for people to work in; `regions` as `_replace` takes them."""
    made = deepcopy(notebook)
    made.metadata.pop("emoface", None)
    for cell in made.cells:
        for name, text in regions.items():
            cell.source = _replace(cell.source, name, text)
        if cell.cell_type == "code":
            if not outputs:
                cell.outputs, cell.execution_count = [], None
            cell.metadata.update(_nbgrader(cell))
    return made


def _replace(source: str, name: str, text: str | None) -> str:
    """Put `text`, indented, in place of each region; None drops its markers alone."""

    def put(found: re.Match[str]) -> str:
        body = found["body"] if text is None else indent(text, found["space"])
        return f"{body.rstrip()}\n" if body else ""

    region = rf"^(?P<space> *)### BEGIN {name}\n(?P<body>.*?)^ *### END {name}(\n|\Z)"
    return re.sub(region, put, source, flags=re.S | re.M).rstrip("\n")


def _nbgrader(cell: NotebookNode) -> Iterator[tuple[str, Any]]:
    """nbgrader's metadata of a cell of an exercise."""
    kinds = {SOLUTION, CHECK} & set(tags(cell))
    if not kinds:
        return
    marked: dict[str, Any] = {
        "grade": CHECK in kinds,
        "grade_id": cell.id,
        "locked": CHECK in kinds,
        "schema_version": 3,
        "solution": SOLUTION in kinds,
        "task": False,
    }
    if CHECK in kinds:
        marked["points"] = points_of(cell)
    yield "nbgrader", nbformat.from_dict(marked)


def _told(wrong: Sequence[tuple[str, str]]) -> str:
    """Typical mistakes and what the checker says to them, for the teacher."""
    parts = [
        f"```python\n{dedent(code).strip()}\n```\n\nThe checker: *… {d_content} …*"
        for code, d_content in wrong
    ]
    return "\n\n".join(["**Typical mistakes**", *parts])


if __name__ == "__main__":
    main()

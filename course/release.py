"""A course folder for nbgrader from the lessons: `make course`.

Needs nbgrader, which `make course` installs beside the environment. The folder is the
teacher's: nothing in it is overwritten but `source/` and `release/`.
"""

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Annotated

import nbconvert
import typer

from course.make_editions import (
    CHECK,
    SOLUTION,
    instructor,
    lessons,
    solution,
    student,
    text_of,
)
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
from emoface_lib.core.settings import runs_folder
from emoface_lib.runs.notebooks import PARAMETERS, code_cells, read_notebook, tags
from tools.check_notebooks import STORED_PROFILE

CONFIG = """\
# Written by `make course`; yours to change.
import os

# where nbgrader finds its helpers, nbconvert's templates, and what is trained already
os.environ["PATH"] = "{beside}:" + os.environ["PATH"]
os.environ["JUPYTER_PATH"] = "{templates}"
os.environ["EMOFACE_RUNS"] = "{runs}"
os.environ["OMP_NUM_THREADS"] = os.environ["TQDM_DISABLE"] = "1"

c = get_config()
c.CourseDirectory.course_id = "emoface"
c.ExecutePreprocessor.timeout = 1800  # s a cell: some train a network
"""
BESIDE = Path(sys.executable).parent  # nbgrader lies beside this Python
NEXT = """\
The course lies in {folder}:
  release/    the lessons to hand out, one assignment each
  source/     what they were made from, with solutions and hidden tests
When students have handed in submitted/STUDENT/LESSON/LESSON.ipynb, mark them there with
  {nbgrader} autograde LESSON
  {nbgrader} generate_feedback LESSON
"""


def main(folder: Annotated[Path | None, typer.Argument()] = None) -> None:
    """Lay out an nbgrader course in FOLDER (by default runs/course)."""
    folder = folder or runs_folder() / "course"
    make_course(folder)
    print(NEXT.format(folder=folder, nbgrader=BESIDE / "nbgrader"))


def make_course(folder: Path) -> None:
    """Write `source/` of every lesson and let nbgrader make `release/` of it.

    Raises InputError if nbgrader fails, or hands out other code than the student
    edition's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nbgrader_config.py"
    if not config.exists():
        config.write_text(config_text(), encoding="utf-8")
    for path in lessons():
        text = text_of(instructor(read_notebook(path), {}))
        with write_beside(folder / "source" / path.stem / path.name) as beside:
            beside.write_text(text, encoding="utf-8")
    nbgrader(folder, "generate_assignment", "[0-9][0-9]_*", "--force")
    for path in lessons():
        _compare(path, folder / "release" / path.stem / path.name)


def config_text() -> str:
    """nbgrader's configuration on this machine."""
    templates = Path(nbconvert.__file__).parents[4] / "share" / "jupyter"
    runs = runs_folder().resolve()
    return CONFIG.format(beside=BESIDE, templates=templates, runs=runs)


def nbgrader(folder: Path, *words: str) -> str:
    """Run an nbgrader command in a course folder; returns what it says.

    Raises InputError with its last lines if it fails.
    """
    done = subprocess.run(
        [BESIDE / "nbgrader", *words],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise InputError(f"`nbgrader {' '.join(words)}` failed in {folder}:\n{last}")
    return done.stdout


def answers(path: Path) -> dict[str, str]:
    """The solutions of a lesson's exercises: id of the cell -> its code."""
    return {
        cell.id: cell.source
        for cell in code_cells(solution(read_notebook(path)))
        if SOLUTION in tags(cell)
    }


def hand_in(
    folder: Path,
    path: Path,
    who: str,
    given: Mapping[str, str],
    profile: str = STORED_PROFILE,
    alone: bool = False,
) -> None:
    """Hand the lesson at `path` in for a made-up student.

    given : code to paste into the student edition, by id of the cell; alone : empty the
    cells that neither import nor belong to an exercise, which an answer can do without.
    """
    notebook = read_notebook(folder / "release" / path.stem / path.name)
    for cell in code_cells(notebook):
        cell.source = dedent(given.get(cell.id, cell.source)).strip()
        if PARAMETERS in tags(cell):
            cell.source = cell.source.replace(f'"{STORED_PROFILE}"', f'"{profile}"')
        elif alone and not {SOLUTION, CHECK} & set(tags(cell)):
            cell.source = imports(cell.source)
    with write_beside(folder / "submitted" / who / path.stem / path.name) as beside:
        beside.write_text(text_of(notebook), encoding="utf-8")


def imports(source: str) -> str:
    """The import statements of a cell."""
    kept = (ast.Import, ast.ImportFrom)
    found = [node for node in ast.parse(source).body if isinstance(node, kept)]
    return "\n".join(map(ast.unparse, found))


def marks(folder: Path, lesson: str) -> dict[str, dict[str, float]]:
    """Points in a lesson: student -> id of the check cell -> points."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder.resolve()}/gradebook.db", "emoface") as book:
        return {
            handed.student.id: {
                grade.name: grade.score
                for notebook in handed.notebooks
                for grade in notebook.grades
            }
            for handed in book.assignment_submissions(lesson)
        }


def _compare(path: Path, released: Path) -> None:
    """See that nbgrader's student edition is ours."""
    ours = [cell.source for cell in student(read_notebook(path)).cells]
    if ours != [cell.source for cell in read_notebook(released).cells]:
        raise InputError(f"{released} is not the student edition of {path.name}.")


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        sys.exit(str(error))

"""Build the web book from the stored outputs of the notebooks: `make book`.

Nothing is run and nothing is fetched. Sphinx reads a copy of the pages in
`build/book_source`, laid out as the repository, so that links between files hold.
"""

import re
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from course.make_editions import SOLUTION, solution, text_of
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import (
    PARAMETERS,
    code_cells,
    find_notebooks,
    read_notebook,
    tags,
)

BUILD = REPOSITORY / "build"
SETTINGS = REPOSITORY / "course" / "book"  # conf.py, and what is only in the book
FILES = (
    "*.md",
    "LICENSE",
    "CITATION.cff",
    "docs/*",
    "figures/*",
    "benchmarks/results.csv",
)
NBVAL = re.compile(r"^# NBVAL_\w+\n", re.M)  # marks for a test, not for readers
DO = "show", "hide"
FOLDED = {SOLUTION: "a solution", PARAMETERS: "the parameters"}  # tag -> what it is


def collect(source: Path) -> None:
    """Copy pages and what they link to into `source`, which is made anew."""
    shutil.rmtree(source, ignore_errors=True)
    for path in sorted(path for name in FILES for path in REPOSITORY.glob(name)):
        copy_into(source, path, REPOSITORY)
    for path in SETTINGS.glob("*.md"):
        copy_into(source, path, SETTINGS)
    (source / "notebooks").mkdir()
    for path in find_notebooks():
        write_lesson(path, source / "notebooks" / path.name)
    (source / "api").mkdir()
    for start in REPOSITORY.glob("emoface_lib/**/__init__.py"):
        text = describe_package(start.parent)
        (source / "api" / f"{start.parent.name}.rst").write_text(text, encoding="utf-8")


def copy_into(source: Path, path: Path, root: Path) -> None:
    """Copy `path` to the same place below `source` as it has below `root`.

    It keeps its time: Sphinx reads again what is newer than the last book.
    """
    copy = source / path.relative_to(root)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, copy)


def write_lesson(path: Path, copy: Path) -> None:
    """The notebook at `path` with outputs, without hidden tests, some cells folded."""
    lesson = solution(read_notebook(path), outputs=True)
    for cell in code_cells(lesson):
        cell.source = NBVAL.sub("", cell.source)
        for tag in {*FOLDED} & {*tags(cell)}:
            prompts = {f"code_prompt_{do}": f"{do.title()} {FOLDED[tag]}" for do in DO}
            cell.metadata.update(tags=[*tags(cell), "hide-input"], mystnb=prompts)
    copy.write_text(text_of(lesson), encoding="utf-8")
    shutil.copystat(path, copy)


def describe_package(folder: Path) -> str:
    """A page of the library's reference: a table of the modules, then each of them."""
    package = ".".join(folder.relative_to(REPOSITORY).parts)
    names = [f"{package}.{path.stem}" for path in sorted(folder.glob("[!_]*.py"))]
    table = "\n   ".join([".. autosummary::", "", *names])
    parts = [f"{name}\n{'-' * len(name)}\n\n.. automodule:: {name}" for name in names]
    return "\n\n".join([f"{package}\n{'=' * len(package)}", table, *parts, ""])


def build(source: Path, book: Path, *options: str) -> int:
    """Build `book` from `source`; options : of sphinx-build. Returns its exit code."""
    kept = f"--doctree-dir={source.with_name(f'{source.name}_read')}"
    settings = f"--conf-dir={SETTINGS}"
    return build_main([kept, settings, *options, str(source), str(book)])


def main() -> int:
    """Build the book of this repository, and say where it is."""
    source, book = BUILD / "book_source", BUILD / "book"
    collect(source)
    shutil.rmtree(book, ignore_errors=True)  # pages that there are no longer
    if code := build(source, book, "--quiet", *sys.argv[1:]):
        return code
    print(f"Open {book / 'index.html'} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

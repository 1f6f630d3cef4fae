"""Slides of the lessons, from the same cells: `make slides`.

A section of a lesson is a column of slides: its text first, then each cell that shows
something, below it. Code is left out; exercises are not slides. Nothing is run. The
page fetches reveal.js when it is opened.
"""

import sys
from pathlib import Path

from nbconvert import SlidesExporter
from nbformat import NotebookNode

from course.make_editions import solution
from emoface_lib.core.files import write_beside
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import find_notebooks, read_notebook

SLIDES = REPOSITORY / "build" / "slides"


def slides(notebook: NotebookNode) -> NotebookNode:
    """A copy whose cells say where they stand, as nbconvert asks it of metadata."""
    made, shown = solution(notebook, outputs=True), True
    for cell in made.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            shown = not cell.source.startswith("## Exercises") and (
                shown or cell.source.startswith("## Summary")
            )
        cell.metadata["slideshow"] = {"slide_type": _kind(cell) if shown else "skip"}
    return made


def _kind(cell: NotebookNode) -> str:
    if cell.cell_type == "code":
        return "subslide" if cell.outputs else "skip"
    if cell.source.startswith(("# ", "## ")):
        return "slide"
    return "subslide" if "**Checkpoint.**" in cell.source else "-"


def main(folder: Path = SLIDES) -> int:
    """Write the slides of every lesson into `folder`, and say where."""
    exporter = SlidesExporter(exclude_input=True, reveal_scroll=True)
    for path in find_notebooks():
        text, _ = exporter.from_notebook_node(slides(read_notebook(path)))
        with write_beside(folder / f"{path.stem}.html") as beside:
            beside.write_text(text, encoding="utf-8")
    print(f"The slides lie in {folder}; open one in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

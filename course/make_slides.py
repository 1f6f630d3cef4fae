"""Slides of the lessons, from the same cells: `make slides`.

A section of a lesson is a column of slides: its text first, then each cell that shows
something, below it. Code is left out; exercises are not slides. Nothing is run. The
pages need no network where npm has put reveal.js and its helpers beside them.
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
BESIDE = {  # setting of nbconvert -> what npm leaves for it, relative to the slides
    "reveal_url_prefix": "node_modules/reveal.js",
    "require_js_url": "node_modules/requirejs/require.js",
    "jquery_url": "node_modules/jquery/dist/jquery.min.js",
    "mathjax_url": "node_modules/mathjax/MathJax.js?config=TeX-AMS_CHTML-full,Safe",
    "mermaid_js_url": "data:text/javascript,export default {initialize() {}}",
}


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
    opens = "**Checkpoint.**" in cell.source or "*Recall:*" in cell.source
    return "subslide" if opens else "-"


def main(folder: Path = SLIDES) -> int:
    """Write the slides of every lesson into `folder`, and say where."""
    beside = BESIDE if (folder / "node_modules").exists() else {}
    exporter = SlidesExporter(
        exclude_input=True,
        exclude_output_prompt=True,
        reveal_height="800",
        reveal_scroll=True,
        reveal_theme="serif",  # keeps capitals apart, and loads no fonts
        **beside,
    )
    for path in find_notebooks():
        text, _ = exporter.from_notebook_node(slides(read_notebook(path)))
        with write_beside(folder / f"{path.stem}.html") as page:
            page.write_text(text, encoding="utf-8")
    needs = "" if beside else " They fetch reveal.js: without npm none is beside them."
    print(f"The slides lie in {folder}; open one in a browser.{needs}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Slides are made of a lesson's own cells."""

import re
from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.make_slides import main, slides


def test_text_and_outputs_are_slides_code_and_exercises_are_not() -> None:
    shown = new_output("stream", text="3 px")
    cells = {
        "# 04": "slide",
        "## 1. Why": "slide",
        "Because.": "-",
        "**Checkpoint.** What if?": "subslide",
        "Look. *Recall:* this.": "subslide",
        "## Exercises": "skip",
        "### Exercise 1": "skip",
        "## Summary": "slide",
    }
    notebook = new_notebook(cells=[new_markdown_cell(text) for text in cells])
    notebook.cells += [new_code_cell("f()", outputs=[shown]), new_code_cell("import f")]
    kinds = [cell.metadata.slideshow.slide_type for cell in slides(notebook).cells]
    assert kinds == [*cells.values(), "subslide", "skip"]


def test_slides_load_nothing_from_the_web_if_it_is_beside_them(tmp_path: Path) -> None:
    (tmp_path / "node_modules").mkdir()
    main(tmp_path)
    text = (tmp_path / "00_overview.html").read_text(encoding="utf-8")
    sources = re.findall(r"<(?:script|link)[^>]* (?:src|href)=\"([^\"]*)", text)
    assert len(sources) > 4
    assert [source for source in sources if source.startswith("http")] == []
    assert "unpkg.com" not in text

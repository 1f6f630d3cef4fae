"""Measure the lessons: what a student builds and reads.

PYTHONPATH=. python benchmarks/course.py
"""

import re

from nbformat import NotebookNode
from results import enter

from emoface_lib.runs.notebooks import (
    PARAMETERS,
    code_cells,
    find_notebooks,
    read_notebook,
    tags,
)
from tools.check_language import findings

TOPIC, HOW = "course", "benchmarks/course.py"
CORE = ("00", "01", "04", "05", "08", "09")
BUILT = ("02", "04", "05", "06")
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
SECTION = re.compile(r"^## \d", re.MULTILINE)
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]*\$", re.DOTALL)


def words(text: str) -> int:
    """Words that a reader meets: a formula is one, folded answers are none."""
    return len(re.findall(r"\w[\w'-]*", FORMULA.sub("x", FOLDED.sub("", text))))


def lines_before(notebook: NotebookNode) -> int:
    """Lines of code that a reader meets before something is shown or section 1 begins.

    The parameters cell is folded and does not count.
    """
    count = 0
    for cell in notebook.cells:
        if SECTION.search(cell.source) or cell.get("outputs"):
            break
        if cell.cell_type == "code" and PARAMETERS not in tags(cell):
            count += sum(bool(line.strip()) for line in cell.source.splitlines())
    return count


def main() -> None:
    """Count, and enter what was counted."""

    def enter_count(name: str, value: int, target: str) -> None:
        enter(TOPIC, name, value, "", HOW, target)

    for path in find_notebooks():
        lesson, notebook = path.name[:2], read_notebook(path)
        code = [cell.source for cell in code_cells(notebook)]
        prose = [c.source for c in notebook.cells if c.cell_type == "markdown"]
        whole = "\n".join(code)
        if lesson in BUILT:
            modules = len(re.findall(r"class \w+\(nn\.Module\)", whole))
            enter_count(f"{lesson}: modules the student writes", modules, ">= 1")
            loops = whole.count(".backward()")
            enter_count(f"{lesson}: loops the student writes", loops, ">= 1")
        if lesson in CORE:
            lesson_part = "\n".join(prose).split("\n## Exercises")[0]
            enter_count(f"{lesson}: words", words(lesson_part), "<= 2500")
            before = lines_before(notebook)
            enter_count(f"{lesson}: lines before the first idea", before, "<= 5")
        shown = [o.get("data", {}) for c in code_cells(notebook) for o in c.outputs]
        pictures = sum(any(k.startswith("image/") for k in data) for data in shown)
        captions = [data.get("text/markdown", "") for data in shown]
        bare = pictures - sum(text.startswith("**Figure ") for text in captions)
        enter_count(f"{lesson}: figures without a caption", bare, "<= 0")
    enter_count("words of the left columns", len(list(findings())), "<= 0")


if __name__ == "__main__":
    main()

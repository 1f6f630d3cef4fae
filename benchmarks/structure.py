"""Measure the house: entries, imports between rooms, what a lesson imports, lines.

PYTHONPATH=. python benchmarks/structure.py
"""

import ast
import subprocess
import sys
import time
import tokenize
from io import StringIO
from pathlib import Path

import grimp
from results import enter

from emoface_lib.core.files import read_json
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import code_cells, find_notebooks, source
from tools.check_shapes import findings

LIBRARY = REPOSITORY / "emoface_lib"
ROOT = LIBRARY.name
PLACES = ("emoface_lib", "course", "tools", "tests", "benchmarks")
HOW = "benchmarks/structure.py"
DOCUMENTED = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef


def room_edges() -> set[tuple[str, str]]:
    """Which entry of the library imports from which other."""
    graph = grimp.build_graph(ROOT)
    edges = {
        (module.split(".")[1], imported.split(".")[1])
        for module in graph.modules - {ROOT}
        for imported in graph.find_modules_directly_imported_by(module) - {ROOT}
    }
    return {(one, other) for one, other in edges if one != other}


def cycles(edges: set[tuple[str, str]]) -> int:
    """How many entries reach themselves along `edges`."""
    reached = set(edges)
    while more := {(a, d) for a, b in reached for c, d in edges if b == c} - reached:
        reached |= more
    return sum(one == other for one, other in reached)


def lesson_imports(path: Path) -> tuple[int, int]:
    """Names that a lesson imports from the library, and modules it imports from."""
    names, modules = set(), set()
    for cell in code_cells(read_json(path)):
        for node in ast.walk(ast.parse(source(cell))):
            module = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and module.split(".")[0] == ROOT:
                modules.add(module)
                names |= {alias.name for alias in node.names}
    return len(names), len(modules)


def texts(folder: Path) -> list[str]:
    """The Python files below a folder."""
    return [path.read_text(encoding="utf-8") for path in folder.rglob("*.py")]


def lines(folder: Path) -> int:
    """Lines of the Python files below a folder."""
    return sum(len(text.splitlines()) for text in texts(folder))


def code_lines(text: str) -> int:
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    blank = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT}
    blank |= {tokenize.DEDENT, tokenize.ENDMARKER}
    held: set[int] = set()
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type not in blank:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            first = node.body[0]
            held.difference_update(range(first.lineno, (first.end_lineno or 0) + 1))
    return len(held)


def fast_tests() -> float:
    """Seconds of `make test-fast`."""
    start = time.perf_counter()
    subprocess.run(["make", "--quiet", "test-fast"], cwd=REPOSITORY, check=True)
    return time.perf_counter() - start


def enter_most(name: str, value: float, unit: str, target: float) -> None:
    """Enter a number that should be at most `target`."""
    shown = round(value, 1) if isinstance(value, float) else value
    enter("structure", name, shown, unit, HOW, f"<= {target}")


def main() -> None:
    """Measure, and enter what was measured."""
    if "--tests" in sys.argv:
        enter_most("make test-fast", fast_tests(), "s", 60)
    entries = [path for path in LIBRARY.iterdir() if not path.name.startswith("__pyc")]
    enter_most("entries at the top of the library", len(entries), "", 14)
    edges = room_edges()
    enter_most("imports between rooms", len(edges), "", 25)
    enter_most("rooms in a circle of imports", cycles(edges), "", 0)
    lessons = [lesson_imports(path) for path in find_notebooks()]
    enter_most("names a lesson imports, largest", max(n for n, _ in lessons), "", 20)
    enter_most("modules a lesson imports from", max(m for _, m in lessons), "", 10)
    enter_most("lines of the library", lines(LIBRARY), "", 16_000)
    code = sum(code_lines(text) for text in texts(LIBRARY))
    enter("structure", "lines of the library that hold code", code, "", HOW)
    whole = sum(lines(REPOSITORY / name) for name in PLACES)
    enter_most("lines of all Python, tests and benchmarks too", whole, "", 30_000)
    enter_most("public functions of arrays without shapes", len(findings()), "", 0)


if __name__ == "__main__":
    main()

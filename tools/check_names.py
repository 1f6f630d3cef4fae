"""Check that a name means one thing in a lesson: `python -m tools.check_names`.

mypy reads the code of each notebook as one module and says where a variable gets a
value of another type than its first one. Prints one line a finding.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from mypy import api

from course.make_editions import solution
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import code_cells, find_notebooks, read_notebook

ERROR = re.compile(  # where a target has a type, it is an item and no variable
    r"nb_(.*?)\.py:(\d+): error: (?!.*target has)(.*)  \[(?:assignment|no-redef)\]"
)
UNNAMED = re.compile(r"\b_\b")  # what is thrown away may be of any type


def findings(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Stem of a notebook, and `cell: line: what mypy says` of each rebound name."""
    with TemporaryDirectory() as folder:
        lines = {path.stem: _lines(path) for path in paths}
        for name, code in lines.items():
            text = "\n".join(line for _, line in code)
            (Path(folder) / f"nb_{name}.py").write_text(text, encoding="utf-8")
        config = f"--config-file={REPOSITORY / 'pyproject.toml'}"
        shown, failed, _ = api.run([config, "--no-pretty", folder])
    if failed:
        sys.exit(failed)
    for name, number, said in ERROR.findall(shown):
        cell, line = lines[name][int(number) - 1]
        yield name, f"{cell}: `{line.strip()}`: {said}"


def _lines(path: Path) -> list[tuple[str, str]]:
    """The lines that a student meets in the end, each with the id of its cell."""
    number = count()
    return [
        (cell.id, UNNAMED.sub(lambda _: f"_{next(number)}", line))
        for cell in code_cells(solution(read_notebook(path)))
        for line in [*cell.source.splitlines(), ""]
    ]


def main() -> int:
    """Print the findings in the lessons; 1 if there are any, else 0."""
    found = [f"{name}: {said}" for name, said in findings(find_notebooks())]
    print(*found, sep="\n", end="\n" * bool(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

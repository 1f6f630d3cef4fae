"""Run the notebooks in the tutorial profile and store their outputs in them.

`make notebooks`. Outputs are stored only when every notebook has run and is clean.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbformat import NotebookNode

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
from emoface_lib.core.settings import Run, load_settings
from emoface_lib.runs.notebooks import (
    NOTEBOOKS,
    PARAMETERS,
    code_cells,
    find_notebooks,
    read_notebook,
    source_hash,
    tags,
)
from emoface_lib.runs.reproduce import reproduce
from tools.check_notebooks import FOLDED, STORED_PROFILE, problems

WIDGET = "application/vnd.jupyter.widget-view+json"  # says nothing without a kernel
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "name": "python", "pygments_lexer": "ipython3"}


def main(folder: Path = NOTEBOOKS) -> None:
    """Run, clean, check, and only then write the notebooks of `folder`."""
    reproduce(STORED_PROFILE, folder=folder)
    executed = Run(load_settings(STORED_PROFILE)).path("notebooks")
    store(find_notebooks(folder), executed)


def store(paths: Sequence[Path], executed: Path) -> None:
    """Copy the outputs of the copies in `executed` into the notebooks `paths`.

    Raises InputError, and writes nothing, if a copy was made from other code or one of
    the notebooks would not be clean.
    """
    notebooks = {path: with_outputs(path, executed / path.name) for path in paths}
    if found := [each for item in notebooks.items() for each in findings(*item)]:
        raise InputError("\n".join(["Nothing is stored:", *found]))
    for path, notebook in notebooks.items():
        with write_beside(path) as new:
            nbformat.write(notebook, new)


def findings(path: Path, notebook: NotebookNode) -> list[str]:
    """What would be wrong with `notebook` if it were stored at `path`."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        nbformat.write(notebook, copy)
        return [f"{path.name}: {problem}" for problem in problems(copy)]


def with_outputs(path: Path, executed: Path) -> NotebookNode:
    """The notebook at `path` with the outputs of `executed` and clean metadata."""
    notebook, copy = read_notebook(path), read_notebook(executed)
    if source_hash(notebook) != source_hash(copy):
        raise InputError(f"{path.name} was changed while it ran: run it again.")
    pairs = zip(code_cells(notebook), code_cells(copy), strict=True)
    for number, (cell, done) in enumerate(pairs, 1):
        cell.execution_count = number
        cell.outputs = [
            one for one in done.outputs if WIDGET not in one.get("data", {})
        ]
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    for cell in notebook.cells:
        kept = NotebookNode({"tags": tags(cell)} if tags(cell) else {})
        if PARAMETERS in tags(cell):
            kept.jupyter = nbformat.from_dict(FOLDED)
        cell.metadata = kept
    recorded = {"source_hash": source_hash(notebook), "profile": STORED_PROFILE}
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": LANGUAGE, "emoface": recorded}
    )
    return notebook


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))

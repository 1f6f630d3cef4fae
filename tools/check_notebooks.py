"""Check the hygiene of notebooks: `python -m tools.check_notebooks notebooks`.

Says one line a finding and ends with exit code 1 if there are any.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import PARAMETERS as SETTING_NAMES
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import (
    PARAMETERS,
    code_cells,
    read_notebook,
    read_source,
    source_hash,
    tags,
)

MAX_LINES = 25  # per code cell
MAX_BYTES = 1_500_000  # per notebook, with its outputs
STORED_PROFILE = "tutorial"  # in which outputs are committed
NOTEBOOK_METADATA = {"kernelspec", "language_info", "emoface"}
CELL_METADATA = {"tags", "jupyter"}
FOLDED = {"source_hidden": True}  # JupyterLab's metadata of a parameters cell
PICTURES = {"image/png", "image/jpeg"}
MACHINE_PATH = re.compile(
    r"(?<![\w.~-])(?:/(?:home|root|tmp|work|Users)/|[A-Za-z]:\\+Users\\)[\w.\\/-]*"
    rf"|{re.escape(str(REPOSITORY))}"
)
BASE64 = re.compile(r"base64,[A-Za-z0-9+/=\s]+")  # a video or picture in HTML


def problems(path: Path) -> Iterator[str]:
    """Everything that is wrong with the notebook at `path`, one sentence each."""
    notebook = read_notebook(path)
    yield from _parameters(path, notebook)
    yield from _metadata(notebook)
    yield from _stored(notebook)
    for number, cell in enumerate(code_cells(notebook), 1):
        for problem in (*_code(cell), *_outputs(cell)):
            yield f"code cell {number} {problem}"
        if PARAMETERS not in tags(cell):
            for name in sorted(_assigned(cell) & set(SETTING_NAMES)):
                yield f"code cell {number} assigns `{name}`, which is a setting's name"
    for text in _texts(notebook):
        if found := MACHINE_PATH.search(BASE64.sub("", text)):
            yield f"names a path of one machine: {found.group()}"
    if path.stat().st_size > MAX_BYTES:
        yield f"has {path.stat().st_size / 1e6:.1f} MB, over {MAX_BYTES / 1e6} MB"


def _parameters(path: Path, notebook: NotebookNode) -> Iterator[str]:
    count = sum(PARAMETERS in tags(cell) for cell in code_cells(notebook))
    if count != 1:
        yield f"has {count} cells with the tag `parameters`, not one"
        return
    (cell,) = (cell for cell in code_cells(notebook) if PARAMETERS in tags(cell))
    if cell.metadata.get("jupyter") != FOLDED:
        yield "does not fold its parameters cell"
    try:
        if "profile" not in read_source(path).declared:
            yield "does not declare `profile` in its parameters cell"
    except InputError as error:
        yield str(error)


def _metadata(notebook: NotebookNode) -> Iterator[str]:
    if unknown := set(notebook.metadata) - NOTEBOOK_METADATA:
        yield f"has metadata that does not belong: {', '.join(sorted(unknown))}"
    extra = {key for cell in notebook.cells for key in cell.metadata} - CELL_METADATA
    if extra:
        yield f"has metadata in cells that does not belong: {', '.join(sorted(extra))}"


def _stored(notebook: NotebookNode) -> Iterator[str]:
    stored = notebook.metadata.get("emoface", {})
    if stored.get("source_hash") != source_hash(notebook):
        yield "has outputs of other code than its own: run `make notebooks`"
    elif stored.get("profile") != STORED_PROFILE:
        yield f"has outputs of another profile than {STORED_PROFILE}"


def _code(cell: NotebookNode) -> Iterator[str]:
    if (count := len(cell.source.splitlines())) > MAX_LINES:
        yield f"has {count} lines, over {MAX_LINES}"
    try:
        tree = ast.parse(cell.source)
    except SyntaxError as error:
        yield f"is not plain Python (a magic?): {error.msg}, line {error.lineno}"
    else:
        yield from _imports(tree)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                yield f"has `{ast.unparse(node)}`"
            case ast.Attribute(value=ast.Name(id="sys"), attr="path"):
                yield "touches sys.path"


def _assigned(cell: NotebookNode) -> set[str]:
    """Names to which a cell gives a value, at its top level or below."""
    try:
        nodes = list(ast.walk(ast.parse(cell.source)))
    except SyntaxError:
        return set()  # which `_code` finds
    names = (node for node in nodes if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _outputs(cell: NotebookNode) -> Iterator[str]:
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"holds an error: {output.ename}"
        if output.get("name") == "stderr":
            yield f"prints to stderr: {output.text[:60]!r}"


def _texts(notebook: NotebookNode) -> Iterator[str]:
    """Sources and outputs, without pictures."""
    for cell in notebook.cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            data = output.get("data", {})
            yield from (str(v) for k, v in data.items() if k not in PICTURES)


def main(folder: str) -> int:
    """Print the findings in the notebooks of `folder`; 1 if there are any, else 0."""
    paths = sorted(Path(folder).glob("*.ipynb"))
    found = [f"{path}: {problem}" for path in paths for problem in problems(path)]
    print("\n".join(found) or f"{len(paths)} notebooks are clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

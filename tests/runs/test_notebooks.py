"""Hygiene of notebooks, storing of outputs, and the second run that must agree."""

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import (
    execute,
    kernel_environment,
    read_notebook,
    source_hash,
)
from tools.check_notebooks import main, problems
from tools.repeat_notebooks import SAME, repeat
from tools.store_notebooks import store

PARAMETERS = 'profile = "tutorial"\nseed = 0'
Executed = tuple[Path, Path]


def notebook_of(*sources: str) -> NotebookNode:
    """A clean notebook with outputs as if stored."""
    folded = {"tags": ["parameters"], "jupyter": {"source_hidden": True}}
    cells = [new_code_cell(PARAMETERS, metadata=folded)]
    notebook = new_notebook(cells=[*cells, *map(new_code_cell, sources)])
    seal(notebook)
    return notebook


def seal(notebook: NotebookNode) -> None:
    recorded = {"source_hash": source_hash(notebook), "profile": "tutorial"}
    notebook.metadata["emoface"] = recorded


def found(notebook: NotebookNode, folder: Path) -> list[str]:
    path = folder / "00_first.ipynb"
    nbformat.write(notebook, path)
    return list(problems(path))


def test_clean_notebook_has_no_findings(tmp_path: Path) -> None:
    notebook = notebook_of("1 + 1", "print('https://example.org/work/home/tmp/')")
    picture = {"image/png": "/tmp/aaaa", "text/html": "<img src='data:;base64,/tmp/a'>"}
    notebook.cells[1].outputs = [new_output("display_data", data=picture)]
    assert found(notebook, tmp_path) == []
    assert main(str(tmp_path)) == 0


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("x = 1\n" * 26, "has 26 lines"),
        ("!ls", "is not plain Python"),
        ("%matplotlib inline", "is not plain Python"),
        ("from math import *", "has `from math import *`"),
        ("import sys\nsys.path.append('..')", "touches sys.path"),
        ("style_steps, x = 3, 4", "assigns `style_steps`, which is a setting's name"),
        ("open('/home/ann/corpus')", "one machine: /home/ann/corpus"),
        ("open('C:\\\\Users\\\\ann')", r"one machine: C:\\Users\\ann"),
        (f"print('{REPOSITORY}')", f"one machine: {REPOSITORY}"),
    ],
)
def test_finding_in_code(source: str, finding: str, tmp_path: Path) -> None:
    (sentence,) = found(notebook_of(source), tmp_path)
    assert finding in sentence


@pytest.mark.parametrize(
    ("output", "finding"),
    [
        (new_output("stream", name="stderr", text="careful"), "stderr: 'careful'"),
        (new_output("error", ename="ValueError"), "holds an error: ValueError"),
        (new_output("stream", name="stdout", text="in\n/tmp/x"), "machine: /tmp/x"),
        (
            new_output("execute_result", data={"text/html": "a" * 1_600_000}),
            "1.6 MB, over 1.5 MB",
        ),
    ],
)
def test_finding_in_outputs(output: NotebookNode, finding: str, tmp_path: Path) -> None:
    notebook = notebook_of("1 + 1")
    notebook.cells[1].outputs = [output]
    (sentence,) = found(notebook, tmp_path)
    assert finding in sentence


def test_finding_in_metadata(tmp_path: Path) -> None:
    notebook = notebook_of("1 + 1")
    notebook.metadata["widgets"] = {}
    notebook.cells[1].metadata["execution"] = {}
    first, second = found(notebook, tmp_path)
    assert first.endswith("belong: widgets")
    assert second.endswith("belong: execution")


def test_outputs_of_other_code_are_found(tmp_path: Path) -> None:
    notebook = notebook_of("1 + 1")
    notebook.cells[1].source = "1 + 2"
    (sentence,) = found(notebook, tmp_path)
    assert "outputs of other code than its own" in sentence


@pytest.mark.parametrize(
    ("parameters", "finding"),
    [
        ('profile = "smoke"\nnow = time()', "may only assign literals"),
        ("seed = 0", "does not declare `profile`"),
    ],
)
def test_finding_in_parameters(parameters: str, finding: str, tmp_path: Path) -> None:
    notebook = notebook_of()
    notebook.cells[0].source = parameters
    seal(notebook)
    (sentence,) = found(notebook, tmp_path)
    assert finding in sentence


@pytest.fixture
def executed(tmp_path: Path) -> Executed:
    """A notebook without outputs, and the folder of its executed copy."""
    path = tmp_path / "notebooks" / "00_first.ipynb"
    path.parent.mkdir()
    show = "# NBVAL_CHECK_OUTPUT\nimport random\nrandom.seed(seed)\nrandom.random()"
    notebook = notebook_of("print(profile)", show)
    notebook.metadata["emoface"]["source_hash"] = "older"
    nbformat.write(notebook, path)
    folder = tmp_path / "run" / "notebooks"
    execute(path, folder / path.name, {"profile": "tutorial", "seed": 1})
    return path, folder


@pytest.mark.slow
def test_stored_notebook_is_clean_and_has_the_outputs(executed: Executed) -> None:
    path, folder = executed
    before = source_hash(read_notebook(path))
    assert "outputs of other code" in next(problems(path))
    store([path], folder)
    notebook = read_notebook(path)
    assert list(problems(path)) == []
    assert source_hash(notebook) == before
    assert notebook.cells[1].outputs[0].text == "tutorial\n"
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3]
    assert notebook.cells[0].metadata.jupyter.source_hidden
    assert not any(cell.metadata for cell in notebook.cells[1:])


@pytest.mark.slow
def test_nothing_is_stored_unless_all_is_clean(
    executed: Executed, tmp_path: Path
) -> None:
    path, folder = executed
    other = path.with_name("01_second.ipynb")
    nbformat.write(notebook_of("import sys", "print(1, file=sys.stderr)"), other)
    execute(other, folder / other.name, {})
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"01_second.ipynb: .* prints to stderr"):
        store([path, other], folder)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_copy_of_other_code_is_not_stored(executed: Executed) -> None:
    path, folder = executed
    nbformat.write(notebook_of("1 + 1"), path)
    with pytest.raises(InputError, match="was changed while it ran"):
        store([path], folder)


@pytest.mark.slow
def test_second_run_agrees_with_one_seed_only(
    executed: Executed, tmp_path: Path
) -> None:
    path, folder = executed
    notebook = read_notebook(folder / path.name)
    notebook.cells.append(nbformat.v4.new_code_cell("1 / 0"))  # is not run again
    nbformat.write(notebook, folder / path.name)
    with kernel_environment(tmp_path / "jupyter"):
        assert repeat(folder / path.name, tmp_path) == SAME
    seeds = [cell for cell in notebook.cells if "seed = 1" in cell.source]
    seeds[0].source = seeds[0].source.replace("seed = 1", "seed = 2")
    nbformat.write(notebook, folder / path.name)
    with kernel_environment(tmp_path / "jupyter"):
        assert "mismatch 'text/plain'" in repeat(folder / path.name, tmp_path)

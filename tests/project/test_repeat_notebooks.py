"""A second run of a notebook is compared with its first."""

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from emoface_lib.runs.notebooks import kernel_environment
from tools import repeat_notebooks


@pytest.mark.slow
@pytest.mark.parametrize(("printed", "same"), [("4", True), ("5", False)])
def test_outputs_must_be_what_they_were(
    tmp_path: Path, capsys: pytest.CaptureFixture, printed: str, same: bool
) -> None:
    cell = new_code_cell("# NBVAL_CHECK_OUTPUT\nprint(2 + 2)", execution_count=1)
    cell.outputs = [new_output("stream", name="stdout", text=f"{printed}\n")]
    path = tmp_path / "00_sum.ipynb"
    nbformat.write(new_notebook(cells=[cell]), path)
    with kernel_environment(tmp_path / "jupyter"):
        assert repeat_notebooks.is_repeated(path, os.environ) == same
    said = capsys.readouterr().out
    assert said.startswith("00_sum, again: ")
    assert ("the same" in said) == same
    assert ("'5" in said) != same

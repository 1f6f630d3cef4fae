"""The check of names: which rebinding it finds, and what waits."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.check_names import findings


def found(folder: Path, *cells: str) -> list[str]:
    path = folder / "00_one.ipynb"
    sources = [new_code_cell(source, id=f"c{i}") for i, source in enumerate(cells)]
    nbformat.write(new_notebook(cells=sources), path)
    return [said for _, said in findings([path])]


@pytest.mark.slow
def test_a_name_that_becomes_another_kind_is_found(tmp_path: Path) -> None:
    said = found(
        tmp_path, "one = [1]\nlips = 2", "one = {}", "from os import path as lips"
    )
    assert [finding.split(":")[0] for finding in said] == ["c1", "c2"]
    assert "`one = {}`" in said[0]


@pytest.mark.slow
def test_the_same_kind_hidden_tests_and_throwaways_are_not(tmp_path: Path) -> None:
    hidden = "### BEGIN HIDDEN TESTS\none = 2\n### END HIDDEN TESTS"
    assert not found(
        tmp_path, "one, _ = [1], 2", "one, _ = [3], 'x'\none[0] = 4", hidden
    )

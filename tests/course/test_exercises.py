"""Every checker against the stub, the solution, and typical mistakes."""

import ast
from functools import cache
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import torch
from nbformat import NotebookNode

from course.exercises import checking
from course.exercises.checking import NotYetError, answer_of, number_of, tensor_of
from course.make_editions import Exercise, exercises, lessons, mistakes_of, student
from emoface_lib.runs.notebooks import code_cells, read_notebook

LESSONS = {path.stem: path for path in lessons()}


@cache
def lesson(name: str) -> NotebookNode:
    return read_notebook(LESSONS[name])


CASES = [(name, each) for name in LESSONS for each in exercises(lesson(name))]
IDS = [f"{name[:2]}-{each.solution.id}" for name, each in CASES]


def namespace(name: str) -> dict[str, Any]:
    """What a lesson imports below its exercises; they need nothing else of it."""
    names: dict[str, Any] = {}
    heads = [cell.source.startswith("## Exercises") for cell in lesson(name).cells]
    for cell in code_cells({"cells": lesson(name).cells[heads.index(True) :]}):
        for node in ast.parse(cell.source).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                exec(ast.unparse(node), names)
    return names


def asked(name: str, exercise: Exercise, answer: str) -> None:
    """Run an answer's cell, then the check with its hidden tests."""
    names = namespace(name)
    exec(dedent(answer), names)
    exec(exercise.check.source, names)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "exercise"), CASES, ids=IDS)
def test_a_solution_is_right(
    name: str, exercise: Exercise, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(name, exercise, exercise.solution.source)
    assert "Right: " in capsys.readouterr().out


@pytest.mark.parametrize(("name", "exercise"), CASES, ids=IDS)
def test_a_stub_is_told_to_be_one(name: str, exercise: Exercise) -> None:
    stubs = {cell.id: cell.source for cell in code_cells(student(lesson(name)))}
    with pytest.raises(NotYetError, match="there is no answer yet"):
        asked(name, exercise, stubs[exercise.solution.id])


@pytest.mark.parametrize(("name", "exercise"), CASES, ids=IDS)
def test_typical_mistakes_get_their_sentence(name: str, exercise: Exercise) -> None:
    mistakes = mistakes_of(name)[exercise.solution.id]
    assert len(mistakes) >= 2
    for code, output in mistakes:
        with pytest.raises(NotYetError) as caught:
            asked(name, exercise, code)
        assert output in str(caught.value)


def test_mistakes_belong_to_exercises() -> None:
    for name in LESSONS:
        known = {each.solution.id for each in exercises(lesson(name))}
        assert set(mistakes_of(name)) == known


def test_a_notebook_shows_the_sentence_alone() -> None:
    with pytest.raises(NotYetError) as caught:
        checking.expect(False, "the sign is wrong.")
    assert caught.value._render_traceback_() == ["Not yet: the sign is wrong."]


def test_errors_of_an_answer_become_sentences() -> None:
    def breaks(x: torch.Tensor) -> None:
        raise ValueError("no such axis")

    with pytest.raises(NotYetError, match="breaks stops with ValueError: no such axis"):
        answer_of(breaks, torch.zeros(2))
    with pytest.raises(NotYetError, match="returns nothing"):
        answer_of(lambda x: None, torch.zeros(2))
    with pytest.raises(NotYetError, match="Work on a copy"):
        answer_of(lambda x: x.add_(1), torch.zeros(2))
    with pytest.raises(NotYetError, match="Work on a copy"):
        answer_of(lambda x: x.sort() or x, np.array([2, 1]))
    with pytest.raises(NotYetError, match="one number, and is a str"):
        number_of("three")
    with pytest.raises(NotYetError, match=r"shape \(2, 3\), and has \(3, 2\)"):
        tensor_of(torch.zeros(3, 2), (2, 3))
    with pytest.raises(NotYetError, match="should be a tensor, and is a list"):
        tensor_of([1.0], (1,))

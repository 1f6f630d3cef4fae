"""How a checker answers: a sentence when an answer is right, and when it is not yet.

Taught in notebook 00. A checker brings its own data, so that an exercise can be checked
before, after and without the lesson around it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

NOTHING = (
    "there is no answer yet. Write yours in place of `raise NotImplementedError()`."
)


class NotYetError(AssertionError):
    """An answer that is not right yet; a notebook shows its sentence and no traceback.

    It is an error, so that nbgrader gives no points for the cell.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [f"Not yet: {self}"]


def expect(right: Any, sentence: str) -> None:
    """Go on if `right` is true; raises NotYetError with what is off if not."""
    if not right:
        raise NotYetError(sentence)


def answer_of(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """What a student's function answers to copies of what is given.

    Raises NotYetError if it is still the stub, stops, or changes its input.
    """
    copies = [_copy(value) for value in given]
    try:
        answer = function(*copies, **named)
    except NotImplementedError:
        raise NotYetError(NOTHING) from None
    except Exception as error:
        name = getattr(function, "__name__", "the function")
        raise NotYetError(
            f"{name} stops with {type(error).__name__}: {error}. Call it in a cell of "
            "its own to see where."
        ) from error
    expect(answer is not None, "the function returns nothing: is a `return` missing?")
    for before, after in zip(given, copies, strict=True):
        expect(
            not isinstance(before, (Tensor, np.ndarray))
            or bool((before == after).all()),
            "the function changes what it is given. Work on a copy.",
        )
    return answer


def number_of(answer: Any) -> float:
    """An answer as a number; raises NotYetError if it is none."""
    try:
        return float(answer)
    except (TypeError, ValueError):
        kind = type(answer).__name__
        raise NotYetError(
            f"the answer should be one number, and is a {kind}."
        ) from None


def tensor_of(answer: Any, shape: tuple[int, ...]) -> Tensor:
    """An answer as a Tensor[shape]; raises NotYetError if it is none."""
    expect(
        isinstance(answer, Tensor),
        f"the answer should be a tensor, and is a {type(answer).__name__}.",
    )
    expect(
        tuple(answer.shape) == shape,
        f"the answer should have shape {shape}, and has {tuple(answer.shape)}.",
    )
    return answer.detach()


def array_of(answer: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An answer as an array of numbers [shape]; raises NotYetError if it is none."""
    array = np.asarray(answer)
    expect(array.dtype.kind in "iuf", "the answer should be an array of numbers.")
    expect(
        array.shape == shape,
        f"the answer should have shape {shape}, and has {array.shape}.",
    )
    return array


def close(first: Any, second: Any) -> bool:
    """Whether two numbers, arrays or tensors agree to a thousandth."""
    one, other = (torch.as_tensor(x).detach().double() for x in (first, second))
    return torch.allclose(one, other, rtol=1e-3, atol=1e-3)


def right(sentence: str) -> None:
    """Say that an answer is right, and what to take along."""
    print(f"Right: {sentence}")


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()
    return value.copy() if isinstance(value, np.ndarray) else value

"""Typical mistakes in the exercises, a module a lesson.

MISTAKES : id of the solution's cell -> pairs of a wrong answer and words of the
sentence that its checker says. The tests hand them in; the instructor edition lists
them.
"""

from collections.abc import Mapping, Sequence

Wrong = str | tuple[str, str]  # code, or a piece of the solution and what it becomes
Mistakes = Mapping[str, Sequence[tuple[Wrong, str]]]


def code_of(wrong: Wrong, solution: str) -> str:
    """The code of a wrong answer; raises ValueError if a piece is not in `solution`."""
    if isinstance(wrong, str):
        return wrong
    piece, other = wrong
    if piece not in solution:
        raise ValueError(f"The solution does not hold {piece!r}.")
    return solution.replace(piece, other)

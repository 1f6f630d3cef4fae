"""Typical mistakes in the exercises, a module a lesson.

MISTAKES : id of the solution's cell -> pairs of a wrong answer's code and words of the
sentence that its checker says. The tests hand them in; the instructor edition lists
them.
"""

from collections.abc import Mapping


def changed(
    right: str, mistakes: Mapping[tuple[str, str], str]
) -> list[tuple[str, str]]:
    """A right answer with one mistake after the other, each with its sentence.

    mistakes : a piece of code that is right and what stands there in its place -> words
    of the checker's sentence. Raises ValueError if a piece is missing.
    """
    for piece, _ in mistakes:
        if piece not in right:
            raise ValueError(f"The answer does not hold {piece!r}.")
    return [(right.replace(*pair), sentence) for pair, sentence in mistakes.items()]

"""Checker of lesson 10, batch runs."""

from collections.abc import Callable
from math import ceil, floor

from course.exercises.checking import answer_of, expect, number_of, right


def check_pairs_needed(function: Callable[[float, float], int]) -> None:
    """How many pairs an interval of a given half-width asks for."""
    for deviation, half_width in ((0.07, 0.02), (0.01, 0.02)):
        answer = number_of(answer_of(function, deviation, half_width))
        exact = (1.96 * deviation / half_width) ** 2
        expect(
            answer != ceil(1.96 * deviation / half_width) or answer == ceil(exact),
            "the width falls with the square root of the number of pairs, not with "
            "the number.",
        )
        expect(
            answer != ceil((deviation / half_width) ** 2) or answer == ceil(exact),
            "that is one standard error. A 95 % interval reaches 1.96 of them.",
        )
        expect(
            answer != floor(exact) or answer == ceil(exact),
            "with so few pairs the interval is still a little too wide: round up.",
        )
        expect(
            answer == ceil(exact),
            f"for {deviation} and {half_width} px it takes {ceil(exact)} pairs, not "
            f"{answer:g}.",
        )
    right("half the width costs four times the pairs. Pairing makes deviations small.")

"""Checkers of lesson 09, animate."""

from collections.abc import Callable

import numpy as np

from course.exercises.checking import (
    answer_of,
    array_of,
    close,
    expect,
    number_of,
    right,
)

FURTHEST = 5  # video frames between lips and sound


def check_into_photo(
    function: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
) -> None:
    """Displacements of the canonical frame in the photograph."""
    generator = np.random.default_rng(9)
    displacement, tilt = generator.normal(size=(68, 2)), np.radians(20)
    rotation = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    given = displacement, rotation, 1.6
    answer = array_of(answer_of(function, *given), (68, 2))
    expect(
        not close(answer, displacement @ rotation.T / 1.6),
        "the face turns the wrong way: this is the way to the canonical frame. Rows "
        "are multiplied from the right, by R itself.",
    )
    expect(
        not close(answer, displacement @ rotation * 1.6),
        "the scale leads from the photograph to the canonical frame. Going back, what "
        "was enlarged must shrink.",
    )
    expect(
        not close(answer, displacement @ rotation),
        "the face turns, and keeps its size: where is the scale?",
    )
    expect(close(answer, displacement @ rotation / 1.6), "the points go elsewhere.")
    right("a displacement is a difference of points, so that centres cancel.")


def check_lag(function: Callable[[np.ndarray, np.ndarray], int]) -> None:
    """By how many frames lips come after the sound."""
    generator = np.random.default_rng(25)
    sound = np.convolve(generator.normal(size=140), np.ones(5) / 5, "valid")
    for late in (3, -2, 0):
        where = np.arange(10, 120) - late
        opening = 4 + sound[where] + 0.1 * generator.normal(size=110)
        loudness = sound[10:120] - 30
        answer = number_of(answer_of(function, opening, loudness))
        expect(
            not late or answer != -late,
            "the sign is wrong: late lips have a positive lag.",
        )
        expect(
            answer != 40 * late or not late, "this is in milliseconds. Return frames."
        )
        expect(
            late >= 0 or answer < 0,
            "lips that come too early are not found: the lag may be negative.",
        )
        expect(
            answer == late,
            f"made-up lips that are {late} frames late get a lag of {answer:g}.",
        )
    right("a video can be out of step and still have a fair correlation at lag 0.")

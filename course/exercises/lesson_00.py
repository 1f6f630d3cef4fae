"""Checker of lesson 00, the overview."""

from collections.abc import Callable

from course.exercises.checking import answer_of, expect, right

# V_r, V_s and V_p that are no triplet, and why not
NO_TRIPLETS = (
    (
        ("id07/video1/3", "id07/video1/3", "id07/video2/1"),
        "V_r and V_s may be the same clip. They are two clips of one video.",
    ),
    (
        ("id07/video1/3", "id08/video1/4", "id07/video2/1"),
        "videos of different speakers have the same name, and are taken for one.",
    ),
    (
        ("id07/video1/3", "id07/video2/4", "id07/video2/1"),
        "V_s may be of another video than V_r. It must be of the same one.",
    ),
    (
        ("id07/video1/3", "id07/video1/4", "id08/video2/1"),
        "V_p may be of anybody. It must be of the speaker of V_r.",
    ),
    (
        ("id07/video1/3", "id07/video1/4", "id07/video1/5"),
        "V_p may be of the video of V_r. It must be of another one.",
    ),
)


def check_is_triplet(function: Callable[[str, str, str], bool]) -> None:
    """Whether three clips have the parts of V_r, V_s and V_p."""
    for names, sentence in NO_TRIPLETS:
        expect(not answer_of(function, *names), sentence)
    expect(
        answer_of(function, "id07/video1/3", "id07/video1/4", "id07/video2/3"),
        "three clips that are a triplet are refused.",
    )
    right("one video shares mood and person, two videos of a person the person alone.")

"""Typical mistakes in the exercises of lesson 09."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-09-1": [
        (("rotation / scale", "rotation.T / scale"), "turns the wrong way"),
        (
            ("displacement @ rotation / scale", "scale * displacement @ rotation"),
            "what was enlarged must shrink",
        ),
    ],
    "ex-09-2": [
        (("key=r", "key=lambda k: r(-k)"), "the sign is wrong"),
        (("range(-5, 6)", "range(6)"), "the lag may be negative"),
    ],
}

"""Typical mistakes in the exercise of lesson 10."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-10-1": [
        (
            ("(1.96 * deviation / half_width) ** 2", "1.96 * deviation / half_width"),
            "falls with the square root",
        ),
        (("1.96 * ", ""), "one standard error"),
        (("math.ceil", "int"), "round up"),
    ],
}

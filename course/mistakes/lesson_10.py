"""Typical mistakes in the exercise of lesson 10."""

MISTAKES = {
    "ex-10-1": [
        (
            """
            def pairs_needed(deviation, half_width):
                return math.ceil(1.96 * deviation / half_width)
            """,
            "falls with the square root",
        ),
        (
            """
            def pairs_needed(deviation, half_width):
                return math.ceil((deviation / half_width) ** 2)
            """,
            "one standard error",
        ),
        (
            """
            def pairs_needed(deviation, half_width):
                return int((1.96 * deviation / half_width) ** 2)
            """,
            "round up",
        ),
    ],
}

"""Typical mistakes in the exercise of lesson 00."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-00-1": [
        (
            """
            def is_triplet(r, s, p):
                videos = [name.split("/")[1] for name in (r, s, p)]
                return r != s and videos[0] == videos[1] != videos[2]
            """,
            "have the same name, and are taken for one",
        ),
        (
            """
            def is_triplet(r, s, p):
                videos = [name.rpartition("/")[0] for name in (r, s, p)]
                return videos[0] == videos[1] != videos[2]
            """,
            "may be the same clip",
        ),
        (
            """
            def is_triplet(r, s, p):
                videos = [name.rpartition("/")[0] for name in (r, s, p)]
                return r != s and videos[0] == videos[1] != videos[2]
            """,
            "V_p may be of anybody",
        ),
    ],
}

"""Typical mistakes in the exercises of lesson 09."""

MISTAKES = {
    "ex-09-1": [
        (
            """
            def into_photo(displacement, rotation, scale):
                return displacement @ rotation.T / scale
            """,
            "turns the wrong way",
        ),
        (
            """
            def into_photo(displacement, rotation, scale):
                return scale * displacement @ rotation
            """,
            "what was enlarged must shrink",
        ),
    ],
    "ex-09-2": [
        (
            """
            def lag(opening, loudness):
                def r(k):
                    return np.corrcoef(np.roll(opening, k), loudness)[0, 1]
                return max(range(-5, 6), key=r)
            """,
            "the sign is wrong",
        ),
        (
            """
            def lag(opening, loudness):
                def r(k):
                    first, last = opening[k:], loudness[: len(loudness) - k]
                    return np.corrcoef(first, last)[0, 1]
                return max(range(6), key=r)
            """,
            "the lag may be negative",
        ),
    ],
}

"""Typical mistakes in the exercises of lesson 01."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-01-1": [
        (
            """
            def count_triplets(index):
                clips = index.groupby("video").size()
                return int((clips * (clips - 1) * (clips.sum() - clips)).sum())
            """,
            "have the same name, and are taken for one",
        ),
        (("* others)", "/ 2 * others)"), "which is which matters"),
        (("* others)", "* (len(index) - clips))"), "V_p may be of anybody"),
    ],
    "ex-01-2": [
        (("KFold(5, shuffle=True, random_state=0)", "KFold(5)"), "Shuffle them"),
        (
            ("clips.mean() - whole.mean()", "whole.mean() - clips.mean()"),
            "the sign is turned round",
        ),
        ((", groups=videos", ""), "stops with ValueError"),
    ],
    "ex-01-3": [
        (
            """
            def without_speaker(X, speakers):
                count = len(set(speakers))
                own = X[: len(X) // count * count].reshape(count, -1, X.shape[1])
                means = own.mean(1).repeat(own.shape[1], axis=0)
                return X - np.resize(means, X.shape)
            """,
            "Choose the clips of a speaker by name",
        ),
        (("means.to_numpy()", "X.mean(0)"), "Each speaker has one of their own"),
        (
            ("X - means.to_numpy()", "(X - means.to_numpy()) / X.std(0)"),
            "more than a shift was done",
        ),
    ],
}

"""Typical mistakes in the exercises of lesson 07."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-07-1": [
        (
            ("(first - second)", "(predicted - truth)[:, landmarks.LIPS]"),
            "where the mouth *is* counts",
        ),
        (
            ("mean(1, keepdim=True)", "mean((0, 1))"),
            "one centre is taken for all frames",
        ),
        (
            """
            def mouth_distance(predicted, truth):
                first = predicted - predicted.mean(1, keepdim=True)
                second = truth - truth.mean(1, keepdim=True)
                return (first - second)[:, landmarks.LIPS].norm(dim=-1).mean()
            """,
            "the face's centre is taken",
        ),
        ((".mean()", ".sum(1).mean()"), "ATVG's rule"),
    ],
    "ex-07-2": [
        (("<= truth <=", "<= study.mean() <="), "holds the mean of its own study"),
        (
            ("study.mean(1) if by_speaker else study.ravel()", "study.ravel()"),
            "Does `by_speaker` change what is drawn",
        ),
        (("[0.025, 0.975]", "[0.1, 0.9]"), "the quantiles are 0.025 and 0.975"),
    ],
    "ex-07-3": [
        (
            """
            def lips_mended(predicted, truth):
                first, second = np.concatenate(predicted), np.concatenate(truth)
                first, second = first - first.mean(), second - second.mean()
                return (first * second).mean() / (first.std() * second.std())
            """,
            "Look at one mark of the right picture alone",
        ),
        (
            """
            def lips_mended(predicted, truth):
                first = np.concatenate([one - one.mean() for one in predicted])
                second = np.concatenate([one - one.mean() for one in truth])
                return np.corrcoef(first, second)[0, 1]
            """,
            "clips that open widely still count more",
        ),
        (
            """
            def lips_mended(predicted, truth):
                first = [one.mean() for one in predicted]
                second = [one.mean() for one in truth]
                return np.corrcoef(first, second)[0, 1]
            """,
            "whether the clips' means go together",
        ),
    ],
    "ex-07-4": [
        (
            """
            def chance_level(predicted, truth, rate):
                generator = np.random.default_rng(0)
                found = []
                for _ in range(500):
                    mixed = generator.permutation(predicted)
                    found.append(np.corrcoef(mixed, truth)[0, 1])
                return np.quantile(found, 0.95)
            """,
            "so that neighbours stay neighbours",
        ),
        (
            ("range(rate, len(truth) - rate + 1)", "range(len(truth))"),
            "shifts of less than a second count",
        ),
        (
            ("np.quantile(found, 0.95)", "np.mean(found)"),
            "the middle of the shifted values",
        ),
    ],
}

"""Typical mistakes in the exercises of lesson 07."""

MISTAKES = {
    "ex-07-1": [
        (
            """
            def mouth_distance(predicted, truth):
                apart = predicted[:, landmarks.LIPS] - truth[:, landmarks.LIPS]
                return apart.norm(dim=-1).mean()
            """,
            "where the mouth *is* counts",
        ),
        (
            """
            def mouth_distance(predicted, truth):
                first, second = predicted[:, landmarks.LIPS], truth[:, landmarks.LIPS]
                first = first - first.mean((0, 1))
                second = second - second.mean((0, 1))
                return (first - second).norm(dim=-1).mean()
            """,
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
        (
            """
            def mouth_distance(predicted, truth):
                first, second = predicted[:, landmarks.LIPS], truth[:, landmarks.LIPS]
                first = first - first.mean(1, keepdim=True)
                second = second - second.mean(1, keepdim=True)
                return (first - second).norm(dim=-1).sum(1).mean()
            """,
            "ATVG's rule",
        ),
    ],
    "ex-07-2": [
        (
            """
            def share_covered(studies, truth, by_speaker, generator):
                hits = []
                for study in studies:
                    units = study.mean(1) if by_speaker else study.ravel()
                    means = generator.choice(units, (400, len(units))).mean(1)
                    low, high = np.quantile(means, [0.025, 0.975])
                    hits.append(low <= study.mean() <= high)
                return np.mean(hits)
            """,
            "holds the mean of its own study",
        ),
        (
            """
            def share_covered(studies, truth, by_speaker, generator):
                hits = []
                for study in studies:
                    units = study.ravel()
                    means = generator.choice(units, (400, len(units))).mean(1)
                    low, high = np.quantile(means, [0.025, 0.975])
                    hits.append(low <= truth <= high)
                return np.mean(hits)
            """,
            "Does `by_speaker` change what is drawn",
        ),
        (
            """
            def share_covered(studies, truth, by_speaker, generator):
                hits = []
                for study in studies:
                    units = study.mean(1) if by_speaker else study.ravel()
                    means = generator.choice(units, (400, len(units))).mean(1)
                    low, high = np.quantile(means, [0.1, 0.9])
                    hits.append(low <= truth <= high)
                return np.mean(hits)
            """,
            "the quantiles are 0.025 and 0.975",
        ),
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
            """
            def chance_level(predicted, truth, rate):
                found = []
                for shift in range(len(truth)):
                    found.append(np.corrcoef(np.roll(predicted, shift), truth)[0, 1])
                return np.quantile(found, 0.95)
            """,
            "shifts of less than a second count",
        ),
        (
            """
            def chance_level(predicted, truth, rate):
                found = []
                for shift in range(rate, len(truth) - rate + 1):
                    found.append(np.corrcoef(np.roll(predicted, shift), truth)[0, 1])
                return np.mean(found)
            """,
            "the middle of the shifted values",
        ),
    ],
}

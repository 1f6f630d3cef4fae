"""Typical mistakes in the exercises of lesson 08."""

MISTAKES = {
    "ex-08-1": [
        (
            """
            def noise_wins_from(voice, noise):
                return voice**2 / (voice**2 + noise**2)
            """,
            "variances by their squares",
        ),
        (
            """
            def noise_wins_from(voice, noise):
                return voice / noise
            """,
            "its share is not 1 but 1 - q",
        ),
        (
            """
            def noise_wins_from(voice, noise):
                return noise / (voice + noise)
            """,
            "this grows with the noise",
        ),
    ],
    "ex-08-2": [
        (
            """
            def likeness_of_halves(points, first):
                one, other = (
                    torch.linalg.svd(half, full_matrices=False)[2][0]
                    for half in (points[first], points[~first])
                )
                return abs(one @ other)
            """,
            "Were the points centred",
        ),
        (
            """
            def likeness_of_halves(points, first):
                one, other = (
                    torch.linalg.svd(half - half.mean(0), full_matrices=False)[2][0]
                    for half in (points[first], points[~first])
                )
                return one @ other
            """,
            "sign is arbitrary",
        ),
    ],
    "ex-08-3": [
        (
            """
            def shown_arousal(known, arousal, dialled):
                return lesson_08.shown_arousal(known, arousal, dialled)
            """,
            "still read alike",
        ),
        (
            """
            def shown_arousal(known, arousal, dialled):
                def columns(faces):
                    scaled = (faces - faces.mean(0)) / faces.std(0)
                    return torch.cat([scaled, torch.ones(len(faces), 1)], 1)

                line = torch.linalg.lstsq(columns(known), arousal[:, None]).solution
                return (columns(dialled.flatten(0, 1)) @ line).reshape(len(dialled), -1)
            """,
            "must not depend on which other clips are read",
        ),
    ],
    "ex-08-4": [
        (
            """
            def without(points, nuisance):
                slopes = nuisance @ points / (nuisance @ nuisance)
                return points - nuisance[:, None] * slopes
            """,
            "still tell the nuisance",
        ),
        (
            """
            def without(points, nuisance):
                apart = nuisance - nuisance.mean()
                way = torch.nn.functional.normalize(apart @ points, dim=0)
                return points - (points @ way)[:, None] * way
            """,
            "a whole direction is gone",
        ),
        (
            """
            def without(points, nuisance):
                apart = nuisance - nuisance.mean()
                slopes = apart @ points / (apart @ apart)
                return points - nuisance[:, None] * slopes
            """,
            "moved as a whole",
        ),
    ],
}

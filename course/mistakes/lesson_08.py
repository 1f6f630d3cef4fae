"""Typical mistakes in the exercises of lesson 08."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-08-1": [
        (
            ("voice / (voice + noise)", "voice**2 / (voice**2 + noise**2)"),
            "variances by their squares",
        ),
        (("voice / (voice + noise)", "voice / noise"), "its share is not 1 but 1 - q"),
        (
            ("voice / (voice + noise)", "noise / (voice + noise)"),
            "this grows with the noise",
        ),
    ],
    "ex-08-2": [
        ((" - half.mean(0)", ""), "Were the points centred"),
        (("return abs(", "return ("), "sign is arbitrary"),
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
        (("nuisance - nuisance.mean()", "nuisance"), "still tell the nuisance"),
        (
            """
            def without(points, nuisance):
                apart = nuisance - nuisance.mean()
                way = torch.nn.functional.normalize(apart @ points, dim=0)
                return points - (points @ way)[:, None] * way
            """,
            "a whole direction is gone",
        ),
        (("apart[:, None] * slopes", "nuisance[:, None] * slopes"), "moved as a whole"),
    ],
}

"""Typical mistakes in the exercises of lesson 04."""

MISTAKES = {
    "ex-04-1": [
        (
            """
            def loss_where_seen(predicted, truth, seen):
                return ((truth - predicted).abs() * seen[:, None, None]).mean()
            """,
            "still count in what it is divided by",
        ),
        (
            """
            def loss_where_seen(predicted, truth, seen):
                return ((truth - predicted)[seen] ** 2).mean()
            """,
            "this is the squared error",
        ),
    ],
    "ex-04-2": [
        (
            """
            def frames_reached(branch, features, frame):
                features[frame] += 1
                return [frame]
            """,
            "changes what it is given",
        ),
        (
            """
            def frames_reached(branch, features, frame):
                branch.train()
                other = features.clone()
                other[frame] += 1
                with torch.no_grad():
                    moved = (branch(other[None]) - branch(features[None]))[0]
                return moved.abs().amax((1, 2)).nonzero().flatten()
            """,
            "Is dropout on?",
        ),
    ],
    "ex-04-3": [
        (
            """
            def loudness_face(features, moves, new):
                loudness = features.mean(1, keepdim=True)
                slope = torch.linalg.lstsq(loudness, moves).solution
                return new.mean(1, keepdim=True) @ slope
            """,
            "column of ones",
        ),
        (
            """
            def loudness_face(features, moves, new):
                ones = torch.ones(len(features), 1)
                bands = torch.cat([features, ones], 1)
                weights = torch.linalg.lstsq(bands, moves).solution
                return torch.cat([new, torch.ones(len(new), 1)], 1) @ weights
            """,
            "the bands themselves are used",
        ),
    ],
}

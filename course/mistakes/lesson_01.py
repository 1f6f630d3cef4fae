"""Typical mistakes in the exercises of lesson 01."""

MISTAKES = {
    "ex-01-1": [
        (
            """
            def count_triplets(index):
                clips = index.groupby("video").size()
                return int((clips * (clips - 1) * (clips.sum() - clips)).sum())
            """,
            "have the same name, and are taken for one",
        ),
        (
            """
            def count_triplets(index):
                clips = index.groupby(["speaker", "video"]).size()
                others = clips.groupby("speaker").transform("sum") - clips
                return int((clips * (clips - 1) / 2 * others).sum())
            """,
            "which is which matters",
        ),
        (
            """
            def count_triplets(index):
                clips = index.groupby(["speaker", "video"]).size()
                return int((clips * (clips - 1) * (len(index) - clips)).sum())
            """,
            "V_p may be of anybody",
        ),
    ],
    "ex-01-2": [
        (
            """
            def flattery(reader, X, labels, videos):
                clips = cross_val_score(reader, X, labels, cv=KFold(5))
                by = GroupKFold(5)
                whole = cross_val_score(reader, X, labels, cv=by, groups=videos)
                return clips.mean() - whole.mean()
            """,
            "Shuffle them",
        ),
        (
            """
            def flattery(reader, X, labels, videos):
                by = KFold(5, shuffle=True, random_state=0)
                clips = cross_val_score(reader, X, labels, cv=by)
                by = GroupKFold(5)
                whole = cross_val_score(reader, X, labels, cv=by, groups=videos)
                return whole.mean() - clips.mean()
            """,
            "the sign is turned round",
        ),
        (
            """
            def flattery(reader, X, labels, videos):
                by = KFold(5, shuffle=True, random_state=0)
                clips = cross_val_score(reader, X, labels, cv=by)
                whole = cross_val_score(reader, X, labels, cv=GroupKFold(5))
                return clips.mean() - whole.mean()
            """,
            "stops with ValueError",
        ),
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
        (
            """
            def without_speaker(X, speakers):
                return X - X.mean(0)
            """,
            "Each speaker has one of their own",
        ),
        (
            """
            def without_speaker(X, speakers):
                own = pd.DataFrame(X).groupby(speakers)
                return ((X - own.transform("mean")) / own.transform("std")).to_numpy()
            """,
            "more than a shift was done",
        ),
    ],
}

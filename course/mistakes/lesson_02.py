"""Typical mistakes in the exercises of lesson 02."""

MISTAKES = {
    "ex-02-1": [
        (
            """
            def to_level(samples, level):
                own = 10 * np.log10(np.mean(samples**2))
                return samples * 10 ** ((level - own) / 10)
            """,
            "twice as many decibels",
        ),
        (
            """
            def to_level(samples, level):
                return samples * 10 ** (level / 20)
            """,
            "forgets how loud the sound is already",
        ),
        (
            """
            def to_level(samples, level):
                return samples / np.abs(samples).max() * 10 ** (level / 20)
            """,
            "it is the largest sample",
        ),
    ],
    "ex-02-2": [
        (
            """
            def read_ahead(train, test, a):
                ahead = prepared.look_ahead

                def pairs(clips):
                    X = np.concatenate([mel for mel, _ in clips])
                    return X, np.concatenate([ahead(lips, a) for _, lips in clips])

                model = Ridge(10).fit(*pairs(train))
                X, lips = pairs(test)
                return np.corrcoef(model.predict(X), lips)[0, 1]
            """,
            "moved the wrong way",
        ),
        (
            """
            def read_ahead(train, test, a):
                ahead = prepared.look_ahead

                def pairs(clips):
                    X = np.concatenate([ahead(mel, a) for mel, _ in clips])
                    return X, np.concatenate([lips for _, lips in clips])

                X, lips = pairs(test)
                return np.corrcoef(Ridge(10).fit(X, lips).predict(X), lips)[0, 1]
            """,
            "fitted to the clips that it is tested on",
        ),
        (
            """
            def read_ahead(train, test, a):
                ahead = prepared.look_ahead

                def pairs(clips):
                    X = ahead(np.concatenate([mel for mel, _ in clips]), a)
                    return X, np.concatenate([lips for _, lips in clips])

                model = Ridge(10).fit(*pairs(train))
                X, lips = pairs(test)
                return np.corrcoef(model.predict(X), lips)[0, 1]
            """,
            "clips are joined before they are moved",
        ),
    ],
    "ex-02-3": [
        (
            """
            def without_microphone(mel):
                return mel - mel.mean(0)
            """,
            "Only frames up to t may enter",
        ),
        (
            """
            def without_microphone(mel):
                return mel - mel.mean(1, keepdims=True)
            """,
            "another microphone",
        ),
    ],
    "ex-02-4": [
        (
            """
            def mended(blocks):
                mels = [audio.log_mel(block, first_centre=0) for block in blocks]
                return np.concatenate(mels)[: 50 * len(blocks)]
            """,
            "in the last second they come 220 ms late",
        ),
        (
            """
            def mended(blocks):
                mels = [audio.log_mel(block, first_centre=0)[:-1] for block in blocks]
                return np.concatenate(mels)
            """,
            "every frame is 10 ms early",
        ),
        (
            """
            def mended(blocks):
                mels = [audio.log_mel(block, first_centre=0) for block in blocks]
                return np.concatenate(mels)
            """,
            "How many should it be?",
        ),
    ],
}

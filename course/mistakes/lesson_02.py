"""Typical mistakes in the exercises of lesson 02."""

from course.mistakes import changed

AUTOVC = """
class SmallAutoVC(nn.Module):
    def __init__(self, neck, freq):
        super().__init__()
        self.neck, self.freq = neck, freq
        self.listen = nn.LSTM(80 + 256, neck, 2, batch_first=True, bidirectional=True)
        self.speak = nn.LSTM(2 * neck + 256, 128, 3, batch_first=True)
        self.draw = nn.Linear(128, 80)

    def encode(self, mel, source):
        states, _ = self.listen(autovc.beside(mel, source))
        ahead = states[:, self.freq - 1 :: self.freq, : self.neck]
        back = states[:, :: self.freq, self.neck :]
        return torch.cat([ahead, back], dim=-1)

    def forward(self, mel, source, target):
        codes = self.encode(mel, source)
        frames = codes.repeat_interleave(self.freq, dim=1)
        states, _ = self.speak(autovc.beside(frames, target))
        return self.draw(states), codes
"""
LOOP = """
def learn_to_repeat(network, batches, weight, rate):
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    network.train()
    history = []
    for mel, who in batches:
        again, codes = network(mel, who, who)
        code_loss = (network.encode(again, who) - codes).abs().mean()
        loss = ((again - mel) ** 2).mean() + weight * code_loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    return history
"""

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
    "ex-02-5": changed(
        AUTOVC,
        {
            ("self.freq - 1 :: self.freq", ":: self.freq"): "the forward states",
            (":: self.freq, self.neck", "self.freq - 1 :: self.freq, self.neck"): (
                "the backward states"
            ),
            ("2, batch_first=True", "2"): "Give it `batch_first=True`",
            (", bidirectional=True", ""): "in the order of the exercise",
            (
                "codes.repeat_interleave(self.freq, dim=1)",
                "codes.repeat(1, self.freq, 1)",
            ): ("`repeat` plays all codes"),
            ("beside(frames, target)", "beside(frames, source)"): "told who spoke",
            ("self.draw(states), codes", "self.draw(states)"): "two things",
        },
    ),
    "ex-02-6": changed(
        LOOP,
        {
            ("encode(again", "encode(mel"): "not of the mel that came in",
            ("weight * code_loss", "code_loss"): "makes no difference",
            (".abs()", ".square()"): "the code loss is squared",
            ("((again - mel) ** 2)", "(again - mel).abs()"): "Section 7 squares it",
            ("    network.train()\n", ""): "in eval mode while it learns",
            ("        optimiser.zero_grad()\n", ""): "call `zero_grad()`",
            ("        optimiser.step()\n", ""): "call the optimiser's `step()`",
            ("loss.item()", "loss"): "hold their graph",
        },
    ),
}

"""Typical mistakes in the exercises of lesson 04."""

from course.mistakes import changed

CONTENT = """
from itertools import pairwise

from torch import nn


class Content(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.mlp_c = self.mlp(features, 256, 161)
        self.lstm = nn.LSTM(161, 256, num_layers=3, dropout=0.2, batch_first=True)
        self.mlp_t = self.mlp(256, 512, 256, 136)

    def mlp(self, *sizes):
        layers = []
        for a, b in pairwise(sizes[:-1]):
            layers += [nn.Linear(a, b), lesson_04.Frames(b), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))

    def forward(self, features):
        content, _ = self.lstm(self.mlp_c(features))
        return self.mlp_t(content).unflatten(2, (68, 2))
"""
LEARN = """
def learn(model, clips, steps, generator):
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.003)
    model.train()
    losses = []
    for _ in range(steps):
        batch = []
        for number in generator.choice(len(clips), 8):
            features, truth = clips[number]
            start = generator.integers(len(features) - 49)
            batch.append((features[start:][:50], truth[start:][:50]))
        features, truth = map(torch.stack, zip(*batch, strict=True))
        loss = (truth - model(features)).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses
"""

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
    "ex-04-4": changed(
        CONTENT,
        {
            (", batch_first=True", ""): "Give it `batch_first=True`",
            ("lesson_04.Frames(b), ", ""): "there is no batch norm",
            (", nn.LeakyReLU(0.2)", ""): "two linear layers are one",
            ("num_layers=3, ", ""): "the library's (1024, 256)",
            ("nn.LeakyReLU(0.2)", "nn.LeakyReLU()"): "slope of LeakyReLU",
            (
                "256, 512, 256, 136",
                "256, 256, 256, 136",
            ): "Make the layers in the order",
            (".unflatten(2, (68, 2))", ""): "should have shape",
        },
    ),
    "ex-04-5": changed(
        LEARN,
        {
            ("        optimiser.zero_grad()\n", ""): "call `zero_grad()`",
            ("        optimiser.step()\n", ""): "call the optimiser's `step()`",
            ("    model.train()\n", ""): "in eval mode while it learns",
            ("truth[start:]", "truth[:]"): "not of the same frames",
            ("loss.item()", "loss"): "hold their graph",
            (".abs()", ".square()"): "this is the squared error",
            (
                "features, truth = clips[number]\n            start = generator.inte"
                "gers(len(features) - 49)",
                "features, truth = clips[0]\n            start = 0",
            ): "all steps see the same crops",
        },
    ),
}

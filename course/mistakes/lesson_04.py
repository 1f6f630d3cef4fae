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
    "ex-04-4": [
        (
            """
            from torch import nn

            def mlp(*sizes):
                layers = []
                for a, b in zip(sizes[:-2], sizes[1:-1]):
                    layers += [nn.Linear(a, b), lesson_04.Frames(b), nn.LeakyReLU(0.2)]
                return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))

            class Content(nn.Module):
                def __init__(self, features):
                    super().__init__()
                    self.mlp_c = mlp(features, 256, 161)
                    self.lstm = nn.LSTM(161, 256, 3)
                    self.mlp_t = mlp(256, 512, 256, 136)

                def forward(self, features):
                    content, _ = self.lstm(self.mlp_c(features))
                    return self.mlp_t(content).unflatten(2, (68, 2))
            """,
            "Give it `batch_first=True`",
        ),
        (
            """
            from torch import nn

            def mlp(*sizes):
                layers = []
                for a, b in zip(sizes[:-2], sizes[1:-1]):
                    layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
                return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))

            class Content(nn.Module):
                def __init__(self, features):
                    super().__init__()
                    self.mlp_c = mlp(features, 256, 161)
                    self.lstm = nn.LSTM(161, 256, 3, batch_first=True)
                    self.mlp_t = mlp(256, 512, 256, 136)

                def forward(self, features):
                    content, _ = self.lstm(self.mlp_c(features))
                    return self.mlp_t(content).unflatten(2, (68, 2))
            """,
            "there is no batch norm",
        ),
        (
            """
            from torch import nn

            def mlp(*sizes):
                layers = []
                for a, b in zip(sizes[:-2], sizes[1:-1]):
                    layers += [nn.Linear(a, b), lesson_04.Frames(b)]
                return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))

            class Content(nn.Module):
                def __init__(self, features):
                    super().__init__()
                    self.mlp_c = mlp(features, 256, 161)
                    self.lstm = nn.LSTM(161, 256, 3, batch_first=True)
                    self.mlp_t = mlp(256, 512, 256, 136)

                def forward(self, features):
                    content, _ = self.lstm(self.mlp_c(features))
                    return self.mlp_t(content).unflatten(2, (68, 2))
            """,
            "two linear layers are one",
        ),
        (
            """
            from torch import nn

            def mlp(*sizes):
                layers = []
                for a, b in zip(sizes[:-2], sizes[1:-1]):
                    layers += [nn.Linear(a, b), lesson_04.Frames(b), nn.LeakyReLU(0.2)]
                return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))

            class Content(nn.Module):
                def __init__(self, features):
                    super().__init__()
                    self.mlp_c = mlp(features, 256, 161)
                    self.lstm = nn.LSTM(161, 256, batch_first=True)
                    self.mlp_t = mlp(256, 512, 256, 136)

                def forward(self, features):
                    content, _ = self.lstm(self.mlp_c(features))
                    return self.mlp_t(content).unflatten(2, (68, 2))
            """,
            "does the LSTM have three?",
        ),
        (
            """
            from torch import nn

            def mlp(*sizes):
                layers = []
                for a, b in zip(sizes[:-2], sizes[1:-1]):
                    layers += [nn.Linear(a, b), lesson_04.Frames(b), nn.LeakyReLU()]
                return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))

            class Content(nn.Module):
                def __init__(self, features):
                    super().__init__()
                    self.mlp_c = mlp(features, 256, 161)
                    self.lstm = nn.LSTM(161, 256, 3, batch_first=True)
                    self.mlp_t = mlp(256, 512, 256, 136)

                def forward(self, features):
                    content, _ = self.lstm(self.mlp_c(features))
                    return self.mlp_t(content).unflatten(2, (68, 2))
            """,
            "slope of LeakyReLU",
        ),
        (
            """
            from torch import nn

            def mlp(*sizes):
                layers = []
                for a, b in zip(sizes[:-2], sizes[1:-1]):
                    layers += [nn.Linear(a, b), lesson_04.Frames(b), nn.LeakyReLU(0.2)]
                return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))

            class Content(nn.Module):
                def __init__(self, features):
                    super().__init__()
                    self.mlp_c = mlp(features, 256, 161)
                    self.lstm = nn.LSTM(161, 256, 3, batch_first=True)
                    self.mlp_t = mlp(256, 512, 256, 136)

                def forward(self, features):
                    content, _ = self.lstm(self.mlp_c(features))
                    return self.mlp_t(content)
            """,
            "should have shape",
        ),
    ],
    "ex-04-5": [
        (
            """
            def learn(model, clips, steps, generator):
                optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
                model.train()
                losses = []
                for _ in range(steps):
                    batch = []
                    for number in generator.choice(len(clips), 4):
                        features, truth = clips[number]
                        start = generator.integers(len(features) - 49)
                        batch.append((features[start:][:50], truth[start:][:50]))
                    features, truth = map(torch.stack, zip(*batch))
                    loss = (truth - model(features)).abs().mean()
                    loss.backward()
                    optimiser.step()
                    losses.append(loss.item())
                return losses
            """,
            "Call `optimiser.zero_grad()` once a step",
        ),
        (
            """
            def learn(model, clips, steps, generator):
                optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
                model.train()
                losses = []
                for _ in range(steps):
                    batch = []
                    for number in generator.choice(len(clips), 4):
                        features, truth = clips[number]
                        start = generator.integers(len(features) - 49)
                        batch.append((features[start:][:50], truth[start:][:50]))
                    features, truth = map(torch.stack, zip(*batch))
                    loss = (truth - model(features)).abs().mean()
                    optimiser.zero_grad()
                    loss.backward()
                    losses.append(loss.item())
                return losses
            """,
            "is there an `optimiser.step()`?",
        ),
        (
            """
            def learn(model, clips, steps, generator):
                optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
                pass
                losses = []
                for _ in range(steps):
                    batch = []
                    for number in generator.choice(len(clips), 4):
                        features, truth = clips[number]
                        start = generator.integers(len(features) - 49)
                        batch.append((features[start:][:50], truth[start:][:50]))
                    features, truth = map(torch.stack, zip(*batch))
                    loss = (truth - model(features)).abs().mean()
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    losses.append(loss.item())
                return losses
            """,
            "call `model.train()`",
        ),
        (
            """
            def learn(model, clips, steps, generator):
                optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
                model.train()
                losses = []
                for _ in range(steps):
                    batch = []
                    for number in generator.choice(len(clips), 4):
                        features, truth = clips[number]
                        start = generator.integers(len(features) - 49)
                        batch.append((features[start:][:50], truth[:50]))
                    features, truth = map(torch.stack, zip(*batch))
                    loss = (truth - model(features)).abs().mean()
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    losses.append(loss.item())
                return losses
            """,
            "not of the same frames",
        ),
        (
            """
            def learn(model, clips, steps, generator):
                optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
                model.train()
                losses = []
                for _ in range(steps):
                    batch = []
                    for number in generator.choice(len(clips), 4):
                        features, truth = clips[number]
                        start = generator.integers(len(features) - 49)
                        batch.append((features[start:][:50], truth[start:][:50]))
                    features, truth = map(torch.stack, zip(*batch))
                    loss = (truth - model(features)).abs().mean()
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    losses.append(loss)
                return losses
            """,
            "keeps its whole graph",
        ),
        (
            """
            def learn(model, clips, steps, generator):
                optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
                model.train()
                losses = []
                for _ in range(steps):
                    batch = []
                    for number in generator.choice(len(clips), 4):
                        features, truth = clips[number]
                        start = generator.integers(len(features) - 49)
                        batch.append((features[start:][:50], truth[start:][:50]))
                    features, truth = map(torch.stack, zip(*batch))
                    loss = (truth - model(features)).square().mean()
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    losses.append(loss.item())
                return losses
            """,
            "this is the squared error",
        ),
        (
            """
            def learn(model, clips, steps, generator):
                optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
                model.train()
                losses = []
                for _ in range(steps):
                    batch = []
                    for number in range(4):
                        features, truth = clips[number]
                        start = 0
                        batch.append((features[start:][:50], truth[start:][:50]))
                    features, truth = map(torch.stack, zip(*batch))
                    loss = (truth - model(features)).abs().mean()
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    losses.append(loss.item())
                return losses
            """,
            "all steps see the same crops",
        ),
    ],
}

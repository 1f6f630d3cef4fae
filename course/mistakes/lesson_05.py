"""Typical mistakes in the exercises of lesson 05."""

from course.mistakes import changed

STYLE = """
class StyleNetwork(nn.Module):
    def __init__(self, features):
        super().__init__()
        mlp = content_encoder.mlp
        self.mlp_e = mlp(features, 256, 128, 128)
        self.mlp_i = mlp(features, 256, 128, 128)
        self.q, self.k, self.v, self.out = (
            nn.Linear(256, 256) for _ in range(4)
        )
        self.wide, self.narrow = nn.Linear(256, 512), nn.Linear(512, 256)
        self.norm_1, self.norm_2 = nn.LayerNorm(256), nn.LayerNorm(256)
        self.dropout, self.mlp_s = nn.Dropout(0.1), mlp(512, 512, 256, 136)

    def forward(self, features, content):
        emotion, identity = self.mlp_e(features), self.mlp_i(features)
        x = torch.cat([emotion, identity], -1)
        q, k, v = (
            f(x).unflatten(2, (4, 64)).transpose(1, 2)
            for f in (self.q, self.k, self.v)
        )
        self.map = (q @ k.mT / 8).softmax(-1)
        mixed = (self.map @ v).transpose(1, 2).flatten(2)
        x = self.norm_1(x + self.dropout(self.out(mixed)))
        x = self.norm_2(x + self.narrow(self.wide(x).relu()))
        both = torch.cat([content, x], -1)
        return self.mlp_s(both).unflatten(2, (68, 2)), emotion, identity
"""
LOOP = """
def train_style(network, crops, triplets, rate):
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    network.train()
    history = []
    for step in triplets:
        batch = [sequence[step.T.flatten()] for sequence in crops]
        d_style, *both = network(*batch[:2])
        (r, s, p), (i_r, _, i_p) = (x.mean(1).chunk(3) for x in both)
        d_rs, d_rp = (r - s).abs().mean(1), (r - p).abs().mean(1)
        e_r, e_s, e_p = batch[4].chunk(3)
        weights = [losses.expression_similarity(e_r, e) for e in (e_s, e_p)]
        loss = losses.emotion_contrast(d_rs, d_rp, *weights)
        loss = loss + (i_r - i_p).abs().mean()
        loss = loss + (batch[2] + d_style - batch[3]).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    return history
"""

MISTAKES = {
    "ex-05-1": [
        (
            """
            def resting_size(delta_rs, delta_rp, lambda_rs, lambda_rp, margin=0.1):
                return margin / delta_rp if delta_rp > delta_rs else 0.0
            """,
            "Do both lambdas enter?",
        ),
        (
            """
            def resting_size(delta_rs, delta_rp, lambda_rs, lambda_rp, margin=0.1):
                lives = delta_rp / delta_rs > lambda_rs / lambda_rp
                return margin / delta_rp if lives else 0.0
            """,
            "is it 1 - lambda_rp?",
        ),
        (
            """
            def resting_size(delta_rs, delta_rp, lambda_rs, lambda_rp, margin=0.1):
                lives = delta_rp / delta_rs > lambda_rs / (1 - lambda_rp)
                return margin if lives else 0.0
            """,
            "the distance d_rp at which it rests",
        ),
    ],
    "ex-05-2": [
        (
            """
            def sizes_after(delta_rs, delta_rp, steps=1000, rate=0.01):
                sizes = torch.full_like(delta_rs, 0.02).requires_grad_()
                for _ in range(steps):
                    one, zero = torch.tensor(1.0), torch.tensor(0.0)
                    pair = sizes * delta_rs, sizes * delta_rp
                    loss = losses.emotion_contrast(*pair, one, zero)
                    (slope,) = torch.autograd.grad(loss, sizes)
                    sizes = (sizes - rate * slope).clamp(min=0).detach()
                    sizes.requires_grad_()
                return sizes
            """,
            "the margin was asked of each number",
        ),
        (
            """
            def sizes_after(delta_rs, delta_rp, steps=1000, rate=0.01):
                sizes = torch.full_like(delta_rs, 0.02)
                for _ in range(steps):
                    open_bracket = (sizes * delta_rp).mean() < 0.1
                    slope = (delta_rs - open_bracket * delta_rp) / len(sizes)
                    sizes = sizes - rate * slope
                return sizes
            """,
            "a size is below 0",
        ),
        (
            """
            def sizes_after(delta_rs, delta_rp, steps=50, rate=0.01):
                sizes = torch.full_like(delta_rs, 0.02)
                for _ in range(steps):
                    open_bracket = (sizes * delta_rp).mean() < 0.1
                    slope = (delta_rs - open_bracket * delta_rp) / len(sizes)
                    sizes = (sizes - rate * slope).clamp(min=0)
                return sizes
            """,
            "are still alive",
        ),
    ],
    "ex-05-3": [
        (
            """
            def draw_triplets(clips, generator):
                return lesson_05.draw_triplets(clips, generator)
            """,
            "bear the same name, and yet are two videos",
        ),
        (
            """
            def draw_triplets(clips, generator):
                triplets = []
                for r, clip in enumerate(clips):
                    own = [i for i, c in enumerate(clips) if c.speaker == clip.speaker]
                    s, p = generator.choice([i for i in own if i != r], 2)
                    triplets.append((r, s, p))
                return triplets
            """,
            "at times",
        ),
    ],
    "ex-05-4": [
        (
            """
            def across_speakers(codes, speakers, expressions):
                apart = (codes[:, None] - codes).abs().mean(2)
                each, other = expressions[:, None], expressions[None]
                alike = losses.expression_similarity(each, other)
                return (alike * apart).sum() / alike.sum()
            """,
            "clips of one speaker count",
        ),
        (
            """
            def across_speakers(codes, speakers, expressions):
                unit = torch.nn.functional.normalize(expressions, dim=1)
                alike = unit @ unit.T * (speakers[:, None] != speakers)
                apart = (codes[:, None] - codes).abs().mean(2)
                return (alike * apart).sum() / alike.sum()
            """,
            "the weights carry a gradient",
        ),
        (
            """
            def across_speakers(codes, speakers, expressions):
                apart = (codes[:, None] - codes).abs().mean(2)
                each, other = expressions[:, None], expressions[None]
                alike = losses.expression_similarity(each, other)
                two = speakers[:, None] != speakers
                return (alike * apart)[two].mean()
            """,
            "Divide by the sum of the weights",
        ),
    ],
    "ex-05-5": changed(
        STYLE,
        {
            ("q @ k.mT / 8", "q @ k.mT"): "not divided by the root",
            ("softmax(-1)", "softmax(-2)"): "over the frames that ask",
            ("norm_1(x + self", "norm_1(self"): "Add it to them",
            ("[content, x]", "[x, content]"): "Eq. (8) has content first",
            ("nn.Linear(256, 256) for", "nn.Linear(256, 256, False) for"): "and a bias",
            ("[emotion, identity], -1", "[identity, emotion], -1"): "emotion first",
        },
    ),
    "ex-05-6": changed(
        LOOP,
        {
            ("        optimiser.zero_grad()\n", ""): "gradients add up",
            ("        optimiser.step()\n", ""): "no weight changes",
            ("        loss.backward()\n", ""): "call `backward()`",
            ("    network.train()\n", ""): "in eval mode",
            ("loss.item()", "loss"): "hold their graph",
            ("step.T.flatten()", "step.flatten()"): "transpose before you flatten",
            ("d_rs, d_rp, *weights)", "d_rp, d_rs, *weights)"): "swapped",
            ("*weights)", "*weights, 0.0)"): "the margin is missing",
            ("batch[2] + d_style", "d_style"): "D_content moves it, too",
        },
    ),
}

"""Typical mistakes in the exercises of lesson 05."""

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
}

"""Typical mistakes in the exercises of lesson 05."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-05-1": [
        (
            (
                "(1 - lambda_rp) * delta_rp > lambda_rs * delta_rs",
                "delta_rp > delta_rs",
            ),
            "Do both lambdas enter?",
        ),
        (
            ("(1 - lambda_rp) * delta_rp", "lambda_rp * delta_rp"),
            "is it 1 - lambda_rp?",
        ),
        (("margin / delta_rp", "margin"), "the distance d_rp at which it rests"),
    ],
    "ex-05-2": [
        (
            ("(sizes * delta_rp).mean() < 0.1", "sizes * delta_rp < 0.1"),
            "the margin was asked of each number",
        ),
        ((".clamp(min=0)", ""), "a size is below 0"),
        (("steps=1000", "steps=50"), "are still alive"),
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
            (
                "generator.choice(same), generator.choice(others)",
                "*generator.choice(own, 2)",
            ),
            "at times",
        ),
    ],
    "ex-05-4": [
        (
            ("    alike = alike * (speakers[:, None] != speakers)\n", ""),
            "clips of one speaker count",
        ),
        (
            (
                "losses.expression_similarity(expressions[:, None], expressions[None])",
                "torch.cosine_similarity(expressions[:, None], expressions[None], -1)",
            ),
            "the weights carry a gradient",
        ),
        (
            ("/ alike.sum()", "/ (speakers[:, None] != speakers).sum()"),
            "Divide by the sum of the weights",
        ),
    ],
    "ex-05-5": [
        (("q @ k.mT / 8", "q @ k.mT"), "not divided by the root"),
        (("softmax(-1)", "softmax(-2)"), "over the frames that ask"),
        (("norm_1(x + self", "norm_1(self"), "Add it to them"),
        (("[content, x]", "[x, content]"), "Eq. (8) has content first"),
        (("linear(256, 256) for", "linear(256, 256, False) for"), "and a bias"),
        (("[emotion, identity], -1", "[identity, emotion], -1"), "emotion first"),
    ],
    "ex-05-6": [
        (("        optimiser.zero_grad()\n", ""), "gradients add up"),
        (("        optimiser.step()\n", ""), "no weight changes"),
        (("        loss.backward()\n", ""), "call `backward()`"),
        (("    network.train()\n", ""), "in eval mode"),
        (("loss.item()", "loss"), "hold their graph"),
        (("step.T.flatten()", "step.flatten()"), "transpose before you flatten"),
        (("d_rs, d_rp = (r", "d_rp, d_rs = (r"), "swapped"),
        (("(0.1 - d_rp)", "(0 - d_rp)"), "the margin is missing"),
        (("batch[2] + d_style", "d_style"), "D_content moves it, too"),
    ],
}

"""Typical mistakes in the exercises of lesson 06."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-06-1": [
        ((".clamp(min=1e-9)", ""), "it is 0 / 0"),
        (
            """
            def best_gate(warped, rendered, target):
                step = rendered - warped
                gate = (target - warped) * step / (step**2).clamp(min=1e-9)
                return gate.clamp(0, 1).mean(0)
            """,
            "sum over colours before you divide",
        ),
        ((".clamp(0, 1)", ""), "A sigmoid gives no more than 0 to 1"),
    ],
    "ex-06-2": [
        (
            (
                "rows.median(0).values, rows.mean(0)",
                "rows.mean(0), rows.median(0).values",
            ),
            "the two are swapped",
        ),
        (("rows.median(0).values", "rows.mean(0)"), "both errors get the same picture"),
    ],
    "ex-06-3": [
        (
            (
                "picture.astype(float) - target.astype(float)",
                "(picture - target).astype(float)",
            ),
            "The type must change before the subtraction",
        ),
        (
            ("astype(float)", "astype(np.int16)"),
            "Does your type hold the square of 255?",
        ),
        (
            ("picture.astype(float) - target.astype(float)", "picture - target"),
            "still counts as equal",
        ),
    ],
    "ex-06-4": [
        (
            (
                "below[:, :, None] * across[:, None]",
                "across[:, :, None] * below[:, None]",
            ),
            "x and y are swapped",
        ),
        (
            (
                "scale_points(landmarks, size / CANONICAL_SIDE)",
                "landmarks * size / CANONICAL_SIDE",
            ),
            "its corner is not",
        ),
        (("(2 * sigma**2)", "sigma**2"), "*twice* sigma squared"),
    ],
    "ex-06-5": [
        ((", bias=False", ""), "Leave it out: `bias=False`"),
        (("nn.BatchNorm2d(outputs), ", ""), "batch norm is missing"),
        (("nn.LeakyReLU(0.2)", "nn.LeakyReLU()"), "Here it is 0.2"),
        (
            (
                "interpolate(x, scale_factor=2.0), skip",
                "skip, interpolate(x, scale_factor=2.0)",
            ),
            "the skip comes before",
        ),
        (("(16, 12, 6, 3)", "(8, 8, 4, 2)"), "takes no skips"),
        (("scale_factor=2.0)", "scale_factor=2.0, mode='bilinear')"), "blends"),
    ],
    "ex-06-6": [
        (("        optimiser.zero_grad()\n", ""), "gradients add up"),
        (("        optimiser.step()\n", ""), "no weight changes"),
        (("    network.train()\n", ""), "in eval mode"),
        (("loss.item()", "loss"), "hold their graph"),
        ((") - target)", ") - reference)"), "compares with the reference"),
        ((".abs()", ".square()"), "this is the squared error"),
        (("/ 255", "/ 1"), "Divide them by 255"),
        (
            ("permute(0, 3, 1, 2)", "reshape(len(pictures), 3, *pictures.shape[1:3])"),
            "`reshape` mixes",
        ),
    ],
}

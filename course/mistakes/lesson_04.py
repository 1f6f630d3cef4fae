"""Typical mistakes in the exercises of lesson 04."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-04-1": [
        (
            ("[seen].abs()", ".abs().mul(seen[:, None, None])"),
            "still count in what it is divided by",
        ),
        ((".abs()", ".square()"), "this is the squared error"),
    ],
    "ex-04-2": [
        (("features.clone()", "features"), "changes what it is given"),
        (("branch.eval()", "branch.train()"), "Is dropout on?"),
    ],
    "ex-04-3": [
        (
            (
                "torch.stack([loudness, torch.ones_like(loudness)], 1)",
                "loudness[:, None]",
            ),
            "column of ones",
        ),
        (
            (
                "torch.stack([loudness, torch.ones_like(loudness)], 1)",
                "torch.cat([features, torch.ones(len(features), 1)], 1)",
            ),
            "the bands themselves are used",
        ),
    ],
    "ex-04-4": [
        ((", batch_first=True", ""), "Give it `batch_first=True`"),
        (("lesson_04.Frames(b), ", ""), "there is no batch norm"),
        ((", nn.LeakyReLU(0.2)", ""), "two linear layers are one"),
        (("num_layers=3, ", ""), "the library's (1024, 256)"),
        (("nn.LeakyReLU(0.2)", "nn.LeakyReLU()"), "slope of LeakyReLU"),
        (("256, 512, 256, 136", "256, 256, 256, 136"), "Make the layers in the order"),
        ((".unflatten(2, (68, 2))", ""), "should have shape"),
    ],
    "ex-04-5": [
        (("        optimiser.zero_grad()\n", ""), "call `zero_grad()`"),
        (("        optimiser.step()\n", ""), "call the optimiser's `step()`"),
        (("    model.train()\n", ""), "in eval mode while it learns"),
        (("truth[start:]", "truth[:]"), "not of the same frames"),
        (("loss.item()", "loss"), "hold their graph"),
        ((".abs()", ".square()"), "this is the squared error"),
        (
            (
                "features, truth = clips[number]\n"
                "            start = generator.integers(len(features) - 49)",
                "features, truth = clips[0]\n            start = 0",
            ),
            "all steps see the same crops",
        ),
    ],
}

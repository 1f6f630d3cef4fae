"""Typical mistakes in the exercises of lesson 02."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-02-1": [
        (("/ 20)", "/ 10)"), "twice as many decibels"),
        (("(level - own)", "level"), "forgets how loud the sound is already"),
        (
            ("np.sqrt(np.mean(samples**2))", "np.abs(samples).max()"),
            "it is the largest sample",
        ),
    ],
    "ex-02-2": [
        (("look_ahead(mel, a)", "look_ahead(mel, -a)"), "moved the wrong way"),
        (("pairs(train)", "pairs(test)"), "fitted to the clips that it is tested on"),
        (
            (
                "np.concatenate([prepared.look_ahead(mel, a) for mel, _ in clips])",
                "prepared.look_ahead(np.concatenate([mel for mel, _ in clips]), a)",
            ),
            "clips are joined before they are moved",
        ),
    ],
    "ex-02-3": [
        (
            ("np.cumsum(mel, axis=0) / so_far", "mel.mean(0)"),
            "Only frames up to t may enter",
        ),
        (
            ("np.cumsum(mel, axis=0) / so_far", "mel.mean(1, keepdims=True)"),
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
            ("log_mel(block)", "log_mel(block, first_centre=0)[:-1]"),
            "every frame is 10 ms early",
        ),
        (
            ("log_mel(block)", "log_mel(block, first_centre=0)"),
            "How many should it be?",
        ),
    ],
    "ex-02-5": [
        (("self.freq - 1 :: self.freq", ":: self.freq"), "the forward states"),
        (
            (":: self.freq, self.neck", "self.freq - 1 :: self.freq, self.neck"),
            "the backward states",
        ),
        (("2, batch_first=True", "2"), "Give it `batch_first=True`"),
        ((", bidirectional=True", ""), "in the order of the exercise"),
        (
            (
                "codes.repeat_interleave(self.freq, dim=1)",
                "codes.repeat(1, self.freq, 1)",
            ),
            "`repeat` plays all codes",
        ),
        (("beside(frames, target)", "beside(frames, source)"), "told who spoke"),
        (("[0]), codes", "[0])"), "two things"),
    ],
    "ex-02-6": [
        (("encode(again", "encode(mel"), "not of the mel that came in"),
        (("weight * code_loss", "code_loss"), "makes no difference"),
        ((".abs()", ".square()"), "the code loss is squared"),
        (("((again - mel) ** 2)", "(again - mel).abs()"), "Section 7 squares it"),
        (("    network.train()\n", ""), "in eval mode while it learns"),
        (("        optimiser.zero_grad()\n", ""), "call `zero_grad()`"),
        (("        optimiser.step()\n", ""), "call the optimiser's `step()`"),
        (("loss.item()", "loss"), "hold their graph"),
    ],
}

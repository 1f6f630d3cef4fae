"""Checkers of lesson 05, the style encoder, and a function that holds a bug."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from course.exercises.checking import (
    answer_of,
    close,
    expect,
    number_of,
    right,
    tensor_of,
)
from emoface_lib import plots
from emoface_lib.method.losses import expression_similarity

MARGIN = 0.1
RATIOS = (0.8, 1.5, 2.0, 3.0, 2.4)  # ratios of distances in five numbers of a code
SPEAKERS, VIDEOS, CLIPS = 8, 4, 3  # clips a video, videos a speaker

Draw = Callable[
    [Sequence["Recording"], np.random.Generator], list[tuple[int, int, int]]
]


class Recording(NamedTuple):
    """A clip, as far as triplets need to know it; expression : Tensor[7]."""

    speaker: str
    video: str
    expression: Tensor


def check_resting_size(
    function: Callable[[float, float, float, float], float],
) -> None:
    """The size at which eq. (5) lets a code rest; 0 if it dies."""
    survives = number_of(answer_of(function, 0.1, 0.3, 0.9, 0.4))
    dies = number_of(answer_of(function, 0.2, 0.25, 0.9, 0.4))
    barely = number_of(answer_of(function, 0.1, 0.2, 0.9, 0.4))
    expect(
        survives > 0,
        "a code dies in which different videos lie three times as far apart as clips "
        "of one video, with a threshold of 1.5.",
    )
    expect(
        dies == 0,
        "a code lives in which different videos lie 1.25 times as far apart, with a "
        "threshold of 1.5. Do both lambdas enter?",
    )
    expect(
        barely > 0,
        "a code dies with a ratio of 2 and a threshold of 1.5. Faces that look alike "
        "anyway repel less: is it 1 - lambda_rp?",
    )
    expect(
        not close(survives, MARGIN),
        "0.1 is the distance d_rp at which it rests. Asked is the size s.",
    )
    expect(
        not close(survives, MARGIN / 0.1),
        "the margin holds d_rp; you let it hold d_rs.",
    )
    expect(
        close(survives, MARGIN / 0.3),
        f"it rests at {MARGIN / 0.3:.3f}, not {survives}.",
    )
    right("the faces alone say what may live, and the margin says how large.")


def check_sizes_after(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Sizes of the numbers of a code after gradient descent on eq. (5)."""
    near, far = torch.ones(len(RATIOS)), torch.tensor(RATIOS)
    answer = tensor_of(answer_of(function, near, far), (len(RATIOS),))
    expect(
        answer.min() >= 0,
        "a size is below 0, where its distances would be, too. Clamp after each step.",
    )
    expect(
        answer.std() > 1e-6,
        "all sizes are the same. Does the gradient reach each of them?",
    )
    expect(answer.max() > 0.01, "all have died. Does far apart make the loss smaller?")
    alive = (answer > 0.1 * answer.max()).nonzero().flatten().tolist()
    expect(
        alive != [1, 2, 3, 4],
        "every number above the threshold lives: the margin was asked of each number. "
        "Eq. (5) asks it of d_rp, their mean.",
    )
    expect(
        len(alive) < 2,
        f"{len(alive)} numbers are still alive. Go on: is anything still moving?",
    )
    expect(
        alive == [3],
        f"the ratio that lives is said to be {RATIOS[alive[0]]} of {RATIOS}.",
    )
    rest = MARGIN * len(RATIOS) / RATIOS[3]
    expect(
        abs(answer[3] - rest) < 0.1 * rest,
        f"the right one lives, at {answer[3]:.3f} in place of {rest:.3f}.",
    )
    right(
        "the best number alone reaches the margin; then nothing repels, and the others "
        "are only attracted. Eq. (5) by itself ends at rank 1."
    )


def draw_triplets(
    clips: Sequence[Recording], generator: np.random.Generator
) -> list[tuple[int, int, int]]:
    """A triplet (r, s, p) for each clip as V_r; holds a bug on purpose."""
    triplets = []
    for r, clip in enumerate(clips):
        same, others = [], []
        for i, other in enumerate(clips):
            if other.video == clip.video and i != r:
                same.append(i)
            elif other.speaker == clip.speaker and i != r:
                others.append(i)
        s, p = generator.choice(same), generator.choice(others)
        triplets.append((r, int(s), int(p)))
    return triplets


def show_similarities(draw: Draw = draw_triplets) -> None:
    """Histograms of lambda over the triplets that a function draws."""
    clips = recordings()
    triplets = [t for k in range(20) for t in draw(clips, np.random.default_rng(k))]
    r, s, p = (
        torch.stack([clips[i].expression for i in role])
        for role in zip(*triplets, strict=True)
    )
    shares = {
        "lambda_rs": _shares(expression_similarity(r, s)),
        "lambda_rp": _shares(expression_similarity(r, p)),
    }
    drawn, axes = plots.figure(size=(5, 2.6))
    plots.draw_histograms(axes[0, 0], shares, "similarity of two faces")
    plots.show(drawn, "Histograms of lambda_rs and lambda_rp over drawn triplets.")


def check_draw_triplets(function: Draw) -> None:
    """Triplets, with the bug mended."""
    clips = recordings()
    triplets = [_drawn(function, clips, k) for k in range(4)]
    expect(triplets[0] != triplets[1], "nothing is drawn: every epoch is the same.")
    for r, s, p in (triplet for drawn in triplets for triplet in drawn):
        expect(s != r, "V_s is V_r itself at times: then d_rs is 0 for any code.")
        expect(
            clips[p].speaker == clips[r].speaker,
            "V_p is another person at times: a code of voices would do.",
        )
        expect(clips[p].video != clips[r].video, "V_p is of V_r's own video at times.")
        expect(
            clips[s].video == clips[r].video,
            "V_s is of another video than V_r at times.",
        )
        expect(
            clips[s].speaker == clips[r].speaker,
            "the videos of V_r and V_s bear the same name, and yet are two videos. "
            "What makes a video one?",
        )
    right(
        "a name is unique in its folder and nowhere else. Look at the pairs you draw."
    )


def check_across_speakers(
    function: Callable[[Tensor, Tensor, Tensor], Tensor],
) -> None:
    """Attraction of clips of different speakers whose faces look alike."""
    generator = torch.Generator().manual_seed(5)
    codes = torch.randn(12, 6, generator=generator)
    speakers = torch.arange(12) % 4
    faces = torch.randn(12, 7, generator=generator).mul(2).softmax(1)
    asked = function, codes, speakers, faces.requires_grad_()
    answer = answer_of(*asked)
    expect(
        not getattr(answer, "requires_grad", False),
        "the weights carry a gradient. Nothing trains the expression model: detach.",
    )
    answer = number_of(answer)
    faces = faces.detach()
    apart = (codes[:, None] - codes[None]).abs().mean(2)
    alike = expression_similarity(faces[:, None], faces[None])
    two = (speakers[:, None] != speakers).float()
    expect(
        not close(answer, (alike * apart).sum() / alike.sum()),
        "clips of one speaker count, too. Whether they are alike is what eq. (5) asks.",
    )
    expect(
        not close(answer, (alike * apart * two).sum() / two.sum()),
        "the sum is divided by the number of pairs: a batch of unlike faces would seem "
        "a near one. Divide by the sum of the weights.",
    )
    euclid = (codes[:, None] - codes[None]).norm(dim=2)
    expect(
        not close(answer, (alike * euclid * two).sum() / (alike * two).sum()),
        "this is the Euclidean distance. Eq. (5) takes the mean absolute difference.",
    )
    truth = float((alike * apart * two).sum() / (alike * two).sum())
    expect(close(answer, truth), f"it gives {answer:.3f} in place of {truth:.3f}.")
    right("it compares people at last; alone it would collapse, so eq. (5) must stay.")


def recordings() -> list[Recording]:
    """Clips of SPEAKERS, each with VIDEOS of different emotions, CLIPS of each."""
    generator = torch.Generator().manual_seed(5)
    clips = []
    for speaker in range(SPEAKERS):
        emotions = torch.randperm(7, generator=generator)[:VIDEOS]
        for video, emotion in enumerate(emotions):
            for _ in range(CLIPS):
                face = torch.randn(7, generator=generator) * 0.5
                face[emotion] += 4
                names = f"id{speaker + 1:05}", f"video{video + 1:02}"
                clips.append(Recording(*names, face.softmax(0)))
    return clips


def _drawn(
    function: Draw, clips: Sequence[Recording], seed: int
) -> list[tuple[int, int, int]]:
    answer = answer_of(function, clips, np.random.default_rng(seed))
    try:
        triplets = [(int(r), int(s), int(p)) for r, s, p in answer]
    except (TypeError, ValueError):
        expect(False, "the answer should be a list of triplets (r, s, p).")
    first = sorted(r for r, _, _ in triplets)
    expect(first == list(range(len(clips))), "each clip should be V_r just once.")
    return triplets


def _shares(values: Tensor) -> pd.Series:
    counts, edges = np.histogram(values.clamp(0, 1), 10, (0, 1))
    return pd.Series(counts / counts.sum(), edges[:-1])

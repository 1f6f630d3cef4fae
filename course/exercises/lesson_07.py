"""Checkers of lesson 07, the comparison."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from course.exercises.checking import answer_of, expect, number_of, right
from emoface_lib import plots
from emoface_lib.core.landmarks import LIPS
from emoface_lib.evaluation.metrics import (
    ATVG,
    F_LMD,
    M_LMD,
    PAPER,
    LandmarkProtocol,
    landmark_distance,
)

Curves = Sequence[np.ndarray]  # lip opening float[F] px, one a clip
Distance = Callable[[Tensor, Tensor], Tensor]
Wrong = tuple[float, str]  # a value that a mistake gives, and what to say of it
TRUE_MEAN = 2.0  # px, of the LMD in made-up studies
RATE = 25  # frames a second of the curves below


def _refuse(answer: float, wrong: Iterable[Wrong]) -> None:
    for value, sentence in wrong:
        expect(not np.isclose(answer, value, atol=2e-3), sentence)


# Exercise 1: the mouth's own distance


def check_mouth_distance(function: Distance) -> None:
    """M-LMD by hand, and two faces that it ranks the other way round."""
    generator = torch.Generator().manual_seed(7)
    drift = torch.randn(30, 1, 2, generator=generator).mul(9).cumsum(0)
    truth = 128 + 20 * torch.randn(30, 68, 2, generator=generator) + drift
    predicted = truth + 4 * torch.randn(30, 68, 2, generator=generator) + drift
    answer = number_of(answer_of(function, predicted, truth))
    _refuse(answer, _of_mouths(predicted, truth))
    expected = landmark_distance(predicted, truth, M_LMD)
    expect(
        np.isclose(answer, expected, atol=1e-3),
        f"on random faces it gives {answer:.3f} in place of {expected:.3f}.",
    )
    _say_ranking(function)


def _of_mouths(predicted: Tensor, truth: Tensor) -> list[Wrong]:
    apart = (predicted - truth)[:, LIPS]
    own = apart - apart.mean(1, keepdim=True)
    by_face = apart - (predicted - truth).mean(1, keepdim=True)
    protocols = [
        (PAPER, "all 68 points count, and none is centred."),
        (F_LMD, "all 68 points count. Choose the mouth's 20 before you centre."),
        (
            LandmarkProtocol("mouth"),
            "nothing is centred: where the mouth *is* counts, too.",
        ),
        (ATVG, "the points' distances are summed, which is ATVG's rule. Take a mean."),
    ]
    return [
        *(
            (landmark_distance(predicted, truth, p), d_content)
            for p, d_content in protocols
        ),
        (
            _distance(apart - apart.mean((0, 1))),
            "one centre is taken for all frames. Each has its own.",
        ),
        (_distance(by_face), "the face's centre is taken. Take that of the mouth."),
        (
            float(own.abs().mean()),
            "this is a mean over coordinates. A distance takes x and y together.",
        ),
    ]


def _distance(apart: Tensor) -> float:
    return float(apart.norm(dim=-1).mean())


def _say_ranking(function: Distance) -> None:
    generator = torch.Generator().manual_seed(7)
    truth = 128 + 20 * torch.randn(30, 68, 2, generator=generator)
    lips = truth.clone()
    lips[:, LIPS] += 4 * torch.randn(30, 20, 2, generator=generator)
    faces = {"a shifted face": truth + 3, "a face with wrong lips": lips}
    d_content = "; ".join(
        f"{name} is {landmark_distance(face, truth, PAPER):.1f} px off by LMD and "
        f"{float(function(face, truth)):.1f} px by M-LMD"
        for name, face in faces.items()
    )
    right(f"{d_content}. Which one is better is said by the protocol.")


# Exercise 2: how often an interval holds the ground truth


def studies(
    speakers: int, clips: int, generator: np.random.Generator, count: int = 300
) -> np.ndarray:
    """Made-up LMDs of many studies: float[count, speakers, clips] px, truth TRUE_MEAN.

    Speakers differ (deviation 0.3 px), and so do the clips of one (0.3 px).
    """
    speaker = 0.3 * generator.normal(size=(count, speakers, 1))
    return TRUE_MEAN + speaker + 0.3 * generator.normal(size=(count, speakers, clips))


def check_share_covered(function: Callable[..., float]) -> None:
    """Share of 95 % intervals that hold the mean, over clips and over speakers."""
    drawn = studies(6, 6, np.random.default_rng(7))
    clips, speakers = (_share(function, drawn, each) for each in (False, True))
    expect(max(clips, speakers) <= 1, "give a share, between 0 and 1.")
    expect(
        min(clips, speakers) < 0.995,
        "every interval is said to hold the true mean. Each holds the mean of its "
        "own study; ask for `truth`.",
    )
    expect(
        abs(clips - speakers) > 0.05,
        "speakers and clips give the same share. Does `by_speaker` change what is "
        "drawn?",
    )
    expect(clips < speakers, "with `by_speaker`, draw from a study's 6 means.")
    for share, units in ((clips, drawn.reshape(300, 36)), (speakers, drawn.mean(2))):
        expect(
            abs(share - _covered(units)) < 0.04,
            f"with {units.shape[1]} units a study, {share:.2f} of the intervals hold "
            "the true mean. Draw as many as there are; the quantiles are 0.025 "
            "and 0.975.",
        )
    more = _share(function, studies(30, 6, np.random.default_rng(7)), True)
    right(
        f"of 300 intervals that promise 95 %, {100 * clips:.0f} % keep it over clips, "
        f"{100 * speakers:.0f} % over 6 speakers, {100 * more:.0f} % over 30 speakers."
    )


def _share(
    function: Callable[..., float], drawn: np.ndarray, by_speaker: bool
) -> float:
    generator = np.random.default_rng(8)
    return number_of(answer_of(function, drawn, TRUE_MEAN, by_speaker, generator))


def _covered(units: np.ndarray) -> float:
    """Share of studies whose interval over float[studies, units] holds the mean."""
    size = 400, units.shape[1]
    means = units[:, np.random.default_rng(9).integers(size[1], size=size)].mean(2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    return float(((low <= TRUE_MEAN) & (high >= TRUE_MEAN)).mean())


# Exercise 3: the silent bug


def lips_together(predicted: Curves, truth: Curves) -> float:
    """Mean correlation of the lips' opening over clips; holds a bug on purpose.

    predicted, truth : float[F] px a clip; clips may differ in length.
    """
    first, second = np.concatenate(predicted), np.concatenate(truth)
    return float(np.corrcoef(first, second)[0, 1])


def guessed_lips() -> tuple[Curves, Curves]:
    """Lip openings of a mouth that never heard the words, and the true ones, px."""
    generator = np.random.default_rng(7)
    predicted, truth = [], []
    for level, length in ((3, 60), (6, 90), (9, 75), (12, 120), (15, 60), (18, 100)):
        guess, true = _wave(length, generator), _wave(length, generator)
        predicted.append(0.9 * level * (1 + 0.12 * guess))
        truth.append(level * (1 + 0.3 * true))
    return predicted, truth


def _wave(length: int, generator: np.random.Generator) -> np.ndarray:
    """A smooth random curve of mean 0 and deviation 1, float[F]."""
    smooth = np.convolve(generator.normal(size=length + 8), np.ones(9), "valid")
    return np.asarray((smooth - smooth.mean()) / smooth.std())


def show_lips_together() -> None:
    """The guessed lips beside the true ones, and what the function says of them."""
    predicted, truth = guessed_lips()
    drawn, axes = plots.figure(1, 2, size=(10, 3))
    curves = {"true": np.concatenate(truth), "predicted": np.concatenate(predicted)}
    plots.draw_curves(axes[0, 0], curves, RATE, "lip opening, px")
    lengths = [len(one) for one in truth]
    for end in np.cumsum(lengths)[:-1] / RATE:
        axes[0, 0].axvline(end, color="0.6", linewidth=0.8, linestyle=":")
    names = np.repeat([f"clip {n + 1}" for n in range(len(lengths))], lengths)
    title = f"lips_together says r = {lips_together(predicted, truth):.2f}"
    points = np.column_stack([*curves.values()])
    plots.draw_embedding(axes[0, 1], points, names.tolist(), title)
    axes[0, 1].set(xlabel="true opening, px", ylabel="predicted, px")
    plots.show(
        drawn,
        "Left: true and predicted lip openings of six clips, one after another. Right: "
        "predicted against true opening, a point a frame, a mark a clip.",
    )


def check_lips_mended(function: Callable[[Curves, Curves], float]) -> None:
    """Mean over clips of the correlation inside each."""
    predicted, truth = guessed_lips()
    answer = number_of(answer_of(function, predicted, truth))
    _refuse(answer, _of_lips(predicted, truth))
    expected = _inside(predicted, truth).mean()
    expect(
        np.isclose(answer, expected, atol=1e-4),
        f"on the guessed lips it gives {answer:.3f} in place of {expected:.3f}.",
    )
    right(
        f"the {lips_together(predicted, truth):.2f} came from the clips' *levels*, "
        f"for which no word need be heard; inside the clips r is {answer:.2f}."
    )


def _inside(predicted: Curves, truth: Curves) -> np.ndarray:
    pairs = zip(predicted, truth, strict=True)
    return np.array([np.corrcoef(first, second)[0, 1] for first, second in pairs])


def _of_lips(predicted: Curves, truth: Curves) -> list[Wrong]:
    both = predicted, truth
    centred = [[one - one.mean() for one in curves] for curves in both]
    means = [[one.mean() for one in curves] for curves in both]
    by_length = np.average(_inside(*both), weights=[len(one) for one in truth])
    return [
        (
            lips_together(*both),
            "clips that are wide open on the whole still count as lips that move "
            "together. Look at one mark of the right picture alone: does it rise?",
        ),
        (
            float(np.corrcoef(means[0], means[1])[0, 1]),
            "this asks whether the clips' means go together. What of their frames?",
        ),
        (
            lips_together(*centred),
            "the levels are gone, but clips that open widely still count more. Take r "
            "in each clip, then the mean.",
        ),
        (float(by_length), "long clips count more. Every clip gives one number."),
    ]


# Exercise 4: chance


def check_chance_level(
    function: Callable[[np.ndarray, np.ndarray, int], float],
) -> None:
    """The r that the same mouth at a wrong time stays below in 95 % of cases."""
    generator = np.random.default_rng(7)
    truth, other = _wave(300, generator), _wave(300, generator)
    predicted = 0.7 * truth + 0.7 * other
    answer = number_of(answer_of(function, predicted, truth, RATE))
    apart = _shifted(predicted, truth, range(RATE, 300 - RATE + 1))
    level = float(np.quantile(apart, 0.95))
    orders = [generator.permutation(predicted) for _ in range(300)]
    mixed = np.quantile([np.corrcoef(one, truth)[0, 1] for one in orders], 0.95)
    expect(
        abs(answer - mixed) > 0.04 or abs(answer - level) < 0.01,
        "this is as low as with frames in random order. But lips move slowly: shift "
        "the curve as a whole, so that neighbours stay neighbours.",
    )
    _refuse(answer, _of_chance(predicted, truth, apart))
    expect(
        abs(answer - level) < 0.01,
        f"on random curves it gives {answer:.3f} in place of {level:.3f}.",
    )
    right(
        f"with frames in random order chance would end at {mixed:.2f}; for curves as "
        f"slow as lips, it ends at {level:.2f}."
    )


def _of_chance(
    predicted: np.ndarray, truth: np.ndarray, apart: np.ndarray
) -> list[Wrong]:
    middle = "this is the middle of the shifted values. Chance reaches higher."
    everywhere = _shifted(predicted, truth, range(300))
    return [
        (np.corrcoef(predicted, truth)[0, 1], "this is r itself: nothing is shifted."),
        (np.median(apart), middle),
        (np.mean(apart), middle),
        (np.max(apart), "the largest value grows with the number of shifts."),
        (np.quantile(everywhere, 0.95), "shifts of less than a second count, too."),
    ]


def _shifted(predicted: np.ndarray, truth: np.ndarray, by: range) -> np.ndarray:
    return np.array([np.corrcoef(np.roll(predicted, k), truth)[0, 1] for k in by])

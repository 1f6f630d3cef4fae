"""Checkers of lesson 08, the emotion space, and a function that holds a bug."""

from collections.abc import Callable

import numpy as np
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

AMOUNTS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # settings of the dial
CLIPS, TRAIN = 40, 200  # dialled clips, and faces that the reader learns from
BROWS = 2  # column of the brows in the measures
# What a unit of arousal and of valence does to lips, mouth width, brows and corners, px
EFFECTS = torch.tensor([[2.0, -3.0, 6.0, 1.0], [0.5, 8.0, 1.0, 7.0]])
RESTING = torch.tensor([8.0, 60.0, 40.0, -5.0])  # px


def check_noise_wins(function: Callable[[float, float], float]) -> None:
    """The share of pauses from which the first component is the noise."""
    voice, noise = 1.0, 3.0
    answer = number_of(answer_of(function, voice, noise))
    expect(
        not close(answer, voice**2 / (voice**2 + noise**2)),
        "the share weighs variances. A mean weighs deviations by its shares, and so "
        "variances by their squares.",
    )
    expect(
        not close(answer, voice / noise),
        "pauses take weight from the voice, too: its share is not 1 but 1 - q.",
    )
    expect(
        not close(answer, noise / (voice + noise)),
        "this grows with the noise: a louder noise would need more pauses to win.",
    )
    expect(
        close(answer, voice / (voice + noise)),
        f"deviations of {voice:.0f} and {noise:.0f} give {answer:.3f}. Write both "
        "deviations of the clips' points, and ask when they are equal.",
    )
    right("what varies most need not fill most of the frames.")


def check_halves(function: Callable[[Tensor, Tensor], float]) -> None:
    """How alike the first components of two halves of the clips are."""
    trials = [_halves(seed) for seed in range(8)]
    answers = [number_of(answer_of(function, *trial)) for trial in trials]
    truth = [_first_cosine(*trial) for trial in trials]
    expect(
        min(answers) >= 0,
        "a component's sign is arbitrary, and so is the cosine's: leave it away.",
    )
    expect(
        not (min(answers) > 0.99 and min(truth) < 0.9),
        "any two halves give 1. Were the points centred, each half by its own mean? "
        "And are the halves two, `first` and `~first`?",
    )
    expect(
        close(torch.tensor(answers), torch.tensor(truth)),
        f"on random points it gives {answers[0]:.3f} in place of {truth[0]:.3f}.",
    )
    right("a direction that returns is dependable. What it means is another question.")


def shown_arousal(known: Tensor, arousal: Tensor, dialled: Tensor) -> Tensor:
    """Arousal that a linear reader sees in dialled faces; holds a bug on purpose.

    known : Tensor[N, D], measures of true faces, px; arousal : Tensor[N], theirs;
    dialled : Tensor[A, M, D], of M clips at A settings. Returns Tensor[A, M].
    """

    def columns(faces: Tensor) -> Tensor:
        scaled = (faces - faces.mean(0)) / faces.std(0)
        return torch.cat([scaled, torch.ones(len(faces), 1)], 1)

    weights = torch.linalg.lstsq(columns(known), arousal[:, None]).solution
    return torch.stack([(columns(faces) @ weights)[:, 0] for faces in dialled])


def show_arousal_over_dial() -> None:
    """What `shown_arousal` reads in faces whose arousal is known."""
    known, arousal, dialled, truth = _faces()
    read = shown_arousal(known, arousal, dialled)
    drawn, axes = plots.figure(1, 3, size=(9, 2.8))
    still = AMOUNTS.index(0.0)
    axes[0, 0].scatter(truth, read[still], s=12, color=plots.PALETTE[0])
    axes[0, 0].set(xlabel="true arousal, dial at 0", ylabel="arousal read")
    axes[0, 1].plot(AMOUNTS, dialled[..., BROWS].mean(1), "o-", color=plots.PALETTE[1])
    axes[0, 1].set(xlabel="dial, standard deviations", ylabel="height of brows, px")
    axes[0, 2].plot(AMOUNTS, read.mean(1), "o-", color=plots.PALETTE[0])
    axes[0, 2].set(xlabel="dial, standard deviations", ylabel="arousal read, mean")
    axes[0, 2].set_ylim(-0.6, 0.6)
    plots.show(
        drawn,
        "Arousal read against true arousal, a point a clip, with the dial at 0; height "
        "of the brows over the dial; mean arousal read over the dial.",
    )


def check_shown_arousal(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Arousal read in dialled faces, with the bug mended."""
    known, arousal, dialled, _ = _faces()
    shape = (len(AMOUNTS), CLIPS)
    answer = tensor_of(answer_of(function, known, arousal, dialled), shape)
    truth = _read(known, arousal, dialled, known)
    expect(
        answer.mean(1).std() > 1e-3,
        "all settings of the dial still read alike on average. Which faces say what a "
        "dialled face is compared with?",
    )
    expect(
        not close(answer, _read(known, arousal, dialled, dialled.flatten(0, 1))),
        "the line rises, but around the mean of the training faces, whatever the clips "
        "show. A reading must not depend on which other clips are read.",
    )
    expect(
        close(answer.diff(dim=0), truth.diff(dim=0)),
        "the line does not rise as it should. Do known and dialled faces go through "
        "the same columns?",
    )
    expect(close(answer, truth), "the line rises rightly, from a wrong place.")
    right("what scales a test comes from training. No true line is exactly flat.")


def check_without(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Points freed of what a nuisance tells of them."""
    generator = torch.Generator().manual_seed(8)
    nuisance = torch.randn(60, generator=generator) + 5
    points = torch.randn(60, 6, generator=generator) + 3
    points[:, :2] += nuisance[:, None]
    answer = tensor_of(answer_of(function, points, nuisance), (60, 6))
    apart = nuisance - nuisance.mean()
    expect(
        int(torch.linalg.matrix_rank(answer - answer.mean(0), rtol=1e-4)) == 6,
        "a whole direction is gone, and all else that lay along it. Take off what the "
        "nuisance foretells of each point, and leave the rest.",
    )
    expect(
        close(apart @ answer / 60, torch.zeros(6)),
        "the points still tell the nuisance. A slope is the covariance over the "
        "nuisance's variance.",
    )
    expect(
        close(answer.mean(0), points.mean(0)),
        "the points have moved as a whole. Take off only what differs from the mean.",
    )
    slopes = apart @ points / (apart @ apart)
    expect(
        close(answer, points - apart[:, None] * slopes),
        "the nuisance is gone, and something else with it.",
    )
    right("where the nuisance goes along with emotion, emotion is taken off, too.")


def _faces() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Known faces, their arousal, dialled faces, and arousal with the dial at 0."""
    generator = torch.Generator().manual_seed(8)
    states = torch.rand(TRAIN + CLIPS, 2, generator=generator) * 2 - 1
    noise = 0.8 * torch.randn(TRAIN + CLIPS, 4, generator=generator)
    faces = RESTING + states @ EFFECTS + noise
    turned = 0.2 * torch.tensor(AMOUNTS)[:, None, None] * EFFECTS[0]
    return faces[:TRAIN], states[:TRAIN, 0], faces[TRAIN:] + turned, states[TRAIN:, 0]


def _read(known: Tensor, arousal: Tensor, faces: Tensor, scale: Tensor) -> Tensor:
    """Arousal read in faces that are scaled by the statistics of others."""
    unit = (known - known.mean(0)) / known.std(0)
    weights = torch.linalg.lstsq(unit, (arousal - arousal.mean())[:, None]).solution
    scaled = (faces - scale.mean(0)) / scale.std(0)
    return (scaled @ weights)[..., 0] + arousal.mean()


def _halves(seed: int) -> tuple[Tensor, Tensor]:
    """Points far from 0 whose deviations are nearly equal, and a half of them."""
    generator = torch.Generator().manual_seed(seed)
    spread = torch.tensor([1.1, 1.0, 1.0, 0.9])
    points = torch.randn(40, 4, generator=generator) * spread + 6
    return points, torch.randperm(40, generator=generator) < 20


def _first_cosine(points: Tensor, first: Tensor) -> float:
    one, other = (np.cov(half.T.numpy()) for half in (points[first], points[~first]))
    return abs(float(np.linalg.eigh(one)[1][:, -1] @ np.linalg.eigh(other)[1][:, -1]))

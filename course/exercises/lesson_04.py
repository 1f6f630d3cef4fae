"""Checkers of lesson 04, the content encoder."""

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
from emoface_lib.method.content import ContentBranch

FRAMES = 12


def check_loss_where_seen(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """L_landmark over the frames whose face was found."""
    generator = torch.Generator().manual_seed(4)
    truth, predicted = torch.randn(2, FRAMES, 68, 2, generator=generator).mul(3)
    seen = torch.arange(FRAMES) % 3 > 0
    away = (truth - predicted)[seen]
    answer = number_of(answer_of(function, predicted, truth, seen))
    expect(
        not close(answer, (truth - predicted).abs().mean()),
        "frames without a face count, too. Choose the frames by `seen` first.",
    )
    expect(
        not close(answer, away.abs().sum() / truth.numel()),
        "frames without a face add nothing to the sum, but still count in what it is "
        "divided by.",
    )
    expect(
        not close(answer, away.square().mean()),
        "this is the squared error. Eq. (10) takes the absolute value.",
    )
    expect(
        not close(answer, away.norm(dim=-1).mean()),
        "this is the distance of points. Eq. (10) is a mean over coordinates.",
    )
    expect(
        close(answer, away.abs().mean()),
        f"on random faces it gives {answer:.3f} in place of {away.abs().mean():.3f}.",
    )
    right("frames without a face were interpolated; nothing is learnt from them.")


def check_frames_reached(
    function: Callable[[ContentBranch, Tensor, int], Tensor],
) -> None:
    """Which frames of the displacements depend on one frame of the features."""
    torch.manual_seed(0)
    branch = ContentBranch().eval()
    features = torch.randn(FRAMES, 80, generator=torch.Generator().manual_seed(4))
    answer = answer_of(function, branch, features, 5)
    reached = [int(frame) for frame in answer]
    expect(
        reached != list(range(FRAMES)),
        "every frame is said to change, also those before it. Is dropout on? Call "
        "`branch.eval()`, and compare twice the same input.",
    )
    expect(
        reached != [5],
        "only the frame itself is said to change. Does your comparison go through the "
        "LSTM, `branch(...)`, or through `branch.mlp_c` alone?",
    )
    expect(
        reached != list(range(6, FRAMES)),
        "the frame itself is missing: its own features reach it at once.",
    )
    expect(
        reached == list(range(5, FRAMES)),
        f"a change of frame 5 of {FRAMES} is said to reach {reached}.",
    )
    right("the LSTM hears the past and never the future; hence `look_ahead` (02).")


def check_loudness_face(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """A face that is moved by the loudness alone."""
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(200, 80, generator=generator)
    moves = (
        features.mean(1, keepdim=True) + torch.randn(200, 136, generator=generator) + 2
    )
    new = torch.randn(FRAMES, 80, generator=generator)
    slope, rest = np.polyfit(features.mean(1).numpy(), moves.numpy(), 1)  # (136,) each
    truth = torch.as_tensor(np.outer(new.mean(1), slope) + rest)
    answer = tensor_of(answer_of(function, features, moves, new), (FRAMES, 136))
    again = tensor_of(answer_of(function, features, moves, new.flip(1)), (FRAMES, 136))
    expect(
        close(answer, again),
        "the face changes although the loudness does not: the bands themselves are "
        "used. Take their mean over the frame before you fit.",
    )
    expect(
        not close(answer - answer.mean(0), 0 * answer),
        "the face does not move. Does the loudness of `new` enter?",
    )
    expect(
        close(answer - answer.mean(0), truth - truth.mean(0)),
        "the slope is not that of least squares. Is there a column of ones for the "
        "intercept?",
    )
    expect(close(answer, truth), "it moves rightly around a wrong place.")
    right("a face that hears nothing but loudness is the floor to beat in Table 2.")

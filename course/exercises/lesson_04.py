"""Checkers of lesson 04, the content encoder."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from course.exercises.checking import (
    answer_of,
    close,
    expect,
    number_of,
    right,
    tensor_of,
)
from course.exercises.training import (
    losses_of,
    network_of,
    shaken,
    show_losses,
    take_weights,
    weights_of,
)
from emoface_lib.core.clip import Clip
from emoface_lib.method.content import ContentBranch

FRAMES = 12
NOTHING = 1e-5  # px; rounding alone moves a face by less


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
    noise = torch.randn(200, 136, generator=generator)
    moves = features.mean(1, keepdim=True) + noise + 2
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


class Frames(nn.BatchNorm1d):
    """Batch norm of Tensor[B, T, D], its statistics over clips and frames."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x : Tensor[B, T, D]."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class _OneWeight(nn.Module):
    """A network of one weight, right at 1, that remembers what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.heard: list[Tensor] = []

    def forward(self, features: Tensor) -> Tensor:
        """Tensor[B, T, D] to Tensor[B, T, 68, 2], its first feature everywhere."""
        self.heard.append(features)
        return self.weight * features[..., :1, None].expand(*features.shape[:2], 68, 2)


def check_network(network: Callable[[int], nn.Module]) -> None:
    """MLP_c, LSTM and MLP_t as a module, against the library's."""
    own, theirs = network_of(network, 80).eval(), ContentBranch(80).eval()
    parts = [shaken(p, 4) for p in (theirs.mlp_c, theirs.lstm, theirs.mlp_t)]
    features = torch.randn(3, FRAMES, 80, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        shown = tensor_of(answer_of(own, features), (3, FRAMES, 68, 2))
        other = torch.cat([features[:1] + 1, features[1:]])
        expect(
            (shown - own(other))[1:].abs().max() < NOTHING,
            "what one clip says moves the face of the next one: the LSTM takes the "
            "first axis for time. Give it `batch_first=True`.",
        )
        other = torch.cat([features[:, :-1], features[:, -1:] + 1], 1)
        expect(
            (shown - own(other))[:, :-1].abs().max() < NOTHING,
            "a frame changes with what is said after it. The paper's LSTM hears one "
            "direction of time.",
        )
        batch_norm, leaky = (
            any(isinstance(part, kind) for part in own.modules())
            for kind in (nn.BatchNorm1d, nn.LeakyReLU)
        )
        expect(
            batch_norm, "there is no batch norm: one stands after each hidden layer."
        )
        expect(leaky, "there is no LeakyReLU: without one, two linear layers are one.")
        take_weights(own, weights_of(*parts))
        expect(
            close(own(features), theirs(features)),
            "with the library's weights it gives another face. Is the slope of "
            "LeakyReLU 0.2, and the last layer of each MLP linear?",
        )
    right("with the same weights your network moves the same face, to a thousandth px.")


def check_loop(
    loop: Callable[[nn.Module, list, int, np.random.Generator], list[float]],
) -> None:
    """The loop of step 1, by a network of one weight and clips that it could know."""
    generator, model, steps = torch.Generator().manual_seed(4), _OneWeight(), 40
    clips = []
    for frames in range(70, 90, 2):
        features = torch.randn(frames, 4, generator=generator)
        clips.append((features, features[:, :1, None].expand(-1, 68, 2)))
    losses = losses_of(loop, model, clips, steps, np.random.default_rng(4))
    expect(len(losses) == steps, f"return {steps} losses, one a step.")
    first, *rest = model.heard
    expect(
        first.ndim == 3 and len(first) > 1,
        "a batch should be Tensor[B, T, D], the crops of several clips stacked.",
    )
    expect(
        any(one.shape != first.shape or not close(one, first) for one in rest),
        "all steps see the same crops. Draw clips and their beginnings anew each step.",
    )
    off = 0.5 * first[..., 0]
    expect(
        not close(losses[0], off.square().mean()),
        "this is the squared error. Eq. (10) takes the absolute value.",
    )
    expect(
        close(losses[0], off.abs().mean()),
        "features and truth are not of the same frames: both need the same clip and "
        "the same beginning.",
    )
    expect(model.weight > 0.5, "the loss rises: the weights go the wrong way.")
    right("five lines in the middle are the same for every network you will train.")


def train_beside(
    network: Callable[[int], nn.Module],
    loop: Callable[[nn.Module, list, int, np.random.Generator], list[float]],
    library: ContentBranch,
    log: pd.DataFrame,
    clips: Sequence[Clip],
) -> None:
    """Train the student's network by the student's loop; the library's curve beside."""
    steps = min(len(log), max(20, len(log) // 5))
    known = [clip for clip in clips if clip.split != "val"]
    hear = library.standardise
    pairs = [(hear(clip.features).detach(), clip.displacement) for clip in known]
    torch.manual_seed(0)
    model = network_of(network, pairs[0][0].shape[1])
    own = losses_of(loop, model, pairs, steps, np.random.default_rng(0))
    still = float(np.mean([truth.abs().mean() for _, truth in pairs]))
    show_losses(
        own,
        log["loss"][:steps].tolist(),
        f"Both begin at random, and the library's rate rises and falls. A static face "
        f"has {still:.2f} px.",
    )

"""Content branch: speech content, and the displacement of landmarks by it.

Taught in notebook 04, paper equations (1) and (7); the building blocks are shared with
the style branch.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from emoface_lib.core.clip import MEL_BANDS
from emoface_lib.core.data_parallel import BatchNorm1d
from emoface_lib.core.training import SLOPE


class FrameNorm(BatchNorm1d):
    """Batch normalisation whose statistics run over clips and frames."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x : Tensor[B, T, D]; the shape stays."""
        return super().forward(x.flatten(0, 1)).view_as(x)  # (B * T, D) and back


def mlp(*sizes: int) -> nn.Sequential:
    """Multi-layer perceptron over the last axis of Tensor[B, T, D].

    Hidden layers are Linear, batch norm, LeakyReLU; the last layer is linear, so
    `mlp(80, 256, 161)` is the paper's "three-layer MLP". Table 1, section 4.2.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes[:-1]):
        layers += [nn.Linear(inputs, outputs), FrameNorm(outputs), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class Standardise(nn.Module):
    """Subtract a mean and divide by a deviation that the checkpoint carries.

    size : how many features it takes of those that it is given, the first of them;
    last : or the last.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int, last: bool = False) -> None:
        super().__init__()
        self.last = last
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def fit(self, frames: Tensor) -> None:
        """Take mean and deviation from frames : Tensor[N, D]."""
        frames = self.part(frames)
        self.mean.copy_(frames.mean(0))
        self.deviation.copy_(frames.std(0).clamp(min=1e-3))

    def forward(self, x: Tensor) -> Tensor:
        """Standardise x : Tensor[..., D]; returns Tensor[..., size]."""
        return (self.part(x) - self.mean) / self.deviation

    def part(self, x: Tensor) -> Tensor:
        """What it takes of x : Tensor[..., D], Tensor[..., size]."""
        size = len(self.mean)
        return x[..., -size:] if self.last else x[..., :size]


def layer_sizes(module: nn.Module) -> tuple[int, ...]:
    """Sizes of an MLP's or LSTM's layers, as the paper's Table 1 prints them."""
    if isinstance(module, nn.LSTM):
        return (module.input_size, *[module.hidden_size] * module.num_layers)
    linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    return (linear[0].in_features, *[layer.out_features for layer in linear])


State = tuple[Tensor, Tensor]


class ContentBranch(nn.Module):
    """MLP_c, LSTM and MLP_t of Table 1."""

    def __init__(self, features: int = MEL_BANDS) -> None:
        super().__init__()
        self.standardise = Standardise(features)
        self.mlp_c = mlp(features, 256, 161)
        self.lstm = nn.LSTM(161, 256, num_layers=3, dropout=0.2, batch_first=True)
        self.mlp_t = mlp(256, 512, 256, 136)

    def encode(
        self, features: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """E_content = LSTM(MLP_c(F_a)), eq. (1).

        features : Tensor[B, T, D]; state : of the LSTM, to go on with a stream.
        Returns Tensor[B, T, 256] and the state after the last frame.
        """
        return self.lstm(self.mlp_c(self.standardise(features)), state)

    def displace(self, content: Tensor) -> Tensor:
        """D_content = MLP_t(E_content), eq. (7).

        content : Tensor[B, T, 256]; returns Tensor[B, T, 68, 2] px of the canonical
        frame.
        """
        return self.mlp_t(content).unflatten(2, (68, 2))  # (B, T, 136) -> (.., 68, 2)

    def forward(self, features: Tensor) -> Tensor:
        """D_content from F_a. features : Tensor[B, T, D]."""
        return self.displace(self.encode(features)[0])


def predicted_landmarks(reference: Tensor, *displacements: Tensor) -> Tensor:
    """L_p = L_0 + D_content + D_style, eq. (9).

    reference : Tensor[B, 68, 2], the reference face after alignment, px of the
    canonical frame; displacements : Tensor[B, T, 68, 2] px each. Returns L_p,
    Tensor[B, T, 68, 2] px.
    """
    return reference[:, None] + torch.stack(displacements).sum(0)

"""Building blocks that the paper's branches share."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from emoface_lib.core.data_parallel import summed, workers
from emoface_lib.core.training import SLOPE


class FrameNorm(nn.BatchNorm1d):
    """Batch normalisation whose statistics run over clips and frames.

    Where several processes train as one, they are those of the whole batch: what
    torch.nn.SyncBatchNorm does, which knows GPUs only.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x : Tensor[B, T, D]; the shape stays."""
        flat = x.flatten(0, 1)  # (B * T, D)
        if self.training and workers() > 1:
            return self._together(flat.float()).to(x.dtype).view_as(x)
        return super().forward(flat).view_as(x)

    def _together(self, x: Tensor) -> Tensor:
        """Normalise this process' rows by mean and variance of those of all."""
        count = workers() * len(x)
        mean = summed(x.sum(0)) / count
        variance = summed((x - mean).square().sum(0)) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        return (x - mean) * (variance + self.eps).rsqrt() * self.weight + self.bias


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
    """Subtract a mean and divide by a deviation that the checkpoint carries."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def fit(self, frames: Tensor) -> None:
        """Take mean and deviation from frames : Tensor[N, D]."""
        self.mean.copy_(frames.mean(0))
        self.deviation.copy_(frames.std(0).clamp(min=1e-3))

    def forward(self, x: Tensor) -> Tensor:
        """Standardise x : Tensor[..., D]."""
        return (x - self.mean) / self.deviation


def layer_sizes(module: nn.Module) -> tuple[int, ...]:
    """Sizes of an MLP's or LSTM's layers, as the paper's Table 1 prints them."""
    if isinstance(module, nn.LSTM):
        return (module.input_size, *[module.hidden_size] * module.num_layers)
    linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    return (linear[0].in_features, *[layer.out_features for layer in linear])

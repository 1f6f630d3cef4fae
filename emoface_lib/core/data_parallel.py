"""Several processes that train as one: the rows and the statistics of whole batches.

Lightning Fabric starts them and averages their gradients (`training.fit`). Every one
draws the same whole batch and keeps its rows; batch norm and contrasts see the batch of
all. One process alone computes as without this module. Described in docs/scale.md.
"""

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather, all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from emoface_lib.core.errors import InputError


def world_size() -> int:
    """How many processes train together; 1 before Fabric has started others."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def share(batch: Tensor, groups: int = 1) -> Tensor:
    """This process' rows of a batch: Tensor[groups * B, ...] -> [groups * B / n, ...].

    groups : equal parts of the batch of which each gives rows, such as the 3 roles of
    triplets. Raises InputError if the rows can't be shared evenly.
    """
    if world_size() == 1:
        return batch
    rows = batch.unflatten(0, (groups, -1))  # (groups, B, ...)
    if rows.shape[1] % world_size():
        raise InputError(
            f"A batch of {rows.shape[1]} can't be shared evenly by {world_size()} "
            "devices: give -p content_batch, style_batch and translator_batch that are "
            "multiples of their number."
        )
    return rows.chunk(world_size(), 1)[distributed.get_rank()].flatten(0, 1)


def gathered(part: Tensor, groups: int = 1) -> Tensor:
    """The whole batch of which every process has its `share`; gradients go back.

    part : Tensor[groups * B / n, ...], n processes; groups : as for `share`. Returns
    Tensor[groups * B, ...].
    """
    if world_size() == 1:
        return part
    rows = part.unflatten(0, (groups, -1))  # (groups, B / n, ...)
    return torch.cat(all_gather(rows), 1).flatten(0, 1)


class _WholeBatchNorm(_BatchNorm):
    """Batch norm by mean and variance of the whole batch, whoever has its rows.

    PyTorch's own SyncBatchNorm knows GPUs only.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x : Tensor[B, D, ...]; the shape stays."""
        if not self.training or world_size() == 1:
            return super().forward(x)
        rows = x.movedim(1, -1).float()  # (B, D, ...) -> (B, ..., D)
        axes = tuple(range(rows.dim() - 1))
        count = world_size() * rows[..., 0].numel()
        mean = all_reduce(rows.sum(axes)) / count
        variance = all_reduce((rows - mean).square().sum(axes)) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scaled = (rows - mean) * (variance + self.eps).rsqrt() * self.weight + self.bias
        return scaled.movedim(-1, 1).to(x.dtype)


class BatchNorm1d(_WholeBatchNorm, nn.BatchNorm1d):
    """`nn.BatchNorm1d` of the whole batch."""


class BatchNorm2d(_WholeBatchNorm, nn.BatchNorm2d):
    """`nn.BatchNorm2d` of the whole batch."""

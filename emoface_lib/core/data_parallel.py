"""Several processes that train as one: each works on its share of every batch.

They are those of `torch.distributed`, whoever started them (`--engine ray`, torchrun);
without it there is one, and nothing here costs anything. Every process draws the same
whole batch and keeps its rows; statistics of batch norm, contrasts of a batch and
gradients are those of the whole batch. Described in docs/scale.md.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, distributed, nn
from torch.autograd import Function
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from emoface_lib.core.errors import InputError


def workers() -> int:
    """How many processes train together; 1 without `torch.distributed`."""
    together = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if together else 1


def rank() -> int:
    """Which of them this is, from 0; that one writes files and draws curves."""
    return distributed.get_rank() if workers() > 1 else 0


def share(batch: Tensor, groups: int = 1) -> Tensor:
    """This process' rows of a batch: Tensor[groups * B, ...] -> [groups * B / n, ...].

    groups : equal parts of the batch of which each gives rows, such as the 3 roles of
    triplets. Raises InputError if the rows can't be shared evenly.
    """
    if workers() == 1:
        return batch
    rows = batch.unflatten(0, (groups, -1))  # (groups, B, ...)
    if rows.shape[1] % workers():
        raise InputError(
            f"A batch of {rows.shape[1]} can't be shared evenly by {workers()} "
            "workers: give -p content_batch and -p style_batch that are multiples "
            "of the number of workers."
        )
    return rows.chunk(workers(), 1)[rank()].flatten(0, 1)


def gathered(part: Tensor, groups: int = 1) -> Tensor:
    """The whole batch of which every process has its `share`; gradients go back.

    part : Tensor[groups * B / n, ...], n processes; groups : as for `share`. Returns
    Tensor[groups * B, ...].
    """
    if workers() == 1:
        return part
    rows = part.unflatten(0, (groups, -1))
    whole = [torch.zeros_like(rows)] * workers()
    whole[rank()] = rows
    return summed(torch.cat(whole, 1)).flatten(0, 1)


def summed(values: Tensor) -> Tensor:
    """The sum over processes; its gradient is the sum of their gradients.

    values : Tensor[...], of one shape in all processes; returns Tensor[...].
    """
    return values if workers() == 1 else _Sum.apply(values)


class _Sum(Function):
    @staticmethod
    def forward(_: object, values: Tensor) -> Tensor:  # type: ignore[override]
        total = values.contiguous().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return summed(gradient)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give every process the mean of all gradients: that of the whole batch."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if workers() > 1 and gradients:
        mean = summed(parameters_to_vector(gradients)) / workers()
        vector_to_parameters(mean, gradients)


def averaged(metrics: Mapping[str, Tensor]) -> dict[str, float]:
    """Metrics as numbers, each the mean over processes.

    metrics : scalar tensors by name; one is "loss", on whose device they are summed.
    """
    here = metrics["loss"].device
    values = torch.stack([v.detach().to(here).double() for v in metrics.values()])
    return dict(zip(metrics, (summed(values) / workers()).tolist(), strict=True))


def same_weights(model: nn.Module) -> None:
    """Give every process the weights of the first."""
    if workers() > 1:
        for tensor in model.state_dict().values():
            distributed.broadcast(tensor, 0)


def as_the_first(value: bool) -> bool:
    """The first process' value, so that all decide alike, whatever files they find."""
    said = [value]
    if workers() > 1:
        distributed.broadcast_object_list(said, 0)
    return said[0]


def wait_for_all() -> None:
    """Return when every process has come here: what the first wrote is there."""
    if workers() > 1:
        distributed.barrier()

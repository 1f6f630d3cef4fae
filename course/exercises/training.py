"""What the exercises in which students build a network and its training loop share.

A checker gives the loop a small network of its own and looks at what happened to it; a
network is compared with the library's by giving it the library's weights.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import pandas as pd
import torch
from torch import Tensor, nn

from course.exercises.checking import NotYetError, answer_of, expect, number_of
from emoface_lib import plots

Batch = TypeVar("Batch")


def losses_of(loop: Callable[..., Any], network: nn.Module, *given: Any) -> list[float]:
    """The losses that a student's loop returns for a network, one a step.

    Raises NotYetError if the loop does not train the network as a loop should.
    """
    modes: list[bool] = []
    gradients: dict[str, list[Tensor]] = {}
    hooks = [network.register_forward_pre_hook(lambda n, _: modes.append(n.training))]
    weights = dict(network.named_parameters())
    for name, weight in weights.items():
        gradients[name] = []
        hooks.append(weight.register_hook(gradients[name].append))
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    network.eval()
    answer = answer_of(loop, network, *given)
    for hook in hooks:
        hook.remove()
    expect(modes, "the network is never called.")
    expect(
        all(modes),
        "the network is in eval mode while it learns: dropout is off, and batch norm "
        "keeps the statistics it began with. Call `train()` before the loop.",
    )
    expect(
        any(gradients.values()),
        "no gradient reaches the weights: call `backward()` on the loss.",
    )
    last = {name: found[-1] for name, found in gradients.items() if found}
    for name, gradient in last.items():
        kept = weights[name].grad
        expect(
            kept is None or torch.allclose(kept, gradient) or not kept.any(),
            "gradients add up from step to step: call `zero_grad()` in each of them.",
        )
    expect(
        any((before[name] != weights[name]).any() for name in last),
        "gradients are computed, but no weight changes: call the optimiser's `step()`.",
    )
    return _numbers(answer, len(modes))


def _numbers(answer: Any, steps: int) -> list[float]:
    """The losses as numbers, one a step."""
    expect(
        isinstance(answer, (list, tuple)) and len(answer) == steps,
        "return a list with the loss of every step.",
    )
    expect(
        not any(getattr(loss, "requires_grad", False) for loss in answer),
        "the losses are tensors that hold their graph, and so all of the memory of "
        "every step. Keep numbers: `loss.item()`.",
    )
    return [number_of(loss) for loss in answer]


def losses_by(
    loss_of: Callable[[Batch], Tensor],
    batches: Iterable[Batch],
    weights: Iterable[nn.Parameter],
    rate: float,
) -> list[float]:
    """The losses of a plain loop over batches, as a student's: one a step."""
    optimiser = torch.optim.Adam(weights, lr=rate)
    losses = []
    for batch in batches:
        loss = loss_of(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def not_any(answer: float | Tensor, wrong: Mapping[str, float | Tensor]) -> None:
    """Raise NotYetError with the sentence whose wrong value is the answer's."""
    for sentence, value in wrong.items():
        expect(not same(answer, value), sentence)


def same(first: float | Tensor, second: float | Tensor) -> bool:
    """Whether two numbers or tensors agree to a few ten-thousandths."""
    one, other = torch.as_tensor(first), torch.as_tensor(second)
    return torch.allclose(one.double(), other.double(), rtol=1e-4, atol=1e-4)


def weights_of(*modules: nn.Module) -> list[Tensor]:
    """Weights and statistics of modules, in the order in which they were made."""
    values = [x for module in modules for x in module.state_dict().values()]
    return [value for value in values if value.is_floating_point()]


def take_weights(network: nn.Module, weights: Sequence[Tensor]) -> None:
    """Give a student's network weights in order; raises NotYetError if none fit."""
    own = weights_of(network)
    for number, (mine, given) in enumerate(zip(own, weights, strict=False), 1):
        expect(
            mine.shape == given.shape,
            f"tensor {number} of your network has the shape {tuple(mine.shape)}, the "
            f"library's {tuple(given.shape)}. Make the layers in the order of the "
            "exercise.",
        )
    expect(len(own) == len(weights), "some layers are missing, or too many.")
    with torch.no_grad():
        for mine, given in zip(own, weights, strict=True):
            mine.copy_(given)


def network_of(network: Callable[..., Any], *sizes: int) -> nn.Module:
    """A student's network; raises NotYetError if it is still the stub or none."""
    made = answer_of(network, *sizes)
    if not isinstance(made, nn.Module):
        raise NotYetError("the network should be an `nn.Module`.")
    return made


def shaken(module: nn.Module, seed: int) -> nn.Module:
    """The module in eval mode, with weights and statistics that are not all 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in weights_of(module):
            value += 0.2 * (torch.rand(value.shape, generator=generator) - 0.5)
    return module.eval()


def show_losses(own: Sequence[float], library: Sequence[float], why: str) -> None:
    """Both curves over the steps, and in a sentence how far apart they are.

    why : what may differ between the two.
    """
    drawn, axes = plots.figure(size=(5, 2.6))
    curves = pd.DataFrame({"yours": own, "the library's": library})
    plots.draw_lines(axes[0, 0], curves)
    axes[0, 0].set(xlabel="step", ylabel="loss")
    plots.show(drawn, "The loss of your loop and the library's over the same batches.")
    part = max(1, len(curves) // 5)
    (first, first_library), (last, last_library) = (
        some.mean() for some in (curves[:part], curves[-part:])
    )
    apart = (curves["yours"] - curves["the library's"]).abs().mean()
    print(
        f"From the first {part} of {len(curves)} steps to the last {part} your mean "
        f"loss goes from {first:.4f} to {last:.4f}, the library's from "
        f"{first_library:.4f} to {last_library:.4f}. The curves are {apart:.4f} apart "
        f"on average. {why}"
    )

"""Training: one loop for the paper's three steps, on CPUs and GPUs, one or several.

Taught in notebooks 04, 05 and 06; paper section 4.2.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from emoface_lib.core.checkpoints import (
    is_fresh,
    load_model,
    load_state,
    save_model,
    save_state,
)
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import RESUME, write_beside
from emoface_lib.core.fresh import digest
from emoface_lib.core.settings import Settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SLOPE = 0.2  # LeakyReLU's, below zero

Metrics = Mapping[str, Tensor]
Loss = Callable[[int, np.random.Generator], Metrics]
Monitor = Callable[[pd.DataFrame], None]
STATES = 10  # times a run validates, and writes its state to go on from
PAUSE = 1.0  # s between two states at least; to write one takes a tenth of that


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    learning_rate: float
    weight_decay: float
    shape: str = "one_cycle"  # or "constant"
    warm_up: float = 0.1  # share of the steps until the peak

    @classmethod
    def of(cls, settings: Settings, steps: int, learning_rate: float) -> "Schedule":
        """The settings' weight decay and shape, for so many steps at such a rate."""
        return cls(
            steps,
            learning_rate,
            settings.training.weight_decay,
            settings.training.schedule,
        )

    def rate(self, step: int) -> float:
        """Learning rate of a step: constant, or up to a peak and down to nothing."""
        if self.shape == "constant":
            return self.learning_rate
        rise = max(1, round(self.warm_up * self.steps))
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        done = (step - rise) / max(1, self.steps - rise)
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-8


def training_device(settings: Settings) -> torch.device:
    """Where to train: a GPU if there is one, unless the settings say otherwise.

    Raises InputError if they ask for a GPU that is not there.
    """
    found = torch.cuda.is_available()
    if settings.device == "cuda" and not found:
        raise InputError(
            "device = 'cuda', but PyTorch sees no GPU here: give -p device=cpu, or "
            "install PyTorch with CUDA."
        )
    return torch.device("cuda" if found and settings.device != "cpu" else "cpu")


def uses_bfloat16(settings: Settings, device: torch.device) -> bool:
    """Whether matrices are multiplied in bfloat16 on this device.

    "auto" does so where the hardware does: elsewhere it is emulated, and slow.
    """
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported()


def device_of(model: nn.Module) -> torch.device:
    """Where a model's weights are."""
    return next(model.parameters()).device


def launched(settings: Settings, exact: bool = False) -> "Fabric":
    """Lightning Fabric on the processes that train as one, started if need be.

    By default this process is the only one. With `settings.devices`, Fabric starts this
    command so often on this machine; Slurm and torchrun have started it themselves.
    exact : multiply in float32 whatever `settings.precision` says. Raises InputError if
    there are not so many devices.
    """
    from lightning_fabric import Fabric  # takes two seconds, when training begins
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    started, asked = int(os.environ.get("WORLD_SIZE", 1)), settings.devices
    if started not in (1, asked * settings.nodes):
        raise InputError(
            f"{started} processes were started, each of which would train alone: give "
            f"--devices and --nodes whose product is {started}."
        )
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    device = training_device(settings)
    bfloat16 = not exact and uses_bfloat16(settings, device)
    try:
        fabric = Fabric(
            accelerator=device.type,
            devices=settings.devices,
            num_nodes=settings.nodes,
            precision="bf16-mixed" if bfloat16 else "32-true",
        )
        fabric.launch()
    except (MisconfigurationException, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"devices = {settings.devices} and nodes = {settings.nodes} can't be had "
            f"here (a notebook has one; `emoface train --devices` more): {error}"
        ) from error
    return fabric


def fit(
    model: nn.Module,
    loss: Loss,
    schedule: Schedule,
    folder: Path,
    settings: Settings,
    made_from: str,
    validate: Callable[[], float] | None = None,
    monitor: Monitor | None = None,
    along: Mapping[str, nn.Module] | None = None,
    exact: bool = False,
) -> pd.DataFrame:
    """Train a model; resume where an interrupted run stopped, with the same numbers.

    loss : takes the step's number and a generator, and returns metrics of one batch;
    "loss" is minimised. made_from : hash of what the outcome depends on, see `fresh`;
    what was trained from just this is loaded, not trained again. validate : a number to
    make small; with `training.keep` "best" the state with the smallest is kept, else
    the last one, and it is not called. monitor : called with the log ten
    times a run. along : further models to train. exact : as for `launched`, whose
    processes train as one; the first one writes. Leaves `model.safetensors`, one such
    file a model in `along`, and `log.csv` in `folder`; returns the log, one row a step.
    The randomness of a step depends on the seed and the step's number alone. Models are
    on the CPU again at the end. Raises InputError at the first loss that is not finite.
    """
    fabric = launched(settings, exact)
    validate = validate if settings.training.keep == "best" else None
    models = nn.ModuleDict({"model": model, **(along or {})})
    optimiser: Any = torch.optim.Adam(
        [p for p in models.parameters() if p.requires_grad],
        lr=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
    )
    batch_loss, optimiser = fabric.setup(_BatchLoss(models, loss), optimiser)
    source = digest([made_from, schedule, fabric.strategy.precision.precision])
    run = _Run(fabric, models, optimiser, folder, settings, source)
    show = monitor if monitor and fabric.is_global_zero else lambda log: None
    if (finished := run.finished()) is not None:
        show(finished)
        return finished
    first, every = run.resume(), max(1, schedule.steps // STATES)
    quiet: dict[str, Any] = {} if fabric.is_global_zero else {"disable": True}
    steps = range(first, schedule.steps)
    for step in (bar := tqdm(steps, initial=first, total=schedule.steps, **quiet)):
        start, rate = time.perf_counter(), schedule.rate(step)
        models.train()
        for group in optimiser.param_groups:
            group["lr"] = rate
        generator = np.random.default_rng([settings.seed, step])
        gpus = [fabric.device] if fabric.device.type == "cuda" else []
        with torch.random.fork_rng(devices=gpus):  # the dropout draws from it
            torch.manual_seed(int(generator.integers(2**62)) + fabric.global_rank)
            metrics = batch_loss(step, generator)
            optimiser.zero_grad()
            fabric.backward(metrics["loss"])  # the mean over processes
        if largest := settings.training.clip_norm:
            nn.utils.clip_grad_norm_(models.parameters(), largest)
        optimiser.step()
        values = [v.detach().to(fabric.device).double() for v in metrics.values()]
        means: Any = fabric.all_reduce(torch.stack(values))  # over processes
        numbers = dict(zip(metrics, means.tolist(), strict=True))
        if not math.isfinite(numbers["loss"]):
            raise InputError(
                f"{folder}: the loss of step {step} is {numbers['loss']}, and no model "
                f"is written: lower the learning rate, {schedule.learning_rate:g}."
            )
        seconds = time.perf_counter() - start
        row = {"step": step, "learning_rate": rate, "seconds": seconds, **numbers}
        run.log.append(row)
        bar.set_postfix(loss=f"{row['loss']:.4f}", refresh=False)
        if (step + 1) % every == 0 or step + 1 == schedule.steps:
            run.keep(validate)
            show(pd.DataFrame(run.log))
    return run.finish()


class _BatchLoss(nn.Module):
    """The loss as a module, which Fabric can wrap: whatever models it calls."""

    def __init__(self, models: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.models, self.loss = models, loss

    def forward(self, step: int, generator: np.random.Generator) -> dict[str, Tensor]:
        return dict(self.loss(step, generator))


@dataclass
class _Run:
    """Weights, optimiser, log, best so far: what an interrupted run needs to go on."""

    fabric: "Fabric"
    models: nn.ModuleDict
    optimiser: torch.optim.Optimizer
    folder: Path
    settings: Settings
    made_from: str
    log: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_value: float = math.inf
    saved: float = field(default_factory=time.monotonic)

    @property
    def state(self) -> Path:
        """The file to go on from."""
        return self.folder / RESUME

    def finished(self) -> pd.DataFrame | None:
        """Load what was trained from the same, and give its log; None if it was not."""
        log = self.folder / "log.csv"
        paths = [self.folder / f"{name}.safetensors" for name in self.models]
        fresh = log.exists() and all(is_fresh(path, self.made_from) for path in paths)
        if not self.fabric.broadcast(fresh):  # all decide as the first one
            return None
        self.models.to("cpu")
        for path, model in zip(paths, self.models.values(), strict=True):
            load_model(path, model)
        return pd.read_csv(log)

    def resume(self) -> int:
        """Take up the stored state, if it was made from the same."""
        state = load_state(self.state, self.made_from)
        if state is None:
            return 0
        self.models.load_state_dict(state["models"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best, self.best_value = state["best"], state["best_value"]
        self.log = state["log"]
        return len(self.log)

    def keep(self, validate: Callable[[], float] | None) -> None:
        """Validate, remember the best weights, and write the state."""
        value = -math.inf
        if validate is not None:
            self.models.eval()
            value = validate()
            self.log[-1]["validation"] = value
        if value < self.best_value or validate is None:
            weights = self.models.state_dict()
            self.best = {name: tensor.clone() for name, tensor in weights.items()}
            self.best_value = value
        if self.fabric.is_global_zero and time.monotonic() - self.saved >= PAUSE:
            self.saved = time.monotonic()
            save_state(
                self.state,
                self.made_from,
                models=self.models.state_dict(),
                optimiser=self.optimiser.state_dict(),
                best=self.best,
                best_value=self.best_value,
                log=self.log,
            )

    def finish(self) -> pd.DataFrame:
        """Write the best weights and the log, and drop the state."""
        self.models.load_state_dict(self.best)
        self.models.to("cpu").eval()
        log = pd.DataFrame(self.log)
        if self.fabric.is_global_zero:
            with write_beside(self.folder / "log.csv") as beside:
                log.to_csv(beside, index=False)
            for name, model in self.models.items():
                path = self.folder / f"{name}.safetensors"
                save_model(path, model, self.settings, self.made_from)
            self.state.unlink(missing_ok=True)
        self.fabric.barrier()  # what the first one wrote is there for all
        return log


def without_replacement(total: int, count: int, step: int, seed: int) -> list[int]:
    """Which of `total` a step's batch takes: each one once an epoch, in a new order.

    The order depends on the seed and the epoch alone, so that a resumed run goes on
    with the same batches.
    """
    places = range(step * count, (step + 1) * count)
    return [int(_epoch(total, i // total, seed)[i % total]) for i in places]


@lru_cache(maxsize=4)
def _epoch(total: int, epoch: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, total]).permutation(total)


def crop_batch(
    sequences: Sequence[Sequence[Tensor]],
    frames: int,
    generator: np.random.Generator,
) -> list[Tensor]:
    """Cut the same random stretch out of all sequences of a clip, and stack the clips.

    sequences : for each clip, tensors Tensor[T, ...] of equal length T. Clips shorter
    than `frames` shorten the whole batch. Returns a Tensor[B, frames, ...] a sequence.
    """
    frames = min(frames, *(len(clip[0]) for clip in sequences))
    starts = [generator.integers(len(clip[0]) - frames + 1) for clip in sequences]
    cut = [
        [sequence[start : start + frames] for sequence in clip]
        for clip, start in zip(sequences, starts, strict=True)
    ]
    return [torch.stack(list(part)) for part in zip(*cut, strict=True)]

"""Training: one loop for the paper's three steps, on a CPU or a GPU.

Taught in notebooks 04, 05 and 06; paper section 4.2.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

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
from emoface_lib.core.data_parallel import (
    as_the_first,
    average_gradients,
    averaged,
    rank,
    same_weights,
    wait_for_all,
)
from emoface_lib.core.errors import InputError
from emoface_lib.core.fresh import digest
from emoface_lib.core.settings import Settings

SLOPE = 0.2  # LeakyReLU's, below zero

Metrics = Mapping[str, Tensor]
Loss = Callable[[int, np.random.Generator], Metrics]
Monitor = Callable[[pd.DataFrame], None]
CLIP_NORM = 5.0  # largest norm of a gradient; keeps a one-cycle peak from diverging
STATES = 10  # times a run validates, and writes its state to go on from


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
    make small; the state with the smallest is kept. monitor : called with the log ten
    times a run. along : further models to train. exact : multiply in float32
    whatever `settings.precision` says. Leaves `model.safetensors`, one such file a
    model in `along`, and `log.csv` in `folder`; returns the log, one row a step. The
    randomness of a step depends on the seed and the step's number alone. Models are on
    the CPU again at the end. Processes of `torch.distributed` train as one
    (`data_parallel`), and the first one writes.
    """
    device = training_device(settings)
    run = _Run(model, schedule, folder, settings, along or {}, device)
    run.bfloat16 = not exact and uses_bfloat16(settings, device)
    run.made_from = digest([made_from, schedule, run.bfloat16])
    if (log := run.finished()) is not None:
        if monitor is not None and rank() == 0:
            monitor(log)
        return log
    first = run.resume()
    every = max(1, schedule.steps // STATES)
    quiet: dict[str, Any] = {"disable": True} if rank() else {}  # else TQDM_DISABLE
    steps = range(first, schedule.steps)
    bar = tqdm(steps, initial=first, total=schedule.steps, **quiet)
    for step in bar:
        row = run.train_step(loss, step)
        bar.set_postfix(loss=f"{row['loss']:.4f}", refresh=False)
        if (step + 1) % every == 0 or step + 1 == schedule.steps:
            run.keep(validate)
            if monitor is not None and rank() == 0:
                monitor(pd.DataFrame(run.log))
    return run.finish()


class _Run:
    """Weights, optimiser, log, best so far: what an interrupted run needs to go on."""

    def __init__(
        self,
        model: nn.Module,
        schedule: Schedule,
        folder: Path,
        settings: Settings,
        along: Mapping[str, nn.Module],
        device: torch.device,
    ) -> None:
        self.device, self.bfloat16, self.made_from = device, False, ""
        self.models = nn.ModuleDict({"model": model, **along}).to(device)
        self.optimiser = torch.optim.Adam(
            [p for p in self.models.parameters() if p.requires_grad],
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
        )
        self.schedule, self.folder, self.settings = schedule, folder, settings
        self.log: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_value = math.inf

    @property
    def state(self) -> Path:
        """The file to go on from."""
        return self.folder / "state.pt"

    def finished(self) -> pd.DataFrame | None:
        """Load what was trained from the same, and give its log; None if it was not."""
        log = self.folder / "log.csv"
        paths = [self.folder / f"{name}.safetensors" for name in self.models]
        fresh = all(is_fresh(path, self.made_from) for path in paths)
        if not as_the_first(fresh and log.exists()):
            return None
        self.models.to("cpu")
        for path, model in zip(paths, self.models.values(), strict=True):
            load_model(path, model)
        return pd.read_csv(log)

    def resume(self) -> int:
        """Take up the stored state, if it was made from the same."""
        state = load_state(self.state, self.made_from)
        if state is None:
            same_weights(self.models)
            return 0
        self.models.load_state_dict(state["models"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best, self.best_value = state["best"], state["best_value"]
        self.log = state["log"]
        return len(self.log)

    def train_step(self, loss: Loss, step: int) -> dict[str, float]:
        """One step of the optimiser, and its row of the log."""
        start = time.perf_counter()
        self.models.train()
        rate = self.schedule.rate(step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        generator = np.random.default_rng([self.settings.seed, step])
        kind = self.device.type
        gpus = [self.device] if kind == "cuda" else []
        with torch.random.fork_rng(devices=gpus):  # the dropout draws from it
            torch.manual_seed(int(generator.integers(2**62)) + rank())
            with torch.autocast(kind, torch.bfloat16, enabled=self.bfloat16):
                metrics = loss(step, generator)
            self.optimiser.zero_grad()
            metrics["loss"].backward()
        average_gradients(self.models.parameters())
        nn.utils.clip_grad_norm_(self.models.parameters(), CLIP_NORM)
        self.optimiser.step()
        numbers = averaged(metrics)
        seconds = time.perf_counter() - start
        row = {"step": step, "learning_rate": rate, "seconds": seconds, **numbers}
        self.log.append(row)
        return row

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
        if rank() > 0:
            return
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
        if rank() == 0:
            log.to_csv(self.folder / "log.csv", index=False)
            for name, model in self.models.items():
                path = self.folder / f"{name}.safetensors"
                save_model(path, model, self.settings, self.made_from)
            self.state.unlink(missing_ok=True)
        wait_for_all()
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

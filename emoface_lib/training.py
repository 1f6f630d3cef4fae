"""Training: one loop for the paper's three steps, and the three steps.

Taught in notebooks 04, 05 and 06; paper section 4.2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from emoface_lib.checkpoints import load_state, save_model, save_state
from emoface_lib.config import Settings

Metrics = dict[str, Tensor]
CLIP_NORM = 5.0  # largest norm of a gradient; keeps a one-cycle peak from diverging
STATES = 10  # times a run writes its state to go on from


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
        return cls(steps, learning_rate, settings.weight_decay, settings.schedule)

    def rate(self, step: int) -> float:
        """Learning rate of a step: constant, or up to a peak and down to nothing."""
        if self.shape == "constant":
            return self.learning_rate
        rise = max(1, round(self.warm_up * self.steps))
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        done = (step - rise) / max(1, self.steps - rise)
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-8


def fit(
    model: nn.Module,
    loss: Callable[[np.random.Generator], Metrics],
    schedule: Schedule,
    folder: Path,
    settings: Settings,
    validate: Callable[[], float] | None = None,
) -> pd.DataFrame:
    """Train a model; resume where an interrupted run stopped, with the same numbers.

    loss : takes a generator and returns metrics of one batch; "loss" is minimised.
    validate : a number to make small; the state with the smallest is kept.
    Leaves `model.safetensors` and `log.csv` in `folder`; returns the log, one row a
    step. The randomness of a step depends on the seed and the step's number alone.
    """
    optimiser = torch.optim.Adam(
        [p for p in model.parameters() if p.requires_grad],
        lr=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
    )
    progress = _Progress(model, optimiser, folder / "state.pt", settings)
    first = progress.resume()
    every = max(1, schedule.steps // STATES)
    bar = tqdm(range(first, schedule.steps), initial=first, total=schedule.steps)
    for step in bar:
        row = _train_step(model, optimiser, loss, schedule, settings.seed, step)
        progress.log.append(row)
        bar.set_postfix(loss=f"{row['loss']:.4f}", refresh=False)
        if (step + 1) % every == 0 or step + 1 == schedule.steps:
            progress.keep(step + 1, validate)
    return progress.finish(folder)


def _train_step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    loss: Callable[[np.random.Generator], Metrics],
    schedule: Schedule,
    seed: int,
    step: int,
) -> dict[str, float]:
    model.train()
    for group in optimiser.param_groups:
        group["lr"] = schedule.rate(step)
    generator = np.random.default_rng([seed, step])
    with torch.random.fork_rng(devices=[]):  # of the dropout
        torch.manual_seed(int(generator.integers(2**62)))
        metrics = loss(generator)
        optimiser.zero_grad()
        metrics["loss"].backward()
    nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
    optimiser.step()
    numbers = {name: float(value.detach()) for name, value in metrics.items()}
    return {"step": step, "learning_rate": schedule.rate(step), **numbers}


class _Progress:
    """What an interrupted run needs to go on: weights, optimiser, log, best so far."""

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        path: Path,
        settings: Settings,
    ) -> None:
        self.model, self.optimiser, self.path = model, optimiser, path
        self.settings = settings
        self.log: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_value = math.inf

    def resume(self) -> int:
        """Take up the stored state, if it was made by the same settings."""
        state = load_state(self.path, self.settings.hash())
        if state is None:
            return 0
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best, self.best_value = state["best"], state["best_value"]
        self.log = state["log"]
        return len(self.log)

    def keep(self, step: int, validate: Callable[[], float] | None) -> None:
        """Validate, remember the best weights, and write the state."""
        value = -math.inf
        if validate is not None:
            self.model.eval()
            value = validate()
            self.log[-1]["validation"] = value
        if value < self.best_value or validate is None:
            weights = self.model.state_dict()
            self.best = {name: tensor.clone() for name, tensor in weights.items()}
            self.best_value = value
        save_state(
            self.path,
            self.settings.hash(),
            model=self.model.state_dict(),
            optimiser=self.optimiser.state_dict(),
            best=self.best,
            best_value=self.best_value,
            log=self.log,
        )

    def finish(self, folder: Path) -> pd.DataFrame:
        """Write the best weights and the log, and drop the state."""
        self.model.load_state_dict(self.best)
        self.model.eval()
        log = pd.DataFrame(self.log)
        log.to_csv(folder / "log.csv", index=False)
        save_model(folder / "model.safetensors", self.model, self.settings)
        self.path.unlink(missing_ok=True)
        return log

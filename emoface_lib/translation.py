"""Step 3's training: the U-Net with L1, eq. (11), and what goes beyond it.

Taught in notebook 06, paper section 3.4.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from emoface_lib.checkpoints import load_model
from emoface_lib.config import Settings
from emoface_lib.features.expression import ExpressionNet
from emoface_lib.features.lift import WEIGHTS
from emoface_lib.losses import image_loss
from emoface_lib.pairs import Batches, Pair, Pairs
from emoface_lib.picture_losses import Critic, PerceptualLoss, edge_loss
from emoface_lib.training import Metrics, Schedule, fit
from emoface_lib.translators import (
    Translator,
    as_tensor,
    best_device,
    channels_last,
    half_precision,
    new_translator,
)

Term = Callable[[Tensor, Tensor], Tensor]  # of synthesised and true pictures


def train_translator(
    pairs: Pairs, folder: Path, settings: Settings, workers: int = 1
) -> tuple[Translator, pd.DataFrame]:
    """Step 3: the network that `settings.translator` names, with L_image, eq. (11).

    workers : processes that decode videos. Trains on a GPU if there is one, in bf16
    where that is faster. Leaves `model.safetensors` and `log.csv` in `folder`; returns
    model and log.
    """
    torch.manual_seed(settings.seed)
    device = best_device()
    model = channels_last(new_translator(settings)).to(device)
    beyond = terms_beyond_l1(settings, device)
    with Batches(pairs, settings.translator_batch, workers) as batches:

        def loss(generator: np.random.Generator) -> Metrics:
            batch = batches.of(*seed_and_step(generator))
            truth = as_tensor(batch.target, device)
            with half_precision(device):
                painted = model(*(as_tensor(x, device) for x in inputs(model, batch)))
            metrics = {"loss": image_loss(painted, truth)}
            for name, (weight, term) in beyond.items():
                metrics[f"loss/{name}"] = term(painted, truth)
                metrics["loss"] = metrics["loss"] + weight * metrics[f"loss/{name}"]
            return metrics

        rate = settings.translator_learning_rate
        schedule = Schedule.of(settings, settings.translator_steps, rate)
        return model, fit(model, loss, schedule, folder, settings)


def inputs(model: Translator, pair: Pair) -> tuple[np.ndarray, ...]:
    """What the network takes of a pair: uint8[B, S, S, 3] each."""
    given = pair.reference, pair.landmark_image
    return (*given, pair.warped) if model.needs_warp else given


def terms_beyond_l1(
    settings: Settings, device: torch.device
) -> dict[str, tuple[float, Term]]:
    """Weights and terms that are added to eq. (11); none in the paper."""
    terms: dict[str, tuple[float, Term]] = {}
    if settings.translator_edges:
        terms["edges"] = settings.translator_edges, edge_loss
    if settings.translator_perceptual:
        net = ExpressionNet()
        load_model(WEIGHTS / "expressions.safetensors", net)
        terms["perceptual"] = (
            settings.translator_perceptual,
            PerceptualLoss(net).to(device),
        )
    if settings.translator_adversarial:
        critic = Critic(settings.translator_learning_rate).to(device)
        terms["adversarial"] = settings.translator_adversarial, critic
    return terms


def seed_and_step(generator: np.random.Generator) -> tuple[int, int]:
    """What a step's generator was made from, so that workers can draw ahead of it."""
    seeds = generator.bit_generator.seed_seq
    assert isinstance(seeds, np.random.SeedSequence)
    seed, step = np.atleast_1d(seeds.entropy)
    return int(seed), int(step)

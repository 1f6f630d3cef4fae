"""Step 3's training: the U-Net with L1, eq. (11), and what goes beyond it.

Taught in notebook 06, paper section 3.4.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from emoface_lib.core.checkpoints import load_model
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics, Schedule, device_of, fit
from emoface_lib.features.expression import ExpressionNet
from emoface_lib.translation.dataset import Batches, Pair, Pairs
from emoface_lib.translation.losses import Critic, EdgeLoss, PerceptualLoss, image_loss
from emoface_lib.translation.translators import (
    Translator,
    as_tensor,
    channels_last,
    for_pictures,
    new_translator,
)


def train_translator(
    pairs: Pairs, folder: Path, settings: Settings, workers: int | None = None
) -> tuple[Translator, pd.DataFrame]:
    """Step 3: the network that `settings.translator` names, with L_image, eq. (11).

    workers : processes that decode videos, as for `Batches`. Trains on a GPU if there
    is one, in bf16 where that is faster. Leaves `model.safetensors` and `log.csv` in
    `folder`; returns model and log.
    """
    settings = for_pictures(settings)
    torch.manual_seed(settings.seed)
    model = channels_last(new_translator(settings))
    beyond = terms_beyond_l1(settings)
    along = {name: term for name, (_, term) in beyond.items() if name == "adversarial"}
    with Batches(pairs, settings.translator_batch, workers) as batches:

        def loss(step: int, _: np.random.Generator) -> Metrics:
            batch, device = batches.of(settings.seed, step), device_of(model)
            truth = as_tensor(batch.target, device)
            painted = model(*(as_tensor(x, device) for x in inputs(model, batch)))
            metrics = {"loss": image_loss(painted, truth)}
            for name, (weight, term) in beyond.items():
                metrics[f"loss/{name}"] = term.to(device)(painted, truth)
                metrics["loss"] = metrics["loss"] + weight * metrics[f"loss/{name}"]
            return metrics

        rate = settings.translator_learning_rate
        schedule = Schedule.of(settings, settings.translator_steps, rate)
        log = fit(model, loss, schedule, folder, settings, along=along)
    return model, log


def inputs(model: Translator, pair: Pair) -> tuple[np.ndarray, ...]:
    """The network's inputs from a pair: uint8[B, S, S, 3] each."""
    given = pair.reference, pair.landmark_image
    return (*given, pair.warped) if model.needs_warp else given


def terms_beyond_l1(settings: Settings) -> dict[str, tuple[float, nn.Module]]:
    """Weights and terms that are added to eq. (11); none in the paper."""
    terms: dict[str, tuple[float, nn.Module]] = {}
    if settings.translator_edges:
        terms["edges"] = settings.translator_edges, EdgeLoss()
    if settings.translator_perceptual:
        net = ExpressionNet()
        load_model(WEIGHTS / "expressions.safetensors", net)
        terms["perceptual"] = settings.translator_perceptual, PerceptualLoss(net)
    if settings.translator_adversarial:
        terms["adversarial"] = settings.translator_adversarial, Critic()
    return terms

"""Step 3's training: the U-Net with L1, eq. (11), and what goes beyond it.

Taught in notebook 06, paper section 3.4.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from emoface_lib.core.checkpoints import load_model, save_model
from emoface_lib.core.data_parallel import share
from emoface_lib.core.errors import InputError
from emoface_lib.core.fresh import made_from
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics, Schedule, device_of, fit
from emoface_lib.features.expression import ExpressionNet
from emoface_lib.translation.dataset import Pair, Pairs, Steps, batches
from emoface_lib.translation.losses import Critic, EdgeLoss, PerceptualLoss, image_loss
from emoface_lib.translation.translators import (
    Translator,
    as_tensor,
    channels_last,
    for_pictures,
    load_makeittalk,
    new_translator,
)


def train_translator(
    pairs: Pairs, folder: Path, settings: Settings, workers: int | None = None
) -> tuple[Translator, pd.DataFrame]:
    """Step 3: the network that `translator.kind` names, with L_image, eq. (11).

    MakeItTalk's is not trained but taken from `translator.checkpoint`, if there is one:
    the log then has no rows. Raises InputError if that file is wrong. workers :
    processes that decode videos, as for `batches`. Trains on a GPU if there is one, in
    bf16 where that is faster. Leaves `model.safetensors` and `log.csv` in `folder`;
    returns model and log.
    """
    if settings.translator.checkpoint:
        return _released(folder, settings), pd.DataFrame(columns=["step", "loss"])
    settings = for_pictures(settings)
    torch.manual_seed(settings.seed)
    model = channels_last(new_translator(settings))
    beyond = terms_beyond_l1(settings)
    along = {name: term for name, (_, term) in beyond.items() if name == "adversarial"}
    drawn: Iterator[Pair] | None = None

    def loss(step: int, _: np.random.Generator) -> Metrics:
        nonlocal drawn
        if drawn is None:  # the step at which training begins, or goes on
            steps = Steps(pairs, settings.translator.batch, settings.seed)
            drawn = batches(steps, range(step, settings.translator.steps), workers)
        batch, device = next(drawn), device_of(model)
        whole = (*inputs(model, batch), batch.target)
        *given, truth = (share(as_tensor(x, device)) for x in whole)
        rendered = model(*given)
        metrics = {"loss": image_loss(rendered, truth)}
        for name, (weight, term) in beyond.items():
            metrics[f"loss/{name}"] = term.to(device)(rendered, truth)
            metrics["loss"] = metrics["loss"] + weight * metrics[f"loss/{name}"]
        return metrics

    rate = settings.translator.learning_rate
    schedule = Schedule.of(settings, settings.translator.steps, rate)
    source = made_from(settings, ["training", "translator"], __name__, pairs)
    log = fit(model, loss, schedule, folder, settings, source, along=along)
    return model, log


def _released(folder: Path, settings: Settings) -> Translator:
    """MakeItTalk's released network, left in `folder` as one that was trained."""
    if settings.translator.kind != "makeittalk":
        raise InputError(
            "translator.checkpoint is a network of MakeItTalk: give -p "
            "translator=makeittalk, too."
        )
    model = load_makeittalk(Path(settings.translator.checkpoint))
    own = settings.changed(translator_width=model.width)
    save_model(folder / "model.safetensors", model, own)
    return model


def inputs(model: Translator, pair: Pair) -> tuple[np.ndarray, ...]:
    """The network's inputs from a pair: uint8[B, S, S, 3] each."""
    given = pair.reference, pair.landmark_image
    return (*given, pair.warped) if model.needs_warp else given


def terms_beyond_l1(settings: Settings) -> dict[str, tuple[float, nn.Module]]:
    """Weights and terms that are added to eq. (11); none in the paper."""
    terms: dict[str, tuple[float, nn.Module]] = {}
    if settings.translator.edges:
        terms["edges"] = settings.translator.edges, EdgeLoss()
    if settings.translator.perceptual:
        net = ExpressionNet()
        load_model(WEIGHTS / "expressions.safetensors", net)
        terms["perceptual"] = settings.translator.perceptual, PerceptualLoss(net)
    if settings.translator.adversarial:
        terms["adversarial"] = settings.translator.adversarial, Critic()
    return terms

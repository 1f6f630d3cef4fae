"""Step 3's training: the U-Net with L1, eq. (11), and what goes beyond it.

Taught in notebook 06, paper section 3.4.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from emoface_lib.core.checkpoints import save_model
from emoface_lib.core.data_parallel import share
from emoface_lib.core.errors import InputError
from emoface_lib.core.fresh import made_from
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics, Schedule, device_of, fit
from emoface_lib.translation.dataset import Pair, Pairs, Steps, batches
from emoface_lib.translation.losses import EdgeLoss, image_loss
from emoface_lib.translation.translators import (
    Translator,
    as_tensor,
    channels_last,
    for_pictures,
    load_makeittalk,
    new_translator,
)


def train_translator(
    pairs: Pairs,
    folder: Path,
    settings: Settings,
    workers: int | None = None,
    first: Translator | None = None,
) -> tuple[Translator, pd.DataFrame]:
    """Step 3: the network that `translator.kind` names, with L_image, eq. (11).

    MakeItTalk's is not trained but taken from `translator.checkpoint`, if there is one:
    the log then has no rows. Raises InputError if that file is wrong. workers :
    processes that decode videos, as for `batches`; first : what training begins with,
    by default an untrained network. Trains on a GPU if there is one, in
    bf16 where that is faster. Leaves `model.safetensors` and `log.csv` in `folder`;
    returns model and log.
    """
    if settings.translator.checkpoint:
        return _released(folder, settings), pd.DataFrame(columns=["step", "loss"])
    settings = for_pictures(settings)
    torch.manual_seed(settings.seed)
    model = channels_last(first or new_translator(settings))
    edges = EdgeLoss()
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
        image = image_loss(rendered, truth)
        if not settings.translator.edges:
            return {"loss": image}
        found = edges(rendered, truth)
        return {"loss": image + settings.translator.edges * found, "loss/edges": found}

    rate = settings.translator.learning_rate
    schedule = Schedule.of(settings, settings.translator.steps, rate)
    given = [pairs, first.state_dict()] if first else [pairs]
    source = made_from(settings, ["training", "translator"], __name__, *given)
    log = fit(model, loss, schedule, folder, settings, source)
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

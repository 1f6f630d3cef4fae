"""The training of PC-AVS, reduced, whose weights are shipped; benchmarks/table_2.py.

By L1 of rendered frames and the contrast of sound and picture, Zhou et al. 2021.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from emoface_lib.core.fresh import made_from
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics, Schedule, device_of, fit
from emoface_lib.evaluation.pc_avs import PCAVS, VideoClip
from emoface_lib.translation.translators import as_tensor, for_pictures

NETWORK = PCAVS.__module__  # whose code counts for whether a model is fresh
TEMPERATURE = 0.1  # in the audio-visual contrast
CLIPS, MOMENTS = 4, 4  # a batch; moments of one clip are its hardest negatives
CONTRAST_WEIGHT = 0.1
# Rows and columns where mouths are in pictures of 64 px, and what they weigh beside the
# whole; without it minutes of training copy the reference face.
MOUTH, MOUTH_WEIGHT = (slice(36, 54), slice(20, 44)), 2.0
COLOURS = 0.3  # largest change of a channel's gain; colour then carries no identity
RATES = {"constant": 1e-4, "one_cycle": 3e-3}  # 1e-4 is the released code's


def audiovisual_contrast(seen: Tensor, heard: Tensor) -> Tensor:
    """InfoNCE of sound and picture of one moment, against the batch, both ways.

    Both : Tensor[B, 128] of length 1. PC-AVS, equation (2).
    """
    likeness = seen @ heard.T / TEMPERATURE
    own = torch.arange(len(seen), device=seen.device)
    return (cross_entropy(likeness, own) + cross_entropy(likeness.T, own)) / 2


def train_pc_avs(
    videos: Sequence[VideoClip], folder: Path, settings: Settings
) -> PCAVS:
    """Train by L1 of rendered frames and the audio-visual contrast.

    The content is taken from the sound in one half of a batch and from the picture in
    the other. Steps are those of step 3. Leaves `model.safetensors` in `folder`.
    """
    settings = for_pictures(settings)
    torch.manual_seed(settings.seed)
    model = PCAVS(videos[0].features.shape[1])

    def loss(_: int, generator: np.random.Generator) -> Metrics:
        device = device_of(model)
        faces, targets, windows = (x.to(device) for x in _draw(videos, generator))
        pose, seen = model.look(_recoloured(targets, generator))
        heard = model.listen(windows)
        by_sound = torch.arange(len(heard), device=device)[:, None] % 2 == 0
        rendered = model(faces, pose, torch.where(by_sound, heard, seen)).float()
        contrast = audiovisual_contrast(seen.float(), heard.float())
        apart = (rendered - targets).abs()
        picture = apart.mean() + MOUTH_WEIGHT * apart[(..., *MOUTH)].mean()
        whole = picture + CONTRAST_WEIGHT * contrast
        return {"loss": whole, "loss/picture": picture, "loss/contrast": contrast}

    rate = RATES[settings.training.schedule]
    schedule = Schedule.of(settings, settings.translator.steps, rate)
    source = made_from(settings, ["features", "training"], NETWORK, videos)
    fit(model, loss, schedule, folder, settings, source)
    return model


def _draw(
    videos: Sequence[VideoClip], generator: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Faces and targets, Tensor[B, 3, 64, 64], and audio features at the targets."""
    faces, targets, windows = [], [], []
    for index in generator.integers(len(videos), size=CLIPS):
        video = videos[index]
        places = generator.permutation(len(video.pictures))[:MOMENTS]
        other = generator.integers(len(video.pictures), size=len(places))
        faces.append(video.pictures[other])
        targets.append(video.pictures[places])
        windows.append(video.windows(places))
    face, target = (as_tensor(np.concatenate(some)) for some in (faces, targets))
    return face, target, torch.cat(windows)


def _recoloured(pictures: Tensor, generator: np.random.Generator) -> Tensor:
    """Pictures whose channels are louder or softer, each by its own factor."""
    gains = 1 + COLOURS * generator.uniform(-1, 1, (len(pictures), 3, 1, 1))
    return (pictures * torch.from_numpy(gains).float().to(pictures.device)).clamp(0, 1)

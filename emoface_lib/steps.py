"""The paper's training steps 1 and 2, sharing one loop. Section 4.2.

Step 1 is taught in notebook 04, step 2 in 05; step 3 is in `translation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from emoface_lib.checkpoints import feature_size, load_model, read_settings
from emoface_lib.config import MEL_BANDS, Settings
from emoface_lib.errors import InputError
from emoface_lib.features.clips import Clip
from emoface_lib.losses import (
    embedding_distance,
    emotion_contrast,
    expression_similarity,
    identity_loss,
    landmark_loss,
)
from emoface_lib.models.content import ContentBranch, predicted_landmarks
from emoface_lib.models.style import StyleBranch
from emoface_lib.training import Metrics, Schedule, fit
from emoface_lib.triplets import TripletSampler, crop_batch

# Standard deviations of the cosine terms of a random spectral offset, in log-mel units;
# about what other microphones and rooms do to a recording.
OFFSET_TERMS = (0.10, 0.08, 0.05, 0.05, 0.04)


def train_content(
    clips: Sequence[Clip], folder: Path, settings: Settings
) -> tuple[ContentBranch, pd.DataFrame]:
    """Step 1: MLP_c, LSTM and MLP_t with L_landmark, eq. (10).

    clips : those with split "train" train, those with "seen" choose the checkpoint.
    Leaves `model.safetensors` and `log.csv` in `folder`; returns model and log.
    """
    torch.manual_seed(settings.seed)
    train, held_out = split(clips, "train"), split(clips, "seen")
    model = ContentBranch(_feature_size(train))
    model.standardise.fit(torch.cat([clip.features for clip in train]))
    sequences = [(clip.features, clip.displacement) for clip in train]

    def loss(generator: np.random.Generator) -> Metrics:
        chosen = generator.integers(len(train), size=settings.batch_clips)
        batch = [sequences[i] for i in chosen]
        features, truth = crop_batch(batch, settings.crop_frames, generator)
        if settings.features != "codes":
            features = features + spectral_offsets(
                len(chosen), settings.spectral_offset, generator
            )
        return {"loss": landmark_loss(model(features), truth)}

    def validate() -> float:
        return mean_landmark_loss(held_out, content_displacements(model, held_out))

    schedule = Schedule.of(settings, settings.content_steps, settings.learning_rate)
    choose = validate if held_out else None
    return model, fit(model, loss, schedule, folder, settings, choose)


@dataclass(frozen=True)
class Objective:
    """Which terms of step 2's loss count, and how much."""

    emotion_weight: float = 1.0
    identity_weight: float = 1.0


def train_style(
    clips: Sequence[Clip],
    content: ContentBranch,
    folder: Path,
    settings: Settings,
    objective: Objective | None = None,
) -> tuple[StyleBranch, pd.DataFrame]:
    """Step 2: MLP_e, MLP_i, attention and MLP_s with all three losses.

    The content branch is frozen and in evaluation mode, so its codes are computed once.
    Leaves `model.safetensors` and `log.csv` in `folder`; returns model and log.
    """
    if objective is None:
        objective = Objective(settings.emotion_weight, settings.identity_weight)
    torch.manual_seed(settings.seed)
    train, held_out = split(clips, "train"), split(clips, "seen")
    model = StyleBranch(_feature_size(train), settings.attention_heads)
    model.standardise.fit(torch.cat([clip.features for clip in train]))
    sampler, codes = TripletSampler(train), content_codes(content, train)
    sequences = [
        (clip.features, *code, clip.displacement)
        for clip, code in zip(train, codes, strict=True)
    ]
    expressions = torch.stack([clip.expression for clip in train])

    def loss(generator: np.random.Generator) -> Metrics:
        triplets = sampler.draw(settings.batch_triplets, generator)
        order = [i for role in zip(*triplets, strict=True) for i in role]  # r.. s.. p..
        batch = crop_batch(
            [sequences[i] for i in order], settings.crop_frames, generator
        )
        fewer = [sequence[:, :: settings.style_stride] for sequence in batch]
        return style_loss(model, fewer, expressions[order], objective, settings)

    held_out_codes = content_codes(content, held_out)

    def validate() -> float:
        moved = style_displacements(model, held_out, held_out_codes)
        return mean_landmark_loss(held_out, moved)

    rate = settings.style_learning_rate
    schedule = Schedule.of(settings, settings.style_steps, rate)
    choose = validate if held_out else None
    return model, fit(model, loss, schedule, folder, settings, choose)


def style_loss(
    model: StyleBranch,
    batch: Sequence[Tensor],
    expressions: Tensor,
    objective: Objective,
    settings: Settings,
) -> Metrics:
    """L_emotion + L_identity + L_landmark of a batch of triplets, section 4.2.

    batch : features, E_content, D_content and L - L_0, Tensor[3 B, T, ...] each, first
    all V_r, then all V_s, then all V_p; expressions : Tensor[3 B, 7].
    """
    features, content, said, truth = batch
    emotion, identity = model.emotion(features), model.identity(features)
    moved = said + model.displace(content, model.style(emotion, identity))
    (r, s, p), (e_r, e_s, e_p) = emotion.chunk(3), expressions.chunk(3)
    d_rs = embedding_distance(r, s, settings.emotion_distance)
    d_rp = embedding_distance(r, p, settings.emotion_distance)
    lambda_rs, lambda_rp = torch.ones(len(r)), torch.zeros(len(r))
    if settings.expression_weights:
        lambda_rs, lambda_rp = (
            expression_similarity(e_r, e_s),
            expression_similarity(e_r, e_p),
        )
    contrast = emotion_contrast(d_rs, d_rp, lambda_rs, lambda_rp, settings.margin)
    i_r, _, i_p = identity.chunk(3)
    same = identity_loss(i_r, i_p, settings.emotion_distance)
    landmark = landmark_loss(moved, truth)
    return {
        "loss": landmark
        + objective.emotion_weight * contrast
        + objective.identity_weight * same,
        "loss/landmark": landmark,
        "loss/emotion": contrast,
        "loss/identity": same,
        "d_rs": d_rs.mean(),
        "d_rp": d_rp.mean(),
        "lambda_rs": lambda_rs.mean(),
        "lambda_rp": lambda_rp.mean(),
        "deviation/emotion": emotion.mean(1).std(0).mean(),
        "deviation/identity": identity.mean(1).std(0).mean(),
    }


def load_content(path: Path, settings: Settings | None = None) -> ContentBranch:
    """Content branch; raises InputError if it learnt other features than settings."""
    _check_features(path, settings)
    model = ContentBranch(feature_size(path))
    load_model(path, model)
    return model


def load_style(
    path: Path, settings: Settings | None = None
) -> tuple[StyleBranch, Settings]:
    """Style branch and the settings it was trained with; raises as `load_content`."""
    made_by = _check_features(path, settings)
    model = StyleBranch(feature_size(path), made_by.attention_heads)
    load_model(path, model)
    return model, made_by


def _check_features(path: Path, settings: Settings | None) -> Settings:
    """Settings of a checkpoint, whose features must be those of `settings`."""
    made_by = read_settings(path)
    if settings and made_by.features != settings.features:
        raise InputError(
            f"{path} was trained with features = {made_by.features!r}, not "
            f"{settings.features!r}: train it again, or give -p "
            f"features={made_by.features}."
        )
    return made_by


def _feature_size(clips: Sequence[Clip]) -> int:
    """D of F_a."""
    return clips[0].features.shape[1]


def split(clips: Sequence[Clip], name: str) -> list[Clip]:
    """Clips of one split: "train", "seen" or "unseen"."""
    return [clip for clip in clips if clip.split == name]


def spectral_offsets(
    count: int, strength: float, generator: np.random.Generator
) -> Tensor:
    """A smooth random spectral offset a clip, as another microphone would add.

    With strength 1 the content branch can't read emotion from the spectrum's tilt;
    with 0 nothing is added. Returns Tensor[count, 1, 80] in log-mel units.
    """
    terms = np.arange(len(OFFSET_TERMS))[:, None]
    cosines = np.cos(np.pi * terms * (np.arange(MEL_BANDS) + 0.5) / MEL_BANDS)
    amounts = generator.normal(size=(count, len(OFFSET_TERMS))) * OFFSET_TERMS
    return torch.from_numpy(strength * amounts @ cosines).float()[:, None]


@torch.no_grad()
def content_codes(
    content: ContentBranch, clips: Sequence[Clip]
) -> list[tuple[Tensor, Tensor]]:
    """E_content, Tensor[T, 256], and D_content, Tensor[T, 68, 2], of whole clips."""
    content.eval()
    codes = [content.encode(clip.features[None])[0] for clip in clips]
    return [(code[0], content.displace(code)[0]) for code in codes]


def content_displacements(
    content: ContentBranch, clips: Sequence[Clip]
) -> list[Tensor]:
    """D_content of whole clips, Tensor[T, 68, 2] px of the canvas each."""
    return [said for _, said in content_codes(content, clips)]


@torch.no_grad()
def style_displacements(
    style: StyleBranch,
    clips: Sequence[Clip],
    codes: Sequence[tuple[Tensor, Tensor]],
    emotion_offset: Tensor | None = None,
) -> list[Tensor]:
    """D_content + D_style of whole clips, Tensor[T, 68, 2] px of the canvas each.

    codes : from `content_codes`; emotion_offset : Tensor[128], added to E_emotion.
    """
    style.eval()
    offset = torch.zeros(()) if emotion_offset is None else emotion_offset
    moved = []
    for clip, (code, said) in zip(clips, codes, strict=True):
        features = clip.features[None]
        emotion = style.emotion(features) + offset
        coded = style.style(emotion, style.identity(features))
        moved.append(said + style.displace(code[None], coded)[0])
    return moved


def mean_landmark_loss(clips: Sequence[Clip], moved: Sequence[Tensor]) -> float:
    """Mean over clips of L_landmark of predicted displacements, px of the canvas."""
    losses = [
        landmark_loss(
            predicted_landmarks(clip.reference[None], move[None]),
            clip.landmarks[None],
        )
        for clip, move in zip(clips, moved, strict=True)
    ]
    return float(torch.stack(losses).mean())

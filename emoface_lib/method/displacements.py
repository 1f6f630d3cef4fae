"""Outputs of trained branches on whole clips: codes, and landmark displacements.

Taught in notebooks 04 and 05, paper equations (1) to (9).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.training import device_of
from emoface_lib.method.content import ContentBranch, predicted_landmarks
from emoface_lib.method.losses import landmark_loss
from emoface_lib.method.style import StyleBranch


@torch.no_grad()
def content_codes(
    content: ContentBranch, clips: Sequence[Clip]
) -> list[tuple[Tensor, Tensor]]:
    """E_content, Tensor[T, 256], and D_content, Tensor[T, 68, 2], of whole clips."""
    content.eval()
    device = device_of(content)
    codes = [content.encode(clip.features[None].to(device))[0] for clip in clips]
    return [(code[0].cpu(), content.displace(code)[0].cpu()) for code in codes]


def content_displacements(
    content: ContentBranch, clips: Sequence[Clip]
) -> list[Tensor]:
    """D_content of whole clips, Tensor[T, 68, 2] px of the canonical frame each."""
    return [d_content for _, d_content in content_codes(content, clips)]


@torch.no_grad()
def style_codes(
    style: StyleBranch, clips: Sequence[Clip]
) -> list[tuple[Tensor, Tensor]]:
    """E_emotion and E_identity of whole clips, Tensor[T, 128] each."""
    style.eval()
    device = device_of(style)
    codes = []
    for clip in clips:
        features, mean = clip.features[None].to(device), mean_of(clip).to(device)
        pair = style.emotion(features, mean), style.identity(features)
        codes.append((pair[0][0].cpu(), pair[1][0].cpu()))
    return codes


@torch.no_grad()
def coded_clips(
    content: ContentBranch, style: StyleBranch, clips: Sequence[Clip]
) -> dict[str, list[Clip]]:
    """The clips with each of the four codes as features, by its name, for probes.

    The features are Tensor[T, 256 or 128].
    """
    pairs = style_codes(style, clips)
    both = [style.style(e[None], i[None])[0].numpy() for e, i in pairs]
    codes = {
        "E_content": [code.numpy() for code, _ in content_codes(content, clips)],
        "E_emotion": [emotion.numpy() for emotion, _ in pairs],
        "E_identity": [identity.numpy() for _, identity in pairs],
        "E_style": both,
    }
    return {name: with_features(clips, own) for name, own in codes.items()}


def style_displacements(
    style: StyleBranch,
    clips: Sequence[Clip],
    codes: Sequence[tuple[Tensor, Tensor]],
    emotion_offset: Tensor | None = None,
) -> list[Tensor]:
    """D_content + D_style of whole clips.

    codes : from `content_codes`; emotion_offset : Tensor[128], added to E_emotion.
    Returns Tensor[T, 68, 2] px of the canonical frame each.
    """
    offset = torch.zeros(()) if emotion_offset is None else emotion_offset
    pairs = [(e + offset, i) for e, i in style_codes(style, clips)]
    return displaced(style, pairs, codes)


@torch.no_grad()
def displaced(
    style: StyleBranch,
    pairs: Sequence[tuple[Tensor, Tensor]],
    codes: Sequence[tuple[Tensor, Tensor]],
) -> list[Tensor]:
    """D_content + D_style of codes, whichever clips they are of.

    pairs : E_emotion and E_identity, Tensor[T, 128] each, as from `style_codes`; codes
    : from `content_codes`. Returns Tensor[T, 68, 2] px of the canonical frame each.
    """
    device, displacement = device_of(style), []
    for pair, (code, d_content) in zip(pairs, codes, strict=True):
        emotion, identity = (part[None].to(device) for part in pair)
        styled = style.style(emotion, identity)
        placed = style.displace(code[None].to(device), styled)
        displacement.append(d_content + placed[0].cpu())
    return displacement


def mean_landmark_loss(clips: Sequence[Clip], displacement: Sequence[Tensor]) -> float:
    """Mean over clips of L_landmark of predicted displacements, eq. (10).

    displacement : Tensor[T, 68, 2] px of the canonical frame, one a clip. Returns px.
    """
    losses = [
        landmark_loss(
            predicted_landmarks(clip.reference[None], move[None]),
            clip.landmarks[None],
        )
        for clip, move in zip(clips, displacement, strict=True)
    ]
    return float(torch.stack(losses).mean())


def mean_of(clip: Clip) -> Tensor:
    """m_spk of a clip, Tensor[1, D]; zeros of a speaker who is not enrolled."""
    mean = clip.speaker_mean
    return torch.zeros_like(clip.features[:1]) if mean is None else mean[None]

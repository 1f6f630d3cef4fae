"""Enrolment: what is known of a speaker before a clip of theirs is heard.

The improved objective hears emotion in what differs from the speaker's mean m_spk.
Taught in notebook 05, section 8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from emoface_lib.features.clips import Clip


def speaker_means(clips: Sequence[Clip]) -> dict[str, Tensor]:
    """m_spk of each speaker, Tensor[D]: mean over frames, then over their clips.

    A speaker who trains is known by the training clips alone, another one by all.
    """
    means: dict[str, Tensor] = {}
    for speaker in dict.fromkeys(clip.speaker for clip in clips):
        own = [clip for clip in clips if clip.speaker == speaker]
        known = [clip for clip in own if clip.split == "train"] or own
        means[speaker] = torch.stack([c.features.mean(0) for c in known]).mean(0)
    return means


def enrolled(
    clips: Sequence[Clip], means: Mapping[str, Tensor] | None = None
) -> list[Clip]:
    """The clips with m_spk of their speakers; means : by default `speaker_means`."""
    known = speaker_means(clips) if means is None else means
    return [replace(clip, speaker_mean=known[clip.speaker]) for clip in clips]


def enrolled_by(
    clips: Sequence[Clip], count: int, generator: np.random.Generator
) -> list[Clip]:
    """The clips, each with m_spk of `count` clips of other videos of its speaker.

    What a user can give who has a few recordings of a speaker. Where there are fewer,
    all are taken; with none, the clip itself.
    """
    found = []
    for clip in clips:
        others = [
            other.features.mean(0)
            for other in clips
            if other.speaker == clip.speaker and other.video != clip.video
        ]
        wanted = min(count, len(others))
        chosen = generator.permutation(len(others))[:wanted]
        means = [others[i] for i in chosen] or [clip.features.mean(0)]
        found.append(replace(clip, speaker_mean=torch.stack(means).mean(0)))
    return found

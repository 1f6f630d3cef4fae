"""Triplets of clips for eq. (5): V_r and V_s of one video, V_p of another.

Taught in notebook 05, paper section 3.2.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from emoface_lib.errors import InputError


class Utterance(Protocol):
    """What the sampler needs to know of a clip."""

    @property
    def speaker(self) -> str:
        """Who speaks."""

    @property
    def video(self) -> str:
        """The recording, one emotional state; names need only differ in a speaker."""


class Triplet(NamedTuple):
    """Positions of V_r, V_s and V_p in the list of clips."""

    r: int
    s: int
    p: int


class TripletSampler:
    """Draws triplets: r and s of one video of a speaker, p of another of the same.

    Raises InputError if no speaker has two videos, one of them with two clips.
    """

    def __init__(self, clips: Sequence[Utterance]) -> None:
        self.videos: dict[str, dict[str, list[int]]] = {}
        for position, clip in enumerate(clips):
            speaker = self.videos.setdefault(clip.speaker, {})
            speaker.setdefault(clip.video, []).append(position)
        self.anchors = [
            (position, speaker, video)
            for speaker, videos in self.videos.items()
            for video, positions in videos.items()
            for position in positions
            if len(videos) > 1 and len(positions) > 1
        ]
        if not self.anchors:
            raise InputError(
                "No triplet can be made: a speaker must have two videos, one of them "
                "with two clips. LRW, for example, does not name its speakers."
            )

    def draw(self, count: int, generator: np.random.Generator) -> list[Triplet]:
        """Draw `count` triplets."""
        return [self._draw_one(generator) for _ in range(count)]

    def _draw_one(self, generator: np.random.Generator) -> Triplet:
        r, speaker, video = self.anchors[generator.integers(len(self.anchors))]
        same = [clip for clip in self.videos[speaker][video] if clip != r]
        others = [name for name in self.videos[speaker] if name != video]
        other = self.videos[speaker][others[generator.integers(len(others))]]
        s = same[generator.integers(len(same))]
        return Triplet(r, s, other[generator.integers(len(other))])


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

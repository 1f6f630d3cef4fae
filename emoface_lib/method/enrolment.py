"""Enrolment: a speaker's mean features m_spk, known before a clip is processed.

The improved objective takes F_a - m_spk, the deviation from the mean, as its input.
Taught in notebook 05, section 9.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emoface_lib.core.checkpoints import read_weights, write_weights
from emoface_lib.core.clip import Clip, speaker_means
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import reading
from emoface_lib.core.stored import StoredClips

GUESS = "speaker_guess.safetensors"  # beside the style branch
SHRINKAGE = 1000.0  # the ridge's penalty; chosen by leaving training speakers out


def enrolled(clips: Sequence[Clip]) -> Sequence[Clip]:
    """The clips, each with m_spk of its speaker, see `speaker_means`.

    Stored ones have it already.
    """
    if isinstance(clips, StoredClips):
        return clips
    known = speaker_means(clips)
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


@dataclass(frozen=True)
class SpeakerGuess:
    """m_spk guessed from one clip: a ridge on its GE2E embedding and its mean F_a.

    For a speaker of whom nothing else is known. weights : Tensor[256 + D, D]; offset :
    Tensor[D].
    """

    weights: Tensor
    offset: Tensor

    @classmethod
    def learn(cls, clips: Sequence[Clip]) -> "SpeakerGuess":
        """Learn from enrolled clips with voices, those with split "train".

        Raises InputError if there are none.
        """
        known = [
            clip
            for clip in clips
            if clip.split == "train"
            and clip.voice is not None
            and clip.speaker_mean is not None
        ]
        if not known:
            raise InputError(
                "No training clip is enrolled and has its voice embedded: make them "
                "by audio_only_clips with `voices=True`, then pass them to enrolled()."
            )
        from sklearn.linear_model import Ridge  # a second, and animating fits nothing
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        inputs = scaler.fit_transform(np.stack([_inputs(clip) for clip in known]))
        means = [clip.speaker_mean for clip in known if clip.speaker_mean is not None]
        ridge = Ridge(SHRINKAGE).fit(inputs, torch.stack(means).numpy())
        weights = ridge.coef_.T / scaler.scale_[:, None]  # for raw inputs
        offset = ridge.intercept_ - scaler.mean_ @ weights
        return cls(torch.from_numpy(weights).float(), torch.from_numpy(offset).float())

    def __call__(self, voice: Tensor, mean: Tensor) -> Tensor:
        """m_spk, Tensor[D], of a voice's embedding and its mean F_a, Tensor[D]."""
        return torch.cat([voice, mean]) @ self.weights + self.offset

    def enrol(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips with embedded voices, each with m_spk guessed from itself alone."""
        return [
            replace(clip, speaker_mean=self(clip.voice, clip.features.mean(0)))
            for clip in clips
            if clip.voice is not None
        ]

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        write_weights(path, vars(self))

    @classmethod
    def load(cls, path: Path) -> "SpeakerGuess | None":
        """Read what `save` wrote; None if there is no such file."""
        with reading(path):  # it may be another file's, with other names
            return cls(**read_weights(path)) if path.exists() else None


def _inputs(clip: Clip) -> np.ndarray:
    assert clip.voice is not None
    return torch.cat([clip.voice, clip.features.mean(0)]).double().numpy()

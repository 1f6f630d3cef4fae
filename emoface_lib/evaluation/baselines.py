"""Baselines of Table 2: lower bounds that any method must beat, and upper bounds.

Taught in notebook 07.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emoface_lib.core.clip import Clip
from emoface_lib.core.files import read_npz
from emoface_lib.features.align import align, project
from emoface_lib.features.prepared import to_frame_rate

LATEST = 15  # frames; how much later than F_a a mouth may follow the energy
Method = Callable[[Sequence[Clip]], Sequence[Tensor]]  # clips to displacements


def static(clips: Sequence[Clip]) -> list[Tensor]:
    """A face that stays as L_0: Tensor[T, 68, 2], zeros."""
    return [torch.zeros_like(clip.landmarks) for clip in clips]


def mean_displacement(train: Sequence[Clip]) -> Method:
    """A face that stays where training faces are on average."""
    mean = torch.cat([clip.displacement for clip in train]).mean(0)
    return lambda clips: [mean.expand_as(clip.landmarks) for clip in clips]


def energy_driven(train: Sequence[Clip]) -> Method:
    """A face that moves by the voice's energy alone, by least squares.

    It follows as late as fits the training clips best, since F_a looks ahead.
    """
    moves = torch.cat([clip.displacement.flatten(1) for clip in train]).double()

    def fitted(late: int) -> tuple[float, int, Tensor]:
        inputs = torch.cat([energy(clip, late) for clip in train]).double()
        weights = torch.linalg.lstsq(inputs, moves).solution  # (2, 136)
        return float((inputs @ weights - moves).square().sum()), late, weights

    _, late, weights = min(map(fitted, range(LATEST + 1)), key=lambda found: found[0])
    return lambda clips: [
        (energy(clip, late) @ weights.float()).unflatten(1, (68, 2)) for clip in clips
    ]


def energy(clip: Clip, late: int = 0) -> Tensor:
    """Mean log-mel less the clip's mean, so many frames late, and 1: Tensor[T, 2]."""
    loud = clip.log_mel.mean(1)
    heard = delayed(loud, late) - loud.mean()
    return torch.stack([heard, torch.ones_like(loud)], dim=1)


def delayed(values: Tensor, frames: int) -> Tensor:
    """Tensor[T, ...] so many frames later; the first is held before them."""
    return values[(torch.arange(len(values)) - frames).clamp(min=0)]


def shuffled(method: Method) -> Method:
    """A method whose input is another clip's audio, see `misheard`."""
    return lambda clips: method(misheard(clips))


def misheard(clips: Sequence[Clip]) -> list[Clip]:
    """The clips, each with the audio of another, of another speaker if possible.

    It is cut or extended to the clip's length.
    """
    found = []
    for clip in clips:
        heard = other(clip, clips)
        frames, mean = held(heard.features, len(clip.landmarks)), heard.speaker_mean
        voiced = replace(clip, features=frames, voice=heard.voice, speaker_mean=mean)
        found.append(voiced)
    return found


def other(clip: Clip, clips: Sequence[Clip]) -> Clip:
    """The next clip of another speaker; with one speaker, the next clip."""
    place = next(i for i, each in enumerate(clips) if each.name == clip.name)
    later = [*clips[place + 1 :], *clips[:place]] or [clip]
    return next((each for each in later if each.speaker != clip.speaker), later[0])


def held(values: Tensor, length: int) -> Tensor:
    """The first `length` of Tensor[T, ...]; the last is held where there are fewer."""
    return values[torch.arange(length).clamp(max=len(values) - 1)]


def again(clips: Sequence[Clip]) -> list[Tensor]:
    """Real motion of another utterance of the same video, NaN where there is none.

    The right speaker and emotion with the wrong speech content. Returns displacements
    Tensor[T, 68, 2] px of the canonical frame, one a clip.
    """
    found = []
    for clip in clips:
        video = [c for c in clips if (c.speaker, c.video) == (clip.speaker, clip.video)]
        moves = [c.displacement for c in video if c.name != clip.name]
        unknown = torch.full_like(clip.landmarks, torch.nan)
        found.append(held(moves[0], len(unknown)) if moves else unknown)
    return found


def detector_noise(corpus: Path, mean_face: np.ndarray) -> Method:
    """Ground-truth landmarks as the prediction, where the clips' are a detector's.

    This is the score of a perfect method. corpus : the embedded one, whose folder truth
    holds float[F, 68, 3] px of the video frame a clip; mean_face : float[68, 3] px of
    the canonical frame, with which the clips are aligned.
    """

    def displacement(clip: Clip) -> Tensor:
        stored = read_npz(corpus / "truth" / f"{clip.name}.npz")["landmarks"]
        flat = project(align(stored.astype(float), mean_face)[0])
        aligned = torch.from_numpy(to_frame_rate(flat)).float()
        return aligned[: len(clip.landmarks)] - clip.reference

    return lambda clips: [displacement(clip) for clip in clips]

"""The one record of a clip, and what its numbers count: samples, bands, classes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from emoface_lib.core.settings import Settings

# Class order of every expression model and softmax (that of SCN, the paper's [28]).
EXPRESSIONS = (
    "surprise",
    "fear",
    "disgust",
    "happiness",
    "sadness",
    "anger",
    "neutral",
)
# To which power a voice's softmax is taken: a bit of all moods on a face shows none.
SHARPNESS = 4.0
SAMPLE_RATE = 16_000  # Hz
HOP_LENGTH = 320  # samples; 20 ms, the paper's frame
MEL_BANDS = 80  # D of F_a
CODE_SIZE = 144  # the phonetic code; F_a has the log-mel after it
PHONETIC_SIZE = CODE_SIZE + MEL_BANDS  # D of F_a then
EMPTY = torch.zeros(0)


@dataclass(frozen=True)
class Clip:
    """One utterance: what the networks take, and its labels.

    features : Tensor[T, D], F_a; emotion, arousal and valence are the ground truth, ""
    and NaN where a corpus has none; landmarks : Tensor[T, 68, 2], L, px of the
    canonical frame; reference : Tensor[68, 2], L_0 of the speaker; expression :
    Tensor[7], softmax: all three are empty of a clip that is sound alone, as for
    probes; speaker_mean : Tensor[D], m_spk, None before the speaker is enrolled; phones
    : int[T], the class of the sound in each frame, and voice : Tensor[256], the GE2E
    embedding of this clip alone, and mood : float[T, 2], arousal and valence over time,
    None where they are not known; ahead : frames that F_a looks ahead.
    """

    name: str
    speaker: str
    video: str
    split: str
    features: Tensor
    emotion: str
    arousal: float
    valence: float
    landmarks: Tensor = EMPTY
    reference: Tensor = EMPTY
    expression: Tensor = EMPTY
    speaker_mean: Tensor | None = None
    phones: np.ndarray | None = None
    voice: Tensor | None = None
    mood: np.ndarray | None = None
    ahead: int = 0
    path: str = ""  # its video in the corpus, or else its sound
    sound: str = ""  # the file there that is heard

    @property
    def displacement(self) -> Tensor:
        """The networks' target L - L_0: Tensor[T, 68, 2] px of the canonical frame."""
        return self.landmarks - self.reference

    @property
    def log_mel(self) -> Tensor:
        """What F_a holds beside a phonetic code, Tensor[T, 80]; it looks ahead, too."""
        return self.features[:, -MEL_BANDS:]


def frame_level(features: Tensor) -> Tensor:
    """Mean log-mel of each frame, Tensor[..., T]; zeros where style hears no mel.

    features : Tensor[..., T, D], what style hears of F_a.
    """
    level = features[..., -MEL_BANDS:].mean(-1)
    return level * (features.shape[-1] in (MEL_BANDS, PHONETIC_SIZE))


def feature_sizes(settings: Settings) -> tuple[int, int, int]:
    """How many numbers of a frame content hears, the first; style, the last; and D.

    Both hear the whole of it if they hear the same, but the phonetic code.
    """
    sizes = {"phonetic": PHONETIC_SIZE, "codes": 2 * settings.autovc.neck}
    content, style = (sizes.get(kind, MEL_BANDS) for kind in settings.features.kinds)
    first = CODE_SIZE if settings.features.kind == "phonetic" else content
    same = settings.features.kinds[0] == settings.features.kinds[1]
    return first, style, style if same else first + style


def speaker_means(clips: Sequence[Clip]) -> dict[str, Tensor]:
    """m_spk of each speaker, Tensor[D]: mean over frames, then over their clips.

    A speaker who trains is known by the training clips alone, another one by all.
    """
    own: dict[str, list[Clip]] = {}
    for clip in clips:
        own.setdefault(clip.speaker, []).append(clip)
    means = {}
    for speaker, clips in own.items():
        known = [clip for clip in clips if clip.split == "train"] or clips
        means[speaker] = torch.stack([c.features.mean(0) for c in known]).mean(0)
    return means


def with_features(clips: Sequence[Clip], features: Sequence[np.ndarray]) -> list[Clip]:
    """The clips with other features, such as codes, float[T, D] each, for probes."""
    return [
        replace(clip, features=torch.from_numpy(own))
        for clip, own in zip(clips, features, strict=True)
    ]

"""The one record of a clip, and what its numbers count: samples, bands, classes."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

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
SAMPLE_RATE = 16_000  # Hz
HOP_LENGTH = 320  # samples; 20 ms, the paper's frame
MEL_BANDS = 80  # D of F_a
CODE_SIZE = 144  # the phonetic code; F_a has the log-mel after it
PHONETIC_SIZE = CODE_SIZE + MEL_BANDS  # D of F_a then


@dataclass(frozen=True)
class Clip:
    """One utterance: what the networks take, and its labels.

    features : Tensor[T, D], F_a; landmarks : Tensor[T, 68, 2], L, px of the canonical
    frame; reference : Tensor[68, 2], L_0 of the speaker; expression : Tensor[7],
    softmax; emotion, arousal and valence are the ground truth, "" and NaN where a
    corpus has none; speaker_mean : Tensor[D], m_spk, None before the speaker is
    enrolled; phones : str[T], the class of the sound in each frame, and voice :
    Tensor[256], the GE2E embedding of this clip alone, None where they are not known.
    """

    name: str
    speaker: str
    video: str
    split: str
    features: Tensor
    landmarks: Tensor
    reference: Tensor
    expression: Tensor
    emotion: str
    arousal: float
    valence: float
    speaker_mean: Tensor | None = None
    phones: np.ndarray | None = None
    voice: Tensor | None = None
    path: str = ""  # its video in the corpus

    @property
    def displacement(self) -> Tensor:
        """The networks' target L - L_0: Tensor[T, 68, 2] px of the canonical frame."""
        return self.landmarks - self.reference


@dataclass(frozen=True)
class Spoken:
    """An utterance for probes: its features and its labels.

    features : float[T, D]; phones : [T], the class of the sound in each frame.
    """

    features: np.ndarray
    phones: np.ndarray
    speaker: str
    split: str
    emotion: str
    arousal: float
    valence: float

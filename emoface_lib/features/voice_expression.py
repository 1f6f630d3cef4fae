"""The expression of a voice: which of seven moods it has, told from sound alone.

A softmax regression on what the first two blocks of the phone recogniser give while
somebody speaks: their mean and deviation. Trained on actors, whose labels are the truth
(weights/voice_expressions.md). Taught in notebook 09.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import softmax

from emoface_lib.core.checkpoints import read_weights
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE, WEIGHTS
from emoface_lib.features.phonetic import phonetic_code
from emoface_lib.features.voice_activity import speech_level, spoken

SHIPPED = WEIGHTS / "voice_expressions.safetensors"
BLOCKS = 1, 2  # later ones keep words and drop how they are said
LEVEL = -25.0  # dBFS, to which the speech is brought
WINDOW, STEP = 4 * FRAME_RATE, FRAME_RATE  # frames of 20 ms; a mood lasts for seconds


def heard(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both blocks of the recogniser, float32[T, 288], and where is speech, bool[T].

    samples : float[S] at 16 kHz. Raises InputError as `phonetic_code`.
    """
    scaled = samples * np.float32(10 ** ((LEVEL - speech_level(samples)) / 20))
    code = phonetic_code(scaled, *BLOCKS)
    speech = np.repeat(spoken(samples), FRAME_RATE // VIDEO_RATE)
    return code, np.pad(speech, (0, len(code)))[: len(code)]


def statistics(code: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Mean and deviation over the frames of speech, of all where there is none.

    code : float[T, D]; speech : bool[T]. Returns float[2 D].
    """
    said = code[speech] if speech.any() else code
    return np.concatenate([said.mean(0), said.std(0)])


@dataclass(frozen=True)
class VoiceExpressions:
    """Softmax regression from `statistics` of speech to EXPRESSIONS.

    weights : float32[2 D, 7]; offset : float32[7]; speaker : float32[2 D], the
    speaker's mean statistics, which are taken off; by default the average speaker's.
    """

    weights: np.ndarray
    offset: np.ndarray
    speaker: np.ndarray

    def enrol(self, recordings: Iterable[np.ndarray]) -> "VoiceExpressions":
        """The same for a speaker who is known by recordings float[S] at 16 kHz."""
        found = [statistics(*heard(samples)) for samples in recordings]
        return replace(self, speaker=np.mean(found, 0))

    def softmax(self, found: np.ndarray) -> np.ndarray:
        """Probabilities of EXPRESSIONS, float[K, 7]. found : `statistics` [K, 2 D]."""
        return softmax((found - self.speaker) @ self.weights + self.offset, axis=1)

    def tell(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The expression over time: seconds float[K], probabilities float[K, 7].

        samples : float[S] at 16 kHz. Each is told from 4 s around; a shorter voice has
        one. Windows without speech are left out; where nobody speaks, it is neutral.
        """
        code, speech = heard(samples)
        starts = range(0, max(1, len(code) - WINDOW + STEP), STEP)
        windows = [slice(start, start + WINDOW) for start in starts]
        windows = [one for one in windows if speech[one].any()]
        if not windows:
            return np.zeros(1), np.eye(len(EXPRESSIONS))[-1:]
        found = np.stack([statistics(code[one], speech[one]) for one in windows])
        middles = [(one.start + WINDOW / 2) / FRAME_RATE for one in windows]
        return np.array(middles), self.softmax(found)


@lru_cache(maxsize=1)
def shipped_voice_expressions() -> VoiceExpressions:
    """What comes with the library."""
    halves = read_weights(SHIPPED)
    return VoiceExpressions(**{n: x.float().numpy() for n, x in halves.items()})

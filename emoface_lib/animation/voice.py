"""A voice, read once, and its pauses: there the mouth closes, whatever a model says.

Taught in notebook 09.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.video import LONGEST_VOICE, iter_audio, read_audio
from emoface_lib.features.audio import frame_loudness

TRACK_RATE = 48_000  # Hz of a video's sound
EASE = 3  # video frames in which the mouth closes and opens
TIP = (0.5, 1, 0.5)  # how far a raised tongue is up in the frames around


@dataclass(frozen=True)
class Voice:
    """A recording: what the networks get of it, and what a video plays.

    path : of its file; samples : float32[S], mono, 16 kHz; pauses, tongue : how far the
    mouth closes because nobody speaks, and how far the tongue is raised for a phone, in
    each video frame that has begun, float[F] in 0..1.
    """

    path: Path
    samples: np.ndarray
    pauses: np.ndarray
    tongue: np.ndarray

    @classmethod
    def of(cls, path: Path, samples: np.ndarray) -> "Voice":
        """Hear where somebody speaks, float32[S] at 16 kHz, and which phones.

        Raises InputError as `spoken`.
        """
        from emoface_lib.features.phones import raised_tongue  # torch takes seconds
        from emoface_lib.features.voice_activity import spoken

        window = np.hanning(2 * EASE + 1)[1:-1]
        held = np.pad(~spoken(samples), EASE - 1, mode="edge")
        pauses = np.convolve(held, window / window.sum(), mode="valid")
        tongue = np.convolve(raised_tongue(samples), TIP, mode="same").clip(max=1)
        return cls(path, samples, pauses, tongue)

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.samples) / SAMPLE_RATE

    @property
    def track(self) -> Iterator[np.ndarray]:
        """What a video plays, decoded as it is needed: float32[S', 1 or 2] each.

        Blocks at TRACK_RATE; an hour of them would take 1.4 GB.
        """
        return iter_audio(self.path, TRACK_RATE)

    def frames(self, rate: int) -> int:
        """Video frames at a rate that begin before it ends."""
        return -(-len(self.samples) * rate // SAMPLE_RATE)

    @cached_property
    def loudness(self) -> np.ndarray:
        """Of each video frame, also of the last one that has begun: float32[F] dBFS."""
        return frame_loudness(self.samples)

    @cached_property
    def told(self) -> tuple[np.ndarray, np.ndarray]:
        """Its expression over time, of who is not known: float[K], float[K, 7].

        Seconds and probabilities, see `VoiceExpressions.tell`. Raises InputError as
        `spoken`.
        """
        from emoface_lib.features.voice_expression import shipped_voice_expressions

        return shipped_voice_expressions().tell(self.samples)


def read_voice(path: Path | str, longest: float = LONGEST_VOICE) -> Voice:
    """Read a recording, and hear it. Raises InputError as `read_audio` and `spoken`."""
    return Voice.of(Path(path), read_audio(path, longest=longest))

"""A voice, read once, and its pauses: there the mouth closes, whatever a model says.

Taught in notebook 09.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_opening

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.video import LONGEST_VOICE, decode_audio
from emoface_lib.features.audio import frame_loudness

TRACK_RATE = 48_000  # Hz of a video's sound
FLOOR, LOUD = 5, 95  # percentiles of a voice's loudness: the room, and speech
ABOVE_FLOOR = 0.3  # where silence ends, as a share of the way from room to speech
LEAST_BELOW = 20.0  # dB; silence is at least that much below speech
MOST_BELOW = 40.0  # dB; what is that much below speech is always silence
SHORTEST = 6  # video frames; shorter silences are stops within words
EASE = 3  # video frames in which the mouth closes and opens


@dataclass(frozen=True)
class Voice:
    """A recording: what the networks get of it, and what a video plays.

    path : of its file; samples : float32[S], mono, 16 kHz; track : float32[S', C] at
    TRACK_RATE, one or two channels.
    """

    path: Path
    samples: np.ndarray
    track: np.ndarray

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.samples) / SAMPLE_RATE

    @cached_property
    def loudness(self) -> np.ndarray:
        """Of each video frame, also of the last one that has begun: float32[F] dBFS."""
        return frame_loudness([self.samples])


def read_voice(path: Path | str, longest: float = LONGEST_VOICE) -> Voice:
    """Decode a recording, once. Raises InputError as `decode_audio`."""
    formats = [(SAMPLE_RATE, 1), (TRACK_RATE, 2)]
    samples, track = decode_audio(path, formats, longest)
    return Voice(Path(path), samples[:, 0], track)


def pauses(loudness: np.ndarray) -> np.ndarray:
    """How far the mouth should be closed because the voice pauses: (F,) in 0..1.

    loudness : (F,) dBFS. A noisy recording whose noise is near its speech has none.
    """
    floor, loud = np.percentile(loudness, [FLOOR, LOUD])
    between = min(floor + ABOVE_FLOOR * (loud - floor), loud - LEAST_BELOW)
    silent = loudness < max(between, loud - MOST_BELOW)
    padded = np.pad(silent, SHORTEST, mode="edge")
    silent = binary_opening(padded, np.ones(SHORTEST))[SHORTEST:-SHORTEST]
    window = np.hanning(2 * EASE + 1)[1:-1]
    eased = np.convolve(np.pad(silent, EASE - 1, mode="edge"), window / window.sum())
    return eased[2 * (EASE - 1) : len(silent) + 2 * (EASE - 1)]

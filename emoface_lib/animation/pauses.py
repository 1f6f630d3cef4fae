"""Where a voice pauses: there the mouth closes, whatever a model makes of silence."""

import numpy as np
from scipy.ndimage import binary_opening

FLOOR, LOUD = 5, 95  # percentiles of a voice's loudness: the room, and speech
ABOVE_FLOOR = 0.3  # where silence ends, as a share of the way from room to speech
LEAST_BELOW = 20.0  # dB; silence is at least that much below speech
MOST_BELOW = 40.0  # dB; what is that much below speech is always silence
SHORTEST = 6  # video frames; shorter silences are stops within words
EASE = 3  # video frames in which the mouth closes and opens


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

"""When somebody speaks, and how loudly, by the phone recogniser.

Speech is where it hears phones: a door's bang, a fan and music are none. Taught in
notebook 09.
"""

import numpy as np
from scipy.ndimage import binary_dilation

from emoface_lib.features.audio import VIDEO_FRAME, frame_loudness
from emoface_lib.features.phonetic import BOUNDARY, likeliest_tokens

# Video frames of speech around a phone, 0.16 s: CTC names a phone in one frame only,
# and the longest gap between those of drawn, GRID's and EmoDB's voices is 0.32 s.
AROUND = 4
# Phones of espeak-ng, whose times are known, have their spikes 65 ms after they begin.
LATE = 0.065  # s that a spike comes after its phone's beginning
LOUD = 75  # percentile; a louder one hears bangs within speech, a softer one consonants


def spoken(samples: np.ndarray) -> np.ndarray:
    """Whether somebody speaks, in video frames as those of `frame_loudness`: bool[F].

    samples : float[S] at 16 kHz. Raises InputError as `phonetic_code`.
    """
    phones = likeliest_tokens(samples) < BOUNDARY
    frames = -(-len(samples) // VIDEO_FRAME)
    pairs = np.pad(phones, (0, 2 * frames - len(phones))).reshape(-1, 2)
    return binary_dilation(pairs.any(1), iterations=AROUND)


def speech_level(samples: np.ndarray) -> float:
    """Level of the speech: the upper quartile of the loudness where somebody speaks.

    samples : float[S] at 16 kHz. Returns dBFS, about -60 to 0; where nobody speaks,
    that of the whole sound. Raises InputError as `spoken`.
    """
    loudness, speech = frame_loudness(samples), spoken(samples)
    return float(np.percentile(loudness[speech] if speech.any() else loudness, LOUD))

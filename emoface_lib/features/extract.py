"""The one extraction: what training needs of a clip's sound and face.

Drawn clips come here with their true landmarks, real ones with those that were detected
or tracked. Taught in notebooks 02 and 03.
"""

import numpy as np

from emoface_lib.core.clip import MEL_BANDS
from emoface_lib.core.errors import InputError
from emoface_lib.features.audio import VIDEO_FRAME
from emoface_lib.features.voice_conversion import heard_features


def extract(
    samples: np.ndarray, landmarks: np.ndarray, kind: str = "log_mel"
) -> dict[str, np.ndarray]:
    """Audio features and landmarks of a clip, both cut to the shorter.

    samples : float[S] at 16 kHz; landmarks : float[F, 68, 3] px of the frame, 25 frames
    a second. Returns landmarks; log_mel float32[T, 80] in 0..1, T = 2 F; for the kind
    "phonetic" heard, F_a float32[T, 224]. Raises InputError if less than one frame is
    left, and as `heard_features`.
    """
    count = min(len(landmarks), len(samples) // VIDEO_FRAME)
    if count == 0:
        raise InputError("It holds less than one frame of sound and picture.")
    samples = samples[: count * VIDEO_FRAME]
    heard = heard_features(samples, kind)
    return {
        "landmarks": landmarks[:count],
        "log_mel": heard[:, -MEL_BANDS:],
        **({"heard": heard} if kind == "phonetic" else {}),
    }

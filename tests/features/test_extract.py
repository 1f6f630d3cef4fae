"""The one extraction: sound and landmarks of a clip on one clock."""

import numpy as np
import pytest

from emoface_lib.core.errors import InputError
from emoface_lib.features.extract import extract


@pytest.mark.parametrize(("frames", "samples"), [(10, 640 * 12 + 5), (14, 640 * 10)])
def test_sound_and_landmarks_are_cut_to_the_shorter(frames: int, samples: int) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, samples)
    found = extract(sound, np.zeros((frames, 68, 3), np.float32))
    assert found["landmarks"].shape == (10, 68, 3)
    assert found["log_mel"].shape == (20, 80)


def test_less_than_a_frame_is_refused() -> None:
    with pytest.raises(InputError, match="less than one frame"):
        extract(np.ones(639), np.zeros((10, 68, 3)))

"""Portraits show every expression of many heads, the same ones for the same seed."""

import numpy as np
import pytest

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.settings import load_settings
from emoface_lib.synthetic.portraits import (
    TAKES,
    expression_portraits,
    speaker_portraits,
)


@pytest.mark.slow
def test_every_speaker_shows_every_expression() -> None:
    settings = load_settings("smoke", audio_only_speakers=2)
    crops, labels = expression_portraits(settings, workers=1)
    assert crops.shape == (2 * 7 * TAKES, 64, 64)
    counts = np.bincount(labels, minlength=len(EXPRESSIONS))
    assert (counts == 2 * TAKES).all()
    assert np.array_equal(crops, expression_portraits(settings, workers=1)[0])


@pytest.mark.slow
def test_speakers_differ() -> None:
    first, second = (speaker_portraits(number, seed=0) for number in (7, 8))
    assert not np.array_equal(first, second)

"""The expression of a voice: over time, against the usual voice of who speaks."""

import numpy as np
import pytest

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.features.real_mouths import read_talker
from emoface_lib.features.voice_expression import (
    VoiceExpressions,
    shipped_voice_expressions,
    statistics,
)

pytestmark = pytest.mark.slow


def test_statistics_are_those_of_the_speech() -> None:
    code = np.arange(12.0).reshape(6, 2)
    found = statistics(code, np.arange(6) < 2)
    np.testing.assert_allclose(found, [1, 2, 1, 1])
    np.testing.assert_allclose(statistics(code, np.zeros(6, bool))[:2], [5, 6])


def test_a_neutral_talker_is_heard_as_neutral_before_all_else() -> None:
    """s22, on whom nothing was fitted."""
    seconds, softmax = shipped_voice_expressions().tell(read_talker("s22")[1][0])
    assert seconds.shape == (1,)
    assert EXPRESSIONS[softmax[0].argmax()] == "neutral"
    np.testing.assert_allclose(softmax.sum(1), 1, atol=1e-5)


def test_a_long_voice_has_a_course_and_silence_is_neutral() -> None:
    sounds = read_talker("s2")[1]
    quiet = np.zeros(16_000 * 6, np.float32)
    long = np.concatenate([*sounds[:2], quiet, sounds[2]])
    hears = shipped_voice_expressions()
    seconds, softmax = hears.tell(long)
    assert len(softmax) > 5
    assert (np.diff(seconds) > 0).all()
    assert len(seconds) < len(long) // 16_000 - 3  # windows of silence are left out
    np.testing.assert_array_equal(hears.tell(quiet)[1], np.eye(7)[-1:])


def test_who_is_enrolled_is_heard_against_their_own_voice() -> None:
    sounds = read_talker("s2")[1]
    plain = VoiceExpressions(np.eye(576, 7), np.zeros(7), np.zeros(576))
    known = plain.enrol(sounds[:1])
    np.testing.assert_allclose(known.tell(sounds[0])[1], 1 / 7, atol=1e-4)
    assert np.abs(plain.tell(sounds[0])[1] - 1 / 7).max() > 1e-2

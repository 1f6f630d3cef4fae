"""A voice is read once; its pauses are found in any room, never within words."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.animation.voice import pauses, read_voice
from emoface_lib.core.media import decode
from emoface_lib.core.video import read_audio, write_video
from emoface_lib.features.audio import VIDEO_FRAME as FRAME
from emoface_lib.features.audio import frame_loudness

GENERATOR = np.random.default_rng(5)


def voice(*parts: tuple[float, float]) -> np.ndarray:
    """Noise of (frames, amplitude) one after the other, at 16 kHz."""
    sizes = [(round(frames * FRAME), amplitude) for frames, amplitude in parts]
    return np.concatenate([GENERATOR.normal(0, a, n) for n, a in sizes]).astype("f4")


def closed(*parts: tuple[float, float]) -> np.ndarray:
    return pauses(frame_loudness([voice(*parts)]))


def test_loudness_is_in_decibels_of_full_scale() -> None:
    sine = np.sin(2 * np.pi * 100 * np.arange(4 * FRAME) / 16_000)
    np.testing.assert_allclose(frame_loudness([sine]), -3.01, atol=0.05)
    np.testing.assert_allclose(frame_loudness([0 * sine]), -100)


@settings(max_examples=40)
@given(samples=st.integers(1, 30_000))
def test_every_started_frame_counts(samples: int) -> None:
    loudness = frame_loudness([voice((samples / FRAME, 0.1))])
    assert len(loudness) == math.ceil(samples / FRAME)
    shut = pauses(loudness)
    assert shut.shape == loudness.shape
    assert shut.min() >= 0
    assert shut.max() <= 1 + 1e-9


@pytest.mark.parametrize("channels", [1, 2])
def test_a_voice_is_decoded_once_for_the_networks_and_for_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    sound = GENERATOR.normal(0, 0.1, (24_000, channels))
    frames = [np.zeros((32, 32, 3), np.uint8)] * 13
    write_video(tmp_path / "a.mp4", frames, sound, 48_000)
    decoded = []

    def counted(*given):
        decoded.append(given)
        return decode(*given)

    monkeypatch.setattr("emoface_lib.core.video.decode", counted)
    read = read_voice(tmp_path / "a.mp4")
    assert len(decoded) == 1
    assert read.track.shape == (24_000, channels)
    assert read.seconds == 0.5
    assert len(read.loudness) == 13
    np.testing.assert_array_equal(read.samples, read_audio(tmp_path / "a.mp4"))


@pytest.mark.parametrize("room", [0.0, 1e-4, 3e-3])
def test_mouth_closes_before_after_and_between_sentences(room: float) -> None:
    shut = closed((20, room), (40, 0.1), (15, room), (40, 0.1), (20, room))
    assert shut[[5, 67, 130]].min() > 0.99
    assert shut[[30, 50, 80, 100]].max() < 0.01
    assert np.abs(np.diff(shut)).max() < 0.6  # it closes gently


def test_stops_within_words_are_no_pauses() -> None:
    shut = closed((30, 0.1), (4, 0.0), (30, 0.1), (5, 0.0), (30, 0.1))
    assert shut.max() == 0


def test_speech_in_loud_noise_has_no_pauses() -> None:
    assert closed((30, 0.05), (60, 0.1), (30, 0.05)).max() == 0

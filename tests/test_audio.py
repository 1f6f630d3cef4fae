"""Log-mel: AutoVC's numbers, one clock, and streams that give the same frames."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.features.audio import (
    frame_loudness,
    log_mel,
    mel_frequencies,
    speech_level,
    stream_log_mel,
)

SHARED = Path(__file__).parents[2] / "shared"
GOLDEN = SHARED / "interfaces" / "autovc_mel_vctk_p225_003.npz"


@pytest.mark.skipif(not GOLDEN.exists(), reason="needs the golden pair of AutoVC")
def test_equals_autovc_on_its_own_clock() -> None:
    pair = np.load(GOLDEN)
    ours = log_mel(pair["wav"], hop_length=256, first_centre=0)
    assert ours.shape == pair["autovc_mel_no_dither"].shape
    assert np.abs(ours - pair["autovc_mel_no_dither"]).max() <= 1e-4


@given(frames=st.integers(1, 60))
@settings(max_examples=10, deadline=None)
def test_a_video_frame_of_sound_gives_two_frames(frames: int) -> None:
    samples = np.random.default_rng(frames).normal(size=640 * frames) * 0.1
    assert log_mel(samples).shape == (2 * frames, 80)


def test_a_tone_is_loudest_in_the_band_of_its_frequency() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    loudest = log_mel(tone)[25].argmax()
    assert abs(mel_frequencies()[loudest] - 1000) < 40  # half a band


def test_a_click_is_loudest_in_the_frame_that_holds_it() -> None:
    samples = np.zeros(16000)
    samples[20 * 320 + 160] = 1.0  # middle of frame 20
    assert log_mel(samples).mean(1).argmax() == 20


@given(cuts=st.lists(st.integers(1, 80_000), max_size=6))
@settings(max_examples=10, deadline=None)
def test_stream_gives_the_frames_of_the_whole(cuts: list[int]) -> None:
    samples = np.random.default_rng(0).normal(size=80_123).astype(np.float32) * 0.1
    samples += 0.3  # the offset must be filtered out in both
    parts = np.split(samples, sorted(cuts))
    streamed = np.concatenate(list(stream_log_mel(parts)))
    whole = log_mel(samples)
    assert streamed.shape == whole.shape
    assert np.abs(streamed - whole).max() < 1e-4


@given(pause=st.integers(0, 32_000), gain=st.floats(-30, 0))
@settings(max_examples=10, deadline=None)
def test_pauses_do_not_lower_the_level_of_speech(pause: int, gain: float) -> None:
    tone = np.sqrt(2) * np.sin(2 * np.pi * 500 * np.arange(16_000) / 16_000)
    samples = np.concatenate([np.zeros(pause), 10 ** (gain / 20) * tone])
    loudness = frame_loudness(np.array_split(samples, 7))
    assert abs(speech_level(loudness) - gain) < 0.3


def test_silence_is_zero_and_very_short_sound_has_frames() -> None:
    assert log_mel(np.zeros(16000)).max() == 0
    assert log_mel(np.ones(10)).shape == (2, 80)

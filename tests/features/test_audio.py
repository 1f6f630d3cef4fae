"""Log-mel: AutoVC's numbers, one clock, and sounds that are none."""

import math
import wave
from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.core.errors import InputError
from emoface_lib.core.video import read_audio
from emoface_lib.features import audio
from emoface_lib.features.audio import frame_loudness, griffin_lim, log_mel

SHARED = Path(__file__).parents[3] / "shared"
GOLDEN = SHARED / "interfaces" / "autovc_mel_vctk_p225_003.npz"
CENTRES = librosa.mel_frequencies(82, fmin=90, fmax=7600)[1:-1]  # Hz of the bands


@pytest.mark.skipif(not GOLDEN.exists(), reason="needs the golden pair of AutoVC")
def test_equals_autovc_on_its_own_clock() -> None:
    pair = np.load(GOLDEN)
    ours = log_mel(pair["wav"], hop_length=256, first_centre=0)
    assert ours.shape == pair["autovc_mel_no_dither"].shape
    assert np.abs(ours - pair["autovc_mel_no_dither"]).max() <= 1e-4


def test_mel_bands_are_librosas() -> None:
    bands = {"sr": 16_000, "n_fft": 1024, "n_mels": 80, "fmin": 90, "fmax": 7600}
    theirs = librosa.filters.mel(**bands)  # type: ignore[arg-type]
    np.testing.assert_allclose(audio._mel_filters(), theirs.T, rtol=1e-6)


@given(frames=st.integers(1, 60))
@settings(max_examples=10)
def test_a_video_frame_of_sound_gives_two_frames(frames: int) -> None:
    samples = np.random.default_rng(frames).normal(size=640 * frames) * 0.1
    assert log_mel(samples).shape == (2 * frames, 80)


def test_a_tone_is_loudest_in_the_band_of_its_frequency() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    loudest = log_mel(tone)[25].argmax()
    assert abs(CENTRES[loudest] - 1000) < 40  # half a band


def test_a_click_is_loudest_in_the_frame_that_holds_it() -> None:
    samples = np.zeros(16000)
    samples[20 * 320 + 160] = 1.0  # middle of frame 20
    assert log_mel(samples).mean(1).argmax() == 20


def test_frames_far_into_a_long_voice_are_those_of_their_surroundings() -> None:
    samples = np.random.default_rng(0).normal(size=16_000 * 50).astype(np.float32) * 0.1
    whole, part = log_mel(samples), log_mel(samples[16_000 * 38 : 16_000 * 43])
    assert np.abs(whole[39 * 50 : 42 * 50] - part[50:200]).max() < 1e-4


def test_loudness_is_in_decibels_of_full_scale() -> None:
    sine = np.sin(2 * np.pi * 100 * np.arange(4 * 640) / 16_000)
    np.testing.assert_allclose(frame_loudness(sine), -3.01, atol=0.05)
    np.testing.assert_allclose(frame_loudness(0 * sine), -100)


@given(samples=st.integers(1, 30_000))
@settings(max_examples=20)
def test_every_started_video_frame_has_a_loudness(samples: int) -> None:
    noise = np.random.default_rng(samples).normal(0, 0.1, samples)
    assert len(frame_loudness(noise)) == math.ceil(samples / 640)


def test_silence_is_zero_and_very_short_sound_has_frames() -> None:
    assert log_mel(np.zeros(16000)).max() == 0
    assert log_mel(np.ones(10)).shape == (2, 80)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [(np.zeros(0), "no sound"), (np.full(9000, np.nan), "NaN"), ([np.inf] * 9, "NaN")],
    ids=["empty", "NaN", "infinite"],
)
def test_what_is_no_sound_is_named(samples: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        log_mel(samples)


def test_a_constant_is_silence() -> None:
    middle = log_mel(np.full(32_000, 0.5))[25:-25]  # the high-pass rings at the ends
    assert middle.max() == 0


def speech(seconds: float = 2.0, rate: int = 16_000) -> np.ndarray:
    """Something like a voice: a buzz of 120 Hz that comes and goes."""
    time = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, rate // 240))
    return (0.2 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


def test_a_clipped_voice_keeps_its_frames() -> None:
    """Twice too loud and cut at full scale: 0.06 of louder, little of another sound."""
    voice = speech()
    voice /= np.abs(voice).max()
    clipped, louder = log_mel(np.clip(2 * voice, -1, 1)), log_mel(2 * voice)
    assert np.isfinite(clipped).all()
    assert np.abs(clipped - louder).mean() < 0.1


def write_wav(path: Path, samples: np.ndarray, rate: int) -> Path:
    """Write 16-bit PCM float[S, C], with FFmpeg's order of channels."""
    with wave.open(str(path), "wb") as file:
        file.setparams((samples.shape[1], 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return path


def test_8_khz_has_the_same_frames_and_nothing_above_its_band(tmp_path: Path) -> None:
    narrow = write_wav(tmp_path / "8.wav", speech(rate=8_000)[:, None], 8_000)
    whole, heard = log_mel(speech()), log_mel(read_audio(narrow))
    assert heard.shape == whole.shape
    low, high = CENTRES < 3_000, CENTRES > 4_600
    assert np.abs(heard - whole)[10:-10, low].mean() < 0.02
    assert heard[10:-10, high].mean() < whole[10:-10, high].mean() - 0.2


def test_six_channels_become_one_and_lose_no_frame(tmp_path: Path) -> None:
    voice = speech()
    surround = np.zeros((len(voice), 6), np.float32)
    surround[:, 2] = voice  # the centre, where videos have their voices
    path = write_wav(tmp_path / "6.wav", surround, 16_000)
    heard = read_audio(path)
    assert len(heard) == len(voice)
    assert np.corrcoef(heard, voice)[0, 1] > 0.99
    gain = np.sqrt((voice**2).mean() / (heard**2).mean())
    shifted = log_mel(heard * gain)
    assert np.abs(shifted - log_mel(voice))[:, :40].mean() < 0.02


@pytest.mark.slow
def test_more_than_an_hour_is_refused(tmp_path: Path) -> None:
    long = np.zeros((3_610 * 2_000, 1), np.float32)  # at 2 kHz
    path = write_wav(tmp_path / "long.wav", long, 2_000)
    with pytest.raises(InputError, match=r"long.wav is longer than 60 minutes: cut it"):
        read_audio(path)


@pytest.mark.slow
def test_what_griffin_lim_says_has_the_mel_it_was_asked_for() -> None:
    wanted = log_mel(speech())
    output = griffin_lim(wanted)
    assert output.shape == (320 * len(wanted),)
    assert np.abs(log_mel(output) - wanted)[5:-5].mean() < 0.05
    assert np.array_equal(output, griffin_lim(wanted))


@pytest.mark.slow
def test_pieces_are_filtered_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = np.tile(speech(), 6)
    whole = log_mel(voice)
    monkeypatch.setattr(audio, "MINUTE", 2 * 16_000)
    np.testing.assert_allclose(log_mel(voice), whole, atol=1e-4)

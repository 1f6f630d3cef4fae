"""Speech is heard in any room; bangs, fans and music are none and change no level."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.core.settings import load_settings
from emoface_lib.core.video import read_audio
from emoface_lib.features.audio import VIDEO_FRAME as FRAME
from emoface_lib.features.phones import PAUSE, raised_tongue, viseme_parts
from emoface_lib.features.voice_activity import AROUND, speech_level, spoken
from emoface_lib.synthetic.audio_only import plan_audio_only
from emoface_lib.synthetic.clips import make_clip
from emoface_lib.synthetic.speech import Speech

FIELD = Path(__file__).resolve().parents[3] / "shared" / "data" / "field"
field = pytest.mark.skipif(not FIELD.exists(), reason="trial data is not here")


@pytest.fixture(scope="module")
def drawn_voices() -> list[Speech]:
    """Ten voices of the embedded corpus, with the true times of their phones."""
    smoke = load_settings("smoke")
    plans = [plan_audio_only(number, smoke)[0] for number in range(10)]
    return [make_clip(plan).speech for plan in plans]


def silence(frames: int) -> np.ndarray:
    return np.zeros(frames * FRAME)


def decibels(gain: float) -> float:
    """A factor on amplitudes."""
    return 10 ** (gain / 20)


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=count)


def music(seconds: float) -> np.ndarray:
    """Four chords a bar, each of three tones with eight harmonics, that die away."""
    chords, beat = (0, 5, 7, 0), np.arange(8_000) / 16_000
    bar = [
        sum(
            np.sin(2 * np.pi * 220 * 2 ** ((root + third) / 12) * k * beat) / k
            for third in (0, 4, 7)
            for k in range(1, 9)
        )
        * np.exp(-3 * beat)
        for root in chords
    ]
    return 0.05 * np.resize(np.concatenate(bar), round(seconds * 16_000))


@settings(max_examples=20)
@given(count=st.integers(1, 30_000))
def test_there_are_as_many_frames_as_have_begun(count: int) -> None:
    assert spoken(0.1 * noise(count)).shape == (math.ceil(count / FRAME),)


@pytest.mark.parametrize("gain", [0, -40])
def test_frames_within_phones_are_speech_and_silences_are_not(
    drawn_voices: list[Speech], gain: float
) -> None:
    """Of drawn voices of all tempers, soft ones too; with the frames around a phone."""
    heard, outside = [], []
    for voice in drawn_voices:
        speech = spoken(voice.samples * decibels(gain))
        said = [name != PAUSE for name in voice.names]
        ends = voice.start, voice.end
        start, end = ((25 * times[said]).round().astype(int) for times in ends)
        heard.append(speech[start[0] : end[-1]])
        before, after = max(0, start[0] - AROUND - 2), end[-1] + AROUND + 4
        outside += [speech[:before], speech[after:]]
    assert np.concatenate(heard).mean() >= 0.97
    assert np.concatenate(outside).mean() <= 0.03


def test_the_tongue_rises_where_its_phones_are(drawn_voices: list[Speech]) -> None:
    inside, elsewhere = [], []
    for voice in drawn_voices:
        raised = raised_tongue(voice.samples)
        need = np.zeros(len(raised), bool)
        for name, *times in zip(voice.names, voice.start, voice.end, strict=True):
            start, end = (round(25 * time) for time in times)
            need[start:end] |= viseme_parts(name)[0] in {"L", "T", "TH"}
        inside.append(raised[need])
        elsewhere.append(raised[~need])
    assert np.concatenate(inside).mean() > 3 * np.concatenate(elsewhere).mean()
    assert not raised_tongue(silence(50)).any()


def test_noise_music_and_a_bang_are_no_speech() -> None:
    bang = silence(50)
    bang[8_000:10_000] = noise(2_000) * np.exp(-np.arange(2_000) / 500)
    for sound in (0.1 * noise(64_000), music(6), bang, silence(50)):
        assert not spoken(sound).any()
        assert np.isfinite(speech_level(sound))


@pytest.mark.parametrize("louder", [20, 10, 5])
def test_speech_is_heard_in_noise_and_music(speech: np.ndarray, louder: float) -> None:
    """The speech is so many dB louder."""
    others = speech.std() * decibels(-louder)
    said = np.concatenate([silence(25), speech, silence(25)])
    for sound in (noise(len(said)), music(len(said) / 16_000)):
        heard = spoken(said + others * sound / sound.std())
        assert heard[25:-28].all()  # it is cut off within a word
        assert not heard[:15].any()
        assert not heard[-15:].any()


def test_stops_within_words_are_speech(speech: np.ndarray) -> None:
    """Five frames without a sound, 0.2 s; longer ones are pauses."""
    first, second = speech[: 12 * FRAME], speech[12 * FRAME :]
    assert spoken(np.concatenate([first, silence(5), second]))[2:-2].all()
    paused = spoken(np.concatenate([first, silence(20), second]))
    assert not paused[18:26].any()


@pytest.mark.parametrize("pause", [0, 10, 75])
@pytest.mark.parametrize("gain", [-30.0, 6.0])
def test_pauses_do_not_lower_the_level_of_speech(
    speech: np.ndarray, pause: int, gain: float
) -> None:
    samples = np.concatenate([silence(pause), decibels(gain) * speech, silence(pause)])
    assert abs(speech_level(samples) - speech_level(speech) - gain) < 2


@pytest.mark.parametrize("frame", [5, 40])
def test_a_bang_does_not_change_the_level(speech: np.ndarray, frame: int) -> None:
    """Before the speech and in its middle, 12 dB above its peak."""
    sound = np.concatenate([silence(25), speech, silence(10)])
    banged = sound.copy()
    crash = 4 * noise(1_600) * np.exp(-np.arange(1_600) / 400)
    banged[frame * FRAME :][:1_600] += crash
    assert abs(speech_level(banged) - speech_level(sound)) < 1.5


@field
def test_behind_a_door_that_bangs_a_voice_has_the_same_scale() -> None:
    """The voice of door16 is that of nodoor28, 12.01 dB louder."""
    banged, calm = (
        speech_level(read_audio(FIELD / f"{name}.wav"))
        for name in ("door16", "nodoor28")
    )
    assert banged - calm == pytest.approx(12.01, abs=0.5)


@field
def test_speech_under_a_fan_and_after_an_intro_is_that_of_the_clean_voice() -> None:
    clean, fan, song = (
        spoken(read_audio(FIELD / f"{name}.wav"))
        for name in ("pauses_clean", "pauses_fan20", "song_intro")
    )
    assert (clean != fan).mean() < 0.02
    assert not song[:70].any()
    assert song[80:150].all()

"""Speech: times that agree with the sound, the same sentence whenever it is made."""

import subprocess
import sys
from itertools import cycle

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from emoface_lib.core.errors import InputError
from emoface_lib.features.phones import PAUSE, viseme_parts
from emoface_lib.synthetic.factors import ACCENTS, VARIANTS, Prosody, Recording
from emoface_lib.synthetic.sentences import draw_sentences, sentences
from emoface_lib.synthetic.speech import Speech, synthesize
from emoface_lib.synthetic.visemes import VISEMES
from emoface_lib.synthetic.voice import ECHO, echoed, speak

TEXTS = (
    "The quick brown fox jumps over the lazy dog, my pal.",
    "A famous renderer might follow the bus before the meeting.",
    "Put the big box down and open the window.",
    "Please take some bread and butter to our neighbour.",
    "Seven cats have stopped at the cold bottom step.",
)
VOWELS = ("A", "E", "I", "O", "U")


def vowel_lag(speeches: list[Speech]) -> float:
    """Seconds by which the energy of 300-1000 Hz comes after the vowels' times."""
    lags = np.arange(-80, 81)  # ms
    total = np.zeros(len(lags))
    for speech in speeches:
        band = butter(4, (300, 1000), "band", fs=speech.rate, output="sos")
        power = sosfiltfilt(band, speech.samples.astype(float)) ** 2
        power = np.maximum(uniform_filter1d(power, int(0.02 * speech.rate)), 0)
        times = np.arange(0.1, speech.seconds - 0.1, 0.001)
        vowel = np.zeros(len(times))
        for name, start, end in zip(
            speech.names, speech.start, speech.end, strict=True
        ):
            if viseme_parts(name)[0].startswith(VOWELS):
                vowel[(times >= start) & (times < end)] = 1
        clock = np.arange(len(power)) / speech.rate
        energy = [np.interp(times + k / 1000, clock, np.sqrt(power)) for k in lags]
        total += [np.corrcoef(vowel, e)[0, 1] for e in energy]
    return lags[np.argmax(total)] / 1000


EVERY_VOICE = [f"{accent}+f2" for accent in sorted(set(ACCENTS))] + [
    f"en-us+{variant}" for variants in VARIANTS.values() for variant in variants
]


@pytest.mark.parametrize(
    ("voice", "rate"), list(zip(EVERY_VOICE, cycle([145, 210]), strict=False))
)
def test_sound_and_phoneme_times_agree_within_15_ms(voice: str, rate: float) -> None:
    lag = vowel_lag([synthesize(text, voice, rate) for text in TEXTS])
    assert abs(lag) <= 0.015


@pytest.mark.parametrize("tract", [0.88, 1.12])
def test_times_agree_after_the_microphone_too(tract: float) -> None:
    rng = np.random.default_rng(0)
    prosody = Prosody(170, 50, 50, tract, tilt=0.2, presence=3, loudness=0)
    recording = Recording(level=0, tilt=0, noise=-60, lead=0.5, tail=0.3)
    speeches = [speak(text, "en-us+f3", prosody, recording, rng) for text in TEXTS]
    assert abs(vowel_lag(speeches)) <= 0.015
    for speech in speeches:
        assert speech.names[0] == speech.names[-1] == PAUSE
        assert 0.5 <= speech.end[0] <= 0.56  # s; espeak-ng starts softly
        assert np.abs(speech.samples[: int(0.45 * 16000)]).max() < 0.01


def test_a_room_echoes_as_long_as_it_is_said_to() -> None:
    click = np.zeros(16_000)
    click[1_000] = 1.0
    assert echoed(click, 0.0) is click
    heard = echoed(click, 0.4)
    assert np.abs(heard[:1_000]).max() < 1e-9
    assert heard[1_000] == pytest.approx(1, abs=1e-6)
    assert np.sum(heard[1_001:] ** 2) == pytest.approx(ECHO)
    windows = heard[1_001 : 1_001 + 6_400].reshape(4, -1)  # 0.1 s each: 15 dB less
    fall = np.diff(10 * np.log10(np.sum(windows**2, axis=1)))
    assert fall == pytest.approx(-15, abs=1.5)


@pytest.mark.parametrize("voice", ["en-us+m3", "en-gb-scotland+f2", "en+f5"])
def test_a_sentence_sounds_the_same_whatever_was_said_before(voice: str) -> None:
    """Also in the variants f2 and f5, whose breath is random."""
    first = synthesize(TEXTS[0], voice, 170, 40, 60)
    synthesize(TEXTS[1], "en-gb-scotland+f2", 200, 70, 20)
    again = synthesize(TEXTS[0], voice, 170, 40, 60)
    assert np.array_equal(first.samples, again.samples)
    assert first.names == again.names


BREATHY = """
import hashlib, time
from emoface_lib.synthetic.speech import synthesize
speech = synthesize("The quick brown fox jumps.", "en+f5")
print(int(time.time()), hashlib.sha256(speech.samples).hexdigest())
"""


@pytest.mark.slow
def test_breathy_voices_do_not_depend_on_the_clock() -> None:
    """Left alone, the engine seeds the noise of f2 and f5 with the time in seconds."""
    seconds, sounds = set(), set()
    while len(seconds) < 2:
        run = [sys.executable, "-c", BREATHY]
        answer = subprocess.run(run, capture_output=True, text=True, check=True)
        second, sound = answer.stdout.split()
        seconds.add(second)
        sounds.add(sound)
    assert len(sounds) == 1


def test_phonemes_follow_each_other_without_gaps() -> None:
    speech = synthesize(TEXTS[0])
    assert np.array_equal(speech.start[1:], speech.end[:-1])
    assert (speech.end > speech.start).all()
    assert speech.end[-1] == pytest.approx(speech.seconds)
    assert set(speech.stress) >= {0.0, 1.0}


def test_every_phoneme_of_the_corpus_has_a_viseme() -> None:
    rng = np.random.default_rng(1)
    for voice in ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029"):
        for text in draw_sentences("train", 8, rng):
            for name in synthesize(text, voice).names:
                known = name.startswith(PAUSE) or viseme_parts(name) != (PAUSE,)
                assert known, f"{name} in {text} by {voice}"
                assert set(viseme_parts(name)) <= set(VISEMES)


def test_unknown_voice_and_empty_sentence_are_named() -> None:
    with pytest.raises(InputError, match="no voice 'xx-yy'"):
        synthesize("Hello.", "xx-yy")
    with pytest.raises(InputError, match="nothing to say"):
        synthesize("")


def test_at_least_200_sentences_and_none_in_both_splits() -> None:
    train, test = set(sentences("train")), set(sentences("test"))
    assert len(train) >= 200
    assert len(test) >= 200
    assert not train & test


def test_drawn_sentences_differ_and_keep_to_their_split() -> None:
    drawn = draw_sentences("test", 30, np.random.default_rng(2))
    assert len(set(drawn)) == 30
    assert set(drawn) <= set(sentences("test"))


def test_lips_have_work_in_both_splits() -> None:
    for split in ("train", "test"):
        text = "".join(sentences(split)).lower()  # type: ignore[arg-type]
        closing = sum(text.count(letter) for letter in "pbmfvw")
        assert closing / len(text) > 0.08

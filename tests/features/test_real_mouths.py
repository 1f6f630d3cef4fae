"""Real mouths that come with the library: small, whole, split by talker, in time."""

import numpy as np
import pytest

from emoface_lib.core.clip import Clip
from emoface_lib.core.landmarks import EYE_DISTANCE, eye_distance, lip_opening
from emoface_lib.core.settings import load_settings
from emoface_lib.features.audio import log_mel
from emoface_lib.features.real_mouths import (
    FOLDER,
    LEVELS,
    SPLITS,
    read_talker,
    real_mouths,
)
from emoface_lib.features.voice_activity import speech_level

LEVEL = -25.0  # dBFS


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    settings = load_settings("smoke", features="log_mel", look_ahead=0)
    return real_mouths(settings, LEVEL)


def test_they_are_small_and_hold_no_picture() -> None:
    files = [path for path in FOLDER.iterdir() if path.name != "README.md"]
    talkers = {talker for own in SPLITS.values() for talker in own}
    assert {path.name for path in files} == {
        f"{talker}.{kind}" for talker in talkers for kind in ("flac", "npz")
    }
    assert sum(path.stat().st_size for path in files) < 15e6


@pytest.mark.parametrize("talker", [t for own in SPLITS.values() for t in own])
def test_a_talkers_level_is_that_of_the_speech(talker: str) -> None:
    pytest.importorskip("hama")
    _, sounds, _ = read_talker(talker)
    assert abs(speech_level(sounds[:10].ravel()) - LEVELS[talker]) < 0.01


def test_a_talker_trains_or_tests(clips: list[Clip]) -> None:
    for split, talkers in SPLITS.items():
        assert {c.speaker for c in clips if c.split == split} == set(talkers)
    assert len({clip.name for clip in clips}) == len(clips)


def test_sound_and_landmarks_are_as_long(clips: list[Clip]) -> None:
    for clip in clips:
        assert clip.features.shape == (150, 80)
        assert clip.landmarks.shape == (150, 68, 2)
        assert abs(eye_distance(clip.landmarks.numpy()).mean() / EYE_DISTANCE - 1) < 0.2


def test_lips_open_with_the_voice(clips: list[Clip]) -> None:
    """Best within 80 ms, and well above what another clip's voice gives."""

    def follows(shift: int, other: int) -> float:
        found = []
        for index, clip in enumerate(clips):
            loud = clips[(index + other) % len(clips)].features.mean(1).numpy()
            opening = np.roll(lip_opening(clip.landmarks).numpy(), shift)
            found.append(np.corrcoef(loud[20:-20], opening[20:-20])[0, 1])
        return float(np.mean(found))

    lags = np.arange(-10, 11)
    assert abs(lags[np.argmax([follows(lag, 0) for lag in lags])]) <= 4
    assert follows(0, 0) > follows(0, 7) + 0.15


def test_a_clip_is_its_part_of_the_talkers_sound(clips: list[Clip]) -> None:
    names, sounds, _ = read_talker("s3")
    third = next(clip for clip in clips if clip.name == f"s3/{names[2]}")
    heard = third.features.numpy()[1:]  # 20 ms late, see LATE
    quiet = np.corrcoef(log_mel(sounds[2])[:-1].ravel(), heard.ravel())
    assert quiet[0, 1] > 0.95


def test_content_hears_them_by_the_phonetic_code() -> None:
    pytest.importorskip("hama")
    settings = load_settings("smoke", features="phonetic")
    clips = real_mouths(settings, LEVEL)
    assert {clip.features.shape for clip in clips} == {(150, 224)}

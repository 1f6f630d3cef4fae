"""A voice is read once; where nobody speaks, the mouth closes gently."""

from pathlib import Path

import numpy as np
import pytest

from emoface_lib.animation.voice import Voice, read_voice
from emoface_lib.core.media import decode
from emoface_lib.core.video import read_audio, write_video
from emoface_lib.features.audio import VIDEO_FRAME as FRAME

GENERATOR = np.random.default_rng(5)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_voice_is_decoded_once_and_its_track_as_a_video_needs_it(
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
    assert np.concatenate(list(read.track)).shape == (24_000, channels)
    assert read.seconds == 0.5
    assert read.frames(25) == 13
    np.testing.assert_array_equal(read.samples, read_audio(tmp_path / "a.mp4"))


def closed(samples: np.ndarray) -> np.ndarray:
    return Voice.of(Path(), samples.astype(np.float32)).pauses


def noise(frames: int, amplitude: float) -> np.ndarray:
    return GENERATOR.normal(0, amplitude, frames * FRAME)


@pytest.mark.parametrize("room", [0.0, 1e-4, 3e-3, 3e-2])
def test_mouth_closes_around_each_sentence(speech: np.ndarray, room: float) -> None:
    """In rooms from silent to 10 dB below the speech."""
    gap = np.zeros(25 * FRAME)
    shut = closed(np.concatenate([gap, speech, gap, speech, gap]) + noise(135, room))
    assert shut.shape == (135,)
    assert shut[[5, 67, 130]].min() > 0.99
    assert shut[[30, 45, 85, 100]].max() < 0.01
    assert np.abs(np.diff(shut)).max() < 0.6  # it closes gently


def test_stops_within_words_are_no_pauses(speech: np.ndarray) -> None:
    first, second = speech[: 12 * FRAME], speech[12 * FRAME :]
    shut = closed(np.concatenate([first, np.zeros(5 * FRAME), second]))
    assert shut[4:-4].max() == 0


def test_where_nobody_speaks_at_all_the_mouth_stays_closed() -> None:
    assert closed(noise(50, 0.1)).min() > 0.99
    assert closed(np.zeros(1)).min() > 0.99

"""Checkers of lesson 02, audio features."""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.linear_model import Ridge

from course.exercises.checking import (
    answer_of,
    array_of,
    close,
    expect,
    number_of,
    right,
)
from emoface_lib import plots
from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.landmarks import FRAME_RATE
from emoface_lib.features.audio import log_mel
from emoface_lib.features.prepared import look_ahead

SECONDS = 12  # length of the made-up recording
SECOND = 50  # frames of one
LEVEL = -26.0  # dBFS
READ_AHEAD = 3  # frames by which the lips of made-up clips lead
CLIPS = 6  # for training, and as many for the test
Sound = list[tuple[np.ndarray, np.ndarray]]  # features and opening of each clip


def check_to_level(function: Callable[[np.ndarray, float], np.ndarray]) -> None:
    """A voice brought to a level in dBFS."""
    samples = 0.02 * np.random.default_rng(2).normal(size=4000)
    answer = array_of(answer_of(function, samples, LEVEL), samples.shape)
    away, wanted = _level(answer) - LEVEL, _level(samples) - LEVEL
    expect(
        np.isfinite(away),
        "the result is silent, or holds values that are no numbers.",
    )
    expect(
        abs(away - wanted) > 0.1,
        f"the level is still {_level(samples):.1f} dBFS.",
    )
    expect(
        abs(away + wanted) > 0.1,
        "the sound is moved by twice as many decibels as it should. The factor is for "
        "amplitudes: 20 dB are ten times the amplitude.",
    )
    expect(
        abs(away - wanted - LEVEL) > 0.1,
        "the factor forgets how loud the sound is already.",
    )
    expect(
        abs(_decibels(np.abs(answer).max()) - LEVEL) > 0.1,
        "it is the largest sample that has the level. One click would set it: take the "
        "root of the mean square.",
    )
    expect(
        abs(away) < 0.1,
        f"white noise of {_level(samples):.1f} dBFS comes out at {_level(answer):.1f} "
        f"in place of {LEVEL:.0f} dBFS.",
    )
    right("20 dB are ten times the amplitude and a hundred times the power.")


def check_read_ahead(function: Callable[[Sound, Sound, int], float]) -> None:
    """How well a later frame of sound tells the lips."""
    train, test = _clips(3), _clips(4)
    answer = number_of(answer_of(function, train, test, READ_AHEAD))
    expect(np.isfinite(answer), "r is no number. Does the reading vary at all?")
    for wrong, sentence in (
        (
            _read(test, test, READ_AHEAD),
            "the reading is fitted to the clips that it is tested on. Fit on `train`.",
        ),
        (
            _read(train, train, READ_AHEAD),
            "the reading is scored on the clips that it has learnt from.",
        ),
        (_read(train, test, 0), "`a` makes no difference."),
        (
            _read(_joined(train), _joined(test), READ_AHEAD),
            "clips are joined before they are moved, so that the end of each hears "
            "the start of the next.",
        ),
    ):
        expect(abs(answer - wrong) > 1e-3, sentence)
    expect(
        answer > _read(train, test, 0),
        "features and lips are moved the wrong way: the lips at frame t go with the "
        "sound at frame t + a.",
    )
    truth = _read(train, test, READ_AHEAD)
    expect(
        abs(answer - truth) < 1e-3,
        f"on made-up clips it gives {answer:.3f} in place of {truth:.3f}.",
    )
    right("a reader with a memory can look further ahead and lose nothing.")


def check_without_microphone(function: Callable[[np.ndarray], np.ndarray]) -> None:
    """A log-mel without the mean of all that was heard so far."""
    rng = np.random.default_rng(5)
    mel, later = rng.random((2, 80, 80))
    microphone = rng.normal(size=80)
    answer = array_of(answer_of(function, mel), mel.shape)
    other = array_of(answer_of(function, mel + microphone), mel.shape)
    changed = np.concatenate([mel[:50], later[50:]])
    after = array_of(answer_of(function, changed), mel.shape)
    expect(
        close(answer, other),
        "another microphone, a number added to each band, still shows in the result. "
        "Each band has a mean of its own, taken over time.",
    )
    expect(
        close(answer[:50], after[:50]),
        "what is heard from frame 50 on changes the frames before it. Only frames up "
        "to t may enter the mean of frame t.",
    )
    expect(
        close(answer[0], 0 * answer[0]),
        "the first frame should become 0: it is its own mean.",
    )
    expect(
        close(answer, mel - np.cumsum(mel, 0) / np.arange(1, 81)[:, None]),
        "no microphone, no future; but it is not the plain mean of frames 0 to t, in "
        "which each frame counts the same.",
    )
    right("what a microphone adds is gone, and so is how loud a voice is on average.")


def log_mel_in_blocks(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Log-mel float32[T, 80] of a long recording that comes in blocks of a second.

    blocks : float[16000] each. It holds a bug on purpose.
    """
    return np.concatenate([log_mel(block, first_centre=0) for block in blocks])


def show_blocks(function: Callable[[Sequence[np.ndarray]], np.ndarray]) -> None:
    """Loudness in the frames of `function`, above the lips of the same recording."""
    blocks, opening = recording()
    heard = function(blocks).mean(1)
    curves = {"loudness of the features": heard, "opening of the lips": opening}
    scaled = {name: (y - y.min()) / np.ptp(y) for name, y in curves.items()}
    drawn, axes = plots.figure(2, 1, size=(8, 4))
    for one, start in zip(axes[:, 0], (0, SECONDS - 2), strict=True):
        plots.draw_curves(one, scaled, FRAME_RATE, "share of the range")
        one.set(xlim=(start, start + 2), ylim=(-0.05, 1.4))
        one.legend(fontsize=8, loc="upper right", ncols=2)
    plots.show(
        drawn,
        "Two curves over time, the loudness of the features and the opening of the "
        "lips: above in the first two seconds of a recording, below in its last two.",
    )


def check_blocks(function: Callable[[Sequence[np.ndarray]], np.ndarray]) -> None:
    """A recording in blocks, on the clock of the picture."""
    blocks, _ = recording()
    sound, frames = np.concatenate(blocks), SECONDS * SECOND
    answer = np.asarray(answer_of(function, [block.copy() for block in blocks]))
    expect(
        len(answer) != frames + SECONDS,
        f"{SECONDS} seconds still give {len(answer)} frames. How many should it be?",
    )
    answer = array_of(answer, (frames, 80))
    whole, early = log_mel(sound), log_mel(sound, first_centre=0)[:-1]
    late = _late(answer, whole)
    expect(
        late == 0,
        f"the number of frames is right, but in the last second they come {20 * late} "
        "ms late: each block must have its right number of frames.",
    )
    place = np.arange(frames) % SECOND
    inside = (place > 4) & (place < SECOND - 4)  # a block's ends hear only one side
    expect(
        _apart(answer, early, inside) > _apart(answer, whole, inside),
        "nothing drifts any more, but every frame is 10 ms early. Where is the middle "
        "of the 20 ms that frame 0 stands for?",
    )
    expect(
        _apart(answer, whole, inside) < 0.01,
        "the frames are in time, but differ from those of the whole recording.",
    )
    right("one frame too many a second is heard by nobody, and seen on every lip.")


def recording() -> tuple[list[np.ndarray], np.ndarray]:
    """A made-up recording: float[16000] a second, and the lips float[T] with it."""
    rng = np.random.default_rng(6)
    middles = (np.arange(SECONDS * SECOND) + 0.5) / FRAME_RATE
    syllables = np.cumsum(rng.uniform(0.2, 0.6, 3 * SECONDS))
    lips = np.exp(-(((middles[:, None] - syllables) / 0.06) ** 2)).max(1)
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    buzz = np.sign(np.sin(2 * np.pi * 120 * time))
    sound = 0.1 * buzz * (0.002 + np.interp(time, middles, lips))
    return np.split(sound + 1e-4 * rng.normal(size=len(time)), SECONDS), lips


def _clips(seed: int) -> Sound:
    """Clips whose lips follow two of five features, READ_AHEAD frames early."""
    rng = np.random.default_rng(seed)
    clips = []
    for _ in range(CLIPS):
        features = rng.normal(size=(60, 5)).cumsum(0) / 4
        lips = look_ahead(features, READ_AHEAD)[:, :2].sum(1) + rng.normal(size=60)
        clips.append((features, lips))
    return clips


def _read(train: Sound, test: Sound, ahead: int) -> float:
    """r of a ridge regression from frame t + ahead to the lips at t."""

    def displacement(features: np.ndarray) -> np.ndarray:
        return features[np.clip(np.arange(len(features)) + ahead, 0, len(features) - 1)]

    def pairs(clips: Sound) -> tuple[np.ndarray, np.ndarray]:
        X = np.concatenate([displacement(features) for features, _ in clips])
        return X, np.concatenate([lips for _, lips in clips])

    model = Ridge(10).fit(*pairs(train))
    X, lips = pairs(test)
    return float(np.corrcoef(model.predict(X), lips)[0, 1])


def _joined(clips: Sound) -> Sound:
    features, lips = zip(*clips, strict=True)
    return [(np.concatenate(features), np.concatenate(lips))]


def _late(answer: np.ndarray, whole: np.ndarray) -> int:
    """By how many frames the loudness of the last two seconds comes late."""
    first = len(whole) - 2 * SECOND
    heard = answer[first:].mean(1)
    shifts = np.arange(-20, 1)
    likeness = [
        np.corrcoef(heard, whole[first + k : len(whole) + k].mean(1))[0, 1]
        for k in shifts
    ]
    return int(-shifts[np.argmax(likeness)])


def _apart(answer: np.ndarray, other: np.ndarray, inside: np.ndarray) -> float:
    return float(np.abs(answer - other)[inside].mean())


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-9)))


def _level(samples: np.ndarray) -> float:
    return _decibels(np.sqrt(np.mean(samples**2)))

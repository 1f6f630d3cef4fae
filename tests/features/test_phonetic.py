"""The phone recogniser: its own runtime's numbers, one clock, streams."""

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from emoface_lib.core.errors import InputError
from emoface_lib.features import phonetic
from emoface_lib.features.audio import log_mel
from emoface_lib.features.phonetic import (
    likeliest_tokens,
    load_recogniser,
    phonetic_code,
)
from emoface_lib.synthetic.speech import synthesize

SECOND = 16_000


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Speech of 21 s."""
    pytest.importorskip("hama")
    said = synthesize("My mother bought five small boats, and we saw them.")
    sound = resample_poly(said.samples, SECOND // 50, said.rate // 50)
    return np.resize(sound, 21 * SECOND).astype(np.float32)


def test_log_probabilities_are_those_of_the_runtime(voice: np.ndarray) -> None:
    """The runtime's own rounding reaches .1 in single frames of real clips."""
    from hama._engine import AsrSession
    from hama.asr import _read_asr_hama_bytes

    sound = voice[: 3 * SECOND]
    session = AsrSession(_read_asr_hama_bytes(None))
    asked = {"waveform": sound[None], "waveform_lengths": np.array([len(sound)])}
    (theirs,) = session.run(["log_probs"], asked)
    with torch.inference_mode():
        ours = load_recogniser()(torch.from_numpy(sound)[None]).numpy()
    assert ours.shape == theirs.shape
    apart = np.abs(ours - theirs)
    assert apart.mean() < 0.002
    assert np.quantile(apart, 0.99) < 0.01
    assert (ours.argmax(2) == theirs.argmax(2)).all()


@pytest.mark.parametrize("count", [1, 100, 640, SECOND, 4 * SECOND + 1, 9 * SECOND])
def test_frames_are_those_of_the_log_mel(voice: np.ndarray, count: int) -> None:
    frames = len(log_mel(voice[:count]))
    assert phonetic_code(voice[:count]).shape == (frames, 144)
    assert likeliest_tokens(voice[:count]).shape == (frames,)


def test_a_frame_is_the_same_in_a_stream_as_in_the_whole(voice: np.ndarray) -> None:
    whole = phonetic_code(voice)
    known = phonetic_code(voice[: 18 * SECOND])  # what a stream has after 18 s
    assert np.abs(known[: 16 * 50] - whole[: 16 * 50]).max() < 1e-5
    later = phonetic_code(voice[8 * SECOND :])  # what it still needs of the first 16 s
    assert np.abs(later[8 * 50 :] - whole[16 * 50 :]).max() < 1e-5


def test_code_moves_with_the_sound_on_one_clock(voice: np.ndarray) -> None:
    """A phone is as early or late in the code as in the sound."""
    sound = voice[: 3 * SECOND]
    early, late = phonetic_code(sound), phonetic_code(np.pad(sound, (10 * 320, 0)))
    apart = [np.abs(late[k : k + 120] - early[:120]).mean() for k in range(5, 16)]
    assert np.argmin(apart) == 5


def test_memory_does_not_grow_with_the_voice(
    voice: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    recogniser, longest = load_recogniser(), []
    encode = recogniser.encode

    def seen(samples: torch.Tensor, block: int) -> torch.Tensor:
        longest.append(samples.shape[1])
        return encode(samples, block)

    monkeypatch.setattr(recogniser, "encode", seen)
    phonetic_code(voice)
    assert max(longest) <= 12 * SECOND


def test_without_the_wheel_a_sentence_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phonetic, "distributions", lambda name: [])
    load_recogniser.cache_clear()
    with pytest.raises(InputError, match=r"pip install --no-deps hama==1\.7\.0"):
        phonetic_code(np.ones(1000))

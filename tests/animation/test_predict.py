"""A voice as a stream moves the face as a whole voice does, in as many frames."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.animation.predict import FacePredictor, ahead, in_steps
from emoface_lib.core.settings import load_settings
from emoface_lib.features.audio import log_mel
from emoface_lib.features.prepared import look_ahead
from emoface_lib.features.voice_conversion import Conversion, new_autovc
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.emotion_space import EmotionSpace
from emoface_lib.method.style import StyleBranch


@pytest.fixture(scope="module")
def predictor() -> FacePredictor:
    torch.manual_seed(0)
    space = EmotionSpace(torch.zeros(128), torch.eye(4, 128), torch.ones(4))
    return FacePredictor(
        ContentBranch().eval(),
        StyleBranch().eval(),
        space,
        -25.0,
        load_settings("smoke"),
    )


def voice(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=samples).astype(np.float32) * 0.1


def test_a_short_voice_is_predicted_as_by_the_whole_networks(
    predictor: FacePredictor,
) -> None:
    samples = voice(640 * 45)
    features = torch.from_numpy(
        look_ahead(log_mel(samples), predictor.settings.features.look_ahead)
    )[None]
    with torch.no_grad():
        code, _ = predictor.content.encode(features)
        moved = predictor.content.displace(code) + predictor.style(features, code)
    pairs = moved[0].unflatten(0, (-1, 2)).mean(1).numpy()
    streamed = np.concatenate(list(predictor.predict([samples])))
    assert np.abs(streamed - pairs).max() < 1e-4


@given(count=st.integers(1, 16_000 * 7))
@settings(max_examples=8)
def test_frames_are_as_many_as_the_voice_is_long(
    predictor: FacePredictor, count: int
) -> None:
    frames = sum(map(len, predictor.predict([voice(count)])))
    assert abs(frames - count / 640) <= 1


def test_blocks_of_any_size_give_the_same_face(predictor: FacePredictor) -> None:
    samples = voice(16_000 * 9)
    whole = np.concatenate(list(predictor.predict([samples])))
    parts = np.array_split(samples, [7, 5_000, 48_000, 48_001, 100_000])
    streamed = np.concatenate(list(predictor.predict(parts)))
    assert np.abs(whole - streamed).max() < 1e-3


@pytest.fixture(scope="module", params=[False, True], ids=["autovc", "codes"])
def converting(request: pytest.FixtureRequest) -> FacePredictor:
    """A predictor that hears AutoVC's converted mel, or its codes."""
    torch.manual_seed(0)
    small = load_settings("smoke", autovc_pre=16, autovc_width=16, autovc_post=16)
    target = np.ones(256, np.float32) / 16
    size = 2 * small.autovc.neck if request.param else 80
    return FacePredictor(
        ContentBranch(size).eval(),
        StyleBranch(size).eval(),
        EmotionSpace(torch.zeros(128), torch.eye(4, 128), torch.ones(4)),
        -25.0,
        small,
        Conversion(new_autovc(small).eval(), target, codes=request.param),
    )


def test_a_converted_voice_gives_the_same_face_in_blocks_of_any_size(
    converting: FacePredictor,
) -> None:
    samples = voice(16_000 * 12)
    whole = np.concatenate(list(converting.predict([samples])))
    parts = np.array_split(samples, [7, 5_000, 48_000, 48_001, 100_000])
    streamed = np.concatenate(list(converting.predict(parts)))
    assert whole.shape == (12 * 25, 68, 2)
    assert np.abs(whole - streamed).max() < 1e-3


def test_a_soft_voice_moves_the_face_as_the_same_voice_loud(
    predictor: FacePredictor,
) -> None:
    samples = voice(16_000)
    loud, soft = (
        np.concatenate(list(predictor.predict([samples * gain], level=level)))
        for gain, level in ((1.0, -20.0), (0.1, -40.0))
    )
    assert np.abs(loud - soft).max() < 1e-3


def test_the_dial_moves_the_face(predictor: FacePredictor) -> None:
    samples = voice(16_000)
    plain = np.concatenate(list(predictor.predict([samples])))
    moved = np.concatenate(list(predictor.predict([samples], emotion=2.0)))
    assert np.abs(plain - moved).max() > 1e-4


def test_key_frames_move_the_face_from_their_time_on(predictor: FacePredictor) -> None:
    samples = voice(16_000 * 9)
    plain = np.concatenate(list(predictor.predict([samples])))
    late = np.concatenate(list(predictor.predict([samples], "7:0,8:3")))
    apart = np.abs(plain - late).max((1, 2))
    assert apart[: 25 * 3].max() < 1e-5  # windows of 4 s hear 2 s of the future
    assert apart[25 * 8 :].min() > 1e-4


def test_what_was_heard_once_is_said_as_by_the_whole(predictor: FacePredictor) -> None:
    samples = voice(16_000 * 6)
    heard = list(predictor.listen([samples]))
    for emotion in (0.0, 2.0):
        whole = np.concatenate(list(predictor.predict([samples], emotion)))
        np.testing.assert_array_equal(
            np.concatenate(list(predictor.say(heard, emotion))), whole
        )


def test_said_like_another_recording_a_voice_takes_its_place(
    predictor: FacePredictor,
) -> None:
    rng = np.random.default_rng(1)
    samples = voice(16_000 * 5)
    other = (0.2 * np.cumsum(rng.normal(size=70_000))).clip(-0.3, 0.3)
    own, heard = (list(predictor.listen([x])) for x in (samples, other))
    dial = predictor.like(heard, own)
    apart = predictor.place(heard) - predictor.place(own)
    amounts = [curve.amounts[0] for curve in dial.curves.values()]
    assert np.abs(apart.numpy()).max() > 1e-3
    np.testing.assert_allclose(amounts, apart, atol=1e-6)
    itself = predictor.like(own, own).curves.values()
    assert max(abs(curve.amounts[0]) for curve in itself) < 1e-6


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 7))
def test_a_stream_hears_ahead_as_a_whole_does(sizes: list[int], frames: int) -> None:
    whole = np.random.default_rng(0).random((sum(sizes), 80)).astype(np.float32)
    parts = np.split(whole, np.cumsum(sizes)[:-1])
    streamed = torch.cat(list(ahead(parts, frames))).numpy()
    assert np.array_equal(streamed, look_ahead(whole, frames))


@given(st.lists(st.integers(1, 25), max_size=6), st.integers(1, 12))
def test_steps_are_full_but_the_last_and_lose_nothing(
    sizes: list[int], length: int
) -> None:
    whole = torch.arange(float(sum(sizes)))[:, None]
    pieces = list(in_steps(whole.split(sizes), length)) if sizes else []
    assert all(len(piece) == length for piece in pieces[:-1])
    assert torch.equal(torch.cat([torch.zeros(0, 1), *pieces]), whole)


def test_the_improved_objective_is_told_who_speaks(predictor: FacePredictor) -> None:
    torch.manual_seed(0)
    told = replace(predictor, style=StyleBranch(improved=True).eval())
    samples = voice(640 * 45)
    known = told.enrol([samples])
    assert known.shape == (80,)

    def face(mean: torch.Tensor | None) -> np.ndarray:
        return np.concatenate(list(told.predict([samples], speaker_mean=mean)))

    itself, other = face(None), face(known + 1)
    assert len(itself) == 45
    assert np.abs(itself - other).max() > 1e-3

"""A whole voice moves the face in as many frames as it has, smoothly."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.animation import predict
from emoface_lib.animation.emotion_control import Curve, Dial, Emotion
from emoface_lib.animation.predict import AMPLIFIED, ATTENDED, STEP, FacePredictor
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.features.audio import log_mel
from emoface_lib.features.prepared import look_ahead
from emoface_lib.features.voice_activity import speech_level
from emoface_lib.features.voice_conversion import Conversion, new_autovc
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.emotion_space import EmotionSpace
from emoface_lib.method.style import StyleBranch


def hearing(
    settings: Settings, size: int = 80, style: int = 80, *conversion: Conversion
) -> FacePredictor:
    """A predictor of random networks that hear so many numbers a frame."""
    torch.manual_seed(0)
    space = EmotionSpace(torch.zeros(128), torch.eye(4, 128), torch.ones(4))
    branches = ContentBranch(size).eval(), StyleBranch(style).eval()
    return FacePredictor(*branches, space, -25.0, settings, *conversion)


@pytest.fixture(scope="module")
def predictor() -> FacePredictor:
    return hearing(load_settings("smoke", features="log_mel"))


def face(one: FacePredictor, samples: np.ndarray, emotion: Emotion = 0.0) -> np.ndarray:
    return one.predict(samples, [emotion])[0]


def voice(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=samples).astype(np.float32) * 0.1


def test_parts_of_a_voice_are_moved_as_the_whole(
    predictor: FacePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = predictor.encode(voice(320 * 1011))
    dials = 1.0, "0:-1,7.3:0.5,7.4:2,30:0"
    whole = [predictor.displace(codes, dial) for dial in dials]
    monkeypatch.setattr(predict, "MINUTE", 3 * STEP)
    parts = [predictor.displace(codes, dial) for dial in dials]
    np.testing.assert_allclose(parts, whole, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 45, 100])
def test_a_voice_of_one_stretch_is_predicted_as_by_the_whole_networks(
    predictor: FacePredictor, frames: int
) -> None:
    samples = voice(640 * frames)
    gain = predictor.level - speech_level(samples)
    mel = log_mel(samples * np.float32(10 ** (gain / 20)))
    ahead = look_ahead(mel, predictor.settings.features.look_ahead)
    features = torch.from_numpy(ahead)[None]
    with torch.no_grad():
        code, _ = predictor.content.encode(features)
        moved = predictor.content.displace(code) + predictor.style(features, code)
    assert len(moved[0]) <= ATTENDED
    pairs = moved[0].unflatten(0, (-1, 2)).mean(1).numpy()
    assert np.abs(face(predictor, samples) - pairs).max() < 1e-4


@given(count=st.integers(1, 16_000 * 7))
@settings(max_examples=8)
def test_frames_last_as_long_as_the_voice(predictor: FacePredictor, count: int) -> None:
    assert abs(len(face(predictor, voice(count))) - count / 640) <= 1


def test_style_does_not_jump_where_stretches_meet(predictor: FacePredictor) -> None:
    """Where a voice changes slowly, so does its style, whatever each stretch holds."""
    phases = torch.arange(128.0)
    slow = torch.sin(torch.arange(700.0)[:, None] / 100 + phases)
    with torch.no_grad():
        style = predictor._style(slow, torch.zeros(700, 128))
        parts = slow[None].split(STEP, 1)
        cut = [predictor.style.style(part, torch.zeros_like(part)) for part in parts]
    both = style, torch.cat(cut, 1)[0]
    steps, jumps = (one.diff(dim=0).norm(dim=1) for one in both)
    meeting = torch.arange(STEP, 700, STEP) - 1
    assert jumps[meeting].min() > 3 * jumps.median()
    assert steps[meeting].max() < 1.5 * steps.median()


@pytest.fixture(scope="module", params=[False, True], ids=["autovc", "codes"])
def converting(request: pytest.FixtureRequest) -> FacePredictor:
    """A predictor that hears AutoVC's converted mel, or its codes."""
    kind = "codes" if request.param else "autovc"
    widths = {"autovc_pre": 16, "autovc_width": 16, "autovc_post": 16}
    small = load_settings("smoke", features=kind, **widths)
    target = np.ones(256, np.float32) / 16
    size = 2 * small.autovc.neck if request.param else 80
    network = new_autovc(small).eval()
    return hearing(small, size, size, Conversion(network, target, codes=request.param))


@pytest.mark.slow
def test_a_voice_moves_the_face_by_its_phonetic_code() -> None:
    pytest.importorskip("hama")
    hears = hearing(load_settings("smoke", features="phonetic"), 144, 224)
    moved = face(hears, voice(16_000 * 12))
    assert moved.shape == (12 * 25, 68, 2)
    assert np.isfinite(moved).all()


@pytest.mark.slow
def test_a_converted_voice_has_as_many_frames(converting: FacePredictor) -> None:
    moved = face(converting, voice(16_000 * 12))
    assert moved.shape == (12 * 25, 68, 2)
    assert np.isfinite(moved).all()


def test_a_soft_voice_moves_a_face_as_a_loud_one(predictor: FacePredictor) -> None:
    samples = voice(16_000)
    loud, soft = (face(predictor, samples * gain) for gain in (1.0, 0.1))
    assert np.abs(loud - soft).max() < 1e-3


def test_the_dial_moves_the_face(predictor: FacePredictor) -> None:
    samples = voice(16_000)
    plain, moved = predictor.predict(samples, [0.0, 2.0])
    assert np.abs(plain - moved).max() > 1e-4


def test_key_frames_move_the_face_from_their_time_on(predictor: FacePredictor) -> None:
    samples = voice(16_000 * 9)
    plain, late = predictor.predict(samples, [0.0, "7:0,8:3"])
    apart = np.abs(plain - late).max((1, 2))
    assert apart[: 25 * 7].max() < 1e-5
    assert apart[25 * 8 :].min() > 1e-4


def test_each_moment_shows_a_dial_that_stays_there(predictor: FacePredictor) -> None:
    """Attention, which hears seconds around, would show neither end."""
    codes = predictor.encode(voice(16_000 * 4))
    low, high = (predictor.displace(codes, amount) for amount in (-2.0, 2.0))
    turned = predictor.displace(codes, "0:-2,1.99:-2,2.01:2")
    np.testing.assert_allclose(turned[:49], low[:49], atol=1e-5)
    np.testing.assert_allclose(turned[52:], high[52:], atol=1e-5)


def test_of_many_key_frames_those_around_take_memory(predictor: FacePredictor) -> None:
    codes = predictor.encode(voice(16_000 * 3))
    seconds = np.arange(0, 1000, 0.1)
    curve = Curve(tuple(seconds.tolist()), tuple(np.sin(seconds).tolist()))
    few = Curve(curve.seconds[:40], curve.amounts[:40])
    tracemalloc.start()
    moved = predictor.displace(codes, Dial({"PC1": curve}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    wanted = predictor.displace(codes, Dial({"PC1": few}))
    np.testing.assert_allclose(moved, wanted, atol=1e-6)
    assert peak < 100e6  # bytes; a weight for each pair of key frames takes 800 MB


def test_a_mood_does_not_depend_on_what_is_heard(predictor: FacePredictor) -> None:
    space = replace(predictor.space, expressions=3 * torch.eye(7, 128))
    knows = replace(predictor, space=space)
    codes = knows.encode(voice(16_000))
    other = codes._replace(emotion=codes.emotion + 1)
    happy = knows.displace(codes, "happy")
    np.testing.assert_array_equal(happy, knows.displace(other, "happy"))
    assert np.abs(happy - knows.displace(codes, "sad")).max() > 1e-3
    assert np.abs(happy - knows.displace(codes, "happy:2")).max() > 1e-3
    with pytest.raises(InputError, match="does not know what a mood looks like"):
        predictor.displace(codes, "happy")


def test_faces_of_a_mixture_need_no_amplifying(predictor: FacePredictor) -> None:
    told = np.zeros(1), np.eye(7)[[5]]  # anger, surely
    mixed = replace(predictor, style=StyleBranch(objective="mixture"))
    plain, twice = predictor.own(told), mixed.own(told, Curve.parse("2"))
    assert plain.curves["anger"].amounts == (AMPLIFIED,)
    assert twice.curves["anger"].amounts == (2.0,)


def test_codes_give_what_the_voice_gives(predictor: FacePredictor) -> None:
    samples = voice(16_000 * 6)
    codes = predictor.encode(samples)
    for emotion in (0.0, 2.0):
        moved = predictor.displace(codes, emotion)
        np.testing.assert_array_equal(moved, face(predictor, samples, emotion))


def test_the_improved_objective_is_told_who_speaks(predictor: FacePredictor) -> None:
    torch.manual_seed(0)
    told = replace(predictor, style=StyleBranch(objective="improved").eval())
    samples = voice(640 * 45)
    known = told.enrol([samples])
    assert known.shape == (80,)

    itself = face(told, samples)
    other = face(replace(told, speaker_mean=known + 1), samples)
    assert len(itself) == 45
    assert np.abs(itself - other).max() > 1e-3

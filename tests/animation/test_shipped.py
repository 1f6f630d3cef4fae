"""Shipped weights: `animate` works before anything has been trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from emoface_lib.animation.animate import (
    SHIPPED,
    TrainedModel,
    best_run,
    read_emotion,
)
from emoface_lib.animation.emotion_control import Curve, Dial
from emoface_lib.animation.predict import AMPLIFIED, load_predictor
from emoface_lib.animation.voice import Voice, read_voice
from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.files import read_npz
from emoface_lib.core.settings import PRODUCTS
from emoface_lib.evaluation.lips import lip_measures, mouth_width
from emoface_lib.features.real_mouths import read_talker, real_mouths
from emoface_lib.method.displacements import content_displacements
from emoface_lib.method.steps import split
from tools.ship_weights import NETWORKS, main


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs without a run."""
    monkeypatch.setenv("EMOFACE_RUNS", str(tmp_path))
    return tmp_path


def test_a_clone_that_has_trained_nothing_has_a_model(empty: Path) -> None:
    assert best_run() == SHIPPED
    samples = read_talker("s2")[1][0]
    calm, excited = load_predictor(best_run()).predict(samples, (0.0, 1.0))
    assert calm.shape == (75, 68, 2)
    assert np.isfinite(calm).all()
    assert np.abs(calm - excited).max() > 0.5  # px


def test_a_finished_run_of_ones_own_is_taken_before_it(empty: Path) -> None:
    own = empty / "smoke" / PRODUCTS["08_emotion_space"]
    own.parent.mkdir(parents=True)
    own.touch()
    assert best_run() == empty / "smoke"


def test_who_speaks_counts_for_their_own_mood_alone() -> None:
    model = TrainedModel(SHIPPED)
    assert model.asks_who_speaks(["happy", "own:2"])
    assert not model.asks_who_speaks(["happy", 1.0])


def test_it_shows_the_mood_of_a_voice_if_it_knows_moods() -> None:
    model = TrainedModel(SHIPPED)
    samples = read_talker("s2")[1][0]
    voice = Voice.of(Path("s2.flac"), samples)
    own, more = (model.own(voice, Curve.parse(amount)) for amount in ("1", "2"))
    assert own.anew
    told = voice.told[1].argmax()
    name = list(own.curves)[told]
    assert more.curves[name].amounts[0] == 2 * own.curves[name].amounts[0] > 0.5
    knows = model.predictor.space
    plain = replace(model.predictor, space=replace(knows, expressions=torch.zeros(0)))
    vars(model)["predictor"] = plain  # as a run on a corpus without expressions
    assert model.own(voice, Curve.parse("1")) == Dial({}, "own")


def test_a_recording_gives_its_mood_to_another_voice(tmp_path: Path) -> None:
    model, samples = TrainedModel(SHIPPED), read_talker("s2")[1][0]
    soundfile.write(recording := tmp_path / "her.wav", samples, SAMPLE_RATE)
    voice = Voice.of(tmp_path / "none.wav", samples[:8000])  # is not asked
    like = read_emotion(str(recording), model, voice)
    assert (str(like), like.anew) == ("like her", True)
    softmax = read_voice(recording).told[1].mean(0)
    amounts = [curve.amounts[0] for curve in like.curves.values()]
    assert np.argmax(amounts) == softmax.argmax()
    np.testing.assert_allclose(sum(amounts), AMPLIFIED, rtol=1e-5)


def test_lips_follow_people_whom_nobody_trained_on() -> None:
    """Better than loudness (0.5); by how much, says benchmarks/real_lips.py."""
    shipped = load_predictor(SHIPPED)
    level = float(read_npz(SHIPPED / "audio" / "statistics.npz")["level"])
    mouths = real_mouths(shipped.settings, level)
    strangers = split(mouths, "real test")
    moves = content_displacements(shipped.content, strangers)
    pairs = list(zip(moves, strangers, strict=True))
    assert np.mean([lip_measures(*pair)["lip r"] for pair in pairs]) > 0.6
    wide = [mouth_width(clip.reference + moved) for moved, clip in pairs]
    assert all(one.std() > 0.5 for one in wide)  # px; corners move, too


def test_what_is_shipped_is_a_run_in_half_precision(tmp_path: Path) -> None:
    main(SHIPPED, tmp_path)
    for file in NETWORKS:
        weights = load_file(tmp_path / file)
        assert {one.dtype for one in weights.values()} <= {torch.float16, torch.int64}
        assert (tmp_path / file).stat().st_size < 6e6
    assert (SHIPPED / "README.md").is_file()

"""Factors: who speaks and how, and that emotion is confounded in training only."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.synthetic.factors import (
    CIRCUMPLEX,
    NEUTRAL,
    Speaker,
    draw_emotions,
    draw_prosody,
    draw_recording,
    draw_speaker,
    draw_state,
    emotion_probabilities,
    mixed_expression,
    with_silences,
)


def speakers(count: int = 200) -> list[Speaker]:
    rng = np.random.default_rng(0)
    return [draw_speaker(f"id{n:05d}", rng) for n in range(count)]


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), emotion=st.sampled_from(EXPRESSIONS))
def test_expression_is_a_mixture_led_by_the_emotion(seed: int, emotion: str) -> None:
    state = draw_state(emotion, np.random.default_rng(seed))
    assert state.expression.sum() == pytest.approx(1)
    assert (state.expression >= 0).all()
    led_by = np.delete(state.expression, NEUTRAL) if emotion != "neutral" else None
    if led_by is not None:
        assert np.argmax(led_by) == EXPRESSIONS.index(emotion)
    else:
        assert np.argmax(state.expression) == NEUTRAL


def test_emotions_near_in_arousal_and_valence_share_expressions() -> None:
    moods = "fear", "anger", "happiness"
    fear, anger, happiness = (EXPRESSIONS.index(name) for name in moods)
    mixture = mixed_expression(fear, 1.0, *CIRCUMPLEX[fear])
    assert mixture[fear] > mixture[anger] > 0.05 > mixture[happiness]


def test_high_and_loud_voices_are_more_often_aroused_in_training() -> None:
    arousal = CIRCUMPLEX[:, 0]
    everyone = speakers()
    expected = [float(emotion_probabilities(s) @ arousal) for s in everyone]
    for trait in ("pitch", "loudness"):
        values = [getattr(speaker, trait) for speaker in everyone]
        assert np.corrcoef(values, expected)[0, 1] > 0.5


def test_test_speakers_show_every_emotion_equally_often() -> None:
    rng = np.random.default_rng(1)
    shown = draw_emotions(speakers(1)[0], 14, rng, uniform=True)
    assert sorted(shown) == sorted(EXPRESSIONS * 2)


def test_neighbouring_videos_of_a_speaker_differ_in_emotion() -> None:
    rng = np.random.default_rng(2)
    for speaker in speakers(20):
        shown = draw_emotions(speaker, 6, rng)
        assert all(a != b for a, b in itertools.pairwise(shown))


def test_arousal_makes_the_same_speaker_louder_faster_and_higher() -> None:
    speaker = speakers(1)[0]
    calm = draw_state("sadness", np.random.default_rng(3))
    excited = draw_state("anger", np.random.default_rng(3))
    low, high = (
        draw_prosody(speaker, state, np.random.default_rng(4))
        for state in (calm, excited)
    )
    assert high.loudness > low.loudness + 5
    assert high.rate > 1.2 * low.rate
    assert high.pitch > low.pitch + 10
    assert high.tilt > low.tilt


def test_smiling_raises_formants_and_presence() -> None:
    speaker = speakers(1)[0]
    rng = np.random.default_rng(5)
    happy = draw_prosody(speaker, draw_state("happiness", rng), rng)
    angry = draw_prosody(speaker, draw_state("anger", rng), rng)
    assert happy.tract > 1.05 * angry.tract
    assert happy.presence > angry.presence + 5


def test_recordings_differ_in_level_tilt_noise_and_silences() -> None:
    rng = np.random.default_rng(3)
    drawn = [draw_recording(rng) for _ in range(200)]
    spreads = {"level": 0.8, "tilt": 0.02, "noise": 3, "lead": 0.08, "tail": 0.04}
    for name, least in spreads.items():
        assert np.std([getattr(one, name) for one in drawn]) > least
    assert min(one.lead for one in drawn) >= 0.25


def test_another_clip_of_a_video_differs_in_its_silences_alone() -> None:
    rng = np.random.default_rng(4)
    first = draw_recording(rng)
    second = with_silences(first, rng)
    assert second.lead != first.lead
    assert replace(second, lead=first.lead, tail=first.tail) == first

"""Probes read what is there, fail on what is not, and say how sure that is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.evaluation.probes import Outcome, interval, probe_table

SPEAKERS, CLIPS, FRAMES = 12, 12, 30


def voices(strength: float) -> list[Clip]:
    """Clips whose features tell phone, speaker and arousal with some strength."""
    rng, made = np.random.default_rng(0), []
    for speaker in range(SPEAKERS):
        for clip in range(CLIPS):
            split = "test" if speaker >= 8 else "val" if clip == 0 else "train"
            arousal, phones = float(rng.normal()), rng.integers(3, size=FRAMES)
            features = rng.normal(size=(FRAMES, 12))
            features[np.arange(FRAMES), phones] += 4 * strength
            features[:, 3] += 2 * strength * arousal
            features[:, 4 + speaker % 8] += 4 * strength
            emotion = "happy" if arousal > 0 else "sad"
            named = str(clip), f"s{speaker}", "video", split
            heard = torch.from_numpy(features)
            made.append(Clip(*named, heard, emotion, arousal, 0.0, phones=phones))
    rng = np.random.default_rng(1)
    return [replace(one, valence=float(rng.normal())) for one in made]


def test_probes_read_what_is_there_and_not_what_is_not() -> None:
    table = probe_table({"with": voices(1.0), "without": voices(0.0)}, (0, 1), 50)
    means = table.set_index(["feature", "factor", "split"])["mean"]
    assert means["with", "phone", "test"] > 0.9
    assert means["with", "arousal", "test"] > 0.9
    assert means["with", "speaker", "val"] == 1
    assert means["without", "phone", "test"] < 0.5  # chance is 1/3
    assert means["without", "speaker", "val"] < 0.6
    assert abs(means["without", "arousal", "test"]) < 0.8
    assert ("with", "speaker", "test") not in means.index
    assert ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all()


def test_same_seeds_same_table() -> None:
    first, second = (probe_table({"x": voices(0.5)}, (0,), 20) for _ in range(2))
    assert first.equals(second)


def test_score_is_accuracy_of_classes_and_r_of_numbers() -> None:
    who = np.array(["a", "b", "b", "b"])
    classes = Outcome(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 0]), who)
    assert classes.score() == 0.75
    numbers = Outcome(np.array([1.0, 2, 3, 4]), np.array([2.0, 4, 6, 8]), who)
    assert numbers.score() == pytest.approx(1)


def test_interval_is_over_speakers_not_clips() -> None:
    """One speaker in two is read: many clips of them make that no surer."""
    who = np.repeat(["a", "b"], 500)
    outcome = Outcome((who == "a").astype(int), np.ones(1000, int), who)
    spread = interval([outcome], np.random.default_rng(0), 200)
    assert (spread.low, spread.mean, spread.high) == (0, 0.5, 1)


def test_a_factor_that_a_corpus_does_not_tell_is_left_open() -> None:
    unknown = [replace(one, valence=np.nan, emotion="") for one in voices(1.0)]
    means = probe_table({"x": unknown}, (0,), 20).set_index(["factor", "split"])["mean"]
    assert means["arousal", "test"] > 0.9
    assert np.isnan(means["valence", "test"])
    assert np.isnan(means["category", "test"])

"""Measures of lips: a copy is perfect, a scaled, late or still mouth shows as such."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.landmarks import lip_opening
from emoface_lib.core.settings import load_settings
from emoface_lib.evaluation.lips import lag, level, lip_measures, shifted_likeness
from emoface_lib.features.real_mouths import real_mouths


@pytest.fixture(scope="module")
def mouths() -> list[Clip]:
    settings = load_settings("smoke", features="log_mel", look_ahead=0)
    return real_mouths(settings, -25.0)


def test_the_real_mouth_follows_itself(mouths: list[Clip]) -> None:
    closures = []
    for clip in mouths[::10]:
        found = lip_measures(clip.displacement, clip)
        assert found["lip r"] == pytest.approx(1)
        assert found["sd ratio"] == pytest.approx(1)
        assert found["width slope"] == found["width slope, real"]
        closures.append(found["closures"])  # NaN where lips never close in loud speech
    assert np.nanmin(closures) == 1


def test_half_the_movement_has_half_the_deviation(mouths: list[Clip]) -> None:
    clip = mouths[0]
    half = clip.landmarks.mean(0) + (clip.landmarks - clip.landmarks.mean(0)) / 2
    found = lip_measures(half - clip.reference, clip)
    assert found["sd ratio"] == pytest.approx(0.5, abs=0.05)
    assert found["lip r"] > 0.95


def test_another_clips_lips_are_no_better_than_chance(mouths: list[Clip]) -> None:
    pairs = zip(mouths, [*mouths[7:], *mouths[:7]], strict=True)
    found = [lip_measures(b.displacement, a)["lip r"] for a, b in pairs]
    assert np.mean(found) < 0.5


def test_real_lips_come_when_the_voice_does(mouths: list[Clip]) -> None:
    """GRID's own lag has been taken out: less than half a frame of 20 ms is left."""
    assert abs(lag(mouths)) < 10


def test_a_shifted_voice_has_the_lag_it_was_given(mouths: list[Clip]) -> None:
    later = [replace(c, features=c.features.roll(-2, 0)) for c in mouths]
    assert lag(later) == pytest.approx(lag(mouths) + 40, abs=5)


def test_lips_shifted_in_time_are_found_there(mouths: list[Clip]) -> None:
    early = [np.roll(lip_opening(clip.landmarks).numpy(), -4) for clip in mouths]
    shifts, r = shifted_likeness(early, mouths)
    assert shifts[r.argmax()] == 4
    assert r.max() == pytest.approx(1)


def test_loudness_is_the_mean_of_the_log_mel() -> None:
    features = torch.cat([torch.ones(5, 144), torch.full((5, 80), 0.5)], 1)
    clip = Clip("c", "s", "v", "test", features, "", float("nan"), float("nan"))
    assert np.allclose(level(clip), 0.5)

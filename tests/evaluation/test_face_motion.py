"""Measures of motion: the truth is 1, half the motion half, a late mouth late."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import load_settings
from emoface_lib.evaluation.motion import diversity, motion_measures
from emoface_lib.features.real_mouths import real_mouths

RATIOS = "lip range", "lip speed", "brow range", "jerk"


@pytest.fixture(scope="module")
def clip() -> Clip:
    settings = load_settings("smoke", features="log_mel", look_ahead=0)
    found = real_mouths(settings, -25.0)[0]
    rng = torch.Generator().manual_seed(0)  # real mouths come without brows
    brows = torch.randn(len(found.landmarks), 1, 1, generator=rng).cumsum(0) / 10
    face = found.landmarks.clone()
    face[:, 17:27] += brows
    return replace(found, landmarks=face)


def test_the_truth_has_its_own_dynamics(clip: Clip) -> None:
    found = motion_measures(clip.displacement, clip)
    assert [found[name] for name in RATIOS] == pytest.approx([1, 1, 1, 1])
    assert found["offset, ms"] == pytest.approx(0, abs=1)
    assert found["SLCC"] > 0.3
    assert found["silent lips, px/s"] >= 0


@pytest.mark.parametrize("share", [0.25, 0.5, 2.0])
def test_a_share_of_the_motion_is_that_share(clip: Clip, share: float) -> None:
    middle = clip.landmarks.mean(0)
    face = middle + share * (clip.landmarks - middle)
    found = motion_measures(face - clip.reference, clip)
    assert [found["brow range"], found["jerk"]] == pytest.approx([share, share], 1e-3)
    assert found["lip speed"] == pytest.approx(share, rel=0.15)  # lips can't cross


@pytest.mark.parametrize("late", [-4, 3])
def test_late_lips_are_late(clip: Clip, late: int) -> None:
    found = motion_measures(clip.displacement.roll(late, 0), clip)
    assert found["offset, ms"] == pytest.approx(20 * late, abs=5)


def test_a_face_that_trembles_has_jerk_and_one_that_stays_has_none(clip: Clip) -> None:
    rng = torch.Generator().manual_seed(1)
    noise = torch.randn(clip.landmarks.shape, generator=rng)
    assert motion_measures(clip.displacement + noise, clip)["jerk"] > 3
    still = motion_measures(torch.zeros_like(clip.landmarks), clip)
    assert [still[name] for name in RATIOS] == pytest.approx([0] * 4, abs=1e-4)
    assert np.isnan([still["SLCC"], still["offset, ms"]]).all()


def test_diversity_is_the_distance_of_mean_faces() -> None:
    first, second = torch.zeros(5, 68, 2), torch.zeros(9, 68, 2)
    second[..., 0] = 3
    assert diversity([first, second]) == pytest.approx(3)
    assert diversity([first, first, first]) == 0

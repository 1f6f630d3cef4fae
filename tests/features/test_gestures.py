"""Coefficients are 0 at rest, and each answers to its own motion of the face."""

import numpy as np
import pytest

from emoface_lib.core.landmarks import (
    CHIN,
    LEFT_LIDS,
    LEFT_MOUTH_CORNER,
    lip_opening,
    mean_face,
)
from emoface_lib.features.align import to_canonical
from emoface_lib.features.gestures import FULL, coefficients, measures
from emoface_lib.translation.warp.lips import close_lips

REST = close_lips(to_canonical(mean_face())[:, :2])


def moved(**shifts: tuple[list[int], tuple[float, float]]) -> np.ndarray:
    face = REST.copy()
    for points, shift in shifts.values():
        face[points] += shift
    return face[None]


def test_a_face_at_rest_shows_nothing() -> None:
    assert (coefficients(REST[None], REST).to_numpy() == 0).all()


@pytest.mark.parametrize(
    ("name", "points", "shift"),
    [
        ("jawOpen", [CHIN], (0, FULL["jawOpen"][1] / 2)),
        ("mouthSmileLeft", [LEFT_MOUTH_CORNER], (0, -FULL["mouthSmileLeft"][1] / 2)),
        ("mouthFrownRight", [48], (0, -FULL["mouthFrownRight"][1] / 2)),
        ("browDownLeft", list(range(22, 27)), (0, -FULL["browDownLeft"][1] / 2)),
    ],
)
def test_half_of_the_full_motion_is_half_of_its_coefficient(
    name: str, points: list[int], shift: tuple[float, float]
) -> None:
    found = coefficients(moved(one=(points, shift)), REST).iloc[0]
    assert found[name] == pytest.approx(0.5, abs=1e-6)
    assert found.drop([name, "mouthPucker"]).max() < 1e-6


def test_closed_lids_are_a_whole_blink() -> None:
    face = REST.copy()
    for upper, lower in LEFT_LIDS:
        face[upper] = face[lower]
    found = coefficients(face[None], REST).iloc[0]
    assert found["eyeBlinkLeft"] == pytest.approx(1)
    assert found["eyeBlinkRight"] == 0


def test_coefficients_stay_between_nothing_and_all() -> None:
    wild = REST + np.random.default_rng(0).normal(0, 40, (50, 68, 2))
    values = coefficients(wild, REST).to_numpy()
    assert values.min() == 0
    assert values.max() == 1
    np.testing.assert_array_equal(measures(wild)["lip opening"], lip_opening(wild))

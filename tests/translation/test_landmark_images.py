"""Landmark images show every region where its points are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emoface_lib.core.landmarks import CHIN, POLYLINES, scale_points
from emoface_lib.core.polylines import DISTINCT
from emoface_lib.translation.landmark_images import landmark_images


def a_face(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(40, 216, size=(1, 68, 2))


def test_every_region_has_its_own_colour() -> None:
    assert set(DISTINCT.colours) == set(POLYLINES)
    assert len(set(DISTINCT.colours.values())) == len(POLYLINES)


def test_a_picture_is_bright_at_the_chin_and_black_far_from_the_face() -> None:
    face = a_face()
    picture = landmark_images(face)[0]
    x, y = np.round(face[0, CHIN]).astype(int)
    assert picture[y, x].max() > 60
    assert picture[:20].max() == 0


def test_a_small_picture_is_the_large_one_made_small() -> None:
    large = landmark_images(a_face(), 256)[0].astype(float).mean(2) > 20
    small = landmark_images(a_face(), 64)[0].astype(float).mean(2) > 20
    pooled = large.reshape(64, 4, 64, 4).max((1, 3))
    assert (pooled & small).sum() > 0.9 * small.sum()


@given(st.floats(0.1, 8), st.floats(-500, 500))
def test_scaling_points_can_be_undone(factor: float, x: float) -> None:
    there = scale_points(np.array([x]), factor)
    assert np.allclose(scale_points(there, 1 / factor), x, atol=1e-6)

"""Expression recognition: crops in one place, and a network that learns them."""

import cv2
import numpy as np

from emoface_lib.core.landmarks import mean_face
from emoface_lib.features.expression import (
    CROP_SIZE,
    ExpressionNet,
    face_crops,
    similarity,
)


def test_similarity_recovers_a_known_turn_size_and_shift() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (9, 2))
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 1.7
    found = similarity(points, points @ turn.T + [5, -3])
    assert np.allclose(found, np.column_stack([turn, [5, -3]]))


def test_a_turned_and_shifted_face_gives_the_same_crop() -> None:
    face = mean_face()[:, :2] * 90 + [120, 110]
    picture = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    picture = cv2.resize(picture, (240, 240), interpolation=cv2.INTER_CUBIC)
    turn = cv2.getRotationMatrix2D((120, 120), 12, 0.9)
    turned = cv2.warpAffine(picture, turn, (240, 240))
    moved = face @ turn[:, :2].T + turn[:, 2]
    first, second = face_crops(
        np.stack([picture, turned]), np.stack([face, moved])
    ).astype(float)
    inner = slice(CROP_SIZE // 4, -CROP_SIZE // 4)
    assert np.abs(first - second)[inner, inner].mean() < 6  # grey levels


def test_light_and_contrast_do_not_count() -> None:
    net = ExpressionNet().eval()
    crops = np.random.default_rng(0).integers(60, 120, (2, 64, 64), dtype=np.uint8)
    plain, bright = net.probabilities(crops), net.probabilities(crops * 2 + 5)
    assert np.abs(plain - bright).max() < 0.02
    assert np.allclose(plain.sum(1), 1, atol=1e-5)


def test_a_large_photograph_is_averaged_not_sampled() -> None:
    face = mean_face()[:, :2] * 900 + [1200, 1100]
    noise = np.random.default_rng(0).integers(0, 255, (2400, 2400, 3), dtype=np.uint8)
    crop = face_crops(noise[None], face[None])[0].astype(float)
    assert crop[20:44, 20:44].std() < 12  # grey levels; single pixels have 50


def test_crops_can_be_in_colour_and_closer() -> None:
    face = mean_face()[:, :2] * 90 + [120, 110]
    picture = np.random.default_rng(0).integers(0, 255, (240, 240, 3), dtype=np.uint8)
    colour = face_crops(picture[None], face[None], size=96, zoom=1.5, grey=False)
    assert colour.shape == (1, 96, 96, 3)

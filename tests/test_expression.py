"""Expression recognition: crops in one place, and a network that learns them."""

from pathlib import Path

import cv2
import numpy as np

from emoface_lib.config import EXPRESSIONS, load_settings
from emoface_lib.features.expression import (
    CROP_SIZE,
    ExpressionNet,
    face_crops,
    similarity,
    train_expressions,
)
from emoface_lib.features.lift import mean_face


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
    assert np.abs(first - second)[inner, inner].mean() < 6  # of 255


def test_light_and_contrast_do_not_count() -> None:
    net = ExpressionNet().eval()
    crops = np.random.default_rng(0).integers(60, 120, (2, 64, 64), dtype=np.uint8)
    plain, bright = net.probabilities(crops), net.probabilities(crops * 2 + 5)
    assert np.abs(plain - bright).max() < 0.02
    assert np.allclose(plain.sum(1), 1, atol=1e-5)


def test_it_learns_what_can_be_seen(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 140)
    crops = rng.integers(0, 60, (140, 64, 64), dtype=np.uint8)
    for crop, label in zip(crops, labels, strict=True):
        crop[8 * label : 8 * label + 8] += 120
    settings = load_settings("smoke", expression_steps=40)
    model = train_expressions(crops, labels, tmp_path, settings)
    assert (model.probabilities(crops).argmax(1) == labels).mean() > 0.9
    assert model.classes == EXPRESSIONS

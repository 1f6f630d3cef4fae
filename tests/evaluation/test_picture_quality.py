"""Measures of rendered frames know a copy, a blur and a face that is not there."""

import cv2
import numpy as np
import pytest

from emoface_lib.evaluation.picture_quality import (
    BEST_PSNR,
    COPIED,
    TRUE,
    Trial,
    face_code,
    face_mask,
    likeness,
    psnr,
    quality_table,
    reading,
)
from emoface_lib.synthetic.heads.draw import FaceDrawer
from emoface_lib.synthetic.heads.shape import CONTROLS, Identity, pose_face, project

SIZE = 128


def draw(seed: int, **moved: float) -> tuple[np.ndarray, np.ndarray]:
    """A drawn face, 128 px, and its landmarks."""
    identity = Identity.random(np.random.default_rng(seed))
    controls = np.array([[moved.get(name, 0.0) for name in CONTROLS]])
    shapes = pose_face(identity, controls)
    large = FaceDrawer(identity).draw(shapes[0], controls[0])
    landmarks = project(identity, shapes, controls)[0, :, :2]
    side = (SIZE, SIZE)
    picture = cv2.resize(large, side, interpolation=cv2.INTER_AREA)
    return picture, (landmarks + 0.5) * SIZE / len(large) - 0.5


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    return draw(3)


def test_a_face_code_is_nearer_to_its_own_face_that_moved_than_to_others() -> None:
    still, moved = (face_code(*draw(3, **{CONTROLS[0]: x})) for x in (0.0, 0.5))
    others = [face_code(*draw(seed)) for seed in range(4, 8)]
    assert still @ still == pytest.approx(1)
    assert all(still @ moved > still @ other for other in others)
    assert np.isnan(face_code(draw(3)[0], None)).all()


def test_psnr_is_that_of_its_formula_and_bounded() -> None:
    dark = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(dark + 10, dark) == pytest.approx(20 * np.log10(255 / 10))
    assert psnr(dark, dark) == BEST_PSNR


def test_blur_is_less_sharp_and_less_like(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    picture, landmarks = drawn
    blurred = cv2.GaussianBlur(picture, (0, 0), 2)
    same, soft = (likeness(x, picture, landmarks) for x in (picture, blurred))
    assert same["sharpness"] == same["SSIM"] == 1
    assert soft["sharpness"] < 0.9
    assert soft["SSIM"] < 0.95
    inside = face_mask(picture, landmarks)[..., None]
    copied = likeness(np.where(inside, blurred, picture), picture, landmarks)
    assert copied["sharpness"] < soft["sharpness"] + 0.1  # the background helps nobody
    beside = likeness(np.where(inside, picture, blurred), picture, landmarks)
    assert beside["sharpness"] > 0.9
    assert soft["mouth PSNR"] < BEST_PSNR
    lattice = 8 * (-1.0) ** np.indices(picture.shape[:2]).sum(0)[..., None]
    noisy = np.clip(blurred + lattice, 0, 255).astype(np.uint8)
    pattern = likeness(noisy, picture, landmarks)["sharpness"]
    assert pattern < soft["sharpness"] + 0.05  # nor does a pattern of single pixels


def test_landmark_error_is_small_on_the_face_and_grows_with_a_shift(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    picture, landmarks = drawn
    here = reading(picture, landmarks)
    there = reading(picture, landmarks + np.array([4, 0]))  # px of 128: 8 of 256
    assert here["found"] == 1
    assert here["landmark error"] < 3
    assert abs(there["landmark error"] - 8) < 2
    nothing = reading(np.zeros_like(picture), landmarks)
    assert nothing["found"] == 0
    assert np.isnan(nothing["landmark error"])


def test_the_table_has_a_row_a_method(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    picture, landmarks = drawn
    rendered = {COPIED: np.roll(picture, 5, axis=1), TRUE: picture}
    trial = Trial("id1", rendered[COPIED], picture, landmarks, rendered)
    table = quality_table([trial, trial]).groupby("method").mean(numeric_only=True)
    assert table.loc[TRUE, "PSNR"] > table.loc[COPIED, "PSNR"]
    assert table.loc[TRUE, "landmark error"] < table.loc[COPIED, "landmark error"]

"""Renderers draw what they are told, one frame a face, in the picture's own size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from emoface_lib.animation.head_motion import clip_motion
from emoface_lib.core.checkpoints import save_model
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import eye_distance, mean_face
from emoface_lib.core.settings import load_settings
from emoface_lib.features.align import to_canonical
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.translation.framing import FRAMED, SIDE, Square, scaled
from emoface_lib.translation.networks import GatedWarp, UNet
from emoface_lib.translation.render import BATCH, NetworkRenderer, make_renderer
from emoface_lib.translation.translators import PairRenderer
from emoface_lib.translation.warp.photo_warp import STILL, PhotoWarp, Pose

SIZE = 64
PICTURE = np.ascontiguousarray(data.astronaut()[:300, 60:390])


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return DlibDetector().detect(PICTURE[None]).landmarks[0, :, :2].astype(float)


def opened(face: np.ndarray, amount: float) -> np.ndarray:
    moved = face.copy()
    moved[[55, 56, 57, 58, 59, 65, 66, 67], 1] += amount
    return moved


def test_a_fresh_unet_shows_a_photograph(face: np.ndarray) -> None:
    renderer = NetworkRenderer(PICTURE, face, PairRenderer(UNet(4)), SIZE)
    (frame,) = renderer.frames([Pose(opened(face, 9))])
    assert frame.shape == PICTURE.shape
    square = Square.around(face, PICTURE.shape)
    beyond = np.ones(PICTURE.shape[:2], bool)
    rows = slice(max(0, square.top), square.top + square.side)
    columns = slice(max(0, square.left), square.left + square.side)
    beyond[rows, columns] = False
    np.testing.assert_array_equal(frame[beyond], PICTURE[beyond])
    assert np.abs(frame.astype(float) - PICTURE).mean() < 12  # 64 px, enlarged


def test_a_gate_that_is_shut_leaves_the_warp_in_full_resolution(
    face: np.ndarray,
) -> None:
    net = GatedWarp(4)
    with torch.no_grad():
        net.leave.weight[3] = 0
        net.leave.bias[3] = -50
    renderer = NetworkRenderer(PICTURE, face, PairRenderer(net), SIZE)
    (frame,) = renderer.frames([Pose(opened(face, 9))])
    (bent,) = PhotoWarp(PICTURE, face).frames([Pose(opened(face, 9))])
    assert np.abs(frame.astype(int) - bent).max() <= 1


@pytest.mark.parametrize("count", [0, 1, BATCH, 2 * BATCH + 1])
def test_one_frame_a_face_and_none_is_computed_before_it_is_asked_for(
    face: np.ndarray, count: int
) -> None:
    taken = []

    def faces():
        for number in range(count):
            taken.append(number)
            yield Pose(opened(face, number))

    renderer = NetworkRenderer(PICTURE, face, PairRenderer(UNet(4)), SIZE)
    frames = renderer.frames(faces())
    assert not taken
    if count:
        next(frames)
        assert len(taken) <= BATCH
    assert len(list(frames)) == max(0, count - 1)


def test_head_motion_moves_the_painting(face: np.ndarray) -> None:
    class Lines(PairRenderer):
        """Shows the landmark image."""

        def render(self, *pictures: np.ndarray) -> np.ndarray:
            return pictures[1]

    renderer = NetworkRenderer(PICTURE, face, Lines(UNet(4)), SIZE)
    shift = STILL + np.array([[0, 0, 12], [0, 0, 0]])
    moved, told = renderer.frames([Pose(face, shift), Pose(face + np.array([12, 0]))])
    np.testing.assert_array_equal(moved, told)


def test_renderers_are_made_by_name(tmp_path: Path, face: np.ndarray) -> None:
    assert isinstance(make_renderer("warp", PICTURE, face, tmp_path), PhotoWarp)
    with pytest.raises(InputError, match="warp, unet, improved"):
        make_renderer("oil", PICTURE, face, tmp_path)
    with pytest.raises(InputError, match="reproduce --through 08"):
        make_renderer("unet", PICTURE, face, tmp_path)
    settings = load_settings("smoke", translator="improved", translator_width=4)
    (tmp_path / "improved").mkdir()
    save_model(tmp_path / "improved" / "model.safetensors", GatedWarp(4), settings)
    renderer = make_renderer("improved", PICTURE, face, tmp_path)
    assert next(renderer.frames([Pose(face)])).shape == PICTURE.shape


def test_a_picture_of_the_corpus_is_taken_whole_and_a_photograph_cut() -> None:
    corpus = to_canonical(mean_face())[:, :2] * 224 / 256
    assert Square.around(corpus, (224, 224, 3)) == Square(0, 0, 224)
    far = corpus + np.array([400, 300])
    square = Square.around(far, (1000, 1000, 3))
    assert eye_distance(far) * FRAMED < 1000
    assert square.side == round(SIDE * eye_distance(far))
    middle = (far.mean(0) - [square.left, square.top]) / square.side
    np.testing.assert_allclose(middle, [0.495, 0.58], atol=0.01)


def test_a_square_beyond_the_border_is_cut_and_laid_back() -> None:
    square = Square(-20, 200, 150)
    cut = square.cut(PICTURE, 150)
    assert cut.shape == (150, 150, 3)
    np.testing.assert_array_equal(cut[:100, 20:], PICTURE[200:, :130])
    np.testing.assert_array_equal(cut[:100, 0], PICTURE[200:, 0])
    laid = PICTURE.copy()
    square.lay(laid, cut.astype(np.float32), np.ones((150, 150, 1), np.float32))
    np.testing.assert_array_equal(laid, PICTURE)
    square.lay(laid, 0 * cut.astype(np.float32), square.fade(PICTURE.shape))
    assert laid[200, 60].tolist() != [0, 0, 0]  # it fades at its edges
    assert laid[270, 60].tolist() == [0, 0, 0]


@pytest.mark.parametrize("size", [16, 64, 256])
def test_scaling_keeps_the_mean(size: int) -> None:
    smooth = np.tile(np.linspace(0, 200, 64)[:, None, None], (1, 64, 3))
    other = scaled(smooth.astype(np.float32), size)
    assert other.shape == (size, size, 3)
    assert abs(other.mean() - smooth.mean()) < 1


def turned(angle: float, axis: str, closed: float = 0.0) -> np.ndarray:
    """The mean face in the canonical frame, turned by degrees."""
    face = to_canonical(mean_face())
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        face[upper] += closed * (face[lower] - face[upper])
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = {
        "yaw": [[c, 0, -s], [0, 1, 0], [s, 0, c]],
        "pitch": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "roll": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }[axis]
    middle = face.mean(0)
    return (face - middle) @ np.array(turn).T + middle


@pytest.mark.parametrize("axis", ["yaw", "pitch", "roll"])
def test_a_clips_turns_are_read_from_its_landmarks(axis: str) -> None:
    angles = 8 * np.sin(np.linspace(0, 4 * np.pi, 101))
    moments = clip_motion(np.stack([turned(angle, axis) for angle in angles]))
    read = [getattr(moment, axis) for moment, _ in zip(moments, angles, strict=False)]
    assert np.abs(np.corrcoef(read, angles)[0, 1]) > 0.99
    assert np.abs(np.abs(read) - np.abs(angles)).max() < 1.5
    others = {"yaw", "pitch", "roll"} - {axis}
    first = next(clip_motion(np.stack([turned(angle, axis) for angle in angles])))
    assert all(abs(getattr(first, other)) < 0.5 for other in others)


def test_a_clips_motion_goes_there_and_back_again_without_a_jump() -> None:
    angles = np.linspace(0, 10, 21)
    moments = clip_motion(np.stack([turned(angle, "roll") for angle in angles]))
    rolls = [next(moments).roll for _ in range(100)]
    assert np.abs(np.diff(rolls)).max() < 1
    assert rolls[0] == rolls[40] == rolls[80]


def test_a_clips_blinks_come_along() -> None:
    closed = np.zeros(50)
    closed[20:24] = 0.9
    moments = clip_motion(np.stack([turned(0, "yaw", share) for share in closed]))
    lids = np.array([next(moments).closed for _ in closed])
    assert lids[20:24].min() > 0.8
    assert np.delete(lids, range(20, 24)).max() < 0.1

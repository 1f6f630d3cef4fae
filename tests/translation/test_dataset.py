"""Pairs come straight from videos, and the same whoever draws them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.core.files import write_npz
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.video import write_video
from emoface_lib.features.align import to_canonical
from emoface_lib.translation.dataset import (
    SHARED,
    STRIDE,
    Pairs,
    Shelf,
    Steps,
    batches,
    resized,
)

SIZE, FRAMES = 32, 12


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """Three clips whose frames are as bright as 40, 80 and 120, with a face."""
    folder = tmp_path_factory.mktemp("clips")
    face = to_canonical(mean_face()) / 4
    videos, features = [], []
    for number in range(3):
        frame = np.full((64, 64, 3), 40 * (number + 1), np.uint8)
        videos.append(folder / f"{number}.mp4")
        write_video(videos[-1], [frame] * FRAMES)
        features.append(folder / f"{number}.npz")
        landmarks = np.tile(face, (FRAMES, 1, 1)).astype(np.float32)
        write_npz(features[-1], landmarks=landmarks, size=np.array([64, 64]))
    return Pairs(videos, features, SIZE)


def test_reference_and_target_are_of_one_clip(pairs: Pairs) -> None:
    pair = pairs.draw(24, np.random.default_rng(0))
    brightness = pair.reference.mean((1, 2, 3))
    assert np.abs(brightness - pair.target.mean((1, 2, 3))).max() < 3
    assert np.ptp(brightness) > 30  # and of several clips


@pytest.mark.parametrize("count", [1, SHARED, SHARED + 1])
def test_as_many_pairs_as_asked_for(pairs: Pairs, count: int) -> None:
    pair = pairs.draw(count, np.random.default_rng(0))
    assert all(part.shape == (count, SIZE, SIZE, 3) for part in pair)
    assert all(part.dtype == np.uint8 for part in pair)


def test_landmark_images_show_the_face_and_the_warp_is_asked_for(pairs: Pairs) -> None:
    pair = pairs.draw(1, np.random.default_rng(0))
    assert pair.landmark_image.max() > 100
    assert np.array_equal(pair.warped, pair.reference)
    bent = Pairs(pairs.videos, pairs.features, SIZE, warp=True)
    warped = bent.draw(1, np.random.default_rng(0)).warped
    assert warped.shape == pair.reference.shape


def test_a_clip_keeps_every_fourth_frame_with_its_landmarks(pairs: Pairs) -> None:
    frames, landmarks = pairs.read(0)
    assert len(frames) == len(landmarks) == FRAMES // STRIDE
    middle = landmarks.mean((0, 1))
    assert np.abs(middle - SIZE / 2).max() < 4


@pytest.mark.slow
def test_batches_of_workers_are_those_that_this_process_draws(pairs: Pairs) -> None:
    steps, wanted = Steps(pairs, 2, seed=7), range(3, 6)
    before = torch.get_rng_state()
    own = list(batches(steps, wanted, workers=0))
    for step, there, here in zip(wanted, batches(steps, wanted, 1), own, strict=True):
        for one, other, again in zip(there, here, steps[step], strict=True):
            np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(one, again)
    assert not np.array_equal(own[0].reference, Steps(pairs, 2, 8)[5].reference)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_face_is_cut_out_of_a_wide_video(tmp_path: Path) -> None:
    face = to_canonical(mean_face())[None].repeat(FRAMES, 0) / 4 + (60, 10, 0)
    frame = np.zeros((96, 160, 3), np.uint8)
    for x, y in face[0, :, :2].round().astype(int):
        frame[y, x] = 255
    video, features = tmp_path / "wide.mp4", tmp_path / "wide.npz"
    write_video(video, [frame] * FRAMES)
    write_npz(features, landmarks=face.astype(np.float32), size=np.array([160, 96]))
    frames, landmarks = Pairs([video], [features], 4 * SIZE).read(0)
    assert frames.shape[1:] == (4 * SIZE, 4 * SIZE, 3)
    there = frames[0, *landmarks[0].round().astype(int).T[::-1]].mean()
    assert there > 3 * frames[0].mean()  # points lie on the face that is shown
    wide, high = np.ptp(landmarks[0], 0)
    assert wide / high == pytest.approx(np.divide(*np.ptp(face[0, :, :2], 0)), 1e-3)


def test_the_shelf_keeps_what_there_is_room_for(pairs: Pairs) -> None:
    one = pairs.read(0)[0].nbytes
    shelf = Shelf(2.5 * one)
    for clip in (0, 1, 2):
        assert np.array_equal(shelf.take(pairs, clip)[0], pairs.read(clip)[0])
    assert len(shelf.kept) == 2
    full = Shelf(0.5 * one)
    assert len(full.take(pairs, 0)[0]) == FRAMES // STRIDE
    assert not full.kept


def test_resized_frames_keep_their_mean() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert abs(resized([frame], 16).mean() - frame.mean()) < 1

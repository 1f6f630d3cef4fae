"""Detectors: right on drawn faces, in step with the video, plain about bad input."""

from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_npz
from emoface_lib.core.landmarks import STABLE, WEIGHTS, lip_opening, mean_face
from emoface_lib.core.video import read_video
from emoface_lib.features.align import align, to_canonical
from emoface_lib.features.detection import (
    LOST,
    Detection,
    Track,
    box_around,
    interpolated,
    overlap,
)
from emoface_lib.features.detectors import TruthDetector
from emoface_lib.features.dlib_detector import REDETECT, DlibDetector
from emoface_lib.features.lift import Standard, first_guess, shipped_lift
from emoface_lib.synthetic.heads.draw import FaceDrawer
from emoface_lib.synthetic.heads.shape import Identity, pose_face, project
from tools.fit_lift import yaw_of

FRAMES = 14
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def detector() -> DlibDetector:
    return DlibDetector(drawn=True)


@pytest.fixture(scope="module")
def clip() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames of a talking, turning head, its landmarks (F, 68, 3) and its yaw (F,)."""
    person = Identity.random(np.random.default_rng(21))
    time = np.arange(FRAMES)
    control = {"open": 0.35 - 0.35 * np.cos(time), "yaw": 18 * np.sin(time / 4)}
    shapes = pose_face(person, control)
    drawer = FaceDrawer(person)
    frames = [
        drawer.draw(shapes[f], {name: values[f] for name, values in control.items()})
        for f in range(FRAMES)
    ]
    return np.array(frames), project(person, shapes, control), control["yaw"]


@pytest.mark.slow
def test_landmarks_of_a_drawn_clip_are_right(detector, clip):
    frames, truth, yaw = clip
    found = detector.detect(frames)
    assert found.landmarks.shape == (FRAMES, 68, 3)
    assert found.landmarks.dtype == np.float32
    assert found.boxes.shape == (FRAMES, 4)
    assert found.found.all()
    assert (found.confidence > 0).all()
    error = np.linalg.norm(found.landmarks[..., :2] - truth[..., :2], axis=-1)
    assert error.mean() < 1.8  # px; the average over identities is in weights/lift.md
    np.testing.assert_allclose(found.landmarks[..., 2].mean(1), 0, atol=1e-3)
    depth = truth[..., 2] - truth[..., 2].mean(1, keepdims=True)
    assert np.abs(found.landmarks[..., 2] - depth).mean() < 2.0
    assert np.abs(yaw_of(found.landmarks) - yaw).mean() < 3
    read, true = lip_opening(found.landmarks), lip_opening(truth[..., :2])
    assert np.corrcoef(read, true)[0, 1] > 0.9


def test_the_shipped_face_detector_is_dlibs_own(tmp_path):
    dlib.get_frontal_face_detector().save(str(tmp_path / "own.svm"))
    shipped = WEIGHTS / "face_detector.svm"
    assert shipped.read_bytes() == (tmp_path / "own.svm").read_bytes()


@pytest.mark.slow
def test_dlib_is_never_given_a_view_of_a_larger_picture(clip, monkeypatch):
    """It reads the memory of a copy that is freed before: other faces each time."""
    detector = DlibDetector(drawn=True)
    real, whole = detector.face_detector, []

    class Spy:
        def run(self, picture, *options):
            whole.append(picture.flags.c_contiguous)
            return real.run(picture, *options)

    monkeypatch.setattr(detector, "face_detector", Spy())
    small = np.array([cv2.resize(frame, (176, 176)) for frame in clip[0]])
    detector.detect(np.pad(small, ((0, 0), (40, 40), (90, 90), (0, 0))))
    assert len(whole) > 1  # the first picture, then parts of pictures
    assert all(whole)


@pytest.mark.slow
def test_frames_without_a_face_are_filled_and_marked(detector, clip):
    frames = clip[0].copy()
    frames[5:8] = 0
    found = detector.detect(frames)
    assert len(found.landmarks) == FRAMES
    assert not found.found[5:8].any()
    assert found.found[[0, 1, 2, 3, 9, 12]].all()
    assert (found.confidence[5:8] == 0).all()
    assert np.isfinite(found.landmarks).all()


def test_a_short_gap_that_reaches_a_search_is_noticed_back_to_its_start(detector, clip):
    frames = clip[0].copy()
    frames[REDETECT + 2 : 2 * REDETECT + 1] = 0  # also where nothing is searched
    found = detector.detect(frames)
    assert not found.found[REDETECT + 2 : 2 * REDETECT + 1].any()
    assert found.found[: REDETECT + 2].all()
    assert (~found.found).sum() == found.longest_gap == REDETECT - 1
    found.check_gaps(REDETECT - 1)
    with pytest.raises(InputError, match="longest_gap = 2"):
        found.check_gaps(2)


@pytest.mark.parametrize(
    ("found", "gap"), [("1111", 0), ("0110", 1), ("1001000", 3), ("0000", 4)]
)
def test_the_longest_gap_counts_the_ends_too(found, gap):
    seen = np.array([letter == "1" for letter in found])
    empty = np.zeros((len(seen), 0))
    assert Detection(empty, empty, seen, empty).longest_gap == gap


def test_a_track_waits_for_its_face_and_begins_anew_when_that_stays_away():
    mine, other = ((0.0, 0.0, 50.0, 50.0), 1.0), ((200.0, 0.0, 300.0, 100.0), 2.0)
    track = Track()
    assert track.choose([mine]) == mine
    assert track.choose([other, mine]) == mine  # not the larger
    assert all(track.choose([other]) is None for _ in range(LOST))
    assert track.choose([other, mine]) == mine
    assert all(track.choose([other]) is None for _ in range(LOST + 1))
    assert track.choose([other]) == other


def test_a_track_stays_with_its_face_when_a_larger_one_appears(detector, clip):
    small = clip[0][0]
    large = cv2.resize(small, None, fx=1.5, fy=1.5)
    alone = np.zeros((336, 224 + 336, 3), np.uint8)
    alone[:224, :224] = small
    both = alone.copy()
    both[:, 224:] = large
    found = detector.detect([alone] * 3 + [both] * 5)
    assert found.landmarks[..., 0].max() < 224
    first = detector.detect([both])
    assert first.landmarks[..., 0].min() > 224  # without a track, the larger
    faces = detector.faces(both)
    assert len(faces) == 2
    assert overlap(faces[0][0], (224, 0, 560, 336)) > overlap(
        faces[1][0], (224, 0, 560, 336)
    )


def test_large_pictures_are_read_at_their_own_size(detector, clip):
    picture, truth, _ = (part[0] for part in clip)
    large = cv2.resize(picture, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    (box, _), *_ = detector.faces(large)
    points = detector.points(large, box)
    expected = (truth[:, :2] + 0.5) * 6 - 0.5
    assert np.linalg.norm(points - expected, axis=-1).mean() < 6 * 4


def test_no_face_and_wrong_arrays_are_said_in_a_sentence(detector):
    empty = np.full((120, 160, 3), 128, np.uint8)
    assert detector.faces(empty) == []
    with pytest.raises(InputError, match="No face was found in 3 frames"):
        detector.detect([empty] * 3)
    for wrong in (empty[..., 0], empty.astype(float), np.zeros((9, 9, 4), np.uint8)):
        with pytest.raises(InputError, match="RGB uint8"):
            detector.faces(wrong)


def test_truth_is_read_from_the_sidecar(tmp_path, clip):
    frames, truth, _ = clip
    sidecar = tmp_path / "00001.npz"
    with pytest.raises(InputError, match="is missing"):
        TruthDetector(sidecar).detect(frames)
    write_npz(sidecar, landmarks=truth.astype(np.float32))
    found = TruthDetector(sidecar).detect(frames)
    np.testing.assert_allclose(found.landmarks[..., :2], truth[..., :2], rtol=1e-5)
    assert found.found.all()
    with pytest.raises(InputError, match="the video 3"):
        TruthDetector(sidecar).detect(frames[:3])


def test_interpolation_is_linear_between_and_constant_outside():
    found = np.array([False, True, False, False, True, False])
    values = interpolated(np.array([[1.0], [4.0]]), np.flatnonzero(found), np.arange(6))
    np.testing.assert_allclose(values[:, 0], [1, 1, 2, 3, 4, 4])


def test_boxes_move_and_grow_with_the_face():
    points = mean_face()[:, :2] * 60 + 100
    left, top, right, bottom = box_around(points)
    assert right - left == pytest.approx(bottom - top)
    moved = np.array(box_around(points * 2 + 7))
    np.testing.assert_allclose(moved, np.array([left, top, right, bottom]) * 2 + 7)


def test_standard_readings_go_there_and_back():
    rng = np.random.default_rng(1)
    picture = rng.uniform(20, 200, (3, 68, 3))
    standard = Standard.of(picture[..., :2])
    np.testing.assert_allclose(standard.outside(standard.inside(picture)), picture)


@pytest.mark.parametrize("yaw", [-25.0, 0.0, 12.0])
def test_the_first_guess_of_depth_recovers_a_known_turn(yaw):
    a = np.deg2rad(yaw)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    seen = mean_face() @ turn.T
    guess = first_guess(seen[None, :, :2])
    np.testing.assert_allclose(
        guess[0, :, 2], seen[:, 2] - seen[:, 2].mean(), atol=1e-9
    )
    assert yaw_of(guess)[0] == pytest.approx(yaw)


def test_the_lift_moves_with_the_picture():
    points = mean_face()[None, :, :2] * 70 + 110
    there = shipped_lift()(points * 3 + [40, -9])
    expected = shipped_lift()(points) * 3 + [40, -9, 0]
    np.testing.assert_allclose(there, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="trial data is not here")
def test_real_faces_are_found_and_alignment_stills_them():
    frames, _ = read_video(REAL / "grid_sample" / "s_b" / "lbax4n.mpg", rate=25)
    found = DlibDetector().detect(frames)
    assert (~found.found).sum() == 0
    aligned, pose = align(found.landmarks.astype(float), to_canonical(mean_face()))
    before = found.landmarks[:, STABLE, :2].std(0).mean() * pose.scale
    assert aligned[:, STABLE, :2].std(0).mean() < 0.5 * before


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="trial data is not here")
def test_a_real_profile_is_missed_and_said():
    path = REAL / "voxceleb2_sample/mp4/id00002/00002/00001.mp4"
    frames, _ = read_video(path, rate=25)
    found = DlibDetector().detect(frames[:80])
    assert (~found.found).sum() > 12
    with pytest.raises(InputError, match="frames in a row"):
        found.check_gaps(12)

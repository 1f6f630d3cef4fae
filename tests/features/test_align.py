"""Alignment undoes known motion; ICP and Kabsch agree; poses can be put back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from emoface_lib.core.landmarks import EYE_DISTANCE, STABLE, eye_distance
from emoface_lib.features.align import align, icp, kabsch, mean_face


def a_face(seed: int = 0) -> np.ndarray:
    """A made-up frontal face: 68 points of a rough head, in the canonical frame."""
    rng = np.random.default_rng(seed)
    points = rng.uniform([60, 60, -40], [196, 196, 40], size=(68, 3))
    points[[36, 45]] = [[80, 100, 10], [176, 100, 10]]
    return points


angles = st.floats(-25, 25)


@given(st.tuples(angles, angles, angles), st.floats(0.3, 3))
@settings(max_examples=25)
def test_a_known_rigid_motion_is_undone(turn: tuple, size: float) -> None:
    rotation = Rotation.from_euler("yxz", turn, degrees=True).as_matrix()
    moved = (a_face() @ rotation.T * size + [300, 50, 7])[None]
    for method in ("kabsch", "icp"):
        aligned, pose = align(moved, a_face(), method)
        assert np.abs(aligned[0] - a_face()).max() < 1e-6
        assert np.abs(pose.undo(aligned) - moved).max() < 1e-6


@given(st.tuples(angles, angles, angles))
@settings(max_examples=25)
def test_icp_and_kabsch_agree(turn: tuple) -> None:
    rotation = Rotation.from_euler("yxz", turn, degrees=True).as_matrix()
    moved = (a_face()[STABLE] @ rotation.T)[None]
    target = a_face()[STABLE]
    assert np.abs(icp(moved, target) - kabsch(moved, target)).max() < 1e-6


def test_icp_needs_no_pairs() -> None:
    turn = Rotation.from_euler("yxz", [6, -4, 3], degrees=True)
    face = a_face()
    shuffled = np.random.default_rng(2).permutation(face @ turn.as_matrix().T)
    assert np.abs(icp(shuffled[None], face)[0] - turn.inv().as_matrix()).max() < 1e-6


def test_icp_converges_frame_by_frame() -> None:
    """A frame that has converged doesn't end the search for the others."""
    turns = Rotation.from_euler("y", [[0.0]] * 99 + [[14.0]], degrees=True)
    moved = a_face()[STABLE] @ turns.as_matrix().swapaxes(1, 2)
    together = icp(moved, a_face()[STABLE])
    assert np.allclose(together[-1], icp(moved[-1:], a_face()[STABLE])[0])


def test_kabsch_never_mirrors_a_face() -> None:
    mirrored = a_face() * [-1, 1, 1]
    assert np.linalg.det(kabsch(mirrored[None], a_face()))[0] == pytest.approx(1)


@pytest.mark.parametrize(("axis", "column"), [("y", 0), ("x", 1), ("z", 2)])
def test_pose_is_told_in_degrees_about_the_right_axis(axis: str, column: int) -> None:
    turned = a_face() @ Rotation.from_euler(axis, 20, degrees=True).as_matrix().T
    degrees = align(turned[None], a_face())[1].degrees()[0]
    assert abs(degrees[column]) == pytest.approx(20)
    assert np.abs(np.delete(degrees, column)).max() < 1e-6


def test_nose_of_a_positive_yaw_points_to_the_right_of_the_picture() -> None:
    face = a_face()
    nose, head = np.array([0.0, 0, -1]), Rotation.from_euler("y", -20, degrees=True)
    assert head.apply(nose)[0] > 0
    degrees = align((face @ head.as_matrix().T)[None], face)[1].degrees()[0]
    assert degrees[0] == pytest.approx(20)


def test_mean_face_of_turned_copies_is_the_face() -> None:
    rng = np.random.default_rng(1)
    turns = Rotation.from_euler("yxz", rng.uniform(-20, 20, (12, 3)), degrees=True)
    size = rng.uniform(0.5, 2, (12, 1, 1))
    faces = a_face() @ turns.as_matrix().swapaxes(1, 2) * size
    mean = mean_face(faces, start=a_face())
    assert eye_distance(mean[:, :2]) == pytest.approx(EYE_DISTANCE)
    aligned, _ = align(mean[None], a_face())
    assert np.abs(aligned[0] - a_face()).max() < 1e-6

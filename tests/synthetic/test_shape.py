"""Shapes of drawn faces: lips and lids stay in order, the camera where it is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.landmarks import (
    LEFT_LIDS,
    LEFT_MOUTH_CORNER,
    LOWER_INNER_LIP,
    MIRROR,
    RIGHT_LIDS,
    RIGHT_MOUTH_CORNER,
    UPPER_INNER_LIP,
    lip_opening,
)
from emoface_lib.synthetic.heads.shape import (
    CENTRE,
    CONTROLS,
    PIVOT,
    Identity,
    pose_face,
    project,
    rotation,
    stack_controls,
)

UNIT = st.floats(0, 1)
ANY = {
    **dict.fromkeys(("open", "press", "tuck", "protrude", "blink"), UNIT),
    **{name: st.floats(-1, 1) for name in ("wide", "gaze_x", "gaze_y")},
    **{name: st.floats(0, 1.2) for name in EXPRESSIONS if name in CONTROLS},
}


def person(seed: int = 0) -> Identity:
    return Identity.random(np.random.default_rng(seed))


@pytest.mark.slow
@given(seed=st.integers(0, 2**16), control=st.fixed_dictionaries(ANY))
@settings(max_examples=80)
def test_lips_and_lids_stay_in_order(seed, control):
    face = pose_face(person(seed), control)[0]
    assert (face[LOWER_INNER_LIP, 1] >= face[UPPER_INNER_LIP, 1] - 1e-9).all()
    for upper, lower in RIGHT_LIDS + LEFT_LIDS:
        assert face[lower, 1] > face[upper, 1]
    assert face[RIGHT_MOUTH_CORNER, 0] < face[LEFT_MOUTH_CORNER, 0]


@given(control=st.fixed_dictionaries(ANY))
@settings(max_examples=40)
def test_pressed_lips_are_closed_whatever_else_the_face_does(control):
    face = pose_face(person(), {**control, "press": 1.0, "tuck": 0.0})
    assert lip_opening(face)[0] < 0.02  # face units; about 1 px


def test_opening_is_monotone_and_reaches_the_widest_vowel():
    opening = lip_opening(pose_face(person(), {"open": np.linspace(0, 1, 9)}))
    assert (np.diff(opening) > 0).all()
    assert 0.2 < opening[-1] < 0.35  # face units; 20 to 30 mm


def test_a_mouth_does_not_narrow_as_it_opens_as_real_ones_do_not():
    face = pose_face(person(), {"open": np.linspace(0, 1, 9)})
    width = face[:, LEFT_MOUTH_CORNER, 0] - face[:, RIGHT_MOUTH_CORNER, 0]
    assert (np.diff(width) >= 0).all()
    assert width[-1] < 1.1 * width[0]


def test_a_blink_closes_the_lids_to_their_edge():
    face = pose_face(person(), {"blink": 1.0, "surprise": 1.0})[0]
    gaps = [face[lower, 1] - face[upper, 1] for upper, lower in RIGHT_LIDS + LEFT_LIDS]
    assert max(gaps) < 0.011


def test_frames_are_posed_independently():
    rng = np.random.default_rng(3)
    control = rng.random((5, len(CONTROLS)))
    together = pose_face(person(), control)
    alone = np.concatenate([pose_face(person(), row[None]) for row in control])
    np.testing.assert_allclose(together, alone)


def test_identities_repeat_from_a_seed_and_differ_between_seeds():
    assert person(5).look == person(5).look
    np.testing.assert_array_equal(person(5).neutral, person(5).neutral)
    spread = np.std([person(seed).neutral for seed in range(30)], axis=0)
    assert spread[..., :2].mean() > 0.01
    assert len({person(seed).look.hairstyle for seed in range(40)}) >= 6


def test_expressions_move_both_sides_alike():
    flat = person()
    moved = pose_face(flat, {"happiness": 1.0}) - pose_face(flat, {"open": 0.0})
    np.testing.assert_allclose(moved[0, MIRROR] * [-1, 1, 1], moved[0], atol=0.02)


def test_an_unknown_control_is_refused():
    with pytest.raises(KeyError, match="smile"):
        stack_controls({"smile": np.ones(3)})


def test_the_pivot_is_seen_at_the_centre_whatever_the_pose():
    control = {"yaw": 15.0, "pitch": -5.0, "roll": 4.0, "shift_x": 3.0, "shift_y": -2.0}
    seen = project(person(), PIVOT[None, None], control)[0, 0]
    np.testing.assert_allclose(seen, [*(CENTRE * 224 - 0.5 + [3, -2]), 0], atol=1e-9)


def test_pictures_of_other_sizes_show_the_same_place():
    # the centre of the top-left pixel is (0, 0): edges of pictures agree, not centres
    face = person().neutral[None]
    small, large = (project(person(), face, {"yaw": 9.0}, size) for size in (112, 224))
    np.testing.assert_allclose((small[..., :2] + 0.5) * 2 - 0.5, large[..., :2])


def test_positive_angles_turn_as_documented():
    nose = np.array([0.0, 0.0, -1.0])
    turned = {
        name: rotation(
            *(np.array([10.0 * (name == n)]) for n in ("yaw", "pitch", "roll"))
        )
        for name in ("yaw", "pitch", "roll")
    }
    assert (turned["yaw"][0] @ nose)[0] < 0  # to the left in the picture
    assert (turned["pitch"][0] @ nose)[1] > 0  # down
    assert (turned["roll"][0] @ [0, -1, 0])[0] > 0  # the crown to the right

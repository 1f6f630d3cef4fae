"""Drawn heads: nothing torn, features in place, the same picture from the same seed."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoface_lib.core.landmarks import mean_face
from emoface_lib.synthetic.heads.draw import FaceDrawer
from emoface_lib.synthetic.heads.mesh import (
    head_mesh,
    inverse_map,
    spline,
    spline_weights,
)
from emoface_lib.synthetic.heads.shape import Identity, pose_face, project
from emoface_lib.synthetic.heads.sheet import Sheet

# where turning to 20 degrees hides nothing: brows, nose bridge, eyes, lips' outer edge
ALWAYS_SEEN = [*range(18, 26), *range(27, 31), *range(37, 39), *range(43, 45), 51, 57]
PERSON = Identity.random(np.random.default_rng(4))


@pytest.fixture(scope="module")
def drawer() -> FaceDrawer:
    return FaceDrawer(PERSON)


def drawn(drawer: FaceDrawer, **control: float) -> np.ndarray:
    return drawer.draw(pose_face(drawer.identity, control)[0], control)


def pixel(drawer: FaceDrawer, point: np.ndarray, **control: float) -> tuple[int, int]:
    x, y = project(drawer.identity, point[None, None], control)[0, 0, :2]
    return round(y), round(x)


@given(
    yaw=st.floats(-20, 20),
    pitch=st.floats(-8, 8),
    roll=st.floats(-6, 6),
    opening=st.floats(0, 1),
    happiness=st.floats(0, 1.2),
)
@settings(max_examples=15)
def test_landmarks_are_where_the_camera_puts_them(yaw, pitch, roll, opening, happiness):
    """The warp brings each landmark's texture to the landmark: nothing is torn."""
    person = Identity.random(np.random.default_rng(9))
    control = {"yaw": yaw, "pitch": pitch, "roll": roll}
    control |= {"open": opening, "happiness": happiness}
    shape, mesh, sheet = pose_face(person, control)[0], head_mesh(), Sheet(100.0)
    corners = project(person, mesh.vertices(shape)[None], control)[0][mesh.triangles]
    texture = sheet.pixels(mesh.texture)[mesh.triangles]
    where = inverse_map(corners[..., :2], corners[..., 2].mean(1), texture, 224)
    seen = project(person, shape[None], control)[0, ALWAYS_SEEN, :2]
    found = [
        cv2.remap(
            plane,
            *(c.reshape(1, -1).astype(np.float32) for c in seen.T),
            cv2.INTER_LINEAR,
        )
        for plane in where
    ]
    expected = sheet.pixels(mean_face()[ALWAYS_SEEN, :2])
    error = np.hypot(*(np.array(found)[:, 0] - expected.T))
    assert error.max() < 4  # px of a texture of 100 px a face unit


def test_same_seed_same_picture(drawer):
    again = FaceDrawer(Identity.random(np.random.default_rng(4)))
    first, second = (drawn(d, yaw=7.0, open=0.4) for d in (drawer, again))
    assert first.shape == (224, 224, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)


def test_background_stands_still_while_the_head_moves(drawer):
    still, turned = drawn(drawer), drawn(drawer, yaw=20.0, roll=5.0, open=1.0)
    np.testing.assert_array_equal(still[:20, :30], turned[:20, :30])
    assert (still != turned).any()


@pytest.mark.parametrize("yaw", [-20.0, 0.0, 20.0])
def test_an_open_mouth_is_dark_inside_and_a_closed_one_is_not(drawer, yaw):
    control = {"open": 1.0, "yaw": yaw}
    face = pose_face(drawer.identity, control)[0]
    inside = pixel(drawer, face[62] * 0.5 + face[66] * 0.5, **control)
    lips = pixel(drawer, face[51] * 0.5 + face[62] * 0.5, **control)
    opened = drawn(drawer, **control).astype(int)
    assert opened[inside].sum() < 0.6 * opened[lips].sum()
    closed = {"press": 1.0, "yaw": yaw}
    shut = drawn(drawer, **closed).astype(int)
    face = pose_face(drawer.identity, closed)[0]
    chin_side = pixel(drawer, face[57] * 0.5 + face[66] * 0.5, **closed)
    assert shut[chin_side][0] > shut[chin_side][2]  # lip, not cavity or teeth


@pytest.mark.parametrize("yaw", [-20.0, 20.0])
def test_eyes_are_white_when_open_and_skin_when_closed(drawer, yaw):
    for eye in (slice(36, 42), slice(42, 48)):
        face = pose_face(drawer.identity, {"surprise": 1.0})[0]
        inner, outer = face[eye][[0, 3]]
        corner = 0.72 * inner + 0.28 * outer  # beside the iris
        at = pixel(drawer, corner + face[eye].mean(0) - (inner + outer) / 2, yaw=yaw)
        opened = drawn(drawer, surprise=1.0, yaw=yaw)[at].astype(int)
        closed = drawn(drawer, surprise=1.0, blink=1.0, yaw=yaw)[at].astype(int)
        assert np.ptp(opened) < np.ptp(closed)  # white has no hue, skin has


@pytest.mark.slow
def test_other_sizes_show_the_same_face():
    large = FaceDrawer(PERSON, size=448)
    control = {"yaw": 8.0, "open": 0.5}
    shape = pose_face(PERSON, control)[0]
    small = FaceDrawer(PERSON).draw(shape, control)
    shrunk = cv2.resize(
        large.draw(shape, control), (224, 224), None, 0, 0, cv2.INTER_AREA
    )
    difference = np.abs(shrunk.astype(int) - small)[40:200, 60:160]
    assert difference.mean() < 8


@given(count=st.integers(3, 9), steps=st.integers(1, 7), closed=st.booleans())
def test_splines_pass_through_their_points(count, steps, closed):
    weights = spline_weights(count, steps, closed)
    np.testing.assert_allclose(weights[::steps], np.eye(count), atol=1e-12)
    np.testing.assert_allclose(weights.sum(1), 1)
    line = np.stack([np.arange(count), 2.0 * np.arange(count)], 1)
    if not closed:  # a straight line stays straight
        curve = spline(line, steps)
        np.testing.assert_allclose(curve[:, 1], 2 * curve[:, 0], atol=1e-9)

"""The photograph's warp: lips close and open, lids close, nothing else is touched."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from emoface_lib.animation.head_motion import (
    blink,
    gentle_motion,
    head_transform,
    turn_face,
)
from emoface_lib.core.landmarks import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_LIDS,
    LIPS,
    LOWER_INNER_LIP,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_LIDS,
    UPPER_INNER_LIP,
    lip_opening,
)
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.synthetic.portraits import CAST, resting_portrait
from emoface_lib.translation.warp.fields import Lattice, invert, thin_plate
from emoface_lib.translation.warp.lips import (
    JAW_FOLLOWS,
    LOWER_LIP,
    TAKEN,
    close_lips,
    lip_curves,
    uncross_lips,
)
from emoface_lib.translation.warp.photo_warp import PhotoWarp
from emoface_lib.translation.warp.raster import blend, polygon_mask
from emoface_lib.translation.warp.teeth import darkest_depth, light_on_teeth

WHITE = 120  # levels in 0..255; skin of the cast's first face has less blue
GENERATOR = np.random.default_rng(7)


@pytest.fixture(scope="module")
def detector() -> DlibDetector:
    return DlibDetector()


@pytest.fixture(scope="module")
def warp(detector: DlibDetector) -> PhotoWarp:
    """A smiling face with teeth, 60 px between the eye corners."""
    picture = data.astronaut()
    return PhotoWarp(picture, read(detector, picture))


def read(detector: DlibDetector, picture: np.ndarray) -> np.ndarray:
    """Points (68, 2) that the detector sees."""
    return detector.points(picture, detector.faces(picture)[0][0])


def opened(landmarks: np.ndarray, opening: float) -> np.ndarray:
    """Drop the jaw of a face (68, 2) by px."""
    moved = landmarks.copy()
    moved[:17, 1] += 0.7 * opening * JAW_FOLLOWS
    moved[LOWER_LIP, 1] += opening * TAKEN.sum(1)
    return moved


def lid_opening(landmarks: np.ndarray) -> float:
    pairs = (*RIGHT_LIDS, *LEFT_LIDS)
    return float(np.mean([landmarks[low, 1] - landmarks[up, 1] for up, low in pairs]))


def share_of_teeth(warp: PhotoWarp, picture: np.ndarray) -> float:
    """Bright, colourless pixels between the outer lips, as photographed."""
    mask = polygon_mask(warp.landmarks[OUTER_LIPS], picture.shape)
    pixels = picture[mask > 200].astype(int)
    white = (pixels.min(1) > 150) & (pixels.max(1) - pixels.min(1) < 50)
    return float(white.mean())


@pytest.mark.slow
def test_closed_lips_touch_and_keep_their_thickness(warp: PhotoWarp) -> None:
    assert lip_opening(warp.landmarks) > 4
    assert lip_opening(warp.closed) < 1e-6
    for inner, outer in ((61, 50), (62, 51), (63, 52), (67, 58), (66, 57), (65, 56)):
        before = warp.landmarks[inner] - warp.landmarks[outer]
        np.testing.assert_allclose(warp.closed[inner] - warp.closed[outer], before)
    still = [*range(17, 49), 54, 60, 64]
    np.testing.assert_array_equal(warp.closed[still], warp.landmarks[still])


@settings(max_examples=30)
@given(opening=st.floats(0, 60), angle=st.floats(-30, 30))
def test_a_tilted_mouth_closes(warp: PhotoWarp, opening: float, angle: float) -> None:
    a = np.radians(angle)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    closed = close_lips(opened(warp.closed, opening) @ turn.T)
    gaps = closed[LOWER_INNER_LIP] - closed[UPPER_INNER_LIP]
    assert np.abs(gaps).max() < 1e-6
    np.testing.assert_allclose(close_lips(closed), closed, atol=1e-6)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 12))
def test_lips_never_pass_each_other(warp: PhotoWarp, seed: int, size: float) -> None:
    noise = np.random.default_rng(seed).normal(0, size, (68, 2))
    target = uncross_lips(warp.closed + noise)
    along = target[54] - target[48]
    down = np.array([-along[1], along[0]])
    assert ((target[LOWER_INNER_LIP] - target[UPPER_INNER_LIP]) @ down > -1e-6).all()


def test_teeth_of_a_photograph_hide_while_the_mouth_is_closed(warp: PhotoWarp) -> None:
    shown = share_of_teeth(warp, warp.picture)
    assert shown > 0.2
    assert share_of_teeth(warp, warp.render(warp.closed)) < 0.3 * shown


def test_mouth_opens_as_asked_in_the_eyes_of_a_detector(
    warp: PhotoWarp, detector: DlibDetector
) -> None:
    wanted = [0.0, 4.0, 8.0, 12.0, 16.0]
    frames = [warp.render(opened(warp.closed, opening)) for opening in wanted]
    seen = np.array([lip_opening(read(detector, frame)) for frame in frames])
    assert (np.diff(seen) > 1).all()
    assert seen[0] < 2
    assert abs(seen[-1] - wanted[-1]) < 5


def test_open_mouth_has_teeth_above_a_dark_cavity(warp: PhotoWarp) -> None:
    target = opened(warp.closed, 20)
    frame = warp.render(target)
    x = round(target[62, 0])
    top, bottom = target[62, 1], target[66, 1]
    column = frame[round(top) : round(bottom), x - 3 : x + 4].mean((1, 2))
    assert column[: len(column) // 2].max() > 120
    assert column[len(column) // 2 :].min() < 50


def test_a_raised_tongue_fills_the_cavity_below_upper_teeth(drawn: PhotoWarp) -> None:
    target = opened(drawn.closed, 16)
    inside = polygon_mask(target[INNER_LIPS], drawn.picture.shape) > 127
    low, raised = (drawn.render(target, tongue=up).astype(int) for up in (0.0, 1.0))
    redness = [(frame[inside] @ [1, -0.5, -0.5]).mean() for frame in (low, raised)]
    assert redness[1] > redness[0] + 8
    changed = np.abs(raised - low).max(-1)
    assert changed[cv2.dilate(inside.astype(np.uint8), np.ones((5, 5))) == 0].max() == 0


@pytest.mark.parametrize("tilt", [0.0, 1.0, -1.0])
def test_rows_of_teeth_are_parted_across_a_tilted_mouth(tilt: float) -> None:
    y, x = np.mgrid[-30:30, -30:30]
    down = y * np.cos(tilt) + x * np.sin(tilt)
    opening = np.where(np.hypot(x, y) < 25, 255, 0).astype(np.uint8)
    grey = np.where(np.abs(down - 6) < 2, 30, 200).astype(np.uint8)
    found = darkest_depth(cv2.merge([grey] * 3), opening, down)
    assert abs(found - 6) <= 1.5


def test_lids_close_for_a_detector(warp: PhotoWarp, detector: DlibDetector) -> None:
    frames = [warp.render(blink(warp.closed, closed)) for closed in (0.0, 0.5, 1.0)]
    openings = [lid_opening(read(detector, frame)) for frame in frames]
    assert openings[0] > openings[1] > openings[2]
    assert openings[2] < 0.6 * openings[0]


@pytest.fixture(scope="module")
def drawn(detector: DlibDetector) -> PhotoWarp:
    picture = resting_portrait(CAST[0])
    return PhotoWarp(picture, read(detector, picture))


def eyes_of(warp: PhotoWarp, widened: float = 1.0) -> np.ndarray:
    """Where the eyes are, by a factor wider than their landmarks: bool (H, W)."""
    eyes = np.zeros(warp.picture.shape[:2], bool)
    for eye in (RIGHT_EYE, LEFT_EYE):
        middle = warp.landmarks[eye].mean(0)
        points = middle + (warp.landmarks[eye] - middle) * [widened, 1]
        eyes |= polygon_mask(points, eyes.shape) > 127
    return eyes


def shown_of(warp: PhotoWarp, part: np.ndarray, openings: list[float]) -> np.ndarray:
    """How much of a part is seen at openings of the lids, as a share of the first."""
    dyed = PhotoWarp(warp.picture, warp.landmarks)
    dyed.skin = np.where(part[..., None], np.uint8([0, 255, 0]), dyed.skin)
    areas = []
    for opening in openings:
        target = blink(warp.closed, 1 - opening)
        change = dyed.render(target).astype(int) - warp.render(target)
        areas.append((change[..., 1] - change[..., ::2].max(-1)).clip(0).sum())
    return np.array(areas) / areas[0]


def test_eyes_show_what_lids_leave_and_closed_ones_no_white(drawn: PhotoWarp) -> None:
    eyes, asked = eyes_of(drawn), [1, 0.75, 0.5, 0.25, 0]
    shown = shown_of(drawn, eyes, asked)
    np.testing.assert_allclose(shown, asked, atol=0.12)
    assert shown[-1] < 0.02
    frames = [drawn.render(blink(drawn.closed, closed)) for closed in (0, 1)]
    whites = [(frame[eyes].min(-1) > WHITE).sum() for frame in frames]
    assert whites[0] > 20
    assert whites[1] == 0


def test_closed_lids_cover_what_eyes_have_beyond_landmarks(drawn: PhotoWarp) -> None:
    beyond = eyes_of(drawn, widened=1.2) & ~eyes_of(drawn)
    assert shown_of(drawn, beyond, [1, 0])[1] < 0.15


def test_no_lids_are_drawn_on_shades(drawn: PhotoWarp) -> None:
    shades, around = drawn.picture.copy(), np.ones((15, 15), np.uint8)
    hidden = cv2.dilate(eyes_of(drawn, widened=1.5).astype(np.uint8), around) > 0
    shades[hidden] = [40, 60, 150]
    warp = PhotoWarp(shades, drawn.landmarks)
    frame = warp.render(blink(warp.closed, 1.0), gaze=np.array([2.0, 0]))
    np.testing.assert_array_equal(frame, warp.render(warp.closed))


def test_everything_but_the_head_stays_as_photographed(warp: PhotoWarp) -> None:
    motion = np.array([[1, 0.02, -3.0], [-0.02, 1, 2.0]])
    frame = warp.render(opened(warp.closed, 15), motion)
    assert frame.shape == warp.picture.shape
    changed = (frame != warp.picture).any(-1)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert rows[-1] < 300
    assert columns[0] > 50
    assert columns[-1] < 390
    still = warp.render(warp.landmarks)
    outside = np.abs(still.astype(int) - warp.picture).max(-1)
    mask = polygon_mask(warp.landmarks[OUTER_LIPS], outside.shape) == 0
    assert np.percentile(outside[mask], 99.9) <= 2


def test_no_crease_at_the_edge_of_the_face(warp: PhotoWarp) -> None:
    """Neighbouring pixels come from neighbouring places, all around the mouth."""
    shift = opened(warp.closed, 15) - warp.landmarks
    for field in (warp.upper, warp.lower):
        spread = field.spread(shift) / warp.lattice.step
        steps = [np.abs(np.diff(spread, axis=axis)).max() for axis in (0, 1)]
        assert max(steps) < 1.5
    edge = warp.upper.spread(shift)
    border = [edge[0], edge[-1], edge[:, 0], edge[:, -1]]
    assert max(np.abs(side).max() for side in border) == 0


def test_head_motion_moves_faces_whole(warp: PhotoWarp, detector: DlibDetector) -> None:
    motion = np.array([[1, 0, 5.0], [0, 1, -4.0]])
    frames = [warp.render(warp.closed), warp.render(warp.closed, motion)]
    before, after = (read(detector, frame) for frame in frames)
    moved = (after - before).mean(0)
    np.testing.assert_allclose(moved, [5, -4], atol=0.7)


@pytest.mark.parametrize("corner", [(140, 20), (100, 40), (170, 70)])
def test_a_face_at_the_border_shows(warp: PhotoWarp, corner: tuple[int, int]) -> None:
    x, y = corner
    part = np.ascontiguousarray(warp.picture[y : y + 171, x : x + 133])
    cut = PhotoWarp(part, warp.landmarks - [x, y])
    frame = cut.render(opened(cut.closed, 10), np.array([[1, 0, 2.0], [0, 1, 1.0]]))
    assert frame.shape == part.shape


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), slope=st.floats(0, 0.8))
def test_fields_are_inverted(seed: int, slope: float) -> None:
    lattice = Lattice(left=10, top=-5, columns=30, rows=20, step=4)
    nodes = lattice.nodes
    a, b = np.random.default_rng(seed).uniform(0, 6, 2)
    waves = np.stack([np.sin(nodes[..., 1] / 20 + a), np.sin(nodes[..., 0] / 20 + b)])
    field = (20 * slope * waves.transpose(1, 2, 0)).astype(np.float32)
    inner = nodes[4:-4, 4:-4]
    origin = invert(lattice, field, inner)
    left = origin + lattice.sample(field, origin) - inner
    assert np.abs(left).max() < 0.4


def test_thin_plates_pass_through_their_controls_and_keep_affine_moves() -> None:
    controls = GENERATOR.uniform(0, 100, (12, 2))
    weights = thin_plate(controls, controls, 50.0)
    shift = GENERATOR.normal(0, 3, (12, 2))
    np.testing.assert_allclose(weights @ shift, shift, atol=0.05)
    points = GENERATOR.uniform(0, 100, (30, 2))
    weights = thin_plate(points, controls, 50.0)
    turn = np.array([[0.9, 0.2], [-0.1, 1.1]])
    np.testing.assert_allclose(weights @ (controls @ turn), points @ turn, atol=1e-6)


@given(x=st.floats(4, 20), y=st.floats(4, 20), width=st.floats(0, 9))
def test_masks_cover_what_the_polygon_covers(x: float, y: float, width: float) -> None:
    sides = [[0, 0], [width, 0], [width, 6], [0, 6]]
    corners = np.add(sides, [x, y])
    mask = polygon_mask(corners, (40, 40))
    assert abs(mask.sum() / 255 - 6 * width) < 3 + 0.3 * width


def test_blending_mixes_by_the_mask() -> None:
    below, above = np.zeros((1, 3, 3), np.uint8), np.full((1, 3, 3), 200, np.uint8)
    blend(below, above, np.array([[0, 128, 255]], np.uint8))
    assert below[0, :, 0].tolist() == [0, 100, 200]


def test_lip_curves_pass_through_landmarks_and_round_corners(warp: PhotoWarp) -> None:
    face = opened(warp.closed, 16)
    upper, lower = lip_curves(face)
    np.testing.assert_allclose(upper[::4], face[60:65], atol=1e-9)
    np.testing.assert_allclose(lower[::4], face[[60, 67, 66, 65, 64]], atol=1e-9)
    across, down = np.abs(upper[1] - lower[1])
    assert down > 4 * across  # both edges leave the corner upright
    for shut in lip_curves(warp.closed):
        np.testing.assert_allclose(shut, lip_curves(warp.closed)[0], atol=1e-6)


def test_teeth_take_the_light_of_the_photograph(warp: PhotoWarp) -> None:
    dark = (warp.picture * 0.5).astype(np.uint8)
    bright = light_on_teeth(warp.picture, warp.landmarks)
    assert (light_on_teeth(dark, warp.landmarks) < 0.7 * bright).all()
    red = (warp.picture * [1, 0.5, 0.5]).astype(np.uint8)
    light = light_on_teeth(red, warp.landmarks)
    assert light[0] > 1.5 * light[1]


def test_eyes_that_are_not_white_do_not_colour_teeth(warp: PhotoWarp) -> None:
    coloured = warp.picture.copy()
    for eye in (RIGHT_EYE, LEFT_EYE):
        coloured[polygon_mask(warp.landmarks[eye], coloured.shape) > 0] = [40, 200, 60]
    red, green, _ = light_on_teeth(coloured, warp.landmarks)
    assert green <= red


def test_motion_begins_in_a_photographs_pose_and_stays_gentle(warp: PhotoWarp) -> None:
    moments = gentle_motion(np.random.default_rng(3))
    first = [next(moments) for _ in range(1500)]  # a minute
    up = np.array([0.0, -1.0])
    start = head_transform(first[0], warp.closed, warp.unit, up)
    np.testing.assert_allclose(start, np.eye(2, 3), atol=1e-9)
    moved = [
        warp.closed @ m[:, :2].T + m[:, 2] - warp.closed
        for m in (head_transform(one, warp.closed, warp.unit, up) for one in first)
    ]
    size = np.abs(moved).max((1, 2)) / warp.unit
    assert 0.01 < size.max() < 0.1
    assert np.abs(np.diff(moved, axis=0)).max() / warp.unit < 0.01
    blinks = np.diff(np.array([one.closed for one in first]) > 0.5).sum() / 2
    assert 8 <= blinks <= 25
    repeat = gentle_motion(np.random.default_rng(3))
    assert next(repeat).closed == first[0].closed


def test_eyes_blink_every_two_to_four_seconds_but_not_in_the_widest_vowel() -> None:
    wide = np.zeros(1500, bool)
    wide[::40] = True
    for seed in range(5):
        moments = gentle_motion(np.random.default_rng(seed), wide=wide)
        closed = np.array([next(moments).closed for _ in wide])
        starts = np.flatnonzero((closed[1:] > 0) & (closed[:-1] == 0)) + 1
        assert starts[0] <= 75
        assert closed[starts[0] : starts[0] + 6].max() == 1
        pauses = np.diff(starts) / 25
        assert (pauses < 4.7).all()  # a blink, four seconds, and the end of a vowel
        assert ((pauses > 2) | (pauses < 0.7)).all()  # or a double one
        assert closed[wide].max() == 0


def test_irises_turn_and_lids_stay(warp: PhotoWarp) -> None:
    ahead = warp.render(warp.closed)
    aside = warp.render(warp.closed, gaze=np.array([2.0, 0]))
    changed = np.abs(aside.astype(int) - ahead).max(-1)
    eyes = np.zeros(changed.shape, bool)
    for eye in (RIGHT_EYE, LEFT_EYE):
        eyes |= polygon_mask(warp.landmarks[eye], changed.shape) > 0
    assert changed[eyes].max() > 40
    assert changed[~eyes].max() < 25


def test_turning_the_head_moves_the_nose_before_the_ears() -> None:
    face = np.zeros((68, 3))
    face[30, 2] = -50  # the tip of the nose, 50 px before the ears
    shift = turn_face(face, yaw=2.0, pitch=0.0)
    assert shift[30, 0] == pytest.approx(50 * np.sin(np.radians(2)), rel=1e-3)
    assert np.abs(np.delete(shift, 30, 0)).max() == 0
    assert np.abs(shift[LIPS]).max() == 0

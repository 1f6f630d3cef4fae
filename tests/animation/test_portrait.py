"""Photographs: what can be converted is, what can't be used is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.spatial.transform import Rotation
from skimage import data

from emoface_lib.animation import photo
from emoface_lib.animation.faces import find_faces
from emoface_lib.animation.photo import read_photo
from emoface_lib.animation.portrait import (
    Portrait,
    choose_face,
    face_pose,
    read_portrait,
)
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import (
    LEFT_EYE,
    LIPS,
    RIGHT_EYE,
    eye_distance,
    mean_face,
)
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.synthetic.portraits import CAST, resting_portrait

ASTRONAUT = Image.fromarray(data.astronaut())
PORTRAITS = Path(__file__).resolve().parents[3] / "shared" / "data" / "portraits"


Read = Callable[..., Portrait]


@pytest.fixture(scope="module")
def detector() -> DlibDetector:
    return DlibDetector()


@pytest.fixture
def read(tmp_path: Path, detector: DlibDetector) -> Read:
    """Saves a picture and reads the portrait in it."""

    def saved(picture: Image.Image, name: str = "a.png", **how: Any) -> Portrait:
        picture.save(tmp_path / name)
        return read_portrait(tmp_path / name, detector, **how)

    return saved


@pytest.mark.slow
def test_one_face_is_found_without_notes(read: Read) -> None:
    portrait = read(ASTRONAUT)
    assert portrait.notes == ()
    np.testing.assert_array_equal(portrait.picture, np.asarray(ASTRONAUT))
    assert portrait.landmarks.shape == (68, 3)
    # read off the picture, enlarged
    for eye, pupil in ((RIGHT_EYE, (203, 101)), (LEFT_EYE, (246, 104))):
        assert np.abs(portrait.landmarks[eye, :2].mean(0) - pupil).max() < 3
    assert abs(portrait.pose[0]) < 15


@pytest.mark.parametrize(
    ("name", "convert", "tolerance", "note"),
    [
        ("grey.png", lambda a: a.convert("L"), None, None),
        ("palette.png", lambda a: a.quantize(256), 12, None),
        ("cmyk.jpg", lambda a: a.convert("CMYK"), 12, "CMYK"),
        ("cmyk.tif", lambda a: a.convert("CMYK"), 6, "CMYK"),
        ("opaque.png", lambda a: a.convert("RGBA"), 0, None),
        ("photo.bmp", lambda a: a, 0, None),
        ("photo.tif", lambda a: a, 0, None),
    ],
)
def test_modes_are_converted_and_lossy_ones_are_said(
    tmp_path: Path, name: str, convert, tolerance: float | None, note: str | None
) -> None:
    convert(ASTRONAUT).save(tmp_path / name)
    read = read_photo(tmp_path / name)
    picture, notes = read.picture, read.notes
    assert picture.shape == (512, 512, 3)
    assert picture.dtype == np.uint8
    assert read.alpha is None
    wanted = np.asarray(ASTRONAUT if tolerance is not None else ASTRONAUT.convert("L"))
    wanted = wanted if wanted.ndim == 3 else wanted[..., None]
    assert np.abs(picture.astype(int) - wanted).mean() <= (tolerance or 0)
    assert [note in text for text in notes] == ([True] if note else [])


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    grey = np.asarray(Image.fromarray(data.astronaut()).convert("L"))
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    read = read_photo(tmp_path / "deep.png")
    np.testing.assert_array_equal(read.picture[..., 0], grey)
    assert "16 bits" in read.notes[0]


def test_transparent_ground_stays_apart(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 255), (5, 5, 15, 15))
    clear.save(tmp_path / "clear.png")
    read = read_photo(tmp_path / "clear.png")
    assert "transparent" in read.notes[0]
    assert read.alpha is not None
    assert (read.alpha[7, 5], read.alpha[0, 0]) == (255, 0)
    assert read.picture[7, 5].tolist() == [0, 0, 255]
    assert read.picture[7, 4].tolist() == [0, 0, 255]  # an edge without a red rim


@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 8])
def test_photographs_lying_on_their_side_are_set_upright(
    tmp_path: Path, orientation: int
) -> None:
    way = Image.Transpose
    turn = {2: way.FLIP_LEFT_RIGHT, 3: way.ROTATE_180, 6: way.ROTATE_90}
    turn[8] = way.ROTATE_270
    half = ASTRONAUT.crop((0, 0, 512, 300))
    stored = half.transpose(turn[orientation]) if orientation in turn else half
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "phone.png", exif=exif)
    read = read_photo(tmp_path / "phone.png")
    np.testing.assert_array_equal(read.picture, np.asarray(half))


@pytest.mark.slow
def test_large_photographs_are_reduced_and_that_is_said(read: Read) -> None:
    for name, size in (("large.jpg", (2400, 1800)), ("large.png", (2000, 1500))):
        portrait = read(ASTRONAUT.resize(size), name)
        assert portrait.picture.shape == (1440, 1920, 3)
        assert "reduced to 1920" in portrait.notes[0]


def test_what_is_no_still_picture_is_named(tmp_path: Path) -> None:
    frames = [ASTRONAUT.rotate(angle).convert("P") for angle in (0, 5)]
    for name in ("moving.gif", "pages.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    (tmp_path / "text.jpg").write_text("not a picture\n" * 50)
    (tmp_path / "empty.png").touch()
    ASTRONAUT.save(tmp_path / "cut.jpg")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(cut.read_bytes()[:9000])
    Image.fromarray(np.zeros((99, 99), np.float32)).save(tmp_path / "float.tif")
    Image.new("RGB", (20_000, 1)).save(tmp_path / "strip.png")
    eps = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    (tmp_path / "eps.jpg").write_text(eps)
    for name, reason in {
        "moving.gif": "animation",
        "pages.tif": "several pages",
        "text.jpg": "not a picture",
        "empty.png": "not a picture",
        "cut.jpg": "damaged or cut short",
        "float.tif": "floating-point",
        "strip.png": "less than 16 px high",
        "eps.jpg": "not a picture",  # a program, Ghostscript, would read it
        "missing.jpg": "There is no file",
    }.items():
        with pytest.raises(InputError, match=reason) as caught:
            read_photo(tmp_path / name)
        assert name in str(caught.value)


def test_picture_without_a_face_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"No frontal face was found in .*coffee.png"):
        read(Image.fromarray(data.coffee()), "coffee.png")


def test_of_two_faces_the_larger_is_taken_and_that_is_said(
    read: Read, detector: DlibDetector
) -> None:
    both = Image.new("RGB", (900, 512), "grey")
    both.paste(ASTRONAUT.resize((340, 340)), (10, 60))
    both.paste(ASTRONAUT, (380, 0))
    portrait = read(both)
    assert portrait.landmarks[:, 0].min() > 380
    assert "2 faces: 1 at 6" in portrait.notes[0]
    for wanted in ("2", "150,130"):
        other = read(both, face=wanted)
        assert other.landmarks[:, 0].max() < 380
    found = find_faces(detector, np.asarray(both))
    for wanted in ("3", "0", "5,5", "left"):
        with pytest.raises(InputError, match=f"no face '{wanted}' .*: give .* 2 at "):
            choose_face(found, wanted, "both.png")


@pytest.mark.parametrize("angle", [-60, 40, 60])
def test_tilted_faces_are_found_and_read(read: Read, angle: int) -> None:
    tilted = ASTRONAUT.rotate(angle, expand=True)
    portrait, middle = read(tilted), np.array(tilted.size) / 2
    turn = np.radians(angle)
    back = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = (portrait.landmarks[:, :2] - middle) @ back.T + 256
    upright = read(ASTRONAUT).landmarks[:, :2]
    assert np.linalg.norm(points - upright, axis=1)[LIPS].mean() < 2
    assert abs(portrait.pose[2] + angle) < 5
    assert portrait.notes == ()


@pytest.mark.slow
def test_a_small_face_in_a_large_picture_is_found_and_cropped(read: Read) -> None:
    large = Image.new("RGB", (1800, 1200), "darkgreen")
    large.paste(ASTRONAUT.crop((120, 0, 340, 260)), (1400, 500))
    portrait = read(large, "large.jpg", longest_side=900)
    assert 200 < portrait.picture.shape[1] < 500
    assert eye_distance(portrait.landmarks[:, :2]) > 40
    assert "cropped" in portrait.notes[0]


def test_head_and_shoulders_can_be_cropped(read: Read) -> None:
    whole, portrait = read(ASTRONAUT), read(ASTRONAUT, crop=True)
    assert portrait.notes == ()
    assert max(portrait.picture.shape) < 450
    shift = (whole.landmarks - portrait.landmarks)[:, :2]
    left, top = np.round(shift[0]).astype(int)
    np.testing.assert_allclose(shift, shift[:1].repeat(68, 0), atol=1e-3)
    height, width, _ = portrait.picture.shape
    cut = whole.picture[top : top + height, left : left + width]
    np.testing.assert_array_equal(portrait.picture, cut)


@pytest.mark.parametrize(("mouth", "refused"), [("blue", True), ("hand", False)])
def test_a_covered_mouth_is_said_or_refused(
    read: Read, mouth: str, refused: bool
) -> None:
    """A mask, whose readings are far apart, and a hand, whose are less so."""
    covered = ASTRONAUT.resize((768, 768))
    pen = ImageDraw.Draw(covered)
    if refused:
        pen.polygon([(270, 185), (340, 170), (400, 185), (390, 260), (338, 290)], mouth)
        with pytest.raises(InputError, match="can't be read: it is covered"):
            read(covered)
        return
    pen.ellipse((290, 195, 390, 245), "#d8a890")
    assert "hard to read" in read(covered).notes[0]


@pytest.mark.parametrize("name", CAST[:3])
def test_drawn_faces_are_read_without_notes(read: Read, name: str) -> None:
    drawn = Image.fromarray(resting_portrait(name)).resize((448, 448))
    assert read(drawn).notes == ()


@pytest.mark.parametrize("worn", ["dark glasses", "a beard"])
def test_what_a_face_wears_is_no_reason_to_refuse_it(read: Read, worn: str) -> None:
    dressed = ASTRONAUT.copy()
    pen = ImageDraw.Draw(dressed)
    if worn == "a beard":
        pen.ellipse((204, 166, 246, 190), "#483828")
    else:
        for left in (186, 230):
            pen.rounded_rectangle((left, 92, left + 34, 114), 6, "#101018")
    apart = read(dressed).landmarks - read(ASTRONAUT).landmarks
    assert np.linalg.norm(apart, axis=1)[LIPS].mean() < 2.5


def test_a_photograph_without_its_last_bytes_is_read_with_a_note(
    tmp_path: Path,
) -> None:
    top = data.astronaut()[:400]
    for suffix, lost in (("jpg", 2), ("jpg", 1500), ("png", 900)):
        path = tmp_path / f"noend.{suffix}"
        ASTRONAUT.save(path)
        path.write_bytes(path.read_bytes()[:-lost])
        read = read_photo(path)
        assert "The end of" in read.notes[0]
        assert read.picture.shape == (512, 512, 3)
        assert np.abs(read.picture[:400].astype(int) - top).mean() < 4


def test_large_jpegs_are_decoded_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo, "MOST_PIXELS", 100_000)
    ASTRONAUT.save(tmp_path / "large.jpg")
    ASTRONAUT.save(tmp_path / "large.png")
    assert read_photo(tmp_path / "large.jpg").picture.shape == (256, 256, 3)
    with pytest.raises(InputError, match="million pixels: give it as JPEG"):
        read_photo(tmp_path / "large.png")


def test_heic_of_telephones_is_read_whatever_its_name(tmp_path: Path) -> None:
    copy = tmp_path / "photo.jpg"
    copy.write_bytes((Path(__file__).parents[1] / "data" / "tiny.heic").read_bytes())
    picture = read_photo(copy).picture
    assert picture.shape == (64, 48, 3)
    assert picture[8, 8].argmax() == 0  # red above
    assert picture[-8, -8].argmax() == 2  # blue below


def test_small_face_is_animated_with_a_note(read: Read) -> None:
    portrait = read(ASTRONAUT.crop((100, 0, 350, 250)).resize((130, 130)))
    assert eye_distance(portrait.landmarks[:, :2]) < 40
    assert "is small" in portrait.notes[0]


def turned_face(yaw: float) -> np.ndarray:
    """The mean face turned about the vertical axis, 200 px in size."""
    turn = Rotation.from_euler("y", yaw, degrees=True).as_matrix()
    return 100 * mean_face() @ turn + [256, 200, 0]


@pytest.mark.parametrize("yaw", [-40.0, -20.0, 0.0, 10.0, 50.0])
def test_pose_of_a_turned_face_is_measured(yaw: float) -> None:
    measured = face_pose(turned_face(yaw))
    assert abs(abs(measured[0]) - abs(yaw)) < 0.5
    assert np.abs(measured[1:]).max() < 0.5


@pytest.mark.parametrize(("yaw", "usable"), [(-60, False), (10, True), (45, False)])
def test_profile_is_refused_with_its_angle(
    tmp_path: Path, yaw: float, usable: bool
) -> None:
    class Turned:
        def faces(self, picture: np.ndarray, side: int):
            share = side / 512
            return [((150.0 * share, 100.0 * share, 350.0 * share, 300.0 * share), 1.0)]

        def points(self, picture: np.ndarray, box: tuple) -> np.ndarray:
            return turned_face(yaw)[:, :2]

    ASTRONAUT.save(tmp_path / "a.png")
    if usable:
        assert read_portrait(tmp_path / "a.png", Turned()).notes == ()
    else:
        with pytest.raises(InputError, match=rf"turned by {abs(yaw)} degrees"):
            read_portrait(tmp_path / "a.png", Turned())


@pytest.mark.skipif(not PORTRAITS.exists(), reason="trial data is not here")
def test_real_portraits_show_one_frontal_face(detector: DlibDetector) -> None:
    for path in sorted(PORTRAITS.iterdir()):
        portrait = read_portrait(path, detector)
        assert portrait.notes == ()
        assert abs(portrait.pose[0]) < 25

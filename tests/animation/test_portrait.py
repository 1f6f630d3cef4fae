"""Photographs: what can be converted is, what can't be used is named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from emoface_lib.animation.portrait import face_pose, read_photo, read_portrait
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import LEFT_EYE, RIGHT_EYE, eye_distance, mean_face
from emoface_lib.features.dlib_detector import DlibDetector

PORTRAITS = Path(__file__).resolve().parents[3] / "shared" / "data" / "portraits"


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut())


@pytest.fixture(scope="module")
def detector() -> DlibDetector:
    return DlibDetector()


@pytest.mark.slow
def test_one_face_is_found_without_notes(
    tmp_path: Path, astronaut: Image.Image, detector: DlibDetector
) -> None:
    astronaut.save(tmp_path / "a.png")
    portrait = read_portrait(tmp_path / "a.png", detector)
    assert portrait.notes == ()
    np.testing.assert_array_equal(portrait.picture, np.asarray(astronaut))
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
    tmp_path: Path,
    astronaut: Image.Image,
    name: str,
    convert,
    tolerance: float | None,
    note: str | None,
) -> None:
    convert(astronaut).save(tmp_path / name)
    picture, notes = read_photo(tmp_path / name)
    assert picture.shape == (512, 512, 3)
    assert picture.dtype == np.uint8
    wanted = np.asarray(astronaut if tolerance is not None else astronaut.convert("L"))
    wanted = wanted if wanted.ndim == 3 else wanted[..., None]
    assert np.abs(picture.astype(int) - wanted).mean() <= (tolerance or 0)
    assert [note in text for text in notes] == ([True] if note else [])


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    grey = np.asarray(Image.fromarray(data.astronaut()).convert("L"))
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    picture, notes = read_photo(tmp_path / "deep.png")
    np.testing.assert_array_equal(picture[..., 0], grey)
    assert "16 bits" in notes[0]


def test_transparent_ground_becomes_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    clear.putpixel((5, 7), (0, 0, 255, 255))
    clear.save(tmp_path / "clear.png")
    picture, notes = read_photo(tmp_path / "clear.png")
    assert "transparent" in notes[0]
    assert picture[7, 5].tolist() == [0, 0, 255]
    assert picture[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 8])
def test_photographs_lying_on_their_side_are_set_upright(
    tmp_path: Path, astronaut: Image.Image, orientation: int
) -> None:
    turn = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    half = astronaut.crop((0, 0, 512, 300))
    stored = half if turn is None else half.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "phone.png", exif=exif)
    picture, _ = read_photo(tmp_path / "phone.png")
    np.testing.assert_array_equal(picture, np.asarray(half))


@pytest.mark.slow
def test_large_photographs_are_reduced_and_that_is_said(
    tmp_path: Path, astronaut: Image.Image
) -> None:
    for name, size in (("large.jpg", (4000, 3000)), ("large.png", (2000, 1500))):
        astronaut.resize(size).save(tmp_path / name)
        picture, notes = read_photo(tmp_path / name)
        assert picture.shape == (1440, 1920, 3)
        assert "reduced to 1920" in notes[0]


def test_what_is_no_still_picture_is_named(
    tmp_path: Path, astronaut: Image.Image
) -> None:
    frames = [astronaut.rotate(angle).convert("P") for angle in (0, 5)]
    for name in ("moving.gif", "pages.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    (tmp_path / "text.jpg").write_text("not a picture\n" * 50)
    (tmp_path / "empty.png").touch()
    astronaut.save(tmp_path / "cut.jpg")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(cut.read_bytes()[:9000])
    Image.fromarray(np.zeros((9, 9), np.float32)).save(tmp_path / "float.tif")
    Image.new("RGB", (20_000, 1)).save(tmp_path / "strip.png")
    (tmp_path / "eps.jpg").write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    )
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


def test_picture_without_a_face_is_refused(
    tmp_path: Path, detector: DlibDetector
) -> None:
    Image.fromarray(data.coffee()).save(tmp_path / "coffee.png")
    with pytest.raises(InputError, match=r"No frontal face was found in .*coffee.png"):
        read_portrait(tmp_path / "coffee.png", detector)


def test_of_two_faces_the_larger_is_taken_and_that_is_said(
    tmp_path: Path, astronaut: Image.Image, detector: DlibDetector
) -> None:
    both = Image.new("RGB", (900, 512), "grey")
    both.paste(astronaut.resize((340, 340)), (10, 60))
    both.paste(astronaut, (380, 0))
    both.save(tmp_path / "both.png")
    portrait = read_portrait(tmp_path / "both.png", detector)
    assert portrait.landmarks[:, 0].min() > 380
    assert "2 faces" in portrait.notes[0]


def test_small_face_is_animated_with_a_note(
    tmp_path: Path, astronaut: Image.Image, detector: DlibDetector
) -> None:
    face = astronaut.crop((100, 0, 350, 250)).resize((130, 130))
    face.save(tmp_path / "small.png")
    portrait = read_portrait(tmp_path / "small.png", detector)
    assert eye_distance(portrait.landmarks[:, :2]) < 40
    assert "is small" in portrait.notes[0]


def turned_face(yaw: float) -> np.ndarray:
    """The mean face turned about the vertical axis, 200 px in size."""
    angle = np.radians(yaw)
    turn = np.array(
        [
            [np.cos(angle), 0, -np.sin(angle)],
            [0, 1, 0],
            [np.sin(angle), 0, np.cos(angle)],
        ]
    )
    return 100 * mean_face() @ turn.T + [256, 200, 0]


@pytest.mark.parametrize("yaw", [-40.0, -20.0, 0.0, 10.0, 50.0])
def test_pose_of_a_turned_face_is_measured(yaw: float) -> None:
    measured = face_pose(turned_face(yaw))
    assert abs(abs(measured[0]) - abs(yaw)) < 0.5
    assert np.abs(measured[1:]).max() < 0.5


@pytest.mark.parametrize(("yaw", "usable"), [(-60, False), (10, True), (45, False)])
def test_profile_is_refused_with_its_angle(
    tmp_path: Path, astronaut: Image.Image, yaw: float, usable: bool
) -> None:
    class Turned:
        def faces(self, picture: np.ndarray):
            return [((150.0, 100.0, 350.0, 300.0), 1.0)]

        def points(self, picture: np.ndarray, box: tuple) -> np.ndarray:
            return turned_face(yaw)[:, :2]

    astronaut.save(tmp_path / "a.png")
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

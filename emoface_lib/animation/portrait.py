"""Photographs: any picture file, upright and RGB, and the one frontal face in it."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import eye_distance, mean_face
from emoface_lib.core.media import check_file
from emoface_lib.features.align import align, to_canonical
from emoface_lib.features.dlib_detector import Box, DlibDetector
from emoface_lib.features.lift import first_guess

LONGEST_SIDE = 1920  # px; larger photographs are reduced, as video players expect
LARGEST_YAW = 35.0  # degrees; beyond it half of the mouth is hidden
SMALL_FACE = 40.0  # px between the outer eye corners; below it detail is missing
NARROWEST = 16  # px of a side; in less no face can be found
SMALL_PICTURE = 720  # px; dlib finds faces from 80 px on, in twice the size from 40
SAME_SIZE = 0.2  # share of the largest face's width; smaller faces are not reported
# Pillow would hand others to programs, such as Ghostscript
FORMATS = (
    *("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"),  # JPEG of MPO, too
    *("JPEG2000", "PPM", "TGA", "PSD", "ICO", "AVIF"),
)
WHITE = (255, 255, 255, 255)


@dataclass(frozen=True)
class Portrait:
    """A photograph and the face in it.

    picture : uint8 (H, W, 3) RGB; landmarks : float32 (68, 3) px, z away from the
    viewer; pose : yaw, pitch and roll in degrees; notes : what the user should know.
    """

    picture: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    notes: tuple[str, ...]


def read_portrait(
    path: Path | str,
    detector: DlibDetector | None = None,
    longest_side: int = LONGEST_SIDE,
) -> Portrait:
    """Read a photograph and find its one frontal face; of several, the largest.

    Raises InputError if the file is no photograph, or shows no face from the front.
    """
    picture, notes = read_photo(path, longest_side)
    detector = detector or DlibDetector()
    found = _find_faces(detector, picture)
    if not found:
        raise InputError(
            f"No frontal face was found in {path}: give a photograph of one face that "
            "looks at the camera, upright and not in profile."
        )
    landmarks = read_landmarks(detector, picture, found[0])
    pose = face_pose(landmarks)
    if abs(pose[0]) > LARGEST_YAW:
        raise InputError(
            f"The face in {path} is turned by {abs(pose[0]):.0f} degrees: give a "
            f"photograph from the front, turned by at most {LARGEST_YAW:.0f}."
        )
    notes += _face_notes(path, landmarks, found)
    return Portrait(picture, landmarks, pose, tuple(notes))


def read_photo(
    path: Path | str, longest_side: int = LONGEST_SIDE
) -> tuple[np.ndarray, list[str]]:
    """Read a picture file: uint8 (H, W, 3) RGB, upright, and notes on conversions.

    Raises InputError for what is no single picture: other files, animations, pages.
    """
    path = Path(path)
    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                _check_single(path, image)
                image.draft(None, (longest_side, longest_side))  # decode JPEG smaller
                image.load()
                return _convert(path, image, longest_side)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(
            f"{path} has too many pixels: reduce it to {longest_side} on a side."
        ) from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not a picture that can be read: give a JPEG or PNG photograph."
        ) from error
    except InputError:
        raise
    except Exception as error:  # Pillow's, of broken files
        raise InputError(f"{path} is a damaged or cut short picture.") from error


def read_landmarks(detector: DlibDetector, picture: np.ndarray, box: Box) -> np.ndarray:
    """Landmarks of the face in `box`, float32 (68, 3) px.

    x and y are the detector's own, because the warp moves those very pixels, depth is
    the mean face's: the lift that corrects them was fitted on drawings.
    """
    return first_guess(detector.points(picture, box)[None])[0].astype(np.float32)


def face_pose(landmarks: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll in degrees of a face (68, 3), by the mean face."""
    _, pose = align(landmarks[None].astype(float), to_canonical(mean_face()))
    return pose.degrees()[0]


def _check_single(path: Path, image: Image.Image) -> None:
    # MPO is what telephones write: the photograph, then its preview
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise InputError(
            f"{path} is an animation or has several pages: give one still picture."
        )


def _convert(
    path: Path, image: Image.Image, longest_side: int
) -> tuple[np.ndarray, list[str]]:
    notes = []
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise InputError(f"{path} holds floating-point pixels: save it as 8-bit RGB.")
    if image.mode.startswith("I"):
        notes.append(f"{path} has 16 bits a pixel: they were reduced to 8.")
        upright = _eight_bits(upright)
    if image.mode == "CMYK":
        notes.append(f"{path} has CMYK colours: they were converted to RGB.")
    if image.mode in ("RGB", "CMYK") and profile:
        upright = _to_srgb(upright, profile)
    if image.has_transparency_data:
        upright = upright.convert("RGBA")
        if np.asarray(upright.getchannel("A")).min() < 255:
            notes.append(f"{path} is transparent in parts: they were made white.")
        white = Image.new("RGBA", upright.size, WHITE)
        upright = Image.alpha_composite(white, upright)
    if max(upright.size) > longest_side:
        notes.append(f"{path} was reduced to {longest_side} px on its longer side.")
        upright.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    if min(upright.size) < NARROWEST:
        raise InputError(
            f"{path} is less than {NARROWEST} px high or wide: no face fits."
        )
    return np.asarray(upright.convert("RGB")).copy(), notes


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(float).clip(0, 65535)
    return Image.fromarray((values / 257).round().astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Apply an embedded colour profile; one that can't be read is left out."""
    try:
        return (
            ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            or image
        )
    except (ImageCms.PyCMSError, OSError):
        return image


def _find_faces(detector: DlibDetector, picture: np.ndarray) -> list[Box]:
    """Boxes of the frontal faces, largest first; a small picture is also enlarged."""
    found = [box for box, _ in detector.faces(picture)]
    if found or max(picture.shape) > SMALL_PICTURE:
        return found
    twice = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    boxes = [box for box, _ in detector.faces(np.asarray(twice))]
    return [(left / 2, top / 2, x / 2, y / 2) for left, top, x, y in boxes]


def _face_notes(path: Path | str, landmarks: np.ndarray, boxes: list[Box]) -> list[str]:
    notes = []
    widths = [box[2] - box[0] for box in boxes]
    several = sum(width > SAME_SIZE * widths[0] for width in widths)
    if several > 1:
        notes.append(f"{path} shows {several} faces: the largest one is animated.")
    size = float(eye_distance(landmarks[:, :2]))
    if size < SMALL_FACE:
        notes.append(
            f"The face in {path} is small ({size:.0f} px between the outer eye "
            "corners): a larger photograph looks better."
        )
    return notes

"""Picture files of any kind: upright, RGB, with what is transparent in them."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from emoface_lib.core.errors import InputError
from emoface_lib.core.media import check_file

MOST_PIXELS = 89_000_000  # kept in memory; JPEG of more is decoded at 1/2 to 1/8
MISSING = 0.1  # share of a picture's rows that may be missing at its end
NARROWEST = 16  # px of a side; in less no face can be found
# Pillow would hand others to programs, such as Ghostscript
FORMATS = (
    *("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"),  # JPEG of MPO, too
    *("JPEG2000", "PPM", "TGA", "PSD", "ICO", "AVIF"),
)
EDGE = 2.0  # px; how far colours spread into what is transparent


@dataclass(frozen=True)
class Photo:
    """A picture, uint8 (H, W, 3) RGB.

    alpha : opacity, uint8 (H, W), None if all is opaque; what is transparent has the
    colours of its edge. notes : what the user should know.
    """

    picture: np.ndarray
    alpha: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def cut(self, left: int, top: int, right: int, bottom: int) -> "Photo":
        """What lies in a box, px."""
        return self._each(lambda layer: layer[top:bottom, left:right].copy())

    def reduced(self, share: float) -> "Photo":
        """The same picture, smaller by a share in 0..1."""
        size = [max(1, round(share * side)) for side in self.picture.shape[1::-1]]
        method = Image.Resampling.LANCZOS
        return self._each(
            lambda layer: np.array(
                Image.fromarray(layer).resize(size, method, reducing_gap=2.0)
            )
        )

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Photo":
        alpha = None if self.alpha is None else change(self.alpha)
        return Photo(change(self.picture), alpha, self.notes)


def read_photo(path: Path | str) -> Photo:
    """Read a picture file, upright and in its full size.

    Raises InputError for what is no single picture: other files, animations, pages.
    """
    path = Path(path)
    check_file(path)
    try:
        with _any_size(), _opened(path) as image:
            _check_single(path, image)
            if min(image.size) < NARROWEST:
                raise InputError(
                    f"{path} is less than {NARROWEST} px high or wide: no face fits."
                )
            _decode_small(path, image)
            notes = _load(path, image)
            return _converted(path, image, notes)
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not a picture that can be read: give a photograph, such as "
            "JPEG, PNG or HEIC."
        ) from error
    except InputError:
        raise
    except Exception as error:  # Pillow's, of broken files
        raise InputError(f"{path} is a damaged or cut short picture.") from error


def tell_apart(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Each photograph among some files with each voice among them.

    Of two files the first is the photograph, else those that begin as pictures do.
    Raises InputError if there is no photograph or no voice.
    """
    photos = [paths[0]] if len(paths) == 2 else [x for x in paths if _is_picture(x)]
    voices = [path for path in paths if path not in photos]
    if not photos or not voices:
        raise InputError(
            "A photograph and a voice are needed: give at least one file of each."
        )
    return [(photo, voice) for voice in voices for photo in photos]


def _is_picture(path: Path) -> bool:
    try:
        with _any_size(), _opened(path):
            return True
    except (OSError, SyntaxError, ValueError):
        return False


@contextmanager
def _any_size() -> Iterator[None]:
    """Pillow's limit on pixels is off: what is too large is decoded small."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _opened(path: Path) -> Image.Image:
    with path.open("rb") as file:
        if file.read(8)[4:] == b"ftyp":  # HEIC, whatever its name ends in
            import pi_heif  # other pictures have no use for it

            pi_heif.register_heif_opener()
            return Image.open(path, formats=(*FORMATS, "HEIF"))
    return Image.open(path, formats=FORMATS)


def _check_single(path: Path, image: Image.Image) -> None:
    # telephones write the photograph, then its preview (MPO) or depth (HEIF)
    if getattr(image, "n_frames", 1) > 1 and image.format not in ("MPO", "HEIF"):
        raise InputError(
            f"{path} is an animation or has several pages: give one still picture."
        )


def _decode_small(path: Path, image: Image.Image) -> None:
    for halves in (1, 2, 3):
        if image.width * image.height > MOST_PIXELS:
            image.draft(None, (image.width >> halves, image.height >> halves))
    if image.width * image.height > 2 * MOST_PIXELS:
        raise InputError(
            f"{path} has {image.width * image.height / 1e6:.0f} million pixels: give "
            "it as JPEG, or reduced."
        )


def _load(path: Path, image: Image.Image) -> list[str]:
    """Decode the pixels, as many as there are; notes if some are missing."""
    try:
        image.load()
        return []
    except OSError as error:
        if "truncated" not in str(error):
            raise
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image.load()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    rows = np.asarray(image.convert("RGB")).reshape(image.height, -1)
    filled = (rows == rows[-1:, :1]).all(1) & np.isin(rows[:, 0], (0, 128))
    if filled[::-1].argmin() > MISSING * image.height or filled.all():
        raise InputError(f"{path} is a damaged or cut short picture.")
    return [f"The end of {path} is missing: it was read as far as it goes."]


def _converted(path: Path, image: Image.Image, notes: list[str]) -> Photo:
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise InputError(f"{path} holds floating-point pixels: save it as 8-bit RGB.")
    if image.mode.startswith("I"):
        notes.append(f"{path} has 16 bits a pixel: they were reduced to 8.")
        values = np.asarray(upright).astype(float).clip(0, 65535)
        upright = Image.fromarray((values / 257).round().astype(np.uint8))
    if image.mode == "CMYK":
        notes.append(f"{path} has CMYK colours: they were converted to RGB.")
    if image.mode in ("RGB", "CMYK") and profile:
        upright = _to_srgb(upright, profile)
    alpha = None
    if image.has_transparency_data:
        upright = upright.convert("RGBA")
        alpha = np.array(upright.getchannel("A"))
    picture = np.array(upright.convert("RGB"))
    if alpha is None or alpha.min() == 255:
        return Photo(picture, None, tuple(notes))
    notes.append(
        f"{path} is transparent in parts: they stay so in a .webm and are white in "
        "other files."
    )
    return Photo(_bled(picture, alpha), alpha, tuple(notes))


def _bled(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The colours of a cut-out's edge around it, where there is nothing to be seen.

    So an edge that moves by parts of a pixel has no rim of another colour.
    """
    share = alpha[..., None] / np.float32(255)
    near = cv2.GaussianBlur(share * picture, (0, 0), EDGE)
    near /= cv2.GaussianBlur(share, (0, 0), EDGE)[..., None] + 1e-6
    return np.where(alpha[..., None] > 0, picture, near.round().astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Apply an embedded colour profile; one that can't be read is left out."""
    known, mode = ImageCms.createProfile("sRGB"), "RGB"
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, own, known, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError):
        return image

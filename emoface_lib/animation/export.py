"""What an animation is written to: videos, a strip of pictures, landmarks, phones.

Every file says that it is synthetic. Taught in notebook 09.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from emoface_lib.animation.captions import CAPTIONS, write_captions
from emoface_lib.animation.voice import Voice
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside, write_npz
from emoface_lib.core.landmarks import lip_opening
from emoface_lib.core.tracks import over_white
from emoface_lib.core.video import keep_gif
from emoface_lib.features.gestures import coefficients
from emoface_lib.translation.framing import Square
from emoface_lib.translation.warp.photo_warp import Pose, transform

SYNTHETIC = (
    "Synthetic: a photograph animated by emoface to a voice. What it shows did not "
    "happen."
)
METADATA = {"title": "Synthetic video", "comment": SYNTHETIC}
VIDEOS = (".mp4", ".webm")
PICTURES = (".gif", ".svg")
TABLES = (".csv", ".npz")
KINDS = (*VIDEOS, *PICTURES, *TABLES, *CAPTIONS)
GIF_SECONDS, GIF_SIDE, GIF_RATE = 20, 480, 12.5  # s and px at most; frames a second
STRIP = 8  # pictures of a row
STRIP_SIDE = 192  # px of one
CAPTION = 0.07  # height of the band above a picture, share of the picture's height


@dataclass
class Track:
    """The faces of one emotion in a video, recorded as they stream through.

    name : of the emotion; rest : the face with closed lips, (68, 2) px of the canonical
    frame.
    """

    name: str
    rest: np.ndarray
    landmarks: list[np.ndarray] = field(default_factory=list)  # px of the photograph
    canonical: list[np.ndarray] = field(default_factory=list)  # px, without head motion

    def watch(self, poses: Iterable[Pose]) -> Iterator[Pose]:
        """The same faces, each recorded."""
        for pose in poses:
            moved = transform(pose.face, pose.motion)
            self.landmarks.append(moved.astype(np.float32))
            self.canonical.append(pose.canonical.astype(np.float32))
            yield pose

    @property
    def opening(self) -> np.ndarray:
        """Lip opening of each frame, float[F] px of the canonical frame."""
        return lip_opening(np.stack(self.canonical))


def name_outputs(
    outs: Sequence[str], pairs: Sequence[tuple[Path, Path]]
) -> list[list[Path]]:
    """The paths to write for each photograph and voice.

    In `outs`, by default an mp4, {photo} and {voice} stand for their names without
    endings. Raises InputError if two would be written to the same path.
    """
    one = len(pairs) == 1
    given = outs or ["animated.mp4" if one else "{photo}_{voice}.mp4"]
    named = [
        [
            Path(out.replace("{photo}", photo.stem).replace("{voice}", voice.stem))
            for out in given
        ]
        for photo, voice in pairs
    ]
    counted = Counter(path for paths in named for path in paths)
    if not one and (twice := [path for path in counted if counted[path] > 1]):
        raise InputError(
            f"{twice[0]} would be written more than once: let its name hold "
            "{photo} and {voice}, and give files of different names."
        )
    return named


def check_outputs(
    outs: Path | str | Sequence[Path | str], *inputs: Path | str
) -> list[Path]:
    """The paths to write to; raises InputError if one of them can't be written."""
    paths = [Path(outs)] if isinstance(outs, str | Path) else [Path(x) for x in outs]
    taken = [Path(one).resolve() for one in inputs]
    for path in paths:
        if path.suffix.lower() not in KINDS:
            kinds = f"{', '.join(KINDS[:-1])} or {KINDS[-1]}"
            raise InputError(f"{path} should have a name that ends in {kinds}.")
        if not path.parent.is_dir():
            raise InputError(f"The folder {path.parent} does not exist: make it first.")
        if path.is_dir() or not can_hold_files(path.parent):
            raise InputError(f"{path} can't be written: choose another folder or name.")
        if path.resolve() in taken:
            raise InputError(
                f"{path} would overwrite what was given: choose another name."
            )
        taken.append(path.resolve())
    given = [path.suffix.lower() for path in paths]
    if twice := [kind for kind in KINDS if given.count(kind) > 1]:
        raise InputError(f"Two files end in {twice[0]}: give one of each kind.")
    if not paths:
        raise InputError("Nothing is to be written: name a file, such as out.mp4.")
    return paths


def can_hold_files(folder: Path) -> bool:
    """Whether a file can be made in a folder, by trying; permissions don't suffice."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def side_by_side(
    streams: Sequence[Iterator[np.ndarray]], names: Sequence[str]
) -> Iterator[np.ndarray]:
    """Frames of several videos side by side, each below its name; one alone stays.

    streams : uint8 (H, W, 3 or 4) RGB or RGBA frames of one size. Yields the same,
    (H + band, N W, ...). Raises ValueError if the streams differ in length.
    """
    if len(streams) == 1:
        return streams[0]
    return (_captioned(frames, names) for frames in zip(*streams, strict=True))


def _captioned(frames: Sequence[np.ndarray], names: Sequence[str]) -> np.ndarray:
    bands = [caption(name, *frames[0].shape[1::-1]) for name in names]
    above = np.hstack(bands)[..., : frames[0].shape[2]]
    return np.vstack([above, np.hstack(frames)])


@lru_cache(maxsize=32)
def caption(text: str, width: int, height: int) -> np.ndarray:
    """A white band above a picture of this size with a text in its middle.

    width, height : px of the picture. Returns uint8 (H, W, 4) RGBA of that width; its
    height is the share CAPTION, or at least 14 px.
    """
    tall = max(14, round(CAPTION * height))
    band = Image.new("RGBA", (width, tall), "white")
    font = ImageFont.load_default(0.7 * tall)
    place = (width / 2, tall / 2)
    ImageDraw.Draw(band).text(place, text, "black", font, anchor="mm")
    return np.asarray(band)


class Gallery:
    """Frames of a stream that are kept, reduced, for a GIF and for a strip.

    kinds : suffixes of the files that are wanted; count : frames of the video, rate of
    them a second; square : around the face, which a strip shows.
    """

    def __init__(
        self, kinds: Sequence[str], count: int, rate: int, square: Square
    ) -> None:
        self.square, self.rate = square, rate
        wanted = np.linspace(0, count - 1, min(STRIP, count)).round().astype(int)
        self.shots = wanted.tolist() if ".svg" in kinds else []
        last = GIF_SECONDS * rate if ".gif" in kinds else 0
        self.reel = range(0, min(count, last), round(rate / GIF_RATE))
        self.strip: list[list[np.ndarray]] = []
        self.gif: list[np.ndarray] = []

    def watch_one(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """The same frames, those of one emotion; the strip's are kept.

        frames : uint8 (H, W, 3 or 4) RGB or RGBA each.
        """
        self.strip.append([])
        face = partial(self.square.cut, size=STRIP_SIDE)
        keep = _keeping(frames, self.shots, self.strip[-1], face)
        return keep if self.shots else frames

    def watch_all(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """The same frames, those of the whole video; the GIF's are kept.

        frames : uint8 (H, W, 3 or 4) RGB or RGBA each.
        """
        small = partial(reduced, side=GIF_SIDE * len(self.strip))
        return _keeping(frames, self.reel, self.gif, small) if self.reel else frames


def _keeping(
    frames: Iterator[np.ndarray],
    wanted: Sequence[int],
    kept: list[np.ndarray],
    part: Callable[[np.ndarray], np.ndarray],
) -> Iterator[np.ndarray]:
    for number, frame in enumerate(frames):
        if number in wanted:
            kept.append(part(over_white(frame)))
        yield frame


def reduced(frame: np.ndarray, side: int) -> np.ndarray:
    """A picture uint8 (H, W, 3) with at most `side` px on its longer side."""
    share = side / max(frame.shape[:2])
    if share >= 1:
        return frame.copy()
    return np.asarray(
        cv2.resize(frame, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    )


def write_exports(
    paths: Sequence[Path], tracks: Sequence[Track], gallery: Gallery, voice: Voice
) -> None:
    """Write all but the videos, beside and renamed.

    The frames must have passed through the gallery before.
    """
    for path in paths:
        kind = path.suffix.lower()
        if kind == ".gif":
            rate = gallery.rate / gallery.reel.step
            keep_gif(path, gallery.gif, rate, comment=SYNTHETIC)
        elif kind == ".svg":
            write_strip(path, tracks, gallery)
        elif kind == ".csv":
            write_csv(path, tracks, gallery.rate)
        elif kind == ".npz":
            write_arrays(path, tracks, gallery.rate)
        elif kind in CAPTIONS:
            write_captions(path, voice.samples, SYNTHETIC)


def write_strip(path: Path, tracks: Sequence[Track], gallery: Gallery) -> None:
    """A row of pictures an emotion, and the lips' curves below, as Figure 2."""
    from matplotlib import pyplot  # it takes a second

    from emoface_lib.plots import draw_figure_2, encode

    drawn = draw_figure_2(
        gallery.strip,
        {track.name: track.opening for track in tracks},
        np.array(gallery.shots) / gallery.rate,
        gallery.rate,
    )
    metadata = {"Title": METADATA["title"], "Description": SYNTHETIC, "Date": None}
    with write_beside(path) as beside:
        beside.write_bytes(encode(drawn, "svg", metadata=metadata))
    pyplot.close(drawn)


def table_of(track: Track, rate: int) -> pd.DataFrame:
    """One row a frame: emotion, seconds, lip_opening, coefficients, x0, y0, ... y67.

    The lips' opening in px of the canonical frame, the landmarks in px of the
    photograph.
    """
    count = len(track.landmarks)
    points = np.stack(track.landmarks).reshape(count, -1)
    names = [f"{axis}{number}" for number in range(68) for axis in "xy"]
    first = pd.DataFrame({"emotion": track.name, "seconds": np.arange(count) / rate})
    first["lip_opening"] = track.opening
    shown = coefficients(np.stack(track.canonical), track.rest)
    return pd.concat([first, shown, pd.DataFrame(points, columns=names)], axis=1)


def write_csv(path: Path, tracks: Sequence[Track], rate: int) -> None:
    """The tables of all emotions, after a line that begins with # and says what it is.

    Read it by `pd.read_csv(path, comment="#")`.
    """
    whole = pd.concat([table_of(track, rate) for track in tracks])
    text = f"# {SYNTHETIC}\n" + whole.to_csv(index=False, float_format="%.4f")
    with write_beside(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_arrays(path: Path, tracks: Sequence[Track], rate: int) -> None:
    """Arrays: emotions [E], rate, landmarks and canonical float32[E, F, 68, 2], opening
    float[E, F], coefficients float[E, F, K], their names [K], comment.
    """
    shown = [coefficients(np.stack(track.canonical), track.rest) for track in tracks]
    write_npz(
        path,
        comment=np.array(SYNTHETIC),
        emotions=np.array([track.name for track in tracks]),
        rate=np.array(rate),
        landmarks=np.stack([track.landmarks for track in tracks]),
        canonical=np.stack([track.canonical for track in tracks]),
        opening=np.stack([track.opening for track in tracks]),
        coefficients=np.stack(shown),
        names=np.array(list(shown[0])),
    )

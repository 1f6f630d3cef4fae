"""Lids and lips of photographs and of the drawn cast, as dlib reads what is rendered.

Eyes are closed step by step; one that is read as less than READ_CLOSED of its usual
opening counts as closed. dlib reads few closed eyes so, the real ones of blinks.csv
neither (frames with the largest change about the eyes, closed to the eye of a person);
lids_mediapipe.py reads both better. What is shown of an eye is seen without a detector:
it is dyed. All constants were chosen on these faces. The people of blinks.csv are held
out: their most open eyes are closed by the warp and read beside their real blinks.
Mouths open as real ones do (a parabola through real_mouths of training talkers), under
the shipped dial from -3 to 3, with the face scaled to 96 px between the outer eye
corners. Speed: CPU time of one thread, a photograph 1080 px high.

python benchmarks/alive.py DATA [--prefix TEXT] [--frames FOLDER]

DATA has the folder portraits and the corpora that blinks.csv names; the pictures of
eyes, rendered and real, are left in FOLDER, and a sheet of each one's mouths.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from results import enter

from emoface_lib.animation.animate import SHIPPED
from emoface_lib.animation.head_motion import blink
from emoface_lib.animation.portrait import Portrait, read_portrait
from emoface_lib.animation.predict import load_predictor
from emoface_lib.animation.retarget import into_photo
from emoface_lib.core.landmarks import (
    EYE_DISTANCE,
    EYES,
    LEFT_EYE,
    LEFT_LIDS,
    LIPS,
    MIRROR,
    RIGHT_EYE,
    RIGHT_LIDS,
    VIDEO_RATE,
    eye_distance,
    lip_opening,
    mean_face,
)
from emoface_lib.core.video import iter_frames
from emoface_lib.features.align import align, to_canonical
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.real_mouths import SPLITS, read_talker
from emoface_lib.synthetic.portraits import CAST, resting_portrait
from emoface_lib.translation.framing import Square
from emoface_lib.translation.warp.photo_warp import PhotoWarp
from emoface_lib.translation.warp.raster import polygon_mask

TOPIC = "alive"
BLINKS = Path(__file__).with_name("blinks.csv")
REAL = "real"  # their pictures are named so
LONGEST = 250  # frames of a real clip that are read
BESIDE = 8  # frames of a real clip, that say how far its eyes are open
DYE = (0, 255, 0)
READ_CLOSED = 0.5  # share of the usual opening
CLOSED = (0.0, 0.25, 0.5, 0.75, 1.0)
OPENINGS = (0, 4, 8, 12, 16, 20)  # px
DIAL = (-3, -1.5, 0, 1.5, 3)
AROUND, MOUTH = 1.1, 150  # eye distances and px of a mouth in its sheet
HEIGHT = 1080  # px of the speed trial


def faces(folder: Path) -> dict[str, Portrait]:
    """Portraits by name: those of a folder, and the drawn cast."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    found = {path.stem: read_portrait(path) for path in paths}
    with tempfile.TemporaryDirectory() as scratch:
        for name in CAST:
            path = Path(scratch) / f"{name}.png"
            Image.fromarray(resting_portrait(name)).save(path)
            found[name] = read_portrait(path)
    return found


def real_opening() -> Callable[[float], np.ndarray]:
    """Displacements (68, 2) px, canonical frame, of a real mouth opened by px."""
    shifts, openings = [], []
    for talker in SPLITS["real"]:
        face = read_talker(talker)[2].reshape(-1, 68, 3).astype(float)
        aligned = align(face, to_canonical(mean_face()))[0][..., :2]
        opening = lip_opening(aligned)
        shut = opening <= np.percentile(opening, 5)
        shifts.append(aligned - aligned[shut].mean(0))
        openings.append(opening - opening[shut].mean())
    x = np.concatenate(openings)
    powers = np.stack([x, x**2], 1)
    flat = np.concatenate(shifts).reshape(len(x), -1)
    fit = np.linalg.lstsq(powers, flat)[0]
    fit = fit.reshape(2, 68, 2)
    fit = (fit + fit[:, MIRROR] * [-1, 1]) / 2  # both sides alike
    return lambda px: px * fit[0] + px**2 * fit[1]


def dial_shifts() -> dict[float, np.ndarray]:
    """Mean displacements (68, 2) px, canonical frame, that the dial adds to a voice."""
    predictor = load_predictor(SHIPPED)
    codes = predictor.encode(read_talker("s2")[1][:2].ravel())
    moved = {setting: predictor.displace(codes, setting) for setting in DIAL}
    return {setting: (moved[setting] - moved[0]).mean(0) for setting in DIAL}


def lid_opening(landmarks: np.ndarray) -> float:
    """Mean opening between the lids, in widths of the eyes."""
    upper, lower = np.array([*RIGHT_LIDS, *LEFT_LIDS]).T
    gap = np.linalg.norm(landmarks[lower] - landmarks[upper], axis=-1).mean()
    widths = np.linalg.norm(landmarks[[36, 42]] - landmarks[[39, 45]], axis=-1)
    return float(gap / widths.mean())


class Reader:
    """Reads the landmarks of a rendered face where the photograph has it."""

    def __init__(self, portrait: Portrait) -> None:
        self.detector = DlibDetector()
        found = self.detector.faces(portrait.picture)
        left, top = portrait.landmarks[:, :2].min(0)
        right, bottom = portrait.landmarks[:, :2].max(0)
        self.box = found[0][0] if found else (left, top, right, bottom)

    def read(self, picture: np.ndarray) -> np.ndarray:
        """Points (68, 2) px."""
        return self.detector.points(picture, self.box)


def read_lids(frames: list[np.ndarray], reader: Reader) -> np.ndarray:
    """Read opening of the eyes in each frame, as a share of the first: float (F,)."""
    openings = np.array([lid_opening(reader.read(frame)) for frame in frames])
    return openings / openings[0]


def shown_eyes(portrait: Portrait, frames: list[np.ndarray]) -> np.ndarray:
    """Shown area of the eyes in each frame, as a share of the first: float (F,)."""
    dyed = PhotoWarp(portrait.picture, portrait.landmarks)
    dyed.skin = dyed.skin.copy()
    for eye in (RIGHT_EYE, LEFT_EYE):
        inside = polygon_mask(dyed.landmarks[eye], dyed.skin.shape) > 127
        dyed.skin[inside] = DYE
    areas = []
    for closed, frame in zip(CLOSED, frames, strict=True):
        change = dyed.render(blink(dyed.closed, closed)).astype(int) - frame
        areas.append((change[..., 1] - change[..., ::2].max(-1)).clip(0).sum())
    return np.array(areas) / areas[0]


def real_blinks(data: Path) -> Iterator[tuple[float, float, list[np.ndarray]]]:
    """Closed eyes of BLINKS as dlib reads them, shares of the clip's usual opening.

    Beside each: the same of the clip's most open eyes, closed by the warp; its frame,
    and some others of the clip.
    """
    detector = DlibDetector()
    with BLINKS.open(newline="") as file:
        for row in csv.DictReader(file):
            clip = list(islice(iter_frames(data / row["clip"], VIDEO_RATE), LONGEST))
            faces = detector.detect(clip).landmarks
            openings = [lid_opening(face) for face in faces[..., :2]]
            number, widest = int(row["frame"]), int(np.argmax(openings))
            warp = PhotoWarp(clip[widest], faces[widest])
            made = [warp.render(blink(warp.closed, closed)) for closed in (0.0, 1.0)]
            seen = detector.detect(made).landmarks[..., :2]
            rendered = [lid_opening(face) for face in seen]
            others = np.linspace(0, len(clip) - 1, BESIDE + 1).astype(int)
            shown = [clip[each] for each in (number, *others)]
            usual = float(np.median(openings))
            yield openings[number] / usual, rendered[1] / rendered[0], shown


def keep(frames: list[np.ndarray], folder: Path | None, name: str) -> None:
    """Leave pictures in a folder, if there is one."""
    for number, frame in enumerate(frames):
        if folder:
            Image.fromarray(frame).save(folder / f"{name}-{number}.png")


def lips(
    warp: PhotoWarp, portrait: Portrait, reader: Reader, moves: list[np.ndarray]
) -> tuple[list[float], np.ndarray]:
    """Mean distance of read from asked lips for each displacement, px at 256 px.

    And the mouths to look at, a row for each of OPENINGS, a column for each of DIAL.
    """
    place, unit = into_photo(portrait.landmarks), eye_distance(warp.landmarks)
    side = round(AROUND * unit)
    corner = (warp.closed[LIPS].mean(0) - side / 2).astype(int)
    mouth = Square(*corner.tolist(), side)
    errors, shown = [], []
    for move in moves:
        asked = warp.closed + move @ place
        frame = warp.render(asked)
        shown.append(mouth.cut(frame, MOUTH))
        distance = np.linalg.norm(reader.read(frame)[LIPS] - asked[LIPS], axis=1).mean()
        errors.append(float(distance * EYE_DISTANCE / unit))
    rows = np.reshape(shown, (len(OPENINGS), len(DIAL), MOUTH, MOUTH, 3))
    return errors, np.vstack([np.hstack(row) for row in rows])


def speed(portrait: Portrait, moves: list[np.ndarray]) -> float:
    """Frames a second of one thread at HEIGHT px, as multiples of VIDEO_RATE."""
    scale = HEIGHT / portrait.picture.shape[0]
    picture = cv2.resize(portrait.picture, None, fx=scale, fy=scale)
    warp = PhotoWarp(np.asarray(picture), portrait.landmarks[:, :2] * scale)
    place = scale * into_photo(portrait.landmarks)
    motion = np.array([[1, 0.01, 1.0], [-0.01, 1, 2.0]])
    times = []
    for number, move in enumerate(moves):
        target = blink(warp.closed + move @ place, float(number % 8 == 0))
        start = time.process_time()
        warp.render(target, motion)
        times.append(time.process_time() - start)
    return 1 / float(np.median(times)) / VIDEO_RATE


def main() -> None:
    """Measure all and enter the numbers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--prefix", default="", help="before each number's name")
    parser.add_argument("--frames", type=Path, help="where pictures are left")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    opened, dial = real_opening(), dial_shifts()
    moves = [opened(px) + dial[setting] for px in OPENINGS for setting in DIAL]
    for move in moves:
        move[EYES] = 0
    curves, areas, errors = [], [], []
    people = faces(options.data / "portraits")
    for name, portrait in people.items():
        warp, reader = PhotoWarp(portrait.picture, portrait.landmarks), Reader(portrait)
        frames = [warp.render(blink(warp.closed, closed)) for closed in CLOSED]
        keep(frames, options.frames, name)
        curves.append(read_lids(frames, reader))
        areas.append(shown_eyes(portrait, frames))
        found, mouths = lips(warp, portrait, reader, moves)
        errors.append(found)
        keep([mouths], options.frames, f"mouths-{name}")
        read = np.reshape(errors[-1], (len(OPENINGS), -1)).mean(1)
        print(name, *(each[-1].round(2) for each in (curves, areas)), read.round(2))
    real, made = [], []
    for number, (share, rendered, frames) in enumerate(real_blinks(options.data)):
        real.append(share)
        made.append(rendered)
        keep(frames, options.frames, f"{REAL}{number:02d}")
    shares, asked = np.array(curves), 1 - np.array(CLOSED)
    error, fast = float(np.mean(errors)), speed(next(iter(people.values())), moves)
    worst = float(np.percentile(errors, 95))
    closed, rest, true = (
        float((np.array(each) <= READ_CLOSED).mean())
        for each in (shares[:, -1], made, real)
    )
    off, shown = (float(np.abs(np.mean(x, 0) - asked).max()) for x in (curves, areas))
    left = float(np.mean(areas, 0)[-1])
    how = (
        f"benchmarks/alive.py: {len(people)} faces, {len(moves)} mouths each, dlib; "
        f"closed is <= {READ_CLOSED} of the usual opening"
    )
    seen = f"benchmarks/alive.py: dyed eyes of {len(people)} faces"
    clips = (
        f"benchmarks/alive.py: {len(real)} clips of blinks.csv, dlib, same criterion"
    )
    unit = "px of 256"
    middles, curve = "blink middles read as closed", "eyes' opening, shown minus asked"
    rows = (
        (middles, closed, "share", how, ">= 0.9"),
        (f"{middles}, held-out people", rest, "share", clips, ""),
        ("real closed eyes read as closed", true, "share", clips, ""),
        ("eyes' opening, read minus asked, most", off, "share", how, "<= 0.1"),
        (f"{curve}, most", shown, "share", seen, "<= 0.1"),
        ("eye left to see in blink middles", left, "share", seen, ""),
        ("lips, read against asked, mean", error, unit, how, "<= 1.5"),
        ("lips, read against asked, 95th percentile", worst, unit, how, ""),
        (f"rendering {HEIGHT} px, 1 core", fast, "x real time", how, ">= 1"),
    )
    for name, *found in rows:
        enter(TOPIC, options.prefix + name, *found)


if __name__ == "__main__":
    main()

"""Any picture and any voice through `emoface animate`: how each ends, time and memory.

Each case of DATA/field, made after public bug reports, is animated and compared with
what a user expects. Times and memory are those of the whole command, imports included.

python benchmarks/real_media.py DATA [--only cases|covers|time|hour]

DATA has the folders field and portraits.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import soundfile
from PIL import Image
from results import enter

from emoface_lib.animation.faces import find_faces
from emoface_lib.animation.photo import read_photo
from emoface_lib.core.landmarks import LIPS, eye_distance
from emoface_lib.core.video import read_audio, video_info
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.synthetic.portraits import resting_portrait

TOPIC, HOW = "animate", "benchmarks/real_media.py: "
VOICE, FACE = "field/pauses_clean.wav", "portraits/cremad_img01.png"
# case of field: what the command says of it; "" for nothing
PICTURES = {
    "tilt40.jpg": "",
    "mask.jpg": "covered",
    "glasses.jpg": "",
    "shades_blue.jpg": "",
    "couple.jpg": "2 faces: 1 at .*, 2 at ",
    "group48mp.jpg": "was cropped to the face",
    "IMG_0231.HEIC": "",
    "noend.jpg": "The end of",
}
SOUNDS = {"call_gap.mkv": 5.2, "vbr_info.mp3": 7.2, "inverted.wav": 3.2}  # s
DRAWN = 12  # drawn heads beside the photographs
SIZE, HOUR = 256, 3600  # px of the photograph in long and timed runs; s
RUNS = 5  # the quickest counts: others work on the same machine


def animate(*given: object) -> tuple[str, float]:
    """What the command writes, and its seconds."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "emoface_lib", "animate", *map(str, given)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr, time.perf_counter() - start


def cases(data: Path, folder: Path) -> None:
    """Enter how many cases of field end as they should."""
    write_voice(folder / "voice.wav", data, 3)
    ended = {}
    for name, expected in PICTURES.items():
        photo = data / "field" / name
        said, _ = animate(photo, folder / "voice.wav", "-o", folder / f"{name}.mp4")
        notes = " ".join(re.findall("emoface: (.*)", said))
        good = re.search(expected, notes) if expected else not notes
        ended[name] = bool(good) and "Traceback" not in said
    for name, seconds in SOUNDS.items():
        out = folder / f"{name}.mp4"
        animate(data / FACE, data / "field" / name, "-o", out)
        ended[name] = out.exists() and abs(video_info(out).seconds - seconds) < 0.1
    head = ("--head", data / "field" / "cover.m4a", "-o", folder / "head.mp4")
    said, _ = animate(data / FACE, folder / "voice.wav", *head)
    ended["cover.m4a"] = "it has no video" in said or "holds no video" in said
    print(json.dumps(ended, indent=1))
    good, total = sum(ended.values()), len(ended)
    how = HOW + "pictures, sounds and a head of field"
    name = "cases of field that end well"
    enter(TOPIC, name, good, "", how, str(total), good == total)


def covers(data: Path, _: Path) -> None:
    """Enter how many covered mouths are found, and how many open ones are doubted."""
    detector, covered, plain = DlibDetector(), [], []
    photographs = [read_photo(path) for path in sorted((data / "portraits").iterdir())]
    pictures = [photo.picture for photo in photographs]
    pictures += [resting_portrait(f"drawn{number}") for number in range(DRAWN)]
    for picture in pictures:
        face = find_faces(detector, picture)[0]
        plain.append(face.steady)
        for colour, shape in COVERS:
            masked = picture.copy()
            points = shape(face.points).round().astype(np.int32)
            cv2.fillPoly(masked, [points], colour, cv2.LINE_AA)
            found = find_faces(detector, masked)
            covered.append(not found or not found[0].steady)
    how = HOW + f"masks and hands drawn on {len(pictures)} faces, {DRAWN} of them drawn"
    share = float(np.mean(covered))
    enter(TOPIC, "covered mouths that are refused or said", share, "", how, ">= 0.9")
    doubted = float(1 - np.mean(plain))
    enter(TOPIC, "open mouths that are doubted", doubted, "", how, "<= 0.05")


def mask_of(points: np.ndarray) -> np.ndarray:
    """A mask from ear to ear over nose and chin: points (68, 2) px, outline (P, 2)."""
    return np.vstack([points[2:15], points[29:30]])


def hand_of(points: np.ndarray) -> np.ndarray:
    """An oval over the mouth: points (68, 2) px, outline (P, 2) px."""
    angles, unit = np.linspace(0, 2 * np.pi, 40), eye_distance(points)
    oval = np.stack([0.45 * np.cos(angles), 0.28 * np.sin(angles)], 1)
    return points[LIPS].mean(0) + unit * oval


COVERS = (
    ((150, 185, 200), mask_of),
    ((225, 225, 225), mask_of),
    ((25, 25, 28), mask_of),
    ((190, 140, 110), hand_of),
)


def start_to_video(data: Path, folder: Path) -> None:
    """Enter the seconds of the whole command, 3 s of voice and a 256-px photograph.

    As after any installation, the compiled form of modules is at hand.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    write_voice(folder / "voice.wav", data, 3)
    write_face(folder / "face.png", data)
    given = (folder / "face.png", folder / "voice.wav", "-o", folder / "a.mp4")
    animate(*given)
    taken, busy = [], []
    for _ in range(RUNS):
        before = computed()
        taken.append(animate(*given)[1])
        busy.append(computed() - before)
    seconds, load = min(taken), os.getloadavg()[0]
    how = HOW + f"quickest of {RUNS}, from the shell, 2 cores, load {load:.1f}"
    enter(TOPIC, "start to mp4, 3 s at 256 px", seconds, "s", how, "<= 2.5")
    enter(TOPIC, "start to mp4, 3 s at 256 px, CPU", min(busy), "s", how)


def computed() -> float:
    """CPU seconds of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def hour(data: Path, folder: Path) -> None:
    """Enter the memory that an hour of sixteen people's voices takes, to its end."""
    said = [read_audio(path) for path in sorted(data.glob("ravdess_audio/*/*.wav"))]
    samples = np.resize(np.concatenate(said), HOUR * 16_000)
    soundfile.write(folder / "hour.wav", samples, 16_000)
    write_face(folder / "face.png", data)
    given = (folder / "face.png", folder / "hour.wav", "-o", folder / "hour.mp4")
    text, seconds = animate(*given)
    print(text, seconds)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    whole = abs(video_info(folder / "hour.mp4").seconds - HOUR) < 0.1
    how = HOW + f"peak of the command, {SIZE} px, warp; {seconds / 60:.0f} min, shared"
    name = "memory for an hour of voice"
    enter(TOPIC, name, peak, "GB", how, "<= 1.5", whole and peak <= 1.5)


def write_face(path: Path, data: Path) -> None:
    """A photograph of SIZE px."""
    Image.open(data / FACE).resize((SIZE, SIZE)).save(path)


def write_voice(path: Path, data: Path, seconds: int) -> None:
    """A voice of so many seconds, 16 kHz, repeated."""
    samples, count = read_audio(data / VOICE), seconds * 16_000
    soundfile.write(path, np.tile(samples, -(-count // len(samples)))[:count], 16_000)


def main() -> None:
    """Measure and enter."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parts = {"cases": cases, "covers": covers, "time": start_to_video, "hour": hour}
    parser.add_argument("--only", choices=parts)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name, part in parts.items():
            if options.only in (None, name):
                part(options.data, Path(scratch))


if __name__ == "__main__":
    main()

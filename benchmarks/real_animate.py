"""Portraits that speak: length, lips, and the speed from a voice to landmarks.

Each of the government portraits of DATA says a voice of EmoDB and one of VoxCeleb2; the
lips of the video are read by dlib, with the face scaled to 96 px between the outer eye
corners (a 256-px canonical frame). In field, a voice of EmoDB is heard after a door's
bang 16 dB above it, two under a fan 20 dB below them, one after a song's intro; there
the lips are those that the video shows.

python benchmarks/real_animate.py DATA    (a folder with portraits, emodb_sample,
                                      voxceleb2_sample and field)
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from results import enter, enter_bound
from scipy.ndimage import binary_erosion, binary_opening

from emoface_lib.animation.animate import TrainedModel, animate, best_run
from emoface_lib.animation.portrait import read_portrait
from emoface_lib.animation.predict import load_predictor
from emoface_lib.animation.preview import Face, Preview
from emoface_lib.animation.voice import Voice, read_voice
from emoface_lib.core.landmarks import (
    EYE_DISTANCE,
    VIDEO_RATE,
    eye_distance,
    lip_opening,
)
from emoface_lib.core.video import (
    read_audio,
    read_video,
    video_info,
)
from emoface_lib.features.audio import frame_loudness
from emoface_lib.features.dlib_detector import DlibDetector

TOPIC = "animate"
PORTRAITS = ("biden.jpg", "obama.jpg", "obama_2.jpg")
VOICES = ("emodb_sample/03a05Wa.wav", "voxceleb2_sample/mp4/id00010/00010/00001.mp4")
SILENCE = 3  # video frames at least; shorter ones are stops within words
SPEECH_SECONDS = 60  # length of the speed trial
CALM, BANGED = "nodoor28", "door16"  # the same voice, 79 frames of it
INTRO, OUTRO = 75, 25  # frames of a song before and after its voice
NEAR = 5  # frames; so near to speech lips may open already
OPEN = 1.0  # px; lips that are further apart are open


def opening_of(path: Path) -> np.ndarray:
    """Lip opening in each frame of a video, px of a face 256 px wide."""
    frames, _ = read_video(path)
    found = DlibDetector().detect(frames).landmarks[..., :2]
    return lip_opening(found) * EYE_DISTANCE / np.median(eye_distance(found))


def predicted_opening(voice: Voice) -> np.ndarray:
    """Lip opening that the model asks for, px of the canonical frame."""
    predictor = load_predictor(best_run())
    (moved,) = predictor.predict(voice.samples)
    return moved[:, 66, 1] - moved[:, 62, 1]


def video(data: Path, portrait: str, voice: str, folder: Path) -> dict[str, float]:
    """Animate once and measure."""
    out = folder / f"{Path(portrait).stem}_{Path(voice).parts[0]}.mp4"
    sound = read_voice(data / voice)
    animate(data / "portraits" / portrait, sound, out, TrainedModel())
    loudness = frame_loudness(sound.samples).clip(-60)
    asked = predicted_opening(sound)
    opening = opening_of(out)
    count = min(len(loudness), len(asked), len(opening))
    loudness, asked, opening = loudness[:count], asked[:count], opening[:count]
    soft = loudness < np.percentile(loudness, 95) - 30
    quiet = binary_opening(soft, np.ones(SILENCE))
    return {
        "longer than the voice": video_info(out).seconds - sound.seconds,
        "range": float(np.ptp(opening)),
        "deviation": float(opening.std()),
        "r with loudness": float(np.corrcoef(opening, loudness)[0, 1]),
        "r with what was asked": float(np.corrcoef(opening, asked)[0, 1]),
        "opening in silence": float(np.median(opening[quiet])) if quiet.any() else 0.0,
        "opening in speech": float(np.median(opening[~quiet])),
    }


def shown(data: Path, name: str) -> np.ndarray:
    """Lip opening of a portrait that says a voice of field, px of the canonical frame.

    Returns float[F].
    """
    face = Face(read_portrait(data / "portraits" / PORTRAITS[0]))
    voice = read_voice(data / "field" / f"{name}.wav")
    return Preview(voice, face, load_predictor(best_run())).plain


def widest(data: Path, name: str) -> float:
    """Lip opening that a twentieth of the frames exceeds, px."""
    return float(np.percentile(shown(data, name)[-79:], 95))


def opened(data: Path) -> dict[str, tuple[int, int]]:
    """Frames with open lips where nobody speaks, of how many: by a fan, in a song."""
    clean = read_voice(data / "field" / "pauses_clean.wav")
    quiet = frame_loudness(clean.samples) < -60
    song = shown(data, "song_intro")
    place = np.arange(len(song))
    music = (place < INTRO) | (place >= len(song) - OUTRO)
    silent = {"a fan": (shown(data, "pauses_fan20"), quiet), "a song": (song, music)}
    found = {}
    for name, (opening, where) in silent.items():
        far = opening[binary_erosion(where, np.ones(2 * NEAR + 1), border_value=1)]
        found[name] = int((far > OPEN).sum()), len(far)
    return found


def speed(data: Path) -> float:
    """Seconds of voice turned into landmarks in a second of one core."""
    voice = read_audio(data / VOICES[1])
    samples = np.tile(voice, 1 + SPEECH_SECONDS * 16_000 // len(voice))
    samples = samples[: SPEECH_SECONDS * 16_000]
    predictor = load_predictor(best_run())
    predictor.predict(samples[:16_000])
    start = time.process_time()
    (moved,) = predictor.predict(samples)
    assert len(moved) == SPEECH_SECONDS * VIDEO_RATE
    return SPEECH_SECONDS / (time.process_time() - start)


def main() -> None:
    """Measure all and enter the worst of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, help="folder to keep the videos in")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for portrait in PORTRAITS:
            for voice in VOICES:
                folder = options.keep or Path(scratch)
                rows.append(video(options.data, portrait, voice, folder))
                numbers = {name: round(value, 2) for name, value in rows[-1].items()}
                print(portrait, voice, numbers, flush=True)
    how = f"benchmarks/real_animate.py: {len(rows)} videos, model of {best_run().name}"
    least = {name: min(row[name] for row in rows) for name in rows[0]}
    longer = max(abs(row["longer than the voice"]) for row in rows)
    closed = max(row["opening in silence"] for row in rows)
    spread, quick = least["range"], speed(options.data)
    numbers = [
        ("video minus voice, largest", longer, "s", "<= 0.04"),
        ("range of lip opening, least", spread, "px", "> 1"),
        ("lip opening in silence, largest", closed, "px", ""),
        ("voice to landmarks, 1 core", quick, "x real time", ">= 50"),
    ]
    for name in ("r with loudness", "r with what was asked"):
        numbers.append((f"lips' {name}, least", least[name], "", "> 0"))
    calm, banged = widest(options.data, CALM), widest(options.data, BANGED)
    numbers.append(("widest lips, calm recording", calm, "px", ""))
    for name, value, unit, target in numbers:
        enter_bound(TOPIC, name, value, unit, target, how)
    name, aim = "widest lips, after a door's bang", ">= 0.9 of the calm"
    enter(TOPIC, name, banged, "px", aim, banged >= 0.9 * calm, how)
    for name, (frames, total) in opened(options.data).items():
        row = f"lips open where nobody speaks, {name}"
        enter(TOPIC, row, float(frames), f"of {total} frames", "0", frames == 0, how)


if __name__ == "__main__":
    main()

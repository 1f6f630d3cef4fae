"""A photograph and a voice in, a video of the talking photograph out.

Everything streams: memory does not grow with the length of the voice. Taught in
notebook 09.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat, tee
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from emoface_lib.config import PRODUCTS, Run, load_settings
from emoface_lib.errors import InputError
from emoface_lib.features.alignment import align, into_canvas
from emoface_lib.features.audio import frame_loudness, speech_level
from emoface_lib.features.landmarks import DlibDetector
from emoface_lib.features.lift import mean_face
from emoface_lib.head_motion import (
    Moment,
    blink,
    clip_motion,
    gentle_motion,
    head_transform,
    turn_face,
)
from emoface_lib.landmarks import CHIN, EYES, VIDEO_RATE, eye_distance
from emoface_lib.lips import close_lips
from emoface_lib.pauses import pauses
from emoface_lib.photo import LONGEST_SIDE, Portrait, read_portrait
from emoface_lib.renderers import Renderer, make_renderer
from emoface_lib.stamp import Stamp
from emoface_lib.video import (
    LONGEST_VOICE,
    check_audible,
    iter_audio,
    iter_frames,
    read_audio,
    sound_info,
    write_video,
)

SOUND_RATE = 48_000  # Hz of the video's sound
SOUND_BLOCK = 1.0  # s
ENCODER_THREADS = 2  # one renders while the other encodes
VOICE_BLOCK = 10.0  # s
HEAD_FRAMES = 500  # of a video whose head motion is taken; 20 s, there and back again
METADATA = {
    "title": "Synthetic video",
    "comment": "Synthetic: a photograph animated by emoface to a voice. What it shows "
    "did not happen.",
}
PAUSE_SHARE = 0.15  # of a gap between the lips that the upper one closes in a pause
LAST_NOTEBOOK = "08_emotion_space"  # the last one that the predictor needs


class Predictor(Protocol):
    """Anything that turns a voice into displacements of landmarks."""

    def predict(
        self,
        blocks: Iterable[np.ndarray],
        emotion: float = 0.0,
        level: float | None = None,
    ) -> Iterator[np.ndarray]:
        """Blocks of samples, float32 (S,) at 16 kHz, to (F, 68, 2) px of the canvas.

        level : of the voice's speech, dBFS; None if it is what the model is used to.
        """
        ...


@dataclass(frozen=True)
class TrainedModel:
    """The predictor that a run has left, loaded when it is first asked.

    folder : of the run; None for the best of this project's own runs. If there is none,
    the smallest is trained first, and standard error says so. enrol : recordings of the
    speaker, which a run of the improved objective listens to.
    """

    folder: Path | None = None
    enrol: tuple[Path, ...] = ()

    def predict(
        self,
        blocks: Iterable[np.ndarray],
        emotion: float = 0.0,
        level: float | None = None,
    ) -> Iterator[np.ndarray]:
        """As `FacePredictor.predict`. Raises InputError if a file of it is missing."""
        from emoface_lib.prediction import load_predictor  # torch takes seconds

        predictor = load_predictor(self.folder or best_run())
        known = None
        if self.enrol:
            known = predictor.enrol([read_audio(path) for path in self.enrol])
        return predictor.predict(blocks, emotion, level, known)


def best_run() -> Path:
    """Folder of the largest finished run; trains the smoke profile if there is none."""
    for profile in ("paper", "full", "tutorial", "smoke"):
        folder = Run(load_settings(profile)).folder
        if (folder / PRODUCTS[LAST_NOTEBOOK]).exists():
            return folder
    from emoface_lib.reproduce import reproduce  # so does papermill

    print(
        "No model has been trained yet: the smallest one is trained first, which "
        "takes minutes. `make reproduce` trains a better one.",
        file=sys.stderr,
    )
    reproduce("smoke", through=LAST_NOTEBOOK)
    return folder


@dataclass(frozen=True)
class Animation:
    """What was made: path, seconds of the voice, frames, notes for the user."""

    path: Path
    seconds: float
    frames: int
    notes: tuple[str, ...]


def animate(
    photo: Path | str,
    voice: Path | str,
    out: Path | str,
    predictor: Predictor,
    emotion: float = 0.0,
    seed: int = 0,
    motion: float = 1.0,
    mark: bool = False,
    renderer: str = "warp",
    run: Path | None = None,
    head: Path | str | None = None,
    longest_side: int = LONGEST_SIDE,
    longest_voice: float = LONGEST_VOICE,
    progress: bool = False,
) -> Animation:
    """Let a photograph say a voice, and write that as an mp4 with sound.

    photo : a picture of one frontal face; voice : any file with speech; out : .mp4 in a
    folder that exists. emotion : standard deviations along the first component of the
    emotion space; motion : amount of synthetic head motion, 0 for none; mark : write
    "synthetic" into the picture; renderer : "warp", or "unet" or "improved" of the run
    in the folder `run`, by default the best; head : a video whose head motion and
    blinks are taken instead. Raises InputError, before the work begins where that is
    possible, and never leaves a half-written file.
    """
    out = check_output(out, photo, voice)
    portrait = read_portrait(photo, longest_side=longest_side)
    sound = sound_info(voice, longest_voice)
    check_audible(voice, sound.peak)
    count = max(1, int(np.ceil(round(sound.seconds * VIDEO_RATE, 3))))
    blocks = iter_audio(voice, VOICE_BLOCK, longest=longest_voice)
    loudness = frame_loudness(iter_audio(voice, VOICE_BLOCK, longest=longest_voice))
    generator = np.random.default_rng(seed)
    frames = render_portrait(
        portrait,
        hold_last(predictor.predict(blocks, emotion, speech_level(loudness)), count),
        read_motion(head) if head else gentle_motion(generator, motion),
        renderer_of(portrait, renderer, run),
        mark,
        chain(pauses(loudness), repeat(0.0)),
    )
    write_video(
        out,
        tqdm(frames, total=count, unit="frame", disable=not progress),
        iter_audio(
            voice, SOUND_BLOCK, SOUND_RATE, min(2, sound.channels), longest_voice
        ),
        SOUND_RATE,
        metadata=METADATA,
        threads=ENCODER_THREADS,
    )
    return Animation(out, sound.seconds, count, portrait.notes)


def check_output(out: Path | str, *inputs: Path | str) -> Path:
    """The path to write to; raises InputError if that can't be written."""
    out = Path(out)
    if out.suffix.lower() != ".mp4":
        raise InputError(f"The video {out} should have a name that ends in .mp4.")
    if not out.parent.is_dir():
        raise InputError(f"The folder {out.parent} does not exist: make it first.")
    if out.is_dir() or not can_hold_files(out.parent):
        raise InputError(f"{out} can't be written: choose another folder or name.")
    if out.resolve() in [Path(given).resolve() for given in inputs]:
        raise InputError(f"{out} would overwrite what was given: choose another name.")
    return out


def can_hold_files(folder: Path) -> bool:
    """Whether a file can be made in a folder; rights alone don't tell."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def render_portrait(
    portrait: Portrait,
    displacements: Iterable[np.ndarray],
    moments: Iterable[Moment],
    renderer: Renderer,
    mark: bool = False,
    resting: Iterable[float] = repeat(0.0),
) -> Iterator[np.ndarray]:
    """Frames of a talking portrait: uint8 (H, W, 3) RGB each.

    displacements : float (68, 2) px of the canvas each, 25 a second; moments : where
    the head is; resting : how far the mouth is closed in spite of it all, 0..1 each.
    """
    stamp = Stamp(portrait.picture.shape) if mark else None
    first, second = tee(moving_faces(portrait, displacements, moments, resting))
    faces, motions = (face for face, _ in first), (motion for _, motion in second)
    for frame in renderer.frames(faces, motions):
        yield stamp.press(frame) if stamp else frame


def moving_faces(
    portrait: Portrait,
    displacements: Iterable[np.ndarray],
    moments: Iterable[Moment],
    resting: Iterable[float] = repeat(0.0),
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Landmarks (68, 2) px of the photograph, and the head's motion (2, 3), each frame.

    Arguments as those of `render_portrait`.
    """
    flat = portrait.landmarks[:, :2].astype(float)
    closed, unit = close_lips(flat), float(eye_distance(flat))
    solid = np.column_stack([closed, portrait.landmarks[:, 2]])
    place = into_photo(portrait.landmarks)
    up = closed[EYES].mean(0) - closed[CHIN]
    up /= np.linalg.norm(up)
    for moved, moment, rest in zip(displacements, moments, resting, strict=False):
        turned = turn_face(solid, moment.yaw, moment.pitch)
        target = closed + turned + moved @ place
        target += rest * (close_lips(target, PAUSE_SHARE) - target)
        target = blink(target, moment.closed)
        yield target, head_transform(moment, closed, unit, up)


def renderer_of(portrait: Portrait, kind: str, run: Path | None = None) -> Renderer:
    """The renderer called `kind` of a portrait, by default with the best run's network.

    Raises InputError as `make_renderer`.
    """
    if run is None:
        run = Path() if kind == "warp" else best_run()
    return make_renderer(kind, portrait.picture, portrait.landmarks, run)


def read_motion(path: Path | str) -> Iterator[Moment]:
    """Head motion and blinks of a video's first seconds, endlessly.

    Raises InputError if the file is no video or shows no face.
    """
    frames = list(islice(iter_frames(path, VIDEO_RATE), HEAD_FRAMES))
    return clip_motion(DlibDetector().detect(frames).landmarks)


def into_photo(landmarks: np.ndarray) -> np.ndarray:
    """Matrix (2, 2) that takes displacements of the canvas into a photograph's pose.

    landmarks : float (68, 3) px of the photograph. Displacements have no depth.
    """
    _, pose = align(landmarks[None].astype(float), into_canvas(mean_face()))
    return pose.rotation[0, :2, :2] / pose.scale


def hold_last(blocks: Iterable[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Exactly `count` frames from blocks (F, ...); the last one is held if too few."""
    last = None
    given = 0
    for last in islice(chain.from_iterable(blocks), count):
        given += 1
        yield last
    if last is None:
        raise InputError("The voice is too short: no frame was predicted.")
    yield from repeat(last, count - given)

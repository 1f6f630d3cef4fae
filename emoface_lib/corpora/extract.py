"""Extraction from one clip: audio features, landmarks, expressions, and problems.

What many clips share, such as a detector, is loaded once a process. Taught in notebooks
02 and 03.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emoface_lib.core.clip import EXPRESSIONS, HOP_LENGTH, SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_npz
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.core.media import sound_delay
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import iter_frames, read_audio
from emoface_lib.features.audio import frame_loudness, log_mel, speech_level
from emoface_lib.features.detection import Detection
from emoface_lib.features.detectors import choose_detector, two_faces
from emoface_lib.features.expression import (
    CROP_EVERY,
    ExpressionModel,
    face_crops,
    recognise,
)
from emoface_lib.features.openface import read_openface
from emoface_lib.features.recognisers import choose_recogniser
from emoface_lib.features.speaker import embed_speakers
from emoface_lib.features.voice_conversion import (
    LogMel,
    heard_features,
    load_features,
)

SAMPLES_A_FRAME = HOP_LENGTH * FRAME_RATE // VIDEO_RATE  # in a video frame, 40 ms
LARGEST = 2_000_000_000  # bytes of a clip's pictures; what a worker may take
Row = dict[str, Any]  # a row in the index of features


class Job(NamedTuple):
    """One clip to observe: its files relative to the corpus, "" where there is none."""

    clip: str
    path: str  # video
    sound: str = ""  # where it has a file of its own
    tracks: str = ""
    emotion: str = ""


@dataclass(frozen=True)
class Recipe:
    """How to observe the clips of a corpus.

    corpus, folder : roots of the clips and of the features; drawn : whether it is the
    embedded corpus; recogniser : for expressions, see `choose_recogniser`; audio : the
    run's folder of that name, if voices are to be embedded and converted as well.
    """

    corpus: Path
    folder: Path
    settings: Settings
    drawn: bool
    recogniser: str
    audio: Path | None = None

    def __call__(self, job: Job) -> Row:
        """Observe a clip: so that a recipe is what processes are given to do."""
        return observe(job, self)


def observe(job: Job, recipe: Recipe) -> Row:
    """Write a clip's features; return its row of the index, or what was wrong.

    The file holds log_mel float32[T, 80], landmarks float32[F, 68, 3] px of the frame,
    found bool[F], confidence float32[F], crops uint8[F / 5, 64, 64], size int[2] (width
    and height, 0 without a video), expression float32[7], level float dBFS of the
    speech, with T = 2 F; voice float32[256] and heard, F_a, if the recipe asks for
    them. Sound and picture are cut to the shorter of them. Raises InputError only if
    the file can't be written, which concerns all clips.
    """
    named = recipe.corpus / (job.path or job.tracks or job.sound)
    try:
        arrays = features_of(job, recipe)
    except InputError as error:
        text = str(error)
        return failed(job, text if str(named.name) in text else f"{named}: {text}")
    except MemoryError:
        return failed(job, f"{named} needs more memory than there is: cut the clip.")
    except Exception as error:  # a library's, on one clip of a million
        return failed(job, f"{named}: {type(error).__name__}: {error}")
    path = recipe.folder / f"{job.clip}.npz"
    try:
        write_npz(path, **arrays)
    except OSError as error:
        raise InputError(
            f"{path} can't be written ({error.strerror}): make room or mend the "
            "folder's rights, and run the same command again; it goes on."
        ) from error
    return row_of(job.clip, arrays)


def failed(job: Job, problem: str) -> Row:
    """The row of a clip that could not be used."""
    return {"clip": job.clip, "problem": problem}


def row_of(clip: str, arrays: Mapping[str, np.ndarray]) -> Row:
    """The index's row of a clip, from its features.

    arrays : as `observe` writes them: found bool[F], level scalar in dBFS, expression
    float32[7], a softmax; others are not used.
    """
    softmax = zip(EXPRESSIONS, arrays["expression"].tolist(), strict=True)
    return {
        "clip": clip,
        "problem": "",
        "frames": len(arrays["found"]),
        "missing": int((~arrays["found"]).sum()),
        "level": float(arrays["level"]),
        **{f"expression_{name}": value for name, value in softmax},
    }


def features_of(job: Job, recipe: Recipe) -> dict[str, np.ndarray]:
    """All arrays of a clip by name, such as log_mel float32[T, 80]; see `observe`.

    Raises InputError if the clip can't be used.
    """
    tools = load_tools(recipe)
    frames = read_pictures(recipe.corpus / job.path) if job.path else []
    samples = read_sound(job, recipe.corpus)
    seen = see(job, recipe, frames)
    count = min(len(seen.found), len(samples) // SAMPLES_A_FRAME)
    if count == 0:
        raise InputError("It holds less than one frame of sound and picture.")
    landmarks, samples = seen.landmarks[:count], samples[: count * SAMPLES_A_FRAME]
    frames = frames[:count:CROP_EVERY]
    chosen = landmarks[::CROP_EVERY][: len(frames)]
    size = frames[0].shape[1::-1] if frames else (0, 0)
    return {
        "landmarks": landmarks,
        "found": seen.found[:count],
        "confidence": seen.confidence[:count],
        "crops": face_crops(frames, chosen),  # type: ignore[arg-type]
        "size": np.array(size),
        "expression": tools.expression(job, frames, chosen),
        "level": np.array(speech_level(frame_loudness([samples])), np.float32),
        **tools.hear(samples, voices=recipe.audio is not None),
    }


def read_pictures(path: Path) -> list[np.ndarray]:
    """Frames of a video at 25 a second, by its time stamps: uint8 (H, W, 3) each."""
    frames: list[np.ndarray] = []
    for frame in iter_frames(path, VIDEO_RATE):
        frames.append(frame)
        if len(frames) * frame.nbytes > LARGEST:
            raise InputError(
                f"{path} decodes to more than {LARGEST / 1e9:g} GB of pictures: cut it."
            )
    if not frames:
        raise InputError(f"{path} holds no picture that can be decoded.")
    return frames


def read_sound(job: Job, corpus: Path) -> np.ndarray:
    """A clip's sound from where its picture begins, float32[S] at 16 kHz."""
    if job.sound:
        return read_audio(corpus / job.sound)
    if not job.path:
        raise InputError("There is no sound for this landmark track.")
    samples = read_audio(corpus / job.path)
    delay = round(sound_delay(corpus / job.path) * SAMPLE_RATE)
    return samples[-delay:] if delay < 0 else np.pad(samples, (delay, 0))


def see(job: Job, recipe: Recipe, frames: Sequence[np.ndarray]) -> Detection:
    """Detect the landmarks of a clip, or read its track if there is no video.

    frames : uint8 (H, W, 3) RGB each, 25 a second. Raises InputError if there is
    neither video nor track, no face, too long a gap, or a second face of like size.
    """
    if not job.path and not job.tracks:
        raise InputError("There is neither a video nor a landmark track of this sound.")
    if not job.path:
        return read_openface(recipe.corpus / job.tracks)
    sidecar = recipe.corpus / "truth" / f"{job.clip}.npz"
    detector = choose_detector(recipe.settings, sidecar, recipe.drawn)
    found = detector.detect(frames)
    found.check_gaps(recipe.settings.landmarks.longest_gap)
    if not recipe.drawn and two_faces(detector, frames):
        raise InputError("It shows two faces of like size: who speaks is not known.")
    return found


class Tools:
    """What is loaded once a process: recogniser of expressions, maker of F_a."""

    def __init__(self, recipe: Recipe) -> None:
        self.settings = recipe.settings
        self.recogniser: ExpressionModel | None = choose_recogniser(
            recipe.recogniser, recipe.settings
        )
        self.features = (
            load_features(recipe.audio, recipe.settings) if recipe.audio else LogMel()
        )

    def expression(
        self, job: Job, frames: Sequence[np.ndarray], landmarks: np.ndarray
    ) -> np.ndarray:
        """Mean softmax float32[7] of frames; from the label if there is no model."""
        if self.recogniser is None:
            return labelled(job.emotion)
        if not len(frames):
            raise InputError("Without a video there is no face to recognise.")
        found = recognise(self.recogniser, frames, landmarks)  # type: ignore[arg-type]
        return found.mean(0)

    def hear(self, samples: np.ndarray, voices: bool) -> dict[str, np.ndarray]:
        """Audio features of a clip: log-mel, and with `voices` its embedding and F_a.

        samples : float32[S] at 16 kHz. Returns "log_mel" float32[T, 80] in 0..1;
        "voice" float32[256], GE2E, of length 1; "heard", F_a float32[T, D], where it
        needs the speaker, or is no mel. Raises InputError if the sound to embed is
        silent.
        """
        mel = log_mel(samples)
        heard = {"log_mel": mel}
        if self.settings.features.kind == "phonetic":
            heard["heard"] = heard_features(samples, self.settings)
        if voices:
            voice = embed_speakers({"": [samples]})[""].astype(np.float32)
            heard["voice"] = voice
            if self.features.needs_speaker:
                heard["heard"] = self.features.whole(mel, voice)
        return heard


@lru_cache(maxsize=1)
def load_tools(recipe: Recipe) -> Tools:
    """The tools of a recipe, loaded once."""
    return Tools(recipe)


def labelled(emotion: str) -> np.ndarray:
    """A label as a softmax, float32[7]; what is none of the seven is all of them.

    Raises InputError if there is no label.
    """
    if not emotion:
        raise InputError("It has no label of emotion: choose another recogniser.")
    if emotion not in EXPRESSIONS:
        return np.full(len(EXPRESSIONS), 1 / len(EXPRESSIONS), np.float32)
    return np.eye(len(EXPRESSIONS), dtype=np.float32)[EXPRESSIONS.index(emotion)]

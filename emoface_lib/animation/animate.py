"""A photograph and a voice in, a video of the animated portrait out.

Everything streams: memory does not grow with the length of the voice. Taught in
notebook 09.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, repeat, tee
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from tqdm import tqdm

from emoface_lib.animation.emotion_control import FIRST_AXIS, Dial, Emotion
from emoface_lib.animation.export import (
    METADATA,
    Gallery,
    Track,
    check_outputs,
    side_by_side,
    write_exports,
)
from emoface_lib.animation.head_motion import gentle_motion
from emoface_lib.animation.pauses import pauses
from emoface_lib.animation.portrait import LONGEST_SIDE, Portrait, read_portrait
from emoface_lib.animation.retarget import (
    Pose,
    hold_last,
    moving_faces,
    read_motion,
    resting_face,
)
from emoface_lib.animation.watermark import Watermark
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.core.settings import PRODUCTS, Run, load_settings
from emoface_lib.core.video import (
    LONGEST_VOICE,
    check_audible,
    iter_audio,
    read_audio,
    sound_info,
    write_video,
)
from emoface_lib.features.audio import frame_loudness, speech_level
from emoface_lib.translation.framing import Square
from emoface_lib.translation.render import Renderer, make_renderer
from emoface_lib.translation.translators import FOLDERS

if TYPE_CHECKING:  # torch takes seconds
    from emoface_lib.animation.predict import FacePredictor, Heard

SOUND_RATE = 48_000  # Hz of the video's sound
SOUND_BLOCK = 1.0  # s
ENCODER_THREADS = 2  # one renders while the other encodes
VOICE_BLOCK = 10.0  # s
LAST_NOTEBOOK = "08_emotion_space"  # the last one that the predictor needs


class Predictor(Protocol):
    """Anything that turns a voice into displacements of landmarks."""

    def predict(
        self,
        blocks: Iterable[np.ndarray],
        emotion: Emotion = 0.0,
        level: float | None = None,
    ) -> Iterator[np.ndarray]:
        """From blocks of samples to displacements of the landmarks.

        blocks : float32 (S,) each, at 16 kHz; yields float32 (F, 68, 2) px of the
        canonical frame, 25 frames/s. level : loudness of the voice's speech, dBFS; None
        if it is that of the training data.
        """
        ...


@dataclass(frozen=True)
class TrainedModel:
    """The predictor that a run has left, loaded when it is first used.

    folder : of the run; None for the best of this project's own runs. enrol :
    recordings of the speaker, for a run of the improved objective.
    """

    folder: Path | None = None
    enrol: tuple[Path, ...] = ()

    @cached_property
    def predictor(self) -> "FacePredictor":
        """The run's models; raises InputError if there are none, or a file lacks."""
        from emoface_lib.animation.predict import load_predictor

        return load_predictor(self.folder or best_run())

    def listen(
        self, blocks: Iterable[np.ndarray], level: float | None = None
    ) -> Iterator["Heard"]:
        """As `FacePredictor.listen`, with the speaker who is enrolled.

        blocks : float[S] each, at 16 kHz; level : dBFS. Yields windows of codes,
        Tensor[T, D].
        """
        known = None
        if self.enrol:
            known = self.predictor.enrol([read_audio(path) for path in self.enrol])
        return self.predictor.listen(blocks, level, known)

    def predict(
        self,
        blocks: Iterable[np.ndarray],
        emotion: Emotion = 0.0,
        level: float | None = None,
    ) -> Iterator[np.ndarray]:
        """As `FacePredictor.predict`.

        blocks : float[S] each, at 16 kHz; level : dBFS. Yields float32[F, 68, 2] px of
        the canonical frame, 25 frames/s.
        """
        return self.predictor.say(self.listen(blocks, level), emotion)

    def like(self, recording: Path | str, voice: Path | str) -> Dial:
        """The dial that gives a voice the emotion of another recording.

        It moves the voice to the recording's place in the emotion space. Raises
        InputError if one of the files holds no speech.
        """
        level = speech_level(frame_loudness([read_audio(recording)]))
        other = self.predictor.listen([read_audio(recording)], level)
        level = speech_level(frame_loudness([read_audio(voice)]))
        own = self.listen([read_audio(voice)], level)
        return replace(
            self.predictor.like(other, own), name=f"like {Path(recording).stem}"
        )


def read_emotion(
    given: Emotion, model: TrainedModel, voice: Path | str, axis: str = FIRST_AXIS
) -> Dial:
    """The dial of what `Dial.of` reads, or of a recording to speak like.

    Raises InputError that says what can't be read.
    """
    path = Path(given) if isinstance(given, str | Path) else Path()
    if path.is_file() and path.suffix.lower() != ".csv":
        return model.like(path, voice)
    return Dial.of(given, axis)


class NoRunError(InputError):
    """No run has left a model that can animate."""


def best_run() -> Path:
    """Folder of the largest finished run; raises NoRunError if there is none."""
    for profile in ("paper", "full", "tutorial", "smoke"):
        folder = Run(load_settings(profile)).folder
        if (folder / PRODUCTS[LAST_NOTEBOOK]).exists():
            return folder
    raise NoRunError(
        f"No model has been trained yet in {folder.parent}: run `emoface reproduce`, "
        "or name the folder of a run by --model."
    )


@dataclass(frozen=True)
class Animation:
    """What was made: paths, seconds of the voice, frames, notes for the user."""

    paths: tuple[Path, ...]
    seconds: float
    frames: int
    notes: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The first of the files."""
        return self.paths[0]


def animate(
    photo: Path | str,
    voice: Path | str,
    out: Path | str | Sequence[Path | str],
    predictor: Predictor,
    emotion: Emotion | Sequence[Emotion] = 0.0,
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
    """Animate a photograph by a voice, and write that as an mp4 with sound.

    photo : a picture of one frontal face; voice : any file with speech; out : .mp4, or
    .gif, .svg (rows of pictures and the lips' curves), .csv or .npz (landmarks), or
    several of them. emotion : what `Dial.of` reads, standard deviations of the emotion
    codes; several make faces side by side. motion : amount of synthetic head motion, 0
    for none; mark : write "synthetic" into the picture; renderer : "warp", or "unet" or
    "improved" of the run in the folder `run`, by default the best; head : a video whose
    head motion and blinks are taken instead.
    Raises InputError, before the work begins where that is possible, and never leaves a
    half-written file.
    """
    paths = check_outputs(out, photo, voice)
    dials = [Dial.of(one) for one in _as_list(emotion)]
    portrait = read_portrait(photo, longest_side=longest_side)
    sound = sound_info(voice, longest_voice)
    check_audible(voice, sound.peak)
    count = max(1, int(np.ceil(round(sound.seconds * VIDEO_RATE, 3))))
    chosen = renderer_of(portrait, renderer, run)
    square = Square.around(portrait.landmarks[:, :2], portrait.picture.shape)
    gallery = Gallery([path.suffix.lower() for path in paths], count, square)
    loudness = frame_loudness(iter_audio(voice, VOICE_BLOCK, longest=longest_voice))
    sway = gentle_motion(np.random.default_rng(seed), motion)
    moments = tee(read_motion(head) if head else sway, len(dials))
    tracks, streams = [], []
    for dial, moment in zip(dials, moments, strict=True):
        blocks = iter_audio(voice, VOICE_BLOCK, longest=longest_voice)
        predicted = predictor.predict(blocks, dial, speech_level(loudness))
        resting = chain(pauses(loudness), repeat(0.0))
        poses = moving_faces(portrait, hold_last(predicted, count), moment, resting)
        tracks.append(Track(str(dial), resting_face(portrait)))
        seen = rendered(chosen, tracks[-1].watch(poses), mark)
        streams.append(gallery.watch_one(seen))
    frames = gallery.watch_all(side_by_side(streams, [track.name for track in tracks]))
    frames = iter(tqdm(frames, total=count, unit="frame", disable=not progress))
    for path in paths:
        if path.suffix.lower() == ".mp4":
            _film(path, frames, voice, min(2, sound.channels), longest_voice)
    deque(frames, maxlen=0)  # without a video, the frames are drawn for the exports
    write_exports(paths, tracks, gallery)
    return Animation(tuple(paths), sound.seconds, count, portrait.notes)


def _film(
    path: Path,
    frames: Iterator[np.ndarray],
    voice: Path | str,
    channels: int,
    longest: float,
) -> None:
    """Write frames with the voice as an mp4 that says what it is."""
    sound = iter_audio(voice, SOUND_BLOCK, SOUND_RATE, channels, longest)
    write_video(
        path, frames, sound, SOUND_RATE, metadata=METADATA, threads=ENCODER_THREADS
    )


def _as_list(emotion: Emotion | Sequence[Emotion]) -> Sequence[Emotion]:
    if isinstance(emotion, str) or not isinstance(emotion, Sequence):
        return [emotion]
    return emotion


def rendered(
    renderer: Renderer, poses: Iterable[Pose], mark: bool = False
) -> Iterator[np.ndarray]:
    """Frames of faces: uint8 (H, W, 3) RGB each; mark : write "synthetic" into them."""
    first, second = tee(poses)
    watermark = None
    for frame in renderer.frames((p.face for p in first), (p.motion for p in second)):
        if mark:
            watermark = watermark or Watermark(frame.shape)
            watermark.press(frame)
        yield frame


def renderer_of(portrait: Portrait, kind: str, run: Path | None = None) -> Renderer:
    """The renderer called `kind` of a portrait, by default with the best run's network.

    Raises InputError as `make_renderer`.
    """
    if run is None:
        run = best_run() if kind in FOLDERS else Path()
    return make_renderer(kind, portrait.picture, portrait.landmarks, run)

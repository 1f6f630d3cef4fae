"""A photograph and a voice in, a video of the animated portrait out.

The voice is read and predicted whole; the frames stream, so that their memory does not
grow with its length. Taught in notebook 09.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from tqdm import tqdm

from emoface_lib.animation.captions import CAPTIONS
from emoface_lib.animation.emotion_control import FIRST_AXIS, Curve, Dial, Emotion
from emoface_lib.animation.export import (
    METADATA,
    TABLES,
    VIDEOS,
    Gallery,
    Track,
    check_outputs,
    side_by_side,
    write_exports,
)
from emoface_lib.animation.head_motion import gentle_motion, widest_vowels
from emoface_lib.animation.portrait import LONGEST_SIDE, Portrait, read_portrait
from emoface_lib.animation.retarget import (
    at_rate,
    hold_last,
    moving_faces,
    read_motion,
    resting_face,
)
from emoface_lib.animation.voice import TRACK_RATE, Voice
from emoface_lib.animation.watermark import Watermark
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import VIDEO_RATE, WEIGHTS
from emoface_lib.core.settings import PRODUCTS, Run, load_settings
from emoface_lib.core.video import read_audio, write_video
from emoface_lib.translation.framing import Square
from emoface_lib.translation.render import Renderer, make_renderer
from emoface_lib.translation.translators import FOLDERS
from emoface_lib.translation.warp.photo_warp import PhotoWarp, Pose

if TYPE_CHECKING:  # torch takes seconds
    from emoface_lib.animation.predict import FacePredictor

ENCODER_THREADS = 2  # one renders while the other encodes
LAST_NOTEBOOK = "08_emotion_space"  # the last one that the predictor needs
RATES = (24, VIDEO_RATE, 30, 50, 60)  # frames a second that videos may have
WIDEST = 16_384  # px, of h264
OWN = "own"  # the voice's own emotion
SHIPPED = WEIGHTS / "animate"  # laid out as a run's folder


@dataclass(frozen=True)
class TrainedModel:
    """The predictor that a run has left, loaded when it is first used.

    folder : of the run; None for `best_run`. enrol : recordings of the speaker, for
    their own mood, and for a run of the improved objective.
    """

    folder: Path | None = None
    enrol: tuple[Path, ...] = ()

    @cached_property
    def predictor(self) -> "FacePredictor":
        """The run's models; raises InputError if there are none, or a file lacks."""
        from emoface_lib.animation.predict import load_predictor

        loaded = load_predictor(self.folder or best_run())
        if not self.enrol:
            return loaded
        known = loaded.enrol([read_audio(path) for path in self.enrol])
        return replace(loaded, speaker_mean=known)

    def predict(
        self, samples: np.ndarray, emotions: Sequence[Emotion]
    ) -> list[np.ndarray]:
        """As `FacePredictor.predict`: float[S] to float32[F, 68, 2] px each."""
        return self.predictor.predict(samples, emotions)

    def asks_who_speaks(self, emotions: Sequence[Emotion]) -> bool:
        """Whether recordings of the speaker change what is shown."""
        moods = [str(emotion).partition(":")[0].strip().lower() for emotion in emotions]
        return OWN in moods or self.predictor.style.improved

    def own(self, voice: Voice, amount: Curve) -> Dial:
        """The dial that shows the emotion which a voice has, times an amount.

        Who is enrolled is heard against their own usual voice. A model that does not
        know moods keeps what E_emotion hears.
        """
        from emoface_lib.features.voice_expression import shipped_voice_expressions

        if not len(self.predictor.space.expressions):
            return Dial({}, OWN)
        if not self.enrol:
            return self.predictor.own(voice.told, amount)
        known = [read_audio(path) for path in self.enrol]
        told = shipped_voice_expressions().enrol(known).tell(voice.samples)
        return self.predictor.own(told, amount)

    def like(self, recording: Path | str) -> Dial:
        """The dial that shows the mood of another recording, the mean over its time.

        Raises InputError as `read_audio` and `VoiceExpressions.tell`.
        """
        from emoface_lib.features.voice_expression import shipped_voice_expressions

        softmax = shipped_voice_expressions().tell(read_audio(recording))[1].mean(0)
        dial = self.predictor.own((np.zeros(1), softmax[None]))
        return replace(dial, name=f"like {Path(recording).stem}")


def read_emotion(
    given: Emotion, model: TrainedModel, voice: Voice, axis: str = FIRST_AXIS
) -> Dial:
    """The dial of what `Dial.of` reads, of a recording to speak like, or of "own".

    "own", or "own:1.5" for an amount: the emotion that the voice has. Raises InputError
    that says what can't be read.
    """
    word, _, amount = str(given).partition(":")
    if word.strip().lower() == OWN:
        return model.own(voice, Curve.parse(amount or "1"))
    path = Path(given) if isinstance(given, str | Path) else Path()
    if path.is_file() and path.suffix.lower() != ".csv":
        return model.like(path)
    return Dial.of(given, axis)


def best_run() -> Path:
    """Folder of the largest finished run; of the shipped weights if there is none."""
    for profile in ("paper", "full", "tutorial", "smoke"):
        folder = Run(load_settings(profile)).folder
        if (folder / PRODUCTS[LAST_NOTEBOOK]).exists():
            return folder
    return SHIPPED


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
    voice: Voice,
    out: Path | str | Sequence[Path | str],
    predictor: "TrainedModel | FacePredictor",
    emotion: Emotion | Sequence[Emotion] = 0.0,
    seed: int | None = None,
    motion: float = 1.0,
    mark: bool = False,
    renderer: str = "warp",
    run: Path | None = None,
    head: Path | str | None = None,
    longest_side: int = LONGEST_SIDE,
    face: str = "1",
    crop: bool = False,
    rate: int = VIDEO_RATE,
    progress: bool = False,
) -> Animation:
    """Animate a photograph by a voice, and write that as a video with sound.

    photo : a picture of a face; voice : from `read_voice`; out : .mp4, .webm (in which
    what is transparent in the photograph stays so), .gif, .svg (rows of pictures and
    the lips' curves), .csv or .npz (landmarks), .vtt or .json (phones), or several of
    them. emotion : what `Dial.of` reads, standard deviations of the emotion codes;
    several make faces side by side. seed : of head motion, blinks and saccades, by
    default another for each photograph and voice. motion : amount of synthetic head
    motion, 0 for none; mark : write "synthetic" into the picture; renderer : "warp", or
    "unet" or "improved" of the run in the folder `run`, by default the best; head : a
    video whose head motion and blinks are taken instead; face, crop : as in
    `read_portrait`; rate : frames a second, one of RATES.
    Raises InputError, before the work begins where that is possible, and never leaves a
    half-written file.
    """
    if rate not in RATES:
        raise InputError(
            f"There are no videos of {rate} frames a second: take one of "
            f"{', '.join(map(str, RATES))}."
        )
    paths = check_outputs(out, photo, voice.path)
    kinds = [path.suffix.lower() for path in paths]
    if isinstance(emotion, str | float | int | Path | Dial):
        emotion = [emotion]
    dials = [Dial.of(one) for one in emotion]
    portrait = read_portrait(photo, None, longest_side, face, crop)
    if len(dials) * portrait.picture.shape[1] > WIDEST:
        raise InputError(
            f"{len(dials)} faces of {portrait.picture.shape[1]} px side by side are "
            f"wider than the {WIDEST} px of a video: give fewer, or a smaller photo."
        )
    count = voice.frames(rate)
    if run is None:  # which only a network needs
        run = best_run() if renderer in FOLDERS else Path()
    chosen = make_renderer(renderer, portrait.picture, portrait.landmarks, run)
    square = Square.around(portrait.landmarks[:, :2], portrait.picture.shape)
    gallery = Gallery(kinds, count, rate, square)
    predicted = [
        hold_last(moved, voice.frames(VIDEO_RATE))
        for moved in predictor.predict(voice.samples, dials)
    ]
    own = own_seed(portrait, voice) if seed is None else seed
    wide = widest_vowels(predicted[0])
    sway = gentle_motion(np.random.default_rng(own), motion, wide)
    moments = tee(read_motion(head) if head else sway, len(dials))
    tracks, streams = [], []
    for dial, moved, moment in zip(dials, predicted, moments, strict=True):
        poses = moving_faces(portrait, moved, moment, voice.pauses, voice.tongue)
        poses = at_rate(poses, rate, count)
        tracks.append(Track(str(dial), resting_face(portrait)))
        if {".svg", *TABLES} & {*kinds}:
            poses = tracks[-1].watch(poses)
        seen = rendered(chosen, poses, mark, portrait)
        streams.append(gallery.watch_one(seen))
    frames = gallery.watch_all(side_by_side(streams, [track.name for track in tracks]))
    frames = iter(tqdm(frames, total=count, unit="frame", disable=not progress))
    if videos := [path for path in paths if path.suffix.lower() in VIDEOS]:
        write_video(
            videos,
            frames,
            voice.track,
            TRACK_RATE,
            rate,
            metadata=METADATA,
            threads=ENCODER_THREADS,
        )
    elif {*kinds} - {*CAPTIONS}:
        deque(frames, maxlen=0)  # they are drawn for the exports
    write_exports(paths, tracks, gallery, voice)
    return Animation(tuple(paths), voice.seconds, count, portrait.notes)


def own_seed(portrait: Portrait, voice: Voice) -> int:
    """The seed that belongs to a photograph and a voice, always the same."""
    picture = np.ascontiguousarray(portrait.picture).data
    return crc32(np.ascontiguousarray(voice.samples).data, crc32(picture))


def rendered(
    renderer: Renderer,
    poses: Iterable[Pose],
    mark: bool = False,
    portrait: Portrait | None = None,
) -> Iterator[np.ndarray]:
    """Frames of faces: uint8 (H, W, 3) RGB each, or (H, W, 4) RGBA of a cut-out.

    mark : write "synthetic" into them; portrait : whose transparent parts stay so.
    """
    carry = None
    if portrait is not None and portrait.alpha is not None:
        warp = PhotoWarp(portrait.picture, portrait.landmarks)
        carry = partial(warp.carry, portrait.alpha)
    first, second = tee(poses)
    watermark = None
    for frame, pose in zip(renderer.frames(first), second, strict=True):
        if carry:
            frame = np.dstack([frame, carry(pose.face, pose.motion)])
        if mark:
            watermark = watermark or Watermark(frame.shape)
            watermark.press(frame)
        yield frame

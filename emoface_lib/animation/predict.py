"""From a voice to moving landmarks, as a stream: memory does not grow with length.

Taught in notebook 09, paper equations (1) to (9).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emoface_lib.animation.emotion_control import LARGEST, Curve, Dial, Emotion
from emoface_lib.core.clip import MEL_BANDS
from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.core.settings import Settings
from emoface_lib.features.audio import (
    frame_loudness,
    speech_level,
    stream_log_mel,
)
from emoface_lib.features.prepared import to_video_rate
from emoface_lib.features.speaker import FIRST_SECONDS, embed_start
from emoface_lib.features.voice_conversion import Conversion, LogMel, load_features
from emoface_lib.method.content import ContentBranch, State
from emoface_lib.method.emotion_space import (
    EmotionSpace,
    frame_level,
    load_space,
    loud_frames,
)
from emoface_lib.method.enrolment import GUESS, SpeakerGuess
from emoface_lib.method.steps import load_branches
from emoface_lib.method.style import StyleBranch

WINDOW = 200  # frames that attend to one another; 4 s, about a sentence
STEP = WINDOW // 2  # neighbouring windows are blended
PAIR = FRAME_RATE // VIDEO_RATE


@dataclass(frozen=True)
class FacePredictor:
    """Content branch, style branch and emotion space of one trained run.

    level : dBFS of the speech they were trained on; other voices are scaled to it.
    features : makes the F_a that they were trained on. guess : estimates m_spk from the
    voice itself, for the improved objective.
    """

    content: ContentBranch
    style: StyleBranch
    space: EmotionSpace
    level: float
    settings: Settings
    features: LogMel | Conversion = field(default_factory=LogMel)
    guess: SpeakerGuess | None = None

    def predict(
        self,
        blocks: Iterable[np.ndarray],
        emotion: Emotion = 0.0,
        level: float | None = None,
        speaker_mean: Tensor | None = None,
    ) -> Iterator[np.ndarray]:
        """Displacements D_content + D_style of a voice.

        blocks : float[S] each, of any sizes, at 16 kHz; emotion : what `Dial.of` reads;
        level : of the voice, dBFS, from `speech_level`, None if it needs no correction;
        speaker_mean : Tensor[D], from `enrol`, used by the improved objective only; by
        default estimated from the first seconds. Yields float32[F, 68, 2] px of
        the canonical frame, 25 frames/s, one frame for each started 40 ms.
        """
        return self.say(self.listen(blocks, level, speaker_mean), emotion)

    def listen(
        self,
        blocks: Iterable[np.ndarray],
        level: float | None = None,
        speaker_mean: Tensor | None = None,
    ) -> Iterator["Heard"]:
        """Codes of a voice, window by window, which do not depend on the dial.

        blocks : float[S] each, at 16 kHz; level : dBFS; speaker_mean : Tensor[D]; all
        as for `predict`. Yields windows of Tensor[T, ...], see `Heard`.
        """
        gain = 10 ** ((self.level - level) / 20) if level is not None else 1.0
        loud: Iterable[np.ndarray] = (block * np.float32(gain) for block in blocks)
        voice: np.ndarray | None = None
        if self.style.improved and speaker_mean is None and self.guess is not None:
            voice, loud = embed_start(loud)
        features = ahead(self._hear(loud), self.settings.features.look_ahead)
        if self.style.improved and speaker_mean is None:
            speaker_mean, features = mean_of_start(features)
            if voice is not None and self.guess is not None:
                speaker_mean = self.guess(torch.from_numpy(voice), speaker_mean)
        return self._windows(features, speaker_mean)

    def say(
        self, windows: Iterable["Heard"], emotion: Emotion = 0.0
    ) -> Iterator[np.ndarray]:
        """Displacements from the codes of `listen`; only the style branch runs anew.

        Yields float32[F, 68, 2] px of the canonical frame, 25 frames/s, as `predict`.
        """
        dial = Dial.of(emotion)
        left: Tensor = torch.zeros(0, 68, 2)
        for part in self._displacements(windows, dial):
            left = torch.cat([left, part])
            whole = len(left) // PAIR * PAIR
            yield to_video_rate(left[:whole]).numpy()
            left = left[whole:]
        if len(left):
            yield left.mean(0, keepdim=True).numpy()

    def place(self, windows: Iterable["Heard"]) -> Tensor:
        """Where a recording lies along the components, Tensor[K] deviations."""
        fresh = [(one.emotion[one.old :], one.level[one.old :]) for one in windows]
        emotion, level = map(torch.cat, zip(*fresh, strict=True))
        place = emotion[loud_frames(level)].mean(0, keepdim=True)
        return self.space.coordinates(place)[0]

    def like(self, recording: Iterable["Heard"], voice: Iterable["Heard"]) -> Dial:
        """The dial that gives a voice the place of another recording's emotion."""
        apart = self.place(recording) - self.place(voice)
        curves = {
            f"PC{number + 1}": Curve((0.0,), (amount,))
            for number, amount in enumerate(apart.clamp(-LARGEST, LARGEST).tolist())
        }
        return Dial(curves)

    def enrol(self, recordings: Iterable[np.ndarray]) -> Tensor:
        """m_spk of a speaker, Tensor[D], from recordings float[S] at 16 kHz each.

        Four recordings in different moods are nearly as good as many (notebook 05).
        """
        means = []
        for samples in recordings:
            gain = 10 ** ((self.level - speech_level(frame_loudness([samples]))) / 20)
            parts = list(self._hear([samples * np.float32(gain)]))
            means.append(torch.from_numpy(np.concatenate(parts)).mean(0))
        return torch.stack(means).mean(0)

    def _hear(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """F_a of a voice, float32[T, D] each; the speaker is that of its start."""
        speaker = None
        if self.features.needs_speaker:
            speaker, blocks = embed_start(blocks)
        return self.features.stream(stream_log_mel(blocks), speaker)

    @torch.inference_mode()
    def _windows(
        self, features: Iterator[Tensor], speaker_mean: Tensor | None
    ) -> Iterator["Heard"]:
        """Windows that overlap by half, each with the codes of its frames."""
        known = None if speaker_mean is None else speaker_mean[None]
        state: State | None = None
        window: tuple[Tensor, ...] = ()
        at = 0
        for part in in_steps(features, STEP):
            code, state = self.content.encode(part[None], state)
            emotion = self.style.emotion(part[None], known)[0]
            identity = self.style.identity(part[None])[0]
            d_content = self.content.displace(code)[0]
            fresh = code[0], d_content, emotion, identity, frame_level(part)
            old = [kept[-STEP:] for kept in window] or [new[:0] for new in fresh]
            window = tuple(map(torch.cat, zip(old, fresh, strict=True)))
            before = len(old[0])
            content, d_content, emotion, identity, level = window
            start = at - before
            yield Heard(content, d_content, emotion, identity, level, before, start)
            at += len(part)

    @torch.inference_mode()
    def _displacements(
        self, windows: Iterable["Heard"], dial: Dial
    ) -> Iterator[Tensor]:
        """Blend the predictions of windows that overlap by half: Tensor[<= 100, ..]."""
        tail: Tensor | None = None
        for heard in windows:
            displacement = self._styled(heard, dial)
            if tail is not None:  # the first half was predicted before
                yield blend(tail, displacement[: heard.old])
            tail = displacement[heard.old :]
        if tail is not None:
            yield tail

    def _styled(self, heard: "Heard", dial: Dial) -> Tensor:
        seconds = (heard.start + np.arange(len(heard.emotion))) / FRAME_RATE
        emotion = heard.emotion + self.space.offsets(dial.curves, seconds)
        style = self.style.style(emotion[None], heard.identity[None])
        return heard.d_content + self.style.displace(heard.content[None], style)[0]


class Heard(NamedTuple):
    """A window of a voice: E_content, D_content, E_emotion, E_identity, Tensor[T, ..].

    level : of each frame, from `frame_level`; old : frames at its beginning that the
    window before had, too; start : its first frame.
    """

    content: Tensor
    d_content: Tensor
    emotion: Tensor
    identity: Tensor
    level: Tensor
    old: int
    start: int


def load_predictor(folder: Path) -> FacePredictor:
    """Load the models that a run left in its folder.

    Raises InputError that names the missing file.
    """
    content, style, settings = load_branches(folder)
    space = load_space(folder / "emotion_space" / "space.safetensors")
    level = float(read_npz(folder / "audio" / "statistics.npz")["level"])
    features = load_features(folder / "audio", settings)
    guess = SpeakerGuess.load(folder / "style" / GUESS)
    return FacePredictor(content, style, space, level, settings, features, guess)


def mean_of_start(parts: Iterator[Tensor]) -> tuple[Tensor, Iterator[Tensor]]:
    """Mean of the first seconds of a stream of Tensor[T, D], and the stream again."""
    kept: list[Tensor] = []
    while sum(map(len, kept)) < FIRST_SECONDS * FRAME_RATE:
        if (part := next(parts, None)) is None:
            break
        kept.append(part)
    if not kept:
        return torch.zeros(MEL_BANDS), parts
    return torch.cat(kept).mean(0), chain(kept, parts)


def ahead(parts: Iterable[np.ndarray], frames: int) -> Iterator[Tensor]:
    """Shift a stream of features left by `frames` (look-ahead); repeat the last frame.

    parts : float32[T, D] each, 50 frames/s; the stream's length stays. The same as
    `look_ahead` of the whole.
    """
    dropped, last = 0, np.zeros((0, MEL_BANDS), np.float32)
    for part in parts:
        skip = min(frames - dropped, len(part))
        dropped, last = dropped + skip, part[-1:]
        if len(part) > skip:
            yield torch.from_numpy(part[skip:])
    if dropped:
        yield torch.from_numpy(last.repeat(dropped, axis=0))


def in_steps(parts: Iterable[Tensor], length: int) -> Iterator[Tensor]:
    """Cut a stream of Tensor[T, D] into pieces of `length`; the last may be shorter."""
    kept: list[Tensor] = []
    for part in parts:
        kept.append(part)
        whole = torch.cat(kept)
        *full, rest = whole.split(length) if len(whole) else (whole,)
        if len(rest) == length:
            full, rest = [*full, rest], rest[:0]
        yield from full
        kept = [rest]
    rest = torch.cat(kept) if kept else torch.zeros(0)
    if len(rest):
        yield rest


def blend(old: Tensor, new: Tensor) -> Tensor:
    """Cross-fade linearly from one prediction to another of the same frames.

    old, new : Tensor[T, 68, 2] px; returns Tensor[T, 68, 2] px.
    """
    share = torch.linspace(0, 1, len(old))[:, None, None]
    return old * (1 - share) + new * share

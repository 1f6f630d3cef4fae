"""From a voice to moving landmarks, as a stream: memory does not grow with length.

Taught in notebook 09, paper equations (1) to (9).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emoface_lib.config import HOP_LENGTH, MEL_BANDS, Settings
from emoface_lib.emotion_space import EmotionSpace, load_space
from emoface_lib.features.audio import (
    frame_loudness,
    speech_level,
    stream_log_mel,
)
from emoface_lib.features.clips import to_video_rate
from emoface_lib.features.speaker import FIRST_SECONDS, embed_start
from emoface_lib.features.voice_conversion import Conversion, LogMel, load_features
from emoface_lib.files import read_npz
from emoface_lib.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.models.content import ContentBranch, State
from emoface_lib.models.style import StyleBranch
from emoface_lib.steps import load_branches

WINDOW = 200  # frames that attend to one another; 4 s, about a sentence
STEP = WINDOW // 2  # neighbouring windows are blended
PAIR = FRAME_RATE // VIDEO_RATE


@dataclass(frozen=True)
class FacePredictor:
    """Content branch, style branch and emotion space of one trained run.

    level : dBFS of the speech they were trained on; other voices are brought to it.
    features : makes the F_a that they were trained on.
    """

    content: ContentBranch
    style: StyleBranch
    space: EmotionSpace
    level: float
    settings: Settings
    features: LogMel | Conversion = field(default_factory=LogMel)

    def predict(
        self,
        blocks: Iterable[np.ndarray],
        emotion: float = 0.0,
        level: float | None = None,
        speaker_mean: Tensor | None = None,
    ) -> Iterator[np.ndarray]:
        """Displacements D_content + D_style of a voice.

        blocks : float[S] each, of any sizes, at 16 kHz; emotion : standard deviations
        along the first component of the emotion space; level : of the voice, dBFS, from
        `speech_level`, None if it needs no correction; speaker_mean : from
        `enrol`, which only the improved objective listens to; by default the voice's
        own first seconds. Yields float32[F, 68, 2] px of the canvas, 25 frames/s, one
        frame for each started 40 ms.
        """
        gain = 10 ** ((self.level - level) / 20) if level is not None else 1.0
        features = ahead(
            self._hear(block * np.float32(gain) for block in blocks),
            self.settings.look_ahead,
        )
        if self.style.improved and speaker_mean is None:
            speaker_mean, features = mean_of_start(features)
        left: Tensor = torch.zeros(0, 68, 2)
        offset = self.space.offset(emotion)
        for part in self._displacements(features, offset, speaker_mean):
            left = torch.cat([left, part])
            whole = len(left) // PAIR * PAIR
            yield to_video_rate(left[:whole]).numpy()
            left = left[whole:]
        if len(left):
            yield left.mean(0, keepdim=True).numpy()

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
        """F_a of a voice, float32[T, D] each; its first seconds tell who speaks."""
        speaker = None
        if self.features.needs_speaker:
            speaker, blocks = embed_start(blocks)
        return self.features.stream(stream_log_mel(blocks), speaker)

    @torch.inference_mode()
    def _displacements(
        self, features: Iterator[Tensor], offset: Tensor, speaker_mean: Tensor | None
    ) -> Iterator[Tensor]:
        """Blend the predictions of windows that overlap by half: Tensor[<= 100, ..]."""
        state: State | None = None
        window: tuple[Tensor, ...] = ()
        tail: Tensor | None = None
        for part in in_steps(features, STEP):
            code, state = self.content.encode(part[None], state)
            fresh = part, code[0], self.content.displace(code)[0]
            before = window or tuple(new[:0] for new in fresh)
            window = tuple(
                torch.cat([old[-STEP:], new])
                for old, new in zip(before, fresh, strict=True)
            )
            moved = self._styled(window, offset, speaker_mean)
            if len(window[0]) > len(part):  # the first half was predicted before
                assert tail is not None
                yield blend(tail, moved[: len(tail)])
                tail = moved[len(tail) :]
            else:
                tail = moved
        if tail is not None:
            yield tail

    def _styled(
        self, window: tuple[Tensor, ...], offset: Tensor, speaker_mean: Tensor | None
    ) -> Tensor:
        features, content, said = window
        known = None if speaker_mean is None else speaker_mean[None]
        emotion = self.style.emotion(features[None], known) + offset
        style = self.style.style(emotion, self.style.identity(features[None]))
        return said + self.style.displace(content[None], style)[0]


def load_predictor(folder: Path) -> FacePredictor:
    """Load the models that a run left in its folder.

    Raises InputError that names the missing file.
    """
    content, style, settings = load_branches(folder)
    space = load_space(folder / "emotion_space" / "space.safetensors")
    level = float(read_npz(folder / "audio" / "statistics.npz")["level"])
    features = load_features(folder / "audio", settings)
    return FacePredictor(content, style, space, level, settings, features)


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
    """Drop the first frames of a stream and hold its last one: it hears the future.

    parts : float32[T, D] each; the stream's length stays. As `look_ahead` of a whole.
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
    """Go linearly from one prediction to another of the same frames."""
    share = torch.linspace(0, 1, len(old))[:, None, None]
    return old * (1 - share) + new * share


def frame_count(samples: int) -> int:
    """Video frames of a voice: one for each started 40 ms."""
    return -(-samples // (HOP_LENGTH * PAIR))

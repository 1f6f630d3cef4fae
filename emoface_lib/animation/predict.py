"""From a whole voice to moving landmarks.

Taught in notebook 09, paper equations (1) to (9).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm  # a notebook would get a widget a clip

from emoface_lib.animation.emotion_control import ONCE, Curve, Dial, Emotion
from emoface_lib.core.files import read_array
from emoface_lib.core.landmarks import FRAME_RATE
from emoface_lib.core.parallel import WHERE_SLOW
from emoface_lib.core.settings import Settings
from emoface_lib.features.prepared import look_ahead, to_video_rate
from emoface_lib.features.speaker import embed_start
from emoface_lib.features.voice_activity import speech_level
from emoface_lib.features.voice_conversion import (
    FeatureMaker,
    LogMel,
    heard_features,
    load_features,
)
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.emotion_space import (
    EmotionSpace,
    load_space,
)
from emoface_lib.method.enrolment import GUESS, SpeakerGuess
from emoface_lib.method.mixture import Mixture
from emoface_lib.method.steps import load_branches
from emoface_lib.method.style import StyleBranch

# Attention over all T frames takes memory for T * T numbers a head, 14 GB for ten
# minutes, and was trained on crops of two seconds.
ATTENDED = 200  # frames that attend to one another; 4 s, about a sentence
MINUTE = 3000  # frames that pass through the layers at once; an hour takes 3 GB
STEP = ATTENDED // 2  # neighbouring stretches overlap by half, so that no frame jumps
# How far a voice's own emotion is shown, chosen on the actors who train: faces follow
# their codes less and less far (at 2 a sad one is .76 of a drawn one, at 3 .85), but
# those of a mixture, which learnt from faces.
AMPLIFIED = 3.0


class Codes(NamedTuple):
    """What does not depend on the dial: E_content, E_emotion and E_identity.

    Tensor[T, 256], Tensor[T, 128] and Tensor[T, 128], for T frames of 20 ms.
    """

    content: Tensor
    emotion: Tensor
    identity: Tensor


@dataclass(frozen=True)
class FacePredictor:
    """Content branch, style branch and emotion space of one trained run.

    level : dBFS of the speech they were trained on; other voices are scaled to it.
    features : makes the F_a that they were trained on. For the improved objective only:
    speaker_mean : Tensor[D], from `enrol`; guess : estimates it from the voice itself
    where nobody is enrolled.
    """

    content: ContentBranch
    style: StyleBranch
    space: EmotionSpace
    level: float
    settings: Settings
    features: FeatureMaker = field(default_factory=LogMel)
    guess: SpeakerGuess | None = None
    speaker_mean: Tensor | None = None

    def predict(
        self, samples: np.ndarray, emotions: Sequence[Emotion] = (0.0,)
    ) -> list[np.ndarray]:
        """Displacements D_content + D_style of a voice, for each setting of the dial.

        samples : float[S] at 16 kHz; emotions : what `Dial.of` reads. Returns
        float32[F, 68, 2] px of the canonical frame each, as `displace`.
        """
        codes = self.encode(samples)
        return [self.displace(codes, emotion) for emotion in emotions]

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> Codes:
        """Codes of a voice. samples : float[S] at 16 kHz."""
        scaled, heard = self._audio_features(samples)
        ahead = self.settings.features.look_ahead
        features = torch.from_numpy(look_ahead(heard, ahead))
        mean, count = self._speaker_mean(scaled, features), len(features)
        del scaled, heard  # an hour of them is 390 MB
        codes = Codes(
            torch.empty(count, 256),
            torch.empty(count, 128),
            torch.empty(count, 128),
        )
        state = None
        for part in _minutes(count):
            some = features[None, part]
            codes.content[None, part], state = self.content.encode(some, state)
            codes.emotion[part] = self.style.emotion(some, mean[None])[0]
            codes.identity[part] = self.style.identity(some)[0]
        return codes

    @torch.inference_mode()
    def displace(self, codes: Codes, emotion: Emotion = 0.0) -> np.ndarray:
        """Displacements of a voice from its codes; only the style branch runs anew.

        emotion : what `Dial.of` reads. Returns float32[F, 68, 2] px of the canonical
        frame, 25 frames/s, one for each two frames of 20 ms that have begun.
        """
        seconds = np.arange(len(codes.emotion)) / FRAME_RATE
        dial, moved = Dial.of(emotion), []
        for part in _minutes(len(seconds)):
            near = slice(max(0, part.start - STEP), part.stop + STEP)
            style = self._dialled(codes, dial, near, seconds[near])
            content = codes.content[None, part]
            style = style[None, part.start - near.start :][:, : content.shape[1]]
            d_style = self.style.displace(content, style)
            whole = (self.content.displace(content) + d_style)[0]
            if len(whole) % 2:
                whole = torch.cat([whole, whole[-1:]])
            moved.append(to_video_rate(whole).numpy())
        return np.concatenate(moved)

    def own(self, told: tuple[np.ndarray, np.ndarray], amount: Curve = ONCE) -> Dial:
        """The dial that shows the emotion which a voice has, times an amount.

        told : float[K] s and float[K, 7], from `VoiceExpressions.tell`.
        """
        far = 1.0 if isinstance(self.style.mlp_e, Mixture) else AMPLIFIED
        return Dial.own(*told, amount.times(far))

    def enrol(self, recordings: Iterable[np.ndarray]) -> Tensor:
        """m_spk of a speaker, Tensor[D], from recordings float[S] at 16 kHz each.

        Four recordings in different moods are nearly as good as many (notebook 05).
        """
        known = [self._audio_features(samples)[1] for samples in recordings]
        return torch.stack([torch.from_numpy(one).mean(0) for one in known]).mean(0)

    def _audio_features(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A voice at the level of the training speech, and its F_a, float32[T, D]."""
        gain = self.level - speech_level(samples)
        scaled = samples * np.float32(10 ** (gain / 20))
        speaker = embed_start(scaled) if self.features.needs_speaker else None
        heard = heard_features(scaled, self.settings.features.sound)
        return scaled, self.features.whole(heard, speaker)

    def _speaker_mean(self, samples: np.ndarray, features: Tensor) -> Tensor:
        """m_spk, Tensor[D]: enrolled, guessed from the voice, or the voice's own."""
        if self.speaker_mean is not None:
            return self.speaker_mean
        mean = features.mean(0)
        if not self.style.improved or self.guess is None:
            return mean
        voice = embed_start(samples)
        return mean if voice is None else self.guess(torch.from_numpy(voice), mean)

    def _dialled(
        self, codes: Codes, dial: Dial, part: slice, seconds: np.ndarray
    ) -> Tensor:
        """E_style of some frames, Tensor[T, 256], faded from key frame to key frame.

        Attention would spread a code that changes over the whole stretch it attends to,
        so each key frame has a style of its own, as if the dial stayed there.
        """
        shown = self.space.neutral if dial.anew else codes.emotion[part]
        shown = shown.expand(len(seconds), -1)
        style = torch.zeros(len(seconds), 256)
        keys = dial.seconds
        first, last = np.searchsorted(keys, seconds[[0, -1]])
        keys = keys[max(0, first - 1) : last + 1]  # an hour may have very many
        weights = np.stack([np.interp(seconds, keys, own) for own in np.eye(len(keys))])
        for offset, weight in zip(
            self.space.offsets(dial.curves, keys), weights, strict=True
        ):
            if (held := np.flatnonzero(weight)).size:
                start, stop = held[[0, -1]] // STEP  # stretches stay where they are
                near = slice(max(0, start - 1) * STEP, (stop + 2) * STEP)
                own = self._style(shown[near] + offset, codes.identity[part][near])
                style[near] += torch.from_numpy(weight[near, None]).float() * own
        return style

    def _style(self, emotion: Tensor, identity: Tensor) -> Tensor:
        """E_style, Tensor[T, 256], cross-faded where stretches of frames overlap."""
        style, total = torch.zeros(len(emotion), 256), torch.zeros(len(emotion), 1)
        for start in range(0, max(1, len(emotion) - STEP), STEP):
            part = slice(start, start + ATTENDED)
            code = self.style.style(emotion[None, part], identity[None, part])[0]
            rising = torch.arange(1.0, len(code) + 1)[:, None]
            weight = torch.minimum(rising, rising.flip(0))
            style[part] += weight * code
            total[part] += weight
        return style.div_(total)  # in place: an hour of it is 184 MB


def _minutes(count: int) -> Iterator[slice]:
    """The minutes of so many frames."""
    for start in tqdm(range(0, count, MINUTE), "predicting", **WHERE_SLOW):
        yield slice(start, start + MINUTE)


def load_predictor(folder: Path) -> FacePredictor:
    """Load the models that a run left in its folder.

    Raises InputError that names the missing file.
    """
    content, style, settings = load_branches(folder)
    space = load_space(folder / "emotion_space" / "space.safetensors")
    level = float(read_array(folder / "audio" / "statistics.npz", "level"))
    features = load_features(folder / "audio", settings)
    guess = SpeakerGuess.load(folder / "style" / GUESS)
    return FacePredictor(content, style, space, level, settings, features, guess)

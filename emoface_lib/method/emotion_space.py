"""The space of emotion embeddings: its axes, and what a dial along them moves.

Taught in notebook 08, paper section 4.4.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from emoface_lib.core.checkpoints import read_weights, write_weights
from emoface_lib.core.clip import EXPRESSIONS, Clip, frame_level
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import reading
from emoface_lib.core.landmarks import lip_opening, smile
from emoface_lib.core.settings import nearest
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import (
    content_codes,
    style_codes,
    style_displacements,
)
from emoface_lib.method.mixture import Mixture
from emoface_lib.method.style import StyleBranch

LOUD = 0.12  # log-mel; 12 dB below the loudest frame; chosen on other speakers
SHOWN = 0.01  # deviation of the softmax, if clips show any expressions
HARDLY = 0.05  # share of the largest spread; so rare a mood gets the middle code
LABELS = ("arousal", "valence")
Turn = Callable[[np.ndarray], np.ndarray]  # seconds to amounts
Codes = Sequence[tuple[Tensor, Tensor]]  # E_content and D_content of clips


def _none() -> Tensor:
    return torch.zeros(0, 128)


@dataclass(frozen=True)
class EmotionSpace:
    """Axes in the space of the mean emotion embeddings of clips.

    mean : Tensor[128]; components : Tensor[K, 128], principal, of unit length;
    deviations : Tensor[K], standard deviations along them; labelled : Tensor[2, 128],
    a standard deviation of embeddings along the axes of arousal and valence; Tensor[0,
    128] where the corpus has no such labels; expressions : Tensor[7, 128], the code of
    each of EXPRESSIONS, Tensor[0, 128] where it is not known.
    """

    mean: Tensor
    components: Tensor
    deviations: Tensor
    labelled: Tensor = field(default_factory=_none)
    expressions: Tensor = field(default_factory=_none)

    @property
    def axes(self) -> dict[str, Tensor]:
        """What an amount of 1 adds to E_emotion, by name: Tensor[128] each.

        A standard deviation, or the way from the neutral code to an expression's.
        """
        steps = self.deviations[:, None] * self.components
        named = {f"PC{k + 1}": step for k, step in enumerate(steps)}
        named |= dict(zip(LABELS, self.labelled, strict=False))
        ways = self.expressions - self.expressions[-1:]
        return named | dict(zip(EXPRESSIONS, ways, strict=False))

    @property
    def neutral(self) -> Tensor:
        """The code of a neutral face, Tensor[128]; raises InputError if not known."""
        if not len(self.expressions):
            raise InputError(
                "This model does not know what a mood looks like: run notebook "
                "08_emotion_space on a corpus that shows all expressions."
            )
        return self.expressions[-1]

    def offset(self, amount: float, axis: str = "PC1") -> Tensor:
        """What to add to E_emotion for `amount` standard deviations: Tensor[128].

        axis : one of `axes`, or "emotion": arousal, or PC1 where that is not known.
        Raises InputError if there is no such axis.
        """
        axes = self.axes
        axes["emotion"] = axes.get("arousal", axes["PC1"])
        if axis not in axes:
            hint = nearest(axis, tuple(axes))
            raise InputError(f"This model's dial has no axis {axis!r}; {hint}")
        return amount * axes[axis]

    def offsets(self, curves: Mapping[str, Turn], seconds: np.ndarray) -> Tensor:
        """What to add to E_emotion at some seconds, Tensor[T, 128].

        curves : amounts over time by axis. Raises InputError as `offset`.
        """
        whole = torch.zeros(len(seconds), self.mean.shape[0])
        for axis, curve in curves.items():
            amounts = torch.from_numpy(curve(seconds)).float()
            whole += amounts[:, None] * self.offset(1.0, axis)
        return whole

    def coordinates(self, embeddings: Tensor) -> Tensor:
        """Standard deviations along the components: Tensor[N, 128] -> Tensor[N, K]."""
        return (embeddings - self.mean) @ self.components.T / self.deviations

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        write_weights(path, vars(self))


def load_space(path: Path) -> EmotionSpace:
    """Read a space that was saved; raises InputError if there is none."""
    if not path.exists():
        raise InputError(f"{path} is missing: run notebook 08_emotion_space first.")
    with reading(path):  # it may be another file's, with other names
        return EmotionSpace(**read_weights(path))


def emotion_embeddings(
    style: StyleBranch, clips: Sequence[Clip], loud: bool = True
) -> Tensor:
    """E_emotion of each clip, averaged over its loud frames: Tensor[N, 128].

    loud : False takes all frames; what then differs most between clips is the noise in
    their pauses (notebook 08, section 2).
    """
    pairs = zip(style_codes(style, clips), clips, strict=True)
    heard = style.standardise.part
    chosen = [(e, loud_frames(frame_level(heard(c.features)))) for (e, _), c in pairs]
    return torch.stack([(e[mask] if loud else e).mean(0) for e, mask in chosen])


def loud_frames(level: Tensor) -> Tensor:
    """Which frames are nearly as loud as the loudest, mostly vowels: bool Tensor[T].

    level : from `frame_level`, in log-mel units.
    """
    return level >= level.max() - LOUD


def emotion_space(
    embeddings: Tensor, components: int = 4, speakers: Sequence[str] | None = None
) -> EmotionSpace:
    """Principal components of embeddings : Tensor[N, 128]. Paper section 4.4.

    speakers : of the embeddings, whose means are then taken off before; the paper does
    not. The sign of a component is arbitrary: see `oriented`.
    """
    from sklearn.decomposition import PCA  # a second, and animating fits nothing

    inner = embeddings.double().numpy()
    if speakers is not None:
        inner = centred(inner, speakers) + inner.mean(0)
    pca = PCA(min(components, len(embeddings) - 1)).fit(inner)
    return EmotionSpace(
        torch.from_numpy(pca.mean_).float(),
        torch.from_numpy(pca.components_).float(),
        torch.from_numpy(np.sqrt(pca.explained_variance_)).float(),
    )


def centred(values: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """Values float[N, D] minus the mean of their group, such as a speaker."""
    table = pd.DataFrame(values)
    return (table - table.groupby(np.asarray(groups)).transform("mean")).to_numpy()


def supervised(
    space: EmotionSpace, embeddings: Tensor, clips: Sequence[Clip]
) -> EmotionSpace:
    """The same space with the codes of expressions, and axes of arousal and valence.

    embeddings : Tensor[N, 128], one a clip. The expressions' codes are those that mix
    to the embeddings by the clips' softmaxes; the axes' directions are how an embedding
    changes with one label when the other one and the speaker stay, and a step is the
    standard deviation of the embeddings there. Both by least squares, all centred by
    speaker; without labels there are no axes, without expressions no codes.
    """
    speakers = [clip.speaker for clip in clips]
    codes = embeddings.double().numpy()
    softmax = torch.stack([clip.expression for clip in clips]).double().numpy()
    inner, around = centred(codes, speakers), centred(softmax, speakers)
    if around.std() > SHOWN:
        slopes, *_ = np.linalg.lstsq(around, inner, HARDLY)
        mixed = codes.mean(0) + slopes - softmax.mean(0) @ slopes
        space = replace(space, expressions=torch.from_numpy(mixed).float())
    labels = np.array([[getattr(clip, name) for name in LABELS] for clip in clips])
    if not np.isfinite(labels).all():
        return space
    slopes, *_ = np.linalg.lstsq(centred(labels, speakers), inner)
    units = slopes / np.linalg.norm(slopes, axis=1, keepdims=True)
    steps = units * (codes @ units.T).std(0)[:, None]
    return replace(space, labelled=torch.from_numpy(steps).float())


def oriented(
    space: EmotionSpace,
    content: ContentBranch,
    style: StyleBranch,
    clips: Sequence[Clip],
) -> EmotionSpace:
    """The same axes, oriented by what the face does.

    Each component points to where the lips open further, so that a dial turns the
    expression up. Arousal's axis has as much of valence's taken off, at most a whole
    step, as leaves the corners of the mouth where they are: excited faces smile, too.
    What counts is the mean of the clips, dialled up and down by a standard deviation.
    The expressions of a mixture are its own codes.
    """
    codes = content_codes(content, clips)

    def effect(measure: Callable[[Tensor], Tensor], step: Tensor) -> float:
        ends = []
        for offset in (step, -step):
            moves = style_displacements(style, clips, codes, offset)
            pairs = zip(clips, moves, strict=True)
            faces = [clip.reference + move for clip, move in pairs]
            ends.append(float(np.mean([measure(face).mean() for face in faces])))
        return ends[0] - ends[1]

    steps = space.deviations[:, None] * space.components
    effects = [effect(lip_opening, step) for step in steps]
    signs = torch.tensor([-1.0 if one < 0 else 1.0 for one in effects])
    labelled = space.labelled.clone()
    if len(labelled):
        excited, pleased = (effect(smile, step) for step in labelled)
        labelled[0] -= np.clip(excited / (pleased or 1), -1, 1) * labelled[1]
    if isinstance(style.mlp_e, Mixture):
        space = replace(space, expressions=style.mlp_e.codes.detach())
    return replace(
        space, components=space.components * signs[:, None], labelled=labelled
    )

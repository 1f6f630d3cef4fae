"""Effects of the emotion dial on faces, measured on clips at each setting.

Taught in notebook 08, paper section 4.4.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from emoface_lib.core.clip import Clip, with_features
from emoface_lib.evaluation.probes import Probe, variance_share
from emoface_lib.features.gestures import measures
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import content_codes, style_displacements
from emoface_lib.method.emotion_space import LABELS, Codes, EmotionSpace
from emoface_lib.method.style import StyleBranch

AMOUNTS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # standard deviations
GESTURES = {  # those of the calibration, as sums of `measures`
    "lip opening": ("lip opening",),
    "mouth width": ("mouth width",),
    "corners up": ("left corner", "right corner"),
    "brows up": ("left brow", "right brow"),
}


class MotionProbe:
    """Predicts arousal and valence from motion; trained on ground-truth landmarks.

    A linear probe on the mean and the deviation of displacements over a clip.
    """

    def __init__(self, train: Sequence[Clip]) -> None:
        shown = _shown(train, [clip.displacement for clip in train])
        self.generator = np.random.default_rng(0)  # which these probes never draw from
        self.probes = {n: Probe.learn(shown, n, self.generator) for n in LABELS}

    def read(
        self, clips: Sequence[Clip], displacement: Sequence[Tensor]
    ) -> dict[str, np.ndarray]:
        """Arousal and valence of displacements Tensor[T, 68, 2], float[N] each."""
        shown = _shown(clips, displacement)
        return {
            n: p.read(shown, self.generator).predicted for n, p in self.probes.items()
        }


def _shown(clips: Sequence[Clip], displacement: Sequence[Tensor]) -> list[Clip]:
    return with_features(clips, [move.flatten(1).numpy() for move in displacement])


def dial_effects(
    space: EmotionSpace,
    axis: str,
    content: ContentBranch,
    style: StyleBranch,
    clips: Sequence[Clip],
    probe: MotionProbe,
    amounts: Sequence[float] = AMOUNTS,
    codes: Codes | None = None,
) -> pd.DataFrame:
    """What the dial moves in each clip at each amount.

    Columns clip, speaker, amount; those of GESTURES, means over time in px of the
    canonical frame; "arousal" and "valence", what the face shows; "lip r", Pearson r of
    its lip curve and that of the first amount.
    """
    codes = codes or content_codes(content, clips)
    tables, first = [], None
    for amount in amounts:
        offset = space.offset(amount, axis)
        displacement = style_displacements(style, clips, codes, offset)
        curves = [
            measures((clip.reference + move).numpy())
            for clip, move in zip(clips, displacement, strict=True)
        ]
        first = first or curves
        lips = [[each["lip opening"] for each in some] for some in (first, curves)]
        columns = {
            "clip": [clip.name for clip in clips],
            "speaker": [clip.speaker for clip in clips],
            "amount": amount,
            **{g: [_mean(c, g) for c in curves] for g in GESTURES},
            **probe.read(clips, displacement),
            "lip r": [np.corrcoef(*pair)[0, 1] for pair in zip(*lips, strict=True)],
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _mean(curves: Mapping[str, np.ndarray], gesture: str) -> float:
    return float(np.mean([curves[name].mean() for name in GESTURES[gesture]]))


def by_clip(effects: pd.DataFrame) -> pd.DataFrame:
    """What turning the dial from its first to its last amount does, one row a clip.

    Columns clip, speaker, rises (1 if the mean opening is monotone in the dial, else
    0), lip r (of the two ends), and the changes of all else that is measured.
    """
    wide = effects.pivot(index=["speaker", "clip"], columns="amount")
    values = {name: wide[name].to_numpy() for name in ("lip r", *GESTURES, *LABELS)}
    changes = {name: value[:, -1] - value[:, 0] for name, value in values.items()}
    changes["lip r"] = values["lip r"][:, -1]
    rises = (np.diff(values["lip opening"], axis=1) > 0).all(1).astype(float)
    table = pd.DataFrame({"rises": rises, **changes}, index=wide.index)
    return table.reset_index()


def correlations(
    coordinates: Mapping[str, np.ndarray],
    clips: Sequence[Clip],
    others: Mapping[str, Sequence[float]],
) -> pd.DataFrame:
    """Correlations of clips' coordinates along axes with factors: one column an axis.

    coordinates : float[N] an axis; others : further numbers of the clips, such as
    loudness. Pearson r with arousal, valence and those, and the category's and the
    speaker's share of the variance; 0 is what chance gives, or less.
    """
    numbers = {
        "r with arousal": [clip.arousal for clip in clips],
        "r with valence": [clip.valence for clip in clips],
        **{f"r with {name}": list(values) for name, values in others.items()},
    }
    groups = {
        "share of the category": [clip.emotion for clip in clips],
        "share of the speaker": [clip.speaker for clip in clips],
    }
    table = {}
    for axis, places in coordinates.items():
        table[axis] = {n: np.corrcoef(x, places)[0, 1] for n, x in numbers.items()}
        for name, group in groups.items():  # by chance it can be less than 0
            table[axis][name] = max(0.0, variance_share(places[:, None], group))
    return pd.DataFrame(table)

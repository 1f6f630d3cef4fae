"""What the dial of emotion is set to, over time: a number, a mood, key frames, a file.

Taught in notebook 09.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from emoface_lib.core.clip import EXPRESSIONS, SHARPNESS
from emoface_lib.core.errors import InputError

FIRST_AXIS = "emotion"  # arousal, or PC1 where labels of it are not known
LARGEST = 10.0  # standard deviations; beyond it a number is a slip, and no face
WANTED = (
    "give a number such as 1.5, key frames SECONDS:AMOUNT such as 0:0,1.5:2, a mood "
    "such as happy or happy:1.5, or own"
)
MOODS = {
    "surprised": "surprise",
    "fearful": "fear",
    "disgusted": "disgust",
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "calm": "neutral",
}  # -> EXPRESSIONS


@dataclass(frozen=True)
class Curve:
    """Amounts at key frames; linear between them, held before and after.

    seconds : increasing; amounts : standard deviations. Raises InputError if they are
    not so.
    """

    seconds: tuple[float, ...]
    amounts: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the key frames."""
        if not self.seconds:
            raise InputError(f"An emotion over time needs a key frame: {WANTED}.")
        if not np.isfinite([*self.seconds, *self.amounts]).all():
            raise InputError("Key frames of the emotion must be finite numbers.")
        if (np.diff(self.seconds) <= 0).any():
            raise InputError("Key frames of the emotion must come one after another.")
        if (largest := max(map(abs, self.amounts))) > LARGEST:
            raise InputError(
                f"An emotion of {largest:g} standard deviations is no face any more: "
                f"give at most {LARGEST:g}; 2 is much."
            )

    @classmethod
    def parse(cls, text: str) -> "Curve":
        """Read `1.5`, or `0:0,1.5:2`: seconds and amounts of key frames."""
        frames = [part.split(":") for part in text.split(",")]
        try:
            if len(frames) == 1 and len(frames[0]) == 1:
                return cls((0.0,), (float(text),))
            pairs = sorted((float(time), float(amount)) for time, amount in frames)
        except ValueError as error:
            raise InputError(
                f"The emotion {text!r} can't be read: {WANTED}."
            ) from error
        times, amounts = zip(*pairs, strict=True)
        return cls(times, amounts)

    def times(self, factor: float) -> "Curve":
        """The same course, all amounts times a factor."""
        return Curve(self.seconds, tuple(factor * amount for amount in self.amounts))

    def __call__(self, seconds: np.ndarray) -> np.ndarray:
        """Amounts at some seconds, float[T]."""
        return np.interp(seconds, self.seconds, self.amounts)

    def __str__(self) -> str:
        if len(set(self.amounts)) == 1:
            return f"{self.amounts[0]:+.3g}"
        pairs = zip(self.seconds, self.amounts, strict=True)
        return ", ".join(f"{time:g}:{amount:g}" for time, amount in pairs)


ONCE = Curve((0.0,), (1.0,))


@dataclass(frozen=True)
class Dial:
    """Curves of one or several axes of the emotion space, by their names.

    name : by which it is shown; anew : they start from the neutral code, as moods do,
    and what E_emotion hears in the voice is left out; else from that.
    """

    curves: Mapping[str, Curve]
    name: str = ""
    anew: bool = False

    @classmethod
    def of(cls, emotion: "Emotion", axis: str = FIRST_AXIS) -> "Dial":
        """A dial along an axis from a number, key frames, a mood, or a CSV file's path.

        Raises InputError that says what can't be read.
        """
        if isinstance(emotion, Dial):
            return emotion
        if isinstance(emotion, str | Path) and str(emotion).lower().endswith(".csv"):
            return cls.read_csv(Path(emotion), axis)
        if isinstance(emotion, Path):
            raise InputError(f"The emotion {emotion} is no CSV file: {WANTED}.")
        mood, _, amount = str(emotion).partition(":")
        if mood.strip().lower() in MOODS:
            shown = MOODS[mood.strip().lower()]
            return cls({shown: Curve.parse(amount or "1")}, str(emotion), anew=True)
        return cls({axis: Curve.parse(str(emotion))})

    @classmethod
    def own(cls, seconds: np.ndarray, softmax: np.ndarray, amount: Curve) -> "Dial":
        """The dial that shows the emotion which a voice has, times an amount.

        seconds : float[K]; softmax : float[K, 7]; both from `VoiceExpressions.tell`.
        `FacePredictor.own` knows how far a model's faces follow.
        """
        shown = amount(seconds)[:, None] * sharpened(softmax)
        times = tuple(seconds.tolist())
        curves = {
            name: Curve(times, tuple(some.tolist()))
            for name, some in zip(EXPRESSIONS, shown.T, strict=True)
        }
        return cls(curves, "own", anew=True)

    @classmethod
    def read_csv(cls, path: Path, axis: str = FIRST_AXIS) -> "Dial":
        """Read key frames: a column `seconds`, and one a axis, or one called `amount`.

        Raises InputError that names the file.
        """
        if not path.is_file():
            raise InputError(f"There is no file {path}.")
        try:
            table = pd.read_csv(path, comment="#").astype(float).sort_values("seconds")
        except (KeyError, ValueError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path} is no table of key frames: its first line should be "
                "`seconds,amount`, and the others two numbers each."
            ) from error
        names = {"amount": axis}
        columns = [column for column in table if column != "seconds"]
        if not columns:
            raise InputError(f"{path} has no column besides `seconds`: add `amount`.")
        try:
            times = tuple(table["seconds"].tolist())
            return cls(
                {
                    names.get(str(c), str(c)): Curve(times, tuple(table[c].tolist()))
                    for c in columns
                },
                path.stem,
            )
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    @property
    def seconds(self) -> np.ndarray:
        """The key frames of all curves, float[K]; between them amounts are linear."""
        times = [curve.seconds for curve in self.curves.values()]
        return np.unique(np.concatenate(times or [(0.0,)]))

    def __str__(self) -> str:
        turned = {a: c for a, c in self.curves.items() if any(c.amounts)}
        return self.name or ", ".join(f"{a} {c}" for a, c in turned.items()) or "0"


def sharpened(softmax: np.ndarray) -> np.ndarray:
    """Probabilities to the power SHARPNESS, again with the sum 1: float[K, 7]."""
    sharp = softmax**SHARPNESS
    return np.asarray(sharp / sharp.sum(1, keepdims=True))


Emotion = float | str | Path | Dial  # what users may give

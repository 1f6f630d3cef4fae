"""The frame of a lesson: its opening video, the numbers of this run, its last line."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from numbers import Integral, Real
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, Video
from PIL import Image
from scipy.io import wavfile

from course.claims import markdown
from emoface_lib import __version__
from emoface_lib.animation.animate import SHIPPED, TrainedModel, animate
from emoface_lib.animation.emotion_control import Emotion
from emoface_lib.animation.voice import read_voice
from emoface_lib.core.settings import REPOSITORY, Settings
from emoface_lib.synthetic.portraits import resting_portrait
from emoface_lib.synthetic.speech import synthesize

NAMED = ("torch", "librosa", "numpy")
SENTENCE = "The words stay the same. What do you see in my face?"


def talking_head(folder: Path, *emotions: Emotion, head: str = "cast21") -> Video:
    """A drawn head that says one sentence in each emotion, side by side, with sound.

    The shipped weights move it, so that a lesson can open with what it will explain.
    """
    folder.mkdir(parents=True, exist_ok=True)
    photo, sound, video = (folder / f"opener.{kind}" for kind in ("png", "wav", "mp4"))
    Image.fromarray(resting_portrait(head)).save(photo)
    speech = synthesize(SENTENCE, "en-us+f3", rate=150)
    wavfile.write(sound, speech.rate, speech.samples)
    animate(photo, read_voice(sound), video, TrainedModel(SHIPPED), emotions, seed=0)
    return Video(video, embed=True, width=min(240 * len(emotions), 720))


def found(numbers: Mapping[str, object]) -> Markdown:
    """The numbers that a lesson has just computed, as a list: name -> value."""
    lines = [f"* {name}: **{_text(value)}**" for name, value in numbers.items()]
    return Markdown("\n".join(lines))


def ledger() -> pd.DataFrame:
    """The project's measurements, a row each: topic, name, value, unit, target, ..."""
    path = REPOSITORY / "benchmarks" / "results.csv"
    return pd.read_csv(path, dtype={"value": str})  # some are not numbers


def claims() -> Markdown:
    """The paper's claims, each with its test, verdict and lesson."""
    return Markdown(markdown(folder=""))


def shipped_table(name: str) -> pd.DataFrame:
    """A table of `figures/` that a longer run than a lesson has left."""
    return pd.read_csv(REPOSITORY / "figures" / f"{name}.csv")


def foot(settings: Settings) -> Markdown:
    """The last line of a lesson: what made its outputs."""
    packages = ", ".join(f"{name} {version(name)}" for name in NAMED)
    return Markdown(
        f"*emoface {__version__} · profile `{settings.profile}` · seed {settings.seed} "
        f"· Python {platform.python_version()} · {packages}*"
    )


def _text(value: object) -> str:
    real = isinstance(value, Real) and not isinstance(value, Integral)
    return f"{value:.3g}" if real else str(value)

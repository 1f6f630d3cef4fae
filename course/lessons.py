"""The frame of a lesson: the numbers of this run, and the line at its foot."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from numbers import Integral, Real

import pandas as pd
from IPython.display import Markdown

from course.claims import markdown
from emoface_lib import __version__
from emoface_lib.core.settings import REPOSITORY, Settings

NAMED = ("torch", "librosa", "numpy")


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

"""The frame of a lesson: what it starts from, its run's numbers, its last line."""

import platform
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes

from course.claims import markdown
from emoface_lib import __version__, plots
from emoface_lib.core.clip import Clip
from emoface_lib.core.files import read_array, read_parquet
from emoface_lib.core.settings import (
    NEEDS,
    REPOSITORY,
    Run,
    Settings,
    notebook_settings,
)
from emoface_lib.features.prepared import load_clips
from emoface_lib.method import steps
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.enrolment import enrolled

NAMED = ("torch", "librosa", "numpy")
RANGE = (
    r"(?:interval|interval of r|seeds from) (?P<low>[-.\d]+) to (?P<high>-?[.\d]*\d)"
)


class Lesson:
    """What a lesson starts from; what earlier ones left is read when it is asked for.

    settings : as the parameters cell has them; run : the folder of this profile's runs.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.run = settings, Run(settings)

    @cached_property
    def index(self) -> pd.DataFrame:
        """The corpus of notebook 01, a row a clip."""
        return read_parquet(self.run.product("01_corpus"))

    @cached_property
    def clips(self) -> Sequence[Clip]:
        """The clips that notebook 03 prepared."""
        return load_clips(self.run.path("features"), self.settings)

    @cached_property
    def enrolled(self) -> Sequence[Clip]:
        """The same, each with the mean of its speaker (notebook 05, section 9)."""
        return enrolled(self.clips)

    @cached_property
    def train(self) -> Sequence[Clip]:
        """Those of the training split."""
        return steps.split(self.enrolled, "train")

    @cached_property
    def test(self) -> Sequence[Clip]:
        """Those of speakers whom no training knows."""
        return steps.tested_clips(self.enrolled)

    @cached_property
    def mean_face(self) -> np.ndarray:
        """The mean face of the corpus, float[68, 3] px (notebook 03)."""
        return read_array(self.run.path("features", "mean_face.npz"), "landmarks")

    @cached_property
    def content(self) -> ContentBranch:
        """The network that notebook 04 trained."""
        path = self.run.product("04_content_encoder")
        return steps.load_content(path, self.settings)


def start(number: str, names: Mapping[str, Any]) -> Lesson:
    """Start lesson `number` with its parameters: `lessons.start("05", globals())`.

    Raises InputError that names the command if an earlier lesson has not been run.
    """
    lesson = Lesson(notebook_settings(names))
    for needed in next(NEEDS[name] for name in NEEDS if name.startswith(number)):
        lesson.run.product(needed)
    return lesson


def found(numbers: Mapping[str, object]) -> Markdown:
    """The numbers that a lesson has just computed, as a list: name -> value."""
    lines = [f"* {name}: **{_text(value)}**" for name, value in numbers.items()]
    return Markdown("\n".join(lines))


def ledger() -> pd.DataFrame:
    """The project's measurements, a row each: topic, name, value, unit, target, ..."""
    path = REPOSITORY / "benchmarks" / "results.csv"
    return pd.read_csv(path, dtype={"value": str})  # some are not numbers


def draw_on_stored(
    axes: Axes, pattern: str, here: Mapping[str, float], label: str
) -> None:
    """Draw this run's numbers on the intervals that the ledger has over seeds.

    pattern : of names in the ledger, with a group `method`; here : method -> number.
    """
    rows = ledger()
    stored = rows["how"].str.extract(RANGE).astype(float)
    stored.insert(0, "mean", pd.to_numeric(rows["value"], errors="coerce"))
    stored.insert(0, "method", rows["name"].str.extract(pattern)["method"])
    stored = stored[stored["method"].isin(list(here))]
    own = stored["method"].map(here)
    this = stored.assign(mean=own, low=own, high=own)
    plots.draw_intervals(axes, {"stored": stored, "this run": this}, label)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5))


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

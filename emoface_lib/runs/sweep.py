"""A sweep: which notebooks are to be run with which parameters, as a small YAML file.

    profile: full
    notebooks: [04, 05]            # each run does these, in their order
    parameters: {style_steps: 500} # the same in every run
    grid:                          # every combination is a run
      objective: [paper, improved]
      style_learning_rate: [1e-5, 1e-3]
    seeds: 5                       # runs of each combination
    exclude:                       # but not these
      - {objective: improved, style_learning_rate: 1e-5}

Everything is checked before anything runs. Taught in notebook 10.
"""

import re
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import is_confined
from emoface_lib.core.settings import ProfileName, nearest

MOST = 100_000  # runs of a sweep
SHOWN = 100  # letters of a wrong value
LONGEST = 1_000_000  # letters of a sweep's file


def _several(value: Any) -> Any:
    """One value for a list of one."""
    return value if isinstance(value, list | None) else [value]


def _named(value: Any) -> Any:
    """Names of notebooks; YAML takes 04 for a number."""
    names = _several(value)
    return names and [f"{n:02d}" if isinstance(n, int) else n for n in names]


def _counted(value: Any) -> Any:
    if isinstance(value, int) and value <= MOST:
        return list(range(value))
    if isinstance(value, int):
        raise ValueError(f"a sweep has at most {MOST} runs")
    return value


def _confined(value: str) -> str:
    if not is_confined(value):
        raise ValueError("it should name a file in the run's folder")
    return value


Names = Annotated[list[str], BeforeValidator(_named)]
# JSON holds none of YAML's dates, sets and bytes
Values = Annotated[list[JsonValue], BeforeValidator(_several)]
Texts = Annotated[
    list[Annotated[str, AfterValidator(_confined)]], BeforeValidator(_several)
]
Cells = Annotated[list[dict[str, Values]], BeforeValidator(_several)]
Seed = Annotated[int, Field(ge=0)]
Seeds = Annotated[list[Seed], BeforeValidator(_counted)]


class Sweep(BaseModel):
    """What stands in a sweep's file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    profile: ProfileName = "tutorial"
    notebooks: Names = Field(min_length=1)
    # run once for all runs whose parameters are the same to them, always with seed 0;
    # by default those before the first of `notebooks` that leave something
    shared: Names | None = None
    base: str = ""  # folder of a run in which notebooks 01 to 03 have been run
    folder: str = ""  # where the notebooks lie, if they are not the project's
    parameters: dict[str, JsonValue] = {}
    grid: dict[str, Values] = {}
    rows: list[dict[str, JsonValue]] = Field([], alias="list")
    seeds: Seeds = Field([0], min_length=1)
    exclude: Cells = []  # runs with all values of one of these are left out
    outputs: Texts = []  # files that a run must leave, in the run's folder
    results: Texts | None = None  # tables of numbers, see RESULTS; must be written too
    minutes: float | None = Field(None, gt=0)  # after which a run is ended
    memory: float | None = Field(None, gt=0)  # GB, above which a run is ended


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-5 is a number, no key stands twice, and nothing repeats itself.

    By aliases a few lines can mean a billion values.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(
                None, None, "write it out: no aliases (*)", mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        keys = [key.value for key, _ in node.value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(
                None, None, f"{twice[0]!r} stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read_sweep(path: Path) -> Sweep:
    """The sweep in a file; raises InputError that names the wrong key.

    Paths in it are relative to the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if (size := len(text)) > LONGEST:
            raise ValueError(f"it has {size} letters")
        given = yaml.load(text, _Loader)
    except Exception as error:  # YAML's, also of nesting too deep
        reason = " ".join(str(error).split())
        raise InputError(f"{path} can't be read as a sweep: {reason}") from error
    if not isinstance(given, dict):
        raise InputError(f"{path} is no sweep: it should say `notebooks: ...`.")
    for key in ("base", "folder"):
        if isinstance(given.get(key), str):
            given[key] = str(path.parent.resolve() / given[key])
    try:
        return make_sweep(**given)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def make_sweep(**given: Any) -> Sweep:
    """A sweep from what its file would say; raises InputError as `read_sweep`."""
    known = [field.alias or name for name, field in Sweep.model_fields.items()]
    for key in given:
        if key not in known:
            raise InputError(f"A sweep has no {key!r}; {nearest(key, tuple(known))}")
    try:
        return Sweep(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = first["msg"][0].lower() + first["msg"][1:]
        value = repr(first["input"])
        shown = value if len(value) < SHOWN else f"{value[:SHOWN]}..."
        raise InputError(f"{where} = {shown}: {reason}.") from error


def combinations(sweep: Sweep) -> list[dict[str, Any]]:
    """The parameters of every run, its seed among them, without the excluded.

    Raises InputError for a parameter that is given twice, and for an `exclude` that
    names none of them or leaves out no run, or all.
    """
    of_rows = {key for row in sweep.rows for key in row}
    names = [*sweep.parameters, *sweep.grid, *of_rows]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Parameter {name!r} is given twice.")
        if name in ("profile", "seed"):
            raise InputError(f"Give {name!r} by the sweep's own key for it.")
        if not sweep.grid.get(name, True):
            raise InputError(f"Parameter {name!r} has no value in the grid.")
    varied: dict[str, list[Any]] = {**sweep.grid, "seed": sweep.seeds}
    count = prod(len(values) for values in (sweep.rows or [{}], *varied.values()))
    if count > MOST:
        raise InputError(
            f"The sweep has {count:,} runs, more than {MOST:,}: leave values out, or "
            "make several sweeps of it."
        )
    runs = [
        {**sweep.parameters, **row, **dict(zip(varied, values, strict=True))}
        for row in sweep.rows or [{}]
        for values in product(*varied.values())
    ]
    for cell in sweep.exclude:
        for name in cell.keys() - {*names, "seed"}:
            hint = nearest(name, (*names, "seed"))
            raise InputError(f"`exclude` names no parameter {name!r}; {hint}")
        kept = [
            run
            for run in runs
            if not all(name in run and run[name] in of for name, of in cell.items())
        ]
        if len(kept) == len(runs):
            raise InputError(f"`exclude` {cell} excludes no run.")
        runs = kept
    if not runs:
        raise InputError("What `exclude` says leaves no run.")
    return runs

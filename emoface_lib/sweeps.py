"""A sweep: which notebooks are to be run with which parameters, as a small YAML file.

    profile: full
    notebooks: [04, 05]            # of one run, in their order
    parameters: {style_steps: 500} # the same in every run
    grid:                          # every combination is a run
      objective: [paper, improved]
      style_learning_rate: [1e-5, 1e-3]
    seeds: 5                       # of each
    exclude: ["objective == 'improved' and style_learning_rate < 1e-4"]

Everything is checked here, before anything runs. Taught in notebook 10.
"""

import re
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from emoface_lib.config import ProfileName, nearest
from emoface_lib.errors import InputError


def _several(value: Any) -> Any:
    """One value for a list of one."""
    if value is None:
        return None
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _named(value: Any) -> Any:
    """Names of notebooks; YAML takes 04 for a number."""
    if value is None:
        return None
    return tuple(
        f"{one:02d}" if isinstance(one, int) else one for one in _several(value)
    )


def _counted(value: Any) -> Any:
    return tuple(range(value)) if isinstance(value, int) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_named)]
Values = Annotated[tuple[Any, ...], BeforeValidator(_several)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Sweep(BaseModel):
    """What stands in a sweep's file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = ""  # the file's, by default
    profile: ProfileName = "tutorial"
    notebooks: Names = Field(min_length=1)
    # run once for all runs whose parameters are the same to them, always with seed 0;
    # by default those before the first of `notebooks` that leave something
    shared: Names | None = None
    base: str = ""  # folder of a run in which notebooks 01 to 03 have been run
    folder: str = ""  # of other notebooks than the project's
    parameters: dict[str, Any] = {}
    grid: dict[str, Values] = {}
    rows: tuple[dict[str, Any], ...] = Field((), alias="list", strict=False)
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_counted)
    ] = Field((0,), min_length=1, strict=False)
    exclude: Texts = ()  # conditions on parameters, as in pandas' `query`
    outputs: Texts = ()  # files that a run must leave, in the run's folder
    results: Texts | None = None  # tables of numbers, see RESULTS; must be left, too
    minutes: float | None = Field(None, gt=0)  # after which a run is ended
    memory: float | None = Field(None, gt=0)  # GB, above which a run is ended


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-5 is a number, and no key may stand twice."""

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
    path = Path(path)
    try:
        given = yaml.load(path.read_text(), _Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} can't be read as a sweep: {reason}") from error
    if not isinstance(given, dict):
        raise InputError(f"{path} is no sweep: it should say `notebooks: ...`.")
    given = {"name": path.stem, **given}
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
        raise InputError(f"{where} = {first['input']!r}: {reason}.") from error


def combinations(sweep: Sweep) -> list[dict[str, Any]]:
    """The parameters of every run, profile and seed among them, without the excluded.

    Raises InputError for a parameter that is given twice, and for a condition that
    can't be read or excludes nothing.
    """
    given = [
        *sweep.parameters,
        *sweep.grid,
        *{key for row in sweep.rows for key in row},
    ]
    for name in given:
        if given.count(name) > 1:
            raise InputError(f"Parameter {name!r} is given twice.")
        if name in ("profile", "seed"):
            raise InputError(f"Give {name!r} by the sweep's own key for it.")
    for name, values in sweep.grid.items():
        if not values:
            raise InputError(f"Parameter {name!r} has no value in the grid.")
    fixed = {"profile": sweep.profile, **sweep.parameters}
    runs = [
        {**fixed, **row, **dict(zip(sweep.grid, values, strict=True)), "seed": seed}
        for row in sweep.rows or ({},)
        for *values, seed in product(*sweep.grid.values(), sweep.seeds)
    ]
    kept = set(range(len(runs)))
    for condition in sweep.exclude:
        kept -= _meeting(condition, runs)
    if not kept:
        raise InputError("The conditions of `exclude` leave no run.")
    return [runs[number] for number in sorted(kept)]


def _meeting(condition: str, runs: list[dict[str, Any]]) -> set[int]:
    """Numbers of the runs that meet a condition."""
    table = pd.DataFrame(runs)
    try:
        met = table.query(condition, engine="python").index
    except Exception as error:  # of pandas and of Python's own parser
        hint = nearest(_name_in(error), tuple(runs[0]))
        raise InputError(f"Condition {condition!r}: {error}; {hint}") from error
    if met.empty:
        raise InputError(f"Condition {condition!r} excludes no run.")
    return set(met)


def _name_in(error: Exception) -> str:
    found = re.search(r"'(\w+)' is not defined", str(error))
    return found.group(1) if found else ""

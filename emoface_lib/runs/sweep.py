"""A sweep: which notebooks are to be run with which parameters, as a small YAML file.

    profile: full
    notebooks: [04, 05]            # each run does these, in their order
    parameters: {style_steps: 500} # the same in every run
    grid:                          # every combination is a run
      objective: [paper, improved]
      style_learning_rate: [1e-5, 1e-3]
    seeds: 5                       # runs of each combination
    exclude: ["objective == 'improved' and style_learning_rate < 1e-4"]

Everything is checked here, before anything runs. Taught in notebook 10.
"""

import ast
import operator
import re
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import ProfileName, nearest


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
    folder: str = ""  # where the notebooks lie, if they are not the project's
    parameters: dict[str, Any] = {}
    grid: dict[str, Values] = {}
    rows: tuple[dict[str, Any], ...] = Field((), alias="list", strict=False)
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_counted)
    ] = Field((0,), min_length=1, strict=False)
    exclude: Texts = ()  # conditions on parameters, see `read_condition`
    outputs: Texts = ()  # files that a run must leave, in the run's folder
    results: Texts | None = None  # tables of numbers, see RESULTS; must be written too
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
    met = read_condition(condition, tuple({name: None for run in runs for name in run}))
    numbers = {number for number, run in enumerate(runs) if met(run)}
    if not numbers:
        raise InputError(f"Condition {_shown(condition)} excludes no run.")
    return numbers


# Anyone may have written a sweep, and it is read before anything runs: a condition is a
# grammar of its own, in which nothing can be called, and is never evaluated as Python.
LENGTH = 2000  # characters of a condition; Python's parser is safe with so many
DEPTH = 20  # levels of a condition, one in another; the walk below is recursive
GRAMMAR = (
    "a condition compares parameters with numbers, texts, true, false, None and lists "
    "of them by ==, !=, <, <=, >, >=, in, not in, and joins these by and, or, not."
)
WORDS = {"true": True, "false": False, "null": None}  # as YAML writes them
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, values: value in values,
    ast.NotIn: lambda value, values: value not in values,
}
MISSING = object()  # the value of a parameter that a run does not have

Run = dict[str, Any]


def read_condition(condition: str, known: tuple[str, ...]) -> Callable[[Run], bool]:
    """A condition on the parameters `known`, as a function of a run's parameters.

    It means what it means in Python: numbers, texts, `true`, `false`, `None` and lists
    of them, compared with parameters, comparisons joined by `and`, `or`, `not`. A
    parameter that is true or false may stand alone. If a run does not have a parameter,
    every comparison with it is false, `!=` and `not in` too: nothing is known of it.

    Raises InputError with the condition for all that is not of this grammar; the
    function does so for values that can't be compared.
    """
    shown = _shown(condition)
    if len(condition) > LENGTH:
        raise InputError(f"Condition {shown} has over {LENGTH} characters.")
    try:
        met = _test(ast.parse(condition.strip(), mode="eval").body, known, DEPTH)
    except _RefusedError as error:
        raise InputError(f"Condition {shown}: {error}") from error
    except SyntaxError as error:
        raise InputError(f"Condition {shown}: {error.msg}; {GRAMMAR}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # from Python's parser
        raise InputError(f"Condition {shown} can't be read; {GRAMMAR}") from error

    def checked(run: Run) -> bool:
        try:
            return met(run)
        except _RefusedError as error:
            raise InputError(f"Condition {shown}: {error}") from error
        except (TypeError, ValueError, RecursionError) as error:  # from a comparison
            raise InputError(f"Condition {shown}: {error}.") from error

    return checked


class _RefusedError(Exception):
    """A part of a condition is not of the grammar; the message says which."""


def _shown(condition: str) -> str:
    return repr(condition if len(condition) < 200 else condition[:200] + "...")


def _test(node: ast.expr, known: tuple[str, ...], depth: int) -> Callable[[Run], bool]:
    """What is true or false of a run; every part is checked here, before any run."""
    if not depth:
        raise _RefusedError(f"it is nested over {DEPTH} levels.")
    match node:
        case ast.BoolOp(op=joint, values=parts):
            tests = [_test(part, known, depth - 1) for part in parts]
            over = all if isinstance(joint, ast.And) else any
            return lambda run: over(test(run) for test in tests)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            denied = _test(part, known, depth - 1)
            return lambda run: not denied(run)
        case ast.Compare(left=first, ops=signs, comparators=others):
            values = [_value(part, known, depth - 1) for part in (first, *others)]
            steps = [*zip(map(_comparison, signs), pairwise(values), strict=True)]
            return lambda run: all(
                _compared(compare, left(run), right(run))
                for compare, (left, right) in steps
            )
        case ast.Name(id=name) if name not in WORDS:
            value = _value(node, known, depth)
            return lambda run: _truth(name, value(run))
    raise _RefusedError(_not_here(node))


def _value(node: ast.expr, known: tuple[str, ...], depth: int) -> Callable[[Run], Any]:
    """A side of a comparison: a parameter, or what `_literal` knows."""
    match node:
        case ast.Name(id=name) if name in known:
            return lambda run: run.get(name, MISSING)
        case ast.Name(id=name) if name not in WORDS:
            raise _RefusedError(f"no parameter {name!r}; {nearest(name, known)}")
    literal = _literal(node, depth)
    return lambda run: literal


def _literal(node: ast.expr, depth: int) -> Any:
    if not depth:
        raise _RefusedError(f"it is nested over {DEPTH} levels.")
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.Name(id=word) if word in WORDS:
            return WORDS[word]
        case ast.UnaryOp(
            op=ast.USub(), operand=ast.Constant(value=int() | float() as number)
        ) if not isinstance(number, bool):
            return -number
        case ast.List(elts=parts):
            return [_literal(part, depth - 1) for part in parts]
        case ast.Tuple(elts=parts):
            return tuple(_literal(part, depth - 1) for part in parts)
    raise _RefusedError(_not_here(node))


def _comparison(sign: ast.cmpop) -> Callable[[Any, Any], Any]:
    if type(sign) not in COMPARISONS:
        raise _RefusedError(f"`is` stands in it; {GRAMMAR}")
    return COMPARISONS[type(sign)]


def _compared(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    return left is not MISSING and right is not MISSING and bool(compare(left, right))


def _truth(name: str, value: Any) -> bool:
    if value is not MISSING and not isinstance(value, bool):
        raise _RefusedError(f"{name} = {value!r} is not true or false: compare it.")
    return value is True


def _not_here(node: ast.expr) -> str:
    kind = type(
        node
    ).__name__  # the word in Python's documentation: Call, Lambda, BinOp
    article = "an" if kind[0] in "AEIO" else "a"
    return f"{article} {kind} stands in column {node.col_offset + 1}; {GRAMMAR}"

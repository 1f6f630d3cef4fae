"""Conditions on a run's parameters, which a sweep's `exclude` leaves runs out by.

Anyone may have written a sweep, and it is read before anything runs: a condition is a
grammar of its own, in which nothing can be called, and is never evaluated as Python.
Taught in notebook 10.
"""

import ast
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import nearest

LENGTH = 2000  # characters of a condition; Python's parser is safe with so many
DEPTH = 20  # levels of a condition, one in another
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

    It means what it means in Python, except that a comparison with a parameter that a
    run does not have is false, `!=` and `not in` too: nothing is known of it. Raises
    InputError with the condition for all that is not of this grammar; the function does
    so for values that can't be compared.
    """
    with naming(condition):
        if len(condition) > LENGTH:
            raise InputError(f"it has over {LENGTH} characters.")
        node = ast.parse(condition.strip(), mode="eval").body
        if _levels(node) > DEPTH:
            raise InputError(f"it is nested over {DEPTH} levels.")
        test = _test(node, known)

    def met(run: Run) -> bool:
        with naming(condition):
            return test(run)

    return met


@contextmanager
def naming(condition: str) -> Iterator[None]:
    """Name the condition in every error that is raised meanwhile."""
    try:
        yield
        return
    except SyntaxError as error:
        problem = f"{error.msg}; {GRAMMAR}"
    except (UnicodeError, RecursionError, MemoryError):  # from Python's parser
        problem = f"it can't be read; {GRAMMAR}"
    except (InputError, TypeError, ValueError) as error:
        problem = f"{str(error).removesuffix('.')}."
    shown = condition if len(condition) < 200 else condition[:200] + "..."
    raise InputError(f"Condition {shown!r}: {problem}")


def _levels(node: ast.AST) -> int:
    parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    return 1 + max(map(_levels, parts), default=0)


def _test(node: ast.expr, known: tuple[str, ...]) -> Callable[[Run], bool]:
    """What is true or false of a run; every part is checked here, before any run."""
    match node:
        case ast.BoolOp(op=joint, values=parts):
            tests = [_test(part, known) for part in parts]
            over = all if isinstance(joint, ast.And) else any
            return lambda run: over(test(run) for test in tests)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            denied = _test(part, known)
            return lambda run: not denied(run)
        case ast.Compare(left=first, ops=signs, comparators=others):
            if not all(type(sign) in COMPARISONS for sign in signs):
                raise InputError(f"`is` stands in it; {GRAMMAR}")
            sides = pairwise([_value(part, known) for part in (first, *others)])
            steps = [*zip(signs, sides, strict=True)]
            return lambda run: all(
                _compared(sign, left(run), right(run)) for sign, (left, right) in steps
            )
        case ast.Name(id=name) if name not in WORDS:
            value = _value(node, known)
            return lambda run: _truth(name, value(run))
    raise _refusal(node)


def _value(node: ast.expr, known: tuple[str, ...]) -> Callable[[Run], Any]:
    """A side of a comparison: one of the parameters, or a literal."""
    literal: Any
    match node:
        case ast.Name(id=name) if name in known:
            return lambda run: run.get(name, MISSING)
        case ast.Name(id=name) if known and name not in WORDS:
            raise InputError(f"no parameter {name!r}; {nearest(name, known)}")
        case ast.Name(id=word) if word in WORDS:
            literal = WORDS[word]
        case ast.Constant(value=bool() | int() | float() | str() | None):
            literal = node.value
        case ast.UnaryOp(
            op=ast.USub(), operand=ast.Constant(value=int() | float() as number)
        ) if not isinstance(number, bool):
            literal = -number
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            kind = list if isinstance(node, ast.List) else tuple
            literal = kind(_value(part, ())({}) for part in parts)
        case _:
            raise _refusal(node)
    return lambda run: literal


def _compared(sign: ast.cmpop, left: Any, right: Any) -> bool:
    if left is MISSING or right is MISSING:
        return False
    return bool(COMPARISONS[type(sign)](left, right))


def _truth(name: str, value: Any) -> bool:
    if value is not MISSING and not isinstance(value, bool):
        raise InputError(f"{name} = {value!r} is not true or false: compare it.")
    return value is True


def _refusal(node: ast.expr) -> InputError:
    kind = type(node).__name__  # as Python's documentation says it: Call, Lambda, BinOp
    article = "an" if kind[0] in "AEIO" else "a"
    where = f"column {node.col_offset + 1}"
    return InputError(f"{article} {kind} stands in {where}; {GRAMMAR}")

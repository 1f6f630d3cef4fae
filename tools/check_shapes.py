"""Check that docstrings say the shapes of arrays: `python -m tools.check_shapes`.

Lists every public function and method of the library that takes or gives arrays and
whose docstring names no shape, and ends with exit code 1 if there are any.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1] / "emoface_lib"
ARRAYS = {"ndarray", "Tensor", "Array"}  # Array : the type variable of both
OF_THE_CLASS = {"forward", "__call__"}  # methods that the class may document

_TYPE = r"(?:Tensor|Array|bool|u?int\d*|b?float\d*|complex\d*)"
_NAMED = "size|side|rows|columns|height|width|frames|count|steps"
_DIMENSION = rf"(?:\.\.\.|[1-9]\d*|\d* ?\*? ?[A-Z]\w*|{_NAMED})(?: (?:[-+*/]|or) \w+)*"
SHAPE = re.compile(
    rf"\b{_TYPE}\[[^\]]+\]"  # float[F, 68, 2]
    rf"|\({_DIMENSION},\)|\({_DIMENSION}(?:, {_DIMENSION})+\)"  # (T,) or (H, W, 3)
    r"|\bscalar\b"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def without_shapes(source: str) -> list[tuple[int, str]]:
    """Line and name of the public functions of arrays whose docstring says no shape."""
    found = []
    for function, owner in _public(ast.parse(source)):
        documented = ast.get_docstring(function) or ""
        if owner and function.name in OF_THE_CLASS:
            documented += "\n" + (ast.get_docstring(owner) or "")
        if _holds_arrays(function) and not names_shape(documented):
            name = f"{owner.name}.{function.name}" if owner else function.name
            found.append((function.lineno, name))
    return found


def names_shape(docstring: str) -> bool:
    """Whether a text names a shape, such as `float[F, 68, 2]`, `(T,)` or "scalar"."""
    return SHAPE.search(" ".join(docstring.split())) is not None


def _public(tree: ast.Module) -> Iterator[tuple[Function, ast.ClassDef | None]]:
    """Public functions, and methods of public classes with their class."""
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node, None
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for each in node.body:
                if isinstance(each, Function) and (
                    not each.name.startswith("_") or each.name in OF_THE_CLASS
                ):
                    yield each, node


def _holds_arrays(function: Function) -> bool:
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    arguments += [each for each in (given.vararg, given.kwarg) if each]
    annotations = [each.annotation for each in arguments] + [function.returns]
    return any(_words(each) & ARRAYS for each in annotations if each)


def _words(annotation: ast.expr) -> set[str]:
    """The names in an annotation, also in one that is a string."""
    return set(re.findall(r"\w+", ast.unparse(annotation)))


def findings(folder: Path = LIBRARY) -> list[str]:
    """`path:line name` of each public function of arrays that says no shape."""
    return [
        f"{path.relative_to(folder.parent)}:{line} {name}"
        for path in sorted(folder.rglob("*.py"))
        for line, name in without_shapes(path.read_text(encoding="utf-8"))
    ]


def main(folder: Path = LIBRARY) -> int:
    """Print each finding; 1 if there are any, else 0."""
    found = findings(folder)
    print(*found, sep="\n", end="\n" * bool(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))

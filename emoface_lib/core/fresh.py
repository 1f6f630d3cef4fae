"""One rule of freshness: what a model is made from, as one hash.

That is its inputs, the settings of its stages, and the code that makes it.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel
from torch import Tensor

from emoface_lib.core.files import LIBRARY
from emoface_lib.core.settings import Settings

TABLES = "*.csv", "*.txt", "*.yml"


def made_from(
    settings: Settings, stages: Sequence[str], module: str, *inputs: Any
) -> str:
    """Hash of what a model depends on: equal hashes mean that it need not be made anew.

    stages : whose settings count, beside the seed; module : `__name__` of the code that
    makes it, whose imports from the library count, too; inputs : see `digest`.
    """
    return digest([settings.hash(*stages), code_hash(module), *inputs])


def digest(value: Any) -> str:
    """Hash of a value: tensors, arrays, records, plain values, and lists of those.

    A path counts by the file's name, size and time of change.
    """
    hasher, waiting = hashlib.blake2b(digest_size=16), [value]

    def add(part: bytes) -> None:
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)

    while waiting:
        match value := waiting.pop():
            case Tensor():
                waiting.append(value.detach().cpu().numpy())
            case np.ndarray() if value.dtype != object:
                add(f"{value.dtype} {value.shape}".encode())
                add(np.ascontiguousarray(value).tobytes())
            case Path():
                stat = value.stat()
                add(f"{value.name} {stat.st_size} {stat.st_mtime_ns}".encode())
            case BaseModel():
                add(value.model_dump_json().encode())
            case Mapping():
                waiting.append([(key, value[key]) for key in sorted(value)])
            case str() | bytes() | int() | float() | np.generic() | None:
                add(repr(value).encode())
            case Iterable():
                members = list(value)
                add(f"{len(members)} of {type(value).__name__}".encode())
                waiting += reversed(members)
            case _ if is_dataclass(value):
                waiting.append({f.name: getattr(value, f.name) for f in fields(value)})
            case _:
                raise TypeError(f"{type(value).__name__} has no digest.")
    return hasher.hexdigest()


@cache
def code_hash(*modules: str) -> str:
    """Hash of modules of the library or the course and all that they import there.

    With the tables that lie beside them, such as the sentences that are spoken.
    """
    files: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = _file_of(waiting.pop())
        if path and path not in files:
            files.add(path)
            waiting += imported(path.read_text(encoding="utf-8"))
    folders = {path.parent for path in files}
    tables = {path for kind in TABLES for each in folders for path in each.glob(kind)}
    return digest([(path.name, path.read_bytes()) for path in sorted(files | tables)])


def imported(source: str) -> Iterator[str]:
    """Names of the modules that a piece of code may import, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _file_of(module: str) -> Path | None:
    """The file of a module; None if it is neither the library's nor the course's."""
    root, *parts = module.split(".")
    if root not in (LIBRARY.name, "course"):
        return None
    place = LIBRARY.with_name(root).joinpath(*parts)
    found = [place.with_suffix(".py"), place / "__init__.py"]
    return next((path for path in found if path.is_file()), None)


def file_hash(path: Path) -> str:
    """Hash of a file's contents; empty if there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    except FileNotFoundError:
        return ""

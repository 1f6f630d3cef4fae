"""Files are written beside their place and renamed: none is ever half-written."""

import csv
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

VOXCELEB_META = "vox2_meta.csv"

INDEX = "index.parquet"

CARD = "corpus.json"


@contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path of the same suffix beside `path`; rename it on success."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    beside.touch(exist_ok=False)  # may be read by whom the umask lets
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def drop_torn(path: Path) -> None:
    """Remove what killed runs left of writing `path`; nobody may be writing it now."""
    for torn in path.parent.glob(f".*{path.suffix}"):
        if torn.stem[1:].rpartition(".")[0] == path.stem:
            torn.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys."""
    with write_beside(path) as beside:
        beside.write_text(
            json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write named arrays, [...] of any shape and type, as one compressed .npz file.

    path : replaced only when the file is whole. arrays : Array[...] each.
    """
    with write_beside(path) as beside:
        np.savez_compressed(beside, **arrays)  # type: ignore[arg-type]


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file into memory, without pickles.

    Returns Array[...] by name, of any shape and type. Raises ValueError if the file
    holds pickled objects.
    """
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def read_table(path: Path) -> list[list[str]]:
    """Rows of a CSV file, without its header."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def hash_of(value: Any, length: int = 12) -> str:
    """Hash a JSON-like value; equal values give equal hashes on every machine."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]

"""Files: written beside their place and renamed, so that none is ever half-written.

Read so that damage is told: whatever a reader raises becomes a sentence that names the
file, and what can be made again is set aside.
"""

import csv
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

try:
    import fcntl
except ImportError:  # only Unix has locks
    fcntl = None  # type: ignore[assignment]

import numpy as np

from emoface_lib.core.errors import InputError

if TYPE_CHECKING:  # pandas takes a second
    import pandas as pd

Found = TypeVar("Found")

LIBRARY = Path(__file__).resolve().parents[1]

VOXCELEB_META = "vox2_meta.csv"

INDEX = "index.parquet"

CARD = "corpus.json"

WRITING: set[Path] = set()  # temporary files, for who must end at once

RESUME = "state.pt"  # what a training that was cut off goes on from

STEM = 40  # letters of a name that its temporary one repeats; a name has 255 bytes


@contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path of the same suffix beside `path`; rename it on success.

    It is locked meanwhile: what killed runs left of writing `path`, which nobody has
    locked any more, goes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for torn in path.parent.glob(f".*{path.suffix}"):
        if torn.stem[1:].rpartition(".")[0] == path.stem[:STEM]:
            with suppress(OSError), torn.open("rb") as lock:
                if fcntl:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                torn.unlink()
    token = secrets.token_hex(4)
    beside = path.with_name(f".{path.stem[:STEM]}.{token}{path.suffix}")
    with beside.open("xb") as lock:  # may be read by whom the umask lets
        WRITING.add(beside)
        try:
            with suppress(OSError):  # a file system without locks
                if fcntl:
                    fcntl.flock(lock, fcntl.LOCK_SH)
            yield beside
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
            WRITING.discard(beside)


def is_passing(path: Path) -> bool:
    """Whether a file is there only while something is made."""
    return path.name.startswith(".") or path.name == RESUME


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Turn what a reader of `path` raises into an InputError that names it.

    Missing, not to be opened, or damaged: readers raise whatever they like of bytes
    that they did not expect.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}: run what makes it.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            reason = f"{path} can't be read ({error.strerror})."
            raise InputError(reason) from error
        cure = "remove it, and run again what made it"
        if Path(path).is_relative_to(LIBRARY):
            cure = "install emoface again"
        raise InputError(f"{path} is damaged or cut short: {cure}.") from error


def read_or_set_aside(read: Callable[[Path], Found], path: Path) -> Found | None:
    """What `read` finds in a file that can be made again; None if there is none.

    A damaged one is renamed and told on standard error, so that it is made again.
    """
    if not path.exists():
        return None
    try:
        with reading(path):
            return read(path)
    except InputError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno:
            raise  # not the file's fault
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        note = f"emoface: note: {path} is damaged: it is made again, and the old one is"
        print(f"{note} now {aside.name}.", file=sys.stderr)
        return None


def is_confined(name: str) -> bool:
    """Whether a name from a foreign file stays below the folder that it is put to."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and not (".." in path.parts or any(ord(letter) < 32 for letter in name))
    )


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys."""
    with write_beside(path) as beside:
        text = json.dumps(value, indent=1, sort_keys=True) + "\n"
        beside.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file; raises InputError if it is missing or damaged."""
    with reading(path):
        return json.loads(Path(path).read_text(encoding="utf-8"))


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write named arrays, [...] of any shape and type, as one compressed .npz file.

    path : replaced only when the file is whole. arrays : Array[...] each.
    """
    with write_beside(path) as beside:
        np.savez_compressed(beside, **arrays)  # type: ignore[arg-type]


def read_array(path: Path, name: str) -> np.ndarray:
    """One array of an .npz file, Array[...]; raises InputError as `read_npz`."""
    with reading(path), np.load(path, allow_pickle=False) as arrays:
        return arrays[name]


def read_npz(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file into memory, without pickles.

    Returns Array[...] by name, of any shape and type. Raises InputError if the file is
    missing, damaged (each array has a checksum), holds pickled objects, or lacks one of
    `names`.
    """
    with reading(path), np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in {*names, *arrays.files}}


def write_parquet(path: Path, table: "pd.DataFrame") -> None:
    """Write a table, whose pages carry checksums that `read_parquet` compares."""
    with write_beside(path) as beside:
        table.to_parquet(beside, index=False, write_page_checksum=True)


def read_parquet(path: Path, *names: str) -> "pd.DataFrame":
    """Read a table; raises InputError if it is missing, damaged, or lacks a column."""
    import pandas as pd

    with reading(path):
        table = pd.read_parquet(path, page_checksum_verification=True)
        table[list(names)]
        return table


def read_table(path: Path) -> list[list[str]]:
    """Rows of a CSV file, without its header."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def hash_of(value: Any) -> str:
    """Hash a JSON-like value; equal values give equal hashes on every machine."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]

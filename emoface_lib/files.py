"""Files are written beside their place and renamed: none is ever half-written."""

import errno
import fcntl
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

LOCKLESS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}  # what flock then says


@contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path of the same suffix beside `path`; rename it on success."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix
    )
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def drop_torn(path: Path) -> None:
    """Remove what killed runs left of writing `path`; nobody may be writing it now."""
    for torn in path.parent.glob(f".{path.stem}.*{path.suffix}"):
        torn.unlink(missing_ok=True)


def hold(file: IO[bytes], kind: int = fcntl.LOCK_EX | fcntl.LOCK_NB) -> None:
    """Lock an open file against other processes, until it is closed.

    kind : as of `fcntl.flock`. Raises BlockingIOError if another process has it. Where
    the file system has no locks, that is said once, and nothing keeps others out.
    """
    try:
        fcntl.flock(file, kind)
    except OSError as error:
        if error.errno not in LOCKLESS:
            raise
        warnings.warn(
            f"{file.name} lies on a file system without locks: start one command at a "
            "time there, since two would do the same work.",
            RuntimeWarning,
            stacklevel=2,
        )


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys."""
    with write_beside(path) as beside:
        beside.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text())


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays as one compressed .npz file."""
    with write_beside(path) as beside:
        np.savez_compressed(beside, **arrays)  # type: ignore[arg-type]


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file into memory, without pickles."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def hash_of(value: Any, length: int = 12) -> str:
    """Hash a JSON-like value; equal values give equal hashes on every machine."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]

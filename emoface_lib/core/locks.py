"""Locks between processes, of stores of runs and of journals; Unix has them."""

import errno
import fcntl
import time
import warnings
from pathlib import Path
from typing import IO

LOCKLESS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}  # a file system has none


def hold(file: IO[bytes], kind: int = fcntl.LOCK_EX | fcntl.LOCK_NB) -> None:
    """Lock an open file against other processes, until it is closed.

    kind : as of `fcntl.flock`. Raises BlockingIOError if another process has it. Where
    the file system has no locks, a warning is given once, and others are not kept out.
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


def claim(file: IO[bytes], wait: bool) -> bool:
    """Lock an open file until it is closed; False if another process has it.

    wait : until that is done. It is tried for a second, since `is_held` locks for an
    instant, and a process that has lost its parent needs a moment to end.
    """
    for _ in range(20):
        try:
            hold(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except BlockingIOError:
            time.sleep(0.05)
    return False


def is_held(path: Path) -> bool:
    """Whether a process has locked a file, which need not be there."""
    try:
        with path.open("rb") as file:
            hold(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False

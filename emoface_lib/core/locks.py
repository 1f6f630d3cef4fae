"""Locks between processes, of stores of runs and of journals; Unix has them."""

import errno
import fcntl
import warnings
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

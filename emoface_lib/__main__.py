"""The command `emoface`, from its first instant; also `python -m emoface_lib`.

Interrupted while it is imported, which takes half a second, it says no more than that.
"""

import gc
import os
import signal


def _stop(number: int, _: object) -> None:
    os.write(2, b"emoface: stopped.\n")
    os._exit(128 + number)


before = signal.signal(signal.SIGINT, _stop)
gc.set_threshold(100_000, 10, 10)  # imports make 300,000 objects and no garbage

from emoface_lib.runs.cli import app as main  # noqa: E402

signal.signal(signal.SIGINT, before)

if __name__ == "__main__":
    main()

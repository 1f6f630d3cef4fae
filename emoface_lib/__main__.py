"""The command `emoface`, from its first instant; also `python -m emoface_lib`."""

import gc
import os
import signal


def main() -> None:
    """Run the command; interrupted while it is imported, it says no more than that."""
    before = signal.signal(signal.SIGINT, _stop)
    gc.set_threshold(100_000, 10, 10)  # imports make 300,000 objects and no garbage
    from emoface_lib.runs.cli import app, settle  # takes half a second

    signal.signal(signal.SIGINT, before)
    settle()
    app()


def _stop(number: int, _: object) -> None:
    os.write(2, b"emoface: stopped.\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()

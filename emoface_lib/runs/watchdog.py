"""Watchdog for the process of a run: its memory, its time, and its parent."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

LOOK = 0.5  # s between two looks


class Watchdog(threading.Thread):
    """Ends this process and its kernels past a limit, or when its parent is gone.

    limits : minutes and memory (GB), None or absent for none; fail : called with the
    reason.
    """

    def __init__(
        self, limits: Mapping[str, float | None], fail: Callable[[str], None]
    ) -> None:
        super().__init__(daemon=True)
        self.limits, self.fail = limits, fail
        self.peak = 0.0  # MB
        self.begin = time.monotonic()

    def run(self) -> None:
        """Look, twice a second."""
        parent = multiprocessing.parent_process()
        while parent is None or parent.is_alive():
            family = [psutil.Process(), *psutil.Process().children(recursive=True)]
            self.peak = max(self.peak, sum(map(_megabytes, family)))
            if problem := self.problem():
                self.fail(problem)
                break
            time.sleep(LOOK)
        end_process()

    def problem(self) -> str:
        """Which limit is exceeded, as a sentence; "" if none is."""
        minutes, memory = self.limits.get("minutes"), self.limits.get("memory")
        if minutes and time.monotonic() - self.begin > 60 * minutes:
            return f"The run took longer than {minutes:g} minutes and was ended."
        if memory and self.peak > 1000 * memory:
            return f"The run needed more than {memory:g} GB of memory and was ended."
        return ""

    def spent(self) -> dict[str, float]:
        """Seconds so far, and the most memory that all processes had at once."""
        took = round(time.monotonic() - self.begin, 2)
        return {"peak_memory_mb": round(self.peak), "seconds_in_all": took}


def end_process() -> None:
    """End the kernels of this process with all that they started, and itself."""
    try:
        for process in psutil.Process().children(recursive=True):
            _kill(process)
    finally:
        os._exit(1)


def end_kernels(folder: Path) -> None:
    """End kernels that outlived a killed run in this folder."""
    mine = [one for one in psutil.process_iter() if _works_in(one, folder)]
    for process in mine:
        _kill(process)
    psutil.wait_procs(mine, timeout=10)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        is_kernel = "ipykernel_launcher" in process.cmdline()
        return is_kernel and process.environ().get("EMOFACE_RUNS") == str(folder)
    except psutil.Error:  # it is gone, or another user's
        return False


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


def _megabytes(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / 1e6
    except psutil.Error:
        return 0.0

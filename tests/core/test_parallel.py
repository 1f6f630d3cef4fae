"""Work in several processes: every result once, whatever happens to a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emoface_lib.core import parallel
from emoface_lib.core.parallel import each

DEADLY = 7


def square(number: int) -> int:
    return number * number


def square_or_die(number: int) -> int:
    if number == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.mark.slow
def test_here_and_in_processes_give_the_same() -> None:
    alone = dict(each(square, range(20), workers=1))
    assert dict(each(square, range(20), workers=2)) == alone
    assert list(alone) == list(range(20))


@pytest.mark.slow
def test_an_item_that_kills_its_process_is_told_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel, "QUEUED", 1)  # the others have not been handed out

    def lost(number: int) -> int:
        return -number

    pairs = list(each(square_or_die, range(12), workers=2, lost=lost))
    assert len(pairs) == 12
    assert dict(pairs) == {n: -n if n == DEADLY else n * n for n in range(12)}


def test_an_error_of_the_function_ends_the_run() -> None:
    with pytest.raises(ZeroDivisionError):
        list(each(divmod_by_zero, range(3), workers=1))


def divmod_by_zero(number: int) -> int:
    return number // 0


PARENT = """
import os, sys, time
sys.path[:0] = {paths!r}
from test_parallel import wait_with_mark
from emoface_lib.core.parallel import each
if __name__ == "__main__":
    list(each(wait_with_mark, [{folder!r}] * 2, workers=2))
"""


def wait_with_mark(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def until(condition: object, seconds: float = 30) -> bool:
    """Wait for something another process does; the tests assert that it came."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_processes_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    here = Path(__file__).resolve().parent
    script = tmp_path / "parent.py"
    paths = [str(here), str(here.parent)]
    script.write_text(PARENT.format(paths=paths, folder=str(marks)))
    parent = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL)
    assert until(lambda: len(list(marks.iterdir())) == 2)
    workers = [int(path.name) for path in marks.iterdir()]
    parent.kill()
    parent.wait()
    assert until(lambda: not any(alive(pid) for pid in workers))

"""One run of a sweep: a folder named by its key, and a process that fills it.

    run.json       parameters, notebooks, versions, commit; which notebook is at work
    log.txt        what the notebooks print, and what went wrong
    result.json    numbers with their protocol, seconds, peak memory: the run is done
    failure.json   why it failed, until it is run again
    <profile>/     as `emoface reproduce` leaves it; what is shared is linked

The process holds `lock` as long as it runs. Taught in notebook 10.
"""

import fcntl
import logging
import multiprocessing
import os
import platform
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json, write_json
from emoface_lib.core.locks import hold
from emoface_lib.core.parallel import CORES
from emoface_lib.runs.collect import RESULT, numbers
from emoface_lib.runs.notebooks import NotebookError, read_code, source_hash
from emoface_lib.runs.reproduce import Step, versions
from emoface_lib.runs.sweep_plans import Plan, code_hash
from emoface_lib.runs.watchdog import Watchdog, end_kernels

State = Literal["waiting", "running", "interrupted", "failed", "done"]
RUN, FAILURE, LOG, LOCK = "run.json", "failure.json", "log.txt", "lock"
PREPARED = ("corpus", "audio", "features", "expression")  # left by notebooks 01 to 03
OWN = ("notebooks", "figures", "jupyter")  # never linked


@dataclass(frozen=True)
class Job:
    """A plan, the store in which its run lies, and the commit it is of."""

    plan: Plan
    store: Path
    commit: str | None = None
    cores: int = 1  # that the run may use

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.store / self.plan.key


def attempt(job: Job) -> None:
    """Carry a run out in a process of its own, unless it is done or another is at it.

    Whatever happens there, this returns; `state_of` then says what became of it.
    """
    process = _processes().Process(target=_carry_out, args=(job,))
    process.start()
    process.join()
    code = process.exitcode or 0
    if code < 0 and -code not in (signal.SIGINT, signal.SIGTERM):
        name = signal.Signals(-code).name
        fail(job, f"The process was ended by {name}, as it is when memory runs out.")


def _processes() -> Any:
    """Processes that start in milliseconds, from one that has imported all this."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__, "papermill"])
    return context


def state_of(folder: Path) -> State:
    """What has become of the run in a folder."""
    if (folder / RESULT).exists():
        return "done"
    if _locked(folder / LOCK):
        return "running"
    if (folder / FAILURE).exists():
        return "failed"
    return "interrupted" if (folder / RUN).exists() else "waiting"


def fail(job: Job, problem: str) -> None:
    """Write down why a run failed."""
    write_json(job.folder / FAILURE, {"problem": problem, "at": round(time.time())})


def clear_failure(job: Job) -> None:
    """Clear a run's failure, so that it is tried again."""
    (job.folder / FAILURE).unlink(missing_ok=True)


def _carry_out(job: Job) -> None:
    """What the process does."""
    job.folder.mkdir(parents=True, exist_ok=True)
    with _hold(job.folder / LOCK, wait=job.plan.is_shared) as held:
        if not held or state_of(job.folder) == "done":
            return
        _print_to(job.folder / LOG)
        watchdog = Watchdog(job.plan.limits, partial(fail, job))
        watchdog.start()
        try:
            write_json(job.folder / RESULT, {**_run(job), **watchdog.spent()})
        except Exception as error:
            if not isinstance(error, InputError):
                traceback.print_exc()
            logging.error("%s", error)
            fail(job, str(error) or type(error).__name__)
        except KeyboardInterrupt:
            logging.error("interrupted")


@contextmanager
def _hold(path: Path, wait: bool) -> Iterator[bool]:
    """Hold a lock while this lasts; gives False if another process does.

    Another process may test it for an instant, see `_locked`, so it is tried thrice.
    """
    with path.open("ab") as file:
        for _ in range(3):
            try:
                hold(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                time.sleep(0.05)
                continue
            yield True
            return
        yield False


def _locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            hold(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # nobody has begun
        return False
    return False


def _print_to(log: Path) -> None:
    """Redirect the output of this process and its kernels to a file."""
    with log.open("ab") as file:
        for output in (1, 2):
            os.dup2(file.fileno(), output)
    form = "%(asctime)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, force=True)


def _run(job: Job) -> dict[str, Any]:
    """Run the notebooks that are not up to date, and say what came of it."""
    plan, place = job.plan, job.folder / place_of(job.plan)
    end_kernels(job.folder)
    clear_failure(job)
    about = _about(job)
    _link(job, place)
    os.environ |= {"EMOFACE_RUNS": str(job.folder), CORES: str(job.cores)}
    given = {**plan.given}
    if given.get("corpus"):
        given["corpus"] = place.name
    before = [one.path for one in plan.earlier]
    seconds = {}
    for one in plan.notebooks:
        write_json(job.folder / RUN, {**about, "notebook": one.path.stem})
        step = Step(one.path, before, place, given)
        logging.info("%s: %s", one.path.stem, step.run())
        seconds[one.path.stem] = read_json(step.state)["seconds"]
        before.append(one.path)
    _check_code(plan)
    found = _numbers(plan, place)
    return {
        **about,
        "numbers": found,
        "seconds": round(sum(seconds.values()), 1),
        "seconds_of": seconds,
    }


def place_of(plan: Plan) -> str:
    """Name of the folder, inside the run's, that notebooks know as the run's."""
    corpus = plan.given.get("corpus")
    return Path(corpus).name if corpus else plan.given["profile"]


def _about(job: Job) -> dict[str, Any]:
    plan = job.plan
    return {
        "key": plan.key,
        "cell": plan.cell,
        "code": plan.code,
        "commit": job.commit,
        "versions": versions(),
        "machine": platform.node(),
        "started": round(time.time(), 1),
        "notebooks": [one.path.stem for one in plan.notebooks],
        "parameters": dict(plan.given),
        "shared": plan.shared.key if plan.shared else None,
    }


def _link(job: Job, place: Path) -> None:
    """Link what was made before into the run's place, and nothing that it makes."""
    place.mkdir(parents=True, exist_ok=True)
    if job.plan.shared:
        source = job.store / job.plan.shared.key / place.name
        names = {path.name for path in source.iterdir() if path.is_dir()} - {*OWN}
        (place / "notebooks").mkdir(exist_ok=True)
        for state in (source / "notebooks").glob("*.json"):
            _link_to(place / "notebooks" / state.name, state)
    elif job.plan.base:
        source, names = job.plan.base, set(PREPARED)
    else:
        return
    for name in names:
        if (source / name).exists():
            _link_to(place / name, source / name)


def _link_to(link: Path, target: Path) -> None:
    if not link.is_symlink():
        link.symlink_to(target.resolve())


def _check_code(plan: Plan) -> None:
    """Raise InputError if this is no longer the code that the run is named after."""
    now = [source_hash(read_code(one.path)) for one in plan.notebooks]
    if now != [one.code for one in plan.notebooks] or plan.code != code_hash():
        raise InputError("The code was changed while this ran: run the sweep again.")


def _numbers(plan: Plan, place: Path) -> list[dict[str, Any]]:
    """The numbers of all tables; raises NotebookError if something was not left."""
    for name in (*plan.outputs, *plan.results):
        if not (place / name).exists():
            raise NotebookError(f"The run ended without leaving {place / name}.")
    return [row for name in plan.results for row in numbers(place / name, name)]

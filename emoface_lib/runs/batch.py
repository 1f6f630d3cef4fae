"""Many runs of the notebooks: started, limited, shown, and never done twice.

A sweep says which; each run is a process that fills a folder named by the run's key.
The folders alone say what is done: whatever ends a batch, and wherever it is started
again, it goes on. What stands in them: docs/batch.md. Taught in notebook 10.
"""

import logging
import multiprocessing
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext, suppress
from functools import partial
from itertools import zip_longest
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from emoface_lib.core.checkpoints import commit
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json, write_json
from emoface_lib.core.locks import claim
from emoface_lib.core.parallel import CORES, GUESS, cores, fitting
from emoface_lib.core.ray_engine import cluster, each_by_ray
from emoface_lib.core.settings import nearest
from emoface_lib.runs import collect
from emoface_lib.runs.collect import FAILURE, LOCK, RESULT, outcome, status
from emoface_lib.runs.notebooks import NotebookError, read_source
from emoface_lib.runs.reproduce import Step, versions
from emoface_lib.runs.sweep import Sweep
from emoface_lib.runs.sweep_plans import Plan, code_hash, plan_runs

ENGINES = ("local", "ray")
LOOK = 0.5  # s between two looks at the memory and the time of a run
LOG = "log.txt"
# `start` looks whether other processes have ended; of two threads that look at one at
# once, the second takes it for lost
ONE = threading.Lock()
KERNEL_OF = "EMOFACE_KERNEL_OF"  # in the environment of kernels: the run's folder
SHARES = "What it shares"
PREPARED = {"corpus", "audio", "features", "expression"}  # left by notebooks 01 to 03
OWN = {"notebooks", "figures", "jupyter"}  # never linked


def run_sweep(
    sweep: Sweep, store: Path, workers: int | None = None, engine: str = "local"
) -> pd.DataFrame:
    """Carry out what is not done of a sweep, and return its `status`; as `run_plans`.

    Raises InputError, before anything starts, if the sweep is wrong, too.
    """
    plans = plan_runs(sweep)
    for _ in run_plans(plans, store, workers, engine):
        pass
    return status(plans, store)


def run_plans(
    plans: Sequence[Plan],
    store: Path,
    workers: int | None = None,
    engine: str = "local",
) -> Iterator[Plan]:
    """Carry out what is not done, and give each plan as its run ends, in any order.

    store : folder of the runs; workers : runs at a time, by default as cores and memory
    allow. What failed is tried again. A run that fails does not end the others. Raises
    InputError if there is no such engine.
    """
    if engine not in ENGINES:
        raise InputError(f"There is no engine {engine!r}; {nearest(engine, ENGINES)}")
    store = store.resolve()
    memory = max((plan.memory or GUESS for plan in plans), default=GUESS)
    todo = [plan for plan in plans if outcome(store / plan.key)[0] != "done"]
    # what runs share, each once, what needs nothing first; at last the runs
    levels = [*zip_longest(*(plan.before for plan in todo)), todo]
    with cluster(workers) if engine == "ray" else nullcontext():
        for level in levels:
            once = {plan.key: plan for plan in level if plan}
            now = [p for key, p in once.items() if outcome(store / key)[0] != "done"]
            for plan in now:  # it is tried again
                (store / plan.key / FAILURE).unlink(missing_ok=True)
            yield from _ended(now, store, engine, workers, memory)


def _ended(
    plans: Sequence[Plan], store: Path, engine: str, workers: int | None, memory: float
) -> Iterator[Plan]:
    """Plans as their runs end, in any order; those at work at once share the cores."""
    if engine == "ray":
        run = partial(attempt, store=store)
        lost = partial(fail, store=store, problem="The worker that was at it died.")
        yield from (plan for plan, _ in each_by_ray(run, plans, workers, "runs", lost))
        return
    count = min(workers or fitting(memory), max(1, len(plans)))
    share = max(1, cores() // count)
    with ThreadPoolExecutor(count) as pool:  # a thread waits for each process
        waited = {pool.submit(attempt, plan, store, share): plan for plan in plans}
        try:
            for ended in as_completed(waited):
                ended.result()  # raises what `attempt` does
                yield waited[ended]
        finally:
            pool.shutdown(cancel_futures=True)


def attempt(plan: Plan, store: Path, share: int = 1) -> None:
    """Carry a run out in a process of its own, unless it is done or another is at it.

    share : cores that it may use. Whatever happens there, this returns; `outcome` then
    says what became of it. Raises OSError if the run's folder can't be written.
    """
    folder = store / plan.key
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LOCK, LOG):
        (folder / name).open("ab").close()
    # such processes start in milliseconds, from one that has imported all this
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__, "papermill"])
    process = context.Process(target=_carry_out, args=(plan, store, share))
    with ONE:
        process.start()
    wait([process.sentinel])
    with ONE:
        process.join()
    code = process.exitcode or 0
    if code > 0:  # it could not say why: on a full disk nor can this, which raises
        fail(plan, store, f"The process ended in an error: see {LOG}.")
    elif code and -code not in (signal.SIGINT, signal.SIGTERM):
        name = signal.Signals(-code).name
        problem = f"The process was ended by {name}, as it is when memory runs out."
        fail(plan, store, problem)


def fail(plan: Plan, store: Path, problem: str) -> None:
    """Write down why a run failed; the first reason stands."""
    path = store / plan.key / FAILURE
    if not path.exists():
        write_json(path, {"problem": problem})


def _carry_out(plan: Plan, store: Path, share: int) -> None:
    """What the process does."""
    folder = store / plan.key
    with (folder / LOCK).open("ab") as lock, (folder / LOG).open("ab") as log:
        if not claim(lock, plan.is_shared) or (folder / RESULT).exists():
            return
        for output in (1, 2):  # this process and its kernels write there
            os.dup2(log.fileno(), output)
        logging.basicConfig(level="INFO", format="%(asctime)s %(message)s", force=True)
        begin, peak = time.monotonic(), [0.0]
        threading.Thread(target=_watch, args=(plan, store, peak), daemon=True).start()
        try:
            result = _run(plan, store, share)
            seconds = round(time.monotonic() - begin, 2)
            spent = {"seconds_in_all": seconds, "peak_memory_mb": round(peak[0])}
            write_json(folder / RESULT, {**result, **spent})
        except Exception as error:
            logging.error("%s", error, exc_info=not isinstance(error, InputError))
            fail(plan, store, str(error) or type(error).__name__)
        except KeyboardInterrupt:
            logging.error("interrupted")


def _watch(plan: Plan, store: Path, peak: list[float]) -> None:
    """End this process and its kernels past a limit, or when its parent is gone.

    peak : the most MB that all of them had at once, as seen twice a second.
    """
    me, parent = psutil.Process(), multiprocessing.parent_process()
    minutes, memory = plan.minutes, plan.memory
    begin, problem = time.monotonic(), ""
    while not problem and (parent is None or parent.is_alive()):
        time.sleep(LOOK)
        with suppress(psutil.Error):  # one of them has just ended
            family = [me, *me.children(recursive=True)]
            used = sum(one.memory_info().rss for one in family) / 1e6
            peak[0] = max(peak[0], used)
        if minutes and time.monotonic() - begin > 60 * minutes:
            problem = f"The run took longer than {minutes:g} minutes and was ended."
        if memory and peak[0] > 1000 * memory:
            problem = f"The run needed more than {memory:g} GB of memory and was ended."
    if problem:
        fail(plan, store, problem)
    try:
        _end_kernels(store / plan.key)
    finally:
        os._exit(1)


def _end_kernels(folder: Path) -> None:
    """End the kernels of a run, also of one that was killed, with all they started."""
    for process in psutil.process_iter(["environ"]):
        if (process.info["environ"] or {}).get(KERNEL_OF) == str(folder):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _run(plan: Plan, store: Path, share: int) -> dict[str, Any]:
    """Run the notebooks that are not up to date, and say what came of it."""
    folder = store / plan.key
    about = {
        "key": plan.key,
        "cell": plan.cell,
        "code": plan.code,
        "commit": commit(),
        "versions": versions(),
        "machine": platform.node(),
        "started": round(time.time(), 1),
        "notebooks": [one.path.stem for one in plan.notebooks],
        "parameters": dict(plan.given),
        "shared": plan.shared.key if plan.shared else None,
    }
    _end_kernels(folder)
    place = _link(plan, store)
    os.environ |= {"EMOFACE_RUNS": str(folder), CORES: str(share)}
    os.environ[KERNEL_OF] = str(folder)
    given = {**plan.given}
    if given.get("corpus"):
        given["corpus"] = place.name
    before = [one.path for shared in plan.before for one in shared.notebooks]
    seconds: dict[str, float] = {}
    for one in plan.notebooks:
        write_json(folder / collect.RUN, {**about, "notebook": one.path.stem})
        step = Step(one, before, place, given)
        logging.info("%s: %s", one.path.stem, step.run())
        seconds[one.path.stem] = read_json(step.state)["seconds"]
        before.append(one.path)
    now = tuple(read_source(one.path) for one in plan.notebooks)
    if now != plan.notebooks or plan.code != code_hash():
        raise InputError("The code was changed while this ran: run the sweep again.")
    for name in (*plan.outputs, *plan.results):
        if not (place / name).exists():
            raise NotebookError(f"The run ended without leaving {place / name}.")
    numbers = [row for name in plan.results for row in collect.numbers(place, name)]
    total = round(sum(seconds.values()), 1)
    return {**about, "numbers": numbers, "seconds": total, "seconds_of": seconds}


def _link(plan: Plan, store: Path) -> Path:
    """Link what was made before into the run's place, and nothing that it makes.

    Returns that place, where notebooks work. Raises NotebookError if what it shares has
    failed.
    """
    place = store / plan.key / plan.name
    source, links = plan.base or Path(), PREPARED if plan.base else set()
    if plan.shared:
        folder = store / plan.shared.key
        state, why, _ = outcome(folder)  # why : perhaps of what this shares itself
        if state != "done":
            named = f"{SHARES}, {folder.name}, failed: {why}"
            raise NotebookError(why if why.startswith(SHARES) else named)
        source = folder / plan.name
        links = {path.name for path in source.iterdir() if path.is_dir()} - OWN
        links |= {f"notebooks/{path.name}" for path in source.glob("notebooks/*.json")}
    (place / "notebooks").mkdir(parents=True, exist_ok=True)
    for name in links:
        if (source / name).exists() and not (place / name).is_symlink():
            (place / name).symlink_to((source / name).resolve())
    return place

"""Many runs of the notebooks: started, limited, monitored, and never done twice.

A sweep (`sweep.py`) says which; each run (`batch_run.py`) has a folder in a store, and
the folders alone say what is done. So whatever ends a batch, and wherever it is started
again, it goes on. Taught in notebook 10.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from emoface_lib.core.checkpoints import commit
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json
from emoface_lib.core.parallel import cores
from emoface_lib.core.settings import nearest, runs_folder
from emoface_lib.runs.batch_run import (
    FAILURE,
    RUN,
    Job,
    attempt,
    clear_failure,
    fail,
    state_of,
)
from emoface_lib.runs.collect import RESULT
from emoface_lib.runs.sweep import Sweep
from emoface_lib.runs.sweep_plans import Plan, plan_runs

ENGINES = ("local", "ray")
GUESS = 2.0  # GB that a run is taken to need, unless the sweep says it
FRAME = 6  # lines of a terminal that are not runs: the table's head and edges, a sum
SHOWN = 40  # runs in a table; of more, only those that are at work or have failed
SHARES = "What it shares"
STATES = ("done", "running", "failed", "interrupted", "waiting")


def default_store() -> Path:
    """The folder in which the runs of all sweeps lie, each once."""
    return runs_folder() / "batch"


def run_sweep(
    sweep: Sweep,
    store: Path | None = None,
    *,
    workers: int | None = None,
    engine: str = "local",
    shard: tuple[int, int] = (1, 1),
    show: bool = False,
) -> pd.DataFrame:
    """Carry out what is not done of a sweep, and return its `status`.

    store : folder of the runs, see `default_store`; workers : runs at a time, by
    default as cores and memory allow; shard : (i, n), every n-th run; show : a live
    table, or a line a run where there is no terminal. What failed is tried again. A run
    that fails does not end the others. Raises InputError, before anything starts, if
    the sweep is wrong.
    """
    store = (store or default_store()).resolve()
    plans = plan_runs(sweep)[shard[0] - 1 :: shard[1]]
    make = partial(Job, store=store, commit=commit())
    todo = [job for job in map(make, plans) if state_of(job.folder) != "done"]
    with (
        _engine(engine, workers, sweep) as each,
        _watched(plans, store) if show else nullcontext(),
    ):
        for level in _levels([job.plan for job in todo]):
            each([job for job in map(make, level) if _can_start(job)])
    return status(plans, store)


def _levels(plans: Sequence[Plan]) -> Iterator[list[Plan]]:
    """What runs share, each once: what needs nothing first; at last the runs."""
    for depth in range(max((len(plan.before) for plan in plans), default=0)):
        these = [plan.before[depth] for plan in plans if len(plan.before) > depth]
        yield list({plan.key: plan for plan in these}.values())
    yield list(plans)


def _can_start(job: Job) -> bool:
    """Whether a run is ready; it is marked as failed if a dependency has failed."""
    if state_of(job.folder) == "done":
        return False
    clear_failure(job)
    needed = job.store / job.plan.shared.key if job.plan.shared else None
    if needed is None or state_of(needed) == "done":
        return True
    job.folder.mkdir(parents=True, exist_ok=True)
    why = _note(needed, "failed")
    further = why.startswith(SHARES)  # it failed by what it shares itself
    fail(job, why if further else f"{SHARES}, {needed.name}, failed: {why}")
    return False


def room(sweep: Sweep) -> int:
    """How many runs this machine takes at a time, by its cores and its free memory."""
    free = psutil.virtual_memory().available / 1e9
    fitting = int(free / (sweep.memory or GUESS))
    return max(1, min(cores(), fitting))


@contextmanager
def _engine(
    engine: str, workers: int | None, sweep: Sweep
) -> Iterator[Callable[[Sequence[Job]], None]]:
    """What carries out jobs, all of them, before it returns."""
    if engine not in ENGINES:
        raise InputError(f"There is no engine {engine!r}; {nearest(engine, ENGINES)}")
    if engine == "local":
        yield partial(_here, workers=workers or room(sweep))
        return
    from emoface_lib.core.ray_engine import cluster  # Ray is an extra

    with cluster(workers):
        yield partial(_by_ray, workers=workers)


def _here(jobs: Sequence[Job], workers: int) -> None:
    """A thread waits for each process; runs at the same time share the cores."""
    share = max(1, cores() // min(workers, len(jobs) or 1))
    shared = [replace(job, cores=share) for job in jobs]
    with ThreadPoolExecutor(workers) as pool:
        try:
            for ended in as_completed([pool.submit(attempt, job) for job in shared]):
                ended.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _by_ray(jobs: Sequence[Job], workers: int | None) -> None:
    from emoface_lib.core.ray_engine import each_by_ray

    for _ in each_by_ray(attempt, jobs, workers, "runs", _lost):
        pass


def _lost(job: Job) -> None:
    fail(job, "The worker of the cluster that was at it died, twice.")


def status(plans: Sequence[Plan], store: Path) -> pd.DataFrame:
    """What has become of runs, and before them of what they share, one row each.

    Columns run, notebooks, parameters (those that differ), state, seconds, memory (MB),
    note (the notebook at work, or why the run failed).
    """
    shared = {one.key: one for plan in plans for one in plan.before}
    several = _varied(plans)
    rows = [_row(plan, store / plan.key, {}) for plan in shared.values()]
    for plan in plans:
        shown = {name: plan.given[name] for name in several if name in plan.given}
        rows.append(_row(plan, store / plan.key, shown))
    return pd.DataFrame(rows)


def _varied(plans: Sequence[Plan]) -> list[str]:
    """Names of the parameters that are not the same in all runs, and the seed."""
    names = {name: None for plan in plans for name in plan.given}
    values = {n: {repr(plan.given.get(n)) for plan in plans} for n in names}
    return [name for name in names if len(values[name]) > 1 or name == "seed"]


def _row(plan: Plan, folder: Path, shown: dict[str, Any]) -> dict[str, Any]:
    state = state_of(folder)
    result = read_json(folder / RESULT) if state == "done" else {}
    return {
        "run": plan.key,
        "notebooks": " ".join(one.path.stem[:2] for one in plan.notebooks),
        "parameters": " ".join(f"{name}={value}" for name, value in shown.items()),
        "state": state,
        "seconds": result.get("seconds_in_all"),
        "memory": result.get("peak_memory_mb"),
        "note": _note(folder, state),
    }


def _note(folder: Path, state: str) -> str:
    try:
        if state == "failed":
            return read_json(folder / FAILURE)["problem"]
        return read_json(folder / RUN)["notebook"] if state == "running" else ""
    except OSError:  # it has just begun
        return ""


def summary(table: pd.DataFrame) -> str:
    """One line: how many runs are done, running, failed, waiting; minutes left."""
    counts = table["state"].value_counts()
    text = ", ".join(f"{counts[s]} {s}" for s in STATES if s in counts)
    todo = table["state"].isin(["interrupted", "waiting"]).sum()
    running = counts.get("running", 0)
    if running and "done" in counts:
        left = table["seconds"].mean() * (todo + running / 2) / running
        text += f"; about {left / 60:.1f} minutes left"
    return text


def readable(table: pd.DataFrame, rows: int = SHOWN, live: bool = False) -> Group:
    """A table of runs for a terminal: of many, those at work and those that failed.

    rows : how many there is room for; live : keep each of them to a line.
    """
    at_work = table["state"].isin(["running", "failed", "interrupted"])
    chosen = table if len(table) <= rows else table[at_work]
    shown = Table("run", "notebooks", "parameters", "state", "s", "MB", expand=live)
    for column in shown.columns:
        column.no_wrap = live
    shown.add_column("note", no_wrap=live, ratio=1 if live else None)  # what is left
    for row in chosen.head(rows).to_dict("records"):
        cells = [row[name] for name in ("run", "notebooks", "parameters", "state")]
        spent = [row["seconds"], row["memory"]]
        cells += ["" if pd.isna(value) else f"{value:.0f}" for value in spent]
        shown.add_row(*cells, row["note"], style=COLOURS.get(row["state"]))
    return Group(shown, summary(table))


COLOURS = {"failed": "red", "running": "yellow", "done": "green"}


@contextmanager
def _watched(plans: Sequence[Plan], store: Path) -> Iterator[None]:
    """Show how the runs go on: a live table, or lines where there is no terminal."""
    if sys.stdout.isatty():
        with _live(plans, store):
            yield
        return
    table = status(plans, store)
    reported = set(table["run"][table["state"] == "done"])
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(plans, store, reported, over))
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _live(plans: Sequence[Plan], store: Path) -> Live:
    """A table that follows the runs, as many of them as the terminal has room for."""
    console = Console()

    def now() -> Group:
        return readable(status(plans, store), console.height - FRAME, live=True)

    return Live(console=console, get_renderable=now, refresh_per_second=1)


def _tell(
    plans: Sequence[Plan], store: Path, reported: set[str], over: threading.Event
) -> None:
    """Print a line for each run that ends, until all is over."""
    while True:
        last = over.wait(1.0)
        table = status(plans, store)
        for row in _news(table, reported):
            print(row.run, row.parameters or row.notebooks, row.state, row.note)
        if last:
            print(summary(table), flush=True)
            return


def _news(table: pd.DataFrame, reported: set[str]) -> list[Any]:
    """Rows of runs that ended and were not reported yet; marks them as reported."""
    ended = table[
        table["state"].isin(["done", "failed"]) & ~table["run"].isin(reported)
    ]
    reported.update(ended["run"])
    return list(ended.itertuples(index=False))


def watch(plans: Sequence[Plan], store: Path) -> None:
    """Show the live table until nothing is running, of runs started elsewhere."""
    with _live(plans, store):
        while (status(plans, store)["state"] == "running").any():
            time.sleep(1)

"""Measure batches: what a run costs beyond its cells, processes, kills, many runs.

python benchmarks/batch.py [--only NAME] [--runs 24] [--kills 10] [--many 500]
                           [--base FOLDER]

Runs are notebook 04 in the smoke profile, of 10 steps, on a corpus that is prepared
first (or lies in FOLDER). Kills and many runs are of a small notebook of its own. What
Ray does when a worker is killed is measured in the environment of `make test-ray`:

PYTHONPATH=. .venv/ray/bin/python benchmarks/batch.py --only ray
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import numpy as np
import psutil
from nbformat.v4 import new_code_cell, new_notebook
from results import enter

from emoface_lib.core.files import read_json, write_json
from emoface_lib.core.parallel import CORES
from emoface_lib.runs.batch import run_sweep, status
from emoface_lib.runs.collect import RESULT, collect
from emoface_lib.runs.notebooks import read_notebook
from emoface_lib.runs.reproduce import reproduce
from emoface_lib.runs.sweep import Sweep, make_sweep, read_sweep
from emoface_lib.runs.sweep_plans import Plan, plan_runs

TOPIC = "batch"
SMALL = """import time
from pathlib import Path
import numpy as np
import pandas as pd
time.sleep(0.5)
value = np.random.default_rng(seed).normal()
Path("../out").mkdir(exist_ok=True)
rows = pd.DataFrame({"metric": ["x"], "protocol": "normal", "value": value})
rows.to_parquet("../out/results.parquet")"""


def main() -> None:
    """Measure everything, or what --only names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--many", type=int, default=500)
    parser.add_argument("--base", type=Path, help="a run with notebooks 01 to 03")
    parser.add_argument("--only", choices=["processes", "kills", "many", "ray"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, measure in {
            "processes": lambda: processes(root, given.runs, given.base),
            "kills": lambda: kills(root / "kills", given.kills),
            "many": lambda: many(root / "many", given.many),
        }.items():
            if given.only in (None, name):
                measure()
        if given.only == "ray":  # which is not in the environment of the others
            by_ray(root / "ray", given.kills)


def load() -> str:
    """How busy the machine was, for the column `how`."""
    return f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores"


def processes(root: Path, runs: int, base: Path | None) -> None:
    """Smoke runs one after the other, and two at a time."""
    if base is None:
        os.environ["EMOFACE_RUNS"] = str(root / "prepared")
        reproduce("smoke", only=["00", "01", "02", "03"])
        base = root / "prepared" / "smoke"
    small = {"content_steps": 10, "audio_only_speakers": 2}
    sweep = make_sweep(
        profile="smoke", base=str(base), notebooks=4, parameters=small, seeds=runs
    )
    seconds = {}
    for workers in (1, 2):
        os.environ[CORES] = str(workers)  # one for each process
        start = time.perf_counter()
        table = run_sweep(sweep, root / f"store_{workers}", workers=workers)
        seconds[workers] = time.perf_counter() - start
        if not (table["state"] == "done").all():
            raise SystemExit(f"Not every run is done:\n{table}")
    beyond = np.median(overheads(sweep, root / "store_1"))
    how = (
        f"benchmarks/batch.py --only processes: {runs} runs of notebook 04, smoke, "
        f"{seconds[1]:.0f} s by one process and {seconds[2]:.0f} s by two; {load()}"
    )
    name = "seconds of a run beyond its cells, median"
    enter(TOPIC, name, float(beyond), "s", "<= 3", bool(beyond <= 3), how)
    gain = seconds[1] / seconds[2]
    name = "2 processes against 1"
    enter(TOPIC, name, gain, "x", ">= 1.7", gain >= 1.7, how)
    print(f"beyond cells: {beyond:.2f} s; 2 processes against 1: {gain:.2f}")


def overheads(sweep: Sweep, store: Path) -> list[float]:
    """Seconds of each run that are not those of its cells."""
    found = []
    for plan in plan_runs(sweep):
        folder = store / plan.key
        (path,) = folder.glob("*/notebooks/*.ipynb")
        cells = [cell.metadata.papermill for cell in read_notebook(path).cells]
        inside = sum(cell.duration or 0 for cell in cells)
        found.append(read_json(folder / RESULT)["seconds_in_all"] - inside)
    return found


def write_sweep(root: Path, seeds: int) -> Path:
    """A sweep of a small notebook that leaves one number a seed."""
    (root / "notebooks").mkdir(parents=True)
    given = new_code_cell('profile = "smoke"\nseed = 0')
    given.metadata.tags = ["parameters"]
    notebook = new_notebook(cells=[given, new_code_cell(SMALL)])
    nbformat.write(notebook, root / "notebooks" / "01_small.ipynb")
    path = root / "small.yml"
    path.write_text(
        "profile: smoke\nfolder: notebooks\nshared: []\nnotebooks: 01\n"
        f"results: out/results.parquet\nseeds: {seeds}\n"
    )
    return path


def command(path: Path, store: Path, what: str = "run") -> list[str]:
    """`emoface batch run` of a sweep."""
    code = "from emoface_lib.cli import main; main()"
    return [sys.executable, "-c", code, "batch", what, str(path), "--store", str(store)]


def kills(root: Path, count: int) -> None:
    """A sweep killed by -9 at random, until it is done, against one that was not."""
    path = write_sweep(root, count + 4)
    plans = plan_runs(read_sweep(path))
    run_sweep(read_sweep(path), root / "whole")
    dice, killed = random.Random(0), 0
    while killed < count:
        start = time.time()
        with subprocess.Popen(command(path, root / "cut")) as process:
            while process.poll() is None:
                if at_work_since(root / "cut", start):
                    time.sleep(dice.uniform(0, 3))
                    process.kill()
                    killed += 1
                    break
                time.sleep(0.05)
        if process.returncode == 0:
            break
    subprocess.run(command(path, root / "cut"), check=True)
    name = "results after kills by -9 that are the undisturbed ones"
    how = f"--only kills: {count + 4} small runs, killed {killed} times at random"
    enter_same(name, [root / "whole", root / "cut"], plans, killed == count, how)


def enter_same(
    name: str, stores: list[Path], plans: list[Plan], killed: bool, how: str
) -> None:
    """Enter how many results of two stores are the same."""
    costs = ["seconds", "peak_memory_mb", "commit"]
    tables = [collect(plans, store).drop(columns=costs) for store in stores]
    same = bool(tables[0].equals(tables[1])) and killed
    rows = int((tables[0] == tables[1]).all(axis=1).sum()) if len(tables[1]) else 0
    how = f"benchmarks/batch.py {how}; {load()}"
    enter(TOPIC, name, f"{rows} of {len(plans)}", "", "all", same, how)
    print(f"{how}: {rows} of {len(plans)} results are the same")


def by_ray(root: Path, count: int) -> None:
    """A sweep by two workers of Ray, one of them killed, against one undisturbed."""
    path, killed = write_sweep(root, count), []
    plans = plan_runs(read_sweep(path))
    run_sweep(read_sweep(path), root / "whole")
    given = root / "cut", killed
    threading.Thread(target=kill_a_worker, args=given, daemon=True).start()
    run_sweep(read_sweep(path), root / "cut", engine="ray", workers=2)
    name = "results by Ray after a worker was killed that are the undisturbed"
    how = f"--only ray: {count} small runs, two workers, {len(killed)} killed by -9"
    stores = [root / "whole", root / "cut"]
    enter_same(name, stores, plans, len(killed) == 1, how)


def kill_a_worker(store: Path, killed: list[int]) -> None:
    """Kill a worker that is at a run, after the first runs are done."""
    while not killed:
        time.sleep(0.05)
        if len(list(store.glob(f"*/{RESULT}"))) < 2:
            continue
        for process in psutil.Process().children(recursive=True):
            is_worker = "ray::Worker" in " ".join(process.cmdline()[:1])
            if is_worker and process.children() and not killed:
                killed.append(process.pid)
                process.kill()


def at_work_since(store: Path, start: float) -> bool:
    """Whether a run has begun."""
    return any(path.stat().st_mtime > start for path in store.glob("*/run.json"))


def many(root: Path, count: int) -> None:
    """Collect, status and going on, with many runs done; all but one are copies."""
    path, store = write_sweep(root, count + 1), root / "store"
    plans = plan_runs(read_sweep(path))
    first = read_sweep(path).model_copy(update={"seeds": (0,)})
    run_sweep(first, store)
    made = read_json(store / plans[0].key / RESULT)
    for plan in plans[1:count]:
        own = {"key": plan.key, "cell": plan.cell, "parameters": dict(plan.given)}
        write_json(store / plan.key / RESULT, {**made, **own})
        write_json(store / plan.key / "run.json", {**made, **own})
    how = f"benchmarks/batch.py --only many: {count} runs, copies of one; "
    start = time.perf_counter()
    table = status(plan_runs(read_sweep(path)), store)
    took = {"status": time.perf_counter() - start}
    assert (table["state"] == "done").sum() == count
    for what in ("status", "collect"):
        start = time.perf_counter()
        called = command(path, store, what)
        subprocess.run(called, check=True, stdout=subprocess.DEVNULL)
        took[f"{what}, the command"] = time.perf_counter() - start
    took["the first new run, the command"] = first_new(path, store)
    limits = {"status": 1.0, "status, the command": 1.0}
    for name, seconds in took.items():
        limit = limits.get(name, 5.0)
        what = f"{count} runs done: {name}"
        enter(
            TOPIC, what, seconds, "s", f"<= {limit:g}", seconds <= limit, how + load()
        )
        print(f"{what}: {seconds:.2f} s")


def first_new(path: Path, store: Path) -> float:
    """Seconds from the start of the command until a run is at work that was not."""
    before = len(list(store.glob("*/run.json")))
    start = time.perf_counter()
    with subprocess.Popen(command(path, store), stdout=subprocess.DEVNULL) as process:
        while len(list(store.glob("*/run.json"))) == before:
            if process.poll() is not None:
                raise SystemExit("The command ended without a new run.")
            time.sleep(0.02)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()

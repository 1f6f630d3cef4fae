"""A batch by Ray: two workers on this machine, one of them killed half-way.

Ray is an extra: `make test-ray` makes an environment with it and runs this.
"""

import os
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import psutil

from emoface_lib.runs.batch import run_sweep
from emoface_lib.runs.collect import collect
from emoface_lib.runs.sweep import read_sweep
from emoface_lib.runs.sweep_plans import plan_runs
from tests.runs.test_batch import SWEEP, write_sweep
from tests.runs.test_ray import needs_ray

GOOD = SWEEP.replace("[ok, fail, nothing]", "[ok]").replace("exclude", "# exclude")


def kill_a_worker(store: Path, killed: list[int]) -> None:
    """Kill a worker of Ray's that is at a run, once there are two runs."""
    while len(list(store.glob("*/run.json"))) < 3:  # one is what is shared
        time.sleep(0.05)
    for process in psutil.Process().children(recursive=True):
        is_worker = "ray::Worker" in " ".join(process.cmdline()[:1])
        if is_worker and process.children(recursive=True):
            killed.append(process.pid)
            os.kill(process.pid, signal.SIGKILL)
            return


@needs_ray
def test_a_worker_killed_half_way_changes_no_result(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path, GOOD))
    run_sweep(sweep, tmp_path / "once")
    killed: list[int] = []
    given = (tmp_path / "ray", killed)
    killer = threading.Thread(target=kill_a_worker, args=given, daemon=True)
    killer.start()
    table = run_sweep(sweep, tmp_path / "ray", engine="ray", workers=2)
    killer.join()
    assert killed
    assert set(table["state"]) == {"done"}
    plans = plan_runs(sweep)
    tables = [collect(plans, tmp_path / name) for name in ("once", "ray")]
    costs = ["seconds", "peak_memory_mb"]
    pd.testing.assert_frame_equal(*(one.drop(columns=costs) for one in tables))
    made = tmp_path / "ray" / plans[0].shared.key / "smoke" / "made" / "times"
    assert made.read_text() == "x"  # what is shared was made once

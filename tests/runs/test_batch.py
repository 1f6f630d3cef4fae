"""Batch runs: each once, in a folder of its own; what fails or is killed is told."""

import errno
import fcntl
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import psutil
import pytest
from rich.console import Console
from typer.testing import CliRunner

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json, write_json
from emoface_lib.core.parallel import cores
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.evaluation.bootstrap import compare
from emoface_lib.evaluation.experiment import over_seeds
from emoface_lib.runs.batch import attempt, run_sweep
from emoface_lib.runs.cli import app
from emoface_lib.runs.collect import (
    FAILURE,
    FRAME,
    LOCK,
    RESULT,
    RUN,
    collect,
    numbers,
    outcome,
    readable,
    status,
    summary,
)
from emoface_lib.runs.notebooks import read_notebook
from emoface_lib.runs.sweep import Sweep, make_sweep, read_sweep
from emoface_lib.runs.sweep_plans import Plan, plan_runs
from tests.runs.test_reproduce import write_notebook

pytestmark = pytest.mark.slow

MAKE = "from pathlib import Path\nPath('../made').mkdir(exist_ok=True)"
COUNT = "with open('../made/times', 'a') as file:\n    file.write('x')"
READ = "times = open('../made/times').read()\nimport os, subprocess, time"
ACT = """if mode == "fail":
    raise ValueError("as asked")
if mode == "sleep":
    sleeper = subprocess.Popen(["sleep", "600"])
    open("pids", "w").write(f"{os.getpid()} {sleeper.pid}")
    time.sleep(600)"""
LEAVE = """import pandas as pd
from ipykernel import get_connection_info
os.makedirs("../out", exist_ok=True)
one = {"method": "a", "metric": "LMD", "protocol": "px", "clip": ["1", "2"]}
own = {"value": [scale * seed, scale * seed + 1], "seed": [seed, None]}
rows = pd.DataFrame({**one, **own})
if mode != "nothing":
    rows.to_parquet("../out/results.parquet")
print(times, os.getcwd(), os.environ["IPYTHONDIR"], os.environ["EMOFACE_CORES"])
print(get_connection_info(unpack=True)["transport"])"""
SWEEP = """
profile: smoke
folder: notebooks
shared: 01
notebooks: 02
grid: {scale: [1, 2.5], mode: [ok, fail, nothing]}
seeds: [1, 2]
exclude: [{mode: [fail, nothing], scale: 2.5}, {mode: [fail, nothing], seed: 2}]
results: out/results.parquet
"""
Swept = tuple[Sweep, Path, pd.DataFrame]


def write_sweep(root: Path, text: str = SWEEP) -> Path:
    """A sweep of two notebooks: the first makes something, the others read it."""
    folder = root / "notebooks"
    folder.mkdir()
    write_notebook(folder / "01_make.ipynb", 'profile = "smoke"', MAKE, COUNT)
    given = 'profile = "smoke"\nseed = 0\nscale = 1.0\nmode = "ok"'
    write_notebook(folder / "02_numbers.ipynb", given, READ, ACT, LEAVE)
    path = root / "small.yml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """A sweep that has been run once: four good runs, two that fail."""
    root = tmp_path_factory.mktemp("batch")
    sweep = read_sweep(write_sweep(root))
    return sweep, root / "store", run_sweep(sweep, root / "store", workers=2)


def chosen(swept: Swept, **given: Any) -> Plan:
    plans = plan_runs(swept[0])
    return next(p for p in plans if all(p.given[k] == v for k, v in given.items()))


def place(swept: Swept, **given: Any) -> Path:
    return swept[1] / chosen(swept, **given).key / "smoke"


def test_a_failing_run_does_not_end_the_others(swept: Swept) -> None:
    states = swept[2].set_index("parameters")["state"].to_dict()
    notes = "; ".join(swept[2]["note"])
    assert states == {
        "": "done",  # what is shared
        "scale=1 mode=ok seed=1": "done",
        "scale=1 mode=ok seed=2": "done",
        "scale=1 mode=fail seed=1": "failed",
        "scale=1 mode=nothing seed=1": "failed",
        "scale=2.5 mode=ok seed=1": "done",
        "scale=2.5 mode=ok seed=2": "done",
    }, notes
    assert summary(swept[2]) == "5 done, 2 failed"


def test_a_run_leaves_notebook_parameters_log_numbers_and_costs(swept: Swept) -> None:
    folder = place(swept, scale=2.5, seed=2).parent
    result = read_json(folder / RESULT)
    number = {"method": "a", "metric": "LMD", "protocol": "px", "value": 5.5}
    assert result["numbers"] == [{"table": "out/results.parquet", "clips": 2, **number}]
    given = {"profile": "smoke", "scale": 2.5, "mode": "ok", "seed": 2}
    assert result["parameters"] == given
    assert 50 < result["peak_memory_mb"] < 5_000
    assert 0 < result["seconds"] <= result["seconds_in_all"] < 600
    executed = read_notebook(folder / "smoke" / "notebooks" / "02_numbers.ipynb")
    assert "scale = 2.5" in executed.cells[1].source
    assert "Executing Cell" in (folder / "log.txt").read_text()


def test_a_kernel_works_in_own_folders_with_its_share_of_cores(swept: Swept) -> None:
    mine = place(swept, scale=2.5, seed=2)
    executed = read_notebook(mine / "notebooks" / "02_numbers.ipynb")
    text = executed.cells[-1].outputs[0].text
    _, working, ipython, share, transport = text.split()
    assert working == str(mine / "notebooks")
    assert ipython == str(mine / "jupyter" / "ipython")
    assert int(share) == max(1, cores() // 2)  # two at a time
    assert transport == "ipc"  # no port, which another may take meanwhile


def test_what_runs_share_is_made_once_and_linked(swept: Swept) -> None:
    made = [place(swept, scale=scale, seed=1) / "made" for scale in (1, 2.5)]
    assert all(path.is_symlink() for path in made)
    assert made[0].resolve() == made[1].resolve()
    assert (made[0] / "times").read_text() == "x"
    assert not (place(swept, scale=1, seed=1) / "out").is_symlink()


def test_a_failing_cell_leaves_the_notebook_with_the_error(swept: Swept) -> None:
    (note,) = swept[2]["note"][swept[2]["parameters"].str.contains("mode=fail")]
    assert "02_numbers failed in cell [4] with ValueError: as asked" in note
    executed = read_notebook(place(swept, mode="fail") / "notebooks/02_numbers.ipynb")
    errors = [o for c in executed.cells for o in c.get("outputs", []) if "ename" in o]
    assert [error.ename for error in errors] == ["ValueError"]


def test_a_run_without_the_outputs_it_declares_has_failed(swept: Swept) -> None:
    (note,) = swept[2]["note"][swept[2]["parameters"].str.contains("mode=nothing")]
    assert "ended without leaving" in note
    assert "out/results.parquet" in note


def test_collect_has_every_number_with_what_it_depends_on(swept: Swept) -> None:
    table = collect(plan_runs(swept[0]), swept[1])
    assert len(table) == 4
    expected = table["scale"] * table["seed"] + 0.5
    np.testing.assert_allclose(table["value"], expected)
    assert set(table["protocol"]) == {"px"}
    assert table["versions"].str.contains("torch").all()
    assert table[["run", "commit", "code", "profile", "seconds"]].notna().all(axis=None)


def test_collect_has_every_clip_with_its_speaker_if_asked(swept: Swept) -> None:
    table = collect(plan_runs(swept[0]), swept[1], clips=True)
    assert len(table) == 4 * 2
    assert table["seed"].tolist() == [1, 1, 2, 2] * 2  # the table lacks one in places
    least = table["scale"] * table["seed"]
    np.testing.assert_allclose(table["value"], least + (table["clip"] == "2"))
    told = table[["run", "commit", "profile", "seconds", "table"]]
    assert told.notna().all(axis=None)


def collected(folder: Path, profile: str = "smoke") -> Settings:
    """Settings of a run that takes collected tables from a folder with one of them."""
    rows = {"study": ["collapse", "collapse", "other"], "seed": [0, 1, 1]}
    table = pd.DataFrame({**rows, "value": 1.0, "profile": profile})
    folder.mkdir()
    table.to_parquet(folder / "collapse.parquet")
    return load_settings("smoke", collected=str(folder))


def test_a_study_is_over_the_seeds_of_its_sweep_where_they_were_collected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = pd.DataFrame({"study": ["collapse"], "value": [2.0]})
    settings = collected(tmp_path / "sweeps")
    assert over_seeds(own, "collapse", settings)["seed"].tolist() == [0, 1]
    assert capsys.readouterr().out == ""
    assert over_seeds(own, "ablations", settings) is own
    output = capsys.readouterr().out
    assert "This is one seed" in output
    assert "emoface batch collect --clips sweeps/ablations.yml" in output
    assert over_seeds(own, "collapse", load_settings("smoke")) is own
    other = collected(tmp_path / "other", "full")
    with pytest.raises(InputError, match="nothing of 'collapse' in profile 'smoke'"):
        over_seeds(own, "collapse", other)


def test_two_parts_of_a_sweep_are_compared_pair_by_pair(swept: Swept) -> None:
    table = collect(plan_runs(swept[0]), swept[1])
    wide, narrow = table[table["scale"] > 1], table[table["scale"] == 1]
    (row,) = compare(wide, narrow, np.random.default_rng(0)).to_dict("records")
    assert row["mean"] == pytest.approx(1.5 * (1 + 2) / 2)
    assert (row["low"], row["high"]) == pytest.approx((1.5, 3.0))
    assert row["pairs"] == 2
    with pytest.raises(InputError, match="Several rows have the same"):
        compare(table, narrow, np.random.default_rng(0))
    single = compare(wide[:1], narrow[:1], np.random.default_rng(0))
    assert single[["low", "high"]].isna().all(axis=None)


def test_done_is_not_done_again_and_failed_is_tried_again(swept: Swept) -> None:
    def times() -> dict[str, int]:
        return {p.parent.name: p.stat().st_mtime_ns for p in swept[1].glob("*/*.json")}

    failures = {p: p.stat().st_mtime_ns for p in swept[1].glob("*/failure.json")}
    results = {p: p.stat().st_mtime_ns for p in swept[1].glob(f"*/{RESULT}")}
    path, store = str(swept[1].parent / "small.yml"), str(swept[1])
    output = CliRunner().invoke(app, ["batch", "run", path, "--store", store])
    assert output.exit_code == 1
    assert f"Why runs failed: emoface batch status {path}" in output.output
    assert "scale=1 mode=fail seed=1 failed Notebook 02_numbers" in output.output
    assert "5 done, 2 failed" in output.output
    assert len(failures) == 2
    assert all(path.stat().st_mtime_ns > then for path, then in failures.items())
    assert all(path.stat().st_mtime_ns == then for path, then in results.items())


def test_a_live_table_has_room_in_its_terminal() -> None:
    states = ["done"] * 30 + ["failed", "running"] + ["waiting"] * 30
    told = {"notebooks": "05", "parameters": "seed=1", "note": "why it failed " * 20}
    costs = {"seconds": 4.0, "memory": np.nan}
    table = pd.DataFrame({"run": "0123456789ab", "state": states, **told, **costs})
    screen = Console(width=80, height=24, file=StringIO())
    screen.print(readable(table, screen.height - FRAME))
    lines = screen.file.getvalue().splitlines()
    assert len(lines) == 7  # a head, two edges, two runs, and the sum
    assert max(map(len, lines)) <= 80
    assert "failed" in lines[3]
    assert lines[-1].startswith("30 done, 1 running, 1 failed, 30 waiting; about")
    screen.print(readable(table.head(18), screen.height - FRAME))
    assert len(screen.file.getvalue().splitlines()) - 7 <= 24


def test_commands(swept: Swept) -> None:
    path = str(swept[1].parent / "small.yml")
    store = ["--store", str(swept[1])]
    output = CliRunner().invoke(app, ["batch", "status", path, *store])
    assert "5 done, 2 failed" in output.output
    out = swept[1].parent / "all.parquet"
    output = CliRunner().invoke(app, ["batch", "collect", path, *store, "-o", str(out)])
    assert f"{out}: 4 numbers of 4 of 6 runs" in output.output
    assert len(pd.read_parquet(out)) == 4
    other = ["--store", str(swept[1].parent / "other")]
    output = CliRunner().invoke(app, ["batch", "run", path, "--dry-run", *other])
    assert "7 waiting" in output.output
    assert not Path(other[1]).exists()
    output = CliRunner().invoke(app, ["batch", "collect", path, *other])
    assert output.exit_code == 2
    assert "No run of this sweep is done" in output.output


def test_failing_shared_notebooks_fail_what_needs_them(tmp_path: Path) -> None:
    path = write_sweep(tmp_path, SWEEP.replace("shared: 01", "shared: [00, 01]"))
    broken = tmp_path / "notebooks" / "00_broken.ipynb"
    write_notebook(broken, 'profile = "smoke"', "1 / 0")
    table = run_sweep(read_sweep(path), tmp_path / "store")
    assert set(table["state"]) == {"failed"}
    assert table["note"].str.contains("ZeroDivisionError").all()
    assert table["note"].str.count("What it shares").tolist() == [0] + [1] * 7


def test_a_run_of_another_process_is_left_to_it(swept: Swept, tmp_path: Path) -> None:
    plan = plan_runs(swept[0])[0]
    folder = tmp_path / plan.key
    folder.mkdir()
    with (folder / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert outcome(folder)[0] == "running"
        attempt(plan, tmp_path)
    assert outcome(folder)[0] == "waiting"


def test_a_file_system_without_locks_is_told_of_and_other_errors_are_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lock").touch()

    def refuse(number: int) -> None:
        def flock(*_: Any) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(fcntl, "flock", flock)

    refuse(errno.ENOLCK)
    with pytest.warns(RuntimeWarning, match="lock lies on a file system without locks"):
        assert outcome(tmp_path)[0] == "waiting"
    refuse(errno.EIO)
    with pytest.raises(OSError, match="no"):
        outcome(tmp_path)


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
    return found


def processes_of(store: Path) -> list[psutil.Process]:
    """The kernel and the sleeper of a sleeping run."""
    texts = [path.read_text().split() for path in store.glob("*/smoke/notebooks/pids")]
    numbers = [int(number) for text in texts if len(text) == 2 for number in text]
    return [psutil.Process(n) for n in numbers if psutil.pid_exists(n)]


def test_time_out_ends_the_kernel_with_all_it_started(tmp_path: Path) -> None:
    text = SWEEP.partition("grid:")[0] + "parameters: {mode: sleep}\nminutes: 0.2\n"
    sweep = read_sweep(write_sweep(tmp_path, text.replace("shared: 01", "shared: []")))
    notebook = tmp_path / "notebooks" / "02_numbers.ipynb"
    given = 'profile = "smoke"\nmode = "ok"'
    write_notebook(notebook, given, "import os, subprocess, time", ACT)
    (row,) = run_sweep(sweep, tmp_path / "store").to_dict("records")
    assert row["state"] == "failed"
    assert row["note"] == "The run took longer than 0.2 minutes and was ended."
    assert list((tmp_path / "store").glob("*/smoke/notebooks/pids"))
    wait_for(lambda: not processes_of(tmp_path / "store"), 10)


def test_memory_beyond_its_limit_ends_a_run(tmp_path: Path) -> None:
    text = SWEEP.partition("grid:")[0] + "parameters: {mode: sleep}\nmemory: 0.05\n"
    sweep = read_sweep(write_sweep(tmp_path, text.replace("shared: 01", "shared: []")))
    table = run_sweep(sweep, tmp_path / "store")
    assert table["state"].tolist() == ["failed"]
    assert (
        table["note"][0] == "The run needed more than 0.05 GB of memory and was ended."
    )
    wait_for(lambda: not processes_of(tmp_path / "store"), 10)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    path = write_sweep(tmp_path)
    store = ["--store", str(tmp_path / "store"), "--workers", "2"]
    return [sys.executable, "-m", "emoface_lib", "batch", "run", str(path), *store]


def test_killed_at_any_moment_it_goes_on_with_the_same_results(
    swept: Swept, tmp_path: Path, command: list[str]
) -> None:
    good = SWEEP.replace("[ok, fail, nothing]", "[ok]").replace("exclude", "# exclude")
    (tmp_path / "small.yml").write_text(good.replace("seeds: [1, 2]", "seeds: [1]"))
    store = tmp_path / "store"
    for pattern in ("*/run.json", f"*/{RESULT}"):
        before = set(store.glob(pattern))
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            wait_for(lambda p=pattern, b=before: set(store.glob(p)) - b)
            process.kill()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    sweep = read_sweep(tmp_path / "small.yml")
    plans = plan_runs(sweep)
    again, once = collect(plans, store), collect(plans, swept[1])
    own = ["method", "metric", "protocol", "value", "clips", "scale", "seed", "mode"]
    pd.testing.assert_frame_equal(again[own], once[own])
    assert (store / plans[0].shared.key / "smoke/made/times").exists()


def test_a_place_that_cant_be_written_is_told(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path))
    (tmp_path / "store" / plan_runs(sweep)[0].before[0].key / LOCK).mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        run_sweep(sweep, tmp_path / "store")


def test_a_full_disk_fails_runs_and_is_told(command: list[str]) -> None:
    full = ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", *command]
    ended = subprocess.run(full, capture_output=True, text=True, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert "File too large" in ended.stdout


def test_a_process_that_ends_without_a_word_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plan,) = plan_runs(make_sweep(profile="smoke", notebooks=4))
    context = MagicMock()
    context.Process.return_value.exitcode = 1  # as on a disk that holds nothing more
    monkeypatch.setattr("multiprocessing.get_context", lambda _: context)
    monkeypatch.setattr("emoface_lib.runs.batch.wait", lambda _: None)
    attempt(plan, tmp_path)
    assert outcome(tmp_path / plan.key)[0] == "failed"
    assert read_json(tmp_path / plan.key / FAILURE)["problem"].endswith("see log.txt.")


def test_processes_that_end_at_once_are_told_apart(tmp_path: Path) -> None:
    (plan,) = plan_runs(make_sweep(profile="smoke", notebooks=4))
    (folder := tmp_path / plan.key).mkdir()
    write_json(folder / RESULT, {})  # so that there is nothing to do
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: attempt(plan, tmp_path), range(60)))
    assert not (folder / FAILURE).exists()


def test_tables_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    rows = {"metric": "ES", "protocol": "rendered", "speakers": [4, 8], "seed": 3}
    pd.DataFrame({**rows, "value": [np.nan, 0.5]}).to_parquet(path)
    none, half = numbers(tmp_path, path.name)
    assert (none["speakers"], none["value"], none["clips"]) == (4, None, 0)
    assert (half["speakers"], half["value"], half["clips"]) == (8, 0.5, 1)
    assert "seed" not in half
    pd.DataFrame({"metric": ["ES"], "value": [1.0]}).to_parquet(path)
    with pytest.raises(InputError, match="no column 'protocol'"):
        numbers(tmp_path, path.name)


def test_unknown_engines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'ray'"):
        run_sweep(make_sweep(profile="smoke", notebooks=4), tmp_path, engine="rey")


def test_runs_of_other_code_are_told_apart(tmp_path: Path) -> None:
    plans = plan_runs(make_sweep(profile="smoke", notebooks=4, seeds=2))
    for plan, code in ((plans[0], "new"), (plans[1], "old")):
        key = plan.key if code == "new" else "of-old-code"
        number = {"table": "t", "metric": "LMD", "protocol": "px", "value": 1.0}
        result = {
            "key": key,
            "cell": plan.cell,
            "code": code,
            "commit": None,
            "parameters": dict(plan.given),
            "versions": {},
            "numbers": [number],
            "seconds_in_all": 1.0,
            "peak_memory_mb": 1,
        }
        write_json(tmp_path / key / RESULT, result)
    assert collect(plans, tmp_path)["code"].tolist() == ["new"]
    assert sorted(collect(plans, tmp_path, any_code=True)["code"]) == ["new", "old"]
    assert status(plans, tmp_path)["state"].tolist()[-2:] == ["done", "waiting"]


@pytest.mark.parametrize("text", ["", "[]", '"x"', "null", "{}", '{"numbers": 3}'])
@pytest.mark.parametrize("name", [RESULT, RUN, FAILURE])
def test_a_damaged_file_is_done_again(tmp_path: Path, name: str, text: str) -> None:
    (plan,) = plan_runs(make_sweep(profile="smoke", notebooks=4))
    (tmp_path / plan.key).mkdir()
    (tmp_path / plan.key / name).write_text(text)
    table = status([plan], tmp_path).set_index("run")
    assert table.loc[plan.key, "state"] != "done"
    assert table.loc[plan.key, "note"] == ""
    with pytest.raises(InputError, match="No run of this sweep is done"):
        collect([plan], tmp_path)

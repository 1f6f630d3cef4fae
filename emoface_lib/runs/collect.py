"""What became of runs: their states in one table, and their numbers in another.

The folders of a store say it, from any machine that sees them. Taught in notebook 10.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json
from emoface_lib.core.locks import is_held
from emoface_lib.core.settings import runs_folder
from emoface_lib.runs.sweep_plans import Plan

RUN, RESULT, FAILURE, LOCK = "run.json", "result.json", "failure.json", "lock"
COLOURS = {"done": "green", "running": "yellow", "failed": "red"}
STATES = (*COLOURS, "interrupted", "waiting")
SHOWN = 40  # runs in a table; of more, only those that are at work or have failed
FRAME = 6  # lines of a terminal that are not runs: the table's head and edges, a sum
NEEDED = ("metric", "protocol", "value")
# columns of a table of results that are averaged over, or that the run knows better
UNIT, RUNS_OWN = ("value", "speaker", "clip", "video"), ("profile", "seed", "corpus")


def default_store() -> Path:
    """The folder in which the runs of all sweeps lie, each once."""
    return runs_folder() / "batch"


def state_of(folder: Path) -> str:
    """What has become of the run in a folder: one of STATES."""
    if (folder / RESULT).exists():
        return "done"
    if is_held(folder / LOCK):
        return "running"
    if (folder / FAILURE).exists():
        return "failed"
    return "interrupted" if (folder / RUN).exists() else "waiting"


def note_of(folder: Path, state: str) -> str:
    """The notebook at work, or why the run failed."""
    try:
        if state == "failed":
            return read_json(folder / FAILURE)["problem"]
        return read_json(folder / RUN)["notebook"] if state == "running" else ""
    except OSError:  # it has just begun
        return ""


def status(plans: Sequence[Plan], store: Path) -> pd.DataFrame:
    """What has become of runs, and before them of what they share, one row each.

    Columns run, notebooks, parameters (those that differ), state, seconds, memory (MB),
    note (see `note_of`).
    """
    values: dict[str, set[str]] = {name: set() for plan in plans for name in plan.given}
    for name, seen in values.items():
        seen.update(repr(plan.given.get(name)) for plan in plans)
    varied = {name for name, seen in values.items() if len(seen) > 1} | {"seed"}
    shared = {one.key: one for plan in plans for one in plan.before}
    return pd.DataFrame(
        [_row(plan, store / plan.key, set()) for plan in shared.values()]
        + [_row(plan, store / plan.key, varied) for plan in plans]
    )


def _row(plan: Plan, folder: Path, varied: set[str]) -> dict[str, Any]:
    state = state_of(folder)
    result = read_json(folder / RESULT) if state == "done" else {}
    shown = [f"{name}={value}" for name, value in plan.given.items() if name in varied]
    return {
        "run": plan.key,
        "notebooks": " ".join(one.path.stem[:2] for one in plan.notebooks),
        "parameters": " ".join(shown),
        "state": state,
        "seconds": result.get("seconds_in_all"),
        "memory": result.get("peak_memory_mb"),
        "note": note_of(folder, state),
    }


def summary(table: pd.DataFrame) -> str:
    """One line: how many runs are done, running, failed, waiting; minutes left."""
    counts = table["state"].value_counts()
    text = ", ".join(f"{counts[state]} {state}" for state in STATES if state in counts)
    running = counts.get("running", 0)
    if running and "done" in counts:
        todo = counts.get("interrupted", 0) + counts.get("waiting", 0) + running / 2
        left = table["seconds"].mean() * todo / running
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
        costs = [row["seconds"], row["memory"]]
        cells += ["" if pd.isna(cost) else f"{cost:.0f}" for cost in costs]
        shown.add_row(*cells, row["note"], style=COLOURS.get(row["state"]))
    return Group(shown, summary(table))


def live(plans: Sequence[Plan], store: Path) -> Live:
    """A table that follows the runs, as many of them as the terminal has room for."""
    console = Console()

    def now() -> Group:
        return readable(status(plans, store), console.height - FRAME, live=True)

    return Live(console=console, get_renderable=now, refresh_per_second=1)


def watch(plans: Sequence[Plan], store: Path) -> None:
    """Show the live table until nothing is running, of runs started elsewhere."""
    with live(plans, store):
        while (status(plans, store)["state"] == "running").any():
            time.sleep(1)


def numbers(path: Path, name: str) -> list[dict[str, Any]]:
    """Means over the clips of a table, one row for everything else that differs.

    path : a parquet file with the columns metric, protocol, value, perhaps speaker and
    clip, and others that say what a number is of, such as method. name : the table's,
    which the rows carry. A mean without any value is None. Raises InputError if a
    column lacks.
    """
    frame = pd.read_parquet(path)
    if missing := [column for column in NEEDED if column not in frame]:
        raise InputError(f"{path} has no column {missing[0]!r}: it is no result table.")
    labels = [column for column in frame if column not in (*UNIT, *RUNS_OWN)]
    grouped = frame.groupby(labels, sort=False, dropna=False)["value"]
    means = grouped.agg(value="mean", clips="count").reset_index()
    means.insert(0, "table", name)
    return json.loads(means.to_json(orient="records"))


def collect(
    plans: Sequence[Plan], store: Path, any_code: bool = False, clips: bool = False
) -> pd.DataFrame:
    """All numbers of the runs that are done, one a row, with all that they depend on.

    Columns: run, table, the tables' own (method, metric, protocol, ...), value, clips;
    every parameter, profile and seed among them; seconds, peak_memory_mb, commit, code,
    versions (JSON). any_code : also runs of the same parameters that another version of
    the code did, which `code` identifies. clips : the tables as they are, a value a
    clip with its speaker, and not the means. Raises InputError if no run is done.
    """
    places = [store / plan.key / RESULT for plan in plans]
    found = {path: read_json(path) for path in places if path.exists()}
    if any_code:
        cells = {plan.cell for plan in plans}
        done = {path: read_json(path) for path in store.glob(f"*/{RESULT}")}
        found = {path: one for path, one in done.items() if one["cell"] in cells}
    if not found:
        raise InputError(
            f"No run of this sweep is done in {store}: `emoface batch run`."
        )
    if clips:
        tables = [_tables(path.parent, result) for path, result in found.items()]
        return pd.concat(tables, ignore_index=True)
    rows = [row | _common(one) for one in found.values() for row in one["numbers"]]
    return pd.DataFrame(rows)


def _tables(folder: Path, result: dict[str, Any]) -> pd.DataFrame:
    """The tables that a run left, clip by clip, with what they depend on."""
    common, parts = _common(result), []
    for name in dict.fromkeys(row["table"] for row in result["numbers"]):
        (left,) = folder.glob(f"*/{name}")
        own = pd.read_parquet(left)
        known = {key: own[key].fillna(x) for key, x in common.items() if key in own}
        parts.append(own.assign(table=name, **common | known))
    whole = pd.concat(parts, ignore_index=True)
    return whole.astype({"seed": int}) if "seed" in whole else whole


def _common(result: dict[str, Any]) -> dict[str, Any]:
    """What is the same for all numbers of a run; a list as text, for a column."""
    return {
        "run": result["key"],
        **{
            name: json.dumps(value) if isinstance(value, list | dict) else value
            for name, value in result["parameters"].items()
        },
        "seconds": result["seconds_in_all"],
        "peak_memory_mb": result["peak_memory_mb"],
        "commit": result["commit"],
        "code": result["code"],
        "versions": json.dumps(result["versions"]),
    }

"""What became of runs: their states in one table, and their numbers in another.

The folders of a store say it, from any machine that sees them. Taught in notebook 10.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json, read_or_set_aside, read_parquet
from emoface_lib.core.locks import is_held
from emoface_lib.runs.sweep_plans import Plan

RUN, RESULT, FAILURE, LOCK = "run.json", "result.json", "failure.json", "lock"
COLOURS = {"done": "green", "running": "yellow", "failed": "red"}
STATES = (*COLOURS, "interrupted", "waiting")
COLUMNS = ("run", "notebooks", "parameters", "state", "seconds", "memory", "note")
FRAME = 6  # lines of a terminal that are not runs: the table's head and edges, a sum
# columns of a table of results that are averaged over, or that the run knows better
UNIT, RUNS_OWN = ("value", "speaker", "clip", "video"), ("profile", "seed", "corpus")


class Result(BaseModel):
    """What a run that is done has left: `result.json`, as far as it is read here."""

    key: str
    cell: str
    parameters: dict[str, Any]
    numbers: list[dict[str, Any]]
    code: str
    commit: str | None
    versions: dict[str, str]
    seconds_in_all: float
    peak_memory_mb: int


def outcome(folder: Path) -> tuple[str, str, Result | None]:
    """What has become of the run in a folder: one of STATES, a note, and what it left.

    The note is the notebook at work, or why the run failed. A damaged result is none.
    """
    result = read_or_set_aside(
        lambda path: Result.model_validate_json(path.read_bytes()), folder / RESULT
    )
    if result is not None:
        return "done", "", result
    state = "interrupted" if (folder / RUN).exists() else "waiting"
    if is_held(folder / LOCK):
        state = "running"
    elif (folder / FAILURE).exists():
        state = "failed"
    noted = {"running": (RUN, "notebook"), "failed": (FAILURE, "problem")}
    try:
        name, key = noted[state]
        return state, str(read_json(folder / name)[key]), None
    except (InputError, LookupError, TypeError):  # none, just begun, or damaged
        return state, "", None


def status(plans: Sequence[Plan], store: Path) -> pd.DataFrame:
    """What has become of runs, and before them of what they share, one row each.

    Columns: COLUMNS, of them the parameters that differ, and memory in MB.
    """
    given = pd.DataFrame([plan.given for plan in plans]).map(repr)
    varied = {"seed", *given.columns[given.nunique() > 1]}
    shared = {one.key: one for plan in plans for one in plan.before}
    rows = []
    for plan in (*shared.values(), *plans):
        state, note, result = outcome(store / plan.key)
        names = [name for name in plan.given if name in varied and not plan.is_shared]
        rows.append(
            (
                plan.key,
                " ".join(one.path.stem[:2] for one in plan.notebooks),
                " ".join(f"{name}={plan.given[name]}" for name in names),
                state,
                result and result.seconds_in_all,
                result and result.peak_memory_mb,
                note,
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summary(table: pd.DataFrame) -> str:
    """One line: how many runs are done, running, failed, waiting; minutes left."""
    counts = table["state"].value_counts()
    parts = [f"{counts[state]} {state}" for state in STATES if state in counts]
    text = ", ".join(parts) or "no runs"
    running = counts.get("running", 0)
    if running and "done" in counts:
        todo = counts.get("interrupted", 0) + counts.get("waiting", 0) + running / 2
        left = table["seconds"].mean() * todo / running
        text += f"; about {left / 60:.1f} minutes left"
    return text


def readable(table: pd.DataFrame, room: int | None = None) -> Group:
    """A table of runs for a terminal.

    room : lines that there are for runs; of more, only those are shown that are at work
    or have failed, a line each. By default all are, whatever lines they take.
    """
    live, total = room is not None, summary(table)
    if room is not None and len(table) > room:
        table = table[~table["state"].isin(["done", "waiting"])].head(room)
    shown = Table(expand=live)
    for name in ("run", "notebooks", "parameters", "state", "s", "MB", "note"):
        shown.add_column(name, no_wrap=live)
    shown.columns[-1].ratio = 1 if live else None  # what is left
    for *cells, seconds, memory, note in table[list(COLUMNS)].to_numpy().tolist():
        costs = ["" if pd.isna(cost) else f"{cost:.0f}" for cost in (seconds, memory)]
        shown.add_row(*cells, *costs, note, style=COLOURS.get(cells[-1]))
    return Group(shown, total)


def live(plans: Sequence[Plan], store: Path) -> Live:
    """A table that follows the runs, as many of them as the terminal has room for."""
    console = Console()

    def now() -> Group:
        return readable(status(plans, store), console.height - FRAME)

    return Live(console=console, get_renderable=now, refresh_per_second=1)


def numbers(place: Path, name: str) -> list[dict[str, Any]]:
    """Means over the clips of a table, one row for everything else that differs.

    name : of a parquet file in `place`, which the rows carry, with the columns metric,
    protocol, value, perhaps speaker and clip, and others that say what a number is of,
    such as method. A mean without any value is None. Raises InputError if a column
    lacks.
    """
    frame = read_parquet(place / name)
    if lacking := {"metric", "protocol", "value"} - {*frame}:
        first = min(lacking)
        raise InputError(f"{place / name} has no column {first!r}: no result table.")
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
    keys = [path.parent for path in store.glob(f"*/{RESULT}")] if any_code else []
    folders = keys or [store / plan.key for plan in plans]
    cells, found = {plan.cell for plan in plans}, {}
    for folder in folders:
        *_, result = outcome(folder)
        if result is not None and result.cell in cells:
            found[folder] = result
    if not found:
        raise InputError(
            f"No run of this sweep is done in {store}: `emoface batch run`."
        )
    if clips:
        tables = [part for run in found.items() for part in _tables(*run)]
        return pd.concat(tables, ignore_index=True)
    rows = [row | _common(one) for one in found.values() for row in one.numbers]
    return pd.DataFrame(rows)


def _tables(folder: Path, result: Result) -> Iterator[pd.DataFrame]:
    """The tables that a run left, clip by clip, with what they depend on."""
    common = _common(result)
    for name in dict.fromkeys(row["table"] for row in result.numbers):
        left = next(folder.glob(f"*/{name}"), folder / name)  # the latter is missing
        own = read_parquet(left).fillna(common)  # some rows say their own seed
        new = {key: value for key, value in common.items() if key not in own}
        yield own.assign(table=name, **new).astype({"seed": int})


def _common(result: Result) -> dict[str, Any]:
    """What is the same for all numbers of a run; a list as text, for a column."""
    return {
        "run": result.key,
        **{
            name: json.dumps(value) if isinstance(value, list | dict) else value
            for name, value in result.parameters.items()
        },
        "seconds": result.seconds_in_all,
        "peak_memory_mb": result.peak_memory_mb,
        "commit": result.commit,
        "code": result.code,
        "versions": json.dumps(result.versions),
    }

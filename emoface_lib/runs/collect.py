"""The numbers of runs: from the tables that notebooks leave to one tidy table.

Taught in notebook 10.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json, write_beside
from emoface_lib.runs.sweep_plans import Plan

RESULT = "result.json"  # numbers of a run, its time and memory
NEEDED = ("metric", "protocol", "value")
# columns of a table of results that are averaged over, or that the run knows better
UNIT, RUNS_OWN = ("value", "speaker", "clip", "video"), ("profile", "seed", "corpus")


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
    labels = [name for name in frame if name not in (*UNIT, *RUNS_OWN)]
    grouped = frame.groupby(labels, sort=False, dropna=False)["value"]
    rows = grouped.agg(["mean", "count"]).reset_index()
    rows = rows.rename(columns={"mean": "value", "count": "clips"})
    return [
        {"table": name, **row} for row in json.loads(rows.to_json(orient="records"))
    ]


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
    found = [store / plan.key / RESULT for plan in plans]
    if any_code:
        cells = {plan.cell for plan in plans}
        found = [path for path in store.glob(f"*/{RESULT}") if _cell(path) in cells]
    found = [path for path in found if path.exists()]
    if not found:
        raise InputError(
            f"No run of this sweep is done in {store}: `emoface batch run`."
        )
    if clips:
        return pd.concat(map(_tables, found), ignore_index=True)
    return pd.DataFrame([row for path in found for row in _rows(read_json(path))])


def _cell(path: Path) -> str:
    return read_json(path)["cell"]


def _rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    common = _common(result)
    return [{**row, **common} for row in result["numbers"]]


def _tables(path: Path) -> pd.DataFrame:
    """The tables that a run left, clip by clip, with what they depend on."""
    result = read_json(path)
    common = _common(result)
    parts = []
    for name in dict.fromkeys(row["table"] for row in result["numbers"]):
        (left,) = path.parent.glob(f"*/{name}")
        own = pd.read_parquet(left)
        known = {key: own[key].fillna(x) for key, x in common.items() if key in own}
        parts.append(own.assign(table=name, **common | known))
    whole = pd.concat(parts, ignore_index=True)
    return whole.astype({"seed": int}) if "seed" in whole else whole


def _common(result: dict[str, Any]) -> dict[str, Any]:
    """What is the same for all numbers of a run."""
    parameters = {name: _plain(x) for name, x in result["parameters"].items()}
    return {
        "run": result["key"],
        **parameters,
        "seconds": result["seconds_in_all"],
        "peak_memory_mb": result["peak_memory_mb"],
        "commit": result["commit"],
        "code": result["code"],
        "versions": json.dumps(result["versions"]),
    }


def _plain(value: Any) -> Any:
    """A list as text, so that a column can hold it."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def keep(table: pd.DataFrame, path: Path) -> None:
    """Write collected numbers as parquet."""
    with write_beside(path) as beside:
        table.to_parquet(beside, index=False)

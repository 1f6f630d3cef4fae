"""The numbers of runs: from the tables that notebooks leave to one tidy table.

Taught in notebook 10.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emoface_lib.errors import InputError
from emoface_lib.files import read_json, write_beside
from emoface_lib.sweep_plans import Plan

RESULT = "result.json"  # of a run: its numbers and what they cost
LABELS = ("table", "study", "method", "metric", "protocol")  # what a number is of
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


def collect(plans: Sequence[Plan], store: Path, any_code: bool = False) -> pd.DataFrame:
    """All numbers of the runs that are done, one a row, with all that they depend on.

    Columns: run, table, the tables' own (method, metric, protocol, ...), value, clips;
    every parameter, profile and seed among them; seconds, peak_memory_mb, commit, code,
    versions (JSON). any_code : also runs of the same parameters that another version of
    the code did; tell them by `code`. Raises InputError if no run is done.
    """
    found = [store / plan.key / RESULT for plan in plans]
    if any_code:
        cells = {plan.cell for plan in plans}
        found = [path for path in store.glob(f"*/{RESULT}") if _cell(path) in cells]
    rows = [row for path in found if path.exists() for row in _rows(read_json(path))]
    if not rows:
        raise InputError(
            f"No run of this sweep is done in {store}: `emoface batch run`."
        )
    return pd.DataFrame(rows)


def _cell(path: Path) -> str:
    return read_json(path)["cell"]


def _rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = {name: _plain(x) for name, x in result["parameters"].items()}
    common = {
        **parameters,
        "seconds": result["seconds_in_all"],
        "peak_memory_mb": result["peak_memory_mb"],
        "commit": result["commit"],
        "code": result["code"],
        "versions": json.dumps(result["versions"]),
    }
    return [{"run": result["key"], **row, **common} for row in result["numbers"]]


def _plain(value: Any) -> Any:
    """A list as text, so that a column can hold it."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def keep(table: pd.DataFrame, path: Path) -> None:
    """Write collected numbers as parquet."""
    with write_beside(path) as beside:
        table.to_parquet(beside, index=False)


def compare(
    first: pd.DataFrame,
    second: pd.DataFrame,
    generator: np.random.Generator,
    pairs: Sequence[str] = ("seed",),
    samples: int = 1000,
) -> pd.DataFrame:
    """First minus second, pair by pair, with 95 % intervals over the pairs.

    first, second : rows of `collect`, of two sweeps or of two parts of one; pairs :
    columns that say which runs belong together. Returns LABELS, mean, low, high (NaN
    for a single pair) and pairs. Raises InputError if the keys don't tell rows apart.
    """
    from emoface_lib.evaluation import bootstrap  # PyTorch takes seconds

    own = [name for name in LABELS if name in first and name in second]
    keys = [*own, *pairs]
    for table in (first, second):
        if table.duplicated(keys).any():
            raise InputError(
                f"Several rows have the same {', '.join(keys)}: name in `pairs` what "
                "they differ in, or choose some of them."
            )
    both = first.merge(second, on=keys, suffixes=("", "_second"))
    both["change"] = both["value"] - both["value_second"]
    rows = []
    for labels, group in both.dropna(subset="change").groupby(own, sort=False):
        units = group[list(pairs)].astype(str).agg(" ".join, axis=1).tolist()
        change = bootstrap(group["change"].tolist(), units, generator, samples)
        spread = (change.low, change.high) if len(units) > 1 else (np.nan, np.nan)
        rows.append((*labels, change.mean, *spread, len(units)))
    return pd.DataFrame(rows, columns=[*own, "mean", "low", "high", "pairs"])

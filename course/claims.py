"""The paper's claims, each with what tests it here and the verdict that follows.

Claims are data, `benchmarks/claims.yml`; their effects are rows of the ledger,
`benchmarks/results.csv`. No verdict is written by hand. Opens README and notebook 00.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import yaml

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.evaluation.bootstrap import Interval

LEDGER = REPOSITORY / "benchmarks" / "results.csv"
CLAIMS = LEDGER.with_name("claims.yml")
HEADER = "claim of the paper", "effect, 95 % interval", "n", "verdict", "why", "where"
NUMBER = r"(-?\d+\.?\d*)"
SPREAD = re.compile(rf"(?:95 % interval(?: of r)?|seeds from) {NUMBER} to {NUMBER}")
COUNTS = re.compile(
    r"\d+ (?:corpora|(?:test )?speakers|(?:paired )?seeds?|clips(?: and seeds)?)\b"
)


def claims_table(
    claims: Sequence[Mapping[str, Any]] | None = None,
    ledger: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """A row a claim, with the columns of HEADER; by default of the repository's files.

    Raises InputError if the ledger lacks what a claim is tested by.
    """
    if claims is None:
        claims = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    if ledger is None:
        ledger = pd.read_csv(LEDGER, dtype={"value": str})
    rows = []
    for one in claims:
        shown, counts, tests = [], [], []
        for test in one.get("tests", ()):
            found, unit, n = effect(ledger, test["topic"], test["row"])
            tests.append(met(test["expect"], found))
            lies = test["expect"] if tests[-1] else f"not {test['expect']}"
            px = " px" if unit == "px" else ""
            shown.append(f"{test['shown']} {found}{px} ({lies})")
            counts.append(n)
        effects, units = "; ".join(shown), "; ".join(dict.fromkeys(counts))
        told = one["claim"], effects, units, verdict(tests), one["why"], one["where"]
        rows.append(told)
    return pd.DataFrame(rows, columns=list(HEADER))


def effect(ledger: pd.DataFrame, topic: str, name: str) -> tuple[Interval, str, str]:
    """A row of the ledger: its interval (or range over seeds), its unit, and n.

    Raises InputError if there is no such row with an interval.
    """
    rows = ledger[(ledger["topic"] == topic) & (ledger["name"] == name)]
    for value, unit, how in rows[["value", "unit", "how"]].fillna("").to_numpy():
        if spread := SPREAD.search(how):
            found = Interval(float(value), *map(float, spread.groups()))
            return found, unit, ", ".join(dict.fromkeys(COUNTS.findall(how)))
    raise InputError(
        f"{LEDGER.name} has no row {name!r} of topic {topic!r} with an interval: "
        f"measure it again, or change {CLAIMS.name}."
    )


def met(expect: str, found: Interval) -> bool:
    """Whether the whole interval lies as expected: "< 0" or "> 0.9"."""
    side, bound = expect.split()
    return found.high < float(bound) if side == "<" else found.low > float(bound)


def verdict(tests: Sequence[bool]) -> str:
    """What the tests of a claim say together, each of which was met or not."""
    if not tests:
        return "can't be tested here"
    return "holds" if all(tests) else "half" if any(tests) else "not here"


def markdown(folder: str = "notebooks/") -> str:
    """The table of the repository in Markdown, linked to notebooks if in a folder."""
    lines = [HEADER, ("---",) * len(HEADER)]
    for *cells, said, why, where in claims_table().itertuples(index=False):
        link = f"[{where[:2]}]({folder}{where}.ipynb)" if folder else where[:2]
        lines.append((*cells, f"**{said}**", why, link))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

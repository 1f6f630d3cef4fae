"""The paper's claims, each with what tests it here and the verdict that follows.

Claims are data, `benchmarks/claims.yml`; their effects are rows of the ledger,
`benchmarks/results.csv`. No verdict is written by hand. Opens README and notebook 00.
"""

import re
from collections.abc import Sequence

import pandas as pd
import yaml
from pydantic import BaseModel

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.evaluation.bootstrap import Interval

LEDGER = REPOSITORY / "benchmarks" / "results.csv"
CLAIMS = LEDGER.with_name("claims.yml")
HEADER = "claim of the paper", "effect, 95 % interval", "n", "verdict", "why", "where"
NUMBER = r"(-?\d+\.?\d*)"
SPREAD = re.compile(rf"(?:95 % interval(?: of r)?|seeds from) {NUMBER} to {NUMBER}")
COUNTS = re.compile(r"\d+ (?:test speakers|speakers|(?:paired )?seeds|clips and seeds)")


class Check(BaseModel, frozen=True, extra="forbid"):
    """A row of the ledger, how its effect is called, and where its interval should lie.

    expect : "< 0" or "> 0.9": the whole interval is below 0, or above 0.9.
    """

    shown: str
    topic: str
    row: str
    expect: str

    def met(self, found: Interval) -> bool:
        """Whether an interval lies where it should."""
        side, bound = self.expect.split()
        return found.high < float(bound) if side == "<" else found.low > float(bound)


class Claim(BaseModel, frozen=True, extra="forbid"):
    """A claim, its tests, and the notebook that has them."""

    claim: str
    why: str
    where: str
    tests: tuple[Check, ...] = ()


def read_claims() -> list[Claim]:
    """The claims of `benchmarks/claims.yml`."""
    text = CLAIMS.read_text(encoding="utf-8")
    return [Claim.model_validate(each) for each in yaml.safe_load(text)]


def effect(check: Check, ledger: pd.DataFrame) -> tuple[Interval, str, str]:
    """The effect of a test with its interval (or range over seeds), its unit, and n.

    Raises InputError if the ledger has no such row with an interval.
    """
    rows = ledger[(ledger["topic"] == check.topic) & (ledger["name"] == check.row)]
    for value, unit, how in rows[["value", "unit", "how"]].fillna("").to_numpy():
        if spread := SPREAD.search(how):
            found = Interval(float(value), *map(float, spread.groups()))
            return found, unit, ", ".join(dict.fromkeys(COUNTS.findall(how)))
    raise InputError(
        f"{LEDGER.name} has no row {check.row!r} of topic {check.topic!r} with an "
        f"interval: measure it again, or change {CLAIMS.name}."
    )


def verdict(met: Sequence[bool]) -> str:
    """What the tests of a claim say together, each of which was met or not."""
    if not met:
        return "can't be tested here"
    return "holds" if all(met) else "half" if any(met) else "not here"


def claims_table(
    claims: Sequence[Claim] | None = None, ledger: pd.DataFrame | None = None
) -> pd.DataFrame:
    """A row a claim, with the columns of HEADER; by default of the repository's files.

    Raises InputError if the ledger lacks what a claim is tested by.
    """
    if ledger is None:
        ledger = pd.read_csv(LEDGER, dtype={"value": str})
    rows = []
    for one in read_claims() if claims is None else claims:
        found = [(check, *effect(check, ledger)) for check in one.tests]
        shown = "; ".join(f"{c.shown} {x} {u}".rstrip() for c, x, u, _ in found)
        counts = "; ".join(dict.fromkeys(n for *_, n in found))
        said = verdict([check.met(x) for check, x, *_ in found])
        rows.append((one.claim, shown, counts, said, one.why, one.where))
    return pd.DataFrame(rows, columns=list(HEADER))


def markdown(folder: str = "notebooks/") -> str:
    """The table of the repository in Markdown, with links to notebooks in a folder."""
    lines = [HEADER, ("---",) * len(HEADER)]
    for *cells, said, why, where in claims_table().itertuples(index=False):
        link = f"[{where[:2]}]({folder}{where}.ipynb)"
        lines.append((*cells, f"**{said}**", why, link))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

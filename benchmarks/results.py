"""The table of measurements, `results.csv`: one row for a topic and a name."""

import csv
import operator
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emoface_lib.core.files import write_beside
from emoface_lib.evaluation.bootstrap import Interval

RESULTS = Path(__file__).resolve().parent / "results.csv"
KEEPS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
HEADER = ("topic", "name", "value", "unit", "target", "meets", "how")
APART = ", interval apart from 0"  # behind a bound


def enter(
    topic: str,
    name: str,
    value: float | str,
    unit: str,
    how: str,
    target: str = "",
    meets: bool | str | None = None,
    path: Path = RESULTS,
) -> None:
    """Enter and print a measurement; a row of the same topic and name is replaced.

    `topic` is one word, the same in all rows of a theme ("faces"). `how` names the
    command and the machine. `target` is a bound ("<= 20", "< 1.5 (warp)"), and `meets`
    says whether the value keeps it; by default the number in the bound says so.
    """
    if meets is None:
        sign, bound = target.split()[:2] if target else ("", "")
        meets = KEEPS[sign](value, float(bound)) if target else ""
    if not isinstance(meets, str):
        meets = "yes" if meets else "no"
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    print(f"{name}: {shown} {unit}", *(target and (f"(target {target}: {meets})",)))
    row = dict(zip(HEADER, (topic, name, shown, unit, target, meets, how), strict=True))
    rows = {(each["topic"], each["name"]): each for each in read(path)}
    rows[topic, name] = row
    with write_beside(path) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())


def enter_interval(
    topic: str, name: str, found: Interval, unit: str, how: str, target: str = ""
) -> None:
    """Enter a mean, its 95 % interval behind how it was measured.

    target : a bound of the mean; behind it APART if the interval may not hold 0.
    """
    how = f"{how}; 95 % interval {found.low:.3f} to {found.high:.3f}"
    meets = None
    if target.endswith(APART):
        sign, bound = target.removesuffix(APART).split()
        meets = KEEPS[sign](found.mean, float(bound)) and found.low * found.high > 0
    enter(topic, name, found.mean, unit, how, target, meets)


def enter_seeds(
    topic: str,
    name: str,
    values: Sequence[float],
    unit: str,
    how: str,
    target: str = "",
) -> None:
    """Enter the mean over seeds, their range behind how it was measured."""
    how = f"{how}; seeds from {min(values):.3f} to {max(values):.3f}"
    enter(topic, name, float(np.mean(values)), unit, how, target)


def read(path: Path = RESULTS) -> list[dict[str, str]]:
    """The rows so far; none if there is no table."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))

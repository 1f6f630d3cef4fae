"""The table of measurements, `results.csv`: one row for a topic and a name."""

import csv
import operator
from pathlib import Path

from emoface_lib.core.files import write_beside

RESULTS = Path(__file__).resolve().parent / "results.csv"
KEEPS = {"<=": operator.le, ">=": operator.ge, ">": operator.gt}
HEADER = ("topic", "name", "value", "unit", "target", "meets", "how")


def enter(
    topic: str,
    name: str,
    value: float | str,
    unit: str,
    target: str,
    meets: bool | str,
    how: str,
    path: Path = RESULTS,
) -> None:
    """Enter and print a measurement; a row of the same topic and name is replaced.

    `topic` is one word, the same in all rows of a theme ("faces"). `target` is a bound
    ("<= 20"), and `meets` says whether the value keeps it; without a target both are
    empty. `how` names the command and the machine.
    """
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


def enter_bound(
    topic: str,
    name: str,
    value: float,
    unit: str,
    target: str,
    how: str,
    path: Path = RESULTS,
) -> None:
    """Enter a number; whether it keeps `target`, such as "<= 20" or "", follows."""
    sign, _, bound = target.partition(" ")
    kept = KEEPS[sign](value, float(bound)) if target else ""
    enter(topic, name, value, unit, target, kept, how, path)


def read(path: Path = RESULTS) -> list[dict[str, str]]:
    """The rows so far; none if there is no table."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))

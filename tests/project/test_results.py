"""The table of measurements keeps one row for a topic and a name."""

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.results import HEADER, enter, read


def test_same_name_is_replaced_in_place_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(
        ",".join(HEADER) + '\ninstall,clone,140,s,<= 300,yes,"make, 2 cores"\n'
        "faces,drawing,10,ms,<= 12,yes,by hand\n"
    )
    enter("install", "clone", 301.23456, "s", "make install", "<= 300", path=path)
    enter("faces", "clone", 1, "s", "by hand", path=path)
    assert [tuple(row.values()) for row in read(path)] == [
        ("install", "clone", "301.2", "s", "<= 300", "no", "make install"),
        ("faces", "drawing", "10", "ms", "<= 12", "yes", "by hand"),
        ("faces", "clone", "1", "s", "", "", "by hand"),
    ]


def test_first_measurement_makes_the_table(tmp_path: Path) -> None:
    path, how = tmp_path / "results.csv", 'says "make bench"'
    half, met = np.float64(0.5), np.bool_(True)
    enter("corpus", "clip, drawn", half, "s", how, "all", met, path)
    assert path.read_text().splitlines()[0] == "topic,name,value,unit,target,meets,how"
    assert read(path)[0]["name"] == "clip, drawn"
    assert read(path)[0]["how"] == 'says "make bench"'
    assert read(path)[0]["meets"] == "yes"


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("", ""),
        ("<= 2", "yes"),
        (">= 2", "yes"),
        ("> 2", "no"),
        ("< 2.1 (warp)", "yes"),
    ],
)
def test_a_bound_says_if_it_is_kept(tmp_path: Path, target: str, kept: str) -> None:
    path = tmp_path / "results.csv"
    enter("faces", "drawing", 2.0, "ms", "by hand", target, path=path)
    assert [(row["target"], row["meets"]) for row in read(path)] == [(target, kept)]


def test_the_ledger_names_each_row_once_and_says_what_meets_its_target() -> None:
    rows = read()
    assert tuple(rows[0]) == HEADER
    assert len({(row["topic"], row["name"]) for row in rows}) == len(rows)
    for row in rows:
        assert re.fullmatch(r"[a-z]+(_\d)?", row["topic"]), row
        assert row["meets"] in (("yes", "no") if row["target"] else ("",)), row
        assert row["how"], row

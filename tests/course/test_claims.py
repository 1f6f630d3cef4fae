"""The table of claims: verdicts follow from the ledger by rule, and README has them."""

from typing import Any

import pandas as pd
import pytest

from course.claims import claims_table, met, verdict
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.evaluation.bootstrap import Interval
from tools.write_claims import README, written

COMMON = "by hand: 20 test speakers"
LEDGER = pd.DataFrame(
    [
        ("style", "LMD", "-0.2", "px", f"{COMMON}; 95 % interval -0.3 to -0.1; else"),
        ("style", "ES", "0.1", None, f"{COMMON}, 2 seeds; 95 % interval -0.1 to 0.2"),
        ("dial", "r", "0.5", "", "by hand: 3 seeds; seeds from 0.4 to 0.6"),
        ("dial", "alone", "0.5", "", "by hand, without an interval"),
    ],
    columns=["topic", "name", "value", "unit", "how"],
)


def claim(*tests: tuple[str, str, str]) -> dict[str, Any]:
    checks = [
        {"shown": row, "topic": topic, "row": row, "expect": expect}
        for topic, row, expect in tests
    ]
    return {"claim": "It helps", "why": "so it is", "where": "05", "tests": checks}


def test_a_test_is_met_if_the_whole_interval_lies_where_it_should() -> None:
    assert met("< 0", Interval(-0.2, -0.3, -0.1))
    assert not met("< 0", Interval(-0.2, -0.5, 0.1))
    assert met("> 0.9", Interval(0.95, 0.91, 0.99))
    assert not met("> 0.9", Interval(0.95, 0.89, 0.99))


def test_a_verdict_is_all_some_or_none_of_the_tests_or_that_there_is_none() -> None:
    assert verdict([True, True]) == "holds"
    assert verdict([True, False]) == "half"
    assert verdict([False, False]) == "not here"
    assert verdict([]) == "can't be tested here"


def test_a_claim_is_shown_with_its_effects_and_their_n() -> None:
    some = [
        claim(("style", "LMD", "< 0"), ("style", "ES", "> 0")),
        claim(("dial", "r", "> 0.3")),
        claim(),
    ]
    table = claims_table(some, LEDGER)
    assert table["verdict"].tolist() == ["half", "holds", "can't be tested here"]
    first = table.iloc[0]
    shown = "LMD -0.200 [-0.300, -0.100] px (< 0); ES 0.100 [-0.100, 0.200] (not > 0)"
    assert first["effect, 95 % interval"] == shown
    assert first["n"] == "20 test speakers; 20 test speakers, 2 seeds"


@pytest.mark.parametrize("row", ["nothing", "alone"])
def test_a_row_that_is_not_measured_is_an_error_that_names_it(row: str) -> None:
    with pytest.raises(InputError, match=f"no row '{row}' of topic 'dial'"):
        claims_table([claim(("dial", row, "> 0"))], LEDGER)


def test_every_claim_is_measured_and_readme_shows_the_table_as_it_is() -> None:
    for place in claims_table()["where"]:
        assert (REPOSITORY / "notebooks" / f"{place}.ipynb").exists()
    text = README.read_text(encoding="utf-8")
    assert written(text) == text, "run python -m tools.write_claims"

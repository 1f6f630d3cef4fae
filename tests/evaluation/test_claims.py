"""The table of claims: verdicts follow from the ledger by rule, and README has them."""

import pandas as pd
import pytest

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.evaluation.bootstrap import Interval
from emoface_lib.evaluation.claims import (
    Check,
    Claim,
    claims_table,
    read_claims,
    verdict,
)
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


def claim(*tests: tuple[str, str, str]) -> Claim:
    checks = [
        Check(shown=row, topic=topic, row=row, expect=expect)
        for topic, row, expect in tests
    ]
    return Claim(claim="It helps", why="so it is", where="05_style", tests=checks)


def test_a_test_is_met_if_the_whole_interval_lies_where_it_should() -> None:
    below = Check(shown="", topic="", row="", expect="< 0")
    above = Check(shown="", topic="", row="", expect="> 0.9")
    assert below.met(Interval(-0.2, -0.3, -0.1))
    assert not below.met(Interval(-0.2, -0.5, 0.1))
    assert above.met(Interval(0.95, 0.91, 0.99))
    assert not above.met(Interval(0.95, 0.89, 0.99))


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
    shown = "LMD -0.200 [-0.300, -0.100] px; ES 0.100 [-0.100, 0.200]"
    assert first["effect, 95 % interval"] == shown
    assert first["n"] == "20 test speakers; 20 test speakers, 2 seeds"


@pytest.mark.parametrize("row", ["nothing", "alone"])
def test_a_row_that_is_not_measured_is_an_error_that_names_it(row: str) -> None:
    with pytest.raises(InputError, match=f"no row '{row}' of topic 'dial'"):
        claims_table([claim(("dial", row, "> 0"))], LEDGER)


def test_every_claim_is_in_the_ledger_and_readme_shows_the_table_as_it_is() -> None:
    for one in read_claims():
        assert (REPOSITORY / "notebooks" / f"{one.where}.ipynb").exists(), one.claim
    text = README.read_text(encoding="utf-8")
    assert written(text) == text, "run python -m tools.write_claims"

"""Table 2 as it is printed: columns, dashes, sentences that follow from intervals."""

import numpy as np
import pandas as pd

from emoface_lib.evaluation.bootstrap import Interval
from emoface_lib.evaluation.rows import FULL, MAKEITTALK, NO_STYLE, PC_AVS, STATIC
from emoface_lib.evaluation.tables import (
    COLUMNS,
    RATIO,
    comparisons,
    paper_value,
    printed,
    sentence,
    tidy,
)


def scores_of(levels: dict[str, float]) -> pd.DataFrame:
    """Scores of methods on three speakers; LMD as asked for, lips at random."""
    rng = np.random.default_rng(0)
    rows = []
    for method, level in levels.items():
        for speaker in "abc":
            for seed in range(2):
                at = (method, speaker, f"{speaker}/1", seed)
                rows.append((*at, "LMD", "p", level + 0.01 * rng.normal()))
                rows.append((*at, "lip r", "q", rng.uniform(-1, 1)))
    names = ["method", "speaker", "clip", "seed", "metric", "protocol", "value"]
    return pd.DataFrame(rows, columns=names).assign(corpus="drawn")


def test_tidy_rows_have_the_promised_columns_and_the_papers_numbers_beside() -> None:
    rows = tidy(scores_of({FULL: 1.0, "mine": 2.0}), np.random.default_rng(0))
    assert list(rows.columns) == COLUMNS
    assert not rows.duplicated(["method", "metric"]).any()
    assert (rows["low"] <= rows["mean"]).all()
    lmd = rows[rows["metric"] == "LMD"].set_index("method")
    assert lmd.loc[FULL, "paper"] == 4.15
    assert np.isnan(lmd.loc["mine", "paper"])
    assert (rows["seeds"] == 2).all()
    assert paper_value(PC_AVS, "LMD") == 6.88
    assert np.isnan(paper_value(FULL, "lip r"))


def test_an_interval_with_zero_in_it_says_nothing() -> None:
    d_content = sentence(FULL, NO_STYLE, "LMD", Interval(-0.1, -0.3, 0.1))
    assert "no difference shown" in d_content
    nothing = Interval(np.nan, np.nan, np.nan)
    assert "can't be compared" in sentence(FULL, NO_STYLE, "LMD", nothing)


def test_less_is_better_for_distances_and_more_for_likeness() -> None:
    less, more = Interval(-0.2, -0.3, -0.1), Interval(0.2, 0.1, 0.3)
    assert f"{FULL} is better" in sentence(FULL, NO_STYLE, "LMD", less)
    assert f"{FULL} is worse" in sentence(FULL, NO_STYLE, "LMD", more)
    assert f"{FULL} is worse" in sentence(FULL, NO_STYLE, "ES", less)
    assert "px" in sentence(FULL, NO_STYLE, "LMD", less)


def test_comparisons_are_of_what_was_scored_and_hold_the_ratio() -> None:
    scores = scores_of({FULL: 1.0, NO_STYLE: 1.5, MAKEITTALK: 2.0})
    found = comparisons(scores, np.random.default_rng(0), ("LMD", "lip r"))
    pairs = set(zip(found["first"], found["second"], strict=True))
    assert pairs == {(FULL, NO_STYLE), (FULL, MAKEITTALK)}
    ours = found[(found["second"] == NO_STYLE) & (found["metric"] == "LMD")].iloc[0]
    assert ours["low"] < ours["mean"] < ours["high"] < 0
    share = found[found["metric"] == RATIO].iloc[0]
    assert share["low"] < 0.5 < share["high"]
    assert "0.45" in share["sentence"]


def test_what_was_not_measured_is_printed_as_a_dash() -> None:
    rows = tidy(scores_of({FULL: 1.0, "mine": 2.0}), np.random.default_rng(0))
    kept = rows[~((rows["method"] == "mine") & (rows["metric"] == "lip r"))]
    shown = printed(kept)
    assert shown.loc["mine", "lip r"] == "-"
    assert shown.loc[FULL, "LMD"].startswith("1.0")


def test_a_row_that_a_corpus_can_not_have_is_a_dash_beside_one_that_can() -> None:
    """As *full* on LRW, where no V_p exists."""
    ours = scores_of({NO_STYLE: 1.5, FULL: 1.0})
    lrw = scores_of({NO_STYLE: 2.5}).assign(corpus="LRW")
    rows = tidy(pd.concat([ours, lrw]), np.random.default_rng(0))
    shown = printed(rows)
    assert list(shown.index) == [NO_STYLE, FULL]
    assert [name for name, _ in shown.columns] == ["drawn", "drawn", "LRW", "LRW"]
    assert shown.loc[FULL, ("LRW", "LMD")] == "-"
    assert shown.loc[NO_STYLE, ("LRW", "LMD")].startswith("2.5")
    alone = printed(rows[rows["corpus"] == "LRW"], [NO_STYLE, FULL])
    assert list(alone.index) == [NO_STYLE, FULL]
    assert (alone.loc[FULL] == "-").all()


def test_seeds_are_counted_by_metric() -> None:
    scores = scores_of({FULL: 1.0, NO_STYLE: 1.5, MAKEITTALK: 2.0})
    some = scores[(scores["metric"] == "LMD") | (scores["seed"] == 0)]
    rows = tidy(some, np.random.default_rng(0))
    assert rows.groupby("metric")["seeds"].unique().map(list).to_dict() == {
        "LMD": [2],
        "lip r": [1],
    }
    found = comparisons(some, np.random.default_rng(0), ("LMD", "lip r"))
    seeds = found.set_index(["second", "metric"])["seeds"]
    assert seeds[NO_STYLE, "lip r"] == 1
    assert seeds[MAKEITTALK, RATIO] == 2


def test_rows_that_no_seed_changes_are_of_one_seed() -> None:
    """A static face, or weights that are shipped and asked anew in every run."""
    scores = scores_of({FULL: 1.0, STATIC: 2.0})
    still = scores["method"] == STATIC
    scores.loc[still, "value"] = np.where(scores[still]["metric"] == "LMD", 2.0, np.nan)
    rows = tidy(scores, np.random.default_rng(0)).set_index(["method", "metric"])
    assert rows["seeds"].to_dict() == {
        (FULL, "LMD"): 2,
        (FULL, "lip r"): 2,
        (STATIC, "LMD"): 1,
        (STATIC, "lip r"): 1,
    }

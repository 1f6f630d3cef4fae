"""What is watched of an embedding: its rank, its deviation, and whether it died."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoface_lib.method.collapse import (
    CollapseWarning,
    code_metrics,
    collapse_monitor,
    collapses,
    effective_rank,
    histogram,
    similarity_metrics,
)


@given(rank=st.integers(1, 6))
def test_effective_rank_counts_equal_directions(rank: int) -> None:
    axes = torch.eye(8)[:rank]
    codes = torch.cat([axes, -axes]) + 5
    assert effective_rank(codes).item() == pytest.approx(rank, rel=1e-4)


def test_equal_codes_have_no_rank() -> None:
    assert effective_rank(torch.full((5, 3), 7.0)) == 0


def test_deviation_is_over_clips() -> None:
    codes = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    monitored = code_metrics("emotion", codes)
    assert monitored["deviation/emotion"].item() == pytest.approx(2**0.5 / 2)


def test_histogram_has_all_similarities_in_their_bins() -> None:
    monitored = similarity_metrics("lambda_rs", torch.tensor([0.05, 0.95, 0.97, 1.0]))
    assert monitored["lambda_rs"].item() == pytest.approx(0.7425)
    log = pd.DataFrame([{name: float(x) for name, x in monitored.items()}])
    shares = histogram(log, "lambda_rs")
    assert shares[0.0] == 0.25
    assert shares[0.9] == 0.75
    assert shares.sum() == 1


def log_of(deviation: list[float], rank: float) -> pd.DataFrame:
    return pd.DataFrame({"deviation/emotion": deviation, "rank/emotion": rank})


def test_a_living_code_is_left_in_peace() -> None:
    assert collapses(log_of([1.0] * 20, 5.0)) == []


def test_a_dead_code_is_named_once() -> None:
    dying = log_of(list(np.geomspace(1, 1e-4, 20)), 5.0)
    (sentence,) = collapses(dying)
    assert "E_emotion has collapsed to a constant" in sentence
    (line,) = collapses(log_of([1.0] * 20, 1.2))
    assert "collapsed to a line" in line
    calls: list[int] = []
    monitor = collapse_monitor(lambda log: calls.append(len(log)))
    with pytest.warns(CollapseWarning):
        monitor(dying)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monitor(dying)
    assert calls == [20, 20]

"""Metrics against numbers worked out by hand; intervals that cover."""

import numpy as np
import pandas as pd
import pytest
import torch

from emoface_lib.evaluation import (
    ATVG,
    F_LMD,
    M_LMD,
    PAPER,
    PAPER_TABLE_2,
    bootstrap,
    emotion_similarity,
    landmark_distance,
    lip_correlation,
    table,
)
from emoface_lib.landmarks import LOWER_INNER_LIP


def face(frames: int = 4) -> torch.Tensor:
    return torch.rand(frames, 68, 2, generator=torch.Generator().manual_seed(0)) * 200


def test_a_shifted_face_is_5_px_off_by_the_paper_and_0_when_centred() -> None:
    shifted = face() + torch.tensor([3.0, 4.0])
    assert landmark_distance(shifted, face(), PAPER) == pytest.approx(5, abs=1e-4)
    for protocol in (ATVG, M_LMD, F_LMD):
        assert landmark_distance(shifted, face(), protocol) < 1e-4


def test_one_lip_point_off_by_hand() -> None:
    moved = face()
    moved[:, 66, 0] += 6.8  # of 68 points one is 6.8 px off
    assert landmark_distance(moved, face(), PAPER) == pytest.approx(0.1, rel=1e-4)
    # centred on 20 mouth points: the point is 6.8 * 19/20 off, the others 6.8 / 20
    by_hand = 6.8 * (19 / 20 + 19 / 20)
    assert landmark_distance(moved, face(), ATVG) == pytest.approx(by_hand, rel=1e-4)
    assert landmark_distance(moved, face(), M_LMD) == pytest.approx(
        by_hand / 20, rel=1e-4
    )


def test_protocols_have_different_strings() -> None:
    assert len({str(p) for p in (PAPER, ATVG, M_LMD, F_LMD)}) == 4


def test_emotion_similarity_is_the_mean_cosine() -> None:
    first = np.array([[1.0, 0, 0], [0, 1, 0]])
    second = np.array([[1.0, 0, 0], [1, 0, 0]])
    assert emotion_similarity(first, second) == pytest.approx(0.5)


def test_lips_that_open_together_correlate_and_still_lips_have_no_correlation() -> None:
    moving = face(1).repeat(30, 1, 1)
    moving[:, LOWER_INNER_LIP, 1] += torch.linspace(0, 20, 30)[:, None] + 100
    assert lip_correlation(moving, moving) == pytest.approx(1)
    assert np.isnan(lip_correlation(moving, face(1).repeat(30, 1, 1)))


def test_interval_is_over_speakers_not_clips() -> None:
    """With two speakers who differ, even a thousand clips leave the mean unsure."""
    values, speakers = [0.0] * 500 + [1.0] * 500, ["a"] * 500 + ["b"] * 500
    spread = bootstrap(values, speakers, np.random.default_rng(0))
    assert (spread.low, spread.mean, spread.high) == (0.0, 0.5, 1.0)


def test_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        values = rng.normal(size=40)
        spread = bootstrap(values.tolist(), [str(i) for i in range(40)], rng, 300)
        covered += spread.low <= 0 <= spread.high
    assert 0.88 <= covered / 200 <= 0.99


def test_values_that_do_not_exist_are_left_out() -> None:
    spread = bootstrap([1.0, np.nan], ["a", "b"], np.random.default_rng(0))
    assert spread.mean == 1.0
    assert str(bootstrap([np.nan], ["a"], np.random.default_rng(0))) == "-"


def test_table_has_one_row_a_method_and_metric() -> None:
    scores = pd.DataFrame(
        {
            "corpus": "c",
            "method": ["a", "a", "b", "b"],
            "metric": "LMD",
            "protocol": str(PAPER),
            "speaker": ["x", "y", "x", "y"],
            "value": [1.0, 3.0, 2.0, 2.0],
        }
    )
    rows = table(scores, np.random.default_rng(0))
    assert rows["method"].tolist() == ["a", "b"]
    assert rows["mean"].tolist() == [2.0, 2.0]
    assert (rows["low"] <= rows["mean"]).all()


def test_the_paper_claims_that_full_is_best() -> None:
    claimed = PAPER_TABLE_2.set_index("method")["VoxCeleb2 LMD"]
    assert claimed.idxmin() == "full"

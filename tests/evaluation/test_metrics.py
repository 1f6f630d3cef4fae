"""Metrics against numbers worked out by hand; intervals that cover."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoface_lib.core.landmarks import LOWER_INNER_LIP
from emoface_lib.evaluation.bootstrap import bootstrap, difference, ratio
from emoface_lib.evaluation.metrics import (
    ATVG,
    F_LMD,
    LIP_VERTEX,
    M_LMD,
    NERF,
    PAPER,
    PAPER_TABLE_2,
    PROTOCOLS,
    concordance,
    emotion_scores,
    emotion_similarity,
    landmark_distance,
    lip_correlation,
)


def face(frames: int = 4) -> torch.Tensor:
    return torch.rand(frames, 68, 2, generator=torch.Generator().manual_seed(0)) * 200


def test_a_shifted_face_is_5_px_off_by_the_paper_and_0_when_centred() -> None:
    shifted = face() + torch.tensor([3.0, 4.0])
    assert landmark_distance(shifted, face(), PAPER) == pytest.approx(5, abs=1e-4)
    for protocol in (ATVG, M_LMD, F_LMD):
        assert landmark_distance(shifted, face(), protocol) < 1e-4


def test_one_lip_point_off_by_hand() -> None:
    displacement = face()
    displacement[:, 66, 0] += 6.8  # one of 68 points is 6.8 px off
    assert landmark_distance(displacement, face(), PAPER) == pytest.approx(0.1, 1e-4)
    # centred on 20 mouth points: the point is 6.8 * 19/20 off, the others 6.8 / 20
    by_hand = 6.8 * (19 / 20 + 19 / 20)
    assert landmark_distance(displacement, face(), ATVG) == pytest.approx(by_hand, 1e-4)
    mouth = landmark_distance(displacement, face(), M_LMD)
    assert mouth == pytest.approx(by_hand / 20, rel=1e-4)


def test_lip_vertex_error_is_the_worst_lip_point_squared() -> None:
    displacement = face()
    displacement[:, 66, 0] += 3
    displacement[:, 66, 1] += 4
    displacement[:, 50, 0] += 2
    displacement[:, 8, 0] += 100  # the chin is no lip
    widest = landmark_distance(displacement, face(), LIP_VERTEX)
    assert widest == pytest.approx(25, rel=1e-4)


def test_every_protocol_says_something_else() -> None:
    known = [*PROTOCOLS.values(), NERF, *(p.read("dlib") for p in PROTOCOLS.values())]
    assert len({str(one) for one in known}) == len(known)
    assert "dlib" in str(PAPER.read("dlib"))
    assert "dlib" not in str(PAPER)


@given(st.floats(0.1, 10), st.floats(-50, 50))
def test_none_of_them_divides_by_the_size_of_the_face(by: float, away: float) -> None:
    displacement = face() + torch.randn(
        4, 68, 2, generator=torch.Generator().manual_seed(1)
    )
    for name, protocol in PROTOCOLS.items():
        before = landmark_distance(displacement, face(), protocol)
        after = landmark_distance(
            by * displacement + away, by * face() + away, protocol
        )
        power = 2 if name == "lip vertex error" else 1
        assert after == pytest.approx(before * by**power, rel=1e-2)


def test_expression_scores_by_hand() -> None:
    sure, unsure = np.eye(7)[[0]], np.full((1, 7), 1 / 7)
    perfect = {"ES": 1, "ES centred": 1, "ES top-1": 1}
    assert emotion_scores(sure, sure) == pytest.approx(perfect)
    # (1 - 1/7, -1/7, ...) and (-1/7, 1 - 1/7, ...): product -1/7, squares 6/7
    assert emotion_scores(sure, np.eye(7)[[1]]) == pytest.approx(
        {"ES": 0, "ES centred": -1 / 6, "ES top-1": 0}
    )
    assert emotion_scores(sure, unsure)["ES"] == pytest.approx(1 / 7**0.5)
    assert emotion_scores(sure, unsure)["ES centred"] == pytest.approx(0, abs=1e-6)


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


@pytest.mark.slow
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


def paired_scores() -> pd.DataFrame:
    """b is twice a on every clip; speakers differ a hundredfold."""
    rows = [
        (method, "LMD", speaker, f"{speaker}/{clip}", seed, size * value)
        for method, size in (("a", 1), ("b", 2))
        for speaker, value in (("x", 1.0), ("y", 10.0), ("z", 100.0))
        for clip in range(2)
        for seed in range(2)
    ]
    columns = ["method", "metric", "speaker", "clip", "seed", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_a_ratio_on_the_same_clips_is_sure_where_the_means_are_not() -> None:
    generator = np.random.default_rng(0)
    found = ratio(paired_scores(), "a", "b", "LMD", generator)
    assert (found.mean, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    change = difference(paired_scores(), "a", "b", "LMD", generator)
    assert change.mean == pytest.approx(-37)
    assert change.low < change.mean < change.high < 0


def test_methods_without_a_common_clip_have_no_difference() -> None:
    scores = paired_scores()
    scores.loc[scores["method"] == "b", "value"] = np.nan
    generator = np.random.default_rng(0)
    assert str(difference(scores, "a", "b", "LMD", generator)) == "-"
    assert str(ratio(scores, "a", "b", "LMD", generator)) == "-"


def test_the_paper_claims_that_full_is_best() -> None:
    claimed = PAPER_TABLE_2.set_index("method")["VoxCeleb2 LMD"]
    assert claimed.idxmin() == "full"


def test_concordance_by_hand() -> None:
    curve = np.array([0.0, 1, 2, 3])
    assert concordance(curve, curve) == pytest.approx(1)
    assert concordance(-curve, curve - 3) == pytest.approx(-1)
    # variance 1.25 on both sides, a shift of 2: 2.5 / (2.5 + 4)
    assert concordance(curve + 2, curve) == pytest.approx(2.5 / 6.5)
    assert concordance(np.zeros(4), curve) == 0

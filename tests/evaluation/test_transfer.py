"""Exchanged codes: against the generator's own face of the same words in another state.

The clips are drawn by code, so what an exchange should show is known.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.settings import load_settings
from emoface_lib.evaluation.scoring import SHORT
from emoface_lib.evaluation.transfer import (
    GAIN,
    GIVEN,
    Exchange,
    exchanged,
    exchanges,
    gain,
    resampled,
    transfer_scores,
)
from emoface_lib.features.align import to_canonical
from emoface_lib.features.prepared import to_clips
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import content_codes, style_displacements
from emoface_lib.method.style import StyleBranch
from emoface_lib.synthetic.audio_only import extract_drawn
from emoface_lib.synthetic.clips import make_clip, plan_speaker

FACE = to_canonical(mean_face())
SETTINGS = load_settings("smoke", features="log_mel")


@pytest.fixture(scope="module")
def drawn() -> list[Clip]:
    """The first clip of each video of a test speaker."""
    plans = {plan.video: plan for plan in plan_speaker(10_001, SETTINGS)[::-1]}
    made = [extract_drawn(make_clip(plan)) for plan in plans.values()]
    return to_clips([{**one, "heard": one["log_mel"]} for one in made], FACE, SETTINGS)


@pytest.fixture(scope="module")
def pairs(drawn: list[Clip]) -> list[Exchange]:
    return exchanges(drawn, SETTINGS, FACE)


def test_a_clip_is_paired_with_another_video_of_its_speaker(
    pairs: list[Exchange], drawn: list[Clip]
) -> None:
    assert [pair.own for pair in pairs] == drawn
    for own, other, changed in pairs:
        assert other.speaker == own.speaker
        assert other.video != own.video
        assert (changed.features is own.features, changed.emotion) == (
            True,
            other.emotion,
        )
        assert changed.landmarks.shape == own.landmarks.shape
        assert (changed.landmarks - own.landmarks).mean(0).abs().max() > 1


def test_in_its_state_a_face_is_its_own(drawn: list[Clip]) -> None:
    plan = next(p for p in plan_speaker(10_001, SETTINGS) if p.clip == drawn[0].name)
    first, again = make_clip(plan), make_clip(plan, plan.state)
    np.testing.assert_array_equal(first.landmarks, again.landmarks)
    other = replace(plan.state, arousal=-plan.state.arousal)
    changed = make_clip(plan, other)
    np.testing.assert_array_equal(first.speech.samples, changed.speech.samples)
    np.testing.assert_array_equal(first.controls["blink"], changed.controls["blink"])
    assert (first.controls["open"] != changed.controls["open"]).any()


def test_a_code_exchanged_with_itself_gives_the_same_face(
    drawn: list[Clip], pairs: list[Exchange]
) -> None:
    torch.manual_seed(0)
    content, style = ContentBranch(80).eval(), StyleBranch(80).eval()
    with_itself = [pair._replace(other=pair.own) for pair in pairs]
    usual = style_displacements(style, drawn, content_codes(content, drawn))
    found = exchanged(style, content, with_itself)
    assert set(found) == set(GIVEN)
    for some in found.values():
        assert all(torch.equal(a, b) for a, b in zip(some, usual, strict=True))
    changed = exchanged(style, content, pairs)
    assert torch.equal(changed["no code"][0], usual[0])
    for given in list(GIVEN)[1:]:
        assert not torch.equal(changed[given][0], usual[0])


def test_a_code_is_stretched_over_time() -> None:
    code = torch.arange(4.0)[:, None]
    assert torch.equal(resampled(code, 4), code)
    assert resampled(code, 7)[:, 0].tolist() == [0, 0, 1, 2, 2, 2, 3]
    assert resampled(code, 2)[:, 0].tolist() == [0, 3]


def test_gain_is_1_for_the_true_change_and_0_for_none(pairs: list[Exchange]) -> None:
    pair = pairs[0]
    own = torch.randn_like(pair.own.landmarks)
    change = pair.changed.landmarks - pair.own.landmarks
    assert gain(pair, own, own) == 0
    assert gain(pair, own, own + change) == pytest.approx(1, abs=1e-4)
    assert gain(pair, own, own - change / 2) == pytest.approx(-0.5, abs=1e-4)


def test_scores_are_named_by_what_is_exchanged(pairs: list[Exchange]) -> None:
    torch.manual_seed(0)
    scores = transfer_scores(StyleBranch(80), ContentBranch(80), pairs)
    metrics = {m for m in SHORT if m != "ES"} | {GAIN}  # no classifier, no ES
    assert set(scores["metric"]) == {
        f"{m}, {g} exchanged" for m in metrics for g in GIVEN
    }
    assert scores["protocol"].str.endswith("in the other video's state").all()
    assert set(scores.groupby("metric").size()) == {len(pairs)}
    still = scores.loc[scores["metric"] == f"{GAIN}, no code exchanged", "value"]
    pd.testing.assert_series_equal(still, 0 * still)

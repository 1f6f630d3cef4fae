"""Studies: paired seeds, nested speakers, the same numbers again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings
from emoface_lib.evaluation.baselines import MEAN_DISPLACEMENT, STATIC
from emoface_lib.evaluation.experiment import (
    ABLATION,
    CONTRASTS,
    CURVES,
    NO_STYLE,
    PARTS,
    Trial,
    compare,
    in_parts,
    some_speakers,
)
from emoface_lib.evaluation.scoring import LandmarkExpressions


@pytest.fixture
def labelled(clips: list[Clip]) -> list[Clip]:
    """The clips with an emotion a video."""
    return [replace(clip, emotion=EXPRESSIONS[int(clip.video[1])]) for clip in clips]


@pytest.fixture
def short(tiny: Settings) -> Settings:
    return tiny.changed(content_steps=3, style_steps=3)


@pytest.mark.slow
def test_a_comparison_scores_every_method_of_every_trial(
    labelled: list[Clip], short: Settings
) -> None:
    trials = [Trial(0), Trial(1, speakers=1)]
    found = compare(trials, ABLATION, labelled, short, workers=1)
    methods = {STATIC, MEAN_DISPLACEMENT, NO_STYLE, *ABLATION}
    assert set(found.scores["method"]) == methods
    assert set(found.codes["method"]) == set(ABLATION) == set(found.curves["method"])
    counts = found.scores.groupby(["seed", "speakers", "metric"])["value"].size()
    test = sum(clip.split == "test" for clip in labelled)
    assert set(counts) == {len(methods) * test}
    assert set(found.scores["metric"]) == {"LMD", "M-LMD", "lip r", "ES"}
    assert set(zip(found.scores["seed"], found.scores["speakers"], strict=True)) == {
        (0, 2),
        (1, 1),
    }


@pytest.mark.slow
def test_the_same_comparison_gives_the_same_numbers_in_other_processes(
    labelled: list[Clip], short: Settings
) -> None:
    variants = {"full": CONTRASTS["eq. (5), means"]}
    trials = [Trial(0), Trial(1)]
    here = compare(trials, variants, labelled, short, workers=1)
    there = compare(trials, variants, labelled, short, workers=2)
    assert here.scores.equals(there.scores)
    assert here.codes.equals(there.codes)


@pytest.mark.slow
def test_what_was_found_is_one_table_that_says_of_which_study(
    labelled: list[Clip], short: Settings
) -> None:
    found = compare([Trial(0)], {"full": {}}, labelled, short, workers=1)
    table = found.table("collapse")
    assert len(table) == len(found.scores) + len(found.codes) + len(found.curves)
    assert set(table["study"]) == {"collapse"}
    assert not {"speakers", "fact"} & set(table)  # `speakers` is a setting of a run
    assert table[["metric", "protocol", "value"]].isna().sum().drop("value").sum() == 0
    assert set(table[table["step"].notna()]["metric"]) == set(CURVES)


def test_a_log_is_kept_as_means_over_parts_of_the_training() -> None:
    steps = np.arange(6 * PARTS)
    log = pd.DataFrame({"step": steps, "d_rs": 2.0 * steps, "loss": 0.0})
    kept = in_parts(log)
    assert (len(kept), set(kept["metric"])) == (PARTS, {"d_rs"})
    assert kept["step"].tolist()[:2] == [2.5, 8.5]
    assert np.allclose(kept["value"], 2 * kept["step"])
    assert len(in_parts(log[:2])) == 2


def test_more_speakers_include_the_fewer(clips: list[Clip]) -> None:
    def names(count: int) -> set[str]:
        kept = some_speakers(clips, Trial(5, count))
        return {clip.speaker for clip in kept if clip.split == "train"}

    assert names(1) < names(2) == names(0)


def test_expressions_are_read_from_landmarks(clips: list[Clip]) -> None:
    rng = np.random.default_rng(0)
    displacement = []
    for clip in clips:
        kind = int(rng.integers(2))
        landmarks = clip.landmarks.clone()
        landmarks[:, 48:68, 0] += 20.0 * kind  # wide lips
        name = ("neutral", "happiness")[kind]
        displacement.append(replace(clip, landmarks=landmarks, emotion=name))
    classifier = LandmarkExpressions.learn(displacement)
    for clip in displacement:
        softmax = classifier.probabilities(clip.displacement)
        assert softmax.shape == (len(clip.landmarks), 7)
        assert np.allclose(softmax.sum(1), 1)
        assert EXPRESSIONS[int(softmax.mean(0).argmax())] == clip.emotion
    with pytest.raises(InputError, match="No clip has a label"):
        LandmarkExpressions.learn([replace(clip, emotion="") for clip in clips])

"""Experiments: paired seeds, nested speakers, every row, the same numbers again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings
from emoface_lib.evaluation.experiment import (
    CODES,
    CURVES,
    PARTS,
    Experiment,
    Trial,
    in_parts,
    some_speakers,
)
from emoface_lib.evaluation.rows import ABLATION, FLOORS, FULL, PLAIN, TABLE_2
from emoface_lib.evaluation.scoring import ALL, LandmarkExpressions, one_a_video
from emoface_lib.evaluation.transfer import Exchange


@pytest.fixture
def labelled(clips: list[Clip]) -> list[Clip]:
    """The clips with an emotion a video."""
    return [replace(clip, emotion=EXPRESSIONS[int(clip.video[1])]) for clip in clips]


@pytest.fixture
def short(tiny: Settings) -> Settings:
    return tiny.changed(content_steps=3, style_steps=3)


@pytest.mark.slow
def test_rows_are_scored_in_every_trial(labelled: list[Clip], short: Settings) -> None:
    rows = (*FLOORS, *ABLATION)
    trials = [Trial(0), Trial(1, speakers=1)]
    found = Experiment(labelled, short, rows).run(trials, workers=1)
    scores = found[found["clip"].notna()]
    assert set(scores["method"]) == set(rows)
    counts = scores.groupby(["seed", "training_speakers", "metric"])["value"].size()
    test = sum(clip.split == "test" for clip in labelled)
    assert set(counts) == {len(rows) * test}
    assert set(scores["metric"]) == {"LMD", "M-LMD", "lip r", "ES"}
    placed = zip(scores["seed"], scores["training_speakers"], strict=True)
    assert set(placed) == {(0, 2), (1, 1)}


@pytest.mark.slow
def test_what_was_found_is_one_table_of_scores_codes_and_curves(
    labelled: list[Clip], short: Settings
) -> None:
    own, other = [clip for clip in labelled if clip.split == "test"][1:3]
    changed = replace(own, landmarks=own.landmarks + 1)
    study = Experiment(labelled, short, (*FLOORS, PLAIN, FULL))
    given = replace(study, exchanges=[Exchange(own, other, changed)])
    found = given.run([Trial(0)], 1)
    swapped = found[found["metric"] == "LMD, E_emotion exchanged"]
    assert swapped["method"].tolist() == [PLAIN, FULL]
    codes = found[found["protocol"] == CODES]
    curves = found[found["step"].notna()]
    assert set(codes["method"]) == {PLAIN, FULL} == set(curves["method"])
    assert set(curves["metric"]) == set(CURVES)
    assert len(found) == len(codes) + len(curves) + found["clip"].notna().sum()
    assert "speakers" not in found  # it is a setting of a run
    assert found[["metric", "protocol", "seed"]].notna().all(axis=None)


@pytest.mark.slow
def test_the_same_comparison_gives_the_same_numbers_in_other_processes(
    labelled: list[Clip], short: Settings
) -> None:
    study = Experiment(labelled, short, ("eq. (5), means",))
    trials = [Trial(0), Trial(1)]
    assert study.run(trials, workers=1).equals(study.run(trials, workers=2))


@pytest.mark.slow
def test_table_2_scores_every_row_and_goes_on_where_it_stopped(
    labelled: list[Clip], short: Settings, tmp_path: Path
) -> None:
    known = [replace(clip, voice=torch.rand(256)) for clip in labelled]
    study = Experiment(known, short, metrics=ALL, folder=tmp_path)
    found = study.run([Trial(0)], workers=1)
    scores = found[found["clip"].notna()]
    assert set(scores["method"]) == set(TABLE_2)
    assert set(scores["metric"]) == set(ALL)
    count = scores.groupby(["method", "metric"]).size()
    assert count.nunique() == 1  # each row on the same clips
    assert study.run([Trial(0)], workers=1).equals(found)  # minutes, too: it is read
    (tmp_path / "seed_0" / "test.parquet").unlink()
    logs = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("log.csv")}
    again = study.run([Trial(0)], workers=1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("log.csv")} == logs
    assert found.drop(columns="minutes").equals(again.drop(columns="minutes"))
    fewer = replace(study, rows=FLOORS).run([Trial(0)], workers=1)
    assert set(fewer["method"]) == set(FLOORS)
    new_videos = replace(study, split="val").run([Trial(0)], workers=1)
    assert not set(new_videos["clip"].dropna()) & set(scores["clip"])


def test_no_labels_no_classifier(clips: list[Clip], tiny: Settings) -> None:
    unknown = [replace(clip, emotion="") for clip in clips]
    assert Experiment(unknown, tiny).classifier is None


def test_one_clip_a_video_is_the_first(clips: list[Clip]) -> None:
    first = [clip.name for clip in clips if clip.name.endswith("0")]
    assert [clip.name for clip in one_a_video(clips)] == first


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

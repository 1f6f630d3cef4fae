"""The study of Table 2: every row, resumed where it stopped, a dash where no V_p is."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.settings import Settings
from emoface_lib.evaluation.baselines import (
    AGAIN,
    ENERGY,
    MEAN_DISPLACEMENT,
    SHUFFLED,
    STATIC,
)
from emoface_lib.evaluation.experiment import NO_STYLE
from emoface_lib.evaluation.scoring import ALL, one_a_video
from emoface_lib.evaluation.table_2 import (
    ANYONE,
    FOLDERS,
    MAKEITTALK,
    MAKEITTALK_CONTENT,
    PLAIN,
    VARIANTS,
    Study,
    classifier_of,
    our_methods,
    style_methods,
)
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import load_content

EVERY_ROW = {
    NO_STYLE,
    *VARIANTS,
    MAKEITTALK,
    MAKEITTALK_CONTENT,
    STATIC,
    MEAN_DISPLACEMENT,
    ENERGY,
    SHUFFLED,
    AGAIN,
}


@pytest.fixture
def known(clips: list[Clip]) -> list[Clip]:
    """The clips with labels and voices."""
    return [
        replace(c, emotion=EXPRESSIONS[int(c.video[1])], voice=torch.rand(256))
        for c in clips
    ]


@pytest.fixture
def short(tiny: Settings) -> Settings:
    return tiny.changed(content_steps=2, style_steps=2)


@pytest.mark.slow
def test_a_study_scores_every_row_and_goes_on_where_it_stopped(
    known: list[Clip], short: Settings, tmp_path: Path
) -> None:
    study = Study("made up", known, tmp_path, short)
    found = study.run([0], workers=1)
    assert set(found["method"]) == EVERY_ROW
    assert set(found["metric"]) == set(ALL)
    assert found["corpus"].nunique() == 2
    count = found.groupby(["corpus", "method", "metric"]).size()
    assert set(count.unstack(0).nunique()) == {1}  # each row on the same clips
    (tmp_path / "seed_0" / "baselines.parquet").unlink()
    log = tmp_path / "seed_0" / "makeittalk" / "content" / "log.csv"
    made = log.stat().st_mtime_ns
    again = study.run([0], workers=1)
    assert log.stat().st_mtime_ns == made
    assert found.drop(columns="minutes").equals(again.drop(columns="minutes"))


@pytest.mark.slow
def test_where_nobody_is_named_full_is_left_out(
    known: list[Clip], short: Settings, tmp_path: Path
) -> None:
    """As LRW: every clip is a speaker and a video of its own, so there is no V_p."""
    alone = [replace(clip, speaker=clip.name, video=clip.name) for clip in known]
    rows = our_methods(alone, tmp_path, short)
    assert list(rows) == [NO_STYLE, PLAIN]
    assert (tmp_path / FOLDERS[PLAIN] / "model.safetensors").exists()


@pytest.mark.slow
def test_what_was_trained_is_loaded_and_what_was_not_is_trained(
    known: list[Clip], short: Settings, tmp_path: Path
) -> None:
    """As notebook 07 finds what 05 has left: all but one row."""
    rows = our_methods(known, tmp_path, short)
    assert list(rows) == [NO_STYLE, *VARIANTS]
    shutil.rmtree(tmp_path / FOLDERS[ANYONE])
    made = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*/model.safetensors")}
    content = load_content(tmp_path / "content" / "model.safetensors")
    again = style_methods(enrolled(known), content, tmp_path, short)
    assert list(again) == list(VARIANTS)
    now = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*/model.safetensors")}
    assert made.items() < now.items()
    assert [path.parent.name for path in now.keys() - made.keys()] == [FOLDERS[ANYONE]]
    for name, row in again.items():
        for one, other in zip(row(known), rows[name](known), strict=True):
            assert torch.equal(one, other)


def test_a_corpus_without_labels_has_no_reader(known: list[Clip]) -> None:
    assert classifier_of([replace(clip, emotion="") for clip in known]) is None


def test_one_clip_a_video_is_the_first(clips: list[Clip]) -> None:
    first = [clip.name for clip in clips if clip.name.endswith("0")]
    assert [clip.name for clip in one_a_video(clips)] == first

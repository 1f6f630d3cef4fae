"""The study of Table 2: every row, resumed where it stopped, a dash where no V_p is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emoface_lib.baselines import AGAIN, ENERGY, MEAN_MOTION, SHUFFLED, STATIC
from emoface_lib.config import EXPRESSIONS, Settings
from emoface_lib.features.clips import Clip
from emoface_lib.harness import ALL, one_a_video
from emoface_lib.studies import NO_STYLE
from emoface_lib.table_2 import (
    FULL,
    IMPROVED,
    MAKEITTALK,
    MAKEITTALK_CONTENT,
    PLAIN,
    Study,
    our_methods,
    reader_of,
)

EVERY_ROW = {
    NO_STYLE,
    PLAIN,
    "without L_identity",
    FULL,
    IMPROVED,
    MAKEITTALK,
    MAKEITTALK_CONTENT,
    STATIC,
    MEAN_MOTION,
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
    (tmp_path / "seed_0" / "peers.parquet").unlink()
    log = tmp_path / "seed_0" / "makeittalk" / "content" / "log.csv"
    made = log.stat().st_mtime_ns
    again = study.run([0], workers=1)
    assert log.stat().st_mtime_ns == made
    assert found.drop(columns="minutes").equals(again.drop(columns="minutes"))


def test_where_nobody_is_named_full_is_left_out(
    known: list[Clip], short: Settings, tmp_path: Path
) -> None:
    """As LRW: every clip is a speaker and a video of its own, so there is no V_p."""
    alone = [replace(clip, speaker=clip.name, video=clip.name) for clip in known]
    rows = our_methods(alone, tmp_path, short)
    assert FULL not in rows
    assert {NO_STYLE, PLAIN} <= set(rows)


def test_a_corpus_without_labels_has_no_reader(known: list[Clip]) -> None:
    assert reader_of([replace(clip, emotion="") for clip in known]) is None


def test_one_clip_a_video_is_the_first(clips: list[Clip]) -> None:
    first = [clip.name for clip in clips if clip.name.endswith("0")]
    assert [clip.name for clip in one_a_video(clips)] == first

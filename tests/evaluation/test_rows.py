"""Rows of Table 2: trained once, loaded after, left out where no V_p is."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import Settings
from emoface_lib.evaluation.rows import (
    ANYONE,
    FULL,
    NO_STYLE,
    OURS,
    PLAIN,
    ROWS,
    our_methods,
    train_rows,
    trained_by,
)
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import train_content


@pytest.fixture
def short(tiny: Settings) -> Settings:
    return tiny.changed(content_steps=2, style_steps=2)


def test_every_row_has_a_folder_of_its_own() -> None:
    assert len({row.folder for row in ROWS.values()}) == len(ROWS)


@pytest.mark.slow
def test_where_nobody_is_named_full_is_left_out(
    clips: list[Clip], short: Settings, tmp_path: Path
) -> None:
    """As LRW: every clip is a speaker and a video of its own, so there is no V_p."""
    alone = [replace(clip, speaker=clip.name, video=clip.name) for clip in clips]
    content, _ = train_content(alone, tmp_path / "content", short)
    said: list[str] = []
    trained = train_rows(OURS, alone, content, tmp_path, short, said.append)
    assert list(our_methods(content, trained)) == [NO_STYLE, PLAIN]
    assert (tmp_path / ROWS[PLAIN].folder / "model.safetensors").exists()
    assert sum("is left out. No triplet can be made" in text for text in said) == 3


@pytest.mark.slow
def test_what_was_trained_is_loaded_and_what_was_not_is_trained(
    clips: list[Clip], short: Settings, tmp_path: Path
) -> None:
    """As notebook 07 finds what 05 has left: all but one row."""
    content, _ = train_content(clips, tmp_path / "content", short)
    rows = our_methods(content, train_rows(OURS, clips, content, tmp_path, short))
    assert list(rows) == [NO_STYLE, *OURS]
    own = ROWS[ANYONE].folder
    shutil.rmtree(tmp_path / own)
    made = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*/model.safetensors")}
    asked = trained_by(tmp_path, short.changed(content_batch=3))
    trained = train_rows(OURS, enrolled(clips), content, tmp_path, asked)
    again = our_methods(content, trained)
    now = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*/model.safetensors")}
    assert made.items() < now.items()
    assert [path.parent.name for path in now.keys() - made.keys()] == [own]
    for name, row in again.items():
        for one, other in zip(row(clips), rows[name](clips), strict=True):
            assert torch.equal(one, other)


@pytest.mark.slow
def test_settings_are_those_of_the_run_but_for_the_row_itself(
    clips: list[Clip], short: Settings, tmp_path: Path
) -> None:
    """A corpus may have given "without L_emotion" alone, whose losses are off."""
    other = short.changed(style_steps=1)
    assert trained_by(tmp_path, other) == other
    content, _ = train_content(clips, tmp_path / "content", short)
    for name in (PLAIN, FULL):
        train_rows((name,), clips, content, tmp_path, short)
        assert trained_by(tmp_path, other).by_name() == short.by_name()

"""The baselines' shipped weights, and the rows that are compared in pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.core.checkpoints import read_settings, save_model
from emoface_lib.core.clip import Clip
from emoface_lib.core.files import write_npz
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.evaluation import rendered, scoring
from emoface_lib.evaluation.makeittalk import train_makeittalk
from emoface_lib.evaluation.pc_avs import PCAVS
from emoface_lib.evaluation.rendered import (
    CONTENT,
    SPEAKER,
    rendered_rows,
    shipped_baselines,
    shipped_pc_avs,
    with_voices,
)
from emoface_lib.evaluation.rows import (
    MAKEITTALK,
    MAKEITTALK_CONTENT,
    PC_AVS,
    PC_AVS_WRONG,
    RENDERED_TRUTH,
)
from emoface_lib.evaluation.scoring import Studio
from tools.ship_weights import ship_half


@pytest.fixture
def voiced(clips: list[Clip]) -> list[Clip]:
    return [replace(clip, voice=torch.rand(256)) for clip in clips]


def test_shipped_peers_move_a_face(voiced: list[Clip]) -> None:
    settings = load_settings("tutorial")
    rows = shipped_baselines(settings)
    assert set(rows) == {MAKEITTALK, MAKEITTALK_CONTENT}
    for method in rows.values():
        (displacement,) = method(voiced[:1])
        assert displacement.shape == voiced[0].landmarks.shape
        assert torch.isfinite(displacement).all()
        assert displacement.abs().max() > 0
    assert isinstance(shipped_pc_avs(settings), PCAVS)


def test_without_voices_the_content_branch_alone_can_be_asked(
    clips: list[Clip], tmp_path: Path
) -> None:
    silent = with_voices(clips, tmp_path / "missing.npz")
    assert [(c.name, c.voice) for c in silent] == [(c.name, None) for c in clips]
    rows = shipped_baselines(load_settings("tutorial"), voiced=False)
    assert set(rows) == {MAKEITTALK_CONTENT}
    names = np.array(["id0"])
    embedded = np.ones((1, 256), np.float32)
    path = tmp_path / "speakers.npz"
    write_npz(path, speakers=names, embeddings=embedded)
    known = with_voices(clips, path)
    assert [c.voice is not None for c in known] == [c.speaker == "id0" for c in clips]


def test_where_other_features_were_learnt_there_are_none() -> None:
    settings = load_settings("tutorial", features="codes")
    assert shipped_baselines(settings) == {}
    assert shipped_pc_avs(settings) is None


@pytest.mark.slow
def test_half_precision_keeps_the_settings_and_nearly_the_numbers(
    voiced: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    made = train_makeittalk(voiced, tmp_path, tiny.changed(content_steps=2))
    for name, file in (("content", CONTENT), ("speaker", SPEAKER)):
        ship_half(tmp_path / name / "model.safetensors", tmp_path / file)
    shipped = shipped_baselines(load_settings("tutorial"), tmp_path)
    before, after = made.displacements(voiced[:1]), shipped[MAKEITTALK](voiced[:1])
    assert np.allclose(before[0], after[0], atol=0.2)  # px
    content = tmp_path / CONTENT
    whole = tmp_path / "content" / "model.safetensors"
    assert content.stat().st_size < 0.6 * whole.stat().st_size
    assert read_settings(content) == tiny.changed(content_steps=2)


def test_a_model_that_was_never_shipped_is_named(tmp_path: Path) -> None:
    save_model(tmp_path / CONTENT, PCAVS(), load_settings("tutorial"))
    with pytest.raises(Exception, match="is not a checkpoint of ContentBranch"):
        shipped_baselines(load_settings("tutorial"), tmp_path)


def test_landmarks_read_from_frames_are_measured_in_both_scales(
    monkeypatch: pytest.MonkeyPatch, clips: list[Clip]
) -> None:
    """The NeRF family's distance is in px of the frame; the others' of 256 px."""
    studio = Studio(Path(), Path(), np.zeros((68, 3)), None, None, 128)
    faces = clips[0].landmarks.numpy()[:4] / 2
    displacement = iter([faces[0] + 1, None, *(faces[2:] * 1.1)])
    monkeypatch.setattr(scoring, "read_landmarks", lambda _: next(displacement))
    frames, who = np.zeros((4, 8, 8, 3), np.uint8), np.ones(128)
    found = studio._readings(frames, list(faces), who)
    assert found["found"][1] == 0.75
    protocol, distance = found[f"{scoring.NERF_LMD}, read"]
    assert "128-px frame" in protocol
    assert distance == pytest.approx(found["F-LMD, read"][1] / 2)
    assert distance > 0


def test_a_clip_alone_can_not_hear_another(
    monkeypatch: pytest.MonkeyPatch, clips: list[Clip]
) -> None:
    monkeypatch.setattr(Studio, "render", lambda self, clip, move, every: [None])
    monkeypatch.setattr(rendered, "synthesise", lambda *_: np.zeros((1, 8, 8, 3)))
    studio = Studio(Path(), Path(), np.zeros((68, 3)), None, None, 8)
    one, two = (rendered_rows({}, clips[:n], studio, PCAVS()) for n in (1, 2))
    assert set(one) == {RENDERED_TRUTH, PC_AVS}
    assert set(two) == {RENDERED_TRUTH, PC_AVS, PC_AVS_WRONG}

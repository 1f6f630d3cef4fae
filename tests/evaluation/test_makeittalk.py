"""MakeItTalk's landmark branches: the released shapes, its losses, its scale undone."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import LIPS
from emoface_lib.core.settings import Settings
from emoface_lib.evaluation.makeittalk import (
    JAW_WIDTH,
    LIP_WEIGHT,
    ContentBranch,
    MakeItTalk,
    SpeakerBranch,
    in_canonical,
    landmark_losses,
    laplacian,
    load_released,
    standard_face,
    standard_scale,
    train_makeittalk,
    windows_of,
)

DATA = Path(__file__).parents[1] / "data"


def listed(name: str) -> dict[str, torch.Tensor]:
    """A state dict with the names and shapes of a released checkpoint."""
    state = {}
    lines = (DATA / f"makeittalk_{name}.tsv").read_text().splitlines()
    for line in (each for each in lines if not each.startswith("#")):
        key, shape, kind = line.split("\t")
        sizes = () if shape == "scalar" else [int(n) for n in shape.split("x")]
        state[key] = torch.full(sizes, 0.01, dtype=getattr(torch, kind))
    return state


@pytest.fixture
def voiced(clips: list[Clip]) -> list[Clip]:
    """The clips with embedded voices."""
    return [replace(clip, voice=torch.rand(256)) for clip in clips]


@pytest.fixture
def released(tmp_path: Path) -> tuple[Path, Path]:
    """Files like the released ones, with what their loader drops."""
    paths = tmp_path / "content.pth", tmp_path / "speaker.pth"
    torch.save({"model_g_face_id": listed("content")}, paths[0])
    dropped = {"comb_mlp.0.weight": torch.zeros(2)}
    torch.save({"G": listed("speaker") | dropped, "epoch": 1}, paths[1])
    return paths


def test_names_and_shapes_are_those_of_the_released_networks() -> None:
    for branch, name in ((ContentBranch(), "content"), (SpeakerBranch(), "speaker")):
        own = {key: value.shape for key, value in branch.state_dict().items()}
        assert own == {key: value.shape for key, value in listed(name).items()}


def test_released_checkpoints_load_and_move_a_face(
    released: tuple[Path, Path], voiced: list[Clip]
) -> None:
    both = load_released(*released)
    assert float(both.content.fc[0].weight.detach().mean()) == pytest.approx(0.01)
    (displacement,) = both.displacements(voiced[:1])
    assert displacement.shape == voiced[0].landmarks.shape
    assert torch.isfinite(displacement).all()


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"model_g_face_id": {"a": torch.zeros(1)}}, path)
    with pytest.raises(InputError, match=r"other\.pth is no checkpoint"):
        load_released(path)
    with pytest.raises(InputError, match="missing"):
        load_released(tmp_path / "missing.pth")


def test_a_window_begins_at_its_moment_and_the_end_is_held(clips: list[Clip]) -> None:
    later = (torch.arange(40.0) + 5).clamp(max=39)[:, None].expand(-1, 80)
    windows = windows_of(replace(clips[0], features=later, ahead=5))
    assert windows.shape == (40, 18, 80)
    assert windows[7, :, 0].tolist() == list(range(7, 25))
    assert windows[-1, :, 0].tolist() == [39.0] * 18


def test_the_scale_of_the_standard_face_is_undone(clips: list[Clip]) -> None:
    clip = clips[0]
    face = standard_face(clip.reference).unflatten(0, (68, 3))
    assert float((face[16] - face[0])[:2].norm()) == pytest.approx(JAW_WIDTH, rel=1e-4)
    displacement = torch.rand(5, 68, 2)
    solid = torch.cat([displacement, torch.ones(5, 68, 1)], dim=-1)
    scaled = solid * standard_scale(clip.reference)
    back = in_canonical(scaled.flatten(1), clip.reference)
    assert torch.allclose(back, displacement, atol=1e-4)


def test_losses_by_hand() -> None:
    truth = torch.zeros(1, 204)
    chin, lip = truth.clone(), truth.clone()
    chin[0, 8 * 3] = 0.3  # one coordinate of 204
    lip[0, LIPS.start * 3] = 0.3
    loss = landmark_losses(chin, truth)["loss/points"]
    assert float(loss) == pytest.approx(0.3 / 204)
    by_hand = LIP_WEIGHT * 0.3 / 204
    assert float(landmark_losses(lip, truth)["loss/points"]) == pytest.approx(by_hand)
    # the chin moves against two neighbours, each of which has two itself
    shape = 0.3 * (1 + 0.5 + 0.5) / 204
    assert float(landmark_losses(chin, truth)["loss/laplacian"]) == pytest.approx(shape)
    assert (laplacian() @ torch.ones(68, 3)).abs().max() < 1e-6


@pytest.mark.slow
def test_training_learns_and_leaves_what_loads(
    voiced: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    settings = tiny.changed(content_steps=10, style_steps=2)
    made = train_makeittalk(voiced, tmp_path, settings)
    log = pd.read_csv(tmp_path / "content" / "log.csv")
    assert log["loss"].iloc[-1] < 0.7 * log["loss"].iloc[0]
    displacement = made.displacements(voiced[:2])
    again = train_makeittalk(voiced, tmp_path, settings).displacements(voiced[:2])
    assert all(torch.equal(a, b) for a, b in zip(displacement, again, strict=True))


def test_the_speaker_branch_asks_for_the_voice(clips: list[Clip]) -> None:
    with pytest.raises(InputError, match="no embedded voice"):
        MakeItTalk(ContentBranch(), SpeakerBranch()).displacements(clips[:1])
    assert len(MakeItTalk(ContentBranch()).displacements(clips[:1])) == 1

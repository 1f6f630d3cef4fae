"""The dial's axis is the direction in which embeddings vary, pointing to open lips."""

from pathlib import Path

import pytest
import torch

from emoface_lib.emotion_space import emotion_space, load_space
from emoface_lib.errors import InputError


def embeddings() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    amount = torch.randn(50, generator=generator)
    axis = torch.zeros(128)
    axis[3] = -2.0
    noise = 0.01 * torch.randn(50, 128, generator=generator)
    return amount[:, None] * axis + noise, amount


def test_first_component_is_the_axis_and_points_to_open_lips() -> None:
    codes, amount = embeddings()
    space = emotion_space(codes, amount.tolist())
    assert space.components[0, 3] == pytest.approx(-1, abs=1e-2)
    assert space.deviations[0] == pytest.approx(2 * amount.std().item(), rel=0.02)
    opposite = emotion_space(codes, (-amount).tolist())
    assert opposite.components[0, 3] == pytest.approx(1, abs=1e-2)


def test_an_offset_moves_by_standard_deviations() -> None:
    codes, amount = embeddings()
    space = emotion_space(codes, amount.tolist())
    moved = space.coordinates(codes + space.offset(1.5)) - space.coordinates(codes)
    assert moved[:, 0].mean() == pytest.approx(1.5, abs=1e-4)
    assert moved[:, 1:].abs().max() < 1e-2


def test_a_space_is_read_as_it_was_saved(tmp_path: Path) -> None:
    codes, amount = embeddings()
    space = emotion_space(codes, amount.tolist())
    space.save(tmp_path / "space.safetensors")
    again = load_space(tmp_path / "space.safetensors")
    assert torch.equal(space.components, again.components)
    with pytest.raises(InputError, match="08_emotion_space first"):
        load_space(tmp_path / "none.safetensors")

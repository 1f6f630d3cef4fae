"""The dial's axis is the direction in which embeddings vary, pointing to open lips."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emoface_lib.displacements import content_codes, style_displacements
from emoface_lib.emotion_space import (
    emotion_embeddings,
    emotion_space,
    load_space,
    oriented,
)
from emoface_lib.errors import InputError
from emoface_lib.features.clips import Clip
from emoface_lib.landmarks import lip_opening
from emoface_lib.models.content import ContentBranch
from emoface_lib.models.style import StyleBranch


def embeddings() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    amount = torch.randn(50, generator=generator)
    axis = torch.zeros(128)
    axis[3] = -2.0
    noise = 0.01 * torch.randn(50, 128, generator=generator)
    return amount[:, None] * axis + noise, amount


def test_first_component_is_the_axis() -> None:
    codes, amount = embeddings()
    space = emotion_space(codes)
    assert abs(space.components[0, 3]) == pytest.approx(1, abs=1e-2)
    assert space.deviations[0] == pytest.approx(2 * amount.std().item(), rel=0.02)


def test_a_component_points_to_where_the_face_opens_its_lips(
    clips: list[Clip],
) -> None:
    torch.manual_seed(0)
    content, style = ContentBranch(), StyleBranch()
    some = clips[:2]
    first = oriented(
        emotion_space(emotion_embeddings(style, clips)), content, style, some
    )
    flipped = replace(first, components=-first.components)
    again = oriented(flipped, content, style, some)
    assert torch.equal(again.components, first.components)
    codes = content_codes(content, some)

    def opening(amount: float) -> float:
        moved = style_displacements(style, some, codes, first.offset(amount))
        pairs = zip(some, moved, strict=True)
        return float(sum(lip_opening(c.reference + m).mean() for c, m in pairs))

    assert opening(1.0) > opening(-1.0)


def test_an_offset_moves_by_standard_deviations() -> None:
    codes, _ = embeddings()
    space = emotion_space(codes)
    moved = space.coordinates(codes + space.offset(1.5)) - space.coordinates(codes)
    assert moved[:, 0].mean() == pytest.approx(1.5, abs=1e-4)
    assert moved[:, 1:].abs().max() < 1e-2


def test_a_space_is_read_as_it_was_saved(tmp_path: Path) -> None:
    codes, _ = embeddings()
    space = emotion_space(codes)
    space.save(tmp_path / "space.safetensors")
    again = load_space(tmp_path / "space.safetensors")
    assert torch.equal(space.components, again.components)
    with pytest.raises(InputError, match="08_emotion_space first"):
        load_space(tmp_path / "none.safetensors")

"""The dial's axis is the direction in which embeddings vary, pointing to open lips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.animation.emotion_control import Curve
from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import lip_opening, smile
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import content_codes, style_displacements
from emoface_lib.method.emotion_space import (
    EmotionSpace,
    centred,
    emotion_embeddings,
    emotion_space,
    load_space,
    loud_frames,
    oriented,
    supervised,
)
from emoface_lib.method.style import StyleBranch


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


def test_a_component_points_to_where_a_face_opens_its_lips(clips: list[Clip]) -> None:
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
        displacement = style_displacements(style, some, codes, first.offset(amount))
        pairs = zip(some, displacement, strict=True)
        return float(sum(lip_opening(c.reference + m).mean() for c, m in pairs))

    assert opening(1.0) > opening(-1.0)


def test_arousal_leaves_the_mouths_corners_where_they_are(clips: list[Clip]) -> None:
    torch.manual_seed(0)
    content, style, some = ContentBranch(), StyleBranch(), clips[:2]
    codes = content_codes(content, some)

    def lifts(step: torch.Tensor) -> float:
        ends = [style_displacements(style, some, codes, x) for x in (step, -step)]
        up, down = (float(sum(smile(move).mean() for move in end)) for end in ends)
        return up - down

    plain = emotion_space(emotion_embeddings(style, clips))
    steps = 0.05 * plain.components[:2]
    other, pleased = sorted(steps, key=lambda step: abs(lifts(step)))
    excited = 0.3 * other + 0.5 * pleased
    before = replace(plain, labelled=torch.stack([excited, pleased]))
    after = oriented(before, content, style, some)
    assert torch.equal(after.labelled[1], before.labelled[1])
    assert abs(lifts(after.labelled[0])) < 0.1 * abs(lifts(before.labelled[0]))


def test_an_offset_moves_by_standard_deviations() -> None:
    codes, _ = embeddings()
    space = emotion_space(codes)
    displacement = space.coordinates(codes + space.offset(1.5)) - space.coordinates(
        codes
    )
    assert displacement[:, 0].mean() == pytest.approx(1.5, abs=1e-4)
    assert displacement[:, 1:].abs().max() < 1e-2


def test_a_space_is_read_as_it_was_saved(tmp_path: Path) -> None:
    codes, _ = embeddings()
    space = emotion_space(codes)
    space.save(tmp_path / "space.safetensors")
    again = load_space(tmp_path / "space.safetensors")
    assert torch.equal(space.components, again.components)
    with pytest.raises(InputError, match="08_emotion_space first"):
        load_space(tmp_path / "none.safetensors")


def test_an_axis_of_arousal_is_the_direction_arousal_takes(clips: list[Clip]) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([[clip.arousal, clip.valence] for clip in clips]).float()
    directions = torch.zeros(2, 128)
    directions[0, 3], directions[1, 5] = 2.0, -1.0
    names = sorted({clip.speaker for clip in clips})
    who = torch.tensor([names.index(clip.speaker) for clip in clips])
    codes = labels @ directions + 9 * torch.randn(3, 128, generator=generator)[who]
    space = supervised(emotion_space(codes), codes, clips)
    for axis, direction in zip(("arousal", "valence"), directions, strict=True):
        step = space.axes[axis]
        assert torch.cosine_similarity(step, direction, dim=0) > 0.999
        assert step.norm() == pytest.approx(
            float((codes @ direction).std(correction=0) / direction.norm()), rel=1e-3
        )


def test_expressions_have_codes_that_mix_to_those_of_clips(clips: list[Clip]) -> None:
    generator = torch.Generator().manual_seed(1)
    softmax = torch.rand(40, 7, generator=generator).softmax(1)
    some = [replace(clips[0], expression=one) for one in softmax]
    true = torch.randn(7, 128, generator=generator)
    space = supervised(emotion_space(softmax @ true), softmax @ true, some)
    ways = true - true[-1]
    for name, way in zip(EXPRESSIONS, ways, strict=True):
        torch.testing.assert_close(space.axes[name], way, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(space.neutral, true[-1], atol=1e-3, rtol=1e-3)


def test_a_mood_that_hardly_any_clip_shows_is_the_middle_one(clips: list[Clip]) -> None:
    generator = torch.Generator().manual_seed(2)
    softmax = torch.rand(40, 7, generator=generator).mul(3).softmax(1)
    softmax[:, 2] = 1e-4 * torch.rand(40, generator=generator)  # a reader's noise
    some = [replace(clips[0], expression=one) for one in softmax]
    codes = softmax @ torch.randn(7, 128, generator=generator)
    codes += 0.01 * torch.randn(40, 128, generator=generator)
    space = supervised(emotion_space(codes), codes, some)
    middle = space.expressions[[0, 1, 3, 4, 5, 6]].mean(0)  # what clips show
    apart = (space.expressions - middle).norm(dim=1)
    assert apart[2] < 0.5 * apart[[0, 1, 3, 4, 5, 6]].min()


def test_moods_that_no_clip_shows_are_not_known(clips: list[Clip]) -> None:
    same = [replace(clip, expression=torch.eye(7)[6]) for clip in clips]
    codes = torch.randn(len(clips), 128, generator=torch.Generator().manual_seed(0))
    space = supervised(emotion_space(codes), codes, same)
    with pytest.raises(InputError, match="does not know what a mood looks like"):
        space.neutral  # noqa: B018
    assert "anger" not in space.axes


def test_centring_leaves_nothing_of_the_speaker() -> None:
    values = np.random.default_rng(0).normal(size=(12, 4))
    left = centred(values, ["a", "b", "c"] * 4)
    assert np.abs(left.reshape(4, 3, 4).mean(0)).max() < 1e-12
    np.testing.assert_allclose(left[0] - left[3], values[0] - values[3])


def test_an_emotion_over_time_moves_each_frame_by_its_own_amount() -> None:
    space = EmotionSpace(torch.zeros(128), torch.eye(4, 128), torch.full((4,), 2.0))
    curves = {"PC2": Curve.parse("0:0,1:3"), "PC1": Curve.parse("1")}
    offsets = space.offsets(curves, np.array([0.0, 0.5, 2.0]))
    assert offsets[:, 1].tolist() == [0.0, 3.0, 6.0]
    assert offsets[:, 0].tolist() == [2.0, 2.0, 2.0]
    assert offsets[:, 2:].abs().max() == 0


def test_the_default_axis_is_arousal_or_else_the_first_component() -> None:
    plain = EmotionSpace(torch.zeros(128), torch.eye(2, 128), torch.ones(2))
    assert torch.equal(plain.offset(1.0, "emotion"), plain.offset(1.0, "PC1"))
    known = replace(plain, labelled=torch.eye(9, 128)[7:])
    assert torch.equal(known.offset(1.0, "emotion"), known.labelled[0])
    with pytest.raises(InputError, match="did you mean 'PC1'"):
        plain.offset(1.0, "PC11")


def test_pauses_do_not_count_as_loud() -> None:
    level = torch.tensor([0.1, 0.5, 0.62, 0.55, 0.2])
    assert loud_frames(level).tolist() == [False, True, True, True, False]
    assert loud_frames(torch.zeros(3)).all()  # where nothing is known, all count

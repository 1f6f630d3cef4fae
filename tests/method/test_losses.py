"""Each loss against numbers worked out by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoface_lib.core.settings import load_settings
from emoface_lib.method.losses import (
    StyleBatch,
    embedding_distance,
    emotion_contrast,
    expression_similarity,
    identity_loss,
    info_nce,
    landmark_loss,
    style_loss,
    supervised_contrast,
    variance_loss,
)
from emoface_lib.method.style import StyleBranch
from emoface_lib.translation.losses import image_loss


def test_landmark_loss_is_the_mean_absolute_difference() -> None:
    truth = torch.zeros(1, 2, 68, 2)
    predicted = truth.clone()
    predicted[0, 0] = 3.0  # half of the coordinates are 3 px off
    assert landmark_loss(predicted, truth) == pytest.approx(1.5)


def test_a_clip_that_is_sound_alone_adds_no_landmark_loss() -> None:
    settings, batch = load_settings("smoke"), style_batch()
    truth = batch.displacement.clone()
    truth[1] = torch.nan
    model = StyleBranch(7).eval()
    whole = style_loss(model, batch, settings)
    part = style_loss(model, batch._replace(displacement=truth), settings)
    off = (batch.displacement - model(batch.features, batch.content)).abs()
    known = (off[0] + off[2]).sum().item() / truth.numel()
    assert part["loss/landmark"].item() == pytest.approx(known, rel=1e-5)
    assert part["loss/emotion"] == whole["loss/emotion"]
    part["loss"].backward()
    for parameter in model.mlp_s.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


def style_batch() -> StyleBatch:
    generator = torch.Generator().manual_seed(0)
    features, content, truth = (
        torch.randn(3, 5, *size, generator=generator)
        for size in ((7,), (256,), (68, 2))
    )
    said, faces = torch.zeros_like(truth), torch.eye(7)[:3]
    means, labels = torch.zeros(3, 7), torch.zeros(3, dtype=torch.int64)
    return StyleBatch(features, content, said, truth, faces, means, labels)


def test_image_loss_is_the_mean_absolute_difference() -> None:
    assert image_loss(
        torch.full((1, 3, 4, 4), 0.75), torch.full((1, 3, 4, 4), 0.5)
    ) == pytest.approx(0.25)


def test_distance_of_frames_and_of_means() -> None:
    first = torch.tensor([[[0.0], [2.0]]])  # (B=1, T=2, D=1)
    second = torch.tensor([[[2.0], [0.0]]])
    assert embedding_distance(first, second, "frames").tolist() == [2.0]
    assert embedding_distance(first, second, "means").tolist() == [0.0]


def test_expression_similarity_is_the_cosine_and_has_no_gradient() -> None:
    first = torch.tensor([[1.0, 0.0], [0.6, 0.8]], requires_grad=True)
    second = torch.tensor([[0.0, 1.0], [0.6, 0.8]])
    similarity = expression_similarity(first, second)
    assert similarity.tolist() == pytest.approx([0.0, 1.0])
    assert not similarity.requires_grad


def test_emotion_contrast_by_hand() -> None:
    # 0.9 * 0.05 + (1 - 0.4) * max(0.1 - 0.02, 0) = 0.045 + 0.048
    loss = emotion_contrast(*(torch.tensor([x]) for x in (0.05, 0.02, 0.9, 0.4)))
    assert loss.item() == pytest.approx(0.093)


@given(d_rp=st.floats(0.1, 5))
def test_videos_further_apart_than_the_margin_do_not_repel(d_rp: float) -> None:
    loss = emotion_contrast(
        *(torch.tensor([x], dtype=torch.float64) for x in (0.0, d_rp, 1.0, 0.0))
    )
    assert loss.item() == 0.0


def test_equation_5_shrinks_directions_whose_contrast_is_below_its_threshold() -> None:
    """d = s * delta: the slope is lambda_rs delta_rs - (1 - lambda_rp) delta_rp."""
    for ratio, shrinks in ((2.0, True), (9.0, False)):
        scale = torch.tensor([1e-3], requires_grad=True)
        weights = torch.tensor([0.95]), torch.tensor([0.88])
        emotion_contrast(scale * 1.0, scale * ratio, *weights).backward()
        assert scale.grad is not None
        assert (scale.grad.item() > 0) == shrinks


def test_identity_loss_is_zero_for_equal_codes_only() -> None:
    code = torch.rand(2, 5, 128)
    assert identity_loss(code, code) == 0
    assert identity_loss(code, code + 0.5) == pytest.approx(0.5)


def test_variance_loss_by_hand() -> None:
    # deviations 2 and 0 (plus 1e-4 in the square): only the second is below 1
    codes = torch.tensor([[2.0, 5.0], [-2.0, 5.0]]) / 2**0.5
    assert variance_loss(codes).item() == pytest.approx((1 - 0.01) / 2, abs=1e-4)


def test_info_nce_by_hand() -> None:
    # one triplet: likeness of r with s is 1, with p 0, at temperature 1
    r, s, p = torch.tensor([[[1.0, 0.0]], [[2.0, 0.0]], [[0.0, 3.0]]])
    loss = info_nce(r, s, p, temperature=1.0)
    e = torch.e
    assert loss.item() == pytest.approx(-torch.tensor(e / (e + 1)).log().item())


def test_supervised_contrast_by_hand() -> None:
    # unit codes at 0, 0 and 90 degrees, labels 0, 0 and 1: the third has no partner
    codes = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    loss = supervised_contrast(codes, torch.tensor([0, 0, 1]), temperature=1.0)
    assert loss.item() == pytest.approx(-torch.tensor(torch.e / (torch.e + 1)).log())


@pytest.mark.parametrize("kind", ["info_nce", "supervised"])
def test_contrasts_fall_when_partners_come_closer(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    centre = torch.randn(4, 8, generator=generator)
    noise = torch.randn(3, 4, 8, generator=generator)

    def loss(spread: float) -> float:
        r, s, p = centre + spread * noise[0], centre + spread * noise[1], noise[2]
        if kind == "info_nce":
            return info_nce(r, s, p).item()
        return supervised_contrast(torch.cat([r, s]), torch.arange(4).repeat(2)).item()

    assert loss(0.05) < loss(0.5) < loss(2.0)

"""The networks are those of the paper's Table 1, counted from the modules."""

import pytest
import torch
from torch import nn

from emoface_lib.core.errors import InputError
from emoface_lib.method.content import (
    ContentBranch,
    layer_sizes,
    mlp,
    predicted_landmarks,
)
from emoface_lib.method.style import StyleBranch

TABLE_1 = {
    "mlp_c": (80, 256, 161),
    "mlp_i": (80, 256, 128, 128),
    "mlp_e": (80, 256, 128, 128),
    "mlp_t": (256, 512, 256, 136),
    "mlp_s": (512, 512, 256, 136),  # 256 in the paper; eq. (8) needs 512
    "lstm": (161, 256, 256, 256),
}


@pytest.mark.parametrize("name", TABLE_1)
def test_layers_are_those_of_table_1(name: str) -> None:
    branch = ContentBranch() if name in ("mlp_c", "lstm", "mlp_t") else StyleBranch()
    assert layer_sizes(getattr(branch, name)) == TABLE_1[name]


def test_hidden_layers_have_batch_norm_and_leaky_relu_and_the_last_has_none() -> None:
    kinds = [type(layer).__name__ for layer in mlp(80, 256, 128, 128)]
    hidden = ["Linear", "FrameNorm", "LeakyReLU"]
    assert kinds == hidden * 2 + ["Linear"]


def test_lstm_has_the_dropout_of_the_paper() -> None:
    assert ContentBranch().lstm.dropout == 0.2


def test_shapes_of_every_code_and_displacement() -> None:
    features = torch.rand(2, 7, 80)
    content, style = ContentBranch(), StyleBranch()
    e_content, _ = content.encode(features)
    e_emotion, e_identity = style.emotion(features), style.identity(features)
    e_style = style.style(e_emotion, e_identity)
    assert e_content.shape == e_style.shape == (2, 7, 256)
    assert e_emotion.shape == e_identity.shape == (2, 7, 128)
    assert content.displace(e_content).shape == (2, 7, 68, 2)
    assert style.displace(e_content, e_style).shape == (2, 7, 68, 2)


@pytest.mark.parametrize("objective", ["paper", "improved", "mixture"])
def test_two_tokens_a_frame_have_the_same_shapes(objective: str) -> None:
    features, mean = torch.rand(2, 7, 80), torch.rand(2, 80)
    style = StyleBranch(attention="tokens", objective=objective)
    displacement = style(features, torch.rand(2, 7, 256), mean)
    assert displacement.shape == (2, 7, 68, 2)


def test_tokens_of_a_frame_are_not_interchangeable_once_trained() -> None:
    style = StyleBranch(attention="tokens").eval()
    torch.nn.init.normal_(style.kinds)
    first, second = torch.rand(2, 1, 3, 128)
    there, back = style.style(first, second), style.style(second, first)
    assert not torch.allclose(there, back.roll(128, dims=2), atol=1e-3)


def test_the_improved_branch_hears_the_voice_minus_its_speaker() -> None:
    style = StyleBranch(objective="improved").eval()
    features, mean = torch.rand(2, 7, 80), torch.rand(2, 80)
    code = style.emotion(features, mean)
    louder = style.emotion(features + 1, mean + 1)
    assert torch.allclose(code, louder, atol=1e-5)
    assert style.identity(features).abs().max() == 0
    with pytest.raises(InputError, match="enrol the speaker"):
        style.emotion(features)


def test_predicted_landmarks_are_the_sum_of_equation_9() -> None:
    reference = torch.ones(1, 68, 2)
    displacement = predicted_landmarks(
        reference, torch.full((1, 3, 68, 2), 2.0), torch.full((1, 3, 68, 2), 0.5)
    )
    assert torch.equal(displacement, torch.full((1, 3, 68, 2), 3.5))


def test_content_is_causal_and_goes_on_from_its_state() -> None:
    branch, features = ContentBranch().eval(), torch.rand(1, 20, 80)
    whole, _ = branch.encode(features)
    first, state = branch.encode(features[:, :12])
    second, _ = branch.encode(features[:, 12:], state)
    assert torch.allclose(whole, torch.cat([first, second], dim=1), atol=1e-6)


def test_batch_norm_runs_over_clips_and_frames() -> None:
    layer = mlp(3, 4, 2)[1]
    assert isinstance(layer, nn.BatchNorm1d)
    normed = layer(torch.randn(5, 9, 4) * 7 + 3)
    assert torch.allclose(normed.mean((0, 1)), torch.zeros(4), atol=1e-5)

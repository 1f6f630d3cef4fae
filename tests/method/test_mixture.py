"""E_emotion mixed of seven codes: what tells their shares, and what teaches them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from emoface_lib.core.clip import EXPRESSIONS, MEL_BANDS, SHARPNESS, Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings
from emoface_lib.method.displacements import style_codes
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.mixture import HEARD, Mixture, statistics
from emoface_lib.method.steps import load_style, train_content, train_style

SIZE = 5


def voices(labels: Tensor, seed: int = 0) -> Tensor:
    """Standardised log-mels of 40 frames, Tensor[N, 40, 80], one pitch a label."""
    generator = torch.Generator().manual_seed(seed)
    mel = torch.randn(len(labels), 40, MEL_BANDS, generator=generator)
    mel[torch.arange(len(labels)), :, labels] += 6
    return mel


@pytest.fixture(scope="module")
def mixture() -> Mixture:
    labels = torch.arange(7).repeat(30)
    mixture = Mixture(MEL_BANDS, SIZE)
    found = torch.stack([statistics(one) for one in voices(labels)])
    mixture.learn(found, torch.eye(7)[labels])
    return mixture


def test_the_louder_half_of_the_frames_counts() -> None:
    heard = torch.randn(5, MEL_BANDS) + torch.tensor([0, 5, 0, 5, 5])[:, None]
    loud = heard[[1, 3, 4]]
    expected = torch.cat([loud.mean(0), loud.var(0, correction=0).sqrt()])
    assert torch.allclose(statistics(heard), expected)


def test_a_voice_gets_the_sharpened_mixture_of_what_it_is_told(
    mixture: Mixture,
) -> None:
    labels = torch.arange(7)
    heard = voices(labels, seed=1)
    code = mixture(heard)
    assert code.shape == (7, 40, SIZE)
    found = torch.stack([statistics(one) for one in heard])
    share = mixture.tells(found).softmax(1) ** SHARPNESS
    share = share / share.sum(1, keepdim=True)
    assert torch.equal(share.argmax(1), labels)
    expected = (share @ mixture.codes)[:, None].expand_as(code)
    assert torch.allclose(code, expected, atol=1e-5)


def test_a_long_voice_changes_its_mood(mixture: Mixture) -> None:
    calm, angry = (voices(torch.full((10,), k), k).flatten(0, 1) for k in (6, 5))
    code = mixture(torch.cat([calm, angry])[None])[0]
    assert len(code) == 4 * HEARD
    for frame, label in ((0, 6), (HEARD, 6), (3 * HEARD, 5), (-1, 5)):
        nearest = (mixture.codes - code[frame]).norm(dim=1).argmin()
        assert nearest == label
    assert (code.diff(dim=0).abs().max() * HEARD / 4) < mixture.codes.abs().max() * 2


def test_faces_that_all_show_one_expression_teach_no_mixture() -> None:
    found, same = torch.randn(4, 2 * MEL_BANDS), torch.eye(7)[[3] * 4]
    with pytest.raises(InputError, match="All training clips show happiness"):
        Mixture(MEL_BANDS, SIZE).learn(found, same)


@pytest.mark.slow
def test_step_2_learns_the_codes_from_faces_and_what_tells_them_from_voices(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    mixed = tiny.changed(objective="mixture", style_steps=20)
    style, log = train_style(clips, content, tmp_path / "style", mixed)
    assert isinstance(style.mlp_e, Mixture)
    assert log["loss"].equals(log["loss/landmark"])
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]

    again, _ = load_style(tmp_path / "style" / "model.safetensors")
    known = enrolled(clips)
    for (kept, _), (code, identity) in zip(
        style_codes(again.eval(), known), style_codes(style, known), strict=True
    ):
        assert torch.equal(kept, code)
        assert not identity.any()
    shown = {EXPRESSIONS[int(clip.expression.argmax())] for clip in known}
    assert len(shown) > 1
    codes = torch.stack([code.mean(0) for code, _ in style_codes(style, known)])
    assert codes.std(0).max() > 0.01  # not the same for all

    one_each = [replace(clip, video=clip.name) for clip in clips]  # no triplets
    train_style(one_each, content, tmp_path / "alone", mixed.changed(style_steps=1))

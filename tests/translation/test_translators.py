"""Step 3: what the networks learn, promise and load."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import load_settings
from emoface_lib.translation.dataset import Pair, Pairs
from emoface_lib.translation.losses import EdgeLoss
from emoface_lib.translation.makeittalk import ResidualUNet
from emoface_lib.translation.networks import GatedWarp, UNet
from emoface_lib.translation.train import train_translator
from emoface_lib.translation.translators import (
    PairRenderer,
    as_tensor,
    folded,
    load_makeittalk,
    load_translator,
    new_translator,
)

SHARED = Path(__file__).resolve().parents[3] / "shared"
TABLE = SHARED / "interfaces" / "makeittalk_image_translation.tsv"


@dataclass
class Still:
    """Stands for `Pairs`: always the same picture, whatever the landmarks."""

    size: int = 32

    def __post_init__(self) -> None:
        ramp = np.linspace(0, 255, self.size).astype(np.uint8)
        picture = np.stack(np.broadcast_arrays(ramp, ramp[:, None], 40), -1)
        self.picture = picture.astype(np.uint8)[None].repeat(2, 0)

    def draw(self, count: int, generator: np.random.Generator) -> Pair:
        other = 255 - self.picture
        return Pair(other, np.zeros_like(other), other, self.picture)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unet", "improved"])
def test_step_3_learns_more_than_the_reference(tmp_path: Path, kind: str) -> None:
    longer = load_settings(
        "smoke",
        translator=kind,
        translator_steps=150,
        translator_batch=2,
        translator_width=4,
        translator_learning_rate=1e-2,
        image_size=32,
    )
    model, log = train_translator(Still(), tmp_path, longer, workers=0)  # type: ignore[arg-type]
    begun, last = (log["loss"].iloc[i].mean() for i in (slice(0, 5), slice(-5, None)))
    assert last < 0.6 * begun
    pair = Still().draw(2, np.random.default_rng(0))
    given = pair[: 3 if kind == "improved" else 2]
    rendered = PairRenderer(model, longer).render(*given)
    away = np.abs(rendered.astype(float) - pair.target).mean()
    assert away < 0.7 * np.abs(pair.reference.astype(float) - pair.target).mean()
    again = load_translator(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(PairRenderer(again, longer).render(*given), rendered)
    more = longer.changed(translator_steps=1)
    on = tmp_path / "on"
    _, log = train_translator(Still(), on, more, workers=0, first=again)  # type: ignore[arg-type]
    assert log["loss"].iloc[0] < 0.6 * begun  # it goes on from what it was given


@pytest.mark.parametrize("size", [32, 64, 96, 256])
def test_unet_begins_by_copying_the_reference(size: int) -> None:
    reference, image = torch.rand(2, 1, 3, size, size)
    rendered = UNet(width=4).eval()(reference, image)
    assert torch.allclose(rendered, reference, atol=1e-6)


def test_gated_warp_begins_near_the_warp_and_its_gate_decides() -> None:
    pictures = torch.rand(3, 1, 3, 64, 64)
    net = GatedWarp(width=4).eval()
    rendered, gate = net.layers(*pictures)
    assert torch.equal(net(*pictures), pictures[2] + gate * (rendered - pictures[2]))
    assert gate.mean() < 0.3
    with torch.no_grad():
        net.leave.bias[3] = -50
        net.leave.weight[3] = 0
    assert torch.allclose(net(*pictures), pictures[2], atol=1e-3)


@pytest.mark.skipif(not TABLE.exists(), reason="needs MakeItTalk's table of names")
def test_names_and_shapes_are_those_of_makeittalks_checkpoint() -> None:
    wanted = {}
    for line in TABLE.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, shape, _ = line.split("\t")
            sizes = [] if shape == "scalar" else shape.split("x")
            wanted[name] = tuple(map(int, sizes))
    ours = {name: tuple(x.shape) for name, x in ResidualUNet().state_dict().items()}
    assert ours == wanted


def test_makeittalks_channels_are_bgr_with_landmarks_first() -> None:
    class Seen(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.given = x
            return x[:, 3:] - 0.5

    net = ResidualUNet(width=4)
    net.model = Seen()  # type: ignore[assignment]
    reference, image = torch.rand(2, 1, 3, 64, 64)
    rendered = net(reference, image)
    rgb = torch.cat([image, reference], dim=1)
    assert torch.equal(net.model.given, rgb[:, [2, 1, 0, 5, 4, 3]])
    assert torch.allclose(rendered, (reference - 0.5).tanh().clamp(min=0))


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize(
    ("bare", "zipped"), [(True, True), (False, True), (False, False)]
)
def test_makeittalks_checkpoint_loads_with_its_optimiser_in_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
    bare: bool,
    zipped: bool,
) -> None:
    """Files from before PyTorch 1.6 are not zipped."""
    small = lambda _=64: ResidualUNet(width=4)  # noqa: E731
    monkeypatch.setattr("emoface_lib.translation.translators.ResidualUNet", small)
    net = small()
    optimiser = torch.optim.Adam(net.parameters())
    net(*torch.rand(2, 1, 3, 128, 128)).sum().backward()
    optimiser.step()
    state = {prefix + name: value for name, value in net.state_dict().items()}
    stored = state if bare else {"G": state, "opt": optimiser, "epoch": 3}
    torch.save(stored, tmp_path / "ckpt.pth", _use_new_zipfile_serialization=zipped)
    loaded = load_makeittalk(tmp_path / "ckpt.pth")
    for name, value in net.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    settings = load_settings(
        "paper",
        translator="makeittalk",
        translator_checkpoint=str(tmp_path / "ckpt.pth"),
    )
    model, log = train_translator(Pairs([], [], 64), tmp_path / "run", settings)
    assert log.empty
    again = load_translator(tmp_path / "run" / "model.safetensors")
    for name, value in net.state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
        assert torch.equal(again.state_dict()[name], value)
    with pytest.raises(InputError, match="translator=makeittalk"):
        train_translator(
            Pairs([], [], 64), tmp_path / "run", settings.changed(translator="unet")
        )


class Harmful:
    """Would write a file if a checkpoint could call anything."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.slow
def test_a_checkpoint_can_call_nothing(tmp_path: Path) -> None:
    torch.save({"G": {}, "opt": Harmful(tmp_path / "harm")}, tmp_path / "ckpt.pth")
    with pytest.raises(InputError, match="no checkpoint of MakeItTalk"):
        load_makeittalk(tmp_path / "ckpt.pth")
    assert not (tmp_path / "harm").exists()


@pytest.mark.slow
def test_what_is_no_checkpoint_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no network")
    for name in ("text.pth", "missing.pth"):
        with pytest.raises(InputError, match=name):
            load_makeittalk(tmp_path / name)


@pytest.mark.parametrize("kind", ["unet", "improved", "makeittalk"])
def test_folding_batch_norms_changes_nothing(kind: str) -> None:
    settings = load_settings("smoke", translator=kind, translator_width=4)
    net = new_translator(settings)
    pictures = torch.rand(3, 2, 3, 128, 128)[: 3 if net.needs_warp else 2]
    net.train()(*pictures)  # so that running means are not those of a new network
    quick = folded(net)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in quick.modules())
    assert torch.allclose(quick(*pictures), net.eval()(*pictures), atol=1e-5)


def test_tensors_are_pictures_in_the_order_of_channels_last() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    tensor = as_tensor(picture)
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert tensor[1, 2, 3, 4] == picture[1, 3, 4, 2] / 255


def test_the_papers_loss_is_l1_alone_and_improved_adds_edges() -> None:
    assert load_settings("paper").translator.edges == 0
    assert load_settings("smoke", translator="improved").translator.edges > 0
    plain = load_settings("smoke", translator="improved", translator_edges=0.0)
    assert plain.translator.edges == 0


def test_edges_miss_what_is_blurred() -> None:
    truth = torch.rand(1, 3, 32, 32)
    blurred = nn.functional.avg_pool2d(truth, 3, stride=1, padding=1)
    lighter = truth + 0.1
    assert EdgeLoss()(truth, truth) == 0
    assert EdgeLoss()(blurred, truth) > EdgeLoss()(lighter, truth)
    assert EdgeLoss()(lighter, truth) < 1e-5

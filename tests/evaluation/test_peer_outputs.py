"""The peers' networks give what their own code gave, with weights by one rule."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from emoface_lib.evaluation.makeittalk import ContentBranch, SpeakerBranch
from emoface_lib.features.autovc import AutoVC
from emoface_lib.features.scn import SCN
from emoface_lib.translation.makeittalk import ResidualUNet

OUTPUTS = Path(__file__).parents[3] / "shared" / "interfaces" / "peer_outputs.npz"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OUTPUTS.exists(), reason="needs the peers' outputs"),
]


def filled(network: nn.Module) -> nn.Module:
    """Weights by the rule of the outputs: a sine that names no network."""
    state = network.state_dict()
    for i, name in enumerate(sorted(state)):
        value = state[name]
        if not value.is_floating_point():
            state[name] = torch.zeros_like(value)
            continue
        size = value[0].numel() if value.dim() > 1 else 16
        wave = np.sin(0.7 * np.arange(value.numel()) + i) / math.sqrt(size)
        wave = np.abs(wave) + 0.5 if name.endswith("running_var") else wave
        state[name] = torch.from_numpy(wave.reshape(value.shape)).to(value)
    network.load_state_dict(state)
    return network.eval()


def wave(shape: tuple[int, ...], start: int = 0, size: float = 1.0) -> Tensor:
    values = np.cos(0.37 * np.arange(math.prod(shape)) + start) * size
    return torch.from_numpy(values.reshape(shape)).float()


def content() -> dict[str, Tensor]:
    face = wave((1, 204), 1, 0.5)
    given = wave((4, 18, 80)), face.expand(4, -1)
    return {"mit_content": filled(ContentBranch())(*given)}


def speaker() -> dict[str, Tensor]:
    network = filled(SpeakerBranch())
    return {"mit_speaker": network(wave((1, 8, 18, 80)), wave((1, 256), 2, 0.1))[0]}


def unet() -> dict[str, Tensor]:
    picture = wave((1, 6, 256, 256), 0, 0.5) * 0.5 + 0.5
    return {"mit_unet": filled(ResidualUNet()).model(picture)[..., ::16, ::16]}


def scn() -> dict[str, Tensor]:
    alpha, logits = filled(SCN())(wave((2, 3, 224, 224)))
    return {"scn_alpha": alpha, "scn_logits": logits}


def autovc() -> dict[str, Tensor]:
    mel, voices = (
        wave((1, 96, 80)) * 0.5 + 0.5,
        [wave((1, 256), i, 0.1) for i in (1, 2)],
    )
    drawn, sharpened, codes = filled(AutoVC())(mel, *voices)
    return {
        "autovc_mel": drawn[None],
        "autovc_post": sharpened[None],
        "autovc_codes": codes.flatten(1),
    }


@pytest.mark.parametrize("network", [content, speaker, unet, scn, autovc])
def test_outputs_are_the_peers_own(network: Callable[[], dict[str, Tensor]]) -> None:
    wanted = np.load(OUTPUTS)
    with torch.no_grad():
        for name, value in network().items():
            away = np.abs(value.numpy() - wanted[name]).max()
            print(f"{name}: {away / np.abs(wanted[name]).max():.1e}")
            assert away <= 1e-6 * np.abs(wanted[name]).max(), name

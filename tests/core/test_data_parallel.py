"""Two processes that train as one do what one does with the whole batch.

Run as a script, this file trains; Fabric starts it again for the second process.
"""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import make_clip
from safetensors.torch import load_file
from torch import distributed, nn

from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.data_parallel import gathered, share, world_size
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.steps import train_content, train_style
from emoface_lib.method.style import StyleBranch
from emoface_lib.translation.dataset import Pair
from emoface_lib.translation.train import train_translator

pytestmark = pytest.mark.slow
Folders = dict[str, Path]

CONTRASTS = ("triplet", "variance", "supervised", "infonce")
# the last one trains the content branch along
STEPS: dict[str, dict[str, Any]] = {
    **{name: {"contrast": name} for name in CONTRASTS},
    "joint": {"joint": True},
}
RENDERERS: dict[str, dict] = {"unet": {}, "improved": {"translator": "improved"}}
SETTINGS = Settings().changed(
    precision="float32",
    features="log_mel",
    content_learning_rate=1e-3,
    style_learning_rate=1e-3,
    crop_frames=20,
    content_batch=4,
    style_batch=4,
    content_steps=10,
    style_steps=10,
    emotion_distance="means",
    translator_steps=1,
    translator_batch=4,
    translator_width=4,
    translator_precision="float32",
    image_size=32,
)


@dataclass
class Noise:
    """Stands for `Pairs`: pictures of noise."""

    size: int = 32

    def draw(self, count: int, generator: np.random.Generator) -> Pair:
        shape = (4, count, self.size, self.size, 3)
        return Pair(*generator.integers(0, 256, shape, dtype=np.uint8))


def without_dropout(init: Any) -> Any:
    """Of a branch: what is dropped can't be the same in one process and in two."""

    def made(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        for layer in self.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
            elif isinstance(layer, (nn.LSTM, nn.MultiheadAttention)):
                layer.dropout = 0.0

    return made


def learn(folder: Path, devices: int) -> None:
    """Train by the ordinary functions; leave logs, weights and last gradients."""
    settings = SETTINGS.changed(devices=devices)
    clips = [
        replace(make_clip(s, v, u, "train"), emotion=EXPRESSIONS[v])
        for s in range(2)
        for v in range(2)
        for u in range(3)
    ]
    clips += [make_clip(s, 2, 0, "val") for s in range(2)]
    found = first_gradients(list(map(in_float64, clips)), folder, settings)
    train_content(clips, folder / "content", settings)
    torch.manual_seed(0)
    train_style(clips, ContentBranch().eval(), folder / "style", settings)
    assert world_size() == devices
    rank = distributed.get_rank() if devices > 1 else 0
    torch.save(found, folder / f"gradients_{rank}.pt")
    if devices > 1:
        numbers = torch.arange(12.0).reshape(6, 2)
        assert share(numbers, 3).tolist() == numbers[rank::2].tolist()
        assert torch.equal(gathered(share(numbers, 3), 3), numbers)
        with pytest.raises(InputError, match=r"batch of 3 can't be shared.*2 devices"):
            share(numbers, 2)


def first_gradients(
    clips: list[Clip], folder: Path, settings: Settings
) -> dict[str, dict[str, torch.Tensor]]:
    """Of each kind of training; in float64, since rounding differs from CPU to CPU."""
    torch.set_default_dtype(torch.float64)
    single = torch.Tensor.float  # which training calls after bfloat16
    torch.Tensor.float = torch.Tensor.double
    once = settings.changed(content_steps=1, style_steps=1)
    found = {"content": gradients(train_content(clips, folder / "once", once)[0])}
    for name, changes in STEPS.items():
        torch.manual_seed(0)
        content, own = ContentBranch().eval(), once.changed(**changes)
        style, _ = train_style(clips, content, folder / name, own)
        found[name] = gradients(nn.ModuleDict({"style": style, "content": content}))
    for name, changes in RENDERERS.items():
        own, pairs = settings.changed(**changes), Noise()
        model, _ = train_translator(pairs, folder / name, own, workers=0)  # type: ignore[arg-type]
        found[name] = gradients(model)
    torch.set_default_dtype(torch.float32)
    torch.Tensor.float = single
    return found


def in_float64(clip: Clip) -> Clip:
    """The same clip in double precision."""
    names = ("features", "landmarks", "reference", "expression")
    return replace(clip, **{name: getattr(clip, name).double() for name in names})


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """What one process leaves, and what two leave."""
    both = {name: tmp_path_factory.mktemp(name) for name in ("one", "two")}
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests), str(tests.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, both["two"], "2"]
    with subprocess.Popen(command, env=environment) as two:
        with pytest.MonkeyPatch.context() as patch:
            for branch in (ContentBranch, StyleBranch):
                patch.setattr(branch, "__init__", without_dropout(branch.__init__))
            learn(both["one"], 1)
        assert two.wait(600) == 0
    return both


@pytest.mark.parametrize("name", ["content", *STEPS, *RENDERERS])
def test_gradients_are_those_of_the_whole_batch(folders: Folders, name: str) -> None:
    one = torch.load(folders["one"] / "gradients_0.pt")[name]
    whole = torch.cat([gradient.flatten() for gradient in one.values()]).norm()
    for place in (0, 1):
        two = torch.load(folders["two"] / f"gradients_{place}.pt")[name]
        assert one.keys() == two.keys()
        for parameter, gradient in one.items():
            away = (two[parameter] - gradient).norm()
            # a bias before batch norm has a gradient of rounding errors alone
            assert away < 1e-9 * gradient.norm() + 1e-12 * whole, parameter


@pytest.mark.parametrize("name", ["content", "style"])
def test_a_run_of_two_keeps_to_the_run_of_one(folders: Folders, name: str) -> None:
    one, two = (
        pd.read_csv(folders[many] / name / "log.csv").drop(columns="seconds")
        for many in ("one", "two")
    )
    assert list(one) == list(two)
    losses = [log.filter(like="loss").to_numpy() for log in (one, two)]
    np.testing.assert_allclose(losses[1][:3], losses[0][:3], rtol=1e-3)
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-2)  # Adam magnifies


@pytest.mark.parametrize("name", ["once", "unet"])
def test_the_statistics_kept_are_those_of_the_whole_batch(
    folders: Folders, name: str
) -> None:
    one, two = (load_file(f / name / "model.safetensors") for f in folders.values())
    kept = [key for key in one if "running" in key]
    assert kept
    for key in kept:
        torch.testing.assert_close(two[key], one[key], rtol=1e-9, atol=1e-12)


def test_only_the_first_writes(folders: Folders) -> None:
    for folder in folders.values():
        assert not list(folder.rglob("state.pt"))
        assert not [path for path in folder.rglob(".*") if path.is_file()]


def test_alone_nothing_is_shared(clips: list[Clip]) -> None:
    batch = clips[0].features
    assert world_size() == 1
    assert share(batch) is batch
    assert gathered(batch) is batch


if __name__ == "__main__":
    for branch in (ContentBranch, StyleBranch):
        branch.__init__ = without_dropout(branch.__init__)
    learn(Path(sys.argv[1]), int(sys.argv[2]))

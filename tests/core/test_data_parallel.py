"""Two processes that train as one do what one does with the whole batch."""

import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import make_clip
from safetensors.torch import load_file
from torch import distributed, nn

from emoface_lib.core import training
from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.data_parallel import gathered, rank, share, workers
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.steps import train_content, train_style
from emoface_lib.method.style import StyleBranch

pytestmark = pytest.mark.slow

CONTRASTS = ("triplet", "variance", "supervised", "infonce")
# the last one trains the content branch along
STEPS: dict[str, dict[str, Any]] = {
    **{name: {"contrast": name} for name in CONTRASTS},
    "joint": {"joint": True},
}


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


def learn(folder: Path, settings: Settings) -> None:
    """Train by the ordinary functions; leave logs, weights and last gradients."""
    training.CLIP_NORM = 1e9  # a clipped gradient would hide its size
    for branch in (ContentBranch, StyleBranch):
        branch.__init__ = without_dropout(branch.__init__)
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
    torch.save(found, folder / f"gradients_{rank()}.pt")
    if workers() > 1:
        numbers = torch.arange(12.0).reshape(6, 2)
        assert share(numbers, 3).tolist() == numbers[rank() :: 2].tolist()
        assert torch.equal(gathered(share(numbers, 3), 3), numbers)
        with pytest.raises(InputError, match=r"batch of 3 can't be shared.*2 workers"):
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
    torch.set_default_dtype(torch.float32)
    torch.Tensor.float = single
    return found


def in_float64(clip: Clip) -> Clip:
    """The same clip in double precision."""
    names = ("features", "landmarks", "reference", "expression")
    return replace(clip, **{name: getattr(clip, name).double() for name in names})


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def join(folder: Path, settings: Settings, place: int) -> None:
    """One of two processes of a group, by gloo and without Ray."""
    torch.set_num_threads(1)
    store = distributed.FileStore(str(folder / "store"), 2)
    distributed.init_process_group("gloo", rank=place, world_size=2, store=store)
    learn(folder, settings)
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What one process leaves, and what two leave."""
    settings = Settings().changed(
        precision="float32",
        features="log_mel",
        content_learning_rate=1e-3,
        style_learning_rate=1e-3,
        crop_frames=20,
        content_batch=4,
        style_batch=4,
        content_steps=10,
        style_steps=10,
        spectral_offset=0.5,
        emotion_distance="means",
    )
    both = {name: tmp_path_factory.mktemp(name) for name in ("one", "two")}
    spawn = multiprocessing.get_context("spawn")
    group = [
        spawn.Process(target=join, args=(both["two"], settings, n)) for n in (0, 1)
    ]
    alone = spawn.Process(target=learn, args=(both["one"], settings))
    for process in (*group, alone):
        process.start()
    for process in (*group, alone):
        process.join(300)
        process.kill()
    assert [process.exitcode for process in (*group, alone)] == [0, 0, 0]
    return both


@pytest.mark.parametrize("name", ["content", *STEPS])
def test_gradients_are_those_of_the_whole_batch(
    folders: dict[str, Path], name: str
) -> None:
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
def test_a_run_of_two_keeps_to_the_run_of_one(
    folders: dict[str, Path], name: str
) -> None:
    one, two = (
        pd.read_csv(folders[many] / name / "log.csv").drop(columns="seconds")
        for many in ("one", "two")
    )
    assert list(one) == list(two)
    losses = [log.filter(like="loss").to_numpy() for log in (one, two)]
    np.testing.assert_allclose(losses[1][:3], losses[0][:3], rtol=1e-3)
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-2)  # Adam magnifies


def test_the_statistics_kept_are_those_of_the_whole_batch(
    folders: dict[str, Path],
) -> None:
    one, two = (load_file(f / "once" / "model.safetensors") for f in folders.values())
    kept = [name for name in one if "running" in name]
    assert kept
    for name in kept:
        torch.testing.assert_close(two[name], one[name], rtol=1e-9, atol=1e-12)


def test_only_the_first_writes(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        assert not list(folder.rglob("state.pt"))
        assert not [path for path in folder.rglob(".*") if path.is_file()]


def test_alone_nothing_is_shared(clips: list[Clip]) -> None:
    batch = clips[0].features
    assert workers() == 1
    assert share(batch) is batch
    assert gathered(batch) is batch

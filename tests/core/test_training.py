"""The loop: schedules, the best checkpoint, and a resumed run's identical numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, load_file, save_file
from torch import nn

from emoface_lib.core import training
from emoface_lib.core.checkpoints import load_model, read_settings
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.training import (
    Loss,
    Metrics,
    Schedule,
    fit,
    launched,
    training_device,
    uses_bfloat16,
    without_replacement,
)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def numbers(log: pd.DataFrame) -> pd.DataFrame:
    """The log without its clock."""
    return log.drop(columns="seconds")


def train(
    folder: Path, settings: Settings, stop_at: int | None = None, made_from: str = ""
) -> pd.DataFrame:
    torch.manual_seed(0)
    model, calls = Model(), [0]

    def loss(_: int, generator: np.random.Generator) -> Metrics:
        calls[0] += 1
        if calls[0] == stop_at:
            raise KeyboardInterrupt
        x = torch.from_numpy(generator.normal(size=(16, 3))).float()
        return {"loss": (model.layers(x)[:, 0] - x.sum(1)).pow(2).mean()}

    source = made_from or settings.hash()
    return fit(model, loss, Schedule(20, 1e-2, 0.0), folder, settings, source)


def fitted(folder: Path, model: nn.Module, loss: Loss, steps: int, **more: Any) -> None:
    """Train by the settings of smoke, at a rate of 0.1."""
    schedule, settings = Schedule(steps, 0.1, 0.0), load_settings("smoke")
    fit(model, loss, schedule, folder, settings, "", **more)


@pytest.fixture(autouse=True, scope="module")
def _every_state() -> Iterator[None]:
    """States are written however soon they follow one another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "PAUSE", 0.0)
        yield


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    settings = load_settings("smoke")
    whole = train(tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "halves", settings, stop_at=13)
    assert (tmp_path / "halves" / "state.pt").exists()
    halves = train(tmp_path / "halves", settings)
    assert numbers(whole).equals(numbers(halves))
    first, second = (
        load_file(tmp_path / name / "model.safetensors") for name in ("whole", "halves")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not (tmp_path / "halves" / "state.pt").exists()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_the_first_loss_that_is_not_finite_ends_it_and_leaves_no_model(
    tmp_path: Path, wrong: float
) -> None:
    model = Model()

    def loss(step: int, generator: np.random.Generator) -> Metrics:
        weights = model.layers[0].weight.sum()
        return {"loss": weights * (wrong if step == 3 else 1.0)}

    settings = load_settings("smoke")
    with pytest.raises(
        InputError, match=r"loss of step 3 is .*: lower the learning rate, 0\.01"
    ):
        fit(model, loss, Schedule(20, 1e-2, 0.0), tmp_path, settings, "")
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.slow
def test_a_state_of_other_settings_is_not_taken_up(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, load_settings("smoke"), stop_at=13)
    log = train(tmp_path, load_settings("smoke", seed=1))
    new = train(tmp_path / "new", load_settings("smoke", seed=1))
    assert numbers(log).equals(numbers(new))


def test_what_was_trained_from_the_same_is_loaded(tmp_path: Path) -> None:
    settings = load_settings("smoke")
    first = train(tmp_path, settings)
    path = tmp_path / "model.safetensors"
    written = path.stat().st_mtime_ns
    assert train(tmp_path, settings, stop_at=1).equals(first)
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("harm", ["cut", "emptied", "swapped", "changed", "log"])
def test_a_damaged_model_is_trained_again(tmp_path: Path, harm: str) -> None:
    settings = load_settings("smoke")
    first, path = train(tmp_path, settings), tmp_path / "model.safetensors"
    whole = path.read_bytes()
    weights = load(whole)
    if harm == "swapped":
        train(tmp_path / "other", settings.changed(seed=1))
        whole = (tmp_path / "other" / "model.safetensors").read_bytes()
    broken = {"cut": whole[:-9], "emptied": b"", "changed": whole[:-1] + b"?"}
    path.write_bytes(broken.get(harm, whole))
    if harm == "log":
        (tmp_path / "log.csv").unlink()
    assert numbers(train(tmp_path, settings)).equals(numbers(first))
    again = load_file(path)
    assert all(torch.equal(again[name], weights[name]) for name in weights)


def test_what_is_made_from_other_inputs_is_trained_again(tmp_path: Path) -> None:
    settings = load_settings("smoke")
    train(tmp_path, settings, made_from="one")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, settings, made_from="other", stop_at=13)
    train(tmp_path, settings, made_from="one", stop_at=1)  # is still there
    with pytest.raises(KeyboardInterrupt):  # and the interrupted one is no start for it
        train(tmp_path / "new", settings, made_from="one", stop_at=20)


def test_validation_keeps_the_best_weights(tmp_path: Path) -> None:
    model = nn.Linear(1, 1, bias=False)
    values = iter([3.0, 1.0, *[2.0] * 8])
    seen: list[float] = []

    def validate() -> float:
        seen.append(model.weight.item())
        return next(values)

    chosen = {"validate": validate}
    fitted(tmp_path, model, lambda *_: {"loss": model.weight.sum()}, 10, **chosen)
    assert model.weight.item() == seen[1]


def test_training_does_not_touch_the_global_generator(tmp_path: Path) -> None:
    model, loss = nn.Linear(1, 1), torch.ones(1, requires_grad=True)
    before = torch.get_rng_state()
    fitted(tmp_path, model, lambda *_: {"loss": loss.sum()}, 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_one_cycle_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = [Schedule(100, 1e-3, 0.0).rate(step) for step in range(100)]
    assert max(rates) == pytest.approx(1e-3, rel=1e-3)
    assert rates[0] < rates[5] < rates[10]
    assert rates[-1] < 1e-5
    constant = Schedule(100, 1e-5, 0.0, "constant")
    assert {constant.rate(step) for step in range(100)} == {1e-5}


def test_a_checkpoint_tells_what_made_it(tmp_path: Path) -> None:
    settings = load_settings("smoke", seed=7)
    train(tmp_path, settings)
    assert read_settings(tmp_path / "model.safetensors") == settings


def test_a_checkpoint_of_other_settings_names_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    old = {"settings": '{"profile": "smoke", "gone": 1}', "emoface": "emoface 0.0.1"}
    save_file({"x": torch.zeros(1)}, path, metadata=old)
    with pytest.raises(InputError, match=r"emoface 0\.0\.1.*make reproduce"):
        read_settings(path)


def test_a_wrong_checkpoint_is_refused_in_a_sentence(tmp_path: Path) -> None:
    train(tmp_path, load_settings("smoke"))
    with pytest.raises(InputError, match="not a checkpoint of Linear"):
        load_model(tmp_path / "model.safetensors", nn.Linear(2, 2))
    with pytest.raises(InputError, match="There is no file"):
        load_model(tmp_path / "none.safetensors", nn.Linear(2, 2))


def test_models_trained_along_are_kept_and_resumed(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(1, 1), nn.Linear(1, 1)

    def loss(_: int, generator: np.random.Generator) -> Metrics:
        x = torch.from_numpy(generator.normal(size=(4, 1))).float()
        return {"loss": (second(first(x)) - x).pow(2).mean()}

    before = second.weight.item()
    fitted(tmp_path, first, loss, 3, along={"second": second})
    assert second.weight.item() != before
    again = nn.Linear(1, 1)
    load_model(tmp_path / "second.safetensors", again)
    assert torch.equal(again.weight, second.weight)


def test_the_watch_sees_the_log_ten_times(tmp_path: Path) -> None:
    seen: list[int] = []
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    watch = {"monitor": lambda log: seen.append(len(log))}
    fitted(tmp_path, model, lambda *_: {"loss": model.weight.sum()}, 40, **watch)
    assert seen == list(range(4, 41, 4))


def test_a_step_can_be_multiplied_in_bfloat16(tmp_path: Path) -> None:
    model = nn.Linear(8, 1)
    kinds: list[torch.dtype] = []

    def loss(*_: object) -> Metrics:
        out = model(torch.ones(2, 8))
        kinds.append(out.dtype)
        return {"loss": out.float().mean()}

    settings = load_settings("smoke", precision="bfloat16")
    fit(model, loss, Schedule(1, 0.1, 0.0), tmp_path / "a", settings, "")
    fit(model, loss, Schedule(1, 0.1, 0.0), tmp_path / "b", settings, "", exact=True)
    assert kinds == [torch.bfloat16, torch.float32]
    assert model.weight.dtype == torch.float32


def test_the_paper_profile_is_exact() -> None:
    device = torch.device("cpu")
    assert not uses_bfloat16(load_settings("paper"), device)
    assert uses_bfloat16(load_settings("paper", precision="bfloat16"), device)


def test_lone_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(InputError, match="--devices and --nodes whose product is 4"):
        launched(load_settings("smoke", devices=2))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_named() -> None:
    assert training_device(load_settings("smoke")).type == "cpu"
    with pytest.raises(InputError, match="sees no GPU here"):
        training_device(load_settings("smoke", device="cuda"))


def test_devices_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_DEVICES", "0")  # Fabric's own variable
    with pytest.raises(InputError, match=r"devices = 1 and nodes = 1 can't be had"):
        launched(load_settings("smoke"))


@pytest.mark.slow
@given(
    total=st.integers(1, 30),
    count=st.integers(1, 40),
    step=st.integers(0, 50),
    seed=st.integers(0, 5),
)
def test_an_epoch_takes_each_once(total: int, count: int, step: int, seed: int) -> None:
    batches = [without_replacement(total, count, s, seed) for s in range(step + 1)]
    taken = [i for batch in batches for i in batch]
    epochs = [taken[i : i + total] for i in range(0, len(taken), total)]
    assert all(sorted(epoch) == list(range(total)) for epoch in epochs[:-1])
    assert len(set(epochs[-1])) == len(epochs[-1])
    assert batches[-1] == without_replacement(total, count, step, seed)

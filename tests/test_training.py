"""The loop: schedules, the best checkpoint, and a resumed run's identical numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from emoface_lib.checkpoints import load_model, read_settings
from emoface_lib.config import Settings, load_settings
from emoface_lib.errors import InputError
from emoface_lib.training import Metrics, Schedule, fit


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def train(folder: Path, settings: Settings, stop_at: int | None = None) -> pd.DataFrame:
    torch.manual_seed(0)
    model, calls = Model(), [0]

    def loss(generator: np.random.Generator) -> Metrics:
        calls[0] += 1
        if calls[0] == stop_at:
            raise KeyboardInterrupt
        x = torch.from_numpy(generator.normal(size=(16, 3))).float()
        return {"loss": (model.layers(x)[:, 0] - x.sum(1)).pow(2).mean()}

    return fit(model, loss, Schedule(20, 1e-2, 0.0), folder, settings)


def test_an_interrupted_run_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    settings = load_settings("smoke")
    whole = train(tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "halves", settings, stop_at=13)
    halves = train(tmp_path / "halves", settings)
    pd.testing.assert_frame_equal(whole, halves)
    first, second = (
        load_file(tmp_path / name / "model.safetensors") for name in ("whole", "halves")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not (tmp_path / "halves" / "state.pt").exists()


def test_a_state_of_other_settings_is_not_taken_up(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, load_settings("smoke"), stop_at=13)
    log = train(tmp_path, load_settings("smoke", seed=1))
    pd.testing.assert_frame_equal(
        log, train(tmp_path / "new", load_settings("smoke", seed=1))
    )


def test_validation_keeps_the_best_weights(tmp_path: Path) -> None:
    model = nn.Linear(1, 1, bias=False)
    values = iter([3.0, 1.0, *[2.0] * 8])
    seen: list[float] = []

    def validate() -> float:
        seen.append(model.weight.item())
        return next(values)

    fit(
        model,
        lambda _: {"loss": model.weight.sum()},
        Schedule(10, 0.1, 0.0),
        tmp_path,
        load_settings("smoke"),
        validate,
    )
    assert model.weight.item() == seen[1]


def test_training_does_not_touch_the_global_generator(tmp_path: Path) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    fit(
        nn.Linear(1, 1),
        lambda generator: {"loss": torch.ones(1, requires_grad=True).sum()},
        Schedule(2, 0.1, 0.0),
        tmp_path,
        load_settings("smoke"),
    )
    torch.manual_seed(0)
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
        load_model(path, nn.Linear(1, 1))


def test_a_wrong_checkpoint_is_refused_in_a_sentence(tmp_path: Path) -> None:
    train(tmp_path, load_settings("smoke"))
    with pytest.raises(InputError, match="not a checkpoint of Linear"):
        load_model(tmp_path / "model.safetensors", nn.Linear(2, 2))
    with pytest.raises(InputError, match="no checkpoint"):
        load_model(tmp_path / "none.safetensors", nn.Linear(2, 2))

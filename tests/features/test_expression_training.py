"""Training of the expression model: it learns, and cures wrong labels."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.settings import load_settings
from emoface_lib.features.expression_training import (
    SelfCure,
    batch_loss,
    shipped_expressions,
    train_expressions,
    varied,
    wrong_labels,
)
from tools.fit_expressions import talking_speaker

SETTINGS = load_settings("smoke", expression_steps=60)


@pytest.fixture(scope="module")
def stripes() -> tuple[np.ndarray, np.ndarray]:
    """Crops whose bright stripe tells the class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 210)
    crops = rng.integers(0, 60, (210, 64, 64), dtype=np.uint8)
    for crop, label in zip(crops, labels, strict=True):
        crop[8 * label : 8 * label + 8] += 120
    return crops, labels


@pytest.mark.slow
def test_it_learns_what_can_be_seen(
    stripes: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    crops, labels = stripes
    model, believed = train_expressions(crops, labels, tmp_path, SETTINGS, width=8)
    assert (model.probabilities(crops).argmax(1) == labels).mean() > 0.9
    assert model.classes == EXPRESSIONS
    assert (believed == labels).all()  # plain training changes none
    assert (tmp_path / "model.safetensors").exists()


@pytest.mark.slow
def test_self_cure_mends_wrong_labels(
    stripes: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    crops, labels = stripes
    given = wrong_labels(labels, 0.3, np.random.default_rng(1))
    model, believed = train_expressions(
        crops, given, tmp_path, SETTINGS, SelfCure(), width=8
    )
    assert (believed != labels).mean() < 0.8 * (given != labels).mean()
    assert (model.probabilities(crops).argmax(1) == labels).mean() > 0.9


def test_wrong_labels_are_as_many_as_asked_and_really_wrong() -> None:
    labels = np.random.default_rng(0).integers(0, 7, 7000)
    given = wrong_labels(labels, 0.3, np.random.default_rng(1))
    assert (given != labels).mean() == pytest.approx(0.3, abs=0.02)
    assert set(given) == set(range(7))
    assert (wrong_labels(labels, 0.0, np.random.default_rng(1)) == labels).all()


def test_the_loss_adds_the_rank_loss_only_when_it_cures() -> None:
    logits, labels = torch.tensor([[2.0, 0], [0, 2]]), torch.tensor([0, 0])
    attention = torch.tensor([[0.5], [0.5]])
    plain = batch_loss(attention, logits, labels, None)
    cured = batch_loss(attention, logits, labels, SelfCure(rank_margin=0.15))
    assert (cured["loss"] - plain["loss"]).item() == pytest.approx(0.15, abs=1e-6)
    assert plain["accuracy"] == 0.5


def test_varied_crops_keep_their_faces_and_differ() -> None:
    crops = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (4, 64, 64)))
    first = varied(crops.to(torch.uint8), np.random.default_rng(0))
    second = varied(crops.to(torch.uint8), np.random.default_rng(1))
    assert first.shape == (4, 64, 64)
    assert not torch.equal(first, second)


@pytest.mark.slow
def test_the_shipped_model_recognises_a_talking_head_that_it_never_saw() -> None:
    settings = load_settings("smoke", seed=5, videos_per_speaker=7)
    crops, labels = talking_speaker(10_001, settings)
    recognised = shipped_expressions().probabilities(crops).argmax(1)
    assert set(labels) == set(range(7))
    assert (recognised == labels).mean() > 0.8

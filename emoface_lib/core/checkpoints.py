"""Checkpoints: safetensors with the settings that made them; states to resume from."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from emoface_lib import __version__
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_or_set_aside, reading, write_beside
from emoface_lib.core.fresh import digest
from emoface_lib.core.settings import REPOSITORY, Settings


def provenance(settings: Settings) -> dict[str, str]:
    """What a result came from: profile, seed, settings, versions, commit."""
    return {
        "profile": settings.profile,
        "seed": str(settings.seed),
        "settings": settings.model_dump_json(),
        "emoface": f"emoface {__version__}",
        "torch": version("torch"),
        "commit": commit() or "unknown",
    }


def commit() -> str | None:
    """The commit checked out, with `+` if tracked files differ from it; else None."""
    if not (REPOSITORY / ".git").exists():
        return None  # a copy without history, though perhaps within another's
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
    try:
        answer = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # no git here
    return answer.stdout.strip()


def write_weights(
    path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors as one safetensors file, with their checksum in its metadata.

    weights : Tensor[...] by name, of any shape.
    """
    own = {name: value.contiguous() for name, value in weights.items()}
    with write_beside(path) as beside:
        # its own `save_file` puts another file there, which nobody else may read
        beside.write_bytes(save(own, {**(metadata or {}), "weights": digest(own)}))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights that `write_weights` wrote, Tensor[...] by name, of any shape.

    Raises InputError if the file is missing, damaged, or holds NaN.
    """
    with reading(path), safe_open(path, framework="pt") as file:
        known = (file.metadata() or {}).get("weights")
        names = file.keys()
        weights = {name: file.get_tensor(name) for name in names}
        if known not in (None, digest(weights)):
            raise ValueError("these are not the numbers that were written")
    if not all(bool(weight.isfinite().all()) for weight in weights.values()):
        raise InputError(f"{path} holds numbers that are not finite: train it again.")
    return weights


def save_model(
    path: Path, model: nn.Module, settings: Settings, made_from: str = ""
) -> None:
    """Write a model's weights with their provenance as one safetensors file.

    made_from : hash of what it depends on, which `is_fresh` compares.
    """
    metadata = {**provenance(settings), "made_from": made_from}
    write_weights(path, model.state_dict(), metadata)


def is_fresh(path: Path, made_from: str) -> bool:
    """Whether a whole checkpoint of just these inputs, settings and code is there."""
    try:
        read_weights(path)
        return read_metadata(path).get("made_from") == made_from
    except InputError:
        return False  # missing or damaged


def read_metadata(path: Path) -> dict[str, str]:
    """What a checkpoint says of itself; raises InputError if it is none."""
    with reading(path), safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def load_model(path: Path, model: nn.Module) -> None:
    """Load weights into a model and put it in evaluation mode.

    Raises InputError if the file is missing, damaged or holds another network.
    """
    try:
        model.load_state_dict(read_weights(path))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} is not a checkpoint of {type(model).__name__}: {reason}"
        ) from error
    model.eval()


class _Ignored:
    """What an optimiser in a checkpoint becomes."""

    def __setstate__(self, state: Any) -> None: ...


def _empty(*_: Any) -> dict:
    """What its state becomes, which pickles as a defaultdict."""
    return {}


def load_foreign(
    path: Path | str, model: nn.Module, keys: Sequence[str], otherwise: str
) -> None:
    """Load another project's checkpoint, of any format of PyTorch; evaluation mode.

    keys : under the first of these that is there its weights stand, else at the top;
    names may begin with `module.`, and those that the model does not have are left
    out. Only tensors are unpickled, not an Adam beside them. otherwise : the message
    of the InputError that anything else raises.
    """
    adam: list[Any] = [
        (_Ignored, "torch.optim.adam.Adam"),
        (_empty, "collections.defaultdict"),
        dict,
    ]
    try:
        with torch.serialization.safe_globals(adam):
            stored = torch.load(path, "cpu", weights_only=True)
        found = next((stored[key] for key in keys if key in stored), stored)
        named = {name.removeprefix("module."): one for name, one in found.items()}
        own = model.state_dict().keys()
        model.load_state_dict({name: named[name] for name in named if name in own})
    except Exception as error:  # whatever bytes of others raise
        raise InputError(otherwise) from error
    model.eval()


def read_settings(path: Path) -> Settings:
    """Settings that a checkpoint was made with.

    Raises InputError if the file is missing or was made by another version.
    """
    metadata = read_metadata(path)
    try:
        return Settings.model_validate(json.loads(metadata["settings"]))
    except (KeyError, ValueError) as error:  # JSON's and pydantic's are ValueErrors
        made_by = metadata.get("emoface", "something else")
        raise InputError(
            f"{path} was made by {made_by}, with other settings than this version "
            "knows: run `make reproduce` to train it again."
        ) from error


def feature_size(path: Path) -> int:
    """D of the features that a branch was trained on; raises InputError if not one."""
    read_settings(path)
    with reading(path), safe_open(path, framework="pt") as file:
        if "standardise.mean" not in file.keys():  # noqa: SIM118 (no mapping)
            raise InputError(f"{path} is no checkpoint of a branch of Table 1.")
        return file.get_slice("standardise.mean").get_shape()[0]


def save_state(path: Path, made_from: str, **state: Any) -> None:
    """Write what training needs to go on; `made_from` as in `save_model`."""
    with write_beside(path) as beside:
        torch.save({"made_from": made_from, **state}, beside)


def load_state(path: Path, made_from: str) -> dict[str, Any] | None:
    """Read a training state, or None if there is none that was made from just this."""

    def read(path: Path) -> dict[str, Any]:
        return dict(torch.load(path, weights_only=True))

    state = read_or_set_aside(read, path) or {}
    return state if state.pop("made_from", None) == made_from else None

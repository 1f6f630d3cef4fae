"""Checkpoints: safetensors with the settings that made them; states to resume from."""

import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from emoface_lib import __version__
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
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


def save_model(
    path: Path, model: nn.Module, settings: Settings, made_from: str = ""
) -> None:
    """Write a model's weights with their provenance as one safetensors file.

    made_from : hash of what it depends on, which `is_fresh` compares.
    """
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    metadata = {**provenance(settings), "made_from": made_from}
    metadata["weights"] = digest(weights)
    with write_beside(path) as beside:
        save_file(weights, beside, metadata=metadata)


def is_fresh(path: Path, made_from: str) -> bool:
    """Whether a whole checkpoint of just these inputs, settings and code is there."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        same = metadata.get("made_from") == made_from
        return same and metadata.get("weights") == digest(load_file(path))
    except (OSError, SafetensorError):
        return False  # missing, cut or none


def load_model(path: Path, model: nn.Module) -> None:
    """Load weights into a model and put it in evaluation mode.

    Raises InputError if the file is missing, damaged or holds another network.
    """
    if not path.exists():
        raise InputError(f"There is no checkpoint {path}.")
    try:
        model.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"{path} is not a checkpoint of {type(model).__name__}: {error}"
        ) from error
    model.eval()


def read_settings(path: Path) -> Settings:
    """Settings that a checkpoint was made with.

    Raises InputError if the file is missing or was made by another version.
    """
    if not path.exists():
        raise InputError(f"There is no checkpoint {path}.")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    try:
        return Settings.model_validate(json.loads(metadata["settings"]))
    except (KeyError, ValidationError) as error:
        made_by = metadata.get("emoface", "something else")
        raise InputError(
            f"{path} was made by {made_by}, with other settings than this version "
            "knows: run `make reproduce` to train it again."
        ) from error


def feature_size(path: Path) -> int:
    """D of the features that a branch was trained on; raises InputError if not one."""
    read_settings(path)
    with safe_open(path, framework="pt") as file:
        if "standardise.mean" not in file.keys():  # noqa: SIM118 (no mapping)
            raise InputError(f"{path} is no checkpoint of a branch of Table 1.")
        return file.get_slice("standardise.mean").get_shape()[0]


def save_state(path: Path, made_from: str, **state: Any) -> None:
    """Write what training needs to go on; `made_from` as in `save_model`."""
    with write_beside(path) as beside:
        torch.save({"made_from": made_from, **state}, beside)


def load_state(path: Path, made_from: str) -> dict[str, Any] | None:
    """Read a training state, or None if there is none that was made from just this."""
    if not path.exists():
        return None
    state = torch.load(path, weights_only=True)
    return state if state.pop("made_from", None) == made_from else None

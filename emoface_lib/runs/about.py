"""What is installed here and what has been run: `emoface info`."""

import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import torch

from emoface_lib import __version__
from emoface_lib.core.checkpoints import commit
from emoface_lib.core.files import read_json
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.core.parallel import cores
from emoface_lib.core.settings import REPOSITORY, runs_folder

PACKAGES = "torch", "numpy", "scipy", "librosa", "av", "jupyterlab"


def about() -> Iterator[str]:
    """Lines on versions, device, runs, and the shipped weights with their cards."""
    at = f", commit {found[:7]}" if (found := commit()) else ""
    yield f"emoface {__version__} in {REPOSITORY}{at}"
    yield f"Python {platform.python_version()}, {platform.platform()}"
    yield ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    many = torch.cuda.device_count()
    gpus = [torch.cuda.get_device_name(number) for number in range(many)]
    yield f"Device: {', '.join(gpus) or 'no GPU'}; {cores()} CPU cores"
    yield f"Runs in {runs_folder()}:"
    yield from sorted(runs(runs_folder())) or ["  none yet: emoface reproduce"]
    yield f"Weights in {WEIGHTS}, each with its card:"
    for card in sorted(WEIGHTS.rglob("*.md")):
        title, *_ = card.read_text(encoding="utf-8").splitlines()
        yield f"  {title.removeprefix('# ')}: {card.relative_to(WEIGHTS)}"


def runs(folder: Path) -> Iterator[str]:
    """A line for each finished run of the notebooks below `folder`."""
    for path in folder.glob("*/reproduce.json"):
        report = read_json(path)
        which = f"{len(report['minutes'])} notebooks, {report['minutes_in_all']} min"
        yield f"  {path.parent.name}: {which}, profile {report['profile']}"

"""Ship what `animate` needs of a run: `python -m tools.ship_weights [RUN]`.

RUN : folder of a run, by default the tutorial's. The networks are kept in half
precision beside the emotion space and the level of the speech that they learnt from.
The card, emoface_lib/weights/animate/README.md, is written by hand.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from emoface_lib.animation.animate import SHIPPED
from emoface_lib.core.checkpoints import read_metadata, read_weights, write_weights
from emoface_lib.core.settings import Run, load_settings

NETWORKS = "content/model.safetensors", "style/model.safetensors"
NUMBERS = "emotion_space/space.safetensors", "audio/statistics.npz"


def halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in half precision, numbers that are counted as they are."""
    return {n: w.half() if w.is_floating_point() else w for n, w in weights.items()}


def ship_half(source: Path, target: Path) -> None:
    """Copy a checkpoint with its provenance, numbers in half precision."""
    write_weights(target, halved(read_weights(source)), read_metadata(source))


def main(run: Path, shipped: Path = SHIPPED) -> None:
    """Copy the files of a run to where `best_run` looks at last."""
    for file in (*NETWORKS, *NUMBERS):
        (shipped / file).parent.mkdir(parents=True, exist_ok=True)
    for file in NETWORKS:
        ship_half(run / file, shipped / file)
    for file in NUMBERS:
        shutil.copyfile(run / file, shipped / file)


if __name__ == "__main__":
    given = [Path(path) for path in sys.argv[1:]]
    main(given[0] if given else Run(load_settings("tutorial")).folder)

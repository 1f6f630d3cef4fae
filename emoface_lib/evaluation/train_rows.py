"""Steps 1 and 2 of a run without its notebooks, in one process or in several.

They leave the branches that notebooks 04 and 05 leave, so that the later notebooks go
on from here. Described in docs/scale.md.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm.auto import tqdm

from emoface_lib.core.clip import Clip
from emoface_lib.core.data_parallel import rank
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz
from emoface_lib.core.settings import Run, Settings
from emoface_lib.evaluation.table_2 import FOLDERS, VARIANTS
from emoface_lib.features.prepared import load_clips
from emoface_lib.method.steps import split, train_content, train_style
from emoface_lib.method.triplets import NoTripletsError
from emoface_lib.synthetic.audio_only import audio_only_clips

WEIGHTS = "model.safetensors"


def train_run(
    settings: Settings, engine: str = "local", workers: int | None = None
) -> list[Path]:
    """Train the branches of Table 2 here or by Ray; returns their files.

    engine : "local", or "ray" for `workers` that train as one, see `train_by_ray`. What
    the same settings have made of the same features is not made again; an interrupted
    step goes on. A branch whose losses the corpus can't give is left out: on LRW, which
    names no speakers, all but one. Raises InputError if the features are missing.
    """
    run = Run(settings)
    run.product("03_face_alignment")
    folder = run.folder.resolve()
    if engine == "ray":
        from emoface_lib.core.ray_engine import (
            train_by_ray,  # an extra, and slow to import
        )

        train = partial(train_models, settings, folder)
        train_by_ray(train, folder, workers, gpus=settings.device != "cpu")
    elif engine != "local" or workers not in (None, 1):
        raise InputError(
            f"Engine {engine!r} does not train with workers = {workers}: give "
            "--engine ray, by which several train as one."
        )
    else:
        train_models(settings, folder)
    made = [folder / name / WEIGHTS for name in ("content", *FOLDERS.values())]
    return [path for path in made if path.exists()]


def train_models(settings: Settings, folder: Path) -> None:
    """The content branch and the style branches of Table 2, into the folder of a run.

    Under `torch.distributed` every process calls it, and they train as one. Raises as
    `train_run`.
    """
    run = Run(settings, folder)
    clips = training_clips(run)
    _say("Step 1, content")
    content, _ = train_content(clips, folder / "content", settings)
    for row, changes in VARIANTS.items():
        name = FOLDERS[row]
        _say(f"Step 2, {name}")
        try:
            train_style(clips, content, folder / name, settings.changed(**changes))
        except NoTripletsError as error:
            _say(f"{name} is left out. {error}")


def _say(what: str) -> None:
    if rank() == 0:
        tqdm.write(what)


def training_clips(run: Run) -> Sequence[Clip]:
    """The clips of notebook 05: the run's, and audio-only ones if it is drawn.

    All splits are loaded, since a speaker's reference face comes from all videos.
    """
    clips = load_clips(run.path("features"), run.settings)
    if run.settings.corpus:  # drawn speakers don't train what learns from real ones
        return clips
    mean_face = read_npz(run.path("features", "mean_face.npz"))["landmarks"]
    splits = ("train", "val", "test")
    audio_only_voices = audio_only_clips(
        run.settings, mean_face, run.path("audio"), splits=splits
    )
    return [*clips, *split(audio_only_voices, "train")]

"""The three steps of a run without its notebooks, in one process or in several.

They leave what notebooks 04, 05 and 06 leave, so that the later notebooks go on from
here. Described in docs/scale.md.
"""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from tqdm.auto import tqdm

from emoface_lib.core.clip import Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_array, read_parquet
from emoface_lib.core.settings import Run, Settings
from emoface_lib.core.training import launched
from emoface_lib.evaluation.rows import OURS, ROWS, train_rows
from emoface_lib.features.prepared import load_clips
from emoface_lib.features.real_mouths import real_mouths
from emoface_lib.method.steps import split, train_content
from emoface_lib.synthetic.audio_only import audio_only_clips
from emoface_lib.translation import translators
from emoface_lib.translation.dataset import Pairs
from emoface_lib.translation.train import train_translator


def train_run(settings: Settings, steps: Collection[int] = (1, 2)) -> list[Path]:
    """Train the branches of Table 2, the translator, or both; returns their files.

    steps : of the paper; 2 trains 1, too. Processes that Fabric starts, see `launched`,
    all come here. What the same settings have made of the same features is not made
    again; an interrupted step goes on. A branch whose losses the corpus can't give is
    left out: on LRW, which names no speakers, all but one. Raises InputError if the
    features are missing, in the first process alone.
    """
    run = Run(settings)
    run.product("03_face_alignment")
    fabric, folders = launched(settings), list[str]()
    say = tqdm.write if fabric.is_global_zero else lambda text: None
    try:
        if {1, 2} & set(steps):
            clips = training_clips(run)
            say("Step 1, content")
            content, _ = train_content(clips, run.path("content"), settings)
            folders.append("content")
        if 2 in steps:
            trained = train_rows(OURS, clips, content, run.folder, settings, say)
            folders += [ROWS[name].folder for name in trained]
        if 3 in steps:
            kind = settings.translator.kind
            folders.append(translators.FOLDERS.get(kind, "translator"))
            say(f"Step 3, {folders[-1]}")
            train_translator(training_pairs(run), run.path(folders[-1]), settings)
    except InputError:
        if fabric.is_global_zero:
            raise
        sys.exit(2)
    return [run.path(folder, "model.safetensors") for folder in folders]


def training_pairs(run: Run) -> Pairs:
    """The pairs of notebook 06: of all training clips with features."""
    index = read_parquet(run.path("features", "index.parquet"), "problem")
    rows = index[(index["problem"] == "") & (index["split"] == "train")]
    return Pairs(
        [run.path("corpus", path) for path in rows["path"]],
        [run.path("features", f"{clip}.npz") for clip in rows["clip"]],
        run.settings.translator.image_size,
        warp=run.settings.translator.kind == "improved",
    )


def training_clips(run: Run) -> Sequence[Clip]:
    """The clips of steps 1 and 2: the run's; if it is drawn, others that are no video.

    Those are audio-only speakers and, for step 1, real mouths. All splits are loaded,
    since a speaker's reference face comes from all videos.
    """
    clips = load_clips(run.path("features"), run.settings)
    if run.settings.corpus:  # drawn speakers don't train what learns from real ones
        return clips
    mean_face = read_array(run.path("features", "mean_face.npz"), "landmarks")
    splits = ("train", "val", "test")
    audio_only_voices = audio_only_clips(
        run.settings, mean_face, run.path("audio"), splits=splits
    )
    mouths: Sequence[Clip] = []
    if run.settings.content.real_mouths:
        level = float(read_array(run.path("audio", "statistics.npz"), "level"))
        audio = run.path("audio")
        mouths = split(real_mouths(run.settings, level, mean_face, audio), "real")
    return [*clips, *split(audio_only_voices, "train"), *mouths]

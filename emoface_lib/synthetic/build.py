"""Build the embedded corpus: drawn talking heads with formant speech and known factors.

Taught in notebook 01.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import (
    CARD,
    INDEX,
    VOXCELEB_META,
    hash_of,
    read_json,
    read_npz,
    read_or_set_aside,
    write_beside,
    write_json,
    write_npz,
    write_parquet,
)
from emoface_lib.core.fresh import code_hash
from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import write_video
from emoface_lib.synthetic.clips import ClipPlan, make_clip, plan_corpus, sidecar
from emoface_lib.synthetic.factors import ACCENTS, CONFOUNDING, VARIANTS
from emoface_lib.synthetic.heads.draw import FaceDrawer
from emoface_lib.synthetic.heads.shape import (
    Controls,
    Identity,
    pose_face,
    stack_controls,
)

OWN_FILES = (CARD, INDEX, VOXCELEB_META, "DATA_CARD.md")
OWN_FOLDERS = ("mp4", "truth")

Draw = Callable[[Identity, Controls], Iterable[np.ndarray]]
_drawer = lru_cache(maxsize=1)(FaceDrawer)


def draw_faces(identity: Identity, controls: Controls) -> Iterator[np.ndarray]:
    """Pictures uint8 (224, 224, 3) RGB of an identity, one for each frame."""
    drawer, stacked = _drawer(identity), stack_controls(controls)
    for landmarks, now in zip(pose_face(identity, stacked), stacked, strict=True):
        yield drawer.draw(landmarks, now)


def build_corpus(
    settings: Settings,
    folder: Path | str,
    workers: int | None = None,
    draw: Draw = draw_faces,
) -> pd.DataFrame:
    """Build the embedded corpus into `folder`, or complete it; return its index.

    Clips that are complete are kept. A corpus of other settings, or drawn by other
    code, is removed first (its own files only) and built anew.
    workers : processes; None takes one a core. draw : makes a face's pictures.
    Raises InputError if `folder` holds clips of another origin.
    """
    folder = Path(folder)
    plans = plan_corpus(settings)
    claim_folder(folder, settings)
    todo = [
        plan
        for plan in plans
        if not (_sidecar_path(plan, folder).exists() and (folder / plan.path).exists())
    ]
    make = partial(write_clips, folder=folder, draw=draw)
    # a speaker at a time, whose face is then prepared only once
    own = [list(part) for _, part in groupby(todo, lambda plan: plan.speaker.name)]
    for _ in each(make, own, workers, "drawing speakers"):
        pass
    index = pd.DataFrame([plan.row for plan in plans])
    index["seconds"] = [
        len(read_npz(_sidecar_path(plan, folder))["landmarks"]) / VIDEO_RATE
        for plan in plans
    ]
    _write_metadata(plans, folder)
    card = data_card(index, settings.seed, code_hash(__name__))
    with write_beside(folder / "DATA_CARD.md") as beside:
        beside.write_text(card, encoding="utf-8")
    write_parquet(folder / INDEX, index)
    return index


def corpus_identity(settings: Settings) -> dict:
    """What identifies an embedded corpus: settings, the code that draws, their hash."""
    own = settings.synthetic.model_dump(exclude={"audio_only_speakers"})
    values = {"seed": settings.seed, **own}
    code = code_hash(__name__)
    identity = {"generator": "emoface embedded corpus", "code": code, **values}
    return {**identity, "hash": hash_of(identity)}


def claim_folder(folder: Path, settings: Settings) -> None:
    """Make `folder` ready for the corpus of `settings`; see `build_corpus`."""
    mine = corpus_identity(settings)
    card = folder / CARD
    if card.exists():
        if read_or_set_aside(read_json, card) == mine:
            return
        for name in OWN_FOLDERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in reversed(OWN_FILES):  # the card last
            (folder / name).unlink(missing_ok=True)
    elif any((folder / name).exists() for name in OWN_FOLDERS):
        raise InputError(
            f"{folder} holds clips that this project did not make: give another folder "
            "for the embedded corpus."
        )
    write_json(card, mine)


def write_clips(plans: list[ClipPlan], folder: Path, draw: Draw) -> None:
    """Make clips one after the other; each is complete before the next is begun."""
    for plan in plans:
        write_clip(plan, folder, draw)


def write_clip(plan: ClipPlan, folder: Path, draw: Draw) -> None:
    """Make a clip and write its mp4, then its sidecar."""
    clip = make_clip(plan)
    write_video(
        folder / plan.path,
        draw(clip.identity, clip.controls),
        clip.speech.samples,
        SAMPLE_RATE,
        VIDEO_RATE,
        metadata={"comment": "Synthetic: a drawn face and a synthesised voice."},
    )
    write_npz(_sidecar_path(plan, folder), **sidecar(clip))


def read_sidecar(folder: Path | str, clip: str) -> dict[str, np.ndarray]:
    """Ground truth of a clip of the embedded corpus, by names as in its DATA_CARD.md.

    Such as landmarks float32[F, 68, 3] px of the video; all are listed in
    `clips.sidecar`. Raises InputError if the file is missing.
    """
    path = Path(folder) / "truth" / f"{clip}.npz"
    if not path.exists():
        raise InputError(f"{path} is missing: build the corpus again (notebook 01).")
    return read_npz(path)


def _sidecar_path(plan: ClipPlan, folder: Path) -> Path:
    return folder / "truth" / f"{plan.clip}.npz"


def _write_metadata(plans: list[ClipPlan], folder: Path) -> None:
    """Write the speakers in the form of VoxCeleb2, its trailing blanks included."""
    lines = ["VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set "]
    speakers = {plan.speaker.name: plan for plan in plans}
    for name, plan in speakers.items():
        part = "test" if plan.split == "test" else "dev"
        lines.append(f"{name} ,n{name[2:]} ,{plan.speaker.gender} ,{part} ")
    with write_beside(folder / VOXCELEB_META) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")


def data_card(index: pd.DataFrame, seed: int, code: str) -> str:
    """The text of DATA_CARD.md for a corpus with this index; code : a hash."""
    text = (Path(__file__).parent / "data_card.md").read_text(encoding="utf-8")
    return text.format(
        clips=len(index),
        minutes=index["seconds"].sum() / 60,
        speakers=index["speaker"].nunique(),
        seed=seed,
        code=code[:8],
        splits="\n".join(_split_rows(index)),
        accents=len(set(ACCENTS)),
        variants=sum(len(names) for names in VARIANTS.values()),
        confounding=CONFOUNDING,
    )


def _split_rows(index: pd.DataFrame) -> list[str]:
    meaning = {
        "train": "videos to train on",
        "val": "held-out videos of the training speakers",
        "test": "speakers that are not trained on",
    }
    rows = []
    for split, what in meaning.items():
        part = index[index["split"] == split]
        rows.append(f"| {split} | {len(part)} | {part['speaker'].nunique()} | {what} |")
    return rows

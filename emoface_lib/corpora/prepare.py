"""From clips to features: one .npz a clip in the corpus' own tree, and an index.

Whatever ends a run, the next one goes on and ends with the same files. Taught in
notebooks 02 and 03.
"""

import os
import sys
import zlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import (
    CARD,
    INDEX,
    drop_torn,
    read_json,
    read_npz,
    write_beside,
    write_json,
    write_npz,
)
from emoface_lib.core.fresh import code_hash, digest
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings, nearest
from emoface_lib.corpora import extract
from emoface_lib.corpora.extract import Job, Recipe, failed, load_tools, row_of
from emoface_lib.corpora.journal import WHOLE, Journal
from emoface_lib.features.detectors import check_detector
from emoface_lib.features.prepared import corpus_mean_face
from emoface_lib.features.recognisers import fitting_recogniser

FEATURES_CARD, MEAN_FACE = "features.json", "mean_face.npz"
NOT_YET = "not prepared yet"
KILLS = "It kills the process that reads it, twice: mend the file or leave it out."
MEAN_CLIPS = 500  # whose faces the mean face averages, at most
Engine = Literal["local", "ray"]
ENGINES = ("local", "ray")


def prepare(
    index: pd.DataFrame,
    corpus: Path,
    folder: Path,
    settings: Settings,
    workers: int | None = None,
    *,
    audio: Path | None = None,
    only: Sequence[str] = (),
    shard: tuple[int, int] = WHOLE,
    retry: bool = False,
    engine: Engine = "local",
) -> pd.DataFrame:
    """Observe the clips of a corpus; those that are done are not done again.

    index : of the corpus, with columns clip and path; corpus, folder : roots of the
    clips and of the features; audio : the run's folder of that name, if voices are to
    be embedded and converted here. only : patterns of clip names; shard : (i, n), every
    n-th clip; retry : also those that failed. Leaves `index.parquet`, which it returns:
    the index with `problem` (why a clip could not be used, else ""), frames, missing
    (without a face, interpolated), level (dBFS) and expression_*; and `mean_face.npz`.
    Raises InputError if nothing can be prepared. Taught in notebook 03.
    """
    drawn = (corpus / CARD).exists()
    recipe = _recipe(index, corpus, folder, settings, drawn, audio)
    _claim(folder, _made_by(recipe), drawn)
    journal = Journal(folder, shard)
    done = False
    try:
        if shard == WHOLE:  # else another shard may be writing them
            for name in (INDEX, FEATURES_CARD, MEAN_FACE):
                drop_torn(folder / name)
        known = journal.known()
        chosen = _chosen(index, only, shard)
        jobs = _jobs(index[chosen & ~_done(index, chosen, known, folder, retry)])
        jobs = _recover(jobs, folder, journal)
        for _, row in _engine(engine)(recipe, jobs, workers, "preparing clips", _lost):
            journal.add(row)
        rows = _with_rows(index, journal.known())
        done = shard == WHOLE and not (rows["problem"] == NOT_YET).any()
        with write_beside(folder / INDEX) as beside:
            rows.to_parquet(beside, index=False)
        _leave_mean_face(rows, folder)
    finally:
        journal.close(done)
    return rows


def _recipe(
    index: pd.DataFrame,
    corpus: Path,
    folder: Path,
    settings: Settings,
    drawn: bool,
    audio: Path | None,
) -> Recipe:
    """How to observe; raises InputError now, not clip by clip, if something lacks."""
    check_detector(settings)
    labelled = "emotion" in index and bool((index["emotion"] != "").all())
    recogniser = fitting_recogniser(settings, drawn, labelled)
    recipe = Recipe(corpus, folder, settings, drawn, recogniser, audio)
    load_tools(recipe)
    return recipe


def _made_by(recipe: Recipe) -> dict[str, Any]:
    """What the features depend on; a real corpus may grow: its name identifies it."""
    settings = recipe.settings
    chosen = {
        **settings.landmarks.model_dump(exclude={"alignment"}),
        "features": settings.features.kind,
        "autovc_checkpoint": settings.autovc.checkpoint,
    }
    if recipe.audio is None and settings.features.kind != "phonetic":
        # F_a is made when clips are loaded
        chosen |= {"features": "log_mel", "autovc_checkpoint": ""}
    if recipe.recogniser == "scn":
        chosen["scn_checkpoint"] = digest(Path(settings.expression.scn_checkpoint))
    card = recipe.corpus / CARD
    corpus = read_json(card)["hash"] if card.exists() else recipe.corpus.resolve().name
    made = {**chosen, "recogniser": recipe.recogniser, "corpus": corpus}
    return {**made, "code": code_hash(extract.__name__)}


def _claim(folder: Path, made_by: dict[str, Any], drawn: bool) -> None:
    """Check that a folder's features are made so; if not, drawn ones are removed.

    Those of a real corpus took hours: raises InputError if they were made with other
    settings, and says on standard error if they were made by other code.
    """
    card = folder / FEATURES_CARD
    before = read_json(card) if card.exists() else made_by
    others = [name for name in made_by if before.get(name) != made_by[name]]
    if not drawn and others == ["code"]:
        note = f"The features in {folder} were made by other code than this."
        print(
            f"emoface: note: {note} Remove that folder to make all anew.",
            file=sys.stderr,
        )
        return
    if not others and len(before) == len(made_by):
        write_json(card, made_by)
        return
    if not drawn:
        name = others[0]
        raise InputError(
            f"{folder} holds features made with {name} = {before.get(name)!r}, not "
            f"{made_by[name]!r}: give another folder with --out, or remove that one."
        )
    for path in folder.glob("*/*/*.npz"):
        path.unlink()
    (folder / INDEX).unlink(missing_ok=True)
    Journal(folder).close(done=True)
    write_json(card, made_by)


def _chosen(
    index: pd.DataFrame, only: Sequence[str], shard: tuple[int, int]
) -> pd.Series:
    """Which clips this run is about, bool of each row."""
    chosen = pd.Series(True, index.index)
    if "problem" in index:  # known to be faulty
        chosen &= index["problem"] == ""
    if only:
        fits = [any(fnmatchcase(clip, one) for one in only) for clip in index["clip"]]
        chosen &= pd.Series(fits, index.index)
    if shard != WHOLE:
        part, parts = shard
        codes = [zlib.crc32(clip.encode()) % parts for clip in index["clip"]]
        chosen &= pd.Series(codes, index.index) == part - 1
    return chosen


def _done(
    index: pd.DataFrame,
    chosen: pd.Series,
    known: pd.DataFrame,
    folder: Path,
    retry: bool,
) -> pd.Series:
    """Which clips need nothing more, bool of each row; drops what a killed run left."""
    files, torn = _files(folder)
    mine = set(index["clip"][chosen])
    for clip, path in torn:
        if clip in mine:
            path.unlink(missing_ok=True)
    problem = index["clip"].map(known["problem"])
    there = index["clip"].isin(files)
    refused = problem.notna() & ~problem.isin(["", NOT_YET])
    return (problem == "") & there | refused & (not retry)


def _files(folder: Path) -> tuple[set[str], list[tuple[str, Path]]]:
    """Clips that have a file, and half-written files with the clips they are of."""
    whole, torn = set(), []
    for place, _, names in os.walk(folder):
        below = Path(place).relative_to(folder).as_posix()
        for name in names:
            if not name.endswith(".npz"):
                continue
            if name.startswith("."):  # "." stem "." random ".npz", of write_beside
                clip = f"{below}/{name[1:-4].rpartition('.')[0]}"
                torn.append((clip, Path(place, name)))
            else:
                whole.add(f"{below}/{name[:-4]}")
    return whole, torn


def _jobs(index: pd.DataFrame) -> list[Job]:
    columns = [
        index[name] if name in index else pd.Series("", index.index)
        for name in Job._fields
    ]
    return [Job(*row) for row in zip(*columns, strict=True)]


def _recover(jobs: list[Job], folder: Path, journal: Journal) -> list[Job]:
    """Note the clips whose file is whole but not in the journal; return the others."""
    left = []
    for job in jobs:
        path = folder / f"{job.clip}.npz"
        try:
            row = row_of(job.clip, read_npz(path)) if path.exists() else None
        except (OSError, ValueError, KeyError, BadZipFile):
            row = None  # damaged, or of an older version
        if row:
            journal.add(row)
        else:
            left.append(job)
    return left


def _engine(name: Engine) -> Any:
    """What runs a function over items: `parallel.each`, or the same by Ray."""
    if name not in ENGINES:
        raise InputError(f"There is no engine {name!r}; {nearest(name, ENGINES)}")
    if name == "local":
        return each
    from emoface_lib.core.ray_engine import each_by_ray  # an extra, and slow to import

    return each_by_ray


def _lost(job: Job) -> dict[str, Any]:
    return failed(job, f"{job.path or job.sound}: {KILLS}")


def _with_rows(index: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The corpus' index with what became of each clip."""
    faulty = index["problem"] if "problem" in index else pd.Series("", index.index)
    names = ["frames", "missing", "level", *(f"expression_{n}" for n in EXPRESSIONS)]
    found = known.reindex(columns=["problem", *names]).reindex(index["clip"])
    found = found.set_index(index.index)
    found["problem"] = found["problem"].fillna(NOT_YET).where(faulty == "", faulty)
    found[["frames", "missing"]] = found[["frames", "missing"]].fillna(0).astype(int)
    found[names[2:]] = found[names[2:]].astype(float)
    own = index.drop(columns=found.columns, errors="ignore")
    return pd.concat([own, found], axis=1)


def _leave_mean_face(rows: pd.DataFrame, folder: Path) -> None:
    """The mean face of the training clips, or of all if there are none."""
    used = rows[rows["problem"] == ""]
    train = used[used["split"] == "train"] if "split" in used else used
    clips = list((train if len(train) else used)["clip"])
    if clips:
        some = np.linspace(0, len(clips) - 1, min(len(clips), MEAN_CLIPS)).astype(int)
        mean = corpus_mean_face(folder, [clips[i] for i in some])
        write_npz(folder / MEAN_FACE, landmarks=mean)

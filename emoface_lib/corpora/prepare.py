"""A corpus prepared: one .npz of features a clip, and an index of what became of all.

    RUN/corpus        a link to the corpus, which is only ever read
    RUN/features      one .npz a clip, index.parquet, mean_face.npz
    RUN/audio         speakers.npz, statistics.npz, and AutoVC if F_a is made by it

Whatever ends a run, the next one goes on and ends with the same files. Of a real corpus
that is all that notebooks 01 to 03 leave of the embedded one: 04 to 08 then take
`corpus = "RUN"`. Taught in notebooks 01 to 03.
"""

import sys
import zlib
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from zipfile import is_zipfile

import numpy as np
import pandas as pd

from emoface_lib.core.checkpoints import save_model
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import (
    INDEX,
    read_array,
    read_json,
    read_or_set_aside,
    reading,
    write_json,
    write_npz,
    write_parquet,
)
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings, nearest, runs_folder
from emoface_lib.corpora.extract import Recipe, Row, load_tools, read_sound
from emoface_lib.corpora.index import read_corpus, sounds_alone
from emoface_lib.corpora.journal import WHOLE, Journal
from emoface_lib.features.audio import log_mel
from emoface_lib.features.detectors import check_detector
from emoface_lib.features.expression_training import shipped_expressions
from emoface_lib.features.prepared import FEATURES_CARD, MEAN_FACE, corpus_mean_face
from emoface_lib.features.speaker import (
    UTTERANCES,
    embed_speakers,
    read_embeddings,
    write_embeddings,
)
from emoface_lib.features.voice_conversion import (
    CONVERTED,
    MODEL,
    SPEAKERS,
    WHERE,
    keep_official,
)

NOT_YET = "not prepared yet"
KILLS = "It kills the process that reads it, twice: mend the file or leave it out."
MEAN_CLIPS = 500  # whose faces the mean face averages, at most
SHOWN = 10  # problems that are printed
Engine = Literal["local", "ray"]
ENGINES = ("local", "ray")


def prepare_corpus(
    root: Path, run: Path, settings: Settings, layout: str = "", **how: Any
) -> pd.DataFrame:
    """Prepare a corpus into the folder of a run, or go on with it; returns the index.

    root : of the corpus; layout : its name, "" to find out; how : what `prepare` takes,
    such as workers, only, shard, retry and engine. Raises InputError if `root` holds no
    clip, or something that the settings ask for is missing.
    """
    root, audio, features = Path(root), run / "audio", run / "features"
    index = read_corpus(root, layout).index
    if settings.landmarks.detector == "drawn":
        index = sounds_alone(index)
    _link(run / "corpus", root)
    if CONVERTED & {*settings.features.kinds}:
        _ready_autovc(index, root, audio, settings)
    rows = prepare(index, root, features, settings, audio=audio, **how)
    _leave_voices(rows[rows["problem"] == ""], run)
    if read_json(features / FEATURES_CARD)["recogniser"] == "drawn":
        model = run / "expression" / "model.safetensors"
        save_model(model, shipped_expressions(), settings)
    return rows


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
    """Extract the features of clips; those that are done are not done again.

    index : of the corpus, with columns clip and path; corpus, folder : roots of the
    clips and of the features; audio : the run's folder of that name, if voices are to
    be embedded and converted here. only : patterns of clip names; shard : (i, n), every
    n-th clip; retry : also those that failed. Leaves `index.parquet`, which it returns:
    the index with `problem` (why a clip could not be used, else ""), frames, missing
    (without a face, interpolated), level (dBFS) and expression_*; and `mean_face.npz`.
    Raises InputError if nothing can be prepared. Taught in notebook 03.
    """
    check_detector(settings)
    recipe = Recipe.of(index, corpus, folder, settings, audio)
    load_tools(recipe)  # what lacks is said now, not clip by clip
    _claim(recipe, recipe.made_by())
    journal, done = Journal(folder, shard), False
    try:
        todo = _todo(index, journal.known(), folder, only, shard, retry)
        for _, row in _engine(engine)(recipe, todo, workers, "preparing clips", _lost):
            journal.add(row)
        rows = _with_rows(index, journal.known())
        done = shard == WHOLE and not (rows["problem"] == NOT_YET).any()
        write_parquet(folder / INDEX, rows)
        _leave_mean_face(rows, folder)
    finally:
        journal.close(done)
    return rows


def _claim(recipe: Recipe, made: dict[str, Any]) -> None:
    """Check that a folder's features are `made` so; if not, drawn ones are removed.

    Those of a real corpus took hours: raises InputError if they were made with other
    settings, and says on standard error if they were made by other code.
    """
    folder, card = recipe.folder, recipe.folder / FEATURES_CARD
    with reading(card):
        before = dict(read_json(card)) if card.exists() else made
    others = [name for name in made | before if before.get(name) != made.get(name)]
    if others == ["code"] and not recipe.drawn:
        note = f"emoface: note: The features in {folder} were made by other code than"
        print(f"{note} this. Remove that folder to make all anew.", file=sys.stderr)
        return
    if others and not recipe.drawn:
        name = others[0]
        raise InputError(
            f"{folder} holds features made with {name} = {before.get(name)!r}, not "
            f"{made.get(name)!r}: give another folder with --out, or remove that one."
        )
    if others:
        for path in folder.glob("*/*/*.npz"):
            path.unlink()
        (folder / INDEX).unlink(missing_ok=True)
        Journal(folder).close(done=True)
    write_json(card, made)


def _todo(
    index: pd.DataFrame,
    known: pd.DataFrame,
    folder: Path,
    only: Sequence[str],
    shard: tuple[int, int],
    retry: bool,
) -> Sequence[Row]:
    """The clips that this run is about and that are not done."""
    problems = known["problem"].to_dict()

    def wanted(clip: str) -> bool:
        if only and not any(fnmatchcase(clip, one) for one in only):
            return False
        if zlib.crc32(clip.encode()) % shard[1] != shard[0] - 1:
            return False
        problem = problems.get(clip, NOT_YET)
        if problem == "":
            return not is_zipfile(
                folder / f"{clip}.npz"
            )  # one that was cut is made anew
        return retry or problem == NOT_YET

    if "problem" in index:  # known to be faulty
        index = index[index["problem"] == ""]
    chosen = np.array([wanted(clip) for clip in index["clip"]], bool)
    return index[chosen].to_dict("records")


def _engine(name: Engine) -> Any:
    """What runs a function over items: `parallel.each`, or the same by Ray."""
    if name not in ENGINES:
        raise InputError(f"There is no engine {name!r}; {nearest(name, ENGINES)}")
    if name == "local":
        return each
    from emoface_lib.core.ray_engine import each_by_ray  # an extra, and slow to import

    return each_by_ray


def _lost(row: Row) -> dict[str, Any]:
    problem = f"{row['path'] or row['sound']}: {KILLS}"
    return {"clip": row["clip"], "problem": problem}


def _with_rows(index: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The corpus' index with what became of each clip."""
    names = ["frames", "missing", "level", *(f"expression_{n}" for n in EXPRESSIONS)]
    found = known.reindex(index["clip"], columns=["problem", *names])
    found = found.set_axis(index.index)
    faulty = index["problem"] if "problem" in index else pd.Series("", index.index)
    found["problem"] = found["problem"].fillna(NOT_YET).where(faulty == "", faulty)
    found[names[:2]] = found[names[:2]].fillna(0).astype(int)
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


def _link(link: Path, root: Path) -> None:
    """Let a link lead to the corpus; raises InputError if another's stands there."""
    if link.is_symlink() and not link.exists():
        link.unlink()  # the corpus now lies elsewhere
    if link.exists():
        if not link.samefile(root):
            raise InputError(
                f"{link} leads to another corpus than {root}: give another --out."
            )
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(root.resolve(), target_is_directory=True)


def _ready_autovc(
    index: pd.DataFrame, root: Path, audio: Path, settings: Settings
) -> None:
    """Put AutoVC in its place, and the speaker to whom all voices are converted.

    That is the first one with a clip that is not silent. Raises InputError without a
    network.
    """
    official = bool(settings.autovc.checkpoint)
    if not official and not (audio / MODEL).exists():
        raise InputError(
            f"F_a = {settings.features.name} needs an AutoVC, and {audio / MODEL} is "
            f"missing: {WHERE}; or take -p features=log_mel."
        )
    known = read_or_set_aside(read_embeddings, audio / SPEAKERS)
    if known and (audio / MODEL).exists():
        return
    for name, own in index.groupby("speaker"):
        sounds = []
        for row in own.head(UTTERANCES).to_dict("records"):
            with suppress(InputError):
                sounds.append(read_sound(row, root))
        if sounds:
            if official:
                keep_official(audio, settings, [log_mel(sound) for sound in sounds])
            write_embeddings(audio / SPEAKERS, embed_speakers({str(name): sounds}))
            return
    raise InputError(f"No clip of {root} can be heard.")


def _leave_voices(used: pd.DataFrame, run: Path) -> None:
    """The speakers' embeddings and the level of speech, from the clips' features."""
    if used.empty:
        return
    voices: dict[str, list[np.ndarray]] = defaultdict(list)
    for row in used.groupby("speaker").head(UTTERANCES).itertuples():
        voice = read_array(run / "features" / f"{row.clip}.npz", "voice")
        voices[str(row.speaker)].append(voice)
    means = {name: np.mean(own, axis=0) for name, own in voices.items()}
    found = {name: mean / np.linalg.norm(mean) for name, mean in means.items()}
    place, first = run / "audio" / SPEAKERS, {}  # AutoVC's target stays the first
    if kept := read_or_set_aside(read_embeddings, place):
        first = dict(list(kept.items())[:1])
    write_embeddings(place, {**first, **found, **first})
    train = used[used["split"] == "train"]
    level = float((train if len(train) else used)["level"].median())
    write_npz(run / "audio" / "statistics.npz", level=np.array(level))


def summary(rows: pd.DataFrame, run: Path) -> str:
    """What became of the clips, in words: counts, reasons, and what to run next."""
    problems = rows[(rows["problem"] != "") & (rows["problem"] != NOT_YET)]
    waiting = int((rows["problem"] == NOT_YET).sum())
    used = rows[rows["problem"] == ""]
    lines = [f"{len(used)} of {len(rows)} clips are ready in {run}"]
    if len(problems):
        index = run / "features" / INDEX
        lines.append(f"{len(problems)} can't be used (all of them: {index}):")
        lines += [f"  {text}" for text in problems["problem"].head(SHOWN)]
        lines.append("When files are mended, the same command with --retry tries them.")
    if waiting:
        lines.append(f"{waiting} are not prepared yet: run again without shard or only")
    elif "train" in (splits := set(used["split"])):
        name = run.name if run.parent == runs_folder().resolve() else run
        command = "reproduce" if "test" in splits else "train"
        lines.append(f"Next: emoface {command} -p corpus={name}")
        if command == "train":
            lines.append("No clip is in the split test, which the notebooks need, too.")
    return "\n".join(lines)

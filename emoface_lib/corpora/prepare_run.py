"""A real corpus prepared whole: all that notebooks 01 to 03 leave of the embedded one.

    RUN/corpus        a link to the corpus, which is only ever read
    RUN/features      one .npz a clip, index.parquet, mean_face.npz
    RUN/audio         speakers.npz, statistics.npz, and AutoVC if F_a is made by it

Notebooks 04 to 08 then take `corpus = "RUN"`. Taught in notebook 01.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emoface_lib.core.checkpoints import save_model
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import INDEX, read_json, write_npz
from emoface_lib.core.settings import Settings, runs_folder
from emoface_lib.corpora.extract import Job, read_sound
from emoface_lib.corpora.index import read_corpus
from emoface_lib.corpora.prepare import FEATURES_CARD, NOT_YET, prepare
from emoface_lib.features.expression_training import shipped_expressions
from emoface_lib.features.speaker import UTTERANCES, embed_speakers, read_embeddings
from emoface_lib.features.voice_conversion import MODEL, SPEAKERS, WHERE, keep_official

SHOWN = 10  # problems that are printed


def prepare_corpus(
    root: Path, run: Path, settings: Settings, layout: str = "", **how: Any
) -> pd.DataFrame:
    """Prepare a corpus into the folder of a run, or go on with it; returns the index.

    root : of the corpus; layout : its name, "" to find out; how : what `prepare` takes,
    such as workers, only, shard, retry and engine. Raises InputError if `root` holds no
    clip, or something that the settings ask for is missing.
    """
    root = Path(root)
    index = read_corpus(root, layout).index
    _link(run / "corpus", root)
    audio = run / "audio"
    if settings.features.kind in ("autovc", "codes"):
        _ready_autovc(index, root, audio, settings)
    rows = prepare(index, root, run / "features", settings, audio=audio, **how)
    _leave_voices(rows[rows["problem"] == ""], run)
    if read_json(run / "features" / FEATURES_CARD)["recogniser"] == "drawn":
        save_model(
            run / "expression" / "model.safetensors", shipped_expressions(), settings
        )
    return rows


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
    if settings.autovc.checkpoint and not (audio / MODEL).exists():
        keep_official(audio, settings)
    if not (audio / MODEL).exists():
        raise InputError(
            f"F_a = {settings.features.kind} needs an AutoVC, and {audio / MODEL} is "
            f"missing: {WHERE}; or take -p features=log_mel."
        )
    if (audio / SPEAKERS).exists():
        return
    for name, own in index.groupby("speaker"):
        heard = _heard(own.head(UTTERANCES), root)
        if heard:
            _write_speakers(audio, embed_speakers({str(name): heard}))
            return
    raise InputError(f"No clip of {root} can be heard.")


def _heard(rows: pd.DataFrame, root: Path) -> list[np.ndarray]:
    sounds = []
    for files in zip(rows["clip"], rows["path"], rows["sound"], strict=True):
        try:
            sounds.append(read_sound(Job(*files), root))
        except InputError:
            continue
    return sounds


def _leave_voices(used: pd.DataFrame, run: Path) -> None:
    """The speakers' embeddings and the level of speech, from the clips' features."""
    if used.empty:
        return
    voices: dict[str, list[np.ndarray]] = defaultdict(list)
    for row in used.groupby("speaker").head(UTTERANCES).itertuples():
        with np.load(run / "features" / f"{row.clip}.npz") as stored:
            voices[str(row.speaker)].append(stored["voice"])
    means = {name: np.mean(own, axis=0) for name, own in voices.items()}
    found = {name: mean / np.linalg.norm(mean) for name, mean in means.items()}
    first = {}  # AutoVC's target stays the first of them
    if (run / "audio" / SPEAKERS).exists():
        first = dict(list(read_embeddings(run / "audio" / SPEAKERS).items())[:1])
    _write_speakers(run / "audio", {**first, **found, **first})
    train = used[used["split"] == "train"]
    level = float((train if len(train) else used)["level"].median())
    write_npz(run / "audio" / "statistics.npz", level=np.array(level))


def _write_speakers(audio: Path, embeddings: dict[str, np.ndarray]) -> None:
    write_npz(
        audio / SPEAKERS,
        speakers=np.array(list(embeddings)),
        embeddings=np.stack(list(embeddings.values())),
        made_of=np.full(len(embeddings), "features"),
    )


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
    elif (used["split"] == "train").any():
        name = run.name if run.parent == runs_folder().resolve() else run
        lines.append(f"Next: emoface reproduce -p corpus={name}")
    return "\n".join(lines)

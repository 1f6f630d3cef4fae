"""A look at a corpus before hours are spent on it: `emoface doctor CORPUS`.

The tree is read whole, by names alone; some clips, spread over the speakers, are really
prepared, to find what fails, how long all will take and how much they will fill.
"""

import shutil
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import CARD, read_npz
from emoface_lib.core.landmarks import VIDEO_RATE, lip_opening
from emoface_lib.core.media import audio_stream, open_media, sound_delay
from emoface_lib.core.settings import Settings, runs_folder
from emoface_lib.core.video import video_info
from emoface_lib.corpora.extract import Job, Recipe, load_tools, observe
from emoface_lib.corpora.index import ARCHIVES, Reading, read_corpus, walk
from emoface_lib.corpora.inspect_report import Report
from emoface_lib.corpora.usable_for import stages
from emoface_lib.features.recognisers import fitting_recogniser, scoring_model

LAGS = range(-8, 9)  # video frames
# ms that the loudness follows the lips, as measured on real clips
USUAL_LAG = (-40, 160)
SHOWN = 5  # examples of a finding
FEW = 3  # clips below which a lag says nothing


def examine(
    root: Path, settings: Settings, layout: str = "", sample: int = 12
) -> Report:
    """Look at a corpus; `sample` clips of it are prepared, and thrown away.

    Raises InputError if `root` holds no clip of a known layout.
    """
    root = Path(root)
    reading = read_corpus(root, layout)
    index = reading.index
    seen = _look_at(reading, root, settings, sample)
    rows = seen["rows"]
    seconds = float(np.median(seen["seconds"] or [0]))
    size = float(np.mean(seen["bytes"] or [0]))
    videos = index.groupby("speaker")["video"].nunique()
    frames = sum(row.get("frames", 0) for row in rows)
    missing = sum(row.get("missing", 0) for row in rows)
    named = reading.layout.names_speakers
    return Report(
        corpus=str(root),
        layout=reading.layout.title,
        clips=len(index),
        speakers=len(videos) if named else 0,
        videos=int(videos.sum()),
        whole=_whole(reading),
        splits=_counts(index["split"]),
        emotions=_counts(index["emotion"]),
        speakers_with_one_video=int((videos < 2).sum()) if named else 0,
        stages=stages(reading),
        sampled=len(rows),
        usable=sum(row["problem"] == "" for row in rows),
        frame_rates=dict(Counter(seen["frame_rates"])),
        sample_rates=dict(Counter(seen["sample_rates"])),
        sizes=dict(Counter(seen["sizes"])),
        frames_with_a_face=1 - missing / frames if frames else 0.0,
        sound_delay_ms=1000 * max(seen["delays"], key=abs, default=0.0),
        lag_ms=lag(seen["curves"]),
        core_hours=seconds * len(index) / 3600,
        gigabytes=size * len(index) / 1e9,
        free_gigabytes=shutil.disk_usage(_there(runs_folder())).free / 1e9,
        findings=[*_of_names(reading, root), *_of_sample(seen)],
    )


def lag(curves: list[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """Milliseconds that loudness follows the lips' opening, by correlation.

    curves : (opening, loudness) of clips, float[F] each. None if there are too few.
    """
    scores = []
    for opening, loudness in curves:
        count, edge = len(opening), len(LAGS) // 2
        if count < 4 * edge or min(np.ptp(opening), np.ptp(loudness)) < 1e-6:
            continue
        inner = opening[edge : count - edge]
        scores.append(
            [
                np.corrcoef(inner, loudness[edge + d : count - edge + d])[0, 1]
                for d in LAGS
            ]
        )
    if len(scores) < FEW:
        return None
    return 1000 * LAGS[int(np.mean(scores, axis=0).argmax())] / VIDEO_RATE


def spread(index: pd.DataFrame, count: int) -> pd.DataFrame:
    """So many clips of a corpus, from as many speakers as there are."""
    ranked = index.assign(turn=index.groupby("speaker").cumcount())
    first = ranked[ranked["turn"] == 0]
    pool = first if len(first) >= count else ranked.sort_values("turn", kind="stable")
    places = np.linspace(0, len(pool) - 1, min(count, len(pool))).astype(int)
    chosen = pool.iloc[places] if len(first) >= count else pool.head(count)
    return chosen.drop(columns="turn")


def _look_at(
    reading: Reading, root: Path, settings: Settings, count: int
) -> dict[str, list]:
    """Prepare a sample of clips into a folder that is removed again."""
    names = ("rows", "seconds", "bytes", "curves", "delays")
    seen: dict[str, list] = {name: [] for name in names}
    seen |= {"frame_rates": [], "sample_rates": [], "sizes": [], "lacking": []}
    index = reading.index[reading.index["problem"] == ""]
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        recipe = _recipe(index, root, there, settings, seen["lacking"])
        for row in spread(index, count).to_dict("records"):
            job = Job(*(row[name] for name in Job._fields))
            _header(job, root, seen)
            start = time.process_time()
            outcome = observe(job, recipe)
            seen["seconds"].append(time.process_time() - start)
            seen["rows"].append(outcome)
            if not outcome["problem"]:
                path = there / f"{job.clip}.npz"
                stored = read_npz(path)
                opening = lip_opening(stored["landmarks"][..., :2])
                loudness = stored["log_mel"].mean(1).reshape(-1, 2).mean(1)
                seen["curves"].append((opening, loudness))
                seen["bytes"].append(path.stat().st_size)
    return seen


def _recipe(
    index: pd.DataFrame, root: Path, there: Path, settings: Settings, lacking: list[str]
) -> Recipe:
    """How the sample is prepared; what is not installed yet is added to `lacking`."""
    drawn = (root / CARD).exists()
    labelled = bool((index["emotion"] != "").all())
    recogniser = fitting_recogniser(settings, drawn, labelled)
    recipe = Recipe(root, there, settings, drawn, recogniser, there)
    if recogniser == "labels":
        lacking += _of_scoring(there, settings)
    try:
        load_tools(recipe)
    except InputError as error:  # the rest can be looked at all the same
        lacking.append(f"Nothing can be prepared yet. {error}")
        recipe = replace(recipe, recogniser="drawn")
    return recipe


def _of_scoring(folder: Path, settings: Settings) -> list[str]:
    """What ES lacks: labels suffice to prepare, but not to classify rendered faces."""
    try:
        scoring_model(folder, settings)
    except InputError as error:
        return [f"Preparing and training can begin, but ES needs more. {error}"]
    return []


def _header(job: Job, root: Path, seen: dict[str, list]) -> None:
    """What a clip's headers say; what can't be read is found when it is prepared."""
    try:
        if job.path:
            info = video_info(root / job.path)
            seen["frame_rates"].append(f"{info.rate:.2f}")
            seen["sizes"].append(f"{info.width} x {info.height}")
            if not job.sound:
                seen["delays"].append(sound_delay(root / job.path))
        if heard := job.sound or job.path:
            with open_media(root / heard) as container:
                rate = audio_stream(container, heard).codec_context.sample_rate
            seen["sample_rates"].append(str(rate))
    except InputError:
        return


def _there(folder: Path) -> Path:
    """A folder, or what is there of the folders above it."""
    return folder if folder.exists() else _there(folder.parent)


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(k): int(n) for k, n in values.value_counts().sort_index().items() if k}


def _whole(reading: Reading) -> str:
    layout = reading.layout
    if not layout.clips:
        return "not known"
    share = 100 * len(reading.index) / layout.clips
    return f"{share:.3g} % of {layout.clips:,} clips"


def _of_names(reading: Reading, root: Path) -> list[str]:
    """Findings from the names of files."""
    index, found = reading.index, []
    archives = [path for path in walk(root) if path.lower().endswith(ARCHIVES)]
    faulty = index["clip"][index["problem"] != ""]
    lone = index["clip"][(index["path"] == "") & (index["tracks"] == "")]
    silent = index["clip"][(index["sound"] == "") & (index["path"] == "")]
    separate = (index["sound"] != "") & (index["path"] != "")
    half = index["clip"][~separate & (separate.mean() > 0.5)]
    for what, cure, names in (
        ("files whose place another has", "remove one of each", reading.duplicates),
        ("media files that fit nowhere", "they are left out", reading.unmatched),
        ("archives", f"if new, unpack them: unzip '{root}/*.zip' -d {root}", archives),
        ("clips that are known to be faulty", "they are left out", faulty),
        ("sounds without a video or landmarks", "download those", lone),
        ("landmark tracks without sound", "download the sounds", silent),
        ("clips without one of video and sound file", "download the rest", half),
    ):
        if len(names):
            some = ", ".join(list(names)[:SHOWN]) + (" ..." * (len(names) > SHOWN))
            found.append(f"{len(names)} {what} ({cure}): {some}")
    if not (index["split"] == "train").any():
        found.append(
            "No clip is in the split train: give VoxCeleb2's vox2_meta.csv, or its "
            "dev/ and test/ folders; other corpora need more of their speakers."
        )
    return found


def _of_sample(seen: dict[str, list]) -> list[str]:
    """Findings from the prepared clips."""
    found = [*seen["lacking"]]
    found += [row["problem"] for row in seen["rows"] if row["problem"]]
    rates = set(seen["frame_rates"]) - {f"{VIDEO_RATE:.2f}"}
    if rates:
        found.append(
            f"Videos run at {', '.join(sorted(rates))} frames/s, not {VIDEO_RATE}: "
            "they are resampled by time."
        )
    late = lag(seen["curves"])
    if late is not None and not USUAL_LAG[0] <= late <= USUAL_LAG[1]:
        found.append(
            f"Loudness follows the lips by {late:.0f} ms, usual are {USUAL_LAG[0]} to "
            f"{USUAL_LAG[1]}: sound and picture may be out of step."
        )
    return found

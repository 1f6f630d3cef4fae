"""A look at a corpus before hours are spent on it: `emoface doctor CORPUS`.

The tree is read whole, by names alone; some clips, spread over the speakers, are really
prepared, to find what fails, how long all will take and how much they will fill. Taught
in notebook 01.
"""

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import VIDEO_RATE, lip_opening
from emoface_lib.core.media import audio_stream, open_media
from emoface_lib.core.settings import Settings, runs_folder
from emoface_lib.core.video import video_info
from emoface_lib.corpora.extract import Recipe, Row, load_tools
from emoface_lib.corpora.index import ARCHIVES, Reading, read_corpus, stages, walk
from emoface_lib.features.recognisers import scoring_model

LAGS = range(-8, 9)  # video frames
USUAL_LAG = (-40, 160)  # ms that the loudness follows the lips, on real clips
LATE = (
    "Loudness follows the lips by {:.0f} ms, usual are {} to {}: sound and picture may "
    "be out of step."
)
SHOWN = 5  # examples of a finding
FEW = 3  # clips below which a lag says nothing


@dataclass(frozen=True)
class Report:
    """What `examine` found: of the whole corpus, and of `sampled` clips.

    share : of the published corpus; stages : "" or why the files don't suffice;
    frame_rates, sample_rates : usable clips by Hz; lag_ms : None if it can't be
    measured; core_hours, gigabytes : to prepare all clips; findings : what is wrong or
    missing, and the cure.
    """

    corpus: str
    layout: str
    clips: int
    speakers: int
    videos: int
    share: str
    splits: dict[str, int]
    emotions: dict[str, int]
    speakers_with_one_video: int
    stages: dict[str, str]
    sampled: int
    usable: int
    frame_rates: dict[str, int]
    sample_rates: dict[str, int]
    frames_with_a_face: float
    lag_ms: float | None
    core_hours: float
    gigabytes: float
    free_gigabytes: float
    findings: list[str]


def examine(
    root: Path, settings: Settings, layout: str = "", sample: int = 12
) -> Report:
    """Look at a corpus; `sample` clips of it are prepared, and thrown away.

    Raises InputError if `root` holds no clip of a known layout.
    """
    root = Path(root)
    reading = read_corpus(root, layout)
    index, whole, can = reading.index, reading.whole, stages(reading)
    with tempfile.TemporaryDirectory() as folder:
        recipe, lacking = _recipe(index, root, Path(folder), settings, not can["ES"])
        rows = spread(whole, sample).to_dict("records")
        clips = [_prepare(row, recipe) for row in rows]
    used = [clip for clip in clips if not clip["problem"]]
    frames = sum(clip["frames"] for clip in used)
    found = frames - sum(clip["missing"] for clip in used)
    videos = index.groupby("speaker")["video"].nunique()
    named, lips = reading.layout.names_speakers, lag([clip["curve"] for clip in used])
    usual = lips is None or USUAL_LAG[0] <= lips <= USUAL_LAG[1]
    published, runs = reading.layout.clips, runs_folder().absolute()
    there = next(folder for folder in (runs, *runs.parents) if folder.exists())
    return Report(
        corpus=str(root),
        layout=reading.layout.title,
        clips=len(index),
        speakers=len(videos) if named else 0,
        videos=int(videos.sum()),
        share=f"{100 * len(index) / published:.3g} % of {published:,} clips"
        if published
        else "",
        splits=_counts(index["split"]),
        emotions=_counts(index["emotion"]),
        speakers_with_one_video=int((videos < 2).sum()) if named else 0,
        stages=can,
        sampled=len(clips),
        usable=len(used),
        frame_rates=_counts(clip["frame_rate"] for clip in used),
        sample_rates=_counts(clip["sample_rate"] for clip in used),
        frames_with_a_face=found / max(frames, 1),
        lag_ms=lips,
        core_hours=len(whole) * _median(used, "seconds") / 3600,
        gigabytes=len(whole) * _median(used, "bytes") / 1e9,
        free_gigabytes=shutil.disk_usage(there).free / 1e9,
        findings=[
            *_of_names(reading, root),
            *lacking,
            *(clip["problem"] for clip in clips if clip["problem"]),
            *([] if usual else [LATE.format(lips, *USUAL_LAG)]),
        ],
    )


def readable(report: Report) -> str:
    """The report as text for a terminal."""
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"{report.layout} in {report.corpus}",
        f"  {report.clips:,} clips, {report.speakers or 'unnamed'} speakers, "
        f"{report.videos:,} videos" + (f" ({report.share})" if report.share else ""),
        f"  splits: {_listed(report.splits)}; emotions: {_listed(report.emotions)}",
        "What its files suffice for",
    ]
    lines += [f"  {name}: {why or 'yes'}" for name, why in report.stages.items()]
    if report.sampled:
        lines.append(f"Prepared on trial: {report.usable} of {report.sampled} clips")
    if report.usable:
        lines += [
            f"  frames/s: {_listed(report.frame_rates)}; "
            f"Hz: {_listed(report.sample_rates)}",
            f"  frames with a face: {100 * report.frames_with_a_face:.1f} %",
            f"  all clips take about {_duration(report.core_hours)} of one core, "
            f"{_duration(report.core_hours / cores)} on the {cores} of this machine, "
            f"and {_size(report.gigabytes)} of disk (free in runs/: "
            f"{_size(report.free_gigabytes)})",
        ]
    if report.findings:
        lines += ["Findings", *(f"  - {finding}" for finding in report.findings)]
    return "\n".join(lines)


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
    turn = index.groupby("speaker").cumcount().to_numpy()
    pool = index.iloc[turn.argsort(kind="stable")]  # all first clips, then all second
    pool = pool.head(max(count, index["speaker"].nunique()))
    return pool.iloc[np.linspace(0, len(pool) - 1, min(count, len(pool))).astype(int)]


def _recipe(
    index: pd.DataFrame, root: Path, there: Path, settings: Settings, scored: bool
) -> tuple[Recipe, list[str]]:
    """How clips are prepared on trial, and what has to be installed first.

    Without a recogniser of expressions all else can be tried. Labels suffice to prepare
    a corpus, but rendered faces have none: if ES is to be `scored`, it needs more.
    """
    recipe = Recipe.of(index, root, there, settings, there)
    try:
        load_tools(recipe)
    except InputError as error:
        return replace(recipe, recogniser="drawn"), [f"Before preparing: {error}"]
    try:
        if scored and recipe.recogniser == "labels":
            scoring_model(there, settings)
    except InputError as error:
        return recipe, [f"Before measuring ES: {error}"]
    return recipe, []


def _prepare(row: Row, recipe: Recipe) -> dict[str, Any]:
    """Prepare a clip: its row of the index, what that cost, and what its headers say.

    A clip without a problem has its curve: (opening in px, log-mel), float[F] each.
    """
    start = time.process_time()
    clip = recipe(row)
    clip["seconds"] = time.process_time() - start
    if not clip["problem"]:
        path = recipe.folder / f"{row['clip']}.npz"
        stored = read_npz(path)
        opening = lip_opening(stored["landmarks"][..., :2])
        loudness = stored["log_mel"].mean(1).reshape(-1, 2).mean(1)  # (2 F, 80) -> (F,)
        clip |= _rates(row, recipe.corpus) | {
            "curve": (opening, loudness),
            "bytes": path.stat().st_size,
        }
    return clip


def _rates(row: Row, root: Path) -> dict[str, str]:
    """Frames and samples a second, by a clip's headers; "" without a video."""
    sound = row["sound"] or row["path"]
    with open_media(root / sound) as container:
        rate = audio_stream(container, sound).codec_context.sample_rate
    frames = f"{video_info(root / row['path']).rate:.2f}" if row["path"] else ""
    return {"sample_rate": str(rate), "frame_rate": frames}


def _counts(values: Iterable[str]) -> dict[str, int]:
    """How often each value is there, "" left out."""
    return dict(sorted(Counter(value for value in values if value).items()))


def _median(clips: list[dict[str, Any]], name: str) -> float:
    return float(np.median([clip[name] for clip in clips] or [0]))


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
        table = reading.layout.split_table
        cure = f"give {table}, or its dev/ and test/ folders" if table else "add others"
        found.append(f"No speaker of it is in the split train: {cure}.")
    return found


def _duration(hours: float) -> str:
    """Hours in the unit that reads best."""
    for unit, length in (("h", 1), ("min", 60)):
        if hours * length >= 1:
            return f"{hours * length:,.2g} {unit}"
    return f"{3600 * hours:.2g} s"


def _size(gigabytes: float) -> str:
    return f"{gigabytes:,.0f} GB" if gigabytes >= 1 else f"{1000 * gigabytes:.2g} MB"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in counts.items()) or "none"

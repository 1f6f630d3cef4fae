"""A look at a corpus before hours are spent on it: `emoface doctor CORPUS`.

The tree is read whole, by names alone; some clips, spread over the speakers, are really
prepared, to find what fails, how long all will take and how much they will fill. Taught
in notebook 01.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import VIDEO_RATE, lip_opening
from emoface_lib.core.media import audio_stream, open_media
from emoface_lib.core.parallel import cores
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import video_info
from emoface_lib.corpora.extract import Recipe, Row, load_tools
from emoface_lib.corpora.index import ARCHIVES, Reading, read_corpus, stages, walk
from emoface_lib.features.recognisers import scoring_model
from emoface_lib.features.timing import shifted_r

FURTHEST = 8  # video frames
USUAL_LAG = (-40, 160)  # ms that the loudness follows the lips, on real clips
SHORT = 0.2  # s of picture without sound; less is the last packet of a codec
SHOWN = 5  # examples of a finding
LACKING = "download it, or -p detector=drawn draws faces for labelled voices"
FEW = 3  # clips below which a lag says nothing


@dataclass(frozen=True)
class Report:
    """What `examine` found: of the whole corpus, and of `sampled` clips.

    speakers : 0 if they have no names; published : clips of the whole corpus, 0 if not
    known; stages : "" or why the files don't suffice; frame_rates, sample_rates :
    usable clips by Hz; lag_ms : None if it can't be measured; core_hours, gigabytes :
    to prepare all clips; findings : what is wrong or missing, and the cure.
    """

    corpus: str
    layout: str
    clips: int
    published: int
    speakers: int
    speakers_with_one_video: int
    videos: int
    splits: dict[str, int]
    emotions: dict[str, int]
    stages: dict[str, str]
    sampled: int
    usable: int
    frame_rates: dict[str, int]
    sample_rates: dict[str, int]
    lag_ms: float | None
    core_hours: float
    gigabytes: float
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
        shown = tqdm(rows, desc="trying clips", disable=None)  # on a terminal
        clips = [_prepare(row, recipe) for row in shown]
    used = [clip for clip in clips if not clip["problem"]]
    named, videos = reading.layout.names_speakers, index.groupby("speaker")["video"]
    costs = np.array([(clip["seconds"], clip["bytes"]) for clip in used] or [(0, 0)])
    seconds, size = len(whole) * np.median(costs, axis=0)  # for the whole corpus
    problems = [clip["problem"] for clip in clips if clip["problem"]]
    findings = [*_of_names(reading, root), *lacking, *problems]
    late = lag([clip["curve"] for clip in used])
    if late is not None and not USUAL_LAG[0] <= late <= USUAL_LAG[1]:
        findings.append(
            f"Loudness follows the lips by {late:.0f} ms, usual are {USUAL_LAG[0]} to "
            f"{USUAL_LAG[1]}: sound and picture may be out of step."
        )
    short = [clip["lost"] for clip in used if clip["lost"] > SHORT]
    if short:
        findings.append(
            f"The sound of {len(short)} of {len(used)} clips is shorter than the "
            f"picture, of which {sum(short):.1f} s are left out."
        )
    return Report(
        corpus=str(root),
        layout=reading.layout.title,
        clips=len(index),
        published=reading.layout.clips,
        speakers=len(videos) if named else 0,
        speakers_with_one_video=int((videos.nunique() < 2).sum()) if named else 0,
        videos=int(videos.nunique().sum()),
        splits=_counts(index["split"]),
        emotions=_counts(index["emotion"]),
        stages=can,
        sampled=len(clips),
        usable=len(used),
        frame_rates=_counts(clip["frame_rate"] for clip in used),
        sample_rates=_counts(clip["sample_rate"] for clip in used),
        lag_ms=late,
        core_hours=seconds / 3600,
        gigabytes=size / 1e9,
        findings=findings,
    )


def readable(report: Report) -> str:
    """The report as text for a terminal."""
    of = f" of {report.published:,}" if report.published else ""
    lines = [
        f"{report.layout} in {report.corpus}",
        f"  {report.clips:,}{of} clips, {report.speakers or 'unnamed'} speakers, "
        f"{report.videos:,} videos",
        f"  splits: {_listed(report.splits)}; emotions: {_listed(report.emotions)}",
        "What its files suffice for",
        *(f"  {name}: {why or 'yes'}" for name, why in report.stages.items()),
    ]
    if report.sampled:
        lines.append(f"Prepared on trial: {report.usable} of {report.sampled} clips")
    if report.usable:
        spent = [timedelta(hours=report.core_hours / n) for n in (1, cores())]
        alone, together = (str(one).partition(".")[0] for one in spent)
        lines += [
            f"  frames/s: {_listed(report.frame_rates)}; "
            f"Hz: {_listed(report.sample_rates)}",
            f"  all clips take about {alone} (h:min:s) of one core, {together} on the "
            f"{cores()} of this machine, and {1000 * report.gigabytes:,.0f} MB of disk",
        ]
    if report.findings:
        lines += ["Findings", *(f"  - {finding}" for finding in report.findings)]
    return "\n".join(lines)


def lag(curves: list[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """Milliseconds that loudness follows the lips' opening, by correlation.

    curves : (opening, loudness) of clips, float[F] each. None if there are too few.
    """
    scores = [
        shifted_r(opening, loudness, FURTHEST)
        for opening, loudness in curves
        if len(opening) > 4 * FURTHEST and min(np.ptp(opening), np.ptp(loudness)) > 1e-6
    ]
    if len(scores) < FEW:
        return None
    best = int(np.mean(scores, axis=0).argmax())
    return 1000 * (best - FURTHEST) / VIDEO_RATE


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
    seconds = time.process_time() - start
    if clip["problem"]:
        return clip
    path, sound = recipe.folder / f"{row['clip']}.npz", row["sound"] or row["path"]
    stored = read_npz(path, "landmarks", "log_mel")
    opening = lip_opening(stored["landmarks"][..., :2])
    loudness = stored["log_mel"].mean(1).reshape(-1, 2).mean(1)  # (2 F, 80) -> (F,)
    video = video_info(recipe.corpus / row["path"]) if row["path"] else None
    with open_media(recipe.corpus / sound) as container:
        rate = audio_stream(container, sound).codec_context.sample_rate
    return {
        **clip,
        "curve": (opening, loudness),
        "frame_rate": f"{video.rate:.2f}" if video else "",
        "sample_rate": str(rate),
        "lost": video.seconds - clip["frames"] / VIDEO_RATE if video else 0.0,
        "seconds": seconds,
        "bytes": path.stat().st_size,
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    """How often each value is there, "" left out."""
    return dict(sorted(Counter(value for value in values if value).items()))


def _of_names(reading: Reading, root: Path) -> list[str]:
    """Findings from the names of files."""
    index, found = reading.index, []
    archives = [path for path in walk(root) if path.lower().endswith(ARCHIVES)]
    faulty, whole = index["problem"] != "", index.index.isin(reading.whole.index)
    separate = (index["sound"] != "") & (index["path"] != "")
    lack = ~whole | (~separate & (separate.mean() > 0.5))
    for what, cure, names in (
        ("files whose place another has", "remove one of each", reading.duplicates),
        ("media files that fit nowhere", "they are left out", reading.unmatched),
        ("archives", f"if new, unpack them: unzip '{root}/*.zip' -d {root}", archives),
        ("clips known to be faulty", "they are left out", index["clip"][faulty]),
        ("clips without video or sound", LACKING, index["clip"][lack & ~faulty]),
    ):
        if len(names):
            some = ", ".join(names[:SHOWN]) + (" ..." * (len(names) > SHOWN))
            found.append(f"{len(names)} {what} ({cure}): {some}")
    if not (index["split"] == "train").any():
        table = reading.layout.split_table
        cure = f"give {table}, or its dev/ and test/ folders" if table else "add others"
        found.append(f"No clip of it is in the split train: {cure}.")
    return found


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in counts.items()) or "none"

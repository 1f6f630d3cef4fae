"""The report of `emoface doctor` on a corpus: as JSON, and in words.

Taught in notebook 01.
"""

import os
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """What `examine` found; every number is of the whole corpus or of `sampled` clips.

    findings : sentences that ask for something to be done; stages : "" or why not.
    """

    corpus: str
    layout: str
    clips: int
    speakers: int
    videos: int
    whole: str
    splits: dict[str, int]
    emotions: dict[str, int]
    speakers_with_one_video: int
    stages: dict[str, str]
    sampled: int
    usable: int
    frame_rates: dict[str, int]
    sample_rates: dict[str, int]
    sizes: dict[str, int]
    frames_with_a_face: float
    sound_delay_ms: float
    lag_ms: float | None
    core_hours: float
    gigabytes: float
    free_gigabytes: float
    findings: list[str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def readable(report: Report) -> str:
    """The report as text for a terminal."""
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"{report.layout} in {report.corpus}",
        f"  {report.clips:,} clips, {report.speakers:,} speakers, {report.videos:,} "
        f"videos ({report.whole})",
        f"  splits: {_listed(report.splits)}; emotions: {_listed(report.emotions)}",
        f"  speakers with fewer than two videos: {report.speakers_with_one_video:,}",
        f"Of {report.sampled} clips looked at, {report.usable} can be used",
        f"  {_listed(report.sizes)}; frames/s: {_listed(report.frame_rates)}; "
        f"Hz: {_listed(report.sample_rates)}",
        f"  frames with a face: {100 * report.frames_with_a_face:.1f} %",
        f"  sound begins {report.sound_delay_ms:.0f} ms after the picture at most"
        + ("" if report.lag_ms is None else f"; lips lead by {report.lag_ms:.0f} ms"),
        f"Preparing all clips takes about {_duration(report.core_hours)} of one core, "
        f"{_duration(report.core_hours / cores)} on the {cores} of this machine, and "
        f"{_size(report.gigabytes)} of disk (free in runs/: "
        f"{_size(report.free_gigabytes)})",
        "Stages",
        *(f"  {name}: {why or 'yes'}" for name, why in report.stages.items()),
        "Findings" if report.findings else "Nothing is wrong.",
        *(f"  - {finding}" for finding in report.findings),
    ]
    return "\n".join(lines)


def _duration(hours: float) -> str:
    """Hours in the unit that reads best."""
    if hours >= 1:
        return f"{hours:.2g} h" if hours < 100 else f"{hours:,.0f} h"
    return f"{60 * hours:.2g} min" if hours >= 1 / 60 else f"{3600 * hours:.2g} s"


def _size(gigabytes: float) -> str:
    return f"{gigabytes:,.0f} GB" if gigabytes >= 1 else f"{1000 * gigabytes:.2g} MB"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in counts.items()) or "none"

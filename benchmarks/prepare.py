"""Measure preparing a corpus: its cost by stage, its memory, two processes, going on.

python benchmarks/prepare.py [--clips 40] [--many 2000] [--done 100000] [--only NAME]

Clips are drawn heads in VoxCeleb2's tree, prepared as a real corpus is: found by dlib,
recognised, embedded, converted by an AutoVC of the official size with random weights.
"""

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from results import enter

from emoface_lib.core.checkpoints import save_model
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.parallel import one_thread
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import iter_frames, read_audio, write_video
from emoface_lib.corpora import extract
from emoface_lib.corpora.prepare import prepare_corpus
from emoface_lib.features.autovc import AutoVC
from emoface_lib.features.voice_conversion import MODEL
from emoface_lib.synthetic.build import draw_faces, write_clip
from emoface_lib.synthetic.clips import plan_corpus

TOPIC = "prepare"
# Times the drawn clips stand in the corpus that 1 and 2 processes prepare: one needs
# 4 s of CPU time before its first clip, nothing in hours and much in a minute
COPIES = 8
SHORT = 25  # frames of a clip of which there are many
WARM = 400  # clips after which memory must be flat
FLAT = 30.0  # MB that it may still grow in all the others
VOXCELEB2_CLIPS, VOXCELEB2_HOURS = 1_092_009, 2_360.0
# stage -> functions of `arrays_of` that are it
STAGES = {
    "decoding pictures": ["read_pictures"],
    "decoding sound": ["read_sound"],
    "landmarks by dlib": ["detect"],
    "face crops": ["face_crops"],
    "expressions": ["recognise"],
    "log-mel": ["extract"],
    "speaker embedding": ["embed_speakers"],
    "AutoVC of the official size": [],  # a method, see `timed`
    "writing": ["write_npz"],
}


def main() -> None:
    """Measure everything, or what --only names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=40, help="for stages, processes")
    parser.add_argument("--many", type=int, default=2_000, help="for memory")
    parser.add_argument("--done", type=int, default=100_000, help="for going on")
    parser.add_argument("--only", choices=["stages", "memory", "processes", "resume"])
    given = parser.parse_args()
    one_thread()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        drawn = draw(root / "drawn", given.clips)
        for name, measure in {
            "stages": lambda: stages(drawn, root),
            "processes": lambda: processes(drawn, root),
            "memory": lambda: memory(drawn, root, given.many),
            "resume": lambda: resume(drawn, root, given.done),
        }.items():
            if given.only in (None, name):
                measure()


def draw(folder: Path, count: int) -> list[Path]:
    """Drawn clips of about 3 s, of several speakers, without the corpus' own index."""
    settings = load_settings("tutorial", videos_per_speaker=4)
    plans = plan_corpus(settings)[:: 160 // count or 1]
    for plan in plans[:count]:
        write_clip(plan, folder, draw_faces)
    shutil.rmtree(folder / "truth")
    return sorted(folder.rglob("*.mp4"))


def settings_for(run: Path, features: str = "log_mel") -> Settings:
    """Of a real corpus, with the recogniser that knows these heads."""
    return load_settings(
        "paper", corpus=str(run), detector="dlib", recogniser="drawn", features=features
    )


def load() -> str:
    """How busy the machine was, for the column `how`."""
    return f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores"


@contextmanager
def timed(spent: dict[str, float]) -> Iterator[None]:
    """Add the CPU time of each stage to `spent` while features are made."""
    originals: list[tuple[Any, str, Callable]] = []

    def watch(owner: Any, name: str, stage: str) -> None:
        function = getattr(owner, name)

        def monitored(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[stage] += time.process_time() - start

        originals.append((owner, name, function))
        setattr(owner, name, monitored)

    for stage, names in STAGES.items():
        for name in names:
            watch(extract, name, stage)
    watch(extract.load_features.__globals__["Conversion"], "whole", list(STAGES)[-2])
    try:
        yield
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)


def stages(drawn: list[Path], root: Path) -> None:
    """Frames a second and clips an hour of one core, by stage, and VoxCeleb2's plan."""
    run = root / "stages"
    settings = settings_for(run, "autovc")
    save_model(run / "audio" / MODEL, AutoVC(), settings)
    one = [name_of(drawn[0])]
    warm = prepare_corpus(drawn[0].parents[3], run, settings, workers=1, only=one)
    first = warm["frames"].sum()
    spent: dict[str, float] = defaultdict(float)
    start = time.process_time()
    with timed(spent):
        rows = prepare_corpus(drawn[0].parents[3], run, settings, workers=1)
    spent["all"] = time.process_time() - start
    frames, clips = int(rows["frames"].sum() - first), len(drawn) - 1
    how = (
        f"benchmarks/prepare.py --only stages: {clips} drawn clips of "
        f"{frames / clips / 25:.1f} s, 224 px, CPU time of 1 core; {load()}"
    )
    for name, seconds in spent.items():
        enter(TOPIC, f"{name}, frames", frames / seconds, "1/s", how)
        enter(TOPIC, f"{name}, clips", 3600 * clips / seconds, "1/h", how)
    files = [run / "features" / f"{clip}.npz" for clip in rows["clip"]]
    size = sum(path.stat().st_size for path in files) / (frames + first) * 25
    plan(frames / 25 / spent["all"], size, how)


def name_of(path: Path) -> str:
    """The clip's name in VoxCeleb2's tree."""
    return "/".join([*path.parts[-3:-1], path.stem])


def plan(real_time: float, bytes_a_second: float, how: str) -> None:
    """What VoxCeleb2's training part takes, from the cost of a second of clip."""
    for name, value, unit in (
        ("core hours", VOXCELEB2_HOURS / real_time, "h"),
        ("disk for features", bytes_a_second * VOXCELEB2_HOURS * 3600 / 1e9, "GB"),
    ):
        what = f"VoxCeleb2 dev on paper, {name}"
        enter(TOPIC, what, float(value), unit, f"computed; {how}")


def processes(drawn: list[Path], root: Path) -> None:
    """The same clips in one process and in two, by the clock."""
    corpus = root / "copies"
    for copy in range(COPIES):
        for path in drawn:
            there = corpus / "mp4" / f"{path.parts[-3]}{copy}" / path.parts[-2]
            there.mkdir(parents=True, exist_ok=True)
            (there / path.name).symlink_to(path)
    seconds = {}
    for workers in (1, 2):
        run = root / f"processes_{workers}"
        start = time.perf_counter()
        prepare_corpus(corpus, run, settings_for(run), workers=workers)
        seconds[workers] = time.perf_counter() - start
    gain = seconds[1] / seconds[2]
    how = (
        f"benchmarks/prepare.py --only processes: {COPIES * len(drawn)} drawn clips, "
        f"{seconds[1]:.0f} and {seconds[2]:.0f} s, the start of processes included; "
        f"{load()}"
    )
    name = "2 processes against 1"
    enter(TOPIC, name, gain, "x", how, ">= 1.8")


def memory(drawn: list[Path], root: Path, count: int) -> None:
    """Memory of the process that observes, over many clips."""
    short = []
    for number, path in enumerate(drawn[:20]):
        there = root / "short" / f"{number}.mp4"
        frames = list(islice(iter_frames(path), SHORT))
        write_video(there, frames, read_audio(path)[: SHORT * 640])
        short.append(there)
    corpus = root / "many"
    for number in range(count):
        there = corpus / "mp4" / f"id{number // 100:05d}" / f"{number // 10 % 10}"
        there.mkdir(parents=True, exist_ok=True)
        (there / f"{number % 10:05d}.mp4").symlink_to(short[number % len(short)])
    sizes, process = [], psutil.Process()
    observed = extract.arrays_of

    def monitored(*args: Any) -> Any:
        if len(sizes) % 100 == 0:
            gc.collect()
        sizes.append(process.memory_info().rss / 1e6)
        return observed(*args)

    extract.arrays_of = monitored
    try:
        run = root / "memory"
        prepare_corpus(corpus, run, settings_for(run), workers=1)
    finally:
        extract.arrays_of = observed
    before = float(np.median(sizes[WARM : WARM + 100]))
    growth = float(np.median(sizes[-100:])) - before
    how = (
        f"benchmarks/prepare.py --only memory: {len(sizes)} drawn clips of 1 s; median "
        f" of the last 100 less that of clips {WARM} to {WARM + 100}, "
        f"{before:.0f} MB; most {max(sizes):.0f} MB"
    )
    name = "growth of memory over 2,000 clips"
    enter(TOPIC, name, growth, "MB", how, f"<= {FLAT:g}")


def resume(drawn: list[Path], root: Path, count: int) -> None:
    """Seconds from the start of the command to the first new clip, the rest done."""
    corpus, run = root / "large", root / "resumed"
    rows = []
    for number in range(count):
        clip = f"id{number // 1000:05d}/{number // 10 % 100:02d}/{number % 10:05d}"
        for path in (corpus / f"mp4/{clip}.mp4", run / f"features/{clip}.npz"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        rows.append(simulated(clip))
    new = corpus / "mp4" / "id99999" / "00" / "00000.mp4"
    new.parent.mkdir(parents=True)
    shutil.copy(drawn[0], new)
    journal = run / "features" / "journal" / "1-of-1.jsonl"
    journal.parent.mkdir()
    journal.write_text("".join(json.dumps(row) + "\n" for row in rows))
    seconds = first_new(corpus, run, run / "features/id99999/00/00000.npz")
    how = (
        f"benchmarks/prepare.py --only resume: {count:,} clips simulated in the "
        f"journal and as empty files; from the start of `emoface prepare`; {load()}"
    )
    name = "first new clip after 100,000 done"
    enter(TOPIC, name, seconds, "s", how, "<= 10")


def simulated(clip: str) -> dict[str, Any]:
    """The row of a clip as the journal keeps it."""
    softmax = {f"expression_{name}": 1 / 7 for name in EXPRESSIONS}
    row = {"clip": clip, "problem": "", "frames": 75, "missing": 0, "level": -20.0}
    return {**row, **softmax}


def first_new(corpus: Path, run: Path, wanted: Path) -> float:
    """Seconds until the command has left `wanted`; the command is ended then."""
    command = [sys.executable, "-m", "emoface_lib", "prepare", str(corpus), "--out"]
    command += [str(run), "-p", "recogniser=drawn"]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--workers", "1"])
    while not wanted.exists() and process.poll() is None:
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    process.kill()
    process.wait()
    if not wanted.exists():
        raise SystemExit("The command ended without a new clip.")
    return seconds


if __name__ == "__main__":
    main()

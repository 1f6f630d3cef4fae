"""Measure training by the `paper` profile: memory over clips, frames read, steps/s.

python benchmarks/scale.py [--few 1000] [--many 200000] [--steps 3]

Clips are noise, 7.8 s as VoxCeleb2's on average. The many are the few under other
names: rows of a table that lead to the same frames.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
from results import enter

from emoface_lib.core import training
from emoface_lib.core.parallel import one_thread
from emoface_lib.core.settings import load_settings
from emoface_lib.core.stored import StoredClips, open_stored, shard_file, write_table
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.steps import _crops, train_content, train_style
from emoface_lib.translation.dataset import Pair
from emoface_lib.translation.train import train_translator

TOPIC = "scale"
FRAMES, WIDTH = 390, 80 + 136  # 7.8 s; numbers a frame
CLIPS_A_SPEAKER, CLIPS_A_VIDEO = 180, 7  # as in VoxCeleb2
READ = 200  # batches


def main() -> None:
    """Measure, and enter the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--many", type=int, default=200_000)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--train", type=Path, help="only step 2 over this folder")
    given = parser.parse_args()
    one_thread()
    if given.train:
        print(train(given.train, given.steps))
        return
    load = f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    how = f"benchmarks/scale.py: {FRAMES} frames a clip, CPU time of 1 core; {load}"
    with tempfile.TemporaryDirectory() as scratch:
        few = store(Path(scratch), given.few, given.few)
        many = store(Path(scratch), given.few, given.many)
        for cached in (True, False):
            how_read = "cached" if cached else "from disk, by the clock"
            name = f"frames into step 1, {how_read}"
            rate = reading(few, cached)
            enter(TOPIC, name, rate, "frames/s", how, ">= 200000")
        peaks = [peak(clips.folder, given.steps) for clips in (few, many)]
        for count, value in zip((given.few, given.many), peaks, strict=True):
            name = f"peak memory of step 2, {count} clips"
            enter(TOPIC, name, value, "MB", how)
        ratio = peaks[1] / peaks[0]
        told = f"{how}; rows of {given.many} clips lead to the frames of {given.few}"
        enter(TOPIC, "peak memory, many", ratio, "of few", told, "<= 1.1")
        for name, rate in rates(few, Path(scratch) / "run", given.steps):
            enter(TOPIC, f"{name} of paper", rate, "steps/s", how)


def store(folder: Path, few: int, count: int) -> StoredClips:
    """A folder of `count` clips, packed, whose frames are those of `few`."""
    place = folder / str(count)
    place.mkdir()
    first = shard_file(folder / str(few), 0)
    if count == few:
        generator = np.random.default_rng(0)
        generator.random((few * FRAMES + 1, WIDTH), np.float32).tofile(first)
    else:
        shard_file(place, 0).hardlink_to(first)
    number = np.arange(count)
    softmax = np.random.default_rng(1).dirichlet(np.ones(7), count).astype("f4")
    columns = {
        "name": [f"clip {i}" for i in number],
        "speaker": [f"id{i:05}" for i in number // CLIPS_A_SPEAKER],
        "video": [f"{i}" for i in number // CLIPS_A_VIDEO],
        "split": ["train"] * count,
        **dict.fromkeys(("emotion", "path", "sound"), [""] * count),
        **dict.fromkeys(("arousal", "valence"), np.full(count, np.nan)),
        "expression": list(softmax),
        **dict.fromkeys(("shard", "head"), np.zeros(count, int)),
        "start": number % few * FRAMES + 1,
        "frames": np.full(count, FRAMES),
        "ahead": np.zeros(count, int),
    }
    return write_table(place, pa.table(columns), WIDTH)


def reading(clips: StoredClips, cached: bool) -> float:
    """Frames a second that come into step 1 as crops, in one process.

    cached : by the system: a second is one of CPU time, else of the clock.
    """
    settings, generator = load_settings("paper"), np.random.default_rng(0)
    with shard_file(clips.folder, 0).open("rb") as file:
        os.sync()
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if cached:
            while file.read(2**24):
                pass
    clock = time.process_time if cached else time.perf_counter
    start, frames = clock(), 0
    for _ in range(READ):
        order = generator.integers(len(clips), size=settings.content.batch)
        batch = [clips[int(i)] for i in order]
        features, _ = _crops(batch, [()] * len(batch), settings, generator)
        frames += features.shape[0] * features.shape[1]
    return frames / (clock() - start)


def peak(folder: Path, count: int) -> float:
    """Peak memory of a process that trains step 2, MB."""
    command = [sys.executable, __file__, "--train", folder, "--steps", str(count)]
    return float(subprocess.run(command, check=True, stdout=-1, text=True).stdout)


def train(folder: Path, count: int) -> float:
    """Train step 2 over a folder; peak memory of this process, MB."""
    with tempfile.TemporaryDirectory() as place:
        settings = load_settings("paper", style_steps=count, device="cpu")
        train_style(open_stored(folder), ContentBranch(), Path(place), settings)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass
class Noise:
    """Stands for `Pairs`: pictures of noise."""

    size: int = 256

    def draw(self, count: int, generator: np.random.Generator) -> Pair:
        """Pictures uint8[count, size, size, 3]."""
        shape = (4, count, self.size, self.size, 3)
        return Pair(*generator.integers(0, 256, shape, np.uint8))


def rates(clips: StoredClips, folder: Path, count: int) -> Iterator[tuple[str, float]]:
    """Steps of the three steps in a second of CPU time, but for the first of each."""
    training.time = SimpleNamespace(  # type: ignore[assignment]
        perf_counter=time.process_time, monotonic=time.monotonic
    )
    sizes = {f"{name}_steps": count for name in ("content", "style", "translator")}
    settings = load_settings("paper", **sizes, device="cpu")
    content, log = train_content(clips, folder / "content", settings)
    yield "step 1", rate(log)
    yield "step 2", rate(train_style(clips, content, folder / "style", settings)[1])
    made = train_translator(Noise(), folder / "unet", settings, workers=0)  # type: ignore[arg-type]
    yield "step 3", rate(made[1])


def rate(log: pd.DataFrame) -> float:
    """Steps a second of a log, but for its first step."""
    return 1 / float(log["seconds"].iloc[1:].mean())


if __name__ == "__main__":
    main()

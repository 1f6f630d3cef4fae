"""Rehearse a large corpus: draw voices, prepare, train, Table 2's rows, one kill.

python benchmarks/rehearsal.py [--clips 20000] [--steps 20] [--ray] [--folder FOLDER]

Voices of 40 speakers are drawn, 20 clips each; further speakers have theirs under other
names. Each clip has a drawn face of its own, without pictures. The commands are
VoxCeleb2's: two shards at once, of which one is killed half way. With `--ray`, which
`make test-ray` installs, one command and two workers of Ray prepare, of which one is
killed half way, and that is all.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import psutil
from prepare import load
from results import enter
from scipy.io import wavfile

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.files import INDEX, read_parquet, write_parquet
from emoface_lib.core.parallel import each, one_thread
from emoface_lib.core.settings import Run, Settings, load_settings
from emoface_lib.evaluation.baselines import static
from emoface_lib.evaluation.rows import OURS, STATIC, our_methods, train_rows
from emoface_lib.evaluation.scoring import landmark_scores
from emoface_lib.evaluation.train_run import training_clips
from emoface_lib.method.steps import load_content, tested_clips
from emoface_lib.synthetic.clips import TEST_SPEAKERS_FROM, make_clip, plan_speaker

TOPIC = "rehearsal"
MANY = 20_000  # clips
VIDEOS, CLIPS = 5, 4  # a speaker, a video
VOICES = 40  # speakers that are drawn
TESTED = 20  # speakers for each one that is tested
HALF = 0.5  # how much a shard or Ray has done when something is killed

Usage = resource.struct_rusage
Prepared = Callable[[Path, Path, int], tuple[list[Usage], float, str]]


def main() -> None:
    """Rehearse, and enter the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=MANY)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--ray", action="store_true", help="prepare by Ray, no more")
    parser.add_argument("--folder", type=Path, help="by default a temporary one")
    given = parser.parse_args()
    one_thread()
    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        corpus, run = Path(scratch) / "voices", Path(scratch) / "run"
        count = draw(corpus, given.clips)
        asked = f"--clips {given.clips} --steps {given.steps}" + " --ray" * given.ray
        how = f"benchmarks/rehearsal.py {asked}; {load()}"
        if given.ray:
            return enter_prepared("2 workers of Ray", by_ray, corpus, run, count, how)
        enter_prepared("2 shards", by_shards, corpus, run, count, how)
        small = {f"{name}_steps": given.steps for name in ("content", "style")}
        changes = {"corpus": str(run), "features": "log_mel", "memory": 0, **small}
        name = "pack, step 1, step 2 of 4 rows"
        spent(name, [ended(start("train", *options(changes)))], how)
        began = time.perf_counter()
        scores = table_2(Run(load_settings("paper", **changes)))
        minutes = (time.perf_counter() - began) / 60
        rows = scores[scores["metric"] == "LMD"].groupby("method")["value"].mean()
        print(rows)
        told = f"{how}; {len(rows)} rows of {scores['clip'].nunique()} test clips"
        enter(TOPIC, "Table 2's rows, by the clock", minutes, "min", told)


def draw(corpus: Path, count: int) -> int:
    """Draw voices, and an index of about so many clips; returns how many."""
    sizes = {"videos_per_speaker": VIDEOS, "clips_per_video": CLIPS}
    settings = load_settings("paper", **sizes)
    speak = partial(draw_speaker, corpus=corpus, settings=settings)
    voices = [own for _, own in each(speak, range(VOICES), None, "drawing")]
    rows = [
        {**row, "speaker": name, "clip": f"{name}/{row['video']}/{row['utterance']}"}
        for number in range(max(VOICES, count // (VIDEOS * CLIPS)))
        for name in [f"id{number:05}"]
        for row in voices[number % VOICES]
    ]
    write_parquet(corpus / INDEX, pd.DataFrame(rows))
    return len(rows)


def draw_speaker(number: int, corpus: Path, settings: Settings) -> list[dict]:
    """Write a speaker's voice; rows of the corpus' index."""
    rows = []
    first = 1 if number % TESTED else TEST_SPEAKERS_FROM + 1
    for plan in plan_speaker(first + number, settings):
        row = {**plan.row, "path": "", "sound": f"wav/{plan.clip}.wav"}
        path = corpus / str(row["sound"])
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, SAMPLE_RATE, make_clip(plan).speech.samples)
        rows.append(row)
    return rows


def options(changes: dict) -> list[str]:
    """The profile and settings as a command takes them."""
    given = [f"{name}={value}" for name, value in changes.items()]
    return ["--profile", "paper", *(word for one in given for word in ("-p", one))]


def start(*words: str | Path) -> subprocess.Popen:
    """Start a command of emoface."""
    return subprocess.Popen([sys.executable, "-m", "emoface_lib", *map(str, words)])


def ended(command: subprocess.Popen) -> Usage:
    """Wait for a command, which may have been killed; what it used."""
    _, status, used = os.wait4(command.pid, 0)
    if status not in (0, signal.SIGKILL):
        raise SystemExit(f"{command.args} ended with {status}.")
    return used


def spent(name: str, used: list[Usage], how: str) -> None:
    """Enter the CPU time of some processes, and the largest peak of their memory."""
    minutes = sum(one.ru_utime + one.ru_stime for one in used) / 60
    enter(TOPIC, f"{name}, CPU time", minutes, "min", how)
    peak = max(one.ru_maxrss for one in used) / 1024
    enter(TOPIC, f"{name}, peak of a process", peak, "MB", how)


def enter_prepared(
    name: str, prepared: Prepared, corpus: Path, run: Path, count: int, how: str
) -> None:
    """Prepare a corpus in one of two ways; enter time, memory and a kill's cost."""
    began = time.perf_counter()
    used, again, told = prepared(corpus, run, count)
    minutes = (time.perf_counter() - began) / 60
    found = read_parquet(run / "features" / INDEX, "problem")
    ready = int((found["problem"] == "").sum())
    name = f"prepare, {name}"
    enter(TOPIC, f"{name}: clips ready", ready, "", how, f">= {MANY}")
    enter(TOPIC, f"{name}, by the clock", minutes, "min", how)
    spent(f"{name}, the commands", used, how)
    enter(TOPIC, f"{name}: {told}", again, "s", how)


def by_shards(corpus: Path, run: Path, count: int) -> tuple[list[Usage], float, str]:
    """Prepare by two commands, one killed and given again, and a third that gathers.

    Returns what each used, and seconds until the command that was given again had its
    first new clip.
    """
    words = *prepare_words(corpus, run), "--workers", "1"
    journal = run / "features" / "journal" / "1-of-2.jsonl"
    first, second = (start(*words, "--shard", f"{i}/2") for i in (1, 2))
    until(HALF * count / 2, journal)
    first.kill()
    used = [ended(first)]
    done, killed = lines_of(journal), time.perf_counter()
    first = start(*words, "--shard", "1/2")
    until(done + 1, journal)
    again = time.perf_counter() - killed
    used += [ended(first), ended(second)]
    told = "first new clip after kill -9 and the same command"
    return [*used, ended(start(*words))], again, told


def by_ray(corpus: Path, run: Path, count: int) -> tuple[list[Usage], float, str]:
    """Prepare by one command on two workers of Ray, of which one is killed half way.

    Returns what the command itself used, and seconds until there was another worker.
    """
    command = start(*prepare_words(corpus, run), "--workers", "2", "--engine", "ray")
    until(HALF * count, run / "features" / "journal" / "1-of-1.jsonl")
    before = ray_workers(command)
    next(iter(before)).kill()
    killed = time.perf_counter()
    while not ray_workers(command) - before:
        time.sleep(0.1)
    again = time.perf_counter() - killed
    return [ended(command)], again, "another worker after kill -9 of one"


def ray_workers(command: subprocess.Popen) -> set[psutil.Process]:
    """The processes in which Ray does a command's work."""
    found = psutil.Process(command.pid).children(recursive=True)
    return {one for one in found if "ray::Worker" in one.name()}


def prepare_words(corpus: Path, run: Path) -> tuple[str | Path, ...]:
    """What VoxCeleb2's command is given, here for voices with drawn faces."""
    changes = {"detector": "drawn", "features": "log_mel"}
    return "prepare", corpus, "--out", run, *options(changes)


def until(lines: float, journal: Path) -> None:
    """Wait until a journal tells of so many clips."""
    while lines_of(journal) < lines:
        time.sleep(0.1)


def lines_of(path: Path) -> int:
    """Lines of a file; none if it is not there."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def table_2(run: Run) -> pd.DataFrame:
    """Scores of the trained rows, and of a static face, on speakers not trained on."""
    clips, settings = training_clips(run), run.settings
    content = load_content(run.product("04_content_encoder"), settings)
    trained = train_rows(OURS, clips, content, run.folder, settings)
    test = tested_clips(clips)
    methods = {STATIC: static, **our_methods(content, trained)}
    displaced = {name: method(test) for name, method in methods.items()}
    return landmark_scores(displaced, test)


if __name__ == "__main__":
    main()

"""`emoface train`: the three steps without notebooks, by one process and by two."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import write_video
from emoface_lib.corpora.prepare import prepare_corpus
from emoface_lib.evaluation.train_run import train_run

pytestmark = pytest.mark.slow

Talking = tuple[list[np.ndarray], np.ndarray]
TINY = {
    "recogniser": "drawn",
    "device": "cpu",
    "precision": "float32",
    "crop_frames": 20,
    "content_batch": 4,
    "style_batch": 2,
    "content_steps": 10,
    "style_steps": 5,
    "translator_steps": 5,
    "translator_batch": 2,
    "translator_width": 4,
    "translator_precision": "float32",
    "image_size": 32,
}


@pytest.fixture(scope="module")
def prepared(
    talking: Talking, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Settings]:
    """A speaker with two videos of two clips, and settings to train on them."""
    root, run = (tmp_path_factory.mktemp(name) for name in ("drawn", "run"))
    for video in ("abc", "def"):
        for number in range(2):
            path = root / "dev" / "mp4" / "id00012" / video / f"{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, talking[0][number:], talking[1])
    settings = load_settings("smoke", corpus=str(run), **TINY)
    prepare_corpus(root, run, settings, workers=1)
    return run, settings


def start(prepared: Path, folder: Path, *options: str, **settings: object) -> list[str]:
    """The command that trains in a copy of the prepared run."""
    if not folder.exists():
        shutil.copytree(prepared, folder, symlinks=True)
    given = {**TINY, "corpus": folder, **settings}
    parameters = [part for n, value in given.items() for part in ("-p", f"{n}={value}")]
    command = [sys.executable, "-m", "emoface_lib", "train", "--profile", "smoke"]
    return [*command, *options, *parameters]


def environment() -> dict[str, str]:
    """Where the library is, and no trace of a launcher."""
    library = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": library, "OMP_NUM_THREADS": "1"}


def trained(command: list[str]) -> dict[str, pd.DataFrame]:
    """The logs that a command leaves, in the order in which it names its models."""
    ended = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 0, ended.stderr
    logs = [Path(line).with_name("log.csv") for line in ended.stdout.split()[-6:]]
    return {log.parent.name: numbers(log) for log in logs}


def numbers(log: Path) -> pd.DataFrame:
    return pd.read_csv(log).drop(columns="seconds")


def test_two_devices_train_the_three_steps_nearly_to_the_numbers_of_one(
    prepared: tuple[Path, Settings], tmp_path: Path
) -> None:
    run, settings = prepared
    shutil.copytree(run, tmp_path / "one", symlinks=True)
    own = settings.changed(corpus=str(tmp_path / "one"))
    here = train_run(own, steps=(1, 2, 3))
    names = [path.parent.name for path in here]
    assert names == [
        "content",
        "style_without_emotion",
        "style_without_identity",
        "style",
        "style_improved",
        "translator",
    ]
    steps = ("--step", "1", "--step", "2", "--step", "3")
    both = trained(start(run, tmp_path / "two", "--devices", "2", *steps))
    assert list(both) == names
    for path in here:
        losses = numbers(path.with_name("log.csv"))["loss"].tolist()
        name = path.parent.name
        # what is dropped is drawn by each process
        assert both[name]["loss"].tolist() == pytest.approx(losses, rel=0.1), name


def test_training_goes_on_after_a_process_was_killed(
    prepared: tuple[Path, Settings], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    options = ("--devices", "2", "--step", "1")
    command = start(prepared[0], folder, *options, content_steps=200)
    training = subprocess.Popen(command, env=environment())
    while not (folder / "content" / "state.pt").exists():
        time.sleep(0.02)
        assert training.poll() is None
    for second in psutil.Process(training.pid).children():
        second.kill()
    assert training.wait(60) != 0  # the first one does not wait for ever
    assert not (folder / "content" / "log.csv").exists()
    assert subprocess.run(command, env=environment(), timeout=600).returncode == 0
    steps = pd.read_csv(folder / "content" / "log.csv")["step"]
    assert steps.tolist() == list(range(200))
    assert not (folder / "content" / "state.pt").exists()


def test_what_a_user_gets_wrong_comes_out_as_one_sentence(
    prepared: tuple[Path, Settings], tmp_path: Path
) -> None:
    command = start(prepared[0], tmp_path / "run", "--devices", "2", content_batch=3)
    ended = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 2
    assert ended.stderr.count("A batch of 3 can't be shared evenly by 2 devices") == 1
    assert "Traceback" not in ended.stderr

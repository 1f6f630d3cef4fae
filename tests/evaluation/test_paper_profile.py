"""The `paper` profile: two steps of each training on three clips, by one and by two.

Run as a script, this file trains; Fabric starts it again for the second process.
"""

import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from emoface_lib.core import training
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_json, write_npz, write_parquet
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.settings import load_settings
from emoface_lib.core.stored import StoredClips, shard_file
from emoface_lib.core.video import write_video
from emoface_lib.evaluation.baselines import mean_displacement, static
from emoface_lib.evaluation.rendered import with_voices
from emoface_lib.evaluation.rows import MEAN_DISPLACEMENT, bounds
from emoface_lib.evaluation.train_run import train_run
from emoface_lib.features.prepared import load_clips
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import _StyleBatches, split
from emoface_lib.translation import dataset

pytestmark = pytest.mark.slow

FRAMES = 12
# sizes alone; whatever else is the paper's
SMALL = {
    "content_steps": 2,
    "style_steps": 2,
    "translator_steps": 2,
    "content_batch": 2,
    "style_batch": 2,
    "translator_batch": 2,
    "translator_width": 4,
    "image_size": 32,
    "device": "cpu",
}
PRECISIONS = "float32", "bfloat16"  # how matrices are multiplied


class StoppedError(Exception):
    """What ends a training after its first step."""


def prepared(run: Path) -> None:
    """A folder as `emoface prepare` leaves it: two clips of a video, one of another."""
    rng, rows = np.random.default_rng(0), []
    for clip in ("id00012/abc/00001", "id00012/abc/00002", "id00012/def/00001"):
        landmarks = mean_face() * 60 + [112, 112, 0] + rng.normal(size=(FRAMES, 68, 3))
        softmax = rng.dirichlet(np.ones(7)).astype(np.float32)
        write_npz(
            run / "features" / f"{clip}.npz",
            landmarks=landmarks.astype(np.float32),
            log_mel=rng.random((2 * FRAMES, 80)).astype(np.float32),
            heard=rng.random((2 * FRAMES, 80)).astype(np.float32),
            expression=softmax,
            size=np.array([224, 224]),
        )
        frames = rng.integers(0, 255, (FRAMES, 224, 224, 3), dtype=np.uint8)
        (run / "corpus" / clip).parent.mkdir(parents=True, exist_ok=True)
        write_video(run / "corpus" / f"{clip}.mp4", list(frames))
        speaker, video, _ = clip.split("/")
        row = {"clip": clip, "speaker": speaker, "video": video, "path": f"{clip}.mp4"}
        row |= {"split": "train", "problem": "", "emotion": "", "frames": FRAMES}
        names = (f"expression_{name}" for name in EXPRESSIONS)
        rows.append({**row, **dict(zip(names, softmax, strict=True))})
    write_parquet(run / "features" / "index.parquet", pd.DataFrame(rows))
    write_npz(run / "features" / "mean_face.npz", landmarks=mean_face())
    write_json(run / "features" / "features.json", {"features": "autovc"})


def learn(root: Path, devices: int, memory: float) -> None:
    """The three steps twice: at once, and each ended after its first step."""
    training.PAUSE = dataset.WORKERS = 0
    keep, stops, precision = training._Run.keep, False, ""

    def stopping(self: training._Run, validate: Any) -> None:
        assert self.fabric.strategy.precision.precision == (
            "bf16-mixed" if precision == "bfloat16" else "32-true"
        )
        keep(self, validate)
        if stops and len(self.log) == 1:
            raise StoppedError

    training._Run.keep = stopping  # type: ignore[method-assign]
    for precision, name in product(PRECISIONS, ("whole", "parts")):
        stops = name == "parts"
        asked = {"devices": devices, "memory": memory, "precision": precision}
        asked |= {"translator_precision": precision}
        asked |= {"corpus": str(root / precision / name)}
        settings = load_settings("paper", **SMALL, **asked)
        while True:
            try:
                train_run(settings, steps=(1, 2, 3))
                break
            except StoppedError:
                continue  # as whoever starts the same command again


def test_clips_beyond_the_memory_are_those_that_it_would_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(tmp_path)
    settings = load_settings("paper", memory=0.0)
    held = load_clips(tmp_path / "features", load_settings("paper"))
    monkeypatch.setattr("emoface_lib.features.prepared.SHARD", 40)  # two of them
    stored = load_clips(tmp_path / "features", settings)
    assert isinstance(held, list)
    assert isinstance(stored, StoredClips)
    for one, other in zip(enrolled(held), stored, strict=True):
        for name in ("name", "speaker", "video", "split", "emotion", "path", "sound"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("features", "landmarks", "reference", "expression"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert torch.equal(one.speaker_mean, other.speaker_mean)
    pair = (split(clips, "train")[1:] for clips in (held, stored))
    assert [[clip.name for clip in own] for own in pair] == [
        [clip.name for clip in held[1:]]
    ] * 2
    content = ContentBranch().eval()
    own = settings.changed(crop_frames=10, style_batch=2)
    device, batches = torch.device("cpu"), []
    for clips in (enrolled(held), stored):
        drawn = _StyleBatches(clips, content, own)
        batches.append(drawn.draw(3, np.random.default_rng(0), device))
    for one, other in zip(*batches, strict=True):
        torch.testing.assert_close(one, other)
    assert with_voices(stored, tmp_path) is stored  # not read all at once
    monkeypatch.setattr("emoface_lib.method.steps.FITTED", 2)
    two = mean_displacement([stored[0], stored[2]])(stored)
    mean = bounds(stored, static)[MEAN_DISPLACEMENT](stored)
    assert all(torch.equal(one, other) for one, other in zip(two, mean, strict=True))
    whole = load_clips(tmp_path / "features", settings)  # not made again
    assert whole.source == stored.source
    shard_file(stored.folder, 0).write_bytes(b"cut")
    with pytest.raises(InputError, match=r"000.f32 is damaged or cut short"):
        stored[0]


@pytest.mark.parametrize(("devices", "memory"), [(1, 4.0), (2, 0.0)])
def test_paper_trains_three_steps_and_goes_on_to_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: int, memory: float
) -> None:
    """By so many processes that hold so many GB, in both precisions."""
    prepared(tmp_path / "made")
    for precision, name in product(PRECISIONS, ("whole", "parts")):
        shutil.copytree(tmp_path / "made", tmp_path / precision / name)
    if devices == 1:
        for place, name in ((training, "PAUSE"), (training._Run, "keep")):
            monkeypatch.setattr(place, name, getattr(place, name))  # given back
        monkeypatch.setattr(dataset, "WORKERS", 0)
        learn(tmp_path, devices, memory)
    else:
        path = os.pathsep.join(sys.path)
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, tmp_path, str(devices), str(memory)]
        subprocess.run(command, env=environment, check=True, timeout=600)
    for precision in PRECISIONS:
        compare(tmp_path / precision / "whole", tmp_path / precision / "parts")


def compare(whole: Path, parts: Path) -> None:
    """Both runs have the same logs and weights."""
    models = sorted(path.relative_to(whole) for path in whole.rglob("*.safetensors"))
    assert [str(model.parent) for model in models] == [
        "content",
        "style",
        "style_improved",
        "style_without_emotion",
        "style_without_identity",
        "translator",
    ]
    for model in models:
        logs = [
            pd.read_csv((run / model).with_name("log.csv")).drop(columns="seconds")
            for run in (whole, parts)
        ]
        pd.testing.assert_frame_equal(*logs)
        assert list(logs[0]["learning_rate"]) == [1e-5, 1e-5]
        assert "validation" not in logs[0]
        first, second = (load_file(run / model) for run in (whole, parts))
        assert all((first[name] == second[name]).all() for name in first), model


if __name__ == "__main__":
    learn(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))

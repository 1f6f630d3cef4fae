"""From clips to features: one .npz a clip in the corpus' own tree, and an index.

Taught in notebooks 02 and 03.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emoface_lib.config import HOP_LENGTH, Settings
from emoface_lib.corpus.synthetic import CARD
from emoface_lib.errors import InputError
from emoface_lib.features.audio import log_mel
from emoface_lib.features.detectors import check_detector, choose_detector
from emoface_lib.features.expression import face_crops
from emoface_lib.files import hash_of, read_json, read_npz, write_json, write_npz
from emoface_lib.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.parallel import each
from emoface_lib.video import read_audio, read_video

DETECTION = ("detector", "face_detector", "longest_gap")  # settings that features know
CROP_EVERY = 5  # video frames; expressions change slowly
SAMPLES_A_FRAME = HOP_LENGTH * FRAME_RATE // VIDEO_RATE  # of sound, in a video frame


@dataclass(frozen=True)
class Job:
    """One clip to observe: its name, its file, where its features go."""

    clip: str
    video: Path
    sidecar: Path
    features: Path


def observe(job: Job, settings: Settings, drawn: bool = False) -> str:
    """Write a clip's log-mel, landmarks and face crops; return "" or what was wrong.

    The file holds log_mel float32[T, 80], landmarks float32[F, 68, 3] px of the frame,
    found bool[F], confidence float32[F], crops uint8[F / 5, 64, 64], size int[2] (width
    and height) with T = 2 F. Sound and picture are cut to the shorter of them.
    """
    try:
        frames, _ = read_video(job.video, rate=VIDEO_RATE)
        samples = read_audio(job.video)
        count = min(len(frames), len(samples) // SAMPLES_A_FRAME)
        if count == 0:
            return f"{job.video} holds less than one frame of sound and picture."
        found = choose_detector(settings, job.sidecar, drawn).detect(frames)
        found.check_gaps(settings.longest_gap)
    except InputError as error:
        named = str(job.video) in str(error)
        return str(error) if named else f"{job.video}: {error}"
    landmarks = found.landmarks[:count]
    write_npz(
        job.features,
        log_mel=log_mel(samples[: count * SAMPLES_A_FRAME]),
        landmarks=landmarks,
        found=found.found[:count],
        confidence=found.confidence[:count],
        crops=face_crops(frames[:count:CROP_EVERY], landmarks[::CROP_EVERY]),
        size=np.array(frames.shape[2:0:-1]),
    )
    return ""


def prepare(
    index: pd.DataFrame,
    corpus: Path,
    folder: Path,
    settings: Settings,
    workers: int | None = None,
) -> pd.DataFrame:
    """Observe every clip of a corpus; clips that are done are not done again.

    index : of the corpus, with columns clip and path; corpus, folder : roots of the
    clips and of the features. Returns the index with columns `problem`: why a clip
    could not be used, else "", and `missing`: its frames without a face, which were
    interpolated. Raises InputError if the detector can't work. Taught in notebook 03.
    """
    check_detector(settings)
    chosen = {name: getattr(settings, name) for name in DETECTION}
    made_by = {**chosen, "corpus": _corpus_hash(corpus, index)}
    _forget_if_changed(folder, made_by)
    jobs = [
        Job(clip, corpus / path, corpus / f"truth/{clip}.npz", folder / f"{clip}.npz")
        for clip, path in zip(index["clip"], index["path"], strict=True)
    ]
    todo = [job for job in jobs if not job.features.exists()]
    drawn = (corpus / CARD).exists()
    work = partial(observe, settings=settings, drawn=drawn)
    problems = {
        job.clip: problem
        for job, problem in each(work, todo, workers, "landmarks and log-mel")
    }
    return index.assign(
        problem=[problems.get(clip, "") for clip in index["clip"]],
        missing=[_missing(job) for job in jobs],
    )


def _missing(job: Job) -> int:
    """Frames of a prepared clip whose landmarks are interpolated."""
    return int((~read_npz(job.features)["found"]).sum()) if job.features.exists() else 0


def _corpus_hash(corpus: Path, index: pd.DataFrame) -> str:
    """Tell corpora apart: the embedded one by its own hash, others by their clips."""
    card = corpus / CARD
    return hash_of(read_json(card) if card.exists() else list(index["clip"]))


def _forget_if_changed(folder: Path, made_by: dict[str, Any]) -> None:
    """Remove features that were made of another corpus or by another detector."""
    card = folder / "features.json"
    if card.exists() and read_json(card) == made_by:
        return
    for path in folder.glob("*/*/*.npz"):
        path.unlink()
    write_json(card, made_by)

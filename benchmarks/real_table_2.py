"""Table 2 on real clips, by models that learnt the embedded corpus alone: transfer.

Nobody tuned anything for it but the mouth's lead of 40 ms (README). Landmarks are
dlib's, aligned; the face at rest, L_0, is each speaker's own; chance is the row that
hears another speaker. The models are those of benchmarks/table_2.py, which runs first.

python benchmarks/real_table_2.py DATA   (a folder with grid_sample, voxceleb2_sample)
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from real_lips import LEFT_OUT, drawn_level, level_of
from results import enter
from table_2 import FOLDER, ISSUE, study, trained_seeds

from emoface_lib.baselines import SHUFFLED
from emoface_lib.comparison import comparisons, tidy
from emoface_lib.config import REPOSITORY, Settings
from emoface_lib.enrolment import enrolled
from emoface_lib.features.alignment import into_canvas
from emoface_lib.features.audio import log_mel
from emoface_lib.features.clips import (
    Clip,
    aligned_landmarks,
    look_ahead,
    reference_faces,
)
from emoface_lib.features.landmarks import DlibDetector
from emoface_lib.features.lift import mean_face
from emoface_lib.features.speaker import embed_speakers
from emoface_lib.files import write_beside
from emoface_lib.harness import LIPS_TOGETHER, landmark_scores
from emoface_lib.landmarks import VIDEO_RATE
from emoface_lib.table_2 import Study
from emoface_lib.video import read_audio, read_video

METRICS = ("M-LMD", LIPS_TOGETHER)
FIGURE = REPOSITORY / "figures" / "table_2_real.csv"


def read_clip(path: Path, level: float, settings: Settings) -> Clip:
    """A real clip as the networks see it; its voice is brought to the level learnt."""
    frames, _ = read_video(path, rate=VIDEO_RATE)
    samples = read_audio(path)
    samples = samples * 10 ** ((level - level_of(samples)) / 20)
    heard = look_ahead(log_mel(samples), settings.look_ahead)
    seen = DlibDetector().detect(frames).landmarks
    landmarks = aligned_landmarks(seen, into_canvas(mean_face()), settings.alignment)
    length = min(len(heard), len(landmarks)) // 2 * 2
    return Clip(
        name="/".join(path.parts[-3:]),
        speaker=path.parts[-3] if path.suffix == ".mp4" else path.parts[-2],
        video=path.parts[-2],
        split="unseen",
        features=torch.from_numpy(heard[:length]).float(),
        landmarks=torch.from_numpy(landmarks[:length]).float(),
        reference=torch.zeros(68, 2),
        expression=torch.full((7,), 1 / 7),
        emotion="",
        arousal=float("nan"),
        valence=float("nan"),
        voice=torch.from_numpy(embed_speakers({"": [samples]})[""]),
    )


def read_clips(paths: list[Path], level: float, settings: Settings) -> list[Clip]:
    clips = [read_clip(path, level, settings) for path in paths]
    faces = [clip.landmarks.numpy() for clip in clips]
    known = reference_faces(faces, [clip.speaker for clip in clips])
    return enrolled(
        [replace(c, reference=torch.from_numpy(known[c.speaker])) for c in clips]
    )


def score(real: dict[str, list[Clip]], models: Study, seed: int) -> pd.DataFrame:
    methods = {
        name: method
        for group in ("ours", "peers", "bounds")
        for name, method in models.methods(group, seed).items()
    }
    return pd.concat(
        [
            landmark_scores(
                {name: method(clips) for name, method in methods.items()},
                clips,
                metrics=METRICS,
            ).assign(corpus=f"{name}, real clips", seed=seed)
            for name, clips in real.items()
        ],
        ignore_index=True,
    )


def enter_rows(rows: pd.DataFrame, how: str) -> None:
    for row in rows.to_dict("records"):
        if np.isnan(row["mean"]) or row["metric"] not in METRICS:
            continue
        chance = rows[
            (rows["corpus"] == row["corpus"])
            & (rows["metric"] == row["metric"])
            & (rows["method"] == SHUFFLED)
        ]["mean"].iloc[0]
        spread = f"95 % interval {row['low']:.3f} to {row['high']:.3f}"
        beside = f"{spread}; chance (full, another's voice) {chance:.3f}"
        unit = "px" if row["metric"] == "M-LMD" else "r"
        name = f"{row['corpus']}: {row['metric']}, {row['method']}"
        enter(ISSUE, name, row["mean"], unit, "", "", f"{how}; {beside}")
        print(f"{name}: {row['mean']:.3f}, {beside}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    models = study(FOLDER)
    settings, seeds = models.settings, trained_seeds()
    level = drawn_level(settings)
    paths = {
        "GRID": sorted((given.data / "grid_sample").rglob("*.mpg")),
        "VoxCeleb2": [
            path
            for path in sorted((given.data / "voxceleb2_sample").rglob("*.mp4"))
            if LEFT_OUT not in path.parts
        ],
    }
    real = {name: read_clips(some, level, settings) for name, some in paths.items()}
    scores = pd.concat([score(real, models, seed) for seed in seeds], ignore_index=True)
    with write_beside(FOLDER / "real.parquet") as beside:
        scores.to_parquet(beside, index=False)
    rows = tidy(scores, np.random.default_rng(0))
    rows.to_csv(FIGURE, index=False)
    counts = ", ".join(f"{len(clips)} clips of {name}" for name, clips in real.items())
    enter_rows(rows, f"benchmarks/real_table_2.py: {counts}, {len(seeds)} seeds")
    for said in comparisons(scores, np.random.default_rng(0), METRICS)["sentence"]:
        print(said)


if __name__ == "__main__":
    main()

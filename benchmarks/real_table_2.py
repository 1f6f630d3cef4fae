"""Table 2 on real clips, by models that learnt the embedded corpus alone: transfer.

Nobody tuned anything for it but the mouth's lead of 40 ms (README). Landmarks are
dlib's, aligned; the face at rest, L_0, is each speaker's own; chance is the row that
hears another speaker. The models are those of benchmarks/table_2.py, which runs first.
PC-AVS renders the real face, framed as the corpus frames faces, and dlib reads what it
rendered, as it reads the real frames of the same size ("read"); beside it stand our
landmarks, the true ones and none, rendered by the translator of --run.

python benchmarks/real_table_2.py DATA   (a folder with grid_sample, voxceleb2_sample)
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from real_lips import LEFT_OUT, drawn_level
from results import enter_interval
from table_2 import FOLDER, TOPIC, study, trained_seeds

from emoface_lib.core.clip import MEL_BANDS, Clip
from emoface_lib.core.files import write_beside, write_npz
from emoface_lib.core.landmarks import (
    CANONICAL_SIDE,
    VIDEO_RATE,
    mean_face,
    scale_points,
)
from emoface_lib.core.settings import REPOSITORY, Settings, load_settings
from emoface_lib.core.video import read_audio, read_video, write_video
from emoface_lib.evaluation.baselines import static
from emoface_lib.evaluation.bootstrap import Interval
from emoface_lib.evaluation.experiment import Experiment, Trial
from emoface_lib.evaluation.pc_avs import load_pc_avs
from emoface_lib.evaluation.rendered import rendered_rows
from emoface_lib.evaluation.rows import FULL, PC_AVS_WRONG, SHUFFLED, STATIC
from emoface_lib.evaluation.scoring import LIPS_TOGETHER, READ, Studio, landmark_scores
from emoface_lib.evaluation.tables import comparisons, tidy
from emoface_lib.features.align import to_canonical
from emoface_lib.features.audio import log_mel
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.expression import CROP_EVERY, face_crops
from emoface_lib.features.prepared import aligned_landmarks, look_ahead, reference_faces
from emoface_lib.features.recognisers import scoring_model
from emoface_lib.features.speaker import embed_speakers
from emoface_lib.features.voice_activity import speech_level
from emoface_lib.method.enrolment import enrolled
from emoface_lib.translation.framing import Square
from emoface_lib.translation.translators import load_translator

METRICS = ("M-LMD", LIPS_TOGETHER)
FROM_FRAMES = ("found", *(name + READ for name in METRICS))
UNITS = {"M-LMD": "px", LIPS_TOGETHER: "r", "found": "share"}
FIGURE = REPOSITORY / "figures" / "table_2_real.csv"
FRAMED = FOLDER / "real"  # the faces of the clips, framed, and their landmarks


def video(name: str, frames: np.ndarray, landmarks: np.ndarray) -> None:
    """Store a clip's face as `Studio` finds it: a square video, landmarks in it."""
    square = Square.around(np.median(landmarks[..., :2], axis=0), frames.shape[1:])
    pictures = np.stack([square.cut(frame, CANONICAL_SIDE) for frame in frames])
    displacement = landmarks - np.array([square.left, square.top, 0])
    placed = scale_points(displacement, CANONICAL_SIDE / square.side)
    crops = face_crops(pictures[::CROP_EVERY], placed[::CROP_EVERY])
    size = np.array([CANONICAL_SIDE, CANONICAL_SIDE])
    (FRAMED / name).parent.mkdir(parents=True, exist_ok=True)
    write_npz(FRAMED / f"{name}.npz", landmarks=placed, size=size, crops=crops)
    write_video(FRAMED / f"{name}.mp4", pictures)


def read_clip(path: Path, level: float, settings: Settings) -> Clip:
    """A real clip as the networks see it; its voice is brought to the level learnt."""
    name = "/".join((*path.parts[-3:-1], path.stem))
    frames, _ = read_video(path, rate=VIDEO_RATE)
    samples = read_audio(path)
    samples = samples * 10 ** ((level - speech_level(samples)) / 20)
    heard = look_ahead(log_mel(samples), settings.features.look_ahead)
    seen = DlibDetector().detect(frames).landmarks
    landmarks = aligned_landmarks(
        seen, to_canonical(mean_face()), settings.landmarks.alignment
    )
    length = min(len(heard), len(landmarks)) // 2 * 2
    video(name, frames[: length // 2], seen[: length // 2])
    return Clip(
        name=name,
        speaker=path.parts[-3] if path.suffix == ".mp4" else path.parts[-2],
        video=path.parts[-2],
        split="test",
        features=torch.from_numpy(heard[:length]).float(),
        landmarks=torch.from_numpy(landmarks[:length]).float(),
        reference=torch.zeros(68, 2),
        expression=torch.full((7,), 1 / 7),
        emotion="",
        arousal=float("nan"),
        valence=float("nan"),
        voice=torch.from_numpy(embed_speakers({"": [samples]})[""]),
        path=f"{name}.mp4",
        ahead=settings.features.look_ahead,
    )


def read_clips(paths: list[Path], level: float, settings: Settings) -> list[Clip]:
    clips = [read_clip(path, level, settings) for path in paths]
    faces = [clip.landmarks.numpy() for clip in clips]
    known = reference_faces(faces, [clip.speaker for clip in clips])
    known = {name: torch.from_numpy(face) for name, face in known.items()}
    return enrolled([replace(clip, reference=known[clip.speaker]) for clip in clips])


def score(real: dict[str, list[Clip]], models: Experiment, seed: int) -> pd.DataFrame:
    methods = models.methods(Trial(seed))
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


def read_from_frames(
    real: dict[str, list[Clip]], models: Experiment, seed: int, studio: Studio
) -> pd.DataFrame:
    """PC-AVS, and what the translator makes of our landmarks, the true and none.

    Stored a seed, as its rows end; a second run goes on from there.
    """
    folder = FOLDER / f"seed_{seed}"
    path = folder / "real_pictures.parquet"
    if path.exists():
        return pd.read_parquet(path)
    pc_avs = load_pc_avs(folder / "pc_avs" / "model.safetensors", MEL_BANDS)
    rows = {FULL: models.methods(Trial(seed))[FULL], STATIC: static}
    found = [
        studio.frame_scores(rendered_rows(rows, clips, studio, pc_avs), clips).assign(
            corpus=f"{name}, real clips", seed=seed
        )
        for name, clips in real.items()
    ]
    scores = pd.concat(found, ignore_index=True)
    with write_beside(path) as beside:
        scores.to_parquet(beside, index=False)
    return scores


def studio_of(run: Path) -> Studio:
    """The renderers of a run, where the real faces are."""
    settings = load_settings("tutorial")
    return Studio(
        FRAMED,
        FRAMED,
        to_canonical(mean_face()),
        load_translator(run / "translator" / "model.safetensors"),
        scoring_model(run, settings),
        settings.translator.image_size,
    )


def enter_rows(rows: pd.DataFrame, how: str) -> None:
    for row in rows.to_dict("records"):
        if np.isnan(row["mean"]) or row["metric"] not in (*METRICS, *FROM_FRAMES):
            continue
        wrong = SHUFFLED if row["metric"] in METRICS else PC_AVS_WRONG
        chance = rows[
            (rows["corpus"] == row["corpus"])
            & (rows["metric"] == row["metric"])
            & (rows["method"] == wrong)
        ]["mean"].iloc[0]
        told = f"{how}; {row['seeds']} seeds; chance ({wrong}) {chance:.3f}"
        unit = UNITS[row["metric"].removesuffix(READ)]
        name = f"{row['corpus']}: {row['metric']}, {row['method']}"
        spread = Interval(row["mean"], row["low"], row["high"])
        enter_interval(TOPIC, name, spread, unit, told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path, default=REPOSITORY / "runs" / "tutorial")
    given = parser.parse_args()
    models = study()
    settings, seeds = models.settings, trained_seeds()
    level = drawn_level()
    paths = {
        "GRID": sorted((given.data / "grid_sample").rglob("*.mpg")),
        "VoxCeleb2": [
            path
            for path in sorted((given.data / "voxceleb2_sample").rglob("*.mp4"))
            if LEFT_OUT not in path.parts
        ],
    }
    real = {name: read_clips(some, level, settings) for name, some in paths.items()}
    studio = studio_of(given.run)
    found = [score(real, models, seed) for seed in seeds]
    found += [read_from_frames(real, models, seed, studio) for seed in seeds]
    scores = pd.concat(found, ignore_index=True)
    with write_beside(FOLDER / "real.parquet") as beside:
        scores.to_parquet(beside, index=False)
    rows = tidy(scores, np.random.default_rng(0))
    rows.to_csv(FIGURE, index=False)
    counts = ", ".join(f"{len(clips)} clips of {name}" for name, clips in real.items())
    enter_rows(rows, f"benchmarks/real_table_2.py: {counts}")
    metrics = (*METRICS, *FROM_FRAMES)
    for d_content in comparisons(scores, np.random.default_rng(0), metrics)["sentence"]:
        print(d_content)


if __name__ == "__main__":
    main()

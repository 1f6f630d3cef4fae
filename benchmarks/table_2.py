"""Table 2 in full: every row, five paired seeds, intervals over speakers and seeds.

Settings were chosen on other corpora (seeds 100 and 200 of the embedded one), the steps
of MakeItTalk's content branch, too; this is of seed 300, on whose speakers nothing of
ours was chosen, but MakeItTalk's rate and first weights were. Landmark rows train on
clips that are audio-only. The scores of each seed are stored in runs/table_2 as it
ends, and a second run goes on from there.

python benchmarks/table_2.py [landmarks | pictures | enter | ship ...] [--seeds 5]
    [--weights fid=inception-2015-12-05.pt ...]

Parts: landmarks (trains every row but PC-AVS, with the lesson's steps),
pictures (trains PC-AVS on the drawn clips of --run, renders the others there, and lets
dlib read both; whole videos are scored by the networks of --weights, too), enter
(figures/table_2_full.csv and results.csv), ship (the weights of the baselines of seed
0, into emoface_lib/weights).
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from results import enter
from studies import clips_of, settings_of

from emoface_lib.core.clip import MEL_BANDS, Clip
from emoface_lib.core.files import read_npz, read_or_set_aside, write_beside
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.core.settings import REPOSITORY, Settings, load_settings
from emoface_lib.evaluation.baselines import detector_noise
from emoface_lib.evaluation.experiment import Experiment, Trial
from emoface_lib.evaluation.learnt_metrics import load_networks, video_scores
from emoface_lib.evaluation.pc_avs import VideoClip, load_pc_avs
from emoface_lib.evaluation.rendered import (
    CONTENT,
    PICTURES,
    SPEAKER,
    rendered_rows,
    with_voices,
)
from emoface_lib.evaluation.rows import DETECTOR
from emoface_lib.evaluation.scoring import ALL, Studio, landmark_scores, one_a_video
from emoface_lib.evaluation.tables import RATIO, comparisons, tidy
from emoface_lib.features.prepared import load_clips
from emoface_lib.features.recognisers import scoring_model
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import split
from emoface_lib.translation.translators import load_translator
from tools.ship_weights import ship_half
from tools.train_pc_avs import train_pc_avs

TOPIC = "table_2"
CORPUS = 300
SIZE, LARGER = (24, 12, 4), (32, 20, 6)  # training and test speakers, videos of each
FOLDER = REPOSITORY / "runs" / "table_2"
SPLITS = {"test": "test speakers", "val": "training speakers' new videos"}
PC_AVS_STEPS = 900
ARRAYS = "phones", "mood"  # fields of `Clip` that are numpy's
DRAWN = "embedded, drawn, test speakers"
MORE_VIDEOS = "embedded, audio-only, twice the videos, test speakers"
FULL_TABLE = REPOSITORY / "figures" / "table_2_full.csv"
DIFFERENCES = REPOSITORY / "figures" / "table_2_differences.csv"


def own_settings(size: tuple[int, int, int] = SIZE) -> Settings:
    return settings_of(CORPUS, *size)


def study(
    split: str = "test", folder: Path = FOLDER, size: tuple[int, int, int] = SIZE
) -> Experiment:
    settings = own_settings(size)
    path = folder / f"clips_{settings.hash()}.pt"
    clips = read_or_set_aside(_read_clips, path)
    if clips is None:
        clips = clips_of(settings, voices=True)
        with write_beside(path) as beside:
            torch.save([_plain(clip) for clip in clips], beside)
    return Experiment(clips, settings, metrics=ALL, split=split, folder=folder)


def larger() -> Experiment:
    """Where twice the videos train, as many as in style.py."""
    return study(folder=FOLDER / "larger", size=LARGER)


def _plain(clip: Clip) -> dict[str, object]:
    arrays = {name: getattr(clip, name) for name in ARRAYS}
    kept = {name: torch.from_numpy(x) for name, x in arrays.items() if x is not None}
    return {**vars(clip), **kept}


def _read_clips(path: Path) -> list[Clip]:
    stored = torch.load(path, weights_only=True)  # no objects, which would be code
    for one in stored:
        one |= {name: one[name].numpy() for name in ARRAYS if one[name] is not None}
    return [Clip(**one) for one in stored]


def trained_seeds() -> list[int]:
    """Seeds whose landmark rows are all there."""
    folders = FOLDER.glob("seed_*")
    done = [f for f in folders if all((f / f"{p}.parquet").exists() for p in SPLITS)]
    return sorted(int(f.name.removeprefix("seed_")) for f in done)


def landmarks(seeds: int, workers: int) -> None:
    start = time.perf_counter()
    for part in SPLITS:
        study(part).run([Trial(seed) for seed in range(seeds)], workers)
    larger().run([Trial(seed) for seed in range(seeds)], workers)
    print(f"landmarks: {(time.perf_counter() - start) / 60:.1f} min")


def pictures(run: Path, weights: dict[str, str]) -> None:
    """PC-AVS and rendered rows of each seed on the drawn clips of a run.

    weights : files of settings of `evaluation`, see `learnt_metrics`.
    """
    settings = load_settings("tutorial", **weights)
    networks = load_networks(settings)
    clips = enrolled(load_clips(run / "features", settings))
    clips = with_voices(clips, run / "audio" / "speakers.npz")
    studio = Studio(
        run / "corpus",
        run / "features",
        read_npz(run / "features" / "mean_face.npz")["landmarks"],
        load_translator(run / "translator" / "model.safetensors"),
        scoring_model(run, settings),
        settings.translator.image_size,
    )
    for seed in trained_seeds():
        path = FOLDER / f"seed_{seed}" / "pictures.parquet"
        if path.exists():
            continue
        start = time.perf_counter()
        scores = picture_scores(seed, clips, studio, settings, networks)
        scores["minutes"] = (time.perf_counter() - start) / 60
        with write_beside(path) as beside:
            scores.to_parquet(beside, index=False)


def picture_scores(
    seed: int,
    clips: list[Clip],
    studio: Studio,
    settings: Settings,
    networks: dict[str, Any],
) -> pd.DataFrame:
    folder = FOLDER / f"seed_{seed}"
    path = folder / "pc_avs" / "model.safetensors"
    if not path.exists():
        videos = [VideoClip.read(clip, studio.corpus) for clip in split(clips, "train")]
        one = settings.changed(seed=seed, translator_steps=PC_AVS_STEPS)
        train_pc_avs(videos, path.parent, one)
    model = load_pc_avs(path, MEL_BANDS)
    test = split(clips, "test")
    first = one_a_video(test)
    known = study().methods(Trial(seed))
    frames = rendered_rows(known, first, studio, model)
    noise = detector_noise(studio.corpus, studio.mean_face)
    rows = {n: m(test) for n, m in {**known, DETECTOR: noise}.items()}
    scored = [landmark_scores(rows, test, metrics=ALL)]
    scored.append(studio.frame_scores(frames, first))
    if networks:
        whole = rendered_rows(known, first, studio, model, every=1)
        scored.append(video_scores(whole, first, studio, networks))
    found = pd.concat(scored, ignore_index=True)
    return found.assign(corpus=DRAWN, seed=seed)


def all_scores() -> pd.DataFrame:
    trials = [Trial(seed) for seed in trained_seeds()]
    found = [
        study(part).run(trials).assign(corpus=f"embedded, audio-only, {label}")
        for part, label in SPLITS.items()
    ]
    found.append(larger().run(trials).assign(corpus=MORE_VIDEOS))
    paths = [FOLDER / trial.folder / "pictures.parquet" for trial in trials]
    found += [pd.read_parquet(path) for path in paths if path.exists()]
    scores = pd.concat(found, ignore_index=True)
    return scores[scores["clip"].notna()]  # and no facts of codes, no curves


def enter_all() -> None:
    """Write the table and the differences, and enter what was measured."""
    scores, generator = all_scores(), np.random.default_rng(0)
    keep(tidy(scores, generator), FULL_TABLE)
    landmarks_of = ("LMD", "M-LMD", "lip r", "ES", "ES centred")
    metrics = (*landmarks_of, "M-LMD, read", "lip r, read")
    found = comparisons(scores, generator, metrics)
    keep(found, DIFFERENCES)
    entered = ("LMD", "ES", "lip r", "M-LMD, read", "lip r, read", RATIO)
    for row in found[found["metric"].isin(entered)].to_dict("records"):
        how = told(LARGER if row["corpus"] == MORE_VIDEOS else SIZE)
        how += f"; 95 % interval {row['low']:.3f} to {row['high']:.3f}"
        how += f", {row['seeds']} seeds"
        ratio = row["metric"] == RATIO
        name = f"{row['corpus']}: {row['metric']}, {row['first']}, {row['second']}"
        unit = "ratio" if ratio else "px" if "LMD" in row["metric"] else ""
        aim = ("<= 0.45", row["high"] <= 0.45) if ratio else ()
        enter(TOPIC, name, row["mean"], unit, how, *aim)
        print(row["sentence"])
    per_group = scores.drop_duplicates(["seed", "minutes"])["minutes"].sum()
    name = "minutes of full, summed over processes"
    enter(TOPIC, name, float(per_group), "min", f"{told(SIZE)}; cores shared", "<= 240")


def told(size: tuple[int, int, int]) -> str:
    """How the numbers on a corpus of a size were made."""
    train, test, videos = size
    steps = own_settings().content.steps, own_settings().style.steps
    return (
        f"benchmarks/table_2.py: corpus seed {CORPUS}, {train} training speakers of "
        f"{videos} videos and {test} test speakers, {steps[0]} and {steps[1]} steps"
    )


def keep(found: pd.DataFrame, path: Path) -> None:
    """Write a table; of what was not scored this time, as it was."""
    before = pd.read_csv(path)
    left = before[~before["corpus"].isin(found["corpus"])]
    pd.concat([found.round(4), left]).to_csv(path, index=False)


def ship() -> None:
    """Copy seed 0's baselines to where notebook 07 finds them."""
    first = FOLDER / "seed_0"
    made = {"makeittalk/content": CONTENT, "makeittalk/speaker": SPEAKER}
    made["pc_avs"] = PICTURES
    for name, file in made.items():
        ship_half(first / name / "model.safetensors", WEIGHTS / file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    known = ("landmarks", "pictures", "enter")
    parser.add_argument("parts", nargs="*", choices=[*known, "ship"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, default=REPOSITORY / "runs" / "tutorial")
    parser.add_argument("--weights", nargs="*", default=[], metavar="METRIC=FILE")
    given = parser.parse_args()
    for part in given.parts or known:
        if part == "landmarks":
            landmarks(given.seeds, given.workers)
        elif part == "pictures":
            pictures(given.run, dict(one.split("=", 1) for one in given.weights))
        elif part == "enter":
            enter_all()
        else:
            ship()


if __name__ == "__main__":
    main()

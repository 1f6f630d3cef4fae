"""Measure the audio features: what AutoVC keeps and removes, and what it costs.

python benchmarks/audio.py [--seeds 3] [--speakers 32] [--test-speakers 14]

--seeds 0 measures the costs only.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from results import enter, enter_bound

from emoface_lib.animation.predict import FacePredictor
from emoface_lib.core.clip import CODE_SIZE, PHONETIC_SIZE, Clip, with_features
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.evaluation.probes import probe_table
from emoface_lib.evaluation.scoring import landmark_scores
from emoface_lib.features.align import to_canonical
from emoface_lib.features.audio import log_mel
from emoface_lib.features.prepared import clip_of
from emoface_lib.features.speaker import (
    SPEAKER_SIZE,
    UTTERANCES,
    embed_speakers,
    write_embeddings,
)
from emoface_lib.features.voice_conversion import (
    MODEL,
    SPEAKERS,
    Conversion,
    load_features,
    new_autovc,
    train_autovc,
)
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.emotion_space import EmotionSpace
from emoface_lib.method.steps import content_displacements, train_content
from emoface_lib.method.style import StyleBranch
from emoface_lib.synthetic.audio_only import (
    audio_only_clips,
    extract_drawn,
    hear_voices,
)
from emoface_lib.synthetic.clips import make_clip, plan_corpus, plan_speaker

TOPIC = "audio"
PROBE_SEEDS = (0, 1, 2)
WIDTHS = {
    "": 1.0,
    "half width": 0.5,
    "double width": 2.0,
}  # at the settings' bottleneck
AUDIO_ONLY_VIDEOS = 3  # per audio-only speaker; two of them train
TEST_SPEAKERS = 20  # those on whom step 1 is scored
SECONDS = 60  # speech, for the costs
COSTS = f"benchmarks/audio.py: {SECONDS} s of speech, 1 thread"
# share of the log-mel's score that the converted mel keeps: speaker at most, the
# others at least
SHARES = {"speaker": 2 / 3, "phone": 4 / 5, "arousal": 9 / 10}


def hear_corpus(
    settings: Settings,
) -> tuple[list[Clip], list[Clip], dict[str, np.ndarray]]:
    """Voices of the corpus, of speakers audio-only, and the embeddings of all."""
    voices, sounds = [], {}
    for plan in plan_corpus(settings):
        clip = make_clip(plan)
        found = extract_drawn(clip)
        voices.append(clip_of(found, found["log_mel"]))
        sounds.setdefault(plan.speaker.name, []).append(clip.speech.samples)
    known = embed_speakers({n: own[:UTTERANCES] for n, own in sounds.items()})
    fewer = settings.changed(videos_per_speaker=AUDIO_ONLY_VIDEOS)
    heard, others = hear_voices(fewer, workers=1)
    return voices, heard, known | others


def train(
    voices: list[Clip],
    known: dict[str, np.ndarray],
    folder: Path,
    settings: Settings,
) -> float:
    """Train AutoVC as notebook 02 does and leave it in `folder`; gives CPU-s."""
    mels, names = [v.features.numpy() for v in voices], [v.speaker for v in voices]
    start = time.process_time()
    train_autovc(mels, names, known, (folder / MODEL).parent, settings)
    used = time.process_time() - start
    write_embeddings(folder / SPEAKERS, known)
    return used


def convert(
    voices: list[Clip], known: dict[str, np.ndarray], folder: Path, settings: Settings
) -> dict[str, list[Clip]]:
    """The same voices as codes and as converted mels."""
    made = {}
    for name, kind in (("codes", "codes"), ("converted", "autovc")):
        wanted = settings.changed(features=kind)
        features = load_features(folder, wanted)
        whole = [features.whole(v.features.numpy(), known[v.speaker]) for v in voices]
        made[name] = with_features(voices, whole)
    return made


def measure_seed(settings: Settings, folder: Path) -> tuple[pd.DataFrame, list[float]]:
    """Probe scores of one corpus, and CPU-s of each training."""
    voices, heard, known = hear_corpus(settings)
    trains = [voice for voice in voices if voice.split == "train"] + heard
    tables = [probe_table({"log-mel": voices}, PROBE_SEEDS, 200)]
    costs = []
    for width, factor in WIDTHS.items():
        neck = round(settings.autovc.neck * factor)
        wanted = settings.changed(autovc_neck=neck)
        place = folder / (width or "settings")
        costs.append(train(trains, known, place, wanted))
        made = convert(voices, known, place, wanted)
        named = {f"{n}{', ' * bool(width)}{width}": c for n, c in made.items()}
        tables.append(probe_table(named, PROBE_SEEDS, 200))
        print(settings.seed, neck, f"{costs[-1]:.0f} s", flush=True)
    table = pd.concat(tables, ignore_index=True).assign(seed=settings.seed)
    shown = table.pivot_table("mean", "feature", ["factor", "split"])
    print(shown.round(3).to_string(), flush=True)
    return table, costs


def enter_probes(tables: pd.DataFrame, how: str) -> None:
    """Enter means over seeds, and the shares that are aimed at."""
    means = tables.pivot_table("mean", ["feature", "factor", "split"], "seed")
    for (feature, factor, split), scores in means.iterrows():
        low, high = scores.min(), scores.max()
        unit = "r" if factor in ("arousal", "valence") else "accuracy"
        name = f"audio: {factor} from {feature}, {split} speakers"
        spread = f"{how}; {scores.count()} seeds from {low:.3f} to {high:.3f}"
        enter(TOPIC, name, float(scores.mean()), unit, "", "", spread)
    for factor, bound in SHARES.items():
        for split in ("val",) if factor == "speaker" else ("val", "test"):
            whole = means.loc["log-mel", factor, split].mean()
            for feature in [f for f in tables["feature"].unique() if f != "log-mel"]:
                share = float(means.loc[feature, factor, split].mean() / whole)
                name = f"audio: {factor}, {feature} in log-mel, {split} speakers"
                sign = "<=" if factor == "speaker" else ">="
                target = f"{sign} {bound:.3g}" if feature == "converted" else ""
                counted = means.loc[feature, factor, split].count()
                told = f"{how}; {counted} seeds"
                enter_bound(TOPIC, name, share, "share", target, told)


def measure_step_1(settings: Settings, folder: Path) -> pd.Series:
    """LMD and lip r of step 1 by each kind of F_a, on speakers that it never heard."""
    face, rows = to_canonical(mean_face()), {}
    later = settings.synthetic.train_speakers + settings.synthetic.audio_only_speakers
    for kind in ("log_mel", "autovc", "codes", "phonetic"):
        wanted = settings.changed(features=kind, videos_per_speaker=AUDIO_ONLY_VIDEOS)
        others = wanted.changed(train_speakers=later, audio_only_speakers=TEST_SPEAKERS)
        clips = audio_only_clips(wanted, face, folder, workers=1)
        test = audio_only_clips(others, face, folder, workers=1)
        with tempfile.TemporaryDirectory() as scratch:
            model, _ = train_content(clips, Path(scratch), wanted)
        scores = landmark_scores({kind: content_displacements(model, test)}, test)
        for metric, value in scores.groupby("metric")["value"].mean().items():
            rows[kind, metric] = value
    return pd.Series(rows)


def enter_step_1(rounds: list[pd.Series], how: str) -> None:
    found = pd.concat(rounds, axis=1)
    for kind, metric in found.index:
        scores = found.loc[(kind, metric)]
        if metric == "M-LMD":
            continue
        name = f"audio: {metric} of step 1 by features = {kind}, test speakers"
        spread = (
            f"{how}; {scores.count()} seeds from {scores.min():.3f} to "
            f"{scores.max():.3f}"
        )
        unit = "r" if metric == "lip r" else "px"
        enter(TOPIC, name, float(scores.mean()), unit, "", "", spread)


def cpu_seconds(work: Callable[[], object], rounds: int = 3) -> float:
    work()  # loads what is loaded once
    start = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - start) / rounds


def measure_costs(settings: Settings) -> None:
    """CPU-s of each part, and how many times faster than speech the whole is.

    The networks need not be trained for that.
    """
    plans = [plan_speaker(number, settings)[0] for number in range(1, 25)]
    speech = np.concatenate([make_clip(plan).speech.samples for plan in plans])
    speech = speech[: SECONDS * 16_000]
    mel, speaker = log_mel(speech), np.ones(SPEAKER_SIZE, np.float32) / 16
    features = Conversion(new_autovc(settings).eval(), speaker)
    space = EmotionSpace(torch.zeros(128), torch.eye(4, 128), torch.ones(4))
    networks = ContentBranch().eval(), StyleBranch().eval(), space
    converting = settings.changed(features="autovc")
    predictor = FacePredictor(*networks, -25.0, converting, features)
    parts = {
        "log-mel": lambda: log_mel(speech),
        "speaker embedding": lambda: embed_speakers({"": [speech]}),
        "conversion": lambda: features.whole(mel, speaker),
    }
    costs = {name: cpu_seconds(part) / SECONDS for name, part in parts.items()}
    for name, spent in costs.items():
        row = f"audio: {name}, CPU-s a second of speech"
        enter(TOPIC, row, spent, "s", "", "", COSTS)
    hears = ContentBranch(CODE_SIZE).eval(), StyleBranch(PHONETIC_SIZE).eval(), space
    by_code = FacePredictor(*hears, -25.0, settings.changed(features="phonetic"))
    turned = count()  # another voice each time, since the last one is remembered

    def cost(one: FacePredictor) -> float:
        return cpu_seconds(lambda: one.predict(np.roll(speech, next(turned)))) / SECONDS

    moved, moved_by_code = cost(predictor), cost(by_code)
    speeds = {
        "feature extraction, all three": (1 / sum(costs.values()), 30),
        "voice to landmarks with AutoVC": (1 / moved, 50),
        "voice to landmarks by the phonetic code": (1 / moved_by_code, 60),
    }
    for name, (speed, aim) in speeds.items():
        row = f"audio: {name}, 1 core"
        enter_bound(TOPIC, row, speed, "x real time", f">= {aim}", COSTS)


def measure_training(seeds: int, speakers: int, test_speakers: int) -> None:
    tables, costs, rounds = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(seeds):
            settings = load_settings(
                "tutorial",
                seed=seed,
                train_speakers=speakers,
                test_speakers=test_speakers,
                videos_per_speaker=7,
            )
            folder = Path(scratch, str(seed))
            table, used = measure_seed(settings, folder)
            tables.append(table)
            costs.append(used[0])  # the settings' own width
            rounds.append(measure_step_1(settings, folder / "settings"))
    heard = settings.synthetic.train_speakers + settings.synthetic.audio_only_speakers
    how = (
        f"benchmarks/audio.py: AutoVC of {heard} speakers, "
        f"{settings.autovc.steps} steps; probes of {settings.synthetic.train_speakers} "
        f"speakers, {settings.synthetic.test_speakers} unseen"
    )
    used = float(np.mean(costs))
    name = "audio: AutoVC trains, tutorial size"
    spent = f"{how}; {seeds} seeds, the longest {max(costs):.0f}"
    enter(TOPIC, name, used, "CPU-s", "<= 120", bool(max(costs) <= 120), spent)
    enter_probes(pd.concat(tables), how)
    enter_step_1(rounds, how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--speakers", type=int, default=32)
    parser.add_argument("--test-speakers", type=int, default=14)
    arguments = parser.parse_args()
    measure_costs(load_settings("tutorial"))
    if arguments.seeds:
        measure_training(arguments.seeds, arguments.speakers, arguments.test_speakers)


if __name__ == "__main__":
    main()

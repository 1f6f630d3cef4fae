"""Measure the embedded corpus: its cost, and how its factors show in sound and face.

python benchmarks/corpus.py [--no-drawing] [--speakers 32] [--test-speakers 12]
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from results import enter
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emoface_lib.config import Settings, load_settings
from emoface_lib.corpus.clips import ClipPlan, make_clip, plan_corpus, plan_speaker
from emoface_lib.corpus.synthetic import build_corpus
from emoface_lib.corpus.visemes import viseme_class
from emoface_lib.features.audio import log_mel
from emoface_lib.landmarks import FRAME_RATE, eye_distance
from emoface_lib.parallel import each

ISSUE = 2
SEEDS = (0, 1, 2)
PHONE_FRAMES = 12  # of each clip, for the phone probe


@dataclass(frozen=True)
class Sample:
    """A clip's factors and features, without its pictures."""

    plan: ClipPlan
    seconds: float
    cost: float  # CPU-s for speech, landmarks and log-mel
    log_mel: np.ndarray  # (T, 80)
    face: np.ndarray  # (T, 136): landmarks about their mean, in eye distances
    phones: np.ndarray  # (T,) viseme classes


def sample(plan: ClipPlan) -> Sample:
    start = time.process_time()
    clip = make_clip(plan, rate=FRAME_RATE)
    mel = log_mel(clip.speech.samples)
    cost = time.process_time() - start
    points = clip.landmarks[: len(mel), :, :2]
    centred = points - points.mean(1, keepdims=True)
    face = centred / eye_distance(centred).mean()
    times = (np.arange(len(points)) + 0.5) / FRAME_RATE
    spoken = np.searchsorted(clip.speech.start, times, side="right") - 1
    classes = np.array([viseme_class(name) for name in clip.speech.names])
    mel = mel[: len(points)]
    return Sample(
        plan,
        clip.speech.seconds,
        cost,
        mel,
        face.reshape(len(face), -1),
        classes[spoken],
    )


Features = Callable[[Sample], np.ndarray]


# What probes of a clip and of a frame see; frames without the identity's mean face.
SOURCES: dict[str, tuple[Features, Features]] = {
    "log-mel": (lambda s: s.log_mel, lambda s: s.log_mel),
    "landmarks": (lambda s: s.face, lambda s: s.face - s.face.mean(0)),
}
TARGETS = {"category": 0.40, "arousal": 0.6, "valence": 0.7, "phone": 0.5}


def statistics(features: Features) -> Features:
    """Mean and standard deviation over a clip."""

    def of_clip(one: Sample) -> np.ndarray:
        frames = features(one)
        return np.concatenate([frames.mean(0), frames.std(0)])

    return of_clip


def category_accuracy(train: list, test: list, features: Features) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500))
    model.fit([features(s) for s in train], [s.plan.state.emotion for s in train])
    shown = [s.plan.state.emotion for s in test]
    return float(model.score([features(s) for s in test], shown))


def correlation(train: list, test: list, features: Features, factor: str) -> float:
    model = make_pipeline(StandardScaler(), Ridge(30.0))
    truth = [[getattr(s.plan.state, factor) for s in part] for part in (train, test)]
    model.fit([features(s) for s in train], truth[0])
    predicted = model.predict([features(s) for s in test])
    return float(np.corrcoef(predicted, truth[1])[0, 1])


def phone_accuracy(train: list, test: list, features: Features) -> float:
    rng = np.random.default_rng(0)
    X, y = framewise(train, features, rng)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=600))
    model.fit(X, y)
    return float(model.score(*framewise(test, features, rng)))


def framewise(
    samples: list, features: Features, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Single frames and their phones, some of each clip."""
    X, y = [], []
    for one in samples:
        frames = features(one)
        picks = rng.choice(len(frames), PHONE_FRAMES, replace=False)
        X.append(frames[picks])
        y.append(one.phones[picks])
    return np.concatenate(X), np.concatenate(y)


def probe(samples: list[Sample]) -> dict[str, float]:
    """Factors read by linear probes, from the sound and from the true landmarks."""
    train = [s for s in samples if s.plan.split == "train"]
    found = {}
    for source, (features, by_frame) in SOURCES.items():
        for split in ("seen", "unseen"):
            test = [s for s in samples if s.plan.split == split]
            clip = statistics(features)
            values = {
                "category": category_accuracy(train, test, clip),
                "arousal": correlation(train, test, clip, "arousal"),
                "valence": correlation(train, test, clip, "valence"),
                "phone": phone_accuracy(train, test, by_frame),
            }
            found.update({f"{f} from {source}, {split}": v for f, v in values.items()})
    return found


def enter_probes(rounds: list[dict[str, float]], how: str) -> None:
    """Enter the means over seeds; the range goes beside how they were made."""
    for name in rounds[0]:
        values = [found[name] for found in rounds]
        mean, factor = float(np.mean(values)), name.split()[0]
        aim = name.endswith("from log-mel, unseen")
        enter(
            ISSUE,
            f"corpus: {name} speakers",
            mean,
            "r" if factor in ("arousal", "valence") else "accuracy",
            f">= {TARGETS[factor]:g}" if aim else "",
            mean >= TARGETS[factor] if aim else "",
            f"{how}; seeds from {min(values):.3f} to {max(values):.3f}",
        )
        print(f"{name} speakers: {mean:.3f} {np.round(values, 3)}")


def measure_cost(samples: list[Sample], how: str) -> None:
    # the first clips also load what all share
    later = samples[len(samples) // 10 :]
    cost = sum(s.cost for s in later) / sum(s.seconds for s in later)
    name = "corpus: speech, landmarks and log-mel, CPU-s a second of clip"
    enter(ISSUE, name, cost, "s", "<= 0.03", cost <= 0.03, how)
    print(f"{name}: {cost:.4f}")


def measure_building(settings: Settings, how: str) -> None:
    """Frames a second by the clock, which other work slows, and by CPU time."""
    begun = time.perf_counter()
    for _ in each(partial(plan_speaker, settings=settings), [1, 2], 2, "starting"):
        pass
    start_up = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as folder:
        start, used = time.perf_counter(), children_seconds()
        index = build_corpus(settings, Path(folder), workers=2)
        seconds, used = time.perf_counter() - start, children_seconds() - used
    frames = index["seconds"].sum() * 25
    rows = {
        "corpus: frames built a second, all included, 2 processes": frames / seconds,
        "corpus: frames built a second of 2 cores' CPU time": 2 * frames / used,
    }
    load = (
        f"{how}; {seconds:.0f} s by the clock, {start_up:.0f} s of it the processes' "
        f"start, {used:.0f} s of CPU; {os.getloadavg()[0]:.1f} processes at work"
    )
    for name, rate in rows.items():
        enter(ISSUE, name, float(rate), "1/s", ">= 60", bool(rate >= 60), load)
        print(f"{name}: {rate:.1f} ({len(index)} clips)")


def children_seconds() -> float:
    """CPU time of the worker processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure_factors(speakers: int, test_speakers: int) -> None:
    rounds = []
    for seed in SEEDS:
        settings = load_settings(
            "tutorial",
            seed=seed,
            speakers=speakers,
            test_speakers=test_speakers,
            videos=7,
        )
        plans = plan_corpus(settings)
        samples = [result for _, result in each(sample, plans, 1, "speaking")]
        rounds.append(probe(samples))
    how = (
        f"benchmarks/corpus.py: {settings.speakers} speakers, "
        f"{settings.test_speakers} unseen, {len(plans)} clips; 1 thread"
    )
    measure_cost(samples, how)
    enter_probes(rounds, how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-drawing", action="store_true")
    parser.add_argument("--no-probes", action="store_true")
    parser.add_argument("--speakers", type=int, default=32)
    parser.add_argument("--test-speakers", type=int, default=14)
    arguments = parser.parse_args()
    if not arguments.no_probes:
        measure_factors(arguments.speakers, arguments.test_speakers)
    if not arguments.no_drawing:
        small = load_settings("smoke")
        measure_building(small, "benchmarks/corpus.py: smoke corpus, 2 cores")


if __name__ == "__main__":
    main()

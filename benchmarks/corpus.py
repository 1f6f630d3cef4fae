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
from results import enter_bound

from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.landmarks import eye_distance
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.evaluation.probes import Probe
from emoface_lib.features.prepared import clip_of, to_frame_rate
from emoface_lib.synthetic.audio_only import extract_drawn
from emoface_lib.synthetic.build import build_corpus
from emoface_lib.synthetic.clips import ClipPlan, make_clip, plan_corpus, plan_speaker

TOPIC = "corpus"
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Sample:
    """A clip's voice with its log-mel, and its face, without its pictures."""

    voice: Clip
    seconds: float
    cost: float  # CPU-s for speech, landmarks and log-mel
    face: np.ndarray  # (T, 136): landmarks about their mean, in eye distances


Features = Callable[[Sample], np.ndarray]


def sample(plan: ClipPlan) -> Sample:
    start = time.process_time()
    clip = make_clip(plan)
    found = extract_drawn(clip)
    voice = clip_of(found, found["log_mel"])
    cost = time.process_time() - start
    points = to_frame_rate(clip.landmarks[..., :2])
    centred = points - points.mean(1, keepdims=True)
    face = (centred / eye_distance(centred).mean()).reshape(len(points), -1)
    return Sample(voice, clip.speech.seconds, cost, face)


# What probes of a clip and of a frame see; frames without the identity's mean face.
SOURCES: dict[str, tuple[Features, Features]] = {
    "log-mel": (lambda s: s.voice.features.numpy(), lambda s: s.voice.features.numpy()),
    "landmarks": (lambda s: s.face, lambda s: s.face - s.face.mean(0)),
}
TARGETS = {"category": 0.40, "arousal": 0.6, "valence": 0.7, "phone": 0.5}


def probe(samples: list[Sample]) -> dict[str, float]:
    """Factors read by linear probes, from the sound and from the true landmarks."""
    found = {}
    for source, (of_clip, of_frame) in SOURCES.items():
        voices = [s.voice for s in samples]
        clips = with_features(voices, [of_clip(s) for s in samples])
        frames = with_features(voices, [of_frame(s) for s in samples])
        for factor in TARGETS:
            seen, rng = frames if factor == "phone" else clips, np.random.default_rng(0)
            train = [clip for clip in seen if clip.split == "train"]
            probe = Probe.learn(train, factor, rng)
            for split in ("val", "test"):
                outcome = probe.read([c for c in seen if c.split == split], rng)
                found[f"{factor} from {source}, {split}"] = outcome.score()
    return found


def enter_probes(rounds: list[dict[str, float]], how: str) -> None:
    """Enter the means over seeds; the range goes beside how they were made."""
    for name in rounds[0]:
        values = [found[name] for found in rounds]
        mean, factor = float(np.mean(values)), name.split()[0]
        aim = name.endswith("from log-mel, test")
        enter_bound(
            TOPIC,
            f"{name} speakers",
            mean,
            "r" if factor in ("arousal", "valence") else "accuracy",
            f">= {TARGETS[factor]:g}" if aim else "",
            f"{how}; seeds from {min(values):.3f} to {max(values):.3f}",
        )


def measure_cost(samples: list[Sample], how: str) -> None:
    # the first clips also load what all share
    later = samples[len(samples) // 10 :]
    cost = sum(s.cost for s in later) / sum(s.seconds for s in later)
    name = "speech, landmarks and log-mel, CPU-s a second of clip"
    enter_bound(TOPIC, name, cost, "s", "<= 0.03", how)


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
        "frames built a second, all included, 2 processes": frames / seconds,
        "frames built a second of 2 cores' CPU time": 2 * frames / used,
    }
    load = (
        f"{how}; {seconds:.0f} s by the clock, {start_up:.0f} s of it the processes' "
        f"start, {used:.0f} s of CPU; {os.getloadavg()[0]:.1f} processes at work"
    )
    for name, rate in rows.items():
        enter_bound(TOPIC, name, float(rate), "1/s", ">= 60", load)


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
            train_speakers=speakers,
            test_speakers=test_speakers,
            videos_per_speaker=7,
        )
        plans = plan_corpus(settings)
        samples = [result for _, result in each(sample, plans, 1, "speaking")]
        rounds.append(probe(samples))
    how = (
        f"benchmarks/corpus.py: {settings.synthetic.train_speakers} speakers, "
        f"{settings.synthetic.test_speakers} unseen, {len(plans)} clips; 1 thread"
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

"""Measure how the factors of the embedded corpus show in sound and face.

python benchmarks/corpus.py [--speakers 32] [--test-speakers 14]
"""

import argparse

import numpy as np
from results import enter_seeds

from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.landmarks import eye_distance
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import load_settings
from emoface_lib.evaluation.probes import Probe
from emoface_lib.features.prepared import clip_of, to_frame_rate
from emoface_lib.synthetic.audio_only import extract_drawn
from emoface_lib.synthetic.clips import ClipPlan, make_clip, plan_corpus

TOPIC = "corpus"
SEEDS = (0, 1, 2)


def sample(plan: ClipPlan) -> tuple[Clip, np.ndarray]:
    """A clip's voice, and its face: landmarks about their mean, eye distances."""
    clip = make_clip(plan)
    found = extract_drawn(clip)
    points = to_frame_rate(clip.landmarks[..., :2])
    centred = points - points.mean(1, keepdims=True)
    face = (centred / eye_distance(centred).mean()).reshape(len(points), -1)
    return clip_of(found, found["log_mel"]), face


TARGETS = {"category": 0.40, "arousal": 0.6, "valence": 0.7, "phone": 0.5}


def probe(samples: list[tuple[Clip, np.ndarray]]) -> dict[str, float]:
    """Factors read by linear probes, from the sound and from the true landmarks.

    Of frames, phones are read without the identity's mean face.
    """
    found = {}
    voices, faces = zip(*samples, strict=True)
    moved = with_features(voices, [face - face.mean(0) for face in faces])
    for source, (clips, frames) in {
        "log-mel": (voices, voices),
        "landmarks": (with_features(voices, faces), moved),
    }.items():
        for factor in TARGETS:
            seen, rng = frames if factor == "phone" else clips, np.random.default_rng(0)
            train = [clip for clip in seen if clip.split == "train"]
            probe = Probe.learn(train, factor, rng)
            for split in ("val", "test"):
                outcome = probe.read([c for c in seen if c.split == split], rng)
                found[f"{factor} from {source}, {split}"] = outcome.score()
    return found


def enter_probes(rounds: list[dict[str, float]], how: str) -> None:
    """Enter the means over seeds."""
    for name in rounds[0]:
        factor = name.split()[0]
        unit = "r" if factor in ("arousal", "valence") else "accuracy"
        aim = f">= {TARGETS[factor]:g}" if name.endswith("from log-mel, test") else ""
        values = [found[name] for found in rounds]
        enter_seeds(TOPIC, f"{name} speakers", values, unit, how, aim)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", type=int, default=32)
    parser.add_argument("--test-speakers", type=int, default=14)
    given = parser.parse_args()
    sizes = {"train_speakers": given.speakers, "test_speakers": given.test_speakers}
    rounds = []
    for seed in SEEDS:
        settings = load_settings("tutorial", seed=seed, videos_per_speaker=7, **sizes)
        plans = plan_corpus(settings)
        rounds.append(probe([made for _, made in each(sample, plans, 1, "speaking")]))
    how = (
        f"benchmarks/corpus.py: {given.speakers} speakers, {given.test_speakers} "
        f"unseen, {len(plans)} clips; 1 thread"
    )
    enter_probes(rounds, how)


if __name__ == "__main__":
    main()

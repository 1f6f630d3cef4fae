"""Measure what AutoVC keeps and removes, by the width of its bottleneck.

python benchmarks/audio.py [--seeds 3] [--speakers 32] [--test-speakers 14]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from results import enter_seeds

from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.evaluation.probes import probe_table
from emoface_lib.features.prepared import clip_of
from emoface_lib.features.speaker import UTTERANCES, embed_speakers, write_embeddings
from emoface_lib.features.voice_conversion import (
    MODEL,
    SPEAKERS,
    load_features,
    train_autovc,
)
from emoface_lib.synthetic.audio_only import extract_drawn, hear_voices
from emoface_lib.synthetic.clips import make_clip, plan_corpus

TOPIC = "audio"
PROBE_SEEDS = (0, 1, 2)
WIDTHS = {"": 1.0, "half width": 0.5, "double width": 2.0}  # times the bottleneck
AUDIO_ONLY_VIDEOS = 3  # per audio-only speaker; two of them train


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
    voices: list[Clip], known: dict[str, np.ndarray], folder: Path, settings: Settings
) -> None:
    """Train AutoVC as notebook 02 does and leave it in `folder`."""
    mels, names = [v.features.numpy() for v in voices], [v.speaker for v in voices]
    train_autovc(mels, names, known, (folder / MODEL).parent, settings)
    write_embeddings(folder / SPEAKERS, known)


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


def measure_seed(settings: Settings, folder: Path) -> pd.DataFrame:
    """Probe scores of one corpus."""
    voices, heard, known = hear_corpus(settings)
    trains = [voice for voice in voices if voice.split == "train"] + heard
    tables = [probe_table({"log-mel": voices}, PROBE_SEEDS, 200)]
    for width, factor in WIDTHS.items():
        neck = round(settings.autovc.neck * factor)
        wanted = settings.changed(autovc_neck=neck)
        place = folder / (width or "settings")
        train(trains, known, place, wanted)
        made = convert(voices, known, place, wanted)
        named = {f"{n}{', ' * bool(width)}{width}": c for n, c in made.items()}
        tables.append(probe_table(named, PROBE_SEEDS, 200))
    table = pd.concat(tables, ignore_index=True).assign(seed=settings.seed)
    shown = table.pivot_table("mean", "feature", ["factor", "split"])
    print(shown.round(3).to_string(), flush=True)
    return table


def enter_probes(tables: pd.DataFrame, how: str) -> None:
    """Enter means over seeds."""
    for key, own in tables.groupby(["feature", "factor", "split"])["mean"]:
        feature, factor, split = key
        unit = "r" if factor in ("arousal", "valence") else "accuracy"
        name = f"audio: {factor} from {feature}, {split} speakers"
        enter_seeds(TOPIC, name, own, unit, f"{how}; {own.count()} seeds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--speakers", type=int, default=32)
    parser.add_argument("--test-speakers", type=int, default=14)
    given = parser.parse_args()
    sizes = {"train_speakers": given.speakers, "test_speakers": given.test_speakers}
    tables = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(given.seeds):
            settings = load_settings(
                "tutorial", seed=seed, videos_per_speaker=7, **sizes
            )
            tables.append(measure_seed(settings, Path(scratch, str(seed))))
    heard = given.speakers + settings.synthetic.audio_only_speakers
    how = (
        f"benchmarks/audio.py: AutoVC of {heard} speakers, {settings.autovc.steps} "
        f"steps; probes of {given.speakers} speakers, {given.test_speakers} unseen"
    )
    enter_probes(pd.concat(tables), how)


if __name__ == "__main__":
    main()

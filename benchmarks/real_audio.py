"""Does an arousal probe learnt on drawn speakers hear a real one: anger or sadness?

The probe learns arousal on the embedded corpus, from the log-mel and from what AutoVC
makes of it, and is asked about EmoDB's utterances, all brought to one level of speech.
The number is the share of pairs of an angry and a sad utterance in which the angry one
gets the higher arousal; chance is 0.5.

python benchmarks/real_audio.py DATA [--seeds 3]    (a folder with emodb_sample)
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from audio import convert, hear_corpus, train
from results import enter

from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import read_audio
from emoface_lib.evaluation.probes import Probe
from emoface_lib.features.audio import log_mel
from emoface_lib.features.speaker import embed_speakers
from emoface_lib.features.voice_activity import speech_level

TOPIC = "audio"
# The sixth letter of a file's name.
EMOTIONS = {"W": "anger", "F": "happiness", "A": "fear", "N": "neutral", "T": "sadness"}
LEVEL = -25.0  # dBFS; about the embedded corpus' level of speech


def read_real(folder: Path) -> tuple[list[Clip], np.ndarray]:
    """EmoDB's utterances with log-mels, their split "real", and the one speaker."""
    voices, sounds = [], []
    for path in sorted(folder.glob("*.wav")):
        samples = read_audio(path)
        gain = 10 ** ((LEVEL - speech_level(samples)) / 20)
        mel, emotion = log_mel(samples * gain), EMOTIONS.get(path.stem[5], "other")
        named = path.stem, "emodb", emotion, "real"
        voices.append(Clip(*named, torch.from_numpy(mel), emotion, np.nan, np.nan))
        sounds.append(samples)
    return voices, embed_speakers({"emodb": sounds})["emodb"]


def pairs_right(said: np.ndarray, emotions: Sequence[str]) -> float:
    """Share of pairs of an angry and a sad utterance in which the angry gets more."""
    angry, sad = (said[[e == one for e in emotions]] for one in ("anger", "sadness"))
    return float((angry[:, None] > sad[None]).mean())


def measure_seed(
    real: list[Clip], speaker: np.ndarray, settings: Settings
) -> dict[str, tuple[float, dict[str, float]]]:
    """Share of pairs, and mean arousal of each emotion, for each feature."""
    voices, heard, known = hear_corpus(settings)
    drawn = [voice for voice in voices if voice.split == "train"] + heard
    everyone = {**known, "emodb": speaker}
    with tempfile.TemporaryDirectory() as scratch:
        train(drawn, known, Path(scratch), settings)
        kinds = convert([*drawn, *real], everyone, Path(scratch), settings)
    found = {}
    for name, clips in {"log-mel": [*drawn, *real], **kinds}.items():
        learnt = [clip for clip in clips if clip.split == "train"]
        asked = [clip for clip in clips if clip.split == "real"]
        rng = np.random.default_rng(settings.seed)
        said = Probe.learn(learnt, "arousal", rng).read(asked, rng).said
        emotions = [clip.emotion for clip in asked]
        means = {
            emotion: float(said[[e == emotion for e in emotions]].mean())
            for emotion in EMOTIONS.values()
        }
        found[name] = pairs_right(said, emotions), means
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    real, speaker = read_real(arguments.data / "emodb_sample")
    rounds = []
    for seed in range(arguments.seeds):
        settings = load_settings("tutorial", seed=seed)
        rounds.append(measure_seed(real, speaker, settings))
        print(seed, rounds[-1], flush=True)
    angry, sad = (sum(c.emotion == one for c in real) for one in ("anger", "sadness"))
    for name in rounds[0]:
        shares = [found[name][0] for found in rounds]
        means = {e: np.mean([f[name][1][e] for f in rounds]) for e in EMOTIONS.values()}
        how = (
            f"benchmarks/real_audio.py: EmoDB, one speaker, {angry} angry and {sad} "
            f"sad utterances at one level; {arguments.seeds} seeds, from "
            f"{min(shares):.2f} to {max(shares):.2f}; chance 0.5; mean arousal "
            + ", ".join(f"{emotion} {mean:.2f}" for emotion, mean in means.items())
        )
        row = f"real audio: anger has more arousal than sadness, from {name}"
        enter(TOPIC, row, float(np.mean(shares)), "share of pairs", how)


if __name__ == "__main__":
    main()

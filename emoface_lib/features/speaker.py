"""Who speaks: embeddings of voices by GE2E, whose weights come with Resemblyzer.

Taught in notebook 02; Wan et al. 2018.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz, write_npz
from emoface_lib.core.video import SILENCE

SPEAKER_SIZE = 256
UTTERANCES = 3  # a speaker; the embedding is their mean, and more change little
FIRST_SECONDS = 10.0  # s at the start of a voice that identify the speaker
BATCH = 64  # parts of 1.6 s that pass through the network together
SHORTEST = 480  # samples; what the detector of voice looks at


def embed_speakers(
    voices: Mapping[str, Sequence[np.ndarray]],
) -> dict[str, np.ndarray]:
    """GE2E embedding of each speaker: {name: float32[256]}, of length 1.

    voices : a speaker's utterances, float[S] at 16 kHz each. All parts of all
    utterances pass through the network in batches; the result is that of Resemblyzer's
    `embed_speaker`. Raises InputError if an utterance is silent. Taught in notebook 02.
    """
    parts = [[_parts(one) for one in utterances] for utterances in voices.values()]
    flat = [part for utterances in parts for one in utterances for part in one]
    embedded = iter(_embed(flat))
    found = {}
    for name, utterances in zip(voices, parts, strict=True):
        means = [_mean([next(embedded) for _ in one]) for one in utterances]
        found[name] = _mean(means)
    return found


def write_embeddings(path: Path, found: Mapping[str, np.ndarray]) -> None:
    """Write embeddings float32[256] by speaker, as one file (.npz)."""
    names, values = list(found), list(found.values())
    write_npz(path, speakers=np.array(names), embeddings=np.stack(values))


def read_embeddings(path: Path) -> dict[str, np.ndarray]:
    """Embeddings that `write_embeddings` wrote: float32[256] by speaker, in order.

    Raises InputError if the file is missing.
    """
    if not path.exists():
        raise InputError(f"{path} is missing: run notebook 02_audio_features first.")
    stored = read_npz(path, "speakers", "embeddings")
    return dict(zip(stored["speakers"].tolist(), stored["embeddings"], strict=True))


def embed_start(
    samples: np.ndarray, seconds: float = FIRST_SECONDS
) -> np.ndarray | None:
    """Who speaks in the first seconds of a voice: float32[256].

    samples : float[S] at 16 kHz. None if these seconds are silent.
    """
    start = samples[: int(seconds * SAMPLE_RATE)]
    return None if _silent(start) else embed_speakers({"": [start]})[""]


def _parts(samples: np.ndarray) -> list[np.ndarray]:
    """Mels of 1.6-s parts of an utterance, float32[160, 40] each, pauses cut out."""
    from resemblyzer import VoiceEncoder, wav_to_mel_spectrogram  # takes a second

    voiced = _voiced(samples)
    slices, frames = VoiceEncoder.compute_partial_slices(len(voiced), 1.3, 0.75)
    voiced = np.pad(voiced, (0, max(0, slices[-1].stop - len(voiced))))
    mel = wav_to_mel_spectrogram(voiced)
    return [mel[part] for part in frames]


def _voiced(samples: np.ndarray) -> np.ndarray:
    """The voiced stretches, not softer than -30 dBFS; all, if no voice is detected."""
    from resemblyzer import normalize_volume, trim_long_silences

    if _silent(samples):
        raise InputError("A silent sound does not tell who speaks: give another.")
    loud = normalize_volume(np.clip(samples, -1, 1), -30, increase_only=True)
    loud = np.pad(loud, (0, max(0, SHORTEST - len(loud))))
    kept = trim_long_silences(np.clip(loud, -1, 1))
    return kept if len(kept) else loud


def _silent(samples: np.ndarray) -> bool:
    """Whether a sound is silent; a constant is silence, however large."""
    return len(samples) == 0 or bool(np.ptp(samples) < 2 * 10 ** (SILENCE / 20))


@torch.inference_mode()
def _embed(parts: list[np.ndarray]) -> np.ndarray:
    """Embeddings float32[N, 256] of N parts."""
    batches = [parts[i : i + BATCH] for i in range(0, len(parts), BATCH)]
    done = [_encoder()(torch.from_numpy(np.stack(b))).numpy() for b in batches]
    return np.concatenate([np.zeros((0, SPEAKER_SIZE), np.float32), *done])


@lru_cache(maxsize=1)
def _encoder() -> Any:
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False).eval()


def _mean(embeddings: Sequence[np.ndarray]) -> np.ndarray:
    mean = np.mean(embeddings, axis=0)
    return mean / max(np.linalg.norm(mean), 1e-6)

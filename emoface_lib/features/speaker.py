"""Who speaks: embeddings of voices by GE2E, whose weights are Resemblyzer's.

Taught in notebook 02; Wan et al. 2018.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import librosa
import numpy as np
import torch
import webrtcvad
from scipy.ndimage import binary_dilation
from torch import Tensor, nn

from emoface_lib.core.checkpoints import load_model
from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz, write_npz
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.core.video import SILENCE

SPEAKER_SIZE = 256
UTTERANCES = 3  # a speaker; the embedding is their mean, and more change little
FIRST_SECONDS = 10.0  # s at the start of a voice that identify the speaker
BATCH = 64  # parts of 1.6 s that pass through the network together

NETWORK = WEIGHTS / "speaker.safetensors"
HOP_LENGTH = 160  # samples; 10 ms
PART, PART_STEP = 160, 77  # frames: 1.6 s, 1.3 parts a second
LEAST = 0.75  # share of the last part that is sound, unless it is the only one
WINDOW = 480  # samples; 30 ms, what the detector of voice looks at
SOFTEST = -30  # dBFS; a softer voice is raised to it
INT16 = 2**15 - 1  # full scale of the detector's samples


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
    voiced = _voiced(samples)
    frames = -(-(len(voiced) + 1) // HOP_LENGTH)
    starts = [*range(0, max(1, frames - PART + PART_STEP + 1), PART_STEP)]
    covered = len(voiced) - starts[-1] * HOP_LENGTH
    if len(starts) > 1 and covered < LEAST * PART * HOP_LENGTH:
        starts.pop()
    end = (starts[-1] + PART) * HOP_LENGTH
    voiced = np.pad(voiced, (0, max(0, end - len(voiced))))
    mel = librosa.feature.melspectrogram(
        y=voiced, sr=SAMPLE_RATE, n_fft=400, hop_length=HOP_LENGTH, n_mels=40
    )
    mel = mel.astype(np.float32).T  # (40, T) -> (T, 40)
    return [mel[start : start + PART] for start in starts]


def _voiced(samples: np.ndarray) -> np.ndarray:
    """The voiced stretches, not softer than -30 dBFS; all, if no voice is detected."""
    if _silent(samples):
        raise InputError("A silent sound does not tell who speaks: give another.")
    loud = np.clip(samples, -1, 1)
    level = 20 * np.log10(np.sqrt(np.mean((loud * INT16) ** 2)) / INT16)  # dBFS
    loud = loud * 10 ** ((SOFTEST - level) / 20) if level < SOFTEST else loud
    loud = np.pad(loud, (0, max(0, WINDOW - len(loud))))
    whole = np.clip(loud, -1, 1)[: len(loud) // WINDOW * WINDOW]
    kept = whole[np.repeat(_speech(whole), WINDOW)]
    return kept if len(kept) else loud


def _speech(samples: np.ndarray) -> np.ndarray:
    """Whether somebody speaks in each window of 30 ms, by WebRTC's detector: bool[W].

    The majority of 8 windows decides, and 3 more on either side are kept.
    """
    detector = webrtcvad.Vad(mode=3)
    windows = np.round(samples * INT16).astype(np.int16).reshape(-1, WINDOW)
    flags = [detector.is_speech(one.tobytes(), SAMPLE_RATE) for one in windows]
    counts = np.convolve(np.pad(np.array(flags, int), (3, 4)), np.ones(8), "valid")
    return binary_dilation(counts > 4, np.ones(7))


def _silent(samples: np.ndarray) -> bool:
    """Whether a sound is silent; a constant is silence, however large."""
    return len(samples) == 0 or bool(np.ptp(samples) < 2 * 10 ** (SILENCE / 20))


@torch.inference_mode()
def _embed(parts: list[np.ndarray]) -> np.ndarray:
    """Embeddings float32[N, 256] of N parts."""
    batches = [parts[i : i + BATCH] for i in range(0, len(parts), BATCH)]
    done = [_encoder()(torch.from_numpy(np.stack(b))).numpy() for b in batches]
    return np.concatenate([np.zeros((0, SPEAKER_SIZE), np.float32), *done])


class GE2E(nn.Module):
    """The network of Wan et al. 2018: mel (B, 160, 40) -> embedding (B, 256)."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 256, num_layers=3, batch_first=True)
        self.linear = nn.Linear(256, SPEAKER_SIZE)

    def forward(self, mel: Tensor) -> Tensor:
        """Embeddings of length 1."""
        _, (hidden, _) = self.lstm(mel)
        raw = torch.relu(self.linear(hidden[-1]))
        return raw / torch.norm(raw, dim=1, keepdim=True)


@lru_cache(maxsize=1)
def _encoder() -> GE2E:
    encoder = GE2E()
    load_model(NETWORK, encoder)
    return encoder


def _mean(embeddings: Sequence[np.ndarray]) -> np.ndarray:
    mean = np.mean(embeddings, axis=0)
    return mean / max(np.linalg.norm(mean), 1e-6)

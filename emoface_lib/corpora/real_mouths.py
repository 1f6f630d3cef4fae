"""Real mouths: landmarks and sound of GRID's talkers, which come with the library.

Made by `python -m tools.make_real_mouths`; terms and measures: real_mouths/README.md.
"""

from pathlib import Path

import numpy as np
import torch

from emoface_lib.core.clip import EXPRESSIONS, HOP_LENGTH, Clip
from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import read_audio
from emoface_lib.features.audio import frame_loudness, speech_level
from emoface_lib.features.prepared import aligned_landmarks, look_ahead, reference_faces
from emoface_lib.features.voice_conversion import heard_features

FOLDER = Path(__file__).with_name("real_mouths")
SPLITS = {
    "train": ("s1", "s3", "s20"),
    "test": ("s2", "s5", "s22"),
}
STEPS = 32  # a px; landmarks are stored in whole steps
SAMPLES_A_FRAME = HOP_LENGTH * FRAME_RATE // VIDEO_RATE  # in a video frame, 40 ms


def read_talker(talker: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """What is stored of a talker: names of clips, their sound and landmarks.

    Returns float32[N, S] at 16 kHz and float32[N, F, 68, 3] px of the video frame.
    """
    stored = read_npz(FOLDER / f"{talker}.npz")
    landmarks = stored["landmarks"].astype(np.float32) / STEPS
    samples = read_audio(FOLDER / f"{talker}.flac")
    whole = samples.reshape(len(landmarks), landmarks.shape[1] * SAMPLES_A_FRAME)
    return stored["clips"].tolist(), whole, landmarks


def real_mouths(settings: Settings, mean_face: np.ndarray, level: float) -> list[Clip]:
    """Clips of real mouths, split by talker: "train" and "test".

    mean_face : float[68, 3] px of the canonical frame, to align by; level : dBFS, to
    which each talker's speech is brought, that of the clips they are mixed with. F_a is
    the log-mel or the phonetic code, not AutoVC's. Their emotion is neutral.
    """
    clips = []
    for split, talkers in SPLITS.items():
        for talker in talkers:
            names, sounds, faces = read_talker(talker)
            gain = 10 ** ((level - speech_level(frame_loudness(sounds))) / 20)
            method = settings.landmarks.alignment
            aligned = [aligned_landmarks(face, mean_face, method) for face in faces]
            reference = reference_faces(aligned, [talker] * len(names))[talker]
            for name, sound, landmarks in zip(names, sounds, aligned, strict=True):
                heard = heard_features(sound * np.float32(gain), settings)
                ahead = look_ahead(heard, settings.features.look_ahead)
                clips.append(_clip(talker, name, split, ahead, landmarks, reference))
    return clips


def _clip(
    talker: str,
    name: str,
    split: str,
    features: np.ndarray,
    landmarks: np.ndarray,
    reference: np.ndarray,
) -> Clip:
    neutral = torch.tensor([float(name == "neutral") for name in EXPRESSIONS])
    return Clip(
        name=f"{talker}/{name}",
        speaker=talker,
        video=f"{talker}/{name}",
        split=split,
        features=torch.from_numpy(features),
        landmarks=torch.from_numpy(landmarks).float(),
        reference=torch.from_numpy(reference).float(),
        expression=neutral,
        emotion="neutral",
        arousal=float("nan"),
        valence=float("nan"),
    )

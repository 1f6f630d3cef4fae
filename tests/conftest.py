"""Small made-up clips for tests of training and evaluation."""

from itertools import islice

import hypothesis
import numpy as np
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.synthetic.build import draw_faces
from emoface_lib.synthetic.clips import make_clip as make_drawn
from emoface_lib.synthetic.clips import plan_corpus

# Two threads beside another process can be 40 times slower than one.
torch.set_num_threads(1)

# A busy machine is slow, and no promise is broken by it.
hypothesis.settings.register_profile("emoface", deadline=None)
hypothesis.settings.load_profile("emoface")

SPEAKERS, VIDEOS, CLIPS, FRAMES = 3, 3, 2, 40


def make_clip(speaker: int, video: int, utterance: int, split: str) -> Clip:
    """A clip whose lips open with the loudness of its features."""
    rng = np.random.default_rng([speaker, video, utterance])
    features = rng.random((FRAMES, 80)).astype(np.float32)
    features += np.sin(np.arange(FRAMES) / 4)[:, None].astype(np.float32)
    reference = rng.uniform(60, 196, (68, 2)).astype(np.float32)
    landmarks = np.repeat(reference[None], FRAMES, axis=0)
    landmarks[:, 65:68, 1] += 5 * features.mean(1, keepdims=True)
    expression = rng.dirichlet(np.ones(7)).astype(np.float32)
    return Clip(
        name=f"id{speaker}/v{video}/{utterance}",
        speaker=f"id{speaker}",
        video=f"v{video}",
        split=split,
        features=torch.from_numpy(features),
        landmarks=torch.from_numpy(landmarks),
        reference=torch.from_numpy(reference),
        expression=torch.from_numpy(expression),
        emotion="neutral",
        arousal=float(rng.normal()),
        valence=float(rng.normal()),
    )


@pytest.fixture(scope="session")
def clips() -> list[Clip]:
    """Clips of three speakers: two train, their last video is held out, one tests."""
    return [
        make_clip(
            speaker,
            video,
            utterance,
            "test" if speaker == 2 else "val" if video == 2 else "train",
        )
        for speaker in range(SPEAKERS)
        for video in range(VIDEOS)
        for utterance in range(CLIPS)
    ]


@pytest.fixture
def tiny() -> Settings:
    """Settings of a training run that takes a second."""
    return load_settings(
        "smoke",
        features="log_mel",
        content_steps=4,
        style_steps=4,
        crop_frames=20,
        content_batch=4,
        style_batch=2,
        translator_steps=5,
        translator_batch=2,
        translator_width=4,
        image_size=32,
    )


@pytest.fixture(scope="session")
def talking() -> tuple[list[np.ndarray], np.ndarray]:
    """A drawn head that talks for 1.2 s: 30 frames of 224 px, and sound at 16 kHz."""
    made = make_drawn(plan_corpus(load_settings("smoke"))[0])
    frames = list(islice(draw_faces(made.identity, made.controls), 10, 40))
    start, end = (int(n * 640) for n in (10, 40))
    return frames, made.speech.samples[start:end]


@pytest.fixture(scope="session")
def speech(talking: tuple[list[np.ndarray], np.ndarray]) -> np.ndarray:
    """Speech of 1.2 s at 16 kHz, its peak 0.9: "Our boots were full of"."""
    _, samples = talking
    return 0.9 * samples / np.abs(samples).max()

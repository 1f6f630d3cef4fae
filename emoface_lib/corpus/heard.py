"""Speakers who are only heard: sound and true landmarks, made in memory, not drawn.

Step 1 needs no pictures. A clip without them costs a hundredth of a drawn one, and the
number of speakers is what a content encoder gains most from. Taught in notebook 04.
"""

from functools import partial

import numpy as np
import torch

from emoface_lib.config import HOP_LENGTH, Settings
from emoface_lib.corpus.clips import ClipPlan, make_clip, plan_speaker
from emoface_lib.features.audio import log_mel
from emoface_lib.features.clips import (
    Clip,
    aligned_landmarks,
    look_ahead,
    reference_faces,
)
from emoface_lib.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.parallel import each


def plan_heard(settings: Settings) -> list[list[ClipPlan]]:
    """The training clips of `settings.heard_speakers` further speakers, by speaker."""
    return [plan_one(number, settings) for number in range(settings.heard_speakers)]


def plan_one(number: int, settings: Settings) -> list[ClipPlan]:
    """The training clips of the speaker of this place among those only heard."""
    plans = plan_speaker(settings.speakers + 1 + number, settings)
    return [plan for plan in plans if plan.split == "train"]


def heard_clips(
    settings: Settings, mean_face: np.ndarray, workers: int | None = None
) -> list[Clip]:
    """Clips of speakers who are only heard, with split "train".

    mean_face : float[68, 3] px of the canvas, to align by. The same settings give the
    same clips in the same order.
    """
    numbers = range(settings.heard_speakers)
    make = partial(hear_speaker, settings=settings, mean_face=mean_face)
    made = dict(each(make, numbers, workers, "hearing speakers"))
    return [clip for number in numbers for clip in made[number]]


def hear_speaker(number: int, settings: Settings, mean_face: np.ndarray) -> list[Clip]:
    """All clips of the speaker of this place in `plan_heard`."""
    plans = plan_one(number, settings)
    made = [make_clip(plan) for plan in plans]
    aligned = [
        aligned_landmarks(clip.landmarks, mean_face, settings.alignment)
        for clip in made
    ]
    reference = reference_faces(aligned, [plan.speaker.name for plan in plans])
    sounds = [_sound(clip.speech.samples, len(clip.landmarks)) for clip in made]
    return [
        _clip(plan, look_ahead(mel, settings.look_ahead), landmarks, reference)
        for plan, mel, landmarks in zip(plans, sounds, aligned, strict=True)
    ]


def _sound(samples: np.ndarray, frames: int) -> np.ndarray:
    return log_mel(samples[: frames * HOP_LENGTH * FRAME_RATE // VIDEO_RATE])


def _clip(
    plan: ClipPlan,
    features: np.ndarray,
    landmarks: np.ndarray,
    references: dict[str, np.ndarray],
) -> Clip:
    return Clip(
        name=plan.clip,
        speaker=plan.speaker.name,
        video=plan.video,
        split=plan.split,
        features=torch.from_numpy(features),
        landmarks=torch.from_numpy(landmarks).float(),
        reference=torch.from_numpy(references[plan.speaker.name]).float(),
        expression=torch.from_numpy(np.asarray(plan.state.expression)).float(),
        emotion=plan.state.emotion,
        arousal=plan.state.arousal,
        valence=plan.state.valence,
    )

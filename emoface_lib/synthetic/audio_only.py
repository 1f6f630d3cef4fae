"""Audio-only speakers: sound and ground-truth landmarks, made in memory, not drawn.

AutoVC and step 1 need no pictures. A clip without them costs a hundredth of a drawn
one, and the number of speakers is what both gain most from. Taught in notebooks 02, 04.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from emoface_lib.core.clip import HOP_LENGTH, Clip, Spoken
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings
from emoface_lib.features.audio import log_mel
from emoface_lib.features.prepared import aligned_landmarks, look_ahead, reference_faces
from emoface_lib.features.speaker import UTTERANCES, embed_speakers
from emoface_lib.features.voice_conversion import heard_features, load_features
from emoface_lib.synthetic.clips import (
    TEST_SPEAKERS_FROM,
    ClipPlan,
    make_clip,
    plan_speaker,
)
from emoface_lib.synthetic.clips import Clip as Made
from emoface_lib.synthetic.visemes import frame_classes

SAMPLES_A_FRAME = HOP_LENGTH * FRAME_RATE // VIDEO_RATE  # in a video frame, 40 ms


def plan_audio_only(settings: Settings) -> list[list[ClipPlan]]:
    """The training clips of `synthetic.audio_only_speakers` speakers, by speaker."""
    return [
        plan_one(number, settings)
        for number in range(settings.synthetic.audio_only_speakers)
    ]


def plan_one(
    number: int, settings: Settings, splits: Sequence[str] = ("train",)
) -> list[ClipPlan]:
    """The clips of the audio-only speaker of this number.

    Numbers from TEST_SPEAKERS_FROM are the test speakers, who are drawn as well.
    """
    drawn = 0 if number >= TEST_SPEAKERS_FROM else settings.synthetic.train_speakers
    plans = plan_speaker(drawn + 1 + number, settings)
    return [plan for plan in plans if plan.split in splits]


def audio_only_clips(
    settings: Settings,
    mean_face: np.ndarray,
    audio: Path | None = None,
    workers: int | None = None,
    splits: Sequence[str] = ("train",),
    voices: bool = False,
) -> list[Clip]:
    """Clips of audio-only speakers, by default those with split "train".

    mean_face : float[68, 3] px of the canonical frame, to align by; audio : the run's
    folder of that name, needed if `features.kind` is "autovc" or "codes"; splits :
    "val" adds the held-out videos of the same speakers, "test" the clips of the
    test speakers; voices : embed the voice of each clip, too, which takes 40 ms a clip.
    The same settings give the same clips in the same order.
    """
    features = load_features(audio or Path("audio"), settings)
    numbers = list(range(settings.synthetic.audio_only_speakers))
    if "test" in splits:
        numbers += [
            TEST_SPEAKERS_FROM + n for n in range(settings.synthetic.test_speakers)
        ]
    make = partial(
        hear_speaker,
        settings=settings,
        mean_face=mean_face,
        embed=features.needs_speaker,
        splits=splits,
        voices=voices,
    )
    made = dict(each(make, numbers, workers, "hearing speakers"))
    clips = []
    for number in numbers:
        own, speaker = made[number]
        for clip in own:
            heard = features.whole(clip.features.numpy(), speaker)
            ahead = torch.from_numpy(look_ahead(heard, settings.features.look_ahead))
            clips.append(replace(clip, features=ahead))
    return clips


def hear_speaker(
    number: int,
    settings: Settings,
    mean_face: np.ndarray,
    embed: bool = False,
    splits: Sequence[str] = ("train",),
    voices: bool = False,
) -> tuple[list[Clip], np.ndarray | None]:
    """All clips of the speaker of this number, see `plan_one`, with `heard_features`.

    With `embed`, the speaker's embedding, too: float32[256]; with `voices`, that of
    each clip.
    """
    plans = plan_one(number, settings, splits)
    made = [make_clip(plan) for plan in plans]
    aligned = [
        aligned_landmarks(clip.landmarks, mean_face, settings.landmarks.alignment)
        for clip in made
    ]
    reference = reference_faces(aligned, [plan.speaker.name for plan in plans])
    sounds = [_sound(clip) for clip in made]
    clips = [
        _clip(plan, clip, heard_features(sound, settings), landmarks, reference)
        for plan, clip, sound, landmarks in zip(
            plans, made, sounds, aligned, strict=True
        )
    ]
    if voices:
        own = embed_speakers({c.name: [x] for c, x in zip(clips, sounds, strict=True)})
        clips = [replace(c, voice=torch.from_numpy(own[c.name])) for c in clips]
    return clips, _embedding(sounds) if embed else None


def hear_voices(
    settings: Settings, workers: int | None = None
) -> tuple[list[Spoken], dict[str, np.ndarray]]:
    """Utterances of the audio-only speakers, and the speakers' GE2E embeddings.

    The features are log-mels float32[T, 80] in 0..1, the split is "train". The
    embeddings are float32[256], of length 1, by speaker.
    """
    numbers = range(settings.synthetic.audio_only_speakers)
    hear = partial(hear_voice, settings=settings)
    made = dict(each(hear, numbers, workers, "hearing voices"))
    voices = [voice for number in numbers for voice in made[number][0]]
    embeddings = {made[n][0][0].speaker: made[n][1] for n in numbers}
    return voices, embeddings


def hear_voice(number: int, settings: Settings) -> tuple[list[Spoken], np.ndarray]:
    """Utterances of the speaker of this number, see `plan_one`, and their embedding.

    The embedding is GE2E's, float32[256] of length 1, over all utterances.
    """
    plans = plan_one(number, settings)
    made = [make_clip(plan) for plan in plans]
    voices = [spoken(*pair) for pair in zip(plans, made, strict=True)]
    return voices, _embedding([_sound(clip) for clip in made])


def spoken(plan: ClipPlan, clip: Made) -> Spoken:
    """A clip's sound for probes, with the log-mel as its features."""
    mel = log_mel(_sound(clip))
    return Spoken(
        features=mel,
        phones=frame_classes(clip.speech.names, clip.speech.start, len(mel)),
        speaker=plan.speaker.name,
        split=plan.split,
        emotion=plan.state.emotion,
        arousal=plan.state.arousal,
        valence=plan.state.valence,
    )


def _embedding(sounds: Sequence[np.ndarray]) -> np.ndarray:
    return embed_speakers({"": sounds[:UTTERANCES]})[""]


def _sound(clip: Made) -> np.ndarray:
    return clip.speech.samples[: len(clip.landmarks) * SAMPLES_A_FRAME]


def _clip(
    plan: ClipPlan,
    made: Made,
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
        phones=frame_classes(made.speech.names, made.speech.start, len(features)),
    )

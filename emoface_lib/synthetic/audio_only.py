"""Audio-only speakers: sound and ground-truth landmarks, made in memory, not drawn.

AutoVC and step 1 need no pictures. A clip without them costs a hundredth of a drawn
one, and the number of speakers is what both gain most from. Taught in notebooks 02, 04.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emoface_lib.core.clip import Clip
from emoface_lib.core.landmarks import FRAME_RATE
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings
from emoface_lib.features.extract import extract
from emoface_lib.features.prepared import clip_of, to_clips
from emoface_lib.features.speaker import UTTERANCES, embed_speakers
from emoface_lib.features.voice_conversion import load_features
from emoface_lib.synthetic.clips import (
    TEST_SPEAKERS_FROM,
    ClipPlan,
    DrawnClip,
    make_clip,
    plan_speaker,
)
from emoface_lib.synthetic.visemes import frame_classes


def plan_audio_only(
    number: int, settings: Settings, splits: Sequence[str] = ("train",)
) -> list[ClipPlan]:
    """The clips of the audio-only speaker of this number.

    Numbers from TEST_SPEAKERS_FROM are the test speakers, who are drawn as well.
    """
    drawn = 0 if number >= TEST_SPEAKERS_FROM else settings.synthetic.train_speakers
    plans = plan_speaker(drawn + 1 + number, settings)
    return [plan for plan in plans if plan.split in splits]


def extract_drawn(clip: DrawnClip, kind: str = "log_mel") -> dict[str, Any]:
    """What `to_clips` takes of a drawn clip, its pictures not needed.

    kind : of F_a, as for `extract`.
    """
    found = extract(clip.speech.samples, clip.landmarks, kind)
    frames = len(found["log_mel"])
    phones = frame_classes(clip.speech.names, clip.speech.start, frames)
    known = {**clip.plan.row, "path": "", "expression": clip.plan.expression}
    mood = clip.mood((np.arange(frames) + 0.5) / FRAME_RATE).astype(np.float32)
    return {**known, **found, "phones": phones, "mood": mood}


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
    folder of that name, needed if AutoVC makes F_a; splits : "val" adds the held-out
    videos of the same speakers, "test" the clips of the test speakers; voices : embed
    the voice of each clip, too, which takes 40 ms a clip. The same settings give the
    same clips in the same order.
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
        splits=splits,
        voices=voices,
        embed=features.needs_speaker,
    )
    made = dict(each(make, numbers, workers, "hearing speakers"))
    found = []
    for own, speaker in (made[number] for number in numbers):
        for one in own:
            heard = one.get("heard", one["log_mel"])
            found.append({**one, "heard": features.whole(heard, speaker)})
    return to_clips(found, mean_face, settings)


def hear_voices(
    settings: Settings, workers: int | None = None
) -> tuple[list[Clip], dict[str, np.ndarray]]:
    """Clips of the audio-only speakers without a face, and the speakers' embeddings.

    The features are log-mels Tensor[T, 80] in 0..1, the split is "train". The
    embeddings are GE2E's, float32[256], of length 1, by speaker.
    """
    numbers = range(settings.synthetic.audio_only_speakers)
    settings = settings.changed(features="log_mel", features_style="same")  # enough
    make = partial(hear_speaker, settings=settings, embed=True)
    made = dict(each(make, numbers, workers, "hearing voices"))
    found = [made[number] for number in numbers]
    clips = [clip_of(one, one["log_mel"]) for own, _ in found for one in own]
    return clips, {own[0]["speaker"]: speaker for own, speaker in found}


def hear_speaker(
    number: int,
    settings: Settings,
    splits: Sequence[str] = ("train",),
    voices: bool = False,
    embed: bool = False,
) -> tuple[list[dict[str, Any]], Any]:
    """What was extracted of a speaker's clips, see `plan_audio_only`.

    With `voices`, the embedding of each clip; with `embed` also that of the speaker:
    float32[256], over the first utterances, else None.
    """
    made = [make_clip(plan) for plan in plan_audio_only(number, settings, splits)]
    found = [extract_drawn(clip, settings.features.sound) for clip in made]
    sounds = [clip.speech.samples for clip in made]
    if voices:
        own = embed_speakers({str(n): [sound] for n, sound in enumerate(sounds)})
        for one, voice in zip(found, own.values(), strict=True):
            one["voice"] = voice
    return found, embed_speakers({"": sounds[:UTTERANCES]})[""] if embed else None

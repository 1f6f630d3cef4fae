"""Speaker means come from the clips that may be known, and from no others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.core.clip import Clip, speaker_means
from emoface_lib.core.errors import InputError
from emoface_lib.method.enrolment import SpeakerGuess, enrolled, enrolled_by


def test_a_training_speaker_is_known_by_the_training_clips(clips: list[Clip]) -> None:
    changed = [
        replace(clip, features=clip.features + 100) if clip.split == "val" else clip
        for clip in clips
    ]
    assert torch.equal(speaker_means(clips)["id0"], speaker_means(changed)["id0"])


def test_clips_of_a_speaker_share_the_mean_of_clips(clips: list[Clip]) -> None:
    own = [clip for clip in enrolled(clips) if clip.split == "test"]
    expected = torch.stack([clip.features.mean(0) for clip in own]).mean(0)
    for clip in own:
        assert clip.speaker_mean is not None
        assert torch.allclose(clip.speaker_mean, expected)


def test_enrolment_by_others_never_hears_a_clip_or_its_video(clips: list[Clip]) -> None:
    generator = np.random.default_rng(0)
    first = enrolled_by(clips, 2, generator)
    target = clips[0]
    louder = [
        replace(clip, features=clip.features + 9)
        if (clip.speaker, clip.video) == (target.speaker, target.video)
        else clip
        for clip in clips
    ]
    second = enrolled_by(louder, 2, np.random.default_rng(0))
    assert torch.equal(first[0].speaker_mean, second[0].speaker_mean)


def test_a_lonely_clip_is_its_own_mean(clips: list[Clip]) -> None:
    (alone,) = enrolled_by(clips[:1], 4, np.random.default_rng(0))
    assert torch.equal(alone.speaker_mean, alone.features.mean(0))


def voiced(clips: list[Clip], seeds: int) -> list[Clip]:
    """Speakers whose mean can be told from their voice; clips differ by their mood."""
    rng = np.random.default_rng(seeds)
    of_voice, of_mean = np.random.default_rng(0).normal(size=(2, 4, 256)) / 2
    made = []
    for speaker in range(60):
        traits = rng.normal(size=4)
        voice = (traits @ of_voice).astype(np.float32)
        mean = torch.from_numpy(traits @ of_mean)[:80].float()
        for clip in clips[:3]:
            mood = float(rng.normal())
            made.append(
                replace(
                    clip,
                    speaker=f"s{speaker}",
                    features=mean.expand(20, 80) + mood,
                    speaker_mean=mean,
                    voice=torch.from_numpy(voice),
                    split="train",
                )
            )
    return made


def test_a_guess_takes_a_mood_out_of_a_clip(clips: list[Clip], tmp_path: Path) -> None:
    guess = SpeakerGuess.learn(voiced(clips, 1))
    fresh = voiced(clips, 2)

    def error(some: list[Clip]) -> float:
        pairs = zip(some, fresh, strict=True)
        return float(
            np.mean([(a.speaker_mean - b.speaker_mean).norm() for a, b in pairs])
        )

    itself = [replace(clip, speaker_mean=clip.features.mean(0)) for clip in fresh]
    assert error(guess.enrol(fresh)) < 0.7 * error(itself)
    guess.save(tmp_path / "guess.safetensors")
    again = SpeakerGuess.load(tmp_path / "guess.safetensors")
    assert again is not None
    assert torch.equal(again.weights, guess.weights)
    assert SpeakerGuess.load(tmp_path / "none.safetensors") is None


def test_without_voices_nothing_can_be_guessed(clips: list[Clip]) -> None:
    with pytest.raises(InputError, match="voices=True"):
        SpeakerGuess.learn(enrolled(clips))

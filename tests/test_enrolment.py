"""Speaker means come from the clips that may be known, and from no others."""

from dataclasses import replace

import numpy as np
import torch

from emoface_lib.enrolment import enrolled, enrolled_by, speaker_means
from emoface_lib.features.clips import Clip


def test_a_training_speaker_is_known_by_the_training_clips(clips: list[Clip]) -> None:
    changed = [
        replace(clip, features=clip.features + 100) if clip.split == "seen" else clip
        for clip in clips
    ]
    assert torch.equal(speaker_means(clips)["id0"], speaker_means(changed)["id0"])


def test_clips_of_a_speaker_share_the_mean_of_clips(clips: list[Clip]) -> None:
    own = [clip for clip in enrolled(clips) if clip.split == "unseen"]
    expected = torch.stack([clip.features.mean(0) for clip in own]).mean(0)
    for clip in own:
        assert clip.speaker_mean is not None
        assert torch.allclose(clip.speaker_mean, expected)


def test_enrolment_by_others_never_hears_the_clip_or_its_video(
    clips: list[Clip],
) -> None:
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

"""Floors and ceilings: what each hears, and what it can't know."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from emoface_lib.core.clip import Clip
from emoface_lib.core.files import write_npz
from emoface_lib.core.landmarks import mean_face
from emoface_lib.evaluation.baselines import (
    again,
    detector_noise,
    energy_driven,
    held,
    mean_displacement,
    other,
    shuffled,
    static,
)
from emoface_lib.evaluation.metrics import landmark_distance, lip_correlation
from emoface_lib.features.align import to_canonical


def of_test_speakers(clips: Sequence[Clip]) -> list[Clip]:
    return [clip for clip in clips if clip.split == "test"]


def test_static_and_mean_motion_do_not_hear(clips: list[Clip]) -> None:
    train, test = clips[:8], of_test_speakers(clips)
    assert all(not displacement.any() for displacement in static(test))
    mean = mean_displacement(train)(test)
    assert all(torch.equal(displacement[0], displacement[-1]) for displacement in mean)
    expected = torch.cat([clip.displacement for clip in train]).mean(0)
    assert torch.allclose(mean[0][0], expected)


def test_energy_moves_lips_that_open_with_loudness(clips: list[Clip]) -> None:
    """In the made-up clips lips open with the mean of the features, exactly."""
    test = of_test_speakers(clips)
    displacement = energy_driven(clips[:8])(test)
    opened = [clip.displacement[:, 66, 1] for clip in test]
    for one, true in zip(displacement, opened, strict=True):
        assert np.corrcoef(one[:, 66, 1], true)[0, 1] == pytest.approx(1, abs=1e-3)


def test_energy_is_followed_in_its_time(clips: list[Clip]) -> None:
    early = [
        replace(clip, features=clip.features[4:], landmarks=clip.landmarks[:-4])
        for clip in clips
    ]
    test = of_test_speakers(early)
    for one, clip in zip(energy_driven(early[:8])(test), test, strict=True):
        pair = one[4:, 66, 1], clip.displacement[4:, 66, 1]
        assert np.corrcoef(*pair)[0, 1] == pytest.approx(1, abs=1e-3)


def test_shuffled_audio_is_of_another_speaker_at_own_length(clips: list[Clip]) -> None:
    short = [replace(c, landmarks=c.landmarks[:30]) for c in clips[:1]] + clips[1:]
    asked: list[Clip] = []

    def method(some: Sequence[Clip]) -> list[Tensor]:
        asked.extend(some)
        return static(some)

    shuffled(method)(short)
    for clip, heard in zip(short, asked, strict=True):
        source = other(clip, short)
        assert source.speaker != clip.speaker
        assert len(heard.features) == len(clip.landmarks)
        assert torch.equal(heard.features[:20], source.features[:20])
        assert torch.equal(heard.landmarks, clip.landmarks)


def test_real_against_real_is_another_utterance_of_the_video(clips: list[Clip]) -> None:
    displacement = again(clips)
    first, second = clips[0], clips[1]
    assert (first.speaker, first.video) == (second.speaker, second.video)
    assert torch.equal(displacement[0], second.displacement)
    assert torch.equal(displacement[1], first.displacement)
    alone = again(clips[:1])[0]
    assert torch.isnan(alone).all()
    clip = clips[0]
    assert np.isnan(landmark_distance(clip.reference + alone, clip.landmarks))
    assert np.isnan(lip_correlation(clip.reference + alone, clip.landmarks))


def test_what_is_too_short_is_held_at_its_end() -> None:
    values = torch.arange(3.0)[:, None]
    assert held(values, 5)[:, 0].tolist() == [0, 1, 2, 2, 2]
    assert held(values, 2)[:, 0].tolist() == [0, 1]


def test_detector_noise_is_the_distance_from_truth_to_reading(
    clips: list[Clip], tmp_path: Path
) -> None:
    face = to_canonical(mean_face())
    truth = np.repeat(face[None], 20, axis=0)  # video frames
    write_npz(tmp_path / "truth" / f"{clips[0].name}.npz", landmarks=truth)
    flat = torch.from_numpy(face[:, :2]).float().repeat(40, 1, 1)
    read = flat + torch.tensor([3.0, 4.0])
    clip = replace(clips[0], landmarks=read, reference=read[0])
    (displacement,) = detector_noise(tmp_path, face)([clip])
    distance = landmark_distance(clip.reference + displacement, clip.landmarks)
    assert distance == pytest.approx(5, abs=1e-3)

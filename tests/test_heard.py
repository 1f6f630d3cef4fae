"""Speakers who are only heard are like drawn ones, and never those who test."""

import numpy as np
import pytest
import torch

from emoface_lib.config import Settings, load_settings
from emoface_lib.corpus.clips import plan_corpus
from emoface_lib.corpus.heard import heard_clips, plan_heard
from emoface_lib.features.alignment import into_canvas
from emoface_lib.features.clips import Clip
from emoface_lib.features.lift import mean_face
from emoface_lib.landmarks import lip_opening


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings("smoke", heard_speakers=2, videos=3)


@pytest.fixture(scope="module")
def heard(settings: Settings) -> list[Clip]:
    return heard_clips(settings, into_canvas(mean_face()), workers=1)


def test_they_are_further_speakers_of_the_same_corpus(settings: Settings) -> None:
    drawn = {plan.speaker.name for plan in plan_corpus(settings)}
    more = {plan.speaker.name for plans in plan_heard(settings) for plan in plans}
    assert len(more) == settings.heard_speakers
    assert not drawn & more
    larger = load_settings("smoke", speakers=settings.speakers + 1, videos=3)
    assert min(more) in {plan.speaker.name for plan in plan_corpus(larger)}


def test_sound_and_landmarks_have_equal_frames(heard: list[Clip]) -> None:
    for clip in heard:
        assert clip.features.shape == (len(clip.landmarks), 80)
        assert clip.landmarks.shape[1:] == (68, 2)
        assert clip.split == "train"


def test_lips_of_the_reference_are_closed(heard: list[Clip]) -> None:
    for clip in heard:
        openings = lip_opening(clip.landmarks)
        assert lip_opening(clip.reference) < openings.median()


def test_the_same_settings_give_the_same_clips(
    settings: Settings, heard: list[Clip]
) -> None:
    again = heard_clips(settings, into_canvas(mean_face()), workers=1)
    assert [clip.name for clip in again] == [clip.name for clip in heard]
    assert torch.equal(again[0].features, heard[0].features)
    assert np.array_equal(again[-1].landmarks, heard[-1].landmarks)

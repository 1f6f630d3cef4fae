"""Triplets are what the paper asks for, once an epoch, or an error says why not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from emoface_lib.core.clip import Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.training import crop_batch
from emoface_lib.method.triplets import TripletSampler


@given(seed=st.integers(0, 2**32), step=st.integers(0, 100))
@hypothesis_settings(max_examples=20)
def test_triplets_are_as_in_the_paper(clips: list[Clip], seed: int, step: int) -> None:
    generator = np.random.default_rng(seed)
    for triplet in TripletSampler(clips).draw(8, step, seed, generator):
        r, s, p = (clips[i] for i in triplet)
        assert triplet.r != triplet.s
        assert (r.speaker, r.video) == (s.speaker, s.video)
        assert r.speaker == p.speaker
        assert r.video != p.video


def test_every_clip_is_an_anchor_once_an_epoch(clips: list[Clip]) -> None:
    sampler, generator = TripletSampler(clips), np.random.default_rng(0)
    steps, count = 6, len(clips) // 6
    anchors = [
        t.r for step in range(steps) for t in sampler.draw(count, step, 3, generator)
    ]
    assert sorted(anchors) == list(range(len(clips)))


def test_a_step_draws_the_same_whatever_was_drawn_before(clips: list[Clip]) -> None:
    sampler = TripletSampler(clips)
    first = sampler.draw(4, 7, 1, np.random.default_rng(2))
    sampler.draw(4, 8, 1, np.random.default_rng(3))
    assert sampler.draw(4, 7, 1, np.random.default_rng(2)) == first


def test_shuffled_videos_have_as_many_clips_of_one_speaker(clips: list[Clip]) -> None:
    usual, dealt = TripletSampler(clips), TripletSampler(clips, by="shuffled")
    for one, other in zip(usual.order, dealt.order, strict=True):  # by video, sorted
        assert clips[one].speaker == clips[other].speaker
    assert set(usual.order) == set(dealt.order)
    assert dealt.count.tolist() == usual.count.tolist() == [2] * 9
    assert dealt.order.tolist() != usual.order.tolist()


def test_labels_may_stand_in_for_videos(clips: list[Clip]) -> None:
    """RAVDESS has no second clip of a video, but labels."""
    emotions = ["anger", "sadness"]
    labelled = [
        replace(clip, video=clip.name, emotion=emotions[i % 2])
        for i, clip in enumerate(clips)
    ]
    sampler = TripletSampler(labelled, by="labels")
    for triplet in sampler.draw(20, 0, 0, np.random.default_rng(0)):
        r, s, p = (labelled[i] for i in triplet)
        assert r.speaker == s.speaker == p.speaker
        assert r.emotion == s.emotion != p.emotion
    with pytest.raises(InputError, match="has two clips"):
        TripletSampler(labelled)


def test_what_a_corpus_lacks_is_said(clips: list[Clip]) -> None:
    lonely = [replace(clip, video="only") for clip in clips]
    with pytest.raises(InputError, match="each of the 3 speakers has one video only"):
        TripletSampler(lonely)
    nameless = [replace(clip, speaker="") for clip in clips]
    with pytest.raises(InputError, match="as in LRW"):
        TripletSampler(nameless)
    unlabelled = [replace(clip, emotion="") for clip in clips]
    with pytest.raises(InputError, match="no labels of emotion"):
        TripletSampler(unlabelled, by="labels")
    with pytest.raises(InputError, match="there is no clip"):
        TripletSampler([])


@given(frames=st.integers(1, 60), seed=st.integers(0, 99))
@hypothesis_settings(max_examples=20)
def test_crops_are_the_same_stretch_of_every_sequence(frames: int, seed: int) -> None:
    counts = torch.arange(50.0)
    first, second = crop_batch(
        [(counts, -counts)] * 3, frames, np.random.default_rng(seed)
    )
    assert first.shape == (3, min(frames, 50))
    assert torch.equal(first, -second)
    assert torch.equal(first.diff(dim=1), torch.ones_like(first[:, 1:]))

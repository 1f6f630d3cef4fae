"""Speakers who are audio-only are like drawn ones, and never those who test."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.core.checkpoints import save_model
from emoface_lib.core.clip import EXPRESSIONS, PHONETIC_SIZE, Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_npz
from emoface_lib.core.landmarks import lip_opening, mean_face
from emoface_lib.core.settings import Run, Settings, load_settings
from emoface_lib.evaluation.train_run import training_clips
from emoface_lib.features.align import to_canonical
from emoface_lib.features.voice_conversion import MODEL, SPEAKERS, new_autovc
from emoface_lib.method.steps import split
from emoface_lib.synthetic.audio_only import audio_only_clips, plan_audio_only
from emoface_lib.synthetic.clips import make_clip, plan_corpus

SETTINGS = load_settings("smoke", audio_only_speakers=2, videos_per_speaker=3)


@pytest.fixture(scope="module")
def audio_only_voices() -> list[Clip]:
    return audio_only_clips(SETTINGS, to_canonical(mean_face()), workers=1)


def test_they_are_further_speakers_of_the_same_corpus() -> None:
    drawn = {plan.speaker.name for plan in plan_corpus(SETTINGS)}
    count = SETTINGS.synthetic.audio_only_speakers
    plans = [plan for n in range(count) for plan in plan_audio_only(n, SETTINGS)]
    more = {plan.speaker.name for plan in plans}
    assert len(more) == count
    assert not drawn & more
    larger = load_settings(
        "smoke",
        train_speakers=SETTINGS.synthetic.train_speakers + 1,
        videos_per_speaker=3,
    )
    assert min(more) in {plan.speaker.name for plan in plan_corpus(larger)}


def test_sound_and_landmarks_have_equal_frames(audio_only_voices: list[Clip]) -> None:
    for clip in audio_only_voices:
        assert clip.features.shape == (len(clip.landmarks), PHONETIC_SIZE)
        assert clip.landmarks.shape[1:] == (68, 2)
        assert clip.split == "train"


def test_lips_of_the_reference_are_closed(audio_only_voices: list[Clip]) -> None:
    for clip in audio_only_voices:
        openings = lip_opening(clip.landmarks)
        assert lip_opening(clip.reference) < openings.median()


@pytest.mark.slow
def test_all_rows_of_table_2_train_on_the_same_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of notebook 05, which hears all videos, and of what is trained beside it.

    Real mouths, for step 1, come after them.

    Reference faces would be others, 11 px away, if fewer videos were heard.
    """
    face = to_canonical(mean_face())
    (tmp_path / "features").mkdir()
    (tmp_path / "audio").mkdir()
    write_npz(tmp_path / "features" / "mean_face.npz", landmarks=face)
    write_npz(tmp_path / "audio" / "statistics.npz", level=np.array(-26.0))
    monkeypatch.setattr("emoface_lib.evaluation.train_run.load_clips", lambda *_: [])
    beside = training_clips(Run(SETTINGS, tmp_path))
    every = audio_only_clips(SETTINGS, face, splits=("train", "val", "test"), workers=1)
    assert {one.split for one in beside} == {"train", "real"}
    for one, other in zip(split(beside, "train"), split(every, "train"), strict=True):
        assert one.name == other.name
        assert torch.equal(one.reference, other.reference)


def test_the_same_settings_give_the_same_clips(audio_only_voices: list[Clip]) -> None:
    again = audio_only_clips(SETTINGS, to_canonical(mean_face()), workers=1)
    assert [clip.name for clip in again] == [clip.name for clip in audio_only_voices]
    assert torch.equal(again[0].features, audio_only_voices[0].features)
    assert np.array_equal(again[-1].landmarks, audio_only_voices[-1].landmarks)


@pytest.mark.parametrize(("kind", "size"), [("autovc", 80), ("codes", 64)])
def test_they_are_heard_through_autovc_as_settings_say(
    audio_only_voices: list[Clip], tmp_path: Path, kind: str, size: int
) -> None:
    small = {"autovc_pre": 16, "autovc_width": 16, "autovc_post": 16}
    wanted = SETTINGS.changed(features=kind, **small)
    with pytest.raises(InputError, match="run notebook 02_audio_features first"):
        audio_only_clips(wanted, to_canonical(mean_face()), tmp_path)
    torch.manual_seed(0)
    save_model(tmp_path / MODEL, new_autovc(wanted), wanted)
    target = np.eye(1, 256, dtype=np.float32)
    write_npz(tmp_path / SPEAKERS, speakers=np.array(["a"]), embeddings=target)
    clips = audio_only_clips(wanted, to_canonical(mean_face()), tmp_path, workers=1)
    for clip, plain in zip(clips, audio_only_voices, strict=True):
        assert clip.features.shape == (len(plain.features), size)
        assert torch.equal(clip.landmarks, plain.landmarks)


def test_a_mood_moves_inside_a_clip_of_several_phrases() -> None:
    """Voice and face go the same way, and the first phrase is that of a still mood."""
    still, plan = (plan_audio_only(0, s)[0] for s in (SETTINGS, phrased()))
    assert (still.sentence, still.state.arousal) == (plan.sentence, plan.state.arousal)
    clip, whole = make_clip(plan), plan.row
    assert clip.speech.seconds > 2.5 * make_clip(still).speech.seconds
    moments = (np.arange(len(clip.landmarks)) + 0.5) / 25
    mood = clip.mood(moments)
    places = np.array([(s.arousal, s.valence) for _, s in plan.phrases])
    at = [round(25 * middle) for middle in clip.middles]
    np.testing.assert_allclose(mood[at], places, atol=0.05)
    assert whole["arousal"] == pytest.approx(places[:, 0].mean())
    still_face, names = make_clip(plan, plan.state), EXPRESSIONS[1:-1]
    moved = [(clip.controls[n] - still_face.controls[n])[at] for n in names]
    asked = [state.expression - plan.state.expression for _, state in plan.phrases]
    wanted = np.stack(asked)[:, 1:-1].T
    assert np.corrcoef(np.ravel(moved), np.ravel(wanted))[0, 1] > 0.9


def test_clips_know_their_mood_over_time() -> None:
    face = to_canonical(mean_face())
    for clip in audio_only_clips(phrased(1), face, workers=1):
        assert clip.mood is not None
        assert clip.mood.shape == (len(clip.features), 2)
        assert clip.mood[:, 0].mean() == pytest.approx(clip.arousal, abs=0.15)


def test_recordings_are_far_apart_by_video_or_by_clip() -> None:
    """What is said and shown stays the same; the sound alone is another one."""
    plans = {
        kind: plan_audio_only(0, SETTINGS.changed(channels=kind))[:4]
        for kind in ("alike", "video", "clip")
    }
    noises = {kind: [p.recording.noise for p in own] for kind, own in plans.items()}
    for kind in ("alike", "video"):
        first, same, other, _ = noises[kind]
        assert first == same != other
    assert len(set(noises["clip"])) == 4
    assert {p.recording.room for p in plans["alike"]} == {0.0}
    made = [make_clip(own[0]) for own in plans.values()]
    for other in made[1:]:
        moved = np.abs(made[0].landmarks - other.landmarks).max()
        assert moved < 0.5  # px; lips open a little wider where it is loud
        assert made[0].speech.names == other.speech.names
        assert not np.allclose(made[0].speech.samples, other.speech.samples, atol=1e-3)


def phrased(speakers: int = 2) -> Settings:
    return SETTINGS.changed(phrases=3, audio_only_speakers=speakers, features="log_mel")

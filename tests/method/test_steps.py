"""Steps 1 to 3 learn what a toy corpus holds, from the clips they may see."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings
from emoface_lib.method import steps
from emoface_lib.method.displacements import (
    content_codes,
    content_displacements,
    mean_landmark_loss,
    style_codes,
    style_displacements,
)
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import (
    jittered,
    load_content,
    load_style,
    split,
    train_content,
    train_style,
)


@pytest.mark.slow
def test_step_1_beats_the_still_face_on_held_out_videos(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    longer = tiny.changed(content_steps=60)
    model, log = train_content(clips, tmp_path, longer)
    held_out = split(clips, "val")
    still = [torch.zeros_like(clip.landmarks) for clip in held_out]
    displacement = content_displacements(model, held_out)
    assert mean_landmark_loss(held_out, displacement) < mean_landmark_loss(
        held_out, still
    )
    assert log["validation"].notna().sum() == 10


@pytest.mark.slow
def test_same_seed_same_weights_and_other_seed_others(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    logs = [
        train_content(clips, tmp_path / str(i), tiny.changed(seed=s))[1]
        for i, s in enumerate((0, 0, 1))
    ]
    first, second, other = (log.drop(columns="seconds") for log in logs)
    assert first.equals(second)
    assert not first.equals(other)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("features", "size"), [("log_mel", 80), ("codes", 12), ("phonetic", 224)]
)
def test_branches_fit_the_features_and_load_by_themselves(
    clips: list[Clip], tiny: Settings, tmp_path: Path, features: str, size: int
) -> None:
    tiny = tiny.changed(features=features)
    fewer = [replace(c, features=c.features.repeat(1, 3)[:, :size]) for c in clips]
    content, _ = train_content(fewer, tmp_path / "content", tiny)
    style, _ = train_style(fewer, content, tmp_path / "style", tiny)
    loaded = load_content(tmp_path / "content" / "model.safetensors")
    again, settings = load_style(tmp_path / "style" / "model.safetensors")
    assert settings == tiny
    for first, second in ((content, loaded), (style, again)):
        weights = second.state_dict()
        assert all(torch.equal(x, weights[n]) for n, x in first.state_dict().items())
    other = tiny.changed(features="autovc")
    with pytest.raises(InputError, match=f"features = '{features}', not 'autovc'"):
        load_content(tmp_path / "content" / "model.safetensors", other)
    with pytest.raises(InputError, match="There is no file"):
        load_content(tmp_path / "model.safetensors")


@pytest.mark.slow
def test_what_training_does_not_take_from_a_clip_trains_nothing_anew(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    short = tiny.changed(content_steps=2)
    train_content(clips, tmp_path, short)
    written = (tmp_path / "model.safetensors").stat().st_mtime_ns
    voiced = [replace(clip, voice=torch.ones(256), path="elsewhere") for clip in clips]
    train_content(voiced, tmp_path, short)
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == written
    louder = [replace(clip, features=clip.features + 0.1) for clip in clips]
    train_content(louder, tmp_path, short)
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns > written


@pytest.mark.slow
def test_content_hears_the_phonetic_code_and_style_the_mel_as_well(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    tiny = tiny.changed(features="phonetic")
    wide = [replace(c, features=c.features.repeat(1, 3)[:, :224]) for c in clips]
    content, _ = train_content(wide, tmp_path / "content", tiny)
    style, _ = train_style(wide, content, tmp_path / "style", tiny)
    plain = wide[0].features[None]
    louder = plain + torch.cat([torch.zeros(144), torch.ones(80)])
    with torch.no_grad():
        assert torch.equal(content(plain), content(louder))
        assert not torch.equal(style.emotion(plain), style.emotion(louder))


@pytest.mark.slow
def test_what_style_hears_is_nothing_to_content(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    place = tmp_path / "content" / "model.safetensors"
    written = set()
    for kind, size in (("phonetic", 224), ("codes", 208)):
        own = tiny.changed(features="phonetic", features_style=kind)
        heard = [replace(c, features=c.features.repeat(1, 3)[:, :size]) for c in clips]
        content, _ = train_content(heard, place.parent, own)
        train_style(heard, content, tmp_path / kind, own)
        written.add(place.stat().st_mtime_ns)
        style, _ = load_style(tmp_path / kind / "model.safetensors", own)
        first = heard[0].features[None]
        with torch.no_grad():
            codes = style.emotion(first), content(first)
            first[..., :144] += 1  # the code
            kept = torch.equal(style.emotion(first), codes[0])
        assert kept == (kind == "codes")
        assert not torch.equal(content(first), codes[1])
    assert len(written) == 1
    plain = tiny.changed(features="phonetic")
    with pytest.raises(InputError, match="'phonetic and codes', not 'phonetic'"):
        load_style(tmp_path / "codes" / "model.safetensors", plain)


def test_real_mouths_take_their_share_of_each_batch(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    """With none of it, or without such clips, step 1 is what it was."""
    real = [replace(clip, split="real", name=f"real {clip.name}") for clip in clips[:4]]

    def losses(name: str, some: list[Clip], share: float) -> list[float]:
        wanted = tiny.changed(real_mouths=share)
        return train_content(some, tmp_path / name, wanted)[1]["loss"].tolist()

    drawn = losses("drawn", clips, 0.0)
    assert losses("unused", [*clips, *real], 0.0) == drawn
    assert losses("none", clips, 0.5) == drawn
    assert losses("mixed", [*clips, *real], 0.5) != drawn


def test_step_1_hears_each_real_talker_as_often_as_the_others(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    """A talker with many clips counts no more than one with few."""
    own = [replace(clip, split="real", speaker="s1") for clip in clips[:3]]
    other = replace(clips[3], split="real", speaker="s2")
    wanted = tiny.changed(real_mouths=0.5)

    def losses(name: str, real: list[Clip]) -> list[float]:
        log = train_content([*clips, *real], tmp_path / name, wanted)[1]
        return log["loss"].tolist()

    assert losses("few", [*own, other]) == losses("many", [*own, *3 * [other]])


def test_jitter_is_a_gain_and_an_offset_of_each_feature_of_a_clip() -> None:
    features, deviation = torch.randn(3, 50, 7), torch.full((7,), 2.0)
    still = jittered(features, deviation, 0, np.random.default_rng(0))
    assert torch.equal(still, features)
    again = [
        jittered(features, deviation, 0.5, np.random.default_rng(1)) for _ in range(2)
    ]
    assert torch.equal(*again)
    plain = features - features.mean(1, keepdim=True)
    heard = again[0] - again[0].mean(1, keepdim=True)
    gain = (heard * plain).sum(1) / (plain**2).sum(1)  # (3, 7), one for all frames
    torch.testing.assert_close(heard, plain * gain[:, None], rtol=1e-3, atol=1e-4)
    assert 0.2 < gain.std() < 0.9


@pytest.mark.slow
def test_step_2_hears_each_clip_of_a_triplet_as_of_another_recording(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    distances = [
        train_style(clips, content, tmp_path / str(jitter), own)[1]["d_rs"][0]
        for jitter in (0.0, 1.0)
        for own in [tiny.changed(style_jitter=jitter)]
    ]
    assert distances[1] > 1.5 * distances[0]  # before it has learnt to be indifferent


@pytest.mark.slow
def test_step_2_freezes_content_and_logs_the_contrast(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    before = {name: x.clone() for name, x in content.state_dict().items()}
    style, log = train_style(clips, content, tmp_path / "style", tiny)
    assert all(torch.equal(before[n], x) for n, x in content.state_dict().items())
    assert {"d_rs", "d_rp", "lambda_rs", "lambda_rp"} <= set(log.columns)
    test = split(clips, "test")
    displacement = style_displacements(style, test, content_codes(content, test))
    assert [m.shape for m in displacement] == [clip.landmarks.shape for clip in test]


@pytest.mark.slow
def test_without_its_losses_step_2_minimises_landmarks_alone(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    alone = tiny.changed(emotion_weight=0.0, identity_weight=0.0)
    _, log = train_style(clips, content, tmp_path / "style", alone)
    assert np.allclose(log["loss"], log["loss/landmark"])


@pytest.mark.slow
def test_without_its_losses_step_2_needs_no_speakers(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    nameless = [replace(clip, speaker="") for clip in clips]
    with pytest.raises(InputError, match="name no speaker, as in LRW"):
        train_style(nameless, content, tmp_path / "style", tiny)
    alone = tiny.changed(emotion_weight=0.0, identity_weight=0.0)
    _, log = train_style(nameless, content, tmp_path / "style", alone)
    assert log["loss"].notna().all()
    assert "d_rs" not in log


@pytest.mark.slow
@pytest.mark.parametrize("contrast", ["variance", "supervised", "infonce"])
def test_every_contrast_trains_and_differs_from_equation_5(
    clips: list[Clip], tiny: Settings, tmp_path: Path, contrast: str
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    logs = [
        train_style(clips, content, tmp_path / kind, tiny.changed(contrast=kind))[1]
        for kind in ("triplet", contrast)
    ]
    assert logs[0]["loss/landmark"][0] == logs[1]["loss/landmark"][0]
    assert logs[0]["loss/emotion"][0] != logs[1]["loss/emotion"][0]


@pytest.mark.slow
def test_a_contrast_of_labels_needs_labels(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    unknown = [replace(clip, emotion="") for clip in clips]
    with pytest.raises(InputError, match="needs a label"):
        train_style(unknown, content, tmp_path, tiny.changed(contrast="supervised"))


@pytest.mark.slow
def test_a_joint_step_2_moves_the_content_branch_and_keeps_it(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    before = content.mlp_t[0].weight.clone()
    train_style(clips, content, tmp_path / "style", tiny.changed(joint=True))
    assert not torch.equal(before, content.mlp_t[0].weight)
    kept = load_content(tmp_path / "style" / "content.safetensors")
    assert torch.equal(kept.mlp_t[0].weight, content.mlp_t[0].weight)


@pytest.mark.slow
def test_the_improved_objective_is_deaf_to_who_speaks(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    improved = tiny.changed(objective="improved")
    style, log = train_style(clips, content, tmp_path / "style", improved)
    assert "loss/identity" not in log
    known = enrolled(clips)[0]
    mean = known.speaker_mean + 1
    brighter = replace(known, features=known.features + 1, speaker_mean=mean)
    first, second = style_codes(style, [known, brighter])
    assert torch.allclose(first[0], second[0], atol=1e-4)


@pytest.mark.slow
def test_an_offset_of_the_emotion_moves_the_face(
    clips: list[Clip], tiny: Settings, tmp_path: Path
) -> None:
    content, _ = train_content(clips, tmp_path / "content", tiny)
    style, _ = train_style(clips, content, tmp_path / "style", tiny)
    some = split(clips, "test")[:1]
    codes = content_codes(content, some)
    plain = style_displacements(style, some, codes)[0]
    displacement = style_displacements(style, some, codes, torch.ones(128))[0]
    assert (plain - displacement).abs().max() > 1e-4


def test_without_a_test_speaker_it_says_what_notebooks_need(clips: list[Clip]) -> None:
    """As GRID's first talkers, none of whom the layout sets apart."""
    assert steps.tested_clips(clips) == split(clips, "test")
    with pytest.raises(InputError, match=r"split 'test'.*index.parquet"):
        steps.tested_clips(split(clips, "train"))

"""What a dial does is measured as it is, on clips made for it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.evaluation.dial_effects import (
    MotionProbe,
    by_clip,
    correlations,
    dial_effects,
)
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.emotion_space import (
    emotion_embeddings,
    emotion_space,
    supervised,
)
from emoface_lib.method.style import StyleBranch

REST = dict.fromkeys(("mouth width", "corners up", "brows up", "valence"), 0.0)


def table(openings: dict[str, list[float]]) -> pd.DataFrame:
    rows = [
        {"clip": clip, "speaker": clip[0], "amount": amount, "lip opening": opening}
        | REST
        | {"arousal": 2 * amount, "lip r": 1 - amount / 10}
        for clip, values in openings.items()
        for amount, opening in zip((-1.0, 0.0, 1.0), values, strict=True)
    ]
    return pd.DataFrame(rows)


def test_a_clip_rises_only_if_every_step_does() -> None:
    found = by_clip(table({"a1": [1, 2, 4], "a2": [1, 5, 4], "b1": [3, 2, 1]}))
    found = found.set_index("clip")
    assert found["rises"].to_dict() == {"a1": 1.0, "a2": 0.0, "b1": 0.0}
    assert found["lip opening"].to_dict() == {"a1": 3.0, "a2": 3.0, "b1": -2.0}
    assert (found["arousal"] == 4).all()
    assert (found["lip r"] == 0.9).all()


def test_effects_are_none_without_a_turn_and_some_with_one(clips: list[Clip]) -> None:
    torch.manual_seed(0)
    content, style = ContentBranch().eval(), StyleBranch().eval()
    train = [clip for clip in clips if clip.split == "train"]
    codes = emotion_embeddings(style, clips)
    space = supervised(emotion_space(codes), codes, clips)
    effects = dial_effects(
        space, "PC1", content, style, clips[:3], MotionProbe(train), (0.0, 0.0, 3.0)
    )
    brows = effects["brows up"].to_numpy().reshape(3, 3)  # amounts, clips
    np.testing.assert_array_equal(brows[0], brows[1])
    assert (brows[0] != brows[2]).all()
    assert (effects["lip r"].iloc[:6] > 1 - 1e-9).all()


def test_a_reader_of_faces_finds_what_moves_them() -> None:
    generator = torch.Generator().manual_seed(0)
    rng = np.random.default_rng(0)
    some = []
    for number in range(60):
        arousal = float(rng.normal())
        reference = torch.rand(68, 2, generator=generator) * 100
        shift = torch.zeros(30, 68, 2)
        shift[:, 66, 1] = 3 * arousal + torch.randn(30, generator=generator)
        some.append(
            Clip(
                name=str(number),
                speaker=f"s{number % 5}",
                video="v",
                split="train",
                features=torch.zeros(30, 80),
                landmarks=reference + shift,
                reference=reference,
                expression=torch.ones(7) / 7,
                emotion="",
                arousal=arousal,
                valence=float(rng.normal()),
            )
        )
    measures = MotionProbe(some[:40])
    read = measures.read(some[40:], [clip.displacement for clip in some[40:]])
    true = [clip.arousal for clip in some[40:]]
    assert np.corrcoef(read["arousal"], true)[0, 1] > 0.9


def test_places_tell_what_they_were_made_of(clips: list[Clip]) -> None:
    arousal = np.array([clip.arousal for clip in clips])
    names = sorted({clip.speaker for clip in clips})
    who = np.array([float(names.index(clip.speaker)) for clip in clips])
    told = correlations({"a": arousal, "who": who}, clips, {"twice": 2 * arousal})
    assert told.loc["r with arousal", "a"] == pytest.approx(1)
    assert told.loc["r with twice", "a"] == pytest.approx(1)
    assert told.loc["share of the speaker", "who"] == pytest.approx(1)
    assert told.loc["share of the speaker", "a"] < 0.9


def test_axes_without_labels_are_left_out(clips: list[Clip]) -> None:
    torch.manual_seed(0)
    codes = emotion_embeddings(StyleBranch().eval(), clips)
    space = emotion_space(codes)
    unlabelled = [replace(clip, arousal=float("nan")) for clip in clips]
    assert "arousal" not in supervised(space, codes, unlabelled).axes
    assert "arousal" in supervised(space, codes, clips).axes

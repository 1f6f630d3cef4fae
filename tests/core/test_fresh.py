"""Freshness: what a model is made from has one hash, and all of it counts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoface_lib.core import fresh
from emoface_lib.core.clip import Clip
from emoface_lib.core.fresh import code_hash, digest, made_from
from emoface_lib.core.settings import load_settings

CLIP = Clip(
    *("a/b/c", "a", "b", "train"),
    features=torch.zeros(4, 80),
    landmarks=torch.zeros(4, 68, 2),
    reference=torch.zeros(68, 2),
    expression=torch.zeros(7),
    emotion="anger",
    arousal=0.5,
    valence=-0.5,
)


@pytest.mark.parametrize(
    "change",
    [
        {"features": torch.zeros(4, 80).index_fill(0, torch.tensor([3]), 1e-7)},
        {"features": torch.zeros(5, 80)},
        {"features": torch.zeros(4, 80, dtype=torch.float64)},
        {"emotion": ""},
        {"arousal": 0.50001},
        {"voice": torch.zeros(256)},
    ],
)
def test_every_number_of_a_clip_counts(change: dict) -> None:
    assert digest([CLIP, CLIP]) == digest([replace(CLIP), replace(CLIP)])
    assert digest([CLIP, CLIP]) != digest([CLIP, replace(CLIP, **change)])


plain = st.none() | st.booleans() | st.integers() | st.text() | st.floats()
nested = st.recursive(plain, st.lists, max_leaves=8)


@given(nested, nested)
def test_lists_are_equal_exactly_if_their_digests_are(one: object, two: object) -> None:
    assert (digest(one) == digest(two)) == (repr(one) == repr(two))


def test_a_file_that_changes_counts(tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(b"one")
    before = digest(path)
    path.write_bytes(b"other")
    assert digest(path) != before
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "gone")


def test_what_has_no_digest_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no digest"):
        digest(object())
    with pytest.raises(TypeError):
        digest(np.array([object()]))


def test_code_counts_with_all_that_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "emoface_lib"
    for name, text in {
        "__init__": "",
        "steps": "from emoface_lib.losses import loss",
        "losses": "def loss():\n    from emoface_lib import base",
        "base": "A = 1",
        "other": "B = 1",
    }.items():
        library.mkdir(exist_ok=True)
        (library / f"{name}.py").write_text(text)
    monkeypatch.setattr(fresh, "LIBRARY", library)

    lessons = tmp_path / "course" / "lessons.py"
    lessons.parent.mkdir()
    lessons.write_text("from emoface_lib import other")

    def current(module: str = "emoface_lib.steps") -> str:
        code_hash.cache_clear()
        return code_hash(module)

    before, of_course = current(), current("course.lessons")
    (library / "other.py").write_text("B = 2")
    assert current() == before
    assert current("course.lessons") != of_course
    (library / "base.py").write_text("A = 2")
    assert current() != before
    assert current("elsewhere.lessons") == current("nowhere")
    code_hash.cache_clear()


def test_only_the_settings_of_the_stage_count() -> None:
    settings, code = load_settings("smoke"), "emoface_lib.method.steps"
    before = made_from(settings, ["style"], code, [CLIP])
    free = {"bootstrap_samples": 11, "device": "cpu", "devices": 2}
    same = settings.changed(**free, translator_steps=3)
    assert made_from(same, ["style"], code, [CLIP]) == before
    for other in (settings.changed(style_steps=3), settings.changed(seed=1)):
        assert made_from(other, ["style"], code, [CLIP]) != before
    assert made_from(settings, ["style"], "emoface_lib.translation.train") != before

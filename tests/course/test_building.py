"""What students build in lessons 02, 05 and 06 trains beside the library's."""

import re
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from course.exercises import lesson_02, lesson_05, lesson_06
from course.exercises.checking import NotYetError
from course.make_editions import student
from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import load_settings
from emoface_lib.method.content import ContentBranch
from emoface_lib.runs.notebooks import code_cells
from emoface_lib.translation.dataset import Pair, Pairs
from tests.course.test_exercises import lesson, namespace

BUILT = {
    "02_audio_features": ("SmallAutoVC", "learn_to_repeat"),
    "05_style_encoder": ("StyleNetwork", "train_style"),
    "06_image_translation": ("SmallUNet", "train_unet"),
}


def built(name: str, stubs: bool = False) -> tuple[Any, Any]:
    """The network and the loop of a lesson's solutions, or of its stubs."""
    names = namespace(name)
    notebook = student(lesson(name)) if stubs else lesson(name)
    for cell in code_cells(notebook):
        if cell.id in (f"ex-{name[:2]}-5", f"ex-{name[:2]}-6"):
            exec(cell.source, names)
    network, loop = BUILT[name]
    return names[network], names[loop]


def test_a_built_autovc_learns_as_ours(capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings("smoke", autovc_steps=20, autovc_freq=4, autovc_neck=4)
    generator = np.random.default_rng(0)
    spoken = [(generator.random((80, 80), np.float32), name) for name in "ab"]
    known = {name: generator.random(256, np.float32) for name in "ab"}
    network, loop = built("02_audio_features")
    lesson_02.show_autovc_training(network, loop, spoken, known, settings)
    shown = capsys.readouterr().out
    assert "The curves are 0.0000 apart" in shown
    assert re.search(r"^weight 1: the numbers of the codes deviate by ", shown, re.M)
    network, loop = built("02_audio_features", stubs=True)
    with pytest.raises(NotYetError, match="there is no answer yet"):
        lesson_02.show_autovc_training(network, loop, spoken, known, settings)


def noise(count: int, generator: np.random.Generator) -> Pair:
    shape = 4, count, 32, 32, 3
    return Pair(*generator.integers(0, 256, shape).astype(np.uint8))


PAIRS = cast(Pairs, SimpleNamespace(draw=noise))


def test_a_built_style_branch_learns_as_ours(
    clips: list[Clip], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings("smoke", style_steps=20, crop_frames=10)
    content = ContentBranch(clips[0].features.shape[1])
    network, loop = built("05_style_encoder")
    lesson_05.show_style_training(network, loop, clips, content, settings)
    assert "of 2 steps to the last 1 your mean loss" in capsys.readouterr().out
    network, loop = built("05_style_encoder", stubs=True)
    with pytest.raises(NotYetError, match="there is no answer yet"):
        lesson_05.show_style_training(network, loop, clips, content, settings)


def test_a_built_u_net_learns_as_ours(capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings("smoke", translator_steps=20)
    network, loop = built("06_image_translation")
    lesson_06.show_unet_training(network, loop, PAIRS, settings)
    assert "The curves are 0.0000 apart" in capsys.readouterr().out
    network, loop = built("06_image_translation", stubs=True)
    with pytest.raises(NotYetError, match="there is no answer yet"):
        lesson_06.show_unet_training(network, loop, PAIRS, settings)

"""PC-AVS, reduced: codes, contrast, training on videos, frames of the asked size."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import write_video
from emoface_lib.evaluation.pc_avs import (
    CODE,
    HEARD,
    PCAVS,
    POSE,
    SIDE,
    Modulated,
    VideoClip,
    load_pc_avs,
    synthesise,
)
from emoface_lib.features.expression import CROP_EVERY
from tools.train_pc_avs import TEMPERATURE, audiovisual_contrast, train_pc_avs


@pytest.fixture
def recorded(clips: list[Clip]) -> list[VideoClip]:
    """Two clips whose pictures get brighter with what is heard."""
    videos = []
    for clip in clips[:2]:
        loud = clip.features.mean(1)[::4].clamp(0, 2).numpy()
        pictures = np.tile((60 + 60 * loud)[:, None, None, None], (1, SIDE, SIDE, 3))
        videos.append(VideoClip(pictures.astype(np.uint8), clip.features, 2))
    return videos


def test_codes_have_the_papers_sizes() -> None:
    model = PCAVS().eval()
    pictures = torch.rand(4, 3, SIDE, SIDE)
    pose, seen = model.look(pictures)
    heard = model.listen(torch.rand(4, HEARD, 80))
    assert pose.shape == (4, POSE) == (4, 12)
    assert seen.shape == heard.shape == (4, CODE)
    assert torch.allclose(heard.norm(dim=1), torch.ones(4), atol=1e-5)
    rendered = model(pictures, pose, heard)
    assert rendered.shape == pictures.shape


def test_pose_and_content_change_the_picture_of_the_same_face() -> None:
    model = PCAVS().eval()
    torch.nn.init.normal_(model.generator.colour.weight)  # zeros at first
    face = torch.rand(1, 3, SIDE, SIDE)
    pose, content = torch.zeros(1, POSE), torch.ones(1, CODE) / CODE**0.5
    before = model(face, pose, content)
    assert not torch.equal(model(face, pose + 1, content), before)
    assert not torch.equal(model(face, pose, -content), before)


def test_the_contrast_by_hand() -> None:
    seen, heard = torch.eye(2), TEMPERATURE * torch.eye(2)  # likeness 1 and 0
    likely = math.e / (math.e + 1)
    found = float(audiovisual_contrast(seen, heard))
    assert found == pytest.approx(-math.log(likely))
    wrong = float(audiovisual_contrast(seen, heard.flip(0)))
    assert wrong == pytest.approx(-math.log(1 - likely))


def test_a_modulated_convolution_does_not_depend_on_the_size_of_its_scale() -> None:
    layer = Modulated(8, 4, 6)
    torch.nn.init.zeros_(layer.scale.weight)
    x, style = torch.rand(2, 4, 8, 8), torch.rand(2, 8)
    before = layer(x, style)
    torch.nn.init.constant_(layer.scale.bias, 7)
    assert torch.allclose(layer(x, style), before, atol=1e-5)


def test_windows_are_around_their_picture_and_held_at_the_ends() -> None:
    features = torch.arange(80.0)[:, None].expand(-1, 80)
    video = VideoClip(np.zeros((20, SIDE, SIDE, 3), np.uint8), features, 2)
    first, middle = video.windows(np.array([0, 10]))[..., 0]
    assert first[:10].tolist() == [0] * 10  # nothing was heard before the first frame
    assert middle.tolist() == list(range(31, 51))  # picture 10: frames 40 and 41


@pytest.mark.slow
def test_training_lowers_its_losses_and_leaves_what_loads(
    recorded: list[VideoClip], tiny: Settings, tmp_path: Path
) -> None:
    made = train_pc_avs(recorded, tmp_path, tiny.changed(translator_steps=10))
    log = pd.read_csv(tmp_path / "log.csv")
    assert log["loss/picture"].iloc[-3:].mean() < log["loss/picture"].iloc[:3].mean()
    again = load_pc_avs(tmp_path / "model.safetensors", 80)
    face, pose = torch.rand(1, 3, SIDE, SIDE), torch.zeros(1, POSE)
    content = torch.ones(1, CODE)
    assert torch.equal(made(face, pose, content), again(face, pose, content))


@pytest.mark.slow
def test_frames_are_as_many_and_as_large_as_the_studio_paints(
    talking: tuple[list[np.ndarray], np.ndarray], clips: list[Clip], tmp_path: Path
) -> None:
    frames, _ = talking
    write_video(tmp_path / "a.mp4", frames)
    clip = replace(clips[0], features=torch.rand(2 * len(frames), 80), path="a.mp4")
    rendered = synthesise(PCAVS().eval(), clip, tmp_path, 96)
    assert rendered.shape == (-(-len(frames) // CROP_EVERY), 96, 96, 3)
    assert rendered.dtype == np.uint8

"""The panel answers to each of its controls, and says what a user got wrong."""

from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from emoface_lib.animation.portrait import read_portrait
from emoface_lib.animation.predict import FacePredictor
from emoface_lib.animation.preview import Face, Preview
from emoface_lib.animation.voice import read_voice
from emoface_lib.animation.widgets import Panel
from emoface_lib.core.settings import load_settings
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.emotion_space import EmotionSpace
from emoface_lib.method.style import StyleBranch
from tests.animation.test_animate import write_wav

Files = dict[str, Path]


@pytest.fixture(scope="module")
def predictor() -> FacePredictor:
    torch.manual_seed(0)
    parts = torch.zeros(128), 5 * torch.eye(4, 128), torch.ones(4)
    space = EmotionSpace(*parts, 5 * torch.eye(9, 128)[7:], 5 * torch.eye(7, 128))
    networks = ContentBranch().eval(), StyleBranch().eval()
    return FacePredictor(*networks, space, -25.0, load_settings("smoke"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, speech: np.ndarray) -> Files:
    folder = tmp_path_factory.mktemp("files")
    Image.fromarray(data.astronaut()[:260, 90:350]).save(folder / "face.png")
    Image.fromarray(data.coffee()).save(folder / "coffee.png")
    write_wav(folder / "one.wav", np.resize(speech, 24_000))
    write_wav(folder / "two.wav", speech[:12_000])
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture
def panel(predictor: FacePredictor, files: Files, tmp_path: Path) -> Panel:
    voices = {"one": files["one"], "two": files["two"]}
    return Panel(predictor, voices, {"face": files["face"]}, tmp_path / "dial")


def seen(panel: Panel) -> bytes:
    return bytes(panel.picture.value)


@pytest.mark.slow
@pytest.mark.parametrize("axis", ["PC1", "PC2", "arousal", "valence"])
def test_a_slider_changes_the_picture_and_back(panel: Panel, axis: str) -> None:
    before = seen(panel)
    panel.sliders[axis].value = 2.5
    turned = seen(panel)
    panel.amount.value = 0.0
    assert turned != before
    assert seen(panel) == before


@pytest.mark.slow
def test_a_mood_and_a_place_on_the_pad_change_the_picture(panel: Panel) -> None:
    before = seen(panel)
    panel.mood.value = "happy"
    happy = seen(panel)
    panel.pad.children[4].click()  # its upper right corner
    assert panel.sliders["arousal"].value == panel.sliders["valence"].value == 2.0
    assert len({before, happy, seen(panel)}) == 3
    panel.reset.click()
    assert panel.mood.value == "as heard"
    panel.amount.value = 0.0
    assert seen(panel) == before


@pytest.mark.slow
def test_time_moves_the_picture_and_its_mark(panel: Panel) -> None:
    assert panel.time.max == pytest.approx(37 / 25)
    panel.time.value = 0.2
    first = seen(panel)
    panel.time.value = 1.0
    assert seen(panel) != first
    panel.voice.value = panel.voice.options[1][1]
    assert panel.time.max == pytest.approx(18 / 25)
    assert panel.time.value == panel.time.max


@pytest.mark.slow
def test_key_frames_are_noted_and_used(panel: Panel) -> None:
    panel.sliders["PC1"].value = 2.0
    panel.time.value, panel.amount.value = 0.0, 0.0
    panel.key_frame.click()
    panel.time.value, panel.amount.value = 1.2, 2.0
    panel.key_frame.click()
    assert panel.over_time.value == "0.00:0, 1.20:2"
    curve = panel.dial().curves["PC1"]
    np.testing.assert_allclose(curve(np.array([0.0, 0.6, 9.0])), [0, 2, 4])
    panel.over_time.value = "soon"
    assert "can't be read" in panel.note.value
    panel.reset.click()
    assert panel.note.value == ""
    assert str(panel.dial()) == "0"


@pytest.mark.slow
def test_play_films_the_whole_voice_with_its_sound(panel: Panel) -> None:
    panel.play.click()
    (video,) = panel.screen.children
    assert video.autoplay
    assert video.value[4:8] == b"ftyp"
    with av.open(str(panel.folder / "dial.mp4")) as write:
        assert [s.codec_context.name for s in write.streams] == ["h264", "aac"]
        assert write.streams.video[0].frames == 38
        assert "Synthetic" in write.metadata["comment"]
    panel.time.value = 0.4
    assert panel.screen.children == (panel.picture,)


def upload(path: Path, name: str | None = None) -> list[dict]:
    content = path.read_bytes()
    whole = {"name": name or path.name, "type": "", "size": len(content)}
    return [whole | {"content": content, "last_modified": datetime.now(UTC)}]


@pytest.mark.slow
def test_own_files_are_taken_or_refused(panel: Panel, files: Files) -> None:
    panel.own_voice.set_trait("value", tuple(upload(files["two"], "../mine.wav")))
    kept = panel.voice.value
    assert kept.parent == panel.folder
    assert panel.voice.label == "mine.wav"
    assert panel.preview.count == 19
    panel.own_voice.set_trait("value", tuple(upload(files["one"], "mine.wav")))
    assert panel.voice.value != kept  # another sound of the same name is heard
    assert panel.preview.count == 38
    panel.own_face.set_trait("value", tuple(upload(files["coffee"])))
    assert "No frontal face was found in coffee.png" in panel.note.value
    assert set(panel.folder.iterdir()) == {kept, panel.voice.value}
    evil = upload(files["coffee"], "<img src=x onerror=alert(1)>.png")
    panel.own_face.set_trait("value", tuple(evil))
    assert "<img" not in panel.note.value
    assert len(panel.face.options) == 1
    assert panel.preview.face is panel.see(files["face"])


@pytest.mark.slow
def test_a_scene_shows_the_dial(predictor: FacePredictor, files: Files) -> None:
    face = Face(read_portrait(files["face"]))
    preview = Preview(read_voice(files["one"]), face, predictor)
    assert preview.opening.shape == (38,)
    np.testing.assert_allclose(preview.opening, preview.plain, atol=1e-9)
    still = preview.frame(20)
    preview.turn("0:1,1:3")
    assert np.abs(preview.opening - preview.plain).max() > 1e-3
    assert preview.frame(20).shape == still.shape == (260, 260, 3)
    assert (preview.frame(20) != still).any()
    stage = preview.stage(3)
    assert stage.shape[1] == 480
    assert stage.shape[0] % 2 == 0

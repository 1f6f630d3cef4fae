"""Whatever an animation is written to says that it is synthetic, and agrees."""

import json
import re
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage import data

from emoface_lib.animation.animate import animate
from emoface_lib.animation.emotion_control import Dial
from emoface_lib.animation.export import KINDS, check_outputs
from emoface_lib.animation.voice import read_voice
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import LIPS
from emoface_lib.core.video import read_video
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.gestures import FULL
from emoface_lib.synthetic.visemes import VISEME_NAMES
from tests.animation.test_animate import LoudnessMouth, write_wav

pytestmark = pytest.mark.slow
Made = dict[str, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, speech: np.ndarray) -> Made:
    """Two emotions of the same voice, in every kind of file."""
    folder = tmp_path_factory.mktemp("made")
    Image.fromarray(data.astronaut()[:300, 60:390]).save(folder / "face.png")
    write_wav(folder / "voice.wav", np.pad(speech[:12_000], (4000, 0)))
    outs = [folder / f"out{kind}" for kind in KINDS]
    low, high = Dial.of(-3.0, "PC1"), Dial.of("0:3", "PC1")
    inputs = folder / "face.png", read_voice(folder / "voice.wav")
    animation = animate(*inputs, outs, LoudnessMouth(), [low, high], motion=0.5)
    assert animation.paths == tuple(outs)
    return {path.suffix: path for path in outs}


def test_every_file_says_that_it_is_synthetic(made: Made) -> None:
    with av.open(str(made[".mp4"])) as video:
        assert "Synthetic" in video.metadata["comment"]
    assert b"Synthetic" in Image.open(made[".gif"]).info["comment"]
    assert "Synthetic" in made[".svg"].read_text()
    assert made[".csv"].read_text().startswith("# Synthetic")
    assert "Synthetic" in str(read_npz(made[".npz"])["comment"])
    assert "NOTE Synthetic" in made[".vtt"].read_text()
    assert json.loads(made[".json"].read_text())["comment"].startswith("Synthetic")
    with av.open(str(made[".webm"])) as video:
        assert "Synthetic" in video.metadata["COMMENT"]


def test_captions_and_visemes_say_when(made: Made) -> None:
    """The voice is silent for 0.25 s and speaks until 1 s."""
    times = json.loads(made[".json"].read_text())
    phones, visemes = pd.DataFrame(times["phones"]), pd.DataFrame(times["visemes"])
    assert len(phones) > 3
    assert 0.2 < phones["start"].min() < phones["end"].max() <= 1
    assert visemes["start"].tolist() == [0, *visemes["end"][:-1]]
    assert visemes["end"].iloc[-1] == 1
    assert visemes["viseme"].iloc[0] == "_"
    assert set(visemes["viseme"]) <= set(VISEME_NAMES)
    cues = made[".vtt"].read_text().split("\n\n")[2:]
    start, end = re.match(r"00:00:(\S+) --> 00:00:(\S+)\n<00:00:", cues[0]).groups()
    assert abs(float(start) - phones["start"].min()) < 1e-3
    assert float(end) <= 1
    said = re.sub(r"<.*?>|\s", "", "".join(cue.split("\n")[1] for cue in cues))
    assert said == "".join(phones["phone"])


def test_emotions_stand_side_by_side_below_their_names(made: Made) -> None:
    frames, _ = read_video(made[".mp4"])
    count, height, width, _ = frames.shape
    assert (count, width) == (25, 2 * 330)
    assert height == 300 + 20  # a band of 21 px, less an odd row
    band = frames[0, :18].astype(int)
    assert band[:, :330].min() < 100
    assert band[:, 330:].min() < 100
    assert np.median(band) > 240
    left, right = frames[:, 24:, :330], frames[:, 24:, 330:]
    apart = np.abs(left.astype(int) - right).max((1, 2, 3))
    assert apart[-8:].max() > 60  # loud
    gif = Image.open(made[".gif"])
    assert (gif.n_frames, gif.size) == (13, (660, 321))


def test_table_and_arrays_say_the_same(made: Made) -> None:
    table, arrays = pd.read_csv(made[".csv"], comment="#"), read_npz(made[".npz"])
    assert arrays["landmarks"].shape == (2, 25, 68, 2)
    assert arrays["emotions"].tolist() == ["PC1 -3", "PC1 +3"]
    assert table["emotion"].unique().tolist() == ["PC1 -3", "PC1 +3"]
    points = table[[f"{axis}{n}" for n in range(68) for axis in "xy"]].to_numpy()
    written = arrays["landmarks"].reshape(50, -1)
    np.testing.assert_allclose(points, written, atol=1e-3)
    shown = arrays["coefficients"].reshape(50, -1)
    np.testing.assert_allclose(table[list(FULL)], shown, atol=1e-3)
    assert arrays["names"].tolist() == list(FULL)
    jaw = arrays["coefficients"][..., list(FULL).index("jawOpen")]
    assert jaw[:, :4].max() < 0.02  # silence
    assert jaw[:, 12:15].min() > 0.1  # a vowel
    assert (arrays["opening"][1] >= arrays["opening"][0] - 1e-6).all()


def test_landmarks_are_where_the_film_shows_them(made: Made) -> None:
    frames, _ = read_video(made[".mp4"])
    arrays = read_npz(made[".npz"])
    left = np.ascontiguousarray(frames[-5, 21:, :330])
    detector = DlibDetector()
    seen = detector.points(left, detector.faces(left)[0][0])
    away = np.linalg.norm(seen - arrays["landmarks"][0, -5], axis=1)
    assert away[LIPS].mean() < 3


def test_a_strip_has_a_row_of_faces_an_emotion(made: Made) -> None:
    text = made[".svg"].read_text()
    assert text.count("<image") == 2 * 8
    assert "PC1 -3" in text
    assert "lip distance" in text


def test_outputs_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    for outs, reason in (
        ([], "Nothing"),
        ([tmp_path / "a.mp4", tmp_path / "b.mp4"], "Two files"),
        (tmp_path / "a.mov", ".npz"),
        (tmp_path / "none" / "a.gif", "does not exist"),
    ):
        with pytest.raises(InputError, match=reason):
            check_outputs(outs)

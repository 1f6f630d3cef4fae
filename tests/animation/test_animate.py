"""emoface animate: a photograph and a voice in, an mp4 out, one sentence if not."""

import wave
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from skimage import data
from typer.testing import CliRunner, Result

from emoface_lib.animation.animate import animate, own_seed, rendered
from emoface_lib.animation.emotion_control import Curve, Dial, Emotion
from emoface_lib.animation.portrait import read_portrait
from emoface_lib.animation.retarget import at_rate, hold_last, into_photo
from emoface_lib.animation.voice import Voice, read_voice
from emoface_lib.animation.watermark import Watermark
from emoface_lib.core.checkpoints import save_model
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import EYE_DISTANCE, lip_opening, mean_face
from emoface_lib.core.settings import load_settings
from emoface_lib.core.video import read_audio, read_video, write_video
from emoface_lib.features.align import to_canonical
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.runs.cli import app
from emoface_lib.translation.networks import UNet
from emoface_lib.translation.warp.lips import JAW_FOLLOWS, LOWER_LIP, TAKEN
from emoface_lib.translation.warp.photo_warp import PhotoWarp, Pose

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
FRAME = 640  # samples of a video frame at 16 kHz


@cache
def detector() -> DlibDetector:
    return DlibDetector()


def opened(frame: np.ndarray) -> float:
    """Lip opening that dlib reads, px."""
    return float(lip_opening(detector().points(frame, detector().faces(frame)[0][0])))


class LoudnessMouth:
    """Opens the mouth by the voice's loudness; stands in for a trained model."""

    def predict(
        self, samples: np.ndarray, emotions: Sequence[Emotion] = (0.0,)
    ) -> list[np.ndarray]:
        padded = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
        loudness = np.sqrt((padded**2).mean(1)) / 0.2
        predicted = []
        for emotion in emotions:
            (curve,) = Dial.of(emotion).curves.values()
            amount = float(curve(np.zeros(1))[0])
            opening = np.zeros((68, 2))
            opening[:17, 1] = 10 * JAW_FOLLOWS
            opening[LOWER_LIP, 1] = (14 + amount) * TAKEN.sum(1)
            predicted.append(loudness.clip(0, 1)[:, None, None] * opening)
        return predicted

    @property
    def predictor(self) -> "LoudnessMouth":
        """As that of a trained run's models."""
        return self

    def own(self, _: Voice, amount: Curve) -> Dial:
        """The voice's own emotion: as much arousal as the amount."""
        return Dial({"arousal": amount}, "own")


@pytest.fixture(autouse=True)
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = "emoface_lib.animation.animate.TrainedModel"
    monkeypatch.setattr(trained, lambda *_: LoudnessMouth())


@pytest.fixture
def folder(tmp_path: Path, speech: np.ndarray) -> Path:
    """With face.png and voice.wav, which is silent for 0.3 s and speaks for 0.45 s."""
    Image.fromarray(data.astronaut()[:301, 60:391]).save(tmp_path / "face.png")
    write_wav(tmp_path / "voice.wav", np.pad(speech[:7200], (4800, 0)))
    return tmp_path


def write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def run(folder: Path, *options: str, **files: str) -> Result:
    names = {"photo": "face.png", "voice": "voice.wav", "out": "out.mp4"} | files
    photo, voice, out = (str(folder / names[n]) for n in ("photo", "voice", "out"))
    return CliRunner().invoke(app, ["animate", photo, voice, "-o", out, *options])


def refused(result: Result, *words: str) -> None:
    """Exit code 2, one sentence that says what is wrong, no traceback."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("emoface: ")
    assert lines[0].endswith(".")
    assert all(word in lines[0] for word in words), lines[0]


@pytest.mark.slow
def test_video_lasts_as_long_as_the_voice_and_its_mouth_follows(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0, result.output
    frames, rate = read_video(folder / "out.mp4")
    assert rate == 25
    assert frames.shape == (19, 300, 330, 3)  # an odd row and column are left out
    with av.open(str(folder / "out.mp4")) as container:
        assert abs(container.duration / 1e6 - 0.75) <= 0.04
        assert "ynthetic" in container.metadata["title"]
        assert "Synthetic" in container.metadata["comment"]
        assert [s.codec_context.name for s in container.streams] == ["h264", "aac"]
    voice = read_audio(folder / "voice.wav")
    sound = read_audio(folder / "out.mp4")
    assert abs(len(sound) - len(voice)) <= 2
    assert np.abs(sound[3000:4500]).max() < 0.02 < np.abs(sound[6000:]).max()
    opening = [opened(frames[number]) for number in (2, 5, 13, 14)]
    assert max(opening[:2]) < 2  # the photograph smiles with teeth; silence doesn't
    assert min(opening[2:]) > 5


@pytest.mark.slow
def test_mouth_is_closed_in_silence_whatever_the_model_says(folder: Path) -> None:
    class Gaping(LoudnessMouth):
        def predict(
            self, samples: np.ndarray, emotions: Sequence[Emotion] = (0.0,)
        ) -> list[np.ndarray]:
            return super().predict(0 * samples + 0.2, emotions)

    voice = read_voice(folder / "voice.wav")
    animate(folder / "face.png", voice, folder / "out.mp4", Gaping(), 0.0)
    frames, _ = read_video(folder / "out.mp4")
    assert opened(frames[0]) < 2
    assert opened(frames[14]) > 6


@pytest.mark.slow
@pytest.mark.parametrize("fps", [24, 60])
def test_frames_a_second_are_those_asked_for(folder: Path, fps: int) -> None:
    assert run(folder, "--fps", str(fps), "-o", str(folder / "a.csv")).exit_code == 0
    frames, rate = read_video(folder / "out.mp4")
    assert (len(frames), rate) == (0.75 * fps, fps)
    table = pd.read_csv(folder / "a.csv", comment="#")
    times = np.arange(len(frames)) / fps
    np.testing.assert_allclose(table["seconds"], times, atol=1e-4)


def test_poses_between_those_given_are_linear() -> None:
    given = [Pose(*np.full((4, 1), 10.0 * number)) for number in range(5)]
    for rate in (24, 25, 30, 50, 60):
        count = 5 * rate // 25
        shown = np.array([pose.face[0] for pose in at_rate(given, rate, count)])
        wanted = 10 * np.arange(count) * 25 / rate
        np.testing.assert_allclose(shown, wanted.clip(max=40))


@pytest.mark.slow
def test_several_photographs_and_voices_are_animated_in_one_call(folder: Path) -> None:
    """A bad one is named, the others are made."""
    Image.fromarray(data.coffee()).save(folder / "coffee.png")
    write_wav(folder / "other.wav", 0.2 * np.sin(np.arange(4800)))
    names = ("other.wav", "face.png", "voice.wav", "coffee.png")
    inputs = [str(folder / name) for name in names]
    out = str(folder / "{photo}_{voice}.csv")
    result = CliRunner().invoke(app, ["animate", *inputs, "-o", out])
    assert result.exit_code == 2
    assert result.stderr.count("No frontal face was found") == 2
    made = sorted(path.name for path in folder.glob("*.csv"))
    assert made == ["face_other.csv", "face_voice.csv"]
    for names, reason in (
        (inputs, "{photo} and {voice}"),
        (inputs[:1], "A photograph and a voice"),
        (inputs[:2] * 2, "more than once"),
    ):
        given = ["animate", *names, "-o", str(folder / "same.csv")]
        refused(CliRunner().invoke(app, given), reason)


@pytest.mark.slow
def test_a_cut_out_stays_one_and_its_edge_moves(folder: Path) -> None:
    whole = Image.open(folder / "face.png").convert("RGBA")
    alpha = Image.new("L", whole.size)
    ImageDraw.Draw(alpha).ellipse((95, 5, 235, 290), 255)
    whole.putalpha(alpha)
    whole.save(folder / "cut.png")
    portrait = read_portrait(folder / "cut.png")
    still = Pose(portrait.landmarks[:, :2], np.eye(2, 3), np.zeros(2), np.empty(0))
    moved = still._replace(motion=np.array([[1.0, 0, 6], [0, 1, 0]]))
    warp = PhotoWarp(portrait.picture, portrait.landmarks)
    first, second = rendered(warp, [still, moved], True, portrait)
    assert first.shape == (*whole.size[::-1], 4)
    place = np.s_[60:140, :, 3]
    assert np.abs(first[place].astype(int) - np.asarray(alpha)[60:140]).max() < 40
    edges = [int((frame[place] > 127).argmax(1).mean()) for frame in (first, second)]
    assert 3 <= edges[1] - edges[0] <= 7
    assert first[-2, 2, 3] == 255  # the mark can be seen


@pytest.mark.slow
def test_same_seed_same_video_and_another_seed_another(folder: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run(folder, "--seed", seed, out=f"{name}.mp4").exit_code == 0
    a, b, c = (read_video(folder / f"{name}.mp4")[0] for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_films_of_another_photograph_or_voice_move_otherwise(folder: Path) -> None:
    portrait = read_portrait(folder / "face.png")
    voice = read_voice(folder / "voice.wav")
    louder = replace(voice, samples=1.1 * voice.samples)
    redder = replace(portrait, picture=portrait.picture | np.uint8(1))
    seed = own_seed(portrait, voice)
    assert own_seed(portrait, voice) == seed
    assert len({seed, own_seed(portrait, louder), own_seed(redder, voice)}) == 3


@pytest.mark.slow
def test_emotion_reaches_the_model(folder: Path) -> None:
    for name, emotion in (("calm", "-4"), ("strong", "6")):
        run(folder, "--emotion", emotion, "--motion", "0", out=f"{name}.mp4")
    calm, strong = (
        opened(read_video(folder / f"{name}.mp4")[0][15]) for name in ("calm", "strong")
    )
    assert strong > calm + 1


@pytest.mark.slow
def test_an_emotion_over_time_and_what_is_none(folder: Path) -> None:
    (folder / "rise.csv").write_text("seconds,amount\n0,0\n1,2\n")
    assert run(folder, "--emotion", str(folder / "rise.csv")).exit_code == 0
    assert run(folder, "--emotion", "0:-1,0.5:1", "--axis", "PC2").exit_code == 0
    refused(run(folder, "--emotion", "angry.wav"), "can't be read")
    refused(run(folder, "--emotion", "99"), "at most")


@pytest.mark.slow
def test_faces_stand_side_by_side_if_several_emotions_are_given(folder: Path) -> None:
    csv = folder / "out.csv"
    result = run(folder, "--emotion", "-2", "--emotion", "2", "-o", str(csv))
    assert result.exit_code == 0, result.output
    frames, _ = read_video(folder / "out.mp4")
    assert frames.shape[2] == 2 * 331
    assert csv.exists()


@pytest.mark.slow
def test_head_motion_of_another_clip_is_taken(folder: Path) -> None:
    portrait = data.astronaut()[:301, 60:391]
    sways = [np.roll(portrait, round(12 * np.sin(i / 4)), axis=1) for i in range(40)]
    write_video(folder / "head.mp4", sways)
    run(folder, "--motion", "0", out="still.mp4")
    run(folder, "--head", str(folder / "head.mp4"), out="sway.mp4")
    still, sway = (
        detector().detect(read_video(folder / f"{name}.mp4")[0]).landmarks
        for name in ("still", "sway")
    )
    assert np.ptp(still[:, 27, 0]) < 3
    assert np.ptp(sway[:, 27, 0]) > 10


@pytest.mark.slow
def test_a_network_paints_when_it_is_asked_to(folder: Path) -> None:
    settings = load_settings("smoke", translator_width=4)
    (folder / "run" / "translator").mkdir(parents=True)
    path = folder / "run" / "translator" / "model.safetensors"
    save_model(path, UNet(4), settings)
    options = ["--renderer", "unet", "--model", str(folder / "run")]
    assert run(folder, *options).exit_code == 0
    frames, _ = read_video(folder / "out.mp4")
    assert frames.shape == (19, 300, 330, 3)
    refused(run(folder, "--renderer", "improved", *options[2:]), "improved")
    refused(run(folder, "--renderer", "oil"), "warp", "unet", "improved")


@pytest.mark.slow
def test_mark_is_visible_and_only_in_its_corner(folder: Path) -> None:
    run(folder, "--motion", "0", out="plain.mp4")
    run(folder, "--motion", "0", "--mark", out="marked.mp4")
    plain, marked = (
        read_video(folder / f"{name}.mp4")[0][0].astype(int)
        for name in ("plain", "marked")
    )
    changed = np.abs(plain - marked).max(-1) > 40
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert changed.sum() > 50
    assert rows[0] > 250
    assert columns[-1] < 165


@pytest.mark.slow
def test_stereo_voice_stays_stereo(folder: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (24_000, 2))
    frames = [np.zeros((32, 32, 3), np.uint8)] * 13
    write_video(folder / "clip.mp4", frames, samples, 48_000)
    assert run(folder, voice="clip.mp4").exit_code == 0
    with av.open(str(folder / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.channels == 2


@pytest.mark.slow
def test_two_faces_are_said_on_standard_error(folder: Path) -> None:
    one = data.astronaut()
    Image.fromarray(np.hstack([one, one])).save(folder / "both.png")
    result = run(folder, photo="both.png")
    assert result.exit_code == 0
    assert "2 faces" in result.stderr


def spoil(folder: Path) -> None:
    """Write one file for every way in which input can be wrong."""
    portrait = data.astronaut()
    Image.fromarray(data.coffee()).save(folder / "no_face.png")
    pages = [Image.fromarray(portrait).rotate(angle).convert("P") for angle in (0, 9)]
    pages[0].save(folder / "moving.gif", save_all=True, append_images=pages[1:])
    (folder / "text.jpg").write_text("this is no photograph\n" * 40)
    Image.fromarray(portrait).save(folder / "cut.jpg")
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 3])
    write_wav(folder / "silent.wav", np.zeros(16_000))
    write_wav(folder / "nothing.wav", np.zeros(0))
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is no voice\n" * 40)
    whole = (folder / "voice.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    write_video(folder / "mute.mp4", [portrait] * 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"photo": "no_face.png"}, "No frontal face"),
        ({"photo": "moving.gif"}, "animation"),
        ({"photo": "text.jpg"}, "not a picture"),
        ({"photo": "cut.jpg"}, "cut short"),
        ({"photo": "missing.jpg"}, "There is no file"),
        ({"photo": "."}, "There is no file"),
        ({"voice": "silent.wav"}, "silent"),
        ({"voice": "nothing.wav"}, "empty"),
        ({"voice": "empty.wav"}, "not an audio"),
        ({"voice": "text.wav"}, "not an audio"),
        ({"voice": "cut.wav"}, "cut short"),
        ({"voice": "mute.mp4"}, "no sound"),
        ({"voice": "missing.wav"}, "There is no file"),
        ({"out": "no/such/out.mp4"}, "does not exist"),
        ({"out": "face.png/out.mp4"}, "does not exist"),
        ({"out": "out.avi"}, ".mp4"),
        ({"voice": "mute.mp4", "out": "mute.mp4"}, "overwrite"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_no_file(
    folder: Path, files: dict[str, str], reason: str
) -> None:
    spoil(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    refused(run(folder, **files), reason)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' /proc")
def test_folder_that_cannot_be_written_is_refused_before_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root, too, who may write nearly anywhere."""
    reader = "emoface_lib.animation.animate.read_portrait"
    monkeypatch.setattr(reader, lambda *_, **__: 1 / 0)
    refused(run(folder, out="/proc/out.mp4"), "can't be written")


def test_an_error_in_the_middle_leaves_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*given) -> Iterator[np.ndarray]:
        yield from islice(rendered(*given), 5)
        raise InputError("the renderer gave up.")

    monkeypatch.setattr("emoface_lib.animation.animate.rendered", failing)
    before = sorted(folder.iterdir())
    voice = read_voice(folder / "voice.wav")
    with pytest.raises(InputError, match="gave up"):
        animate(folder / "face.png", voice, folder / "out.mp4", LoudnessMouth())
    assert sorted(folder.iterdir()) == before


@given(length=st.integers(1, 20), count=st.integers(1, 40))
def test_as_many_frames_as_the_voice_has(length: int, count: int) -> None:
    predicted = np.arange(length)
    wanted = np.concatenate([predicted, [predicted[-1]] * count])[:count]
    np.testing.assert_array_equal(hold_last(predicted, count), wanted)


@settings(max_examples=30)
@given(size=st.floats(0.2, 8), angle=st.floats(-30, 30))
def test_displacements_follow_a_faces_size_and_tilt(size: float, angle: float) -> None:
    a = np.radians(angle)
    turn = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
    photographed = size * to_canonical(mean_face()) @ turn + [40, 90, 3]
    moved = np.array([[3.0, -2.0]]) @ into_photo(photographed)
    np.testing.assert_allclose(moved, size * np.array([[3, -2]]) @ turn[:2, :2])


def test_mean_face_in_the_canvas_needs_no_change() -> None:
    face = to_canonical(mean_face())
    np.testing.assert_allclose(into_photo(face), np.eye(2), atol=1e-6)
    assert np.linalg.norm(face[45, :2] - face[36, :2]) == pytest.approx(EYE_DISTANCE)


@pytest.mark.parametrize("shape", [(64, 48, 3), (300, 200, 3), (1200, 1920, 3)])
def test_mark_fits_any_picture(shape: tuple[int, int, int]) -> None:
    frame = np.full(shape, 128, np.uint8)
    marked = Watermark(shape).press(frame.copy())
    assert marked.shape == shape
    assert (marked != frame).any()
    assert (marked[: shape[0] // 2] == frame[: shape[0] // 2]).all()


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="trial data is not here")
@pytest.mark.parametrize(
    ("name", "voice"),
    [
        ("biden.jpg", "emodb_sample/03a01Fa.wav"),
        ("obama.jpg", "voxceleb2_sample/mp4/id06811/681100216/00002.mp4"),
        ("obama_2.jpg", "emodb_sample/03a02Nc.wav"),
    ],
)
def test_real_portraits_open_their_mouths_as_the_voice_asks(
    tmp_path: Path, name: str, voice: str
) -> None:
    heard = read_voice(REAL / voice)
    inputs = REAL / "portraits" / name, heard, tmp_path / "out.mp4", LoudnessMouth()
    made = animate(*inputs, longest_side=480)
    with av.open(str(made.path)) as container:
        assert abs(container.duration / 1e6 - made.seconds) <= 0.04
    frames, _ = read_video(made.path)
    (wanted,) = LoudnessMouth().predict(heard.samples)
    wanted = lip_opening(wanted) * (1 - heard.pauses[: len(wanted)])
    seen = lip_opening(detector().detect(list(frames[::4])).landmarks)
    assert np.corrcoef(seen, wanted[::4])[0, 1] > 0.6

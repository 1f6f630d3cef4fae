"""What goes wrong with files, disks and processes: each ends as promised."""

import errno
import multiprocessing
import os
import shutil
import signal
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from tqdm import auto, std

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import write_video
from emoface_lib.corpora import extract, prepare
from emoface_lib.corpora.index import read_corpus
from tests.core.test_video import write_sound

pytestmark = pytest.mark.slow

Talking = tuple[list[np.ndarray], np.ndarray]
Outcome = tuple[pd.DataFrame, Path]
RATE = 16_000
KILLS = 10
SETTINGS = load_settings("smoke", recogniser="drawn", corpus="faults")


def path_of(root: Path, name: str) -> Path:
    path = root / "corpus" / "mp4" / "id00012" / "abc" / f"{name}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def run(root: Path, settings: Settings = SETTINGS, **how: object) -> pd.DataFrame:
    """Prepare root/corpus into root/features; clips by their last name."""
    corpus, folder = root / "corpus", root / "features"
    how = {"workers": 1, **how}
    rows = prepare.prepare(read_corpus(corpus).index, corpus, folder, settings, **how)  # type: ignore[arg-type]
    return rows.set_index("utterance")


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_variable(path: Path, frames: list[np.ndarray], samples: np.ndarray) -> None:
    """A video whose frames come at uneven times: every third is shown twice as long."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 224, 224, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 600)
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        ticks = 0
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts, frame.time_base = ticks, Fraction(1, 600)
            ticks += 36 if number % 3 == 2 else 18  # 60 and 30 ms
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        heard = av.AudioFrame.from_ndarray(
            np.resize(samples, int(ticks / 600 * RATE))[None].astype(np.float32),
            format="fltp",
            layout="mono",
        )
        heard.rate, heard.pts = RATE, 0
        container.mux(sound.encode(heard))
        container.mux(sound.encode(None))


def write_nan(path: Path, frames: list[np.ndarray], samples: np.ndarray) -> None:
    """A video whose sound, kept as floats, holds a NaN."""
    hurt = samples.astype(np.float32).copy()
    hurt[5_000] = np.nan
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 224, 224, "yuv420p"
        sound = container.add_stream("pcm_f32le", rate=RATE, layout="mono")
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
        heard = av.AudioFrame.from_ndarray(hurt[None], format="flt", layout="mono")
        heard.rate = RATE
        container.mux(sound.encode(heard))
        container.mux(sound.encode(None))


def side_by_side(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [np.concatenate([frame, frame[:, ::-1]], axis=1) for frame in frames]


@pytest.fixture(scope="module")
def outcome(talking: Talking, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A corpus in which nearly everything is wrong, prepared once."""
    root = tmp_path_factory.mktemp("faults")
    frames, samples = talking
    good = path_of(root, "good")
    write_video(good, frames, samples)
    path_of(root, "cut").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    path_of(root, "empty").touch()
    write_video(path_of(root, "silent video"), frames)
    write_video(path_of(root, "quiet"), frames, samples * 0)
    write_video(path_of(root, "two faces"), side_by_side(frames), samples)
    write_video(path_of(root, "no face"), [0 * frame for frame in frames], samples)
    write_nan(path_of(root, "nan"), frames, samples)
    write_variable(path_of(root, "variable"), frames, samples)
    write_video(path_of(root, "Zoë's 1st clip, ü 漢"), frames, samples)
    write_sound(path_of(root, "zero frames"), samples, RATE, "aac")
    elsewhere = root / "elsewhere.mp4"
    shutil.copy(good, elsewhere)
    path_of(root, "linked").symlink_to(elsewhere)
    path_of(root, "dangling").symlink_to(root / "nothing.mp4")
    read_only = path_of(root, "read only")
    shutil.copy(good, read_only)
    read_only.chmod(0o444)
    before = contents(root / "corpus")
    rows = run(root)
    assert contents(root / "corpus") == before, "a corpus is only ever read"
    return rows, root


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cut", "damaged or cut short"),
        ("empty", "damaged or cut short"),
        ("silent video", "has no sound"),
        ("quiet", "is silent"),
        ("two faces", "two faces"),
        ("no face", "No face was found in 30 frames"),
        ("nan", "NaN"),
        ("zero frames", "holds no video"),
        ("dangling", "There is no file"),
    ],
)
def test_a_bad_clip_is_listed_with_its_file_and_reason(
    outcome: Outcome, name: str, reason: str
) -> None:
    rows, root = outcome
    assert f"{name}.mp4" in rows["problem"][name]
    assert reason in rows["problem"][name]
    assert not list((root / "features").rglob(f"{name}.npz"))


@pytest.mark.parametrize(
    "name", ["good", "linked", "read only", "Zoë's 1st clip, ü 漢"]
)
def test_a_good_clip_is_used_whatever_it_is_called_and_wherever_it_lies(
    outcome: Outcome, name: str
) -> None:
    rows, root = outcome
    assert rows["problem"][name] == ""
    own, good = (
        read_npz(root / f"features/id00012/abc/{n}.npz") for n in (name, "good")
    )
    assert all(np.array_equal(own[key], good[key]) for key in good)


def test_uneven_frames_are_brought_to_the_clock(outcome: Outcome) -> None:
    rows, _ = outcome
    seconds = 30 * 0.04  # 30 frames, of which a third is shown for 60 ms
    assert rows["problem"]["variable"] == ""
    assert rows["frames"]["variable"] == pytest.approx(25 * seconds, abs=1)


def test_nothing_is_left_beside_the_files(outcome: Outcome) -> None:
    _, root = outcome
    names = {path.name for path in (root / "features").rglob("*")}
    assert not [name for name in names if name.startswith(".")]
    assert "journal" not in names


def test_retry_is_asked_for(outcome: Outcome, talking: Talking, tmp_path: Path) -> None:
    root = tmp_path / "again"
    shutil.copytree(outcome[1], root, symlinks=True)
    write_video(path_of(root, "cut"), *talking)  # downloaded again
    assert run(root)["problem"]["cut"] != ""
    rows = run(root, retry=True)
    assert rows["problem"]["cut"] == ""
    assert rows["problem"]["quiet"] != ""


def many(root: Path, talking: Talking, count: int) -> None:
    frames, samples = talking
    first = path_of(root, "000")
    write_video(first, frames[:8], samples[: 8 * 640])
    for number in range(1, count):
        shutil.copy(first, path_of(root, f"{number:03d}"))


def test_shards_and_chosen_clips_add_up(talking: Talking, tmp_path: Path) -> None:
    many(tmp_path, talking, 6)
    shutil.copytree(tmp_path / "corpus", tmp_path / "once" / "corpus")
    run(tmp_path / "once")
    rows = run(tmp_path, only=["*/00[01]"])
    assert (rows["problem"] == "").tolist() == [True] * 2 + [False] * 4
    assert set(rows["problem"][2:]) == {"not prepared yet"}
    parts = [run(tmp_path, shard=(part, 2)) for part in (1, 2)]
    assert (parts[0]["problem"] != "").any()
    assert (run(tmp_path)["problem"] == "").all()
    assert contents(tmp_path / "features") == contents(tmp_path / "once" / "features")


def test_two_runs_at_once_are_refused(talking: Talking, tmp_path: Path) -> None:
    many(tmp_path, talking, 1)
    journal = prepare.Journal(tmp_path / "features", (2, 3))
    with pytest.raises(InputError, match="Another run is preparing the same clips"):
        run(tmp_path)
    assert (run(tmp_path, shard=(1, 3))["problem"] != "").all()
    journal.close()
    assert (run(tmp_path)["problem"] == "").all()


def test_features_of_a_real_corpus_are_not_thrown_away_for_other_settings(
    talking: Talking, tmp_path: Path
) -> None:
    many(tmp_path, talking, 1)
    run(tmp_path)
    before = contents(tmp_path / "features")
    other = SETTINGS.changed(longest_gap=3)
    with pytest.raises(InputError, match=r"made with longest_gap = 12, not 3: .*--out"):
        run(tmp_path, other)
    assert contents(tmp_path / "features") == before


def test_features_by_other_code_are_kept_and_that_is_said(
    talking: Talking,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    many(tmp_path, talking, 1)
    run(tmp_path)
    before = contents(tmp_path / "features")
    assert "other code" not in capsys.readouterr().err
    monkeypatch.setattr(extract, "code_hash", lambda _: "other")
    run(tmp_path)
    assert "made by other code" in capsys.readouterr().err
    assert contents(tmp_path / "features") == before


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_ends_the_run_with_the_cure_and_the_next_one_goes_on(
    talking: Talking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(tmp_path, talking, 3)
    written = extract.write_npz
    left = iter([written])
    with monkeypatch.context() as patch:
        patch.setattr(extract, "write_npz", lambda *a, **k: next(left, _full)(*a, **k))
        with pytest.raises(InputError, match=r"No space left on device.*it goes on"):
            run(tmp_path)
    features = tmp_path / "features"
    assert len(list(features.rglob("*.npz"))) == 1
    with monkeypatch.context() as patch:
        journal = prepare.Journal(features)
        journal.file.close()
        journal.file = open("/dev/full", "ab")  # noqa: SIM115
        with pytest.raises(InputError, match="No space left on device"):
            journal.add({"clip": "a"})
        with pytest.raises(OSError, match="No space"):
            journal.file.close()
    assert (run(tmp_path)["problem"] == "").all()


def test_a_damaged_file_or_torn_line_of_a_killed_run_is_made_anew(
    talking: Talking, tmp_path: Path
) -> None:
    many(tmp_path, talking, 3)
    run(tmp_path)
    features = tmp_path / "features"
    whole = contents(features)
    (features / "index.parquet").unlink()
    (features / "id00012/abc/000.npz").write_bytes(b"half of it")
    (features / "id00012/abc/.001.x1y2z3.npz").write_bytes(b"half of it")
    for name in (".index.x1.parquet", ".features.x1.json", ".mean_face.x1.npz"):
        (features / name).touch()
    (features / "journal").mkdir()
    torn = b'{"clip": "id00012/abc/001", "pro'
    (features / "journal" / "1-of-1.jsonl").write_bytes(torn)
    run(tmp_path)
    assert contents(features) == whole


def run_to_be_killed(root: Path) -> None:
    """Killed within tqdm's lock, which a fork shares, it would lock the parent out."""
    for bar in (auto.tqdm, std.tqdm):
        bar.set_lock(threading.RLock())
    run(root)


def test_killed_at_ten_random_moments_it_ends_with_the_same_files(
    talking: Talking, tmp_path: Path
) -> None:
    many(tmp_path, talking, 12)
    shutil.copytree(tmp_path / "corpus", tmp_path / "once" / "corpus")
    start = time.perf_counter()
    run(tmp_path / "once")
    seconds = time.perf_counter() - start
    moments = np.random.default_rng(0).uniform(0, seconds / 3, KILLS)
    fork = multiprocessing.get_context("fork")  # a second start of Python takes seconds
    killed = 0
    for moment in moments:
        child = fork.Process(target=run_to_be_killed, args=(tmp_path,))
        child.start()
        child.join(float(moment))
        child.kill()
        child.join()
        killed += child.exitcode == -signal.SIGKILL
    assert killed >= 3  # the others had come to the end
    assert (run(tmp_path)["problem"] == "").all()
    assert contents(tmp_path / "features") == contents(tmp_path / "once" / "features")

"""The embedded corpus: the same from the same seed, complete after interruptions."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json
from emoface_lib.core.landmarks import POLYLINES
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import read_audio
from emoface_lib.corpora.index import read_corpus
from emoface_lib.synthetic import build as synthetic_build
from emoface_lib.synthetic.build import build_corpus, claim_folder, read_sidecar
from emoface_lib.synthetic.clips import make_clip, plan_corpus, sidecar
from emoface_lib.synthetic.heads.shape import Identity, pose_face, project

pytestmark = pytest.mark.slow
Controls = Mapping[str, np.ndarray]

SMALL = load_settings(
    "smoke",
    train_speakers=2,
    test_speakers=1,
    videos_per_speaker=3,
    clips_per_video=2,
    held_out_videos=1,
)


def draw_lines(identity: Identity, controls: Controls) -> Iterator[np.ndarray]:
    """Pictures of the landmarks' lines: quick to draw."""
    points = project(identity, pose_face(identity, dict(controls)), dict(controls))
    for frame in points:
        picture = np.full((224, 224, 3), 128, np.uint8)
        for line in POLYLINES.values():
            cv2.polylines(picture, [frame[line, :2].astype(np.int32)], False, 255)
        yield picture


def build(folder: Path, settings: Settings = SMALL, workers: int = 1) -> pd.DataFrame:
    return build_corpus(settings, folder, workers, draw_lines)


def digests(folder: Path) -> dict[str, str]:
    paths = sorted(folder.rglob("*.npz"))
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    build(folder)
    return folder


def test_tree_and_index_are_as_promised(corpus: Path) -> None:
    index = read_corpus(corpus).index
    assert list(index.columns)[:12] == [
        *("clip", "speaker", "video", "utterance", "path", "split", "emotion"),
        *("arousal", "valence", "intensity", "sentence", "seconds"),
    ]
    assert index["clip"].iloc[0] == "id00001/video01/00001"
    assert index["split"].value_counts().to_dict() == {"train": 8, "val": 4, "test": 6}
    assert all((corpus / path).exists() for path in index["path"])
    assert not list(corpus.rglob(".*"))
    assert index["seconds"].between(2.3, 6).all()


def test_splits_share_neither_test_speakers_nor_sentences(corpus: Path) -> None:
    index = read_corpus(corpus).index
    train, other = index[index["split"] == "train"], index[index["split"] != "train"]
    test = index[index["split"] == "test"]
    assert not set(train["sentence"]) & set(other["sentence"])
    assert not set(train["speaker"]) & set(test["speaker"])
    assert not set(train["video"]) & set(index[index["split"] == "val"]["video"])


def test_a_video_has_one_state_and_different_sentences(corpus: Path) -> None:
    for _, video in read_corpus(corpus).index.groupby(["speaker", "video"]):
        assert video[["emotion", "arousal", "valence"]].nunique().max() == 1
        assert video["sentence"].is_unique


def test_clips_have_the_format_of_voxceleb2(corpus: Path) -> None:
    row = read_corpus(corpus).index.iloc[3]
    with av.open(str(corpus / row["path"])) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (224, 224, 25)
        assert video.codec_context.name == "h264"
        sound = audio.rate, audio.codec_context.name, audio.channels
        assert sound == (16_000, "aac", 1)
        assert video.frames == round(row["seconds"] * 25)
        assert "Synthetic" in container.metadata["comment"]


def test_the_sound_of_a_clip_is_its_speech(corpus: Path) -> None:
    plan = plan_corpus(SMALL)[3]
    made = make_clip(plan).speech.samples
    heard = read_audio(corpus / plan.path)
    length = min(len(made), len(heard))
    assert abs(len(heard) - len(made)) < 1500
    lags = range(-320, 321, 16)
    likeness = [
        np.corrcoef(np.roll(heard[:length], k), made[:length])[0, 1] for k in lags
    ]
    assert lags[int(np.argmax(likeness))] == 0
    assert max(likeness) > 0.95


def test_sidecar_holds_the_truth(corpus: Path) -> None:
    row = read_corpus(corpus).index.iloc[0]
    truth = read_sidecar(corpus, row["clip"])
    frames = round(row["seconds"] * 25)
    assert truth["landmarks"].shape == (frames, 68, 3)
    assert truth["landmarks"].dtype == np.float32
    assert truth["pose"].shape == (frames, 3)
    assert truth["controls"].shape == (frames, len(truth["control_names"]))
    assert len(truth["phonemes"]) == len(truth["phoneme_start"])
    assert truth["neutral"].shape == (68, 3)
    assert truth["expression"].sum() == pytest.approx(1)
    assert 0 < truth["landmarks"][..., :2].min() < truth["landmarks"].max() < 224


def test_metadata_has_the_header_and_trailing_blanks_of_voxceleb2(corpus: Path) -> None:
    lines = (corpus / "vox2_meta.csv").read_text().splitlines()
    assert lines[0] == "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set "
    assert [line.split(",")[3] for line in lines[1:]] == ["dev ", "dev ", "test "]


def test_data_card_tells_the_numbers(corpus: Path) -> None:
    card = (corpus / "DATA_CARD.md").read_text()
    assert "18 clips" in card
    assert "| test | 6 | 1 |" in card
    assert max(len(line) for line in card.splitlines()) < 400


def test_same_seed_same_bytes_in_any_order_and_size(corpus: Path) -> None:
    larger = SMALL.changed(train_speakers=4, test_speakers=2)
    known = {plan.clip: plan for plan in plan_corpus(larger)}
    for plan in reversed(plan_corpus(SMALL)[::5]):
        first, second = make_clip(plan), make_clip(known[plan.clip])
        assert np.array_equal(first.speech.samples, second.speech.samples)
        again = sidecar(second)
        for name, value in read_sidecar(corpus, plan.clip).items():
            assert np.array_equal(value, again[name])


def test_what_other_code_drew_is_drawn_anew(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    claim_folder(folder, SMALL)
    assert (folder / "mp4").exists()
    monkeypatch.setattr(synthetic_build, "code_hash", lambda _: "other")
    claim_folder(folder, SMALL)
    assert not (folder / "mp4").exists()


def test_another_seed_makes_other_clips() -> None:
    other = SMALL.changed(seed=1)
    first, second = plan_corpus(SMALL)[0], plan_corpus(other)[0]
    assert first.clip == second.clip
    assert first.sentence != second.sentence


def test_interrupted_build_ends_the_same(corpus: Path, tmp_path: Path) -> None:
    drawn = 0

    def draw_five(identity: Identity, controls: Controls) -> Iterator[np.ndarray]:
        nonlocal drawn
        drawn += 1
        if drawn == 5:
            raise KeyboardInterrupt
        yield from draw_lines(identity, controls)

    with pytest.raises(KeyboardInterrupt):
        build_corpus(SMALL, tmp_path, 1, draw_five)
    assert len(list(tmp_path.rglob("*.npz"))) == 4
    assert not (tmp_path / "index.parquet").exists()
    done = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    last = tmp_path / read_corpus(corpus).index["path"].iloc[-1]
    last.parent.mkdir(parents=True, exist_ok=True)
    last.with_name(f".{last.stem}.0123abcd.mp4").write_bytes(b"torn by a kill")
    build(tmp_path)
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    built, whole = (read_corpus(folder).index for folder in (tmp_path, corpus))
    pd.testing.assert_frame_equal(built, whole)
    assert digests(tmp_path) == digests(corpus)
    assert not list(tmp_path.rglob(".*.mp4"))


def test_complete_corpus_is_kept(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a complete clip was made again")

    monkeypatch.setattr(synthetic_build, "write_clip", refuse)
    assert len(build(corpus)) == 18


def test_settings_of_training_do_not_touch_the_corpus(corpus: Path) -> None:
    other = SMALL.changed(content_steps=7)
    one, two = map(synthetic_build.corpus_identity, (other, SMALL))
    assert one == two


def test_corpus_of_other_settings_is_removed_and_other_files_kept(
    corpus: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    (folder / "notes.txt").write_text("mine")
    other = SMALL.changed(seed=5)
    synthetic_build.claim_folder(folder, other)
    assert {path.name for path in folder.iterdir()} == {"corpus.json", "notes.txt"}
    assert (folder / "notes.txt").read_text() == "mine"
    assert read_json(folder / "corpus.json")["seed"] == 5


def test_clips_of_another_origin_are_never_touched(tmp_path: Path) -> None:
    foreign = tmp_path / "mp4/id00012/21Uxsk56VDQ/00001.mp4"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"footage")
    with pytest.raises(InputError, match="another folder"):
        build(tmp_path)
    assert foreign.read_bytes() == b"footage"


def test_too_few_videos_to_train_on_are_refused(tmp_path: Path) -> None:
    few = SMALL.changed(videos_per_speaker=2)
    with pytest.raises(InputError, match="fewer than two"):
        build(tmp_path, few)
    assert not any(tmp_path.iterdir())

"""Real corpora by their names alone: faithful small trees of empty files."""

from pathlib import Path
from string import ascii_uppercase

import pandas as pd
import pytest
from av.format import ContainerFormat, formats_available

from emoface_lib.core.errors import InputError
from emoface_lib.corpora.index import Reading, read_corpus, stages
from emoface_lib.corpora.layouts import LAYOUTS, MEDIA

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"


def tree(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def rows(reading: Reading) -> pd.DataFrame:
    return reading.index.set_index("clip")


def ravdess(root: Path, *modalities: str, actors: str = "01 21") -> Path:
    """Speech in eight emotions, two repetitions; one song, one text."""
    suffix = {"01": "mp4", "02": "mp4", "03": "wav", "csv": "csv"}
    for actor in actors.split():
        for emotion in range(1, 9):
            for repetition in ("01", "02"):
                name = f"01-{emotion:02d}-01-02-{repetition}-{actor}"
                for modality in modalities:
                    first = "01" if modality == "csv" else modality
                    tree(root, f"Actor_{actor}/{first}-{name}.{suffix[modality]}")
    return tree(root, "Actor_01/01-02-03-01-01-01-01.mp4", "README.txt")


def test_voxceleb2_by_its_folders_its_table_or_neither(tmp_path: Path) -> None:
    tree(
        tmp_path,
        *(f"dev/mp4/id00012/video{v}/0000{n}.mp4" for v in range(3) for n in (1, 2)),
        "dev/aac/id00012/video0/00001.m4a",
        "test/mp4/id00017/abc/00001.mp4",
        "test/mp4/._id00017/abc/00001.mp4",
    )
    reading = read_corpus(tmp_path)
    index = rows(reading)
    assert reading.layout.name == "voxceleb2"
    assert len(index) == 7
    assert index["sound"]["id00012/video0/00001"].startswith("dev/aac/")
    assert index["split"]["id00017/abc/00001"] == "test"
    own = index[index["speaker"] == "id00012"]
    assert own.groupby("video")["split"].nunique().eq(1).all()
    assert own.groupby("split").size().to_dict() == {"train": 4, "val": 2}
    assert not any(stages(reading).values())


@pytest.mark.parametrize(
    ("header", "between"),
    [("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set ", " ,"), (None, "\t")],
)
def test_voxceleb2_by_both_forms_of_its_table(
    header: str | None, between: str, tmp_path: Path
) -> None:
    rows_of_table = [
        ("VoxCeleb2 ID", "VGGFace2 ID", "Gender", "Set"),
        ("id00012", "n000012", "m", "dev"),
        ("id00017", "n000017", "f", "test"),
    ]
    lines = [between.join(row) + (" " if header else "") for row in rows_of_table]
    assert header in (None, lines[0])
    for speaker in ("id00012", "id00017", "id00099"):
        tree(tmp_path, f"mp4/{speaker}/abc/00001.mp4")
    assert set(read_corpus(tmp_path).index["split"]) == {"test"}  # without a table
    (tmp_path / "vox2_meta.csv").write_text("\r\n".join(lines) + "\r\n")
    index = read_corpus(tmp_path).index.set_index("speaker")
    # who is in no table is not trained on by mistake
    assert index["split"].tolist() == ["train", "test", "test"]


def test_lrw_is_read_with_all_its_500_words(tmp_path: Path) -> None:
    words = [f"WORD{a}{b}" for a in ascii_uppercase for b in ascii_uppercase][:500]
    kinds = ("train", 1), ("train", 2), ("val", 3), ("test", 4)
    tree(tmp_path, *(f"{w}/{k}/{w}_{n:05}.mp4" for w in words for k, n in kinds))
    reading = read_corpus(tmp_path)
    assert reading.layout.name == "lrw"
    assert reading.index["split"].value_counts().to_dict() == {
        "train": 1000,
        "val": 500,
        "test": 500,
    }
    assert reading.index["sentence"].nunique() == 500
    below = tree(tmp_path / "below", "lipread_mp4/ABOUT/train/ABOUT_00001.mp4")
    assert read_corpus(below).layout.name == "lrw"  # without its texts, too
    assert reading.index["speaker"].nunique() == 2000  # nobody is named


def test_lrw_has_official_splits_and_no_speakers(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        for kind in ("mp4", "txt"):
            tree(tmp_path, f"lipread_mp4/ABOUT/{part}/ABOUT_00001.{kind}")
    reading = read_corpus(tmp_path)
    index = rows(reading)
    assert index["split"].tolist() == ["test", "train", "val"]  # by name: test first
    assert index["speaker"].is_unique
    assert index["sentence"].unique().tolist() == ["about"]
    why = stages(reading)
    assert why["step 1"] == ""
    assert "LRW does not name its speakers" in why["step 2"]


def test_ravdess_joins_video_sound_and_tracks_of_a_clip(tmp_path: Path) -> None:
    reading = read_corpus(ravdess(tmp_path, "01", "02", "03", "csv"))
    index = rows(reading)
    assert reading.layout.name == "ravdess"
    assert (len(index), reading.duplicates, reading.unmatched) == (32, [], [])
    clip = index.loc["Actor_01/calm/02-01-02-01-01"]
    assert clip["path"] == "Actor_01/01-01-02-01-02-01-01.mp4"
    assert clip["sound"] == "Actor_01/03-01-02-01-02-01-01.wav"
    assert clip["tracks"] == "Actor_01/01-01-02-01-02-01-01.csv"
    assert (clip["emotion"], clip["intensity"]) == ("neutral", "normal")
    assert clip["sentence"] == "dogs are sitting by the door"
    assert set(index["split"][index["speaker"] == "Actor_21"]) == {"test"}
    held_out = index[index["split"] == "val"]
    assert held_out["video"].nunique() == 1
    assert not any(stages(reading).values())


@pytest.mark.parametrize(
    ("modalities", "cannot"),
    [
        (("02", "03"), set()),  # the silent videos with the sounds
        (("csv", "03"), {"step 3", "ES"}),  # the published tracks
        (("03",), {"landmarks", "step 1", "step 2", "step 3", "LMD", "ES"}),
    ],
)
def test_ravdess_feeds_what_its_archives_allow(
    modalities: tuple[str, ...], cannot: set[str], tmp_path: Path
) -> None:
    why = stages(read_corpus(ravdess(tmp_path, *modalities)))
    assert {stage for stage, reason in why.items() if reason} == cannot


def test_crema_d_names_what_its_authors_call_faulty(tmp_path: Path) -> None:
    names = ("1001_DFA_ANG_XX", "1007_ITH_NEU_XX", "1064_IEO_DIS_MD", "1091_IEO_HAP_LO")
    for name in names:
        tree(tmp_path, f"VideoFlash/{name}.flv", f"AudioWAV/{name}.wav")
    index = rows(read_corpus(tmp_path))
    assert index.index.tolist() == [
        "1001/anger/1001_DFA_ANG_XX",
        "1007/neutral/1007_ITH_NEU_XX",
        "1064/disgust/1064_IEO_DIS_MD",
        "1091/happiness/1091_IEO_HAP_LO",
    ]
    assert (index["problem"] != "").tolist() == [False, True, True, False]
    assert index["split"].tolist() == ["train", "train", "train", "test"]
    assert index["sentence"].iloc[0] == "don't forget a jacket"


def test_emo_db_counts_boredom_as_neutral_but_as_its_own_video(tmp_path: Path) -> None:
    reading = read_corpus(tree(tmp_path, "wav/03a01Fa.wav", "wav/16b10Lb.wav"))
    happy, bored = rows(reading).itertuples()
    assert (reading.layout.name, reading.unmatched) == ("emo-db", [])
    assert (happy.Index, happy.speaker) == ("03/happiness/03a01Fa", "03")
    assert (happy.emotion, happy.split) == ("happiness", "train")
    assert happy.sentence == "der Lappen liegt auf dem Eisschrank"
    assert (bored.video, bored.emotion, bored.split) == ("boredom", "neutral", "test")


def test_grid_tells_its_sentence_and_that_it_is_neutral(tmp_path: Path) -> None:
    tree(tmp_path, "s1/bbaf2n.mpg", "align/s1/bbaf2n.align", "s28/lbaxzn.mpg")
    reading = read_corpus(tmp_path)
    index = rows(reading)
    assert index["sentence"].tolist()[0] == "bin blue at f two now"
    assert index["sentence"].tolist()[1] == "lay blue at x zero now"
    assert index["text"].tolist() == ["align/s1/bbaf2n.align", ""]
    assert index["split"].tolist() == ["train", "test"]
    assert "two emotional states" in stages(reading)["step 2"]


def test_grid_has_no_video_of_talker_21(tmp_path: Path) -> None:
    tree(tmp_path, "audio_25k/s21/bbaf2n.wav", "s20/bbaf2n.mpg", "s20/bbaf2n.wav")
    index = read_corpus(tmp_path).index.set_index("speaker")
    assert index["path"]["s21"] == ""
    alone = read_corpus(tree(tmp_path / "alone", "s21/bbaf2n.wav"))
    assert stages(alone)["landmarks"] == "neither videos nor landmark tracks"
    assert stages(alone)["step 1"] != ""


def test_mead_takes_the_view_from_the_front(tmp_path: Path) -> None:
    for view in ("front", "left_30", "top"):
        tree(tmp_path, f"M003/video/{view}/angry/level_1/001.mp4")
    tree(tmp_path, "M003/audio/angry/level_1/001.m4a")
    tree(tmp_path, "W036/video/front/contempt/level_3/001.mp4")
    reading = read_corpus(tmp_path)
    index = rows(reading)
    names = ["M003/angry/level_1_001", "W036/contempt/level_3_001"]
    assert index.index.tolist() == names
    assert index["path"].iloc[0] == "M003/video/front/angry/level_1/001.mp4"
    assert index["sound"].iloc[0] == "M003/audio/angry/level_1/001.m4a"
    assert index["split"].tolist() == ["train", "test"]
    assert reading.unmatched == []


@pytest.mark.parametrize(
    ("name", "video", "sound"),
    [
        ("voxceleb2", "dev/mp4/id00012/a/00001.mp4", "dev/wav/id00012/a/00001.wav"),
        ("voxceleb2", "vox/id00012/a/00001.MKV", "sounds/id00012/a/00001.flac"),
        ("voxceleb2", "my/mp4/anna/monday/1.mp4", "my/aac/anna/monday/1.wav"),
        ("lrw", "ABOUT/train/ABOUT_00001.avi", "wav/ABOUT/train/ABOUT_00001.wav"),
        ("ravdess", "v/01-01-05-01-02-01-01.mov", "03-01-05-01-02-01-01.mp3"),
        ("crema-d", "CREMA-D/mine/1001_DFA_ANG_XX.mp4", "mp3/1001_DFA_ANG_XX.mp3"),
        ("grid", "s1/video/mpg_6000/bbaf2n.mp4", "audio/s1/bbaf2n.m4a"),
        (
            "mead",
            "M003/video/front/sad/level_1/001.mkv",
            "M003/audio/sad/level_1/001.wav",
        ),
    ],
)
def test_a_clip_is_known_by_its_name_in_any_folder_and_format(
    name: str, video: str, sound: str, tmp_path: Path
) -> None:
    reading = read_corpus(tree(tmp_path, video, sound))
    assert reading.layout.name == name
    (clip,) = reading.index.to_dict("records")
    assert (clip["path"], clip["sound"]) == (video, sound)
    assert reading.unmatched == []


def test_ffmpeg_knows_the_endings_that_are_read() -> None:
    known = set.union(*(ContainerFormat(n).extensions for n in formats_available))
    assert set(MEDIA) <= known


def test_splits_of_a_part_are_those_of_the_whole(tmp_path: Path) -> None:
    whole = rows(read_corpus(ravdess(tmp_path / "a", "01", actors="01 02 21")))["split"]
    part = rows(read_corpus(ravdess(tmp_path / "b", "01", actors="02 21")))["split"]
    assert part.equals(whole[part.index])


def test_double_and_foreign_files_are_told(tmp_path: Path) -> None:
    tree(tmp_path, "s1/bbaf2n.mpg", "copy/s1/bbaf2n.mpg", "holiday.mp4", "notes.txt")
    reading = read_corpus(tmp_path)
    assert reading.duplicates == ["s1/bbaf2n.mpg"]
    assert reading.unmatched == ["holiday.mp4"]


def test_links_are_followed_but_in_no_circle(tmp_path: Path) -> None:
    other = tree(tmp_path / "other disk", "00001.mp4", "00002.mp4")
    root = tree(tmp_path / "corpus", "mp4/id00012/abc/00001.mp4")
    (root / "mp4/id00012/def").symlink_to(other)
    (root / "mp4/id00012/abc/again").symlink_to(root)
    index = read_corpus(root).index
    clips = ["id00012/abc/00001", "id00012/def/00001", "id00012/def/00002"]
    assert index["clip"].tolist() == clips


def test_what_is_no_corpus_is_told_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        read_corpus(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"Known are VoxCeleb2: .*MEAD: "):
        read_corpus(tree(tmp_path, "notes.txt"))
    tree(tmp_path, "Video_Speech_Actor_01.zip")
    with pytest.raises(InputError, match=r"Unpack Video_Speech_Actor_01\.zip"):
        read_corpus(tmp_path)
    with pytest.raises(InputError, match="did you mean 'ravdess'"):
        read_corpus(tmp_path, "ravdes")
    with pytest.raises(InputError, match=r"no clip of GRID.*s<talker>"):
        read_corpus(tmp_path, "grid")


def test_an_index_of_ones_own_is_a_layout_too(tmp_path: Path) -> None:
    own = pd.DataFrame({"clip": ["a/b/c"], "speaker": ["a"], "video": ["b"]})
    own.to_parquet(tmp_path / "index.parquet")
    with pytest.raises(InputError, match=r"index.parquet has no column 'path'"):
        read_corpus(tmp_path)
    own = own.assign(path="c.mp4", split="train")
    own.to_parquet(tmp_path / "index.parquet")
    assert stages(read_corpus(tmp_path))["step 1"] == ""


@pytest.mark.parametrize("clip", ["../../b/c", "/tmp/b/c", "a/../../c"])
def test_no_name_of_a_foreign_index_leaves_the_run(clip: str, tmp_path: Path) -> None:
    row = {"clip": clip, "speaker": "a", "video": "b", "path": "c.mp4", "split": "val"}
    pd.DataFrame([row]).to_parquet(tmp_path / "index.parquet")
    with pytest.raises(
        InputError, match=r"index.parquet has a clip .*leads out of its folder"
    ):
        read_corpus(tmp_path)


def test_nor_does_what_it_names_leave_the_corpus(tmp_path: Path) -> None:
    row = {"clip": "a", "speaker": "a", "video": "b", "path": "c.mp4", "split": "val"}
    for rows, reason in (
        ([{**row, "path": "../c.mp4"}], "has a path '../c.mp4', which leads out"),
        ([{**row, "sound": "/c.wav"}], "has a sound '/c.wav', which leads out"),
        ([{**row, "clip": None}], "has a clip '', which leads out"),
        ([row, row], "two clips 'a'"),
    ):
        pd.DataFrame(rows).to_parquet(tmp_path / "index.parquet")
        with pytest.raises(InputError, match=reason):
            read_corpus(tmp_path)


def test_every_corpus_has_a_card() -> None:
    cards = Path(__file__).parents[2].joinpath("docs", "corpora.md").read_text()
    for layout in LAYOUTS.values():
        assert f"## {layout.title}" in cards


@pytest.mark.skipif(not SAMPLES.exists(), reason="no samples of real corpora here")
@pytest.mark.parametrize(
    ("folder", "name", "clips", "speakers"),
    [("voxceleb2_sample", "voxceleb2", 18, 10), ("grid_sample", "grid", 6, 5)],
)
def test_real_clips_are_read(folder: str, name: str, clips: int, speakers: int) -> None:
    reading = read_corpus(SAMPLES / folder)
    assert reading.layout.name == name
    assert len(reading.index) == clips
    assert reading.index["speaker"].nunique() == speakers
    assert all((SAMPLES / folder / path).exists() for path in reading.index["path"])

"""Preparing a corpus: one file a clip, bad clips named, nothing done twice."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from emoface_lib.core.checkpoints import save_model
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import CARD, read_npz, write_json, write_npz
from emoface_lib.core.landmarks import EYE_DISTANCE, eye_distance, lip_opening
from emoface_lib.core.settings import load_settings
from emoface_lib.core.video import iter_frames, read_audio, write_video
from emoface_lib.corpora.extract import Recipe
from emoface_lib.corpora.prepare import prepare
from emoface_lib.features.prepared import (
    corpus_mean_face,
    load_clips,
    look_ahead,
    to_frame_rate,
    to_video_rate,
)
from emoface_lib.features.voice_conversion import MODEL, SPEAKERS, new_autovc
from emoface_lib.synthetic.build import draw_faces, read_sidecar, write_clip
from emoface_lib.synthetic.clips import plan_corpus

pytestmark = pytest.mark.slow
Prepared = tuple[pd.DataFrame, Path]
SETTINGS = load_settings("smoke")
PLANS = plan_corpus(SETTINGS)[:2]  # two clips of one speaker


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good clips, two with faceless frames; core/test_faults.py has others."""
    folder = tmp_path_factory.mktemp("corpus")
    write_json(folder / CARD, {"hash": "test"})
    for plan in PLANS:
        write_clip(plan, folder, draw_faces)
    good = folder / PLANS[0].path
    frames = list(iter_frames(good))
    for name, gap in (("gap", 13), ("blink", 6)):  # frames without a face
        dark = [0 * f if 10 <= n < 10 + gap else f for n, f in enumerate(frames)]
        write_video(good.with_name(f"{name}.mp4"), dark, read_audio(good))
    return folder


def index_of() -> pd.DataFrame:
    rows = [
        {
            "clip": plan.clip,
            "speaker": plan.speaker.name,
            "video": plan.video,
            "path": plan.path,
            "split": "train",
            "emotion": plan.state.emotion,
        }
        for plan in PLANS
    ]
    folder = Path(PLANS[0].clip).parent
    bad = [
        {**rows[0], "clip": str(folder / name), "path": f"mp4/{folder}/{name}.mp4"}
        for name in ("gap", "blink")
    ]
    return pd.DataFrame([rows[0], *bad, rows[1]])


@pytest.fixture(scope="module")
def prepared(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("features")
    return prepare(index_of(), corpus, folder, SETTINGS, workers=1), folder


def test_too_long_a_gap_is_named_and_the_rest_is_kept(prepared: Prepared) -> None:
    index, folder = prepared
    problems = index["problem"].tolist()
    assert problems[0] == problems[-1] == ""
    assert "gap.mp4" in problems[1]
    assert "13 frames in a row" in problems[1]
    assert len(list(folder.glob("*/*/*.npz"))) == 3


def test_frames_without_a_face_are_interpolated_and_counted(prepared: Prepared) -> None:
    index, folder = prepared
    assert index["problem"].iloc[2] == ""
    assert index["missing"].tolist() == [0, 0, 6, 0]
    stored = read_npz(folder / f"{index['clip'].iloc[2]}.npz")
    assert np.flatnonzero(~stored["found"]).tolist() == list(range(10, 16))
    assert len(stored["log_mel"]) == 2 * len(stored["landmarks"])


def test_sound_and_picture_have_one_clock(prepared: Prepared) -> None:
    index, folder = prepared
    stored = read_npz(folder / f"{index['clip'].iloc[0]}.npz")
    frames = len(stored["landmarks"])
    assert stored["log_mel"].shape == (2 * frames, 80)
    assert len(stored["crops"]) == -(-frames // 5)
    assert stored["found"].all()


def test_landmarks_are_near_the_truth(prepared: Prepared, corpus: Path) -> None:
    index, folder = prepared
    clip = index["clip"].iloc[0]
    truth = read_sidecar(corpus, clip)["landmarks"][..., :2]
    found = read_npz(folder / f"{clip}.npz")["landmarks"][..., :2]
    assert np.linalg.norm(found - truth, axis=-1).mean() < 2


@pytest.fixture
def copied(prepared: Prepared, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the prepared features that a test may change, and its first file."""
    folder = tmp_path / "features"
    shutil.copytree(prepared[1], folder)
    return folder, folder / f"{PLANS[0].clip}.npz"


def test_what_is_done_is_not_done_again_until_the_detector_changes(
    copied: tuple[Path, Path], corpus: Path
) -> None:
    folder, path = copied
    before = path.stat().st_mtime_ns
    prepare(index_of(), corpus, folder, SETTINGS, workers=1)
    assert path.stat().st_mtime_ns == before
    truth = SETTINGS.changed(detector="truth")
    prepare(index_of()[:1], corpus, folder, truth, workers=1)
    exact = read_npz(path)["landmarks"][..., :2]
    known = read_sidecar(corpus, PLANS[0].clip)["landmarks"][..., :2]
    assert np.allclose(exact, known)


def test_drawn_features_by_other_code_are_made_anew(
    copied: tuple[Path, Path], corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, path = copied
    before = path.stat().st_mtime_ns
    monkeypatch.setattr("emoface_lib.corpora.extract.code_hash", lambda _: "other")
    prepare(index_of()[:1], corpus, folder, SETTINGS, workers=1)
    assert path.stat().st_mtime_ns > before


def test_two_checkpoints_of_scn_are_two(tmp_path: Path) -> None:
    made = []
    for name in ("one", "other"):
        path = tmp_path / f"{name}.pth"
        path.write_bytes(name.encode())
        own = SETTINGS.changed(scn_checkpoint=str(path))
        recipe = Recipe(tmp_path, tmp_path, own, False, "scn", None)
        made.append(recipe.made_by()["scn_checkpoint"])
    assert made[0] != made[1]


def test_clips_are_aligned_and_refer_to_closed_lips(prepared: Prepared) -> None:
    index, folder = prepared
    good = index[index["problem"] == ""]
    mean = read_npz(folder / "mean_face.npz")["landmarks"]
    assert eye_distance(mean[:, :2]) == pytest.approx(EYE_DISTANCE)
    assert np.allclose(mean, corpus_mean_face(folder, list(good["clip"])))
    clips = load_clips(folder, SETTINGS)
    assert [clip.name for clip in clips] == list(good["clip"])
    for clip in clips:
        assert clip.features.shape[0] == clip.landmarks.shape[0]
        assert clip.landmarks[:, 36:48].std(0).mean() < 1.5  # the pose is gone
        assert lip_opening(clip.reference) <= lip_opening(clip.landmarks).median()
        assert clip.expression.sum() == pytest.approx(1, abs=1e-4)


def test_f_a_is_made_as_settings_say_when_clips_are_loaded(
    prepared: Prepared, tmp_path: Path
) -> None:
    index, folder = prepared
    small = {"autovc_pre": 16, "autovc_width": 16, "autovc_post": 16}
    wanted = SETTINGS.changed(features="codes", **small)
    save_model(tmp_path / MODEL, new_autovc(wanted), wanted)
    known = {"speakers": np.array(["a"])}
    one = np.eye(1, 256, dtype=np.float32)
    write_npz(tmp_path / SPEAKERS, embeddings=one, **known)
    with pytest.raises(InputError, match=r"does not know .*02_audio_features again"):
        load_clips(folder, wanted, tmp_path)
    known["speakers"] = np.array(list(index["speaker"].unique()))
    write_npz(tmp_path / SPEAKERS, embeddings=one, **known)
    plain = load_clips(folder, SETTINGS)
    for clip, log_mel in zip(load_clips(folder, wanted, tmp_path), plain, strict=True):
        assert clip.features.shape == (len(log_mel.features), 64)


def test_the_phonetic_code_is_made_when_a_corpus_is_prepared(
    corpus: Path, prepared: Prepared, tmp_path: Path
) -> None:
    pytest.importorskip("hama")
    mel = SETTINGS.changed(features="log_mel")
    clip, plain = (load_clips(prepared[1], kind)[0] for kind in (SETTINGS, mel))
    ahead = len(clip.features) - SETTINGS.features.look_ahead
    assert torch.equal(clip.features[:, 144:], plain.features)
    assert clip.features[:ahead, :144].mean(0).abs().max() < 0.3
    assert clip.features[:ahead, :144].std() > 0.5
    for apart, own in (  # what content hears, then what style hears, of the same files
        (SETTINGS.changed(features_style="log_mel"), [clip.features]),
        (mel.changed(features_style="phonetic"), [plain.features, clip.features]),
    ):
        heard = load_clips(prepared[1], apart)[0].features
        assert torch.equal(heard, torch.cat(own, 1))
    prepare(index_of().head(1), corpus, tmp_path, mel, workers=1)
    with pytest.raises(InputError, match="no phonetic code"):
        load_clips(tmp_path, SETTINGS)


def test_to_50_frames_a_second_and_back_keeps_a_slow_movement() -> None:
    slow = np.sin(np.arange(40) / 5)[:, None]
    back = to_video_rate(torch.from_numpy(to_frame_rate(slow))).numpy()
    assert np.abs(back - slow)[1:-1].max() < 0.01  # the ends are held
    assert len(to_frame_rate(slow)) == 80


def test_look_ahead_hears_the_future_and_holds_the_end() -> None:
    features = np.arange(5.0)[:, None]
    assert look_ahead(features, 2)[:, 0].tolist() == [2, 3, 4, 4, 4]
    assert look_ahead(features, 0).tolist() == features.tolist()

"""Metrics by others' weights: their formulas, on networks small enough to know."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from emoface_lib.core.clip import Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_npz
from emoface_lib.core.settings import load_settings
from emoface_lib.core.video import write_video
from emoface_lib.evaluation.learnt_metrics import (
    SOURCES,
    frechet_distance,
    load_networks,
    video_scores,
)
from emoface_lib.evaluation.rows import AGAIN
from emoface_lib.evaluation.scoring import Studio
from emoface_lib.evaluation.syncnet import SyncNet, cut_faces, lip_sync, mfcc

MFCC = Path(__file__).parent.parent / "data" / "mfcc.tsv"
SIDE, FRAMES = 32, 20


class Colours(nn.Module):
    """A picture's mean colour, as NVIDIA's files of VGG and Inception are called."""

    def forward(
        self,
        img: Tensor,
        return_features: bool = False,
        resize_images: bool = True,
        return_lpips: bool = False,
    ) -> Tensor:
        assert return_features or (return_lpips and not resize_images)
        return img.float().mean(dim=[2, 3])


class Courses(nn.Module):
    """How a video's colours change in 16 frames, as StyleGAN-V's I3D is called."""

    def forward(
        self, x: Tensor, rescale: bool, resize: bool, return_features: bool
    ) -> Tensor:
        assert x.dtype == torch.uint8
        assert x.shape[2] == 16
        return x.float().mean(dim=[3, 4]).std(2)[:, :1]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("weights")
    made = {"lpips": Colours(), "fid": Colours(), "fvd": Courses()}
    for name, network in made.items():
        torch.jit.script(network).save(str(folder / name))
    torch.save(SyncNet().state_dict(), folder / "syncnet")
    return {name: str(folder / name) for name in SOURCES}


@pytest.fixture
def studio(clips: list[Clip], tmp_path: Path) -> tuple[Studio, list[Clip]]:
    """Two clips of 20 frames of noise."""
    rng, chosen = np.random.default_rng(0), []
    for clip in clips[:2]:
        path = f"{clip.name}.mp4".replace("/", "_")
        frames = rng.integers(0, 255, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)
        sound = rng.normal(size=FRAMES * 640) / 10
        write_video(tmp_path / path, frames, sound)
        landmarks = rng.uniform(8, 24, (FRAMES, 68, 3))
        chosen.append(replace(clip, path=path, name=path.removesuffix(".mp4")))
        size = np.array([SIDE, SIDE])
        write_npz(tmp_path / f"{chosen[-1].name}.npz", landmarks=landmarks, size=size)
    return Studio(tmp_path, tmp_path, np.zeros((68, 3)), None, None, SIDE), chosen


def test_frechet_distance_is_that_of_two_gaussians() -> None:
    """Of one covariance, by the means alone; of commuting ones, by their roots."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, 3))
    codes = (codes - codes.mean(0)) @ np.linalg.inv(
        np.linalg.cholesky(np.cov(codes.T, ddof=0)).T
    )  # mean 0 and covariance 1 just so
    assert frechet_distance(codes, codes) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(codes, codes + np.array([3, 0, 4])) == pytest.approx(25)
    scaled = codes * np.array([1, 2, 5])
    assert frechet_distance(codes, scaled) == pytest.approx(0 + 1 + 16)
    assert frechet_distance(codes[:, :1], codes[:, :1] + 2) == pytest.approx(4)


def test_too_few_pictures_are_refused_with_a_sentence() -> None:
    codes = np.random.default_rng(0).normal(size=(8, 8))
    with pytest.raises(InputError, match=r"more than 8 pictures .* there are 8: score"):
        frechet_distance(codes, codes)


def test_nothing_is_loaded_where_nothing_is_named() -> None:
    assert load_networks(load_settings("smoke")) == {}


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_that_is_missing_or_another_is_named_with_where_to_get_it(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    settings = load_settings("smoke", **{f"evaluation.{name}": str(path)})
    for content in (None, b"no weights"):
        if content:
            path.write_bytes(content)
        with pytest.raises(InputError) as error:
            load_networks(settings)
        for part in (str(path), SOURCES[name], f"evaluation.{name}"):
            assert part in str(error.value)


def test_videos_are_scored_by_every_network(
    studio: tuple[Studio, list[Clip]], files: dict[str, str]
) -> None:
    place, clips = studio
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 99, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)] * 2
    networks = load_networks(load_settings("smoke", **files))
    found = video_scores({"noise": noise}, clips, place, networks)
    assert set(found["metric"]) == {"LPIPS", "FID", "FVD", "LSE-C", "LSE-D"}
    values = found.groupby(["metric", "method"])["value"].mean().unstack()
    for metric in ("LPIPS", "FID", "FVD"):
        assert values.loc[metric, AGAIN] == pytest.approx(0, abs=1e-6)
        assert values.loc[metric, "noise"] > 1e-3
    of_sets = found["metric"].isin(["FID", "FVD"])
    assert set(found[of_sets]["clip"]) == {"all"}
    assert set(found[~of_sets]["clip"]) == {clip.name for clip in clips}


def test_lpips_is_the_squared_distance_of_codes(
    studio: tuple[Studio, list[Clip]], files: dict[str, str]
) -> None:
    """Of mean colours 128 and 138 it is 3 times 100."""
    place, clips = studio
    grey = np.full((FRAMES, SIDE, SIDE, 3), 128, np.uint8)
    write_video(place.corpus / clips[0].path, grey, np.zeros(FRAMES * 640))
    networks = load_networks(load_settings("smoke", lpips=files["lpips"]))
    found = video_scores({"lighter": [grey + 10]}, clips[:1], place, networks)
    lighter = found.set_index("method")["value"]["lighter"]
    assert lighter == pytest.approx(300, rel=0.1)  # the video's colours are coded


def test_coefficients_are_those_of_python_speech_features() -> None:
    """A rising tone in noise; the file is what version 0.6 gives of 16-bit samples."""
    time = np.arange(4000) / 16000
    tone = 0.3 * np.sin(2 * np.pi * (200 + 900 * time) * time)
    samples = np.round((tone + 0.01 * np.cos(time * 1e5)) * 32768) / 32768
    assert np.allclose(mfcc(samples), np.loadtxt(MFCC), atol=1e-4)


def test_syncnet_takes_the_published_names_and_shapes() -> None:
    """Some of `syncnet_v2.model`'s, by SyncNetModel.py of joonson/syncnet_python."""
    shapes = {name: tuple(one.shape) for name, one in SyncNet().state_dict().items()}
    assert shapes["netcnnaud.18.weight"] == (512, 256, 5, 4)
    assert shapes["netcnnaud.4.weight"] == (192, 64, 3, 3)
    assert shapes["netcnnlip.0.weight"] == (96, 3, 5, 7, 7)
    assert shapes["netcnnlip.18.weight"] == (512, 256, 1, 6, 6)
    assert shapes["netcnnlip.19.running_var"] == (512,)
    assert shapes["netfcaud.0.weight"] == shapes["netfclip.0.weight"] == (512, 512)
    assert shapes["netfcaud.3.weight"] == shapes["netfclip.3.weight"] == (1024, 512)
    net = SyncNet().eval()
    assert net.hear(torch.zeros(2, 1, 13, 20)).shape == (2, 1024)
    assert net.see(torch.zeros(2, 3, 5, 224, 224)).shape == (2, 1024)


class Told(SyncNet):
    """Lips and voices whose codes are told: a bright face or a loud sound."""

    def see(self, faces: Tensor) -> Tensor:
        return (faces.mean((1, 2, 3, 4)) - 128)[:, None] / 20

    def hear(self, sound: Tensor) -> Tensor:
        return sound[:, 0, 0].mean(1)[:, None] - 22


def test_lse_is_taken_at_the_shift_where_codes_are_nearest() -> None:
    """Against the authors' `calc_pdist` and `evaluate`, shift by shift; 3 frames late.

    Beyond its ends the voice's code is 0, as it is there.
    """
    rng, count = np.random.default_rng(0), 60
    loud = np.repeat(rng.uniform(0.01, 0.3, count), 640)
    samples = loud * rng.normal(size=len(loud))
    bright = 128 + 20 * (np.roll(mfcc(samples)[::4, 0], 3) - 22)
    video = np.tile(bright.clip(0, 255)[:, None, None, None], (1, 64, 64, 3)).astype(
        np.uint8
    )
    landmarks = np.tile(rng.uniform(22, 42, (68, 2)), (count, 1, 1))
    confidence, distance = lip_sync(Told(), video, landmarks, samples)
    levels, energy = video[:, 0, 0, 0].astype(float), mfcc(samples)[:, 0]
    seen = [(levels[i : i + 5].mean() - 128) / 20 for i in range(count - 5)]
    heard = [energy[4 * i : 4 * i + 20].mean() - 22 for i in range(count - 5)]
    moved = [0.0] * 15 + heard + [0.0] * 15
    means = [
        np.mean([abs(one - moved[i + shift]) for i, one in enumerate(seen)])
        for shift in range(31)
    ]
    assert np.argmin(means) == 15 - 3
    assert distance == pytest.approx(min(means), rel=1e-4)
    assert confidence == pytest.approx(np.median(means) - min(means), rel=1e-4)
    assert np.isnan(lip_sync(Told(), video[:5], landmarks[:5], samples)).all()


def test_a_face_is_cut_with_its_chin_and_in_blue_green_red() -> None:
    """The box is 40 px wide from x = 30: the cut is 56 px, from 22 and from its top."""
    frame = np.zeros((2, 100, 100, 3), np.uint8)
    frame[..., 0] = 200
    landmarks = np.full((2, 68, 2), 50.0)
    landmarks[:, 0], landmarks[:, 1] = (30, 44), (70, 76)  # 32 high, 40 with a forehead
    faces = cut_faces(frame, landmarks)
    assert faces.shape == (2, 224, 224, 3)
    assert faces[0, 100, 100].tolist() == [0, 0, 200]
    frame[:, 36:92, 22:78] = 90
    assert (cut_faces(frame, landmarks)[:, 4:-4, 4:-4] == 90).all()
    landmarks += 60  # beyond the picture
    assert cut_faces(frame, landmarks)[0, -1, -1].tolist() == [110, 110, 110]

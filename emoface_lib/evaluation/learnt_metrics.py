"""LPIPS, FID, FVD, LSE-C and LSE-D: metrics by networks that others trained.

Their weights are not part of this project: each is computed if its setting names the
file that its authors published (SOURCES). Taught in notebook 07; licences in
docs/studies.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from warnings import catch_warnings

import numpy as np
import pandas as pd
import torch
from scipy.linalg import sqrtm
from torch import Tensor, nn
from tqdm.auto import tqdm

from emoface_lib.core.checkpoints import load_foreign
from emoface_lib.core.clip import Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import read_audio
from emoface_lib.evaluation.rows import AGAIN
from emoface_lib.evaluation.scoring import Studio
from emoface_lib.evaluation.syncnet import SyncNet, lip_sync
from emoface_lib.translation.dataset import read_clip

NVIDIA = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics"
SOURCES = {  # where the weights are to be had, by setting of `evaluation`
    "lpips": f"{NVIDIA}/vgg16.pt",
    "fid": f"{NVIDIA}/inception-2015-12-05.pt",
    "fvd": "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1",
    "syncnet": "http://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
}
# How their makers call them, in NVlabs/stylegan2-ada-pytorch (`perceptual_path_length`,
# `frechet_inception_distance`) and universome/stylegan-v (`frechet_video_distance`).
CALLS: dict[str, dict[str, bool]] = {
    "lpips": {"resize_images": False, "return_lpips": True},
    "fid": {"return_features": True},
    "fvd": {"rescale": True, "resize": True, "return_features": True},
}
SEEN = {"lpips": 1, "fid": 1, "fvd": 16}  # frames in what a network sees at once
BATCH = 16  # frames; those of 256 px have 32 MB of codes each for LPIPS
SYNC = "LSE-C", "LSE-D"
EVERYONE = "all"  # speaker and clip of what is measured on a set

Videos = Sequence[np.ndarray]  # uint8[F, S, S, 3] RGB a clip, all frames of its video


def load_networks(settings: Settings) -> dict[str, Any]:
    """The networks whose files `settings.evaluation` names, by their setting.

    Raises InputError that says where a file is to be had if it is missing or another.
    """
    found: dict[str, Any] = {}
    for name, source in SOURCES.items():
        if not (path := getattr(settings.evaluation, name)):
            continue
        wrong = f"{path}, which evaluation.{name} names, is missing or is not the file "
        wrong += f"of {source}: fetch that and name it, or leave the setting empty."
        if name == "syncnet":
            found[name] = SyncNet()
            load_foreign(path, found[name], (), wrong)
            continue
        try:
            with catch_warnings(action="ignore"):  # TorchScript's, which others chose
                found[name] = torch.jit.load(path, "cpu").eval()
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(wrong) from error
    return found


def video_scores(
    videos: Mapping[str, Videos],
    clips: Sequence[Clip],
    studio: Studio,
    networks: Mapping[str, Any],
) -> pd.DataFrame:
    """Scores of videos by the networks that there are; columns as `landmark_scores`.

    videos : as `rendered_rows(every=1)`, by row. Beside them, "real against real" has
    the clips' own videos. FID and FVD are of all clips together, whose speaker and clip
    are "all"; LPIPS is the mean over a video's frames (Zhang et al. 2018), LSE-C and
    LSE-D those of `lip_sync`. Raises InputError if FID or FVD has too few frames.
    """
    places = [
        (studio.corpus / c.path, studio.features / f"{c.name}.npz") for c in clips
    ]
    read = [read_clip(*place, studio.image_size, every=1) for place in places]
    real = [frames for frames, _ in read]
    shown = {AGAIN: real, **videos}
    rows = list(_of_sets(shown, networks))
    for number, clip in enumerate(tqdm(clips, desc="scoring videos")):
        for method, some in shown.items():
            both = [some[number], *read[number]]
            count = min(map(len, both))
            video, true, landmarks = (one[:count] for one in both)
            named = method, clip.speaker, clip.name
            if "lpips" in networks:
                value = lpips(networks["lpips"], video, true)
                rows.append((*named, "LPIPS", value))
            if "syncnet" in networks:
                voice = read_audio(places[number][0])
                synced = lip_sync(networks["syncnet"], video, landmarks, voice)
                rows += [(*named, *each) for each in zip(SYNC, synced, strict=True)]
    names = ["method", "speaker", "clip", "metric", "value"]
    protocol = f"frames of {studio.image_size} px"
    return pd.DataFrame(rows, columns=names).assign(protocol=protocol)


def _of_sets(
    shown: Mapping[str, Videos], networks: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str, float]]:
    """Rows of FID and FVD."""
    for name in [name for name in ("fid", "fvd") if name in networks]:
        true = of_all(networks[name], name, shown[AGAIN])
        for method, videos in tqdm(shown.items(), desc=name.upper()):
            found = true if method == AGAIN else of_all(networks[name], name, videos)
            distance = frechet_distance(true, found)
            yield method, EVERYONE, EVERYONE, name.upper(), distance


def of_all(network: nn.Module, name: str, videos: Videos) -> np.ndarray:
    """`codes` of all videos, float64[N, D]."""
    parts = [part for video in videos for part in codes(network, name, video)]
    return torch.cat(parts).double().numpy() if parts else np.empty((0, 1))


def lpips(network: nn.Module, video: np.ndarray, real: np.ndarray) -> float:
    """Mean over frames of the distance of two videos, uint8[F, S, S, 3] RGB each."""
    both = zip(*(codes(network, "lpips", x) for x in (video, real)), strict=True)
    return float(torch.cat([(a - b).square().sum(1) for a, b in both]).mean())


@torch.inference_mode()
def codes(network: nn.Module, name: str, video: np.ndarray) -> Iterator[Tensor]:
    """What a network makes of a video uint8[F, S, S, 3]: Tensor[N, D], batch by batch.

    Of each frame, and for FVD of every 16; a rest of fewer is left out.
    """
    seen = SEEN[name]
    count = len(video) // seen
    pictures = torch.from_numpy(video[: count * seen]).permute(0, 3, 1, 2)
    if seen > 1:
        pictures = pictures.unflatten(0, (count, seen)).transpose(1, 2)
    for part in pictures.split(BATCH // seen) if count else ():
        yield network(part.float() if name == "lpips" else part, **CALLS[name])


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of the Gaussians with the means and covariances of two sets of codes.

    Both : float[N, D]. FID of pictures' codes (Heusel et al. 2017), FVD of videos'
    (Unterthiner et al. 2018). Raises InputError unless both have more members than a
    code has numbers: a covariance of fewer has no full rank.
    """
    count, size = min(len(first), len(second)), first.shape[1]
    if count <= size:
        raise InputError(
            f"FID and FVD need more than {size} pictures or windows of 16 frames, as "
            f"many as a code of theirs has numbers, and there are {count}: score more "
            "clips, or leave evaluation.fid and evaluation.fvd empty."
        )
    apart = first.mean(0) - second.mean(0)
    one, other = (np.atleast_2d(np.cov(x.T, ddof=0)) for x in (first, second))
    root = sqrtm(one @ other).real  # rounding may leave imaginary parts near 0
    return float(apart @ apart + np.trace(one + other - 2 * root))

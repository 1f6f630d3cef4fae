"""PC-AVS, reduced: trained on the frames of a corpus, and asked for frames.

Taught in notebook 07; Zhou et al. 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from emoface_lib.core.checkpoints import load_model
from emoface_lib.core.clip import Clip
from emoface_lib.core.fresh import made_from
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics, Schedule, device_of, fit
from emoface_lib.core.video import iter_frames
from emoface_lib.evaluation.pc_avs_network import (
    HEARD,
    PCAVS,
    SIDE,
    audiovisual_contrast,
)
from emoface_lib.features.expression import CROP_EVERY
from emoface_lib.translation.dataset import resized
from emoface_lib.translation.translators import as_tensor, for_pictures

KEPT = 2  # every second frame of a video is kept
CLIPS, MOMENTS = 4, 4  # a batch; moments of one clip are its hardest negatives
CONTRAST_WEIGHT = 0.1
# Rows and columns where mouths are in pictures of 64 px, and what they weigh beside the
# whole; without it minutes of training copy the reference face.
MOUTH, MOUTH_WEIGHT = (slice(36, 54), slice(20, 44)), 2.0
COLOURS = 0.3  # largest change of a channel's gain; colour then carries no identity
RATES = {"constant": 1e-4, "one_cycle": 3e-3}  # 1e-4 is the released code's


@dataclass(frozen=True)
class VideoClip:
    """A clip with its pictures: uint8[F, 64, 64, 3], and features Tensor[T, D]."""

    pictures: np.ndarray
    features: Tensor
    every: int  # video frames from one picture to the next

    @classmethod
    def read(cls, clip: Clip, corpus: Path, every: int = KEPT) -> "VideoClip":
        """Every n-th frame of a clip's video, which lies in `corpus`."""
        frames = list(iter_frames(corpus / clip.path))[: len(clip.features) // 2]
        return cls(resized(frames[::every], SIDE), clip.log_mel, every)

    def windows(self, places: np.ndarray) -> Tensor:
        """Audio features around pictures, Tensor[N, 20, D]; ends are repeated.

        places : int[N], numbers of the pictures.
        """
        middle = torch.from_numpy(places) * self.every * 2
        around = middle[:, None] + torch.arange(HEARD) - HEARD // 2 + 1
        return self.features[around.clamp(0, len(self.features) - 1)]


def train_pc_avs(
    videos: Sequence[VideoClip], folder: Path, settings: Settings
) -> PCAVS:
    """Train by L1 of rendered frames and the audio-visual contrast.

    The content is taken from the sound in one half of a batch and from the picture in
    the other. Steps are those of step 3. Leaves `model.safetensors` in `folder`.
    """
    settings = for_pictures(settings)
    torch.manual_seed(settings.seed)
    model = PCAVS(videos[0].features.shape[1])

    def loss(_: int, generator: np.random.Generator) -> Metrics:
        device = device_of(model)
        faces, targets, windows = (x.to(device) for x in _draw(videos, generator))
        pose, seen = model.look(_recoloured(targets, generator))
        heard = model.listen(windows)
        by_sound = torch.arange(len(heard), device=device)[:, None] % 2 == 0
        rendered = model(faces, pose, torch.where(by_sound, heard, seen)).float()
        contrast = audiovisual_contrast(seen.float(), heard.float())
        apart = (rendered - targets).abs()
        picture = apart.mean() + MOUTH_WEIGHT * apart[(..., *MOUTH)].mean()
        whole = picture + CONTRAST_WEIGHT * contrast
        return {"loss": whole, "loss/picture": picture, "loss/contrast": contrast}

    rate = RATES[settings.training.schedule]
    schedule = Schedule.of(settings, settings.translator.steps, rate)
    source = made_from(settings, ["features", "training"], __name__, videos)
    fit(model, loss, schedule, folder, settings, source)
    return model


def load_pc_avs(path: Path, features: int) -> PCAVS:
    """What `train_pc_avs` left; raises InputError if it is missing."""
    model = PCAVS(features)
    load_model(path, model)
    return model


@torch.inference_mode()
def synthesise(model: PCAVS, clip: Clip, corpus: Path, size: int) -> np.ndarray:
    """Frames of a clip, as those of `Studio.render`: uint8[F / 5, size, size, 3].

    The first frame of the video gives the identity, the audio the speech content, the
    video's own frames the pose, as in PC-AVS' evaluation.
    """
    video = VideoClip.read(clip, corpus, CROP_EVERY)
    pictures, count = as_tensor(video.pictures), len(video.pictures)
    pose, _ = model.look(pictures)
    content = model.listen(video.windows(np.arange(count)))
    rendered = model(pictures[:1].expand(count, -1, -1, -1), pose, content)
    frames = rendered.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy()
    return np.stack(
        [cv2.resize(f, (size, size), interpolation=cv2.INTER_CUBIC) for f in frames]
    )


def _draw(
    videos: Sequence[VideoClip], generator: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Faces and targets, Tensor[B, 3, 64, 64], and audio features at the targets."""
    faces, targets, windows = [], [], []
    for index in generator.integers(len(videos), size=CLIPS):
        video = videos[index]
        places = generator.permutation(len(video.pictures))[:MOMENTS]
        other = generator.integers(len(video.pictures), size=len(places))
        faces.append(video.pictures[other])
        targets.append(video.pictures[places])
        windows.append(video.windows(places))
    face, target = (as_tensor(np.concatenate(some)) for some in (faces, targets))
    return face, target, torch.cat(windows)


def _recoloured(pictures: Tensor, generator: np.random.Generator) -> Tensor:
    """Pictures whose channels are louder or softer, each by its own factor."""
    gains = 1 + COLOURS * generator.uniform(-1, 1, (len(pictures), 3, 1, 1))
    return (pictures * torch.from_numpy(gains).float().to(pictures.device)).clamp(0, 1)

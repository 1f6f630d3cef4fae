"""PC-AVS, reduced: codes of identity, pose and speech content modulate a generator.

Our implementation after Zhou et al. 2021 (the paper's [4]). Reduced against it: 64-px
pictures instead of 224, encoders of four convolutions instead of ResNets, L1 (the mouth
weighs more) instead of L1, VGG and a critic, colours as the only augmentation, minutes
of training. Identity is maps of the reference face and the face itself instead of a
vector, from which minutes make no face that a detector finds. Kept: three encoders, the
12 numbers of the pose, the contrast of sound and picture, modulated convolutions.
Taught in notebook 07; trained by tools/train_pc_avs.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, normalize

from emoface_lib.core.checkpoints import load_model
from emoface_lib.core.clip import MEL_BANDS, Clip
from emoface_lib.core.training import SLOPE
from emoface_lib.core.video import iter_frames
from emoface_lib.features.expression import CROP_EVERY
from emoface_lib.translation.dataset import resized
from emoface_lib.translation.translators import as_tensor

SIDE = 64  # px of the pictures
CODE, POSE = 128, 12  # numbers of the speech content and of the pose
HEARD = 20  # 20-ms frames around a video frame
WIDTHS = (96, 64, 48, 32, 24)  # channels: the generator at 4, 8, 16, 32 and 64 px
FACE_WIDTHS = (24, 48, 96, 96)  # channels: picture encoders at 32, 16, 8 and 4 px
KEPT = 2  # every second frame of a video is kept


class PCAVS(nn.Module):
    """Encoders of identity, pose and speech content, and the modulated generator."""

    def __init__(self, features: int = MEL_BANDS) -> None:
        super().__init__()
        widths = pairwise((3, *FACE_WIDTHS))
        self.identity = nn.ModuleList(halving(*pair) for pair in widths)
        self.seen = picture_encoder(CODE)  # encodes everything but identity
        self.pose = nn.Linear(CODE, POSE)
        self.seen_content = nn.Linear(CODE, CODE)
        self.heard_content = sound_encoder(features, CODE)
        self.generator = Generator(POSE + CODE, (*FACE_WIDTHS[::-1], 3))

    def look(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pose, Tensor[B, 12], and visual speech content, Tensor[B, 128].

        pictures : Tensor[B, 3, 64, 64] in [0, 1].
        """
        seen = leaky_relu(self.seen(pictures), SLOPE)
        return self.pose(seen), normalize(self.seen_content(seen), dim=1)

    def listen(self, windows: Tensor) -> Tensor:
        """Speech content of sound, Tensor[B, 128]. windows : Tensor[B, 20, D]."""
        return normalize(self.heard_content(windows.transpose(1, 2)), dim=1)

    def forward(self, face: Tensor, pose: Tensor, content: Tensor) -> Tensor:
        """Render a face, given by a picture, with a pose and a speech content.

        face : Tensor[B, 3, 64, 64] in [0, 1]; pose : Tensor[B, 12]; content :
        Tensor[B, 128]. Returns Tensor[B, 3, 64, 64], about in [0, 1].
        """
        maps = [face]
        for layer in self.identity:
            maps.insert(0, layer(maps[0]))
        codes = torch.cat([pose, CODE**0.5 * content], dim=1)
        return self.generator(maps, codes)


def picture_encoder(size: int) -> nn.Sequential:
    """Four halvings of 64 px, then one code: Tensor[B, 3, 64, 64] to [B, size]."""
    layers = [halving(*pair) for pair in pairwise((3, *FACE_WIDTHS))]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(FACE_WIDTHS[-1] * 16, size))


def halving(inputs: int, outputs: int) -> nn.Sequential:
    """A convolution that halves the side: Tensor[B, C, H, W] to [B, .., H/2, W/2]."""
    convolution = nn.Conv2d(inputs, outputs, 4, 2, 1)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(SLOPE))


def sound_encoder(features: int, size: int) -> nn.Sequential:
    """Two halvings of 20 frames, then one code: Tensor[B, D, 20] to [B, size]."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((features, 128, 128)):
        layers += [nn.Conv1d(inputs, outputs, 4, 2, 1), nn.BatchNorm1d(outputs)]
        layers.append(nn.LeakyReLU(SLOPE))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 5, size))


class Generator(nn.Module):
    """From 4 px up to 64, each convolution modulated; maps of the face join on the way.

    maps : channels of the face's maps at 4, 8, 16, 32 and 64 px.
    """

    def __init__(self, codes: int, maps: Sequence[int]) -> None:
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(codes, 128), nn.LeakyReLU(SLOPE))
        # the codes, not a constant, make the first maps: short training then localises
        self.start = nn.Linear(codes, WIDTHS[0] * 16)
        before = (WIDTHS[0], *WIDTHS)
        sizes = zip(before, maps, WIDTHS, strict=False)
        self.layers = nn.ModuleList(Modulated(128, a + b, c) for a, b, c in sizes)
        self.colour = nn.Conv2d(WIDTHS[-1], 3, 1)
        nn.init.zeros_(self.colour.weight)  # starts from the face as it is

    def forward(self, maps: Sequence[Tensor], codes: Tensor) -> Tensor:
        """Maps Tensor[B, C, H, W], the last the face itself: Tensor[B, 3, 64, 64]."""
        style = self.mapping(codes)
        x = self.start(codes).unflatten(1, (-1, 4, 4))
        for number, (beside, layer) in enumerate(zip(maps, self.layers, strict=True)):
            x = interpolate(x, scale_factor=2, mode="bilinear") if number else x
            x = layer(torch.cat([x, beside], dim=1), style)
        return maps[-1] + self.colour(x)


class Modulated(nn.Module):
    """A convolution whose inputs are scaled by a style and whose outputs are normed.

    Karras et al. 2020: the scale of each input channel, undone in the mean by that of
    each output channel.
    """

    def __init__(self, style: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.scale = nn.Linear(style, inputs)
        nn.init.ones_(self.scale.bias)
        weight = torch.randn(outputs, inputs, 3, 3) / (9 * inputs) ** 0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x : Tensor[B, inputs, H, W]; style : Tensor[B, S]."""
        scale = self.scale(style)  # (B, inputs)
        strength = (self.weight**2).sum((2, 3)) @ (scale**2).T  # (outputs, B)
        norm = (strength.T + 1e-8).rsqrt()[..., None, None]
        x = nn.functional.conv2d(x * scale[..., None, None], self.weight, padding=1)
        return leaky_relu(x * norm + self.bias[:, None, None], SLOPE)


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


def load_pc_avs(path: Path, features: int) -> PCAVS:
    """What its training left; raises InputError if it is missing."""
    model = PCAVS(features)
    load_model(path, model)
    return model


@torch.inference_mode()
def synthesise(
    model: PCAVS, clip: Clip, corpus: Path, size: int, every: int = CROP_EVERY
) -> np.ndarray:
    """Frames of a clip, as those of `Studio.render`: uint8[F / every, size, size, 3].

    The first frame of the video gives the identity, the audio the speech content, the
    video's own frames the pose, as in PC-AVS' evaluation.
    """
    video = VideoClip.read(clip, corpus, every)
    pictures, count = as_tensor(video.pictures), len(video.pictures)
    pose, _ = model.look(pictures)
    content = model.listen(video.windows(np.arange(count)))
    rendered = model(pictures[:1].expand(count, -1, -1, -1), pose, content)
    frames = rendered.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy()
    return np.stack(
        [cv2.resize(f, (size, size), interpolation=cv2.INTER_CUBIC) for f in frames]
    )

"""MakeItTalk's image translator: a U-Net of residual blocks, 70 million weights.

Parameters carry the names and shapes of the released network (Zhou et al. 2020, the
paper's [3]), so that its checkpoint loads as it is. Taught in notebook 06.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from emoface_lib.core.data_parallel import BatchNorm2d
from emoface_lib.translation.landmark_images import MAKEITTALK


class ResidualUNet(nn.Module):
    """Six halvings, each with residual blocks; the defaults are the released sizes.

    width : channels after the first halving; they double up to 8 times.
    """

    needs_warp = False
    style = MAKEITTALK

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.width = width
        sizes = [width, 2 * width, 4 * width, 8 * width, 8 * width, 8 * width]
        inner: nn.Module | None = None
        for outer, size in reversed(list(pairwise(sizes))):
            inner = Level(outer, size, inner)
        self.model = Outermost(width, inner)

    def forward(self, reference: Tensor, landmark_image: Tensor) -> Tensor:
        """Render the reference face with the landmarks of the landmark image.

        Both : Tensor[B, 3, H, W] RGB in [0, 1], H and W multiples of 64; so is the
        result. Inside, the landmarks come first and channels are BGR.
        """
        stacked = torch.cat([landmark_image.flip(1), reference.flip(1)], dim=1)
        return self.model(stacked).tanh().clamp(min=0).flip(1)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, C, H, W] to its like."""
        return (x + self.block(x)).relu()


class Level(nn.Module):
    """One level of the U-Net: halve, next level, double; the skip is concatenated."""

    def __init__(self, outer: int, size: int, inner: nn.Module | None) -> None:
        super().__init__()
        down: list[nn.Module] = [nn.Conv2d(outer, size, 3, 2, padding=1, bias=False)]
        if inner is not None:
            down.append(BatchNorm2d(size))
        self.model = nn.Sequential(
            *down,
            nn.ReLU(),
            *_residual(size),
            *([] if inner is None else [inner]),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(size * (1 if inner is None else 2), outer, 3, 1, 1, bias=False),
            BatchNorm2d(outer),
            nn.ReLU(),
            *_residual(outer),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, outer, H, W] to Tensor[B, 2 outer, H, W]."""
        return torch.cat([x, self.model(x)], dim=1)


class Outermost(nn.Module):
    """From 6 channels down to the levels, and up to a picture before its tanh."""

    def __init__(self, width: int, inner: nn.Module | None) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(6, width, 3, 2, padding=1, bias=False),
            nn.ReLU(),
            *_residual(width),
            *([] if inner is None else [inner]),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * width, 3, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, 6, H, W] to Tensor[B, 3, H, W]."""
        return self.model(x)


def _residual(width: int) -> tuple[nn.Module, nn.Module]:
    return ResidualBlock(width), ResidualBlock(width)

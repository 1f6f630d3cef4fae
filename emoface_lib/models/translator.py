"""Image translation: reference face and landmark image in, talking face out.

Taught in notebook 06, paper section 3.4.
"""

import torch
from torch import Tensor, nn

from emoface_lib.models.layers import SLOPE

DEPTH = 4  # halvings; 64 px become 4, 256 px become 16


class UNet(nn.Module):
    """U-Net from 6 channels (reference, landmark image) to a picture in [0, 1].

    width : channels of the first layer; they double at each halving up to 8 times.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        sizes = [min(width * 2**level, width * 8) for level in range(DEPTH + 1)]
        self.enter = _convolutions(6, sizes[0])
        self.down = nn.ModuleList(
            _convolutions(sizes[i], sizes[i + 1], stride=2) for i in range(DEPTH)
        )
        self.up = nn.ModuleList(
            _convolutions(sizes[i + 1] + sizes[i], sizes[i])
            for i in reversed(range(DEPTH))
        )
        self.leave = nn.Conv2d(sizes[0], 3, kernel_size=1)

    def forward(self, reference: Tensor, landmark_image: Tensor) -> Tensor:
        """Paint the reference face with the landmarks of the landmark image.

        Both : Tensor[B, 3, H, W] in [0, 1], H and W multiples of 16; so is the result.
        """
        x = self.enter(torch.cat([reference, landmark_image], dim=1) - 0.5)
        skipped = []
        for down in self.down:
            skipped.append(x)
            x = down(x)
        for up in self.up:
            wide = nn.functional.interpolate(x, scale_factor=2.0)
            x = up(torch.cat([wide, skipped.pop()], dim=1))
        return self.leave(x).sigmoid()


def _convolutions(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(SLOPE),
    )

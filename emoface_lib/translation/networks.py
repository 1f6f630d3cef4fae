"""Image translation: reference face and landmark image in, animated face out.

Both networks work at half the picture's size but for their last layer: a fourth of the
work, and twice the steps a minute. Taught in notebook 06, paper section 3.4.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

from emoface_lib.core.data_parallel import BatchNorm2d
from emoface_lib.core.polylines import DISTINCT
from emoface_lib.core.training import SLOPE

DEPTH = 4  # halvings; 64 px become 4, 256 px become 16, at half the picture's size
FINE = 8  # channels at the picture's own size, where only one convolution works
DISTRUST = -2.0  # the gate's initial bias: 0.12 of the U-Net's output, the rest warp


class UNet(nn.Module):
    """The paper's U-Net: reference and landmark image, 6 channels, to a picture.

    width : channels of the first layer; they double at each halving up to 8 times. Its
    outermost skip is the input itself, and it starts by copying the reference: so it
    learns what moves, and not first, for hundreds of steps, what stays.
    """

    needs_warp = False
    style = DISTINCT

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = Hourglass(6, width)
        self.leave = nn.Conv2d(FINE + 6, 3, kernel_size=3, padding=1)
        with torch.no_grad():
            self.leave.weight.zero_()
            self.leave.weight[:, FINE : FINE + 3, 1, 1] = torch.eye(3)
            _bias(self.leave).zero_()

    def forward(self, reference: Tensor, landmark_image: Tensor) -> Tensor:
        """Render the reference face with the landmarks of the landmark image.

        Both : Tensor[B, 3, H, W] in [0, 1], H and W multiples of 32; so is the result,
        which in training nothing cuts to [0, 1].
        """
        given = torch.cat([reference, landmark_image], dim=1) - 0.5
        rendered = self.leave(torch.cat([self.body(given), given], dim=1)).float() + 0.5
        return rendered if self.training else rendered.clamp(0, 1)


class GatedWarp(nn.Module):
    """The photograph's warp, corrected: a gate blends a U-Net's output over it.

    width : as that of `UNet`.
    """

    needs_warp = True
    style = DISTINCT

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = Hourglass(9, width)
        self.leave = nn.Conv2d(FINE + 9, 4, kernel_size=3, padding=1)
        with torch.no_grad():
            _bias(self.leave).copy_(torch.tensor([0.0, 0.0, 0.0, DISTRUST]))

    def forward(
        self, reference: Tensor, landmark_image: Tensor, warped: Tensor
    ) -> Tensor:
        """Correct the warp of the reference by the landmarks of the landmark image.

        All : Tensor[B, 3, H, W] in [0, 1], H and W multiples of 32; so is the result.
        """
        rendered, gate = self.layers(reference, landmark_image, warped)
        return warped + gate * (rendered - warped)

    def layers(
        self, reference: Tensor, landmark_image: Tensor, warped: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The U-Net's output, Tensor[B, 3, H, W], and its gate, Tensor[B, 1, H, W].

        Both in 0..1.
        """
        given = torch.cat([warped, landmark_image, reference], dim=1) - 0.5
        x = self.leave(torch.cat([self.body(given), given], dim=1)).float()
        return (x[:, :3] + 0.5).clamp(0, 1), x[:, 3:].sigmoid()


class Hourglass(nn.Module):
    """Down and up again; each size gets, on the way up, what it was on the way down.

    It works on 2 x 2 pixels at a time, and ends with FINE channels for each pixel.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        sizes = [min(width * 2**level, width * 8) for level in range(DEPTH + 1)]
        self.enter = _convolutions(4 * inputs, sizes[0])
        self.down = nn.ModuleList(
            _convolutions(sizes[i], sizes[i + 1], stride=2) for i in range(DEPTH)
        )
        self.up = nn.ModuleList(
            _convolutions(sizes[i + 1] + sizes[i], sizes[i])
            for i in reversed(range(DEPTH))
        )
        self.spread = nn.Conv2d(width, 4 * FINE, kernel_size=1)
        with torch.no_grad():
            # the four pixels begin alike, or else a lattice shows (Aitken et al. 2017)
            first = self.spread.weight[::4].repeat_interleave(4, dim=0)
            self.spread.weight.copy_(first)
            _bias(self.spread).zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, inputs, H, W] to Tensor[B, FINE, H, W]."""
        x = self.enter(pixel_unshuffle(x, 2))  # (B, inputs, H, W) -> (B, .., H/2, W/2)
        skipped = []
        for down in self.down:
            skipped.append(x)
            x = down(x)
        for up in self.up:
            wide = interpolate(x, scale_factor=2.0)
            x = up(torch.cat([wide, skipped.pop()], dim=1))
        return leaky_relu(pixel_shuffle(self.spread(x), 2), SLOPE)


def _convolutions(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        BatchNorm2d(outputs),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        BatchNorm2d(outputs),
        nn.LeakyReLU(SLOPE),
    )


def _bias(convolution: nn.Conv2d) -> Tensor:
    assert convolution.bias is not None
    return convolution.bias

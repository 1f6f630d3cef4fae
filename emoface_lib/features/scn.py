"""SCN: a ResNet-18 with an attention weight that says how far to trust a label.

Names and shapes are those of the Self-Cure Network (Wang et al. 2020, the paper's
[28]), so that its checkpoints load into `SCN()`. Taught in notebook 03.
"""

from itertools import pairwise
from typing import Self

from torch import Tensor, nn

from emoface_lib.core.clip import EXPRESSIONS


class Block(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, C, H, W] to Tensor[B, outputs, H / stride, W / stride]."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(x)) + shortcut).relu()


class SCN(nn.Module):
    """ResNet-18, one attention weight and one linear classifier over its features.

    width : channels of the first layer, 64 in the paper's [28]; channels : 3 for RGB,
    1 for grey. `classes` is the order of its outputs.
    """

    classes: tuple[str, ...] = EXPRESSIONS

    def __init__(self, width: int = 64, channels: int = 3) -> None:
        super().__init__()
        sizes = [width, width, 2 * width, 4 * width, 8 * width]
        layers = [
            nn.Sequential(Block(a, b, 1 if a == b else 2), Block(b, b, 1))
            for a, b in pairwise(sizes)
        ]
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
            *layers,
            nn.AdaptiveAvgPool2d(1),
        )
        self.fc = nn.Linear(8 * width, len(self.classes))
        self.alpha = nn.Sequential(nn.Linear(8 * width, 1), nn.Sigmoid())

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Attention Tensor[B, 1] and attention times logits, Tensor[B, 7].

        pictures : Tensor[B, C, H, W], standardised as the weights expect.
        """
        seen = self.features(pictures).flatten(1)  # (B, 8 * width)
        attention = self.alpha(seen)
        return attention, attention * self.fc(seen)

    def trust_all(self) -> Self:
        """Fix every attention weight at 1: a plain ResNet-18, the baseline of [28]."""
        linear = self.alpha[0]
        assert isinstance(linear, nn.Linear)
        nn.init.zeros_(linear.weight)
        nn.init.constant_(linear.bias, 100.0)
        self.alpha.requires_grad_(False)
        return self

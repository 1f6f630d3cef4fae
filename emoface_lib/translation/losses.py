"""Beyond L1: edges, features of a trained network, a critic. Taught in notebook 06."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from emoface_lib.core.training import SLOPE
from emoface_lib.features.expression import ExpressionNet

SCALES = 3  # at which edges are compared: whole, half and quarter size
CRITIC_WIDTH = 24  # channels of its first layer
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue


class EdgeLoss(nn.Module):
    """Mean absolute difference of neighbouring pixels' differences, at three scales.

    What is blurred has no edges: it is no longer the best guess.
    """

    def forward(self, synthesised: Tensor, truth: Tensor) -> Tensor:
        """A scalar. Both : Tensor[B, 3, H, W]."""
        total = torch.zeros((), device=truth.device)
        for _ in range(SCALES):
            for axis in (2, 3):
                edges = synthesised.diff(dim=axis) - truth.diff(dim=axis)
                total = total + edges.abs().mean()
            synthesised, truth = (
                functional.avg_pool2d(x, 2) for x in (synthesised, truth)
            )
        return total


class PerceptualLoss(nn.Module):
    """L1 between activations of the expression network's first layers (perceptual).

    net : the package's own small SCN (notebook 03), trained on drawn faces in grey; no
    network trained on a million photographs, as other papers' perceptual losses have.
    """

    def __init__(self, net: ExpressionNet) -> None:
        super().__init__()
        layers = net.features.eval().requires_grad_(False)
        self.stages = nn.ModuleList([layers[:3], layers[3:5], layers[5:6]])

    def forward(self, synthesised: Tensor, truth: Tensor) -> Tensor:
        """A scalar. Both : Tensor[B, 3, H, W] in [0, 1]."""
        seen, wanted = _grey(synthesised), _grey(truth)
        total = torch.zeros((), device=truth.device)
        for stage in self.stages:
            seen, wanted = stage(seen), stage(wanted)
            total = total + (seen - wanted).abs().mean()
        return total


class Critic(nn.Module):
    """Discriminator that scores each patch of a picture (PatchGAN, hinge loss)."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, CRITIC_WIDTH, 2 * CRITIC_WIDTH, 4 * CRITIC_WIDTH)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
            layers += [nn.utils.spectral_norm(convolution), nn.LeakyReLU(SLOPE)]
        self.judge = nn.Sequential(*layers, nn.Conv2d(sizes[-1], 1, 3, padding=1))

    def forward(self, synthesised: Tensor, truth: Tensor) -> Tensor:
        """The generator's loss plus the critic's, with separate gradients: a scalar.

        Both : Tensor[B, 3, H, W]. The generator's gradient leaves the critic as it is,
        and the critic's stops at the picture, so that one optimiser serves both.
        """
        real, fake = self.judge(truth), self.judge(synthesised.detach())
        own = (1 - real).relu().mean() + (1 + fake).relu().mean()
        self.judge.requires_grad_(False)
        fooled = -self.judge(synthesised).mean()
        self.judge.requires_grad_(True)
        return fooled + own


def _grey(pictures: Tensor) -> Tensor:
    """Grey, about standardised as the network expects: Tensor[B, 1, H, W]."""
    shares = torch.tensor(GREY, device=pictures.device)[:, None, None]
    return ((pictures * shares).sum(1, keepdim=True) - 0.5) / 0.25


def image_loss(synthesised: Tensor, truth: Tensor) -> Tensor:
    """L_image = |I_s - I_t|, eq. (11): mean over pixels.

    Both : Tensor[B, 3, H, W] in [0, 1].
    """
    return (synthesised - truth).abs().mean()

"""Beyond L1: edges, features of a trained network, a critic. Taught in notebook 06."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from emoface_lib.features.expression import ExpressionNet

SCALES = 3  # at which edges are compared: whole, half and quarter size
CRITIC_WIDTH = 24  # channels of its first layer
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue


def edge_loss(synthesised: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels' differences, at three scales.

    Both : Tensor[B, 3, H, W]. Blur has no edges, so that it is not for free.
    """
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
    """L1 between what the first layers of the expression network see in two pictures.

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
    """Says of each patch of a picture whether it is real (PatchGAN, hinge loss).

    It learns within `forward`, from the same batch; an interrupted run starts it anew.
    """

    def __init__(self, learning_rate: float) -> None:
        super().__init__()
        sizes = (3, CRITIC_WIDTH, 2 * CRITIC_WIDTH, 4 * CRITIC_WIDTH)
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
            layers += [nn.utils.spectral_norm(convolution), nn.LeakyReLU(0.2)]
        self.judge = nn.Sequential(*layers, nn.Conv2d(sizes[-1], 1, 3, padding=1))
        self.optimiser = torch.optim.Adam(
            self.judge.parameters(), learning_rate, betas=(0.5, 0.99)
        )

    def forward(self, synthesised: Tensor, truth: Tensor) -> Tensor:
        """What the painter should make small; both : Tensor[B, 3, H, W]."""
        real, fake = self.judge(truth), self.judge(synthesised.detach())
        hinge = (1 - real).relu().mean() + (1 + fake).relu().mean()
        self.optimiser.zero_grad()
        hinge.backward()
        self.optimiser.step()
        self.judge.requires_grad_(False)
        verdict = self.judge(synthesised)
        self.judge.requires_grad_(True)
        return -verdict.mean()


def _grey(pictures: Tensor) -> Tensor:
    """Grey, about standardised as the network expects: Tensor[B, 1, H, W]."""
    shares = torch.tensor(GREY, device=pictures.device)[:, None, None]
    return ((pictures * shares).sum(1, keepdim=True) - 0.5) / 0.25

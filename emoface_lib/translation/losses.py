"""Step 3's losses: L1, eq. (11), and beyond it edges. Taught in notebook 06."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SCALES = 3  # at which edges are compared: whole, half and quarter size


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


def image_loss(synthesised: Tensor, truth: Tensor) -> Tensor:
    """L_image = |I_s - I_t|, eq. (11): mean over pixels.

    Both : Tensor[B, 3, H, W] in [0, 1].
    """
    return (synthesised - truth).abs().mean()

"""Content branch: speech content, and the displacement of landmarks by it.

Taught in notebook 04, paper equations (1) and (7).
"""

import torch
from torch import Tensor, nn

from emoface_lib.core.clip import MEL_BANDS
from emoface_lib.method.layers import Standardise, mlp

State = tuple[Tensor, Tensor]


class ContentBranch(nn.Module):
    """MLP_c, LSTM and MLP_t of Table 1."""

    def __init__(self, features: int = MEL_BANDS) -> None:
        super().__init__()
        self.standardise = Standardise(features)
        self.mlp_c = mlp(features, 256, 161)
        self.lstm = nn.LSTM(161, 256, num_layers=3, dropout=0.2, batch_first=True)
        self.mlp_t = mlp(256, 512, 256, 136)

    def encode(
        self, features: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """E_content = LSTM(MLP_c(F_a)), eq. (1).

        features : Tensor[B, T, D]; state : of the LSTM, to go on with a stream.
        Returns Tensor[B, T, 256] and the state after the last frame.
        """
        return self.lstm(self.mlp_c(self.standardise(features)), state)

    def displace(self, content: Tensor) -> Tensor:
        """D_content = MLP_t(E_content), eq. (7).

        content : Tensor[B, T, 256]; returns Tensor[B, T, 68, 2] px of the canonical
        frame.
        """
        return self.mlp_t(content).unflatten(2, (68, 2))  # (B, T, 136) -> (.., 68, 2)

    def forward(self, features: Tensor) -> Tensor:
        """D_content from F_a. features : Tensor[B, T, D]."""
        return self.displace(self.encode(features)[0])


def predicted_landmarks(reference: Tensor, *displacements: Tensor) -> Tensor:
    """L_p = L_0 + D_content + D_style, eq. (9).

    reference : Tensor[B, 68, 2], the reference face after alignment, px of the
    canonical frame; displacements : Tensor[B, T, 68, 2] px each. Returns L_p,
    Tensor[B, T, 68, 2] px.
    """
    return reference[:, None] + torch.stack(displacements).sum(0)

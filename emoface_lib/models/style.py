"""Style branch: how it is said, split into momentary emotion and vocal identity.

Taught in notebook 05, paper equations (2), (3), (4) and (8).
"""

import torch
from torch import Tensor, nn

from emoface_lib.config import MEL_BANDS
from emoface_lib.models.layers import Standardise, mlp

EMOTION_SIZE = 128
IDENTITY_SIZE = 128


class StyleBranch(nn.Module):
    """MLP_e, MLP_i, self-attention encoder and MLP_s of Table 1.

    Table 1 lets MLP_s start at 256, but eq. (8) concatenates 256 + 256: it starts at
    512 here. Eq. (4) is read as one Transformer encoder layer over time, on the 256
    numbers of both codes of a frame.
    """

    def __init__(self, features: int = MEL_BANDS, heads: int = 4) -> None:
        super().__init__()
        self.standardise = Standardise(features)
        self.mlp_e = mlp(features, 256, 128, EMOTION_SIZE)
        self.mlp_i = mlp(features, 256, 128, IDENTITY_SIZE)
        self.attention = nn.TransformerEncoderLayer(
            EMOTION_SIZE + IDENTITY_SIZE, heads, 512, dropout=0.1, batch_first=True
        )
        self.mlp_s = mlp(512, 512, 256, 136)

    def emotion(self, features: Tensor) -> Tensor:
        """E_emotion = MLP_e(F_a), eq. (2): Tensor[B, T, D] -> Tensor[B, T, 128]."""
        return self.mlp_e(self.standardise(features))

    def identity(self, features: Tensor) -> Tensor:
        """E_identity = MLP_i(F_a), eq. (3): Tensor[B, T, D] -> Tensor[B, T, 128]."""
        return self.mlp_i(self.standardise(features))

    def style(self, emotion: Tensor, identity: Tensor) -> Tensor:
        """E_style = Attn(E_emotion, E_identity), eq. (4). Returns Tensor[B, T, 256]."""
        return self.attention(torch.cat([emotion, identity], dim=-1))

    def displace(self, content: Tensor, style: Tensor) -> Tensor:
        """D_style = MLP_s(Concat(E_content, E_style)), eq. (8).

        Both : Tensor[B, T, 256]; returns Tensor[B, T, 68, 2] px of the canvas.
        """
        both = torch.cat([content, style], dim=-1)
        return self.mlp_s(both).unflatten(2, (68, 2))  # (B, T, 136) -> (.., 68, 2)

    def forward(self, features: Tensor, content: Tensor) -> Tensor:
        """D_style from F_a : Tensor[B, T, D] and E_content : Tensor[B, T, 256]."""
        style = self.style(self.emotion(features), self.identity(features))
        return self.displace(content, style)

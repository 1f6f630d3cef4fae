"""Style branch: style of speech, split into momentary emotion and vocal identity.

Taught in notebook 05, paper equations (2), (3), (4) and (8).
"""

import torch
from torch import Tensor, nn

from emoface_lib.core.clip import MEL_BANDS
from emoface_lib.core.errors import InputError
from emoface_lib.method.content import Standardise, mlp
from emoface_lib.method.mixture import Mixture

EMOTION_SIZE = 128
IDENTITY_SIZE = 128


class StyleBranch(nn.Module):
    """MLP_e, MLP_i, self-attention encoder and MLP_s of Table 1.

    Table 1 lets MLP_s start at 256, but eq. (8) concatenates 256 + 256: it starts at
    512 here. Eq. (4) is read as one Transformer encoder layer over time: attention
    "frames", on the 256 numbers of both codes of a frame, or "tokens", where the two
    codes of a frame are two tokens of 128. objective : "paper"; "improved", where
    E_emotion is computed from F_a minus the speaker's mean, and E_identity is zero
    (notebook 05, section 9); or "mixture", where a `Mixture` hears that (section 10).
    """

    mlp_e: nn.Module

    def __init__(
        self,
        features: int = MEL_BANDS,
        heads: int = 4,
        attention: str = "frames",
        objective: str = "paper",
    ) -> None:
        super().__init__()
        self.improved, self.tokens = objective != "paper", attention == "tokens"
        self.standardise = Standardise(features, last=True)
        if objective == "mixture":
            self.mlp_e = Mixture(features, EMOTION_SIZE)
        else:
            self.mlp_e = mlp(features, 256, 128, EMOTION_SIZE)
        if not self.improved:
            self.mlp_i = mlp(features, 256, 128, IDENTITY_SIZE)
        size = EMOTION_SIZE if self.tokens else EMOTION_SIZE + IDENTITY_SIZE
        self.attention = nn.TransformerEncoderLayer(
            size, heads, 512, dropout=0.1, batch_first=True
        )
        if self.tokens:  # learnt vectors that distinguish the two tokens of a frame
            self.kinds = nn.Parameter(torch.zeros(2, size))
        self.mlp_s = mlp(512, 512, 256, 136)

    def heard(self, features: Tensor, speaker_mean: Tensor | None = None) -> Tensor:
        """Input of the codes: F_a, or F_a - m_spk for the improved objective.

        features : Tensor[B, T, D]; speaker_mean : Tensor[B, D]. Returns Tensor[B, T,
        D]. Raises InputError if the improved objective gets no speaker mean.
        """
        if not self.improved:
            return features
        if speaker_mean is None:
            raise InputError(
                "The improved style branch hears emotion against the speaker's mean: "
                "enrol the speaker first (emoface_lib.method.enrolment)."
            )
        return features - speaker_mean[:, None]

    def emotion(self, features: Tensor, speaker_mean: Tensor | None = None) -> Tensor:
        """E_emotion = MLP_e(F_a), eq. (2): Tensor[B, T, D] -> Tensor[B, T, 128]."""
        return self.mlp_e(self.standardise(self.heard(features, speaker_mean)))

    def identity(self, features: Tensor) -> Tensor:
        """E_identity = MLP_i(F_a), eq. (3): Tensor[B, T, D] -> Tensor[B, T, 128].

        Zeros with the improved objective.
        """
        if self.improved:
            return features.new_zeros(*features.shape[:2], IDENTITY_SIZE)
        return self.mlp_i(self.standardise(features))

    def style(self, emotion: Tensor, identity: Tensor) -> Tensor:
        """E_style = Attn(E_emotion, E_identity), eq. (4). Returns Tensor[B, T, 256]."""
        if not self.tokens:
            return self.attention(torch.cat([emotion, identity], dim=-1))
        pairs = torch.stack([emotion, identity], dim=2) + self.kinds  # (B, T, 2, 128)
        mixed = self.attention(pairs.flatten(1, 2))  # (B, 2 T, 128)
        return mixed.unflatten(1, (-1, 2)).flatten(2)  # (B, T, 256)

    def displace(self, content: Tensor, style: Tensor) -> Tensor:
        """D_style = MLP_s(Concat(E_content, E_style)), eq. (8).

        Both : Tensor[B, T, 256]; returns Tensor[B, T, 68, 2] px of the canonical frame.
        """
        both = torch.cat([content, style], dim=-1)
        return self.mlp_s(both).unflatten(2, (68, 2))  # (B, T, 136) -> (.., 68, 2)

    def forward(
        self, features: Tensor, content: Tensor, speaker_mean: Tensor | None = None
    ) -> Tensor:
        """D_style from F_a : Tensor[B, T, D] and E_content : Tensor[B, T, 256]."""
        emotion = self.emotion(features, speaker_mean)
        style = self.style(emotion, self.identity(features))
        return self.displace(content, style)

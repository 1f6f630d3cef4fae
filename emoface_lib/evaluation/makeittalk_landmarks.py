"""MakeItTalk's two landmark branches, audio to displacements of 68 points in space.

Parameters carry the names and shapes of the released networks (Zhou et al. 2020, the
paper's [3]), so that their checkpoints load as they are. Taught in notebook 07.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from emoface_lib.core.clip import MEL_BANDS

WINDOW = 18  # frames of a branch's input; its output is for the first of them
POINTS = 68 * 3
SIZE, HEADS, LAYERS = 64, 2, 2  # self-attention in the speaker branch
NOISE = 128  # z of the speaker branch, zeros outside of its first training
LONGEST = 512  # frames that attend to each other
DROPOUT = 0.2  # as in our content branch; 0.5 in the released code, trained for days
LOUDER = 3.0  # factor of the embedding, as in the released code


class ContentBranch(nn.Module):
    """Speech content: each window by itself, with the speaker's reference face."""

    def __init__(self, features: int = MEL_BANDS) -> None:
        super().__init__()
        self.fc_prior = nn.Sequential(
            nn.Linear(features, 256),
            nn.BatchNorm1d(256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 161),
        )
        self.bilstm = nn.LSTM(161, 256, 3, dropout=DROPOUT, batch_first=True)
        self.fc = nn.Sequential(
            nn.Linear(256 + POINTS, 512),
            nn.BatchNorm1d(512),
            nn.LeakyReLU(0.2),
            nn.Linear(512, 256),
            nn.BatchNorm1d(256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, POINTS),
        )

    def forward(self, windows: Tensor, face: Tensor) -> Tensor:
        """Displacement of the windows' first frames, in units of the standard face.

        windows : Tensor[N, 18, D]; face : Tensor[N, 204]. Returns Tensor[N, 204].
        """
        heard = self.fc_prior(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])
        last = self.bilstm(heard)[0][:, -1]
        return self.fc(torch.cat([last, face], dim=1))


class SpeakerBranch(nn.Module):
    """Speaker style: windows that attend to each other, with the voice's embedding.

    The decoder is never used; the released checkpoint holds its weights.
    """

    def __init__(self, features: int = MEL_BANDS) -> None:
        super().__init__()
        self.audio_content_encoder = nn.LSTM(
            features, 256, 3, dropout=DROPOUT, batch_first=True
        )
        self.spk_emb_encoder = nn.Sequential(
            nn.Linear(256, 256),
            nn.LeakyReLU(0.02),
            nn.Linear(256, 128),
            nn.LeakyReLU(0.02),
            nn.Linear(128, 128),
        )
        self.encoder = Stack(256 + 128 + NOISE, EncoderLayer)
        self.decoder = Stack(POINTS, DecoderLayer)
        self.decoder.requires_grad_(False)
        self.out = nn.Sequential(
            nn.Linear(SIZE + NOISE, 512),
            nn.LeakyReLU(0.02),
            nn.Linear(512, 256),
            nn.LeakyReLU(0.02),
            nn.Linear(256, POINTS),
        )

    def forward(self, windows: Tensor, voice: Tensor) -> Tensor:
        """Displacement beside the content's, for windows that follow each other.

        windows : Tensor[B, T, 18, D], T at most 512; voice : Tensor[B, 256], GE2E.
        Returns Tensor[B, T, 204].
        """
        heard = self.audio_content_encoder(windows.flatten(0, 1))[0][:, -1]
        heard = heard.unflatten(0, windows.shape[:2])  # (B T, 256) -> (B, T, 256)
        speaker = self.spk_emb_encoder(LOUDER * voice)[:, None].expand(
            -1, heard.shape[1], -1
        )
        z = heard.new_zeros(*heard.shape[:2], NOISE)
        attended = self.encoder(torch.cat([heard, speaker, z], dim=-1))
        return self.out(torch.cat([attended, z], dim=-1))


class Stack(nn.Module):
    """Embedding, positions, layers of self-attention, norm."""

    def __init__(self, inputs: int, layer: type[nn.Module]) -> None:
        super().__init__()
        self.embed, self.pe = Embedder(inputs), Positions()
        self.layers = nn.ModuleList(layer() for _ in range(LAYERS))
        self.norm = Norm()

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, T, inputs] to Tensor[B, T, 64]."""
        x = self.pe(self.embed(x))
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Embedder(nn.Module):
    """A linear layer under the released name."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.embed = nn.Linear(inputs, SIZE)

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[..., inputs] to Tensor[..., 64]."""
        return self.embed(x)


class Positions(nn.Module):
    """Sine positions, added to inputs that are made larger."""

    pe: Tensor

    def __init__(self) -> None:
        super().__init__()
        place = torch.arange(LONGEST)[:, None]
        even = torch.arange(0, SIZE, 2)
        # as in the released code: the exponents of the cosines are one step further
        sine = torch.sin(place / 10_000 ** (2 * even / SIZE))
        cosine = torch.cos(place / 10_000 ** (2 * (even + 1) / SIZE))
        both = torch.stack([sine, cosine], dim=-1).flatten(1)
        self.register_buffer("pe", both[None])

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, T, 64] to its like."""
        return x * math.sqrt(SIZE) + self.pe[:, : x.shape[1]]


class Norm(nn.Module):
    """Layer norm with the unbiased deviation, under the released names."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(SIZE))
        self.bias = nn.Parameter(torch.zeros(SIZE))

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[..., 64] to its like."""
        apart = x - x.mean(-1, keepdim=True)
        return self.alpha * apart / (x.std(-1, keepdim=True) + 1e-6) + self.bias


class Attention(nn.Module):
    """Attention of two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.q_linear = nn.Linear(SIZE, SIZE)
        self.v_linear = nn.Linear(SIZE, SIZE)
        self.k_linear = nn.Linear(SIZE, SIZE)
        self.out = nn.Linear(SIZE, SIZE)

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, T, 64] to its like."""
        named = (self.q_linear, self.k_linear, self.v_linear)
        q, k, v = (
            linear(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for linear in named
        )
        share = 0.1 if self.training else 0.0
        mixed = scaled_dot_product_attention(q, k, v, dropout_p=share)
        return self.out(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two layers on each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(SIZE, 2048)
        self.linear_2 = nn.Linear(2048, SIZE)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[..., 64] to its like."""
        return self.linear_2(self.dropout(self.linear_1(x).relu()))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each normed before and added after."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = Norm(), Norm()
        self.attn, self.ff = Attention(), FeedForward()
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, T, 64] to its like."""
        x = x + self.dropout(self.attn(self.norm_1(x)))
        return x + self.dropout(self.ff(self.norm_2(x)))


class DecoderLayer(nn.Module):
    """Weights that the released checkpoint holds and its forward pass never uses."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2, self.norm_3 = Norm(), Norm(), Norm()
        self.attn_1, self.attn_2 = Attention(), Attention()
        self.ff = FeedForward()

"""AutoVC: an autoencoder of speech whose bottleneck is too narrow for the speaker.

Parameters carry the names and shapes of the official network, so that its checkpoint
loads as it is. Taught in notebook 02; Qian et al. 2019, the paper's [15].
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from emoface_lib.core.clip import MEL_BANDS

EMBEDDING = 256  # numbers that describe a speaker
KERNEL = 5  # frames; receptive field of one convolution
# the activation that follows a convolution, whose initial weights are scaled for it
Activation = Literal["relu", "tanh"]


class AutoVC(nn.Module):
    """Encoder, decoder and post-net; the defaults are the official checkpoint's sizes.

    neck : numbers of a code in each direction; freq : frames that share a code; pre :
    of the decoder's first layers; width : of the encoder's and the post-net's
    convolutions; post : of the decoder's last layers.
    """

    def __init__(
        self,
        neck: int = 32,
        freq: int = 32,
        pre: int = 512,
        width: int = 512,
        post: int = 1024,
    ) -> None:
        super().__init__()
        self.neck, self.freq = neck, freq
        self.encoder = Encoder(neck, freq, width)
        self.decoder = Decoder(2 * neck + EMBEDDING, pre, post)
        self.postnet = PostNet(width)

    def forward(
        self, mel: Tensor, source: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Convert a mel of the speaker `source` into the voice of `target`.

        mel : Tensor[B, T, 80], T a multiple of freq; source, target : Tensor[B, 256].
        Returns the mel before and after the post-net, Tensor[B, T, 80] each, and the
        codes, Tensor[B, T / freq, 2 neck].
        """
        codes = self.encoder(mel, source)
        frames = codes.repeat_interleave(self.freq, dim=1)  # (B, T/freq, ..) -> (B, T)
        drawn = self.decoder(beside(frames, target))
        return drawn, drawn + self.postnet(drawn), codes


class Encoder(nn.Module):
    """Encoder: from a mel and its speaker's embedding to content codes."""

    def __init__(self, neck: int, freq: int, width: int) -> None:
        super().__init__()
        self.neck, self.freq = neck, freq
        sizes = (MEL_BANDS + EMBEDDING, width, width, width)
        self.convolutions = convolutions(sizes, "relu")
        self.lstm = nn.LSTM(width, neck, 2, batch_first=True, bidirectional=True)

    def forward(self, mel: Tensor, source: Tensor) -> Tensor:
        """Codes Tensor[B, T / freq, 2 neck] of a mel Tensor[B, T, 80].

        A code is the forward state at the last of its frames beside the backward state
        at the first of them: each has read all of them.
        """
        x = beside(mel, source).transpose(1, 2)  # (B, T, 336) -> (B, 336, T)
        for layer in self.convolutions:
            x = layer(x).relu()
        states, _ = self.lstm(x.transpose(1, 2))  # (B, width, T) -> (B, T, 2 neck)
        ahead = states[:, self.freq - 1 :: self.freq, : self.neck]
        back = states[:, :: self.freq, self.neck :]
        return torch.cat([ahead, back], dim=-1)


class Decoder(nn.Module):
    """Decoder: from content codes and a speaker's embedding, one a frame, to a mel."""

    def __init__(self, inputs: int, pre: int, post: int) -> None:
        super().__init__()
        self.lstm1 = nn.LSTM(inputs, pre, batch_first=True)
        self.convolutions = convolutions((pre, pre, pre, pre), "relu")
        self.lstm2 = nn.LSTM(pre, post, 2, batch_first=True)
        self.linear_projection = Projection(post, MEL_BANDS)

    def forward(self, x: Tensor) -> Tensor:
        """Mel Tensor[B, T, 80] of x : Tensor[B, T, 2 neck + 256]."""
        x = self.lstm1(x)[0].transpose(1, 2)  # (B, T, pre) -> (B, pre, T)
        for layer in self.convolutions:
            x = layer(x).relu()
        return self.linear_projection(self.lstm2(x.transpose(1, 2))[0])


class PostNet(nn.Module):
    """Post-net: the correction that convolutions add to a mel to sharpen it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = (MEL_BANDS, width, width, width, width, MEL_BANDS)
        self.convolutions = convolutions(sizes, "tanh")
        # it begins as no correction; at unit variance it drowns the mel for 500 steps
        nn.init.zeros_(self.convolutions[-1].get_parameter("1.weight"))

    def forward(self, mel: Tensor) -> Tensor:
        """Correction Tensor[B, T, 80] of a mel Tensor[B, T, 80]."""
        x = mel.transpose(1, 2)
        *hidden, last = self.convolutions
        for layer in hidden:
            x = layer(x).tanh()
        return last(x).transpose(1, 2)


class SpeakerEncoder(nn.Module):
    """The encoder of speakers that the official AutoVC was trained with, a d-vector.

    Parameters carry its names and shapes; Wan et al. 2018.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(MEL_BANDS, 768, 3, batch_first=True)
        self.embedding = nn.Linear(768, 256)

    def forward(self, mel: Tensor) -> Tensor:
        """Embeddings of length 1, Tensor[B, 256], of mels Tensor[B, T, 80]."""
        return nn.functional.normalize(self.embedding(self.lstm(mel)[0][:, -1]))


class Convolution(nn.Module):
    """Convolution over time; the official network keeps it under the name `conv`."""

    def __init__(self, inputs: int, outputs: int, activation: Activation) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, KERNEL, padding=KERNEL // 2)
        nn.init.xavier_uniform_(self.conv.weight, nn.init.calculate_gain(activation))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x : Tensor[B, C, T]."""
        return self.conv(x)


class Projection(nn.Module):
    """Linear layer; the official network keeps it under the name `linear_layer`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(inputs, outputs)
        nn.init.xavier_uniform_(self.linear_layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Project x : Tensor[B, T, D]."""
        return self.linear_layer(x)


def convolutions(sizes: tuple[int, ...], activation: Activation) -> nn.ModuleList:
    """Convolutions with batch norm, one from each size to the next."""
    return nn.ModuleList(
        nn.Sequential(Convolution(a, b, activation), nn.BatchNorm1d(b))
        for a, b in pairwise(sizes)
    )


def beside(frames: Tensor, speaker: Tensor) -> Tensor:
    """Put a speaker beside each frame: (B, T, D) and (B, E) -> (B, T, D + E)."""
    repeated = speaker[:, None].expand(-1, frames.shape[1], -1)
    return torch.cat([frames, repeated], dim=-1)

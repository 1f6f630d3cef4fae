"""Phonetic code of a voice: a hidden layer of a phone recogniser, on a 20-ms clock.

The recogniser is a Conformer (Gulati et al. 2020) of 2.2 million weights. They are read
from the wheel `hama` (Apache-2.0), which is not imported.
"""

import math
import struct
from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import conv1d, gelu, glu, pad, silu
from tqdm import tqdm  # a notebook would get a widget a clip

from emoface_lib.core.clip import CODE_SIZE, HOP_LENGTH, MEL_BANDS
from emoface_lib.core.errors import InputError
from emoface_lib.core.fresh import file_hash
from emoface_lib.core.parallel import WHERE_SLOW
from emoface_lib.features.audio import checked

HALF = HOP_LENGTH // 2
GIVEN, MARGIN = 400, 100  # frames that a window gives, 8 s, and context around them
FFT, MEL_HOP, FLOOR = 400, 160, 1e-10  # the recogniser's own log-mel
BLOCKS, HEADS, FORWARD, KERNEL = 4, 4, 576, 31  # sizes of the Conformer
TOKENS, BOUNDARY = 191, 189  # phones of the IPA, then word boundary, CTC's blank
NETWORK = "acoustic_model.model."  # before the names of most weights
FILE = "hama/assets/asr_waveform.hama"
FILE_HASH = "84c0579101aa7df6c8e407a48b7e10bf"
# Weights that are only numbered in the file, in its order.
LINEAR = [f"ffn{half}.fc{layer}.weight" for half in (1, 2) for layer in (1, 2)]
LINEAR[2:2] = "attn.in_proj_weight", "attn.out_proj.weight"
FILTERS = ["stem", *[f"blocks.{i}.conv.depthwise" for i in range(BLOCKS)]]
NUMBERED = [f"{part}.{kind}" for part in FILTERS for kind in ("weight", "bias")]
NUMBERED += [f"blocks.{i}.{name}" for i in range(BLOCKS) for name in LINEAR]
# The last voice's tokens; level and pauses are asked for one after the other.
_LAST: dict[bytes, np.ndarray] = {}


def feed_forward() -> nn.Sequential:
    """Feed-forward layers of a block: Tensor[B, T, 144] to the same."""
    fc1, fc2 = nn.Linear(CODE_SIZE, FORWARD), nn.Linear(FORWARD, CODE_SIZE)
    norm = nn.LayerNorm(CODE_SIZE)
    return nn.Sequential(OrderedDict(norm=norm, fc1=fc1, silu=nn.SiLU(), fc2=fc2))


class Convolution(nn.Module):
    """Gated convolution over time, a filter for each channel."""

    def __init__(self) -> None:
        super().__init__()
        size, self.norm = CODE_SIZE, nn.LayerNorm(CODE_SIZE)
        self.pointwise1 = nn.Linear(size, 2 * size)
        self.depthwise = nn.Conv1d(size, size, KERNEL, groups=size)
        self.pointwise2 = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, T, 144] to the same."""
        gated = glu(self.pointwise1(self.norm(x)))
        row = gated.mT[:, :, None]  # (B, 144, 1, T); so it has a faster kernel
        kernel, bias = self.depthwise.weight[:, :, None], self.depthwise.bias
        filtered = functional.conv2d(row, kernel, bias, 1, "same", 1, len(kernel))
        return self.pointwise2(silu(filtered[:, :, 0].mT))


class Block(nn.Module):
    """A block of the Conformer: attention and convolution between two half steps."""

    def __init__(self) -> None:
        super().__init__()
        self.ffn1, self.ffn2, self.conv = feed_forward(), feed_forward(), Convolution()
        self.attn_norm, self.norm = nn.LayerNorm(CODE_SIZE), nn.LayerNorm(CODE_SIZE)
        self.attn = nn.MultiheadAttention(CODE_SIZE, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Tensor[B, T, 144] to the same."""
        x = x + self.ffn1(x) / 2
        # `self.attn` by a kernel that is faster than its own
        weight, bias = self.attn.in_proj_weight, self.attn.in_proj_bias
        three = functional.linear(self.attn_norm(x), weight, bias)
        heads = three.unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*heads)  # (B, HEADS, T, 36)
        x = x + self.attn.out_proj(mixed.transpose(1, 2).flatten(2))
        x = x + self.conv(x)
        return self.norm(x + self.ffn2(x) / 2)


class Recogniser(nn.Module):
    """Phones of a voice: log-mel, a convolution of stride 2, four blocks, a softmax."""

    def __init__(self) -> None:
        super().__init__()
        bins = FFT // 2 + 1
        self.stft_real_kernel = nn.Parameter(torch.zeros(bins, 1, FFT))
        self.stft_imag_kernel = nn.Parameter(torch.zeros(bins, 1, FFT))
        self.mel_fb = nn.Parameter(torch.zeros(bins, MEL_BANDS))
        self.stem = nn.Conv1d(MEL_BANDS, CODE_SIZE, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.proj = nn.Linear(CODE_SIZE, TOKENS)

    def encode(self, samples: Tensor, *blocks: int) -> Tensor:
        """Outputs of blocks side by side, Tensor[B, T, 144 K], by default the last's.

        0 is the layer before the first. samples : Tensor[B, S] at 16 kHz, S > 200;
        frame t is centred at sample 320 t.
        """
        padded = pad(samples[:, None], (FFT // 2, FFT // 2), mode="reflect")
        kernels = self.stft_real_kernel, self.stft_imag_kernel
        real, imaginary = (conv1d(padded, one, stride=MEL_HOP) for one in kernels)
        mel = (real**2 + imaginary**2).transpose(1, 2) @ self.mel_fb
        x = gelu(self.stem(mel.clamp(min=FLOOR).log().transpose(1, 2)))
        outputs, wanted = [x.transpose(1, 2)], blocks or (BLOCKS,)
        for block in self.blocks[: max(wanted)]:
            outputs.append(block(outputs[-1]))
        return torch.cat([outputs[number] for number in wanted], -1)

    def forward(self, samples: Tensor) -> Tensor:
        """Log-probabilities, Tensor[B, T, 191], of samples : Tensor[B, S]."""
        return self.proj(self.encode(samples)).log_softmax(-1)


@torch.inference_mode()
def phonetic_code(samples: np.ndarray, *blocks: int) -> np.ndarray:
    """Outputs of the recogniser's blocks, by default the second's: float32[T, 144 K].

    samples : float[S] at 16 kHz; frames are those of `log_mel`. Attention spans all it
    is given, so a frame is *defined* by its window: each 8 s are encoded with the 2 s
    before and after them, as far as there is sound. A stream gives the same frames as
    the whole. Raises InputError as `log_mel`, and if the wheel is missing.
    """
    recogniser, wanted = load_recogniser(), blocks or (2,)
    return np.concatenate(
        [recogniser.encode(x, *wanted)[0, own].numpy() for x, own in _windows(samples)]
    )


@torch.inference_mode()
def likeliest_tokens(samples: np.ndarray) -> np.ndarray:
    """The likeliest of the recogniser's 191 tokens: int[T]; as `phonetic_code`."""
    given = np.ascontiguousarray(samples, np.float32)
    key, recogniser = blake2b(given.data).digest(), load_recogniser()
    if key not in _LAST:
        windows = _windows(given)
        found = [recogniser(x).argmax(-1)[0, own].numpy() for x, own in windows]
        _LAST.clear()
        _LAST[key] = np.concatenate(found)
    return _LAST[key]


def _windows(samples: np.ndarray) -> Iterator[tuple[Tensor, slice]]:
    """Windows Tensor[1, S] of a voice float[S], and which of their frames gives."""
    sound = checked(samples)[HALF:]  # from the middle of the first frame
    total = 1 + len(sound) // HOP_LENGTH
    for start in tqdm(range(0, total, GIVEN), "listening", **WHERE_SLOW):
        first, last = max(0, start - MARGIN), min(total, start + GIVEN + MARGIN)
        window = torch.from_numpy(sound[first * HOP_LENGTH : last * HOP_LENGTH - HALF])
        yield window.float()[None], slice(start - first, start - first + GIVEN)


@lru_cache(maxsize=1)
def load_recogniser() -> Recogniser:
    """The recogniser; raises InputError if the wheel is missing or another version."""
    found = [Path(str(one.locate_file(FILE))) for one in distributions(name="hama")]
    if not found or file_hash(found[0]) != FILE_HASH:
        raise InputError(
            "To hear where somebody speaks, the phone recogniser of another package "
            "is needed: run pip install --no-deps hama==1.7.0"
        )
    recogniser = Recogniser().eval()
    recogniser.load_state_dict(dict(_weights(found[0].read_bytes())))
    return recogniser


def _weights(data: bytes) -> Iterator[tuple[str, Tensor]]:
    """Weights by name: the file lists names, types, shapes and places before them."""
    (count,), place, listed = struct.unpack_from("<I", data, 8), 12, []
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, place)
        name, kind, axes = struct.unpack_from(f"<{length}sBB", data, place + 2)
        place += length + 4
        *shape, offset, _ = struct.unpack_from(f"<{axes}I2Q", data, place)
        place += 4 * axes + 16
        listed.append((name.decode(), ("<f4", "<f2")[kind], shape, offset))
    start, numbered = -(-place // 16) * 16, iter(NUMBERED)
    for name, kind, shape, offset in listed:
        values = np.frombuffer(data, kind, math.prod(shape), start + offset)
        weight = torch.from_numpy(values.reshape(shape).astype(np.float32))
        weight = weight.squeeze(-1)  # a convolution over one frame is a linear layer
        own = next(numbered) if name.startswith("onnx::") else name
        yield own.removeprefix(NETWORK), weight.T if "MatMul" in name else weight

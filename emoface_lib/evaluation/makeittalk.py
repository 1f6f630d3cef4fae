"""MakeItTalk's landmarks: two branches, trained with its own losses, and predicted.

Parameters carry the names and shapes of the released networks (Zhou et al. 2020, the
paper's [3]), so that their checkpoints load as they are. Both branches work on a
standard face whose jaw is 1.6 wide; here that scale is undone, and predictions are px
of the canonical frame, without the released code's louder lips.
Taught in notebook 07; their sections 3.2 and 3.3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from emoface_lib.core.checkpoints import load_foreign
from emoface_lib.core.clip import MEL_BANDS, Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.fresh import made_from
from emoface_lib.core.landmarks import LIPS, POLYLINES, mean_face
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics, Schedule, device_of, fit
from emoface_lib.evaluation.baselines import delayed
from emoface_lib.features.align import to_canonical
from emoface_lib.method.steps import split

WINDOW = 18  # frames of a branch's input; its output is for the first of them
POINTS = 68 * 3
SIZE, HEADS, LAYERS = 64, 2, 2  # self-attention in the speaker branch
NOISE = 128  # z of the speaker branch, zeros outside of its first training
LONGEST = 512  # frames that attend to each other
DROPOUT = 0.2  # as in our content branch; 0.5 in the released code, trained for days
LOUDER = 3.0  # factor of the embedding, as in the released code
JAW_WIDTH = 1.6  # width of the standard face's jaw, in the branches' units
LIP_WEIGHT = 2.0  # weight for the lips in the L1; the authors' is not published
# Learning rates of content and speaker branch; short one-cycle runs need faster ones.
RATES = {"constant": (1e-4, 1e-3), "one_cycle": (4e-3, 1e-3)}
CONTENT_WINDOWS, MORE = 192, 4  # windows a batch; steps for one of our step 1
SPEAKER_CLIPS, SPEAKER_WINDOWS = 3, 32  # a batch: clips, successive windows
CONTENT_FILE, SPEAKER_FILE = "content", "speaker"  # folders of a trained model


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


@dataclass(frozen=True)
class MakeItTalk:
    """Both branches; None leaves the speaker branch out."""

    content: ContentBranch
    speaker: SpeakerBranch | None = None

    @torch.no_grad()
    def displacements(self, clips: Sequence[Clip]) -> list[Tensor]:
        """L - L_0 of clips, Tensor[T, 68, 2] px of the canonical frame each.

        Raises InputError if a voice is not embedded, which the speaker branch needs.
        """
        content, speaker = self.content.eval(), self.speaker and self.speaker.eval()
        found = []
        for clip in clips:
            face, parts = standard_face(clip.reference), []
            for some in windows_of(clip).split(LONGEST):
                parts.append(content(some, face.expand(len(some), -1)))
                if speaker is not None:
                    parts[-1] = parts[-1] + speaker(some[None], voice_of(clip)[None])[0]
            found.append(in_canonical(torch.cat(parts), clip.reference))
        return found


STAGES = "features", "training"  # whose settings both branches depend on


def train_makeittalk(
    clips: Sequence[Clip], folder: Path, settings: Settings
) -> MakeItTalk:
    """Train the content branch, then the speaker branch on what it leaves.

    Steps are four times those of our step 1, after which lips follow the voice better
    than its loudness would make them, and half those of our step 2; clips with split
    "train" train. Leaves `content/model.safetensors` and `speaker/model.safetensors` in
    `folder`.
    """
    train = [_example(clip) for clip in split(clips, "train")]
    torch.manual_seed(settings.seed)
    content = ContentBranch(train[0][0].shape[-1])
    speaker = SpeakerBranch(train[0][0].shape[-1])
    for branch in (content.fc, speaker.out):  # starts from a face that is still
        for parameter in branch[-1].parameters():
            nn.init.zeros_(parameter)

    def content_loss(_: int, generator: np.random.Generator) -> Metrics:
        drawn = _draw(train, CONTENT_WINDOWS, 1, generator)
        windows, face, truth, _voice = (x.to(device_of(content)) for x in drawn)
        return landmark_losses(content(windows[:, 0], face).float(), truth[:, 0])

    def speaker_loss(_: int, generator: np.random.Generator) -> Metrics:
        drawn = _draw(train, SPEAKER_CLIPS, SPEAKER_WINDOWS, generator)
        windows, face, truth, voice = (x.to(device_of(speaker)) for x in drawn)
        with torch.no_grad():
            flat = windows.flatten(0, 1)
            each = face.repeat_interleave(windows.shape[1], 0)
            d_content = content.to(flat.device).eval()(flat, each).view_as(truth)
        return landmark_losses((d_content + speaker(windows, voice)).float(), truth)

    rates = RATES[settings.training.schedule]
    first = Schedule.of(settings, MORE * settings.content.steps, rates[0])
    source = made_from(settings, STAGES, __name__, train)
    fit(content, content_loss, first, folder / CONTENT_FILE, settings, source)
    second = Schedule.of(settings, -(-settings.style.steps // 2), rates[1])
    source = made_from(settings, STAGES, __name__, train, content.state_dict())
    fit(speaker, speaker_loss, second, folder / SPEAKER_FILE, settings, source)
    content.cpu()
    return MakeItTalk(content, speaker)


def load_released(content: Path, speaker: Path | None = None) -> MakeItTalk:
    """The released ckpt_content_branch.pth and ckpt_speaker_branch.pth.

    Their input is AutoVC's converted mel at 62.5 frames/s. Raises InputError if a file
    is missing or holds another network.
    """
    made = ContentBranch()
    _load(made, content, "model_g_face_id")
    if speaker is None:
        return MakeItTalk(made)
    branch = SpeakerBranch()
    _load(branch, speaker, "G")
    return MakeItTalk(made, branch)


def _load(model: nn.Module, path: Path, key: str) -> None:
    load_foreign(path, model, (key,), f"{path} is no checkpoint of MakeItTalk's {key}.")


def landmark_losses(predicted: Tensor, truth: Tensor) -> Metrics:
    """L1 in which lips weigh more, and L1 of what a point is from its neighbours.

    Both : Tensor[..., 204], units of the standard face.
    """
    apart = (predicted - truth).unflatten(-1, (68, 3))
    weight = apart.new_ones(68, 1)
    weight[LIPS] = LIP_WEIGHT
    points = (weight * apart.abs()).mean()
    shape = (laplacian().to(apart.device) @ apart).abs().mean()
    return {"loss": points + shape, "loss/points": points, "loss/laplacian": shape}


def laplacian() -> Tensor:
    """A point minus the mean of its neighbours on the poly-lines: Tensor[68, 68]."""
    beside = torch.zeros(68, 68)
    for line in POLYLINES.values():
        for first, second in pairwise(line):
            beside[first, second] = beside[second, first] = 1
    return torch.eye(68) - beside / beside.sum(1, keepdim=True)


def windows_of(clip: Clip) -> Tensor:
    """The log-mel from each frame on, Tensor[T, 18, 80]; at the ends, one is held.

    What F_a looks ahead is undone: a window begins at the moment it answers for.
    """
    mel = delayed(clip.log_mel, clip.ahead)
    after = clip.log_mel[-1:].expand(WINDOW - 1, -1)
    return torch.cat([mel, after]).unfold(0, WINDOW, 1).transpose(1, 2)


def standard_scale(reference: Tensor) -> float:
    """Units of the standard face a px of the canonical frame, from the jaw's width.

    reference : L_0, Tensor[68, 2] px of the canonical frame.
    """
    return JAW_WIDTH / float((reference[16] - reference[0]).norm())


def standard_face(reference: Tensor) -> Tensor:
    """L_0 as MakeItTalk's branches take it: Tensor[204], units of the standard face.

    reference : L_0, Tensor[68, 2] px of the canonical frame. The result is centred
    between the jaw's ends; its depth is that of the mean face.
    """
    depth = torch.from_numpy(to_canonical(mean_face())[:, 2:]).float()
    solid = torch.cat([reference, depth], dim=1)
    middle = (solid[0] + solid[16]) / 2
    return ((solid - middle) * standard_scale(reference)).flatten()


def in_canonical(displacement: Tensor, reference: Tensor) -> Tensor:
    """Undo the scale: Tensor[T, 204] to Tensor[T, 68, 2] px of the canonical frame."""
    return displacement.unflatten(-1, (68, 3))[..., :2] / standard_scale(reference)


def voice_of(clip: Clip) -> Tensor:
    """GE2E embedding of a clip, Tensor[256], of length 1; InputError if it has none."""
    if clip.voice is None:
        raise InputError(
            f"{clip.name} has no embedded voice, which MakeItTalk's speaker branch "
            "needs: give audio_only_clips `voices=True`, or the clip its `voice`."
        )
    return clip.voice


def _example(clip: Clip) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the branches take from a clip, in the scale of the standard face.

    Windows (T, 18, D), face (204,), truth (T, 204) and voice (256,).
    """
    flat = pad(clip.displacement * standard_scale(clip.reference), (0, 1))  # (T, 68, 3)
    face = standard_face(clip.reference)
    return windows_of(clip), face, flat.flatten(1), voice_of(clip)


def _draw(
    examples: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]],
    count: int,
    length: int,
    generator: np.random.Generator,
) -> list[Tensor]:
    """Windows (count, length, 18, D), faces, truths and voices of random places."""
    rows = []
    length = min(length, *(len(windows) for windows, *_ in examples))
    for index in generator.integers(len(examples), size=count):
        windows, face, truth, voice = examples[index]
        start = int(generator.integers(max(1, len(windows) - length + 1)))
        part = slice(start, start + length)
        rows.append((windows[part], face, truth[part], voice))
    return [torch.stack(part) for part in zip(*rows, strict=True)]

"""Checkers of lesson 05, the style encoder, and a function that holds a bug."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, linear

from course.exercises.checking import (
    answer_of,
    close,
    expect,
    number_of,
    right,
    tensor_of,
)
from course.exercises.training import (
    losses_by,
    losses_of,
    network_of,
    not_any,
    same,
    shaken,
    show_losses,
    take_weights,
    weights_of,
)
from emoface_lib import plots
from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import crop_batch
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import content_codes
from emoface_lib.method.losses import StyleBatch, expression_similarity, style_loss
from emoface_lib.method.style import StyleBranch
from emoface_lib.method.triplets import TripletSampler

MARGIN = 0.1
RATIOS = (0.8, 1.5, 2.0, 3.0, 2.4)  # ratios of distances in five numbers of a code
SPEAKERS, VIDEOS, CLIPS = 8, 4, 3  # clips a video, videos a speaker
HEADS = 4
ATTENTION_MISTAKES = {
    "scale": "the scores are not divided by the root of a head's size, 8: softmax of "
    "such large numbers picks single frames.",
    "axis": "the weights sum to 1 over the frames that ask, and not over those that "
    "answer: take the softmax over the last axis of Q K^T.",
    "one head": "one head of 256 numbers mixes the frames. Table 1's layer has 4, each "
    "of 64 numbers.",
    "residual": "what attention adds takes the place of the codes. Add it to them, and "
    "then normalise.",
    "codes": "the two codes are put together as identity, emotion. Eq. (4) names "
    "emotion first.",
    "content": "style comes before content in what MLP_s gets. Eq. (8) has content "
    "first.",
}

Triplets = list[tuple[int, int, int]]
Draw = Callable[[Sequence["Recording"], np.random.Generator], Triplets]


class Recording(NamedTuple):
    """A clip, as far as triplets need to know it; expression : Tensor[7]."""

    speaker: str
    video: str
    expression: Tensor


class Crops(NamedTuple):
    """Equally long crops of N clips, from which batches are made by position.

    features : Tensor[N, T, D], standardised; content : E_content, Tensor[N, T, 256];
    d_content and displacement : L - L_0, Tensor[N, T, 68, 2] px; expressions :
    Tensor[N, 7].
    """

    features: Tensor
    content: Tensor
    d_content: Tensor
    displacement: Tensor
    expressions: Tensor


def check_resting_size(function: Callable[[float, float, float, float], float]) -> None:
    """The size at which eq. (5) lets a code rest; 0 if it dies."""
    survives = number_of(answer_of(function, 0.1, 0.3, 0.9, 0.4))
    dies = number_of(answer_of(function, 0.2, 0.25, 0.9, 0.4))
    barely = number_of(answer_of(function, 0.1, 0.2, 0.9, 0.4))
    expect(
        survives > 0,
        "a code dies in which different videos lie three times as far apart as clips "
        "of one video, with a threshold of 1.5.",
    )
    expect(
        dies == 0,
        "a code lives in which different videos lie 1.25 times as far apart, with a "
        "threshold of 1.5. Do both lambdas enter?",
    )
    expect(
        barely > 0,
        "a code dies with a ratio of 2 and a threshold of 1.5. Faces that look alike "
        "anyway repel less: is it 1 - lambda_rp?",
    )
    expect(
        not close(survives, MARGIN),
        "0.1 is the distance d_rp at which it rests. Asked is the size s.",
    )
    expect(
        not close(survives, MARGIN / 0.1),
        "the margin holds d_rp; you let it hold d_rs.",
    )
    expect(
        close(survives, MARGIN / 0.3),
        f"it rests at {MARGIN / 0.3:.3f}, not {survives}.",
    )
    right("the faces alone say what may live, and the margin says how large.")


def check_sizes_after(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Sizes of the numbers of a code after gradient descent on eq. (5)."""
    near, far = torch.ones(len(RATIOS)), torch.tensor(RATIOS)
    answer = tensor_of(answer_of(function, near, far), (len(RATIOS),))
    expect(
        answer.min() >= 0,
        "a size is below 0, where its distances would be, too. Clamp after each step.",
    )
    expect(
        answer.std() > 1e-6,
        "all sizes are the same. Does the gradient reach each of them?",
    )
    expect(answer.max() > 0.01, "all have died. Does far apart make the loss smaller?")
    alive = (answer > 0.1 * answer.max()).nonzero().flatten().tolist()
    expect(
        alive != [1, 2, 3, 4],
        "every number above the threshold lives: the margin was asked of each number. "
        "Eq. (5) asks it of d_rp, their mean.",
    )
    expect(
        len(alive) < 2,
        f"{len(alive)} numbers are still alive. Go on: is anything still moving?",
    )
    expect(
        alive == [3],
        f"the ratio that lives is said to be {RATIOS[alive[0]]} of {RATIOS}.",
    )
    rest = MARGIN * len(RATIOS) / RATIOS[3]
    expect(
        abs(answer[3] - rest) < 0.1 * rest,
        f"the right one lives, at {answer[3]:.3f} in place of {rest:.3f}.",
    )
    right(
        "the best number alone reaches the margin; then nothing repels, and the others "
        "are only attracted. Eq. (5) by itself ends at rank 1."
    )


def draw_triplets(
    clips: Sequence[Recording], generator: np.random.Generator
) -> list[tuple[int, int, int]]:
    """A triplet (r, s, p) for each clip as V_r; holds a bug on purpose."""
    triplets = []
    for r, clip in enumerate(clips):
        same, others = [], []
        for i, other in enumerate(clips):
            if other.video == clip.video and i != r:
                same.append(i)
            elif other.speaker == clip.speaker and i != r:
                others.append(i)
        s, p = generator.choice(same), generator.choice(others)
        triplets.append((r, int(s), int(p)))
    return triplets


def show_similarities(draw: Draw = draw_triplets) -> None:
    """Histograms of lambda over the triplets that a function draws."""
    clips = recordings()
    triplets = [t for k in range(20) for t in draw(clips, np.random.default_rng(k))]
    r, s, p = (
        torch.stack([clips[i].expression for i in role])
        for role in zip(*triplets, strict=True)
    )
    shares = {
        "lambda_rs": _shares(expression_similarity(r, s)),
        "lambda_rp": _shares(expression_similarity(r, p)),
    }
    drawn, axes = plots.figure(size=(5, 2.6))
    plots.draw_histograms(axes[0, 0], shares, "similarity of two faces")
    plots.show(drawn, "Histograms of lambda_rs and lambda_rp over drawn triplets.")


def check_draw_triplets(function: Draw) -> None:
    """Triplets, with the bug mended."""
    clips = recordings()
    triplets = [_drawn(function, clips, k) for k in range(4)]
    expect(triplets[0] != triplets[1], "nothing is drawn: every epoch is the same.")
    for r, s, p in (triplet for drawn in triplets for triplet in drawn):
        expect(s != r, "V_s is V_r itself at times: then d_rs is 0 for any code.")
        expect(
            clips[p].speaker == clips[r].speaker,
            "V_p is another person at times: a code of voices would do.",
        )
        expect(clips[p].video != clips[r].video, "V_p is of V_r's own video at times.")
        expect(
            clips[s].video == clips[r].video,
            "V_s is of another video than V_r at times.",
        )
        expect(
            clips[s].speaker == clips[r].speaker,
            "the videos of V_r and V_s bear the same name, and yet are two videos. "
            "What makes a video one?",
        )
    right(
        "a name is unique in its folder and nowhere else. Look at the pairs you draw."
    )


def check_across_speakers(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Attraction of clips of different speakers whose faces look alike."""
    generator = torch.Generator().manual_seed(5)
    codes = torch.randn(12, 6, generator=generator)
    speakers = torch.arange(12) % 4
    faces = torch.randn(12, 7, generator=generator).mul(2).softmax(1)
    asked = function, codes, speakers, faces.requires_grad_()
    answer = answer_of(*asked)
    expect(
        not getattr(answer, "requires_grad", False),
        "the weights carry a gradient. Nothing trains the expression model: detach.",
    )
    answer = number_of(answer)
    faces = faces.detach()
    apart = (codes[:, None] - codes[None]).abs().mean(2)
    alike = expression_similarity(faces[:, None], faces[None])
    two = (speakers[:, None] != speakers).float()
    expect(
        not close(answer, (alike * apart).sum() / alike.sum()),
        "clips of one speaker count, too. Whether they are alike is what eq. (5) asks.",
    )
    expect(
        not close(answer, (alike * apart * two).sum() / two.sum()),
        "the sum is divided by the number of pairs: a batch of unlike faces would seem "
        "a near one. Divide by the sum of the weights.",
    )
    euclid = (codes[:, None] - codes[None]).norm(dim=2)
    expect(
        not close(answer, (alike * euclid * two).sum() / (alike * two).sum()),
        "this is the Euclidean distance. Eq. (5) takes the mean absolute difference.",
    )
    truth = float((alike * apart * two).sum() / (alike * two).sum())
    expect(close(answer, truth), f"it gives {answer:.3f} in place of {truth:.3f}.")
    right("it compares people at last; alone it would collapse, so eq. (5) must stay.")


def check_style_network(network: Callable[[int], nn.Module]) -> None:
    """The style branch as a student's nn.Module, against the library's."""
    torch.manual_seed(5)
    branch, model = StyleBranch(40), network_of(network, 40)
    ready = nn.MultiheadAttention, nn.TransformerEncoderLayer
    expect(
        not any(isinstance(part, ready) for part in model.modules()),
        "PyTorch's ready-made attention is in it. Write Q, K and V yourself.",
    )
    shaken(nn.ModuleList([branch.mlp_e, branch.mlp_i, branch.attention]), 5)
    branch.eval()
    with torch.no_grad():  # or else all frames weigh nearly the same
        branch.attention.self_attn.in_proj_weight.mul_(6)
    own, theirs = (sum(p.numel() for p in x.parameters()) for x in (model, branch))
    expect(
        own == theirs,
        f"your network has {own} weights, the library's {theirs}. Do all layers have "
        "the sizes of the exercise, and a bias?",
    )
    take_weights(model, _style_weights(branch))
    features, content = torch.randn(2, 9, 40) * 3, torch.randn(2, 9, 256)
    answer = answer_of(model.eval(), features, content)
    expect(
        isinstance(answer, tuple) and len(answer) == 3,
        "`forward` should return three tensors: D_style, E_emotion and E_identity.",
    )
    answer, emotion, identity = (
        tensor_of(value, shape)
        for value, shape in zip(
            answer, [(2, 9, 68, 2), (2, 9, 128), (2, 9, 128)], strict=True
        )
    )
    with torch.no_grad():
        wrong = {
            sentence: _styled(branch, features, content, mistake)
            for mistake, sentence in ATTENTION_MISTAKES.items()
        }
        not_any(answer, wrong)
        expect(
            same(emotion, branch.mlp_e(features))
            and same(identity, branch.mlp_i(features)),
            "the codes that it returns are not those of MLP_e and of MLP_i, in turn.",
        )
        expect(
            same(answer, branch(features, content)),
            "with the library's weights its D_style differs from the library's.",
        )
    seen = getattr(model, "map", None)
    expect(
        isinstance(seen, Tensor) and tuple(seen.shape) == (2, HEADS, 9, 9),
        "keep the attention's weights as `self.map`, Tensor[B, 4, T, T].",
    )
    right("four heads, two additions, two norms: with equal weights, equal faces.")


def check_style_loop(loop: Callable[..., Any]) -> None:
    """Eq. (5), (6) and (10) and the training loop, on a small network."""
    torch.manual_seed(5)
    network, crops = Codes(), random_crops()
    triplets = torch.tensor([[[0, 1, 2], [3, 4, 5]], [[1, 0, 3], [4, 3, 0]]])
    with torch.no_grad():
        first = {name: _loss(network, crops, triplets[0], name) for name in LOOP}
    losses = losses_of(loop, network, crops, triplets, 0.01)
    expect(len(losses) == len(triplets), "take one step for each batch of triplets.")
    truth = first.pop("")
    not_any(losses[0], {LOOP[name]: value for name, value in first.items()})
    expect(
        same(losses[0], truth),
        f"the first loss is {losses[0]:.3f} in place of {truth:.3f}.",
    )
    right("three losses, one backward pass, one step: this is step 2 of the paper.")


LOOP = {
    "": "",
    "interleaved": "the wrong clips are compared: after `flatten()` clips stand as r, "
    "s, p, r, s, p. `chunk(3)` needs all V_r first: transpose before you flatten.",
    "sign": "the sign of the margin's bracket is turned: clips of two videos attract "
    "each other as soon as they are far apart.",
    "no clamp": "the bracket of eq. (5) falls below 0, and two videos repel each other "
    "without end: `clamp(min=0)`.",
    "endless": "the margin is missing: without 0.1 and `clamp(min=0)` two videos repel "
    "each other without end.",
    "no margin": "the margin is missing: the bracket of eq. (5) is always 0, and two "
    "videos never repel each other.",
    "swapped": "V_s and V_p are swapped: clips of one video are driven apart.",
    "lambda": "faces that look alike repel more. Is it 1 - lambda_rp?",
    "frames": "distances are taken frame by frame, where the words differ. Take the "
    "codes' means over time first.",
    "identity": "eq. (6) compares V_r and V_s, which share a video. Compare V_r and "
    "V_p.",
    "no content": "eq. (10) compares D_style alone with the face. By eq. (9) D_content "
    "moves it, too.",
    "squared": "eq. (10) is the squared error here. The paper's is the absolute one.",
}


def show_style_training(
    network: Callable[[int], nn.Module],
    loop: Callable[..., Any],
    clips: Sequence[Clip],
    content: ContentBranch,
    settings: Settings,
) -> None:
    """Train a student's network by the student's loop, and the library's beside it.

    Both begin with the same weights and see the same batches, for a tenth of the steps
    of the settings. clips : those that train, from which triplets can be drawn.
    """
    size, seed = clips[0].features.shape[1], settings.seed
    model = network_of(network, size)
    generator, sampler = np.random.default_rng(seed), TripletSampler(clips)
    torch.manual_seed(seed)
    branch = StyleBranch(size)
    take_weights(model, _style_weights(branch))
    crops = _crops(clips, content, settings, generator)
    steps = range(max(2, settings.style.steps // 10))
    count, rate = settings.style.batch, settings.style.learning_rate
    drawn = [sampler.draw(count, step, seed, generator) for step in steps]
    triplets = torch.tensor(drawn)
    own = losses_of(loop, model, crops, triplets, rate)
    usual = settings.changed(
        objective="paper",
        contrast="triplet",
        emotion_distance="means",
        expression_weights=True,
        margin=MARGIN,
    )

    def loss_of(step: Tensor) -> Tensor:
        order = step.T.flatten()
        means = crops.features[order, 0], order, True  # and labels, which are not used
        batch = StyleBatch._make([*(x[order] for x in crops), *means])
        return style_loss(branch, batch, usual)["loss"]

    theirs = losses_by(loss_of, triplets, branch.parameters(), rate)
    why = "Both began with the same weights; the random numbers of dropout differ."
    show_losses(own, theirs, why)
    with torch.no_grad():
        model.eval()(crops.features[:1], crops.content[:1])
    attention = cast(Tensor, model.map)  # (1, HEADS, T, T)
    drawn_maps, axes = plots.figure(1, HEADS, size=(7.2, 1.9))
    for head, (place, weights) in enumerate(zip(axes[0], attention[0], strict=True)):
        plots.draw_map(place, weights.numpy(), f"head {head + 1}")
    plots.show(
        drawn_maps,
        "Attention of each head: which frames (columns) a frame (row) listens to.",
        kind="jpeg",
    )


def recordings() -> list[Recording]:
    """Clips of SPEAKERS, each with VIDEOS of different emotions, CLIPS of each."""
    generator = torch.Generator().manual_seed(5)
    clips = []
    for speaker in range(SPEAKERS):
        emotions = torch.randperm(7, generator=generator)[:VIDEOS]
        for video, emotion in enumerate(emotions):
            for _ in range(CLIPS):
                face = torch.randn(7, generator=generator) * 0.5
                face[emotion] += 4
                names = f"id{speaker + 1:05}", f"video{video + 1:02}"
                clips.append(Recording(*names, face.softmax(0)))
    return clips


def _style_weights(branch: StyleBranch) -> list[Tensor]:
    """The library's weights in the order of the exercise: Q, K and V apart."""
    weights, bias, *rest = weights_of(branch.attention)
    parts = zip(weights.chunk(3), bias.chunk(3), strict=True)  # Q, K and V
    apart = [x for part in parts for x in part]
    codes = weights_of(branch.mlp_e, branch.mlp_i)
    return [*codes, *apart, *rest, *weights_of(branch.mlp_s)]


def _styled(
    branch: StyleBranch, features: Tensor, content: Tensor, mistake: str
) -> Tensor:
    """D_style by hand, with one mistake of ATTENTION_MISTAKES."""
    codes = [branch.mlp_e(features), branch.mlp_i(features)]
    x = torch.cat(codes[::-1] if mistake == "codes" else codes, -1)
    layer, attention = branch.attention, branch.attention.self_attn
    heads = 1 if mistake == "one head" else HEADS
    q, k, v = (
        part.unflatten(2, (heads, -1)).transpose(1, 2)  # (B, heads, T, 256 / heads)
        for part in linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(
            3, -1
        )
    )
    scores = q @ k.mT / (1 if mistake == "scale" else q.shape[-1] ** 0.5)
    mixed = scores.softmax(-2 if mistake == "axis" else -1) @ v
    added = attention.out_proj(mixed.transpose(1, 2).flatten(2))
    x = layer.norm1(added if mistake == "residual" else x + added)
    x = layer.norm2(x + layer.linear2(layer.linear1(x).relu()))
    both = [x, content] if mistake == "content" else [content, x]
    return branch.mlp_s(torch.cat(both, -1)).unflatten(2, (68, 2))


class Codes(nn.Module):
    """The smallest network with a style and two codes."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp_e, self.mlp_i = nn.Linear(6, 4), nn.Linear(6, 4)
        self.mlp_s = nn.Linear(6, 136)

    def forward(self, features: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """D_style, E_emotion and E_identity of features : Tensor[B, T, 6]."""
        d_style = self.mlp_s(features).unflatten(2, (68, 2))
        return d_style, self.mlp_e(features), self.mlp_i(features)


def random_crops() -> Crops:
    """Six clips; the first two are close, so that the margin's bracket is open."""
    generator = torch.Generator().manual_seed(5)
    features = torch.randn(6, 8, 6, generator=generator)
    features[3:] += 1.5 * torch.randn(3, 1, 6, generator=generator)
    features[2] = features[0] + 0.1 * features[1]
    d_content, displacement = torch.randn(2, 6, 8, 68, 2, generator=generator)
    faces = torch.randn(6, 7, generator=generator).mul(2).softmax(1)
    return Crops(features, torch.zeros(6, 8, 256), d_content, displacement, faces)


def _loss(network: nn.Module, crops: Crops, triplets: Tensor, mistake: str) -> Tensor:
    """The loss of a batch of triplets, Tensor[B, 3], with one mistake of LOOP."""
    order = (triplets if mistake == "interleaved" else triplets.T).flatten()
    features, content, d_content, displacement, faces = (x[order] for x in crops)
    d_style, emotion, identity = network(features, content)
    if mistake != "frames":
        emotion, identity = (x.mean(1, keepdim=True) for x in (emotion, identity))
    (r, s, p), (i_r, i_s, i_p), (e_r, e_s, e_p) = (
        x.chunk(3) for x in (emotion, identity, faces)
    )
    d_rs, d_rp = ((r - other).abs().mean((1, 2)) for other in (s, p))
    weights = [cosine_similarity(e_r, e_s), 1 - cosine_similarity(e_r, e_p)]
    if mistake == "lambda":
        weights[1] = 1 - weights[1]
    if mistake == "swapped":
        d_rs, d_rp = d_rp, d_rs
    bracket = {
        "sign": (d_rp - MARGIN).clamp(min=0),
        "no clamp": MARGIN - d_rp,
        "endless": -d_rp,
        "no margin": torch.zeros_like(d_rp),
    }.get(mistake, (MARGIN - d_rp).clamp(min=0))
    contrast = (weights[0] * d_rs + weights[1] * bracket).mean()
    same_speaker = (i_r - (i_s if mistake == "identity" else i_p)).abs().mean()
    away = d_style + (0 if mistake == "no content" else d_content) - displacement
    landmark = away.square() if mistake == "squared" else away.abs()
    return landmark.mean() + contrast + same_speaker


def _crops(
    clips: Sequence[Clip],
    content: ContentBranch,
    settings: Settings,
    generator: np.random.Generator,
) -> Crops:
    """One random crop of each clip."""
    codes = content_codes(content, clips)
    sequences = [
        (clip.features, *code, clip.displacement)
        for clip, code in zip(clips, codes, strict=True)
    ]
    features, *others = crop_batch(sequences, settings.training.crop_frames, generator)
    faces = torch.stack([clip.expression for clip in clips])
    features = (features - features.mean((0, 1))) / features.std((0, 1)).clamp(1e-3)
    return Crops._make([features, *others, faces])


def _drawn(
    function: Draw, clips: Sequence[Recording], seed: int
) -> list[tuple[int, int, int]]:
    answer = answer_of(function, clips, np.random.default_rng(seed))
    try:
        triplets = [(int(r), int(s), int(p)) for r, s, p in answer]
    except (TypeError, ValueError):
        expect(False, "the answer should be a list of triplets (r, s, p).")
    first = sorted(r for r, _, _ in triplets)
    expect(first == list(range(len(clips))), "each clip should be V_r just once.")
    return triplets


def _shares(values: Tensor) -> pd.Series:
    counts, edges = np.histogram(values.clamp(0, 1), 10, (0, 1))
    return pd.Series(counts / counts.sum(), edges[:-1])

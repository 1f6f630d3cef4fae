"""Training of the expression model, plain or with the self-cure of [28].

Self-cure (Wang et al. 2020) trains under wrong labels: each picture's loss is weighted
by attention, a rank loss keeps attention apart between pictures that are trusted and
those that are not, and the latter are relabelled where the network is surer of another
class. Taught in notebook 03.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from emoface_lib.core.checkpoints import load_model, save_model
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.fresh import made_from
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics, Schedule, device_of, fit
from emoface_lib.features.expression import WIDTH, ExpressionNet

BATCH = 64  # crops
LEARNING_RATE, WEIGHT_DECAY = 4e-3, 1e-4
SCALE, TURN, SHIFT = 0.08, 0.1, 0.1  # at most: share, radians, half widths of a crop
SHIPPED = WEIGHTS / "expressions.safetensors"


@dataclass(frozen=True)
class SelfCure:
    """Settings of [28]; `relabel_from` is the share of steps before relabelling."""

    trusted: float = 0.7  # share of a batch with much attention
    rank_margin: float = 0.15
    relabel_margin: float = 0.2
    relabel_from: float = 0.5


class Pupil(nn.Module):
    """The network, the labels that it believes, which self-cure changes, its steps."""

    labels: Tensor
    steps: Tensor

    def __init__(self, net: ExpressionNet, labels: np.ndarray) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("labels", torch.from_numpy(labels.astype(np.int64)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))


def train_expressions(
    crops: np.ndarray,
    labels: np.ndarray,
    folder: Path,
    settings: Settings,
    cure: SelfCure | None = None,
    width: int = WIDTH,
) -> tuple[ExpressionNet, np.ndarray]:
    """Train on crops of known expression, `settings.expression.steps` steps.

    crops : uint8[N, 64, 64]; labels : int[N], indices into EXPRESSIONS, some of them
    perhaps wrong; cure : None trains a plain ResNet-18, all attention 1; width : of the
    network's first layer. Returns the network and the labels as it believes them at the
    end. Leaves `model.safetensors` and `log.csv` in `folder`. Taught in notebook 03.
    """
    torch.manual_seed(settings.seed)
    net = ExpressionNet(width) if cure else ExpressionNet(width).trust_all()
    pupil, pictures = Pupil(net, labels), torch.from_numpy(crops)
    steps = settings.expression.steps
    first = round(steps * cure.relabel_from) if cure else steps  # that relabels

    def loss(_: int, generator: np.random.Generator) -> Metrics:
        chosen = torch.from_numpy(generator.integers(len(pictures), size=BATCH))
        some = varied(pictures[chosen], generator).to(device_of(net))
        attention, logits = net(some)
        given = pupil.labels[chosen.to(some.device)]
        metrics = batch_loss(attention, logits, given, cure)
        if cure and pupil.steps >= first:
            pupil.labels[chosen.to(some.device)] = cured_labels(
                attention, logits, given, cure.trusted, cure.relabel_margin
            )
        pupil.steps += 1
        return metrics

    schedule = Schedule(steps, LEARNING_RATE, WEIGHT_DECAY)
    source = made_from(settings, ["expression"], __name__, crops, labels, cure)
    fit(pupil, loss, schedule, folder, settings, source, exact=True)
    save_model(folder / "model.safetensors", net, settings)
    return net, pupil.labels.numpy()


def batch_loss(
    attention: Tensor, logits: Tensor, labels: Tensor, cure: SelfCure | None
) -> Metrics:
    """Attention-weighted cross-entropy, plus the rank loss with `cure`. [28], eq. (4).

    attention : Tensor[B, 1]; logits : Tensor[B, K], times attention; labels : int64
    Tensor[B]. Returns loss and accuracy, scalars.
    """
    loss = nn.functional.cross_entropy(logits, labels)
    if cure:
        loss = loss + rank_loss(attention, cure.trusted, cure.rank_margin)
    return {"loss": loss, "accuracy": (logits.argmax(1) == labels).float().mean()}


def varied(crops: Tensor, generator: np.random.Generator) -> Tensor:
    """Crops turned, scaled, shifted a little, and mirrored half of the time.

    crops : uint8 Tensor[B, 64, 64]; returns float32 Tensor[B, 64, 64].
    """
    count = len(crops)
    size = 1 + generator.uniform(-SCALE, SCALE, count)
    angle = generator.uniform(-TURN, TURN, count)
    mirror = np.where(generator.random(count) < 0.5, -1, 1)
    cosine, sine = size * np.cos(angle), size * np.sin(angle)
    shift = generator.uniform(-SHIFT, SHIFT, (2, count))
    rows = [mirror * cosine, -sine, shift[0], mirror * sine, cosine, shift[1]]
    affine = torch.from_numpy(np.stack(rows, axis=1)).float().unflatten(1, (2, 3))
    pictures = crops.float()[:, None]  # (B, 1, 64, 64)
    grid = affine_grid(affine, list(pictures.shape), align_corners=False)
    return grid_sample(pictures, grid, padding_mode="border", align_corners=False)[:, 0]


def wrong_labels(
    labels: np.ndarray, share: float, generator: np.random.Generator
) -> np.ndarray:
    """Labels of which a share is replaced by another class. labels : int[N]."""
    wrong = generator.random(len(labels)) < share
    other = generator.integers(1, len(EXPRESSIONS), size=len(labels))
    return np.where(wrong, (labels + other) % len(EXPRESSIONS), labels)


def shipped_expressions() -> ExpressionNet:
    """The expression model of the embedded corpus, trained by its card's command."""
    net = ExpressionNet()
    load_model(SHIPPED, net)
    return net


def rank_loss(attention: Tensor, share: float, margin: float) -> Tensor:
    """Rank regularisation: trusted pictures get more attention than the rest.

    attention : Tensor[B, 1]; share : of the batch that is trusted. Returns a scalar,
    max(0, margin - (mean of the trusted - mean of the rest)). [28], equation (3).
    """
    ranked = attention.flatten().sort(descending=True).values
    trusted = max(1, min(len(ranked) - 1, round(share * len(ranked))))
    gap = ranked[:trusted].mean() - ranked[trusted:].mean()
    return (margin - gap).clamp(min=0)


@torch.no_grad()
def cured_labels(
    attention: Tensor, logits: Tensor, labels: Tensor, share: float, margin: float
) -> Tensor:
    """Labels after relabelling: the untrusted take the class that is surer by `margin`.

    attention : Tensor[B, 1]; logits : Tensor[B, K]; labels : int64 Tensor[B]. Returns
    int64 Tensor[B]. [28], equation (5).
    """
    softmax = logits.softmax(1)
    surest, guess = softmax.max(1)
    given = softmax.gather(1, labels[:, None])[:, 0]
    trusted = max(1, min(len(labels) - 1, round(share * len(labels))))
    untrusted = attention.flatten().argsort(descending=True).argsort() >= trusted
    return torch.where(untrusted & (surest - given > margin), guess, labels)

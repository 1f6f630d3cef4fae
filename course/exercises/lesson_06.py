"""Checkers of lesson 06, image translation, and the function with its silent bug."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

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
from emoface_lib.core.landmarks import CANONICAL_SIDE, scale_points
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import SLOPE
from emoface_lib.evaluation.picture_quality import BEST_PSNR, psnr
from emoface_lib.translation.dataset import Pair, Pairs
from emoface_lib.translation.losses import image_loss
from emoface_lib.translation.networks import Hourglass, UNet
from emoface_lib.translation.translators import as_tensor

HAIRS = ((2, 3), (5, 7), (2, 5))  # width px, places; odd, so that medians are unique
SIZE, SIGMA = 64, 2.0  # px of heat maps
WIDTH = 4  # channels of the U-Net that is compared
INPUTS = 24  # channels of 2 x 2 pixels of reference and landmark image
UNET_MISTAKES = {
    "swapped": "the skip comes before what came up from below. In the library, and so "
    "in its weights, it comes after.",
    "slope": "LeakyReLU's slope below 0 is PyTorch's, 0.01. Here it is 0.2.",
    "bilinear": "enlarging blends neighbours. Here each pixel becomes 2 x 2 equal "
    "ones: the default of `interpolate`.",
}


def careless_psnr(picture: np.ndarray, target: np.ndarray) -> float:
    """PSNR of two pictures uint8[H, W, 3], dB. Holds a bug on purpose (lesson 06)."""
    squared = (picture - target) ** 2
    error = max(squared.mean(), 1e-9)
    return float(min(BEST_PSNR, 10 * np.log10(255**2 / error)))


def show_careless_psnr() -> None:
    """The plot that gives the bug away: a picture against itself made brighter."""
    picture = _picture()
    levels = np.arange(1, 101)
    curve = [careless_psnr(picture + np.uint8(level), picture) for level in levels]
    drawn, axes = plots.figure(size=(5, 2.6))
    axes[0, 0].plot(levels, curve, ".-", color=plots.PALETTE[0], ms=3)
    axes[0, 0].set(xlabel="levels by which all pixels are brighter", ylabel="PSNR, dB")
    plots.show(drawn, "PSNR of a picture against itself made brighter, by how much.")


def check_best_gate(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """The gate with the smallest squared error of the mixture, pixel by pixel."""
    generator = torch.Generator().manual_seed(6)
    warped, rendered, target = torch.rand(3, 3, 6, 8, generator=generator)
    rendered[:, 0] = warped[:, 0]  # a row in which the gate decides nothing
    answer = tensor_of(answer_of(function, warped, rendered, target), (6, 8))
    expect(
        not answer.isnan().any(),
        "where rendering and warp are equal it is 0 / 0. Any gate is right there; keep "
        "the denominator above 0.",
    )
    answer, step, missing = answer[1:], rendered - warped, target - warped
    step, missing = step[:, 1:], missing[:, 1:]
    free = (step * missing).sum(0) / step.square().sum(0)
    expect(
        not close(answer, free),
        f"gates reach from {free.min():.1f} to {free.max():.1f}. A sigmoid gives no "
        "more than 0 to 1: cut them.",
    )
    expect(
        not close(answer, 1 - free.clamp(0, 1)),
        "this is the warp's share. The gate is the rendering's.",
    )
    expect(
        not close(answer, (missing / step).clamp(0, 1).mean(0)),
        "this is a best gate for each colour, and their mean. One gate serves all "
        "three: sum over colours before you divide.",
    )
    expect(
        close(answer, free.clamp(0, 1)),
        "some mixtures could be nearer to the target. Set the derivative of the "
        "squared error by g to zero, and solve for g.",
    )
    right("where neither layer is right, no gate can be: the best it does is choose.")


def check_best_pictures(function: Callable[[int, int], tuple[Tensor, Tensor]]) -> None:
    """What absolute and squared error make of a hair whose place is unsure."""
    for width, places in HAIRS:
        answer = answer_of(function, width, places)
        expect(
            isinstance(answer, tuple) and len(answer) == 2,
            "the answer should be two pictures: for the absolute error, then for the "
            "squared one.",
        )
        shape = (width + places - 1,)
        absolute, squared = (tensor_of(torch.as_tensor(x), shape) for x in answer)
        rows = torch.stack([_hair(width, i, shape[0]) for i in range(places)])
        median, mean = rows.median(0).values, rows.mean(0)
        expect(
            not (close(absolute, mean) and close(squared, median)),
            "the two are swapped. Which of them may be no possible picture at all?",
        )
        expect(
            not close(absolute, squared),
            "both errors get the same picture. Look again at section 5's two dots.",
        )
        expect(close(squared, mean), "the squared error's picture is not the best.")
        expect(
            close(absolute, median),
            f"with {places} places of a {width}-px hair, another picture has a "
            "smaller absolute error.",
        )
    right("eq. (11) does not smear a hair that it can't place: it leaves it out.")


def check_mended_psnr(function: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """PSNR without the bug."""
    picture = _picture()

    def asked(other: np.ndarray) -> float:
        return number_of(answer_of(function, other.copy(), picture.copy()))

    brighter, darker = asked(picture + np.uint8(7)), asked(picture - np.uint8(7))
    expect(
        asked(picture + np.uint8(16)) < BEST_PSNR - 1,
        "a picture that is 16 levels brighter everywhere still counts as equal. Which "
        "numbers can a uint8 hold, before and after the square?",
    )
    expect(
        abs(brighter - darker) < 0.1,
        f"7 levels brighter gives {brighter:.1f} dB, 7 levels darker {darker:.1f}. "
        "What is 3 - 5 in uint8? The type must change before the subtraction.",
    )
    black = np.zeros_like(picture)
    extreme = number_of(answer_of(function, black, black + 255))
    expect(
        abs(extreme) < 0.1,
        f"black against white gives {extreme:.1f} dB in place of 0. Does your type "
        "hold the square of 255?",
    )
    expect(
        abs(brighter - psnr(picture + np.uint8(7), picture)) < 0.01,
        f"7 levels brighter gives {brighter:.2f} dB, which is not 20 log10(255 / 7).",
    )
    right("a test with a known answer finds what plausible numbers hide.")


def check_heatmaps(function: Callable[[np.ndarray, int, float], Tensor]) -> None:
    """One blurred dot a landmark, each in a channel of its own."""
    landmarks = np.random.default_rng(6).uniform(60, 200, (68, 2))
    given = answer_of(function, landmarks.copy(), SIZE, SIGMA)
    answer = tensor_of(torch.as_tensor(given), (68, SIZE, SIZE)).double()
    factor = SIZE / CANONICAL_SIDE
    centre = scale_points(landmarks, factor)
    truth = _dots(centre)
    expect(
        not close(answer, _dots(centre[:, ::-1])),
        "x and y are swapped: a picture's first axis is the row, which is y.",
    )
    expect(
        not close(answer, _dots(landmarks)),
        f"the dots lie where they do in {CANONICAL_SIDE} px. Scale them.",
    )
    expect(
        not close(answer, _dots(factor * landmarks)),
        f"all dots lie {0.5 - factor / 2:.3f} px too far right and down: the centre of "
        "the first pixel is (0, 0), its corner is not. `scale_points` knows that.",
    )
    expect(
        not close(answer, _dots(centre, SIGMA / 2**0.5)),
        "the dots are too narrow: a Gaussian divides by *twice* sigma squared.",
    )
    expect(
        not close(answer, truth / truth.sum((1, 2), keepdim=True)),
        "each dot sums to 1. Let its height be 1, as a network's input should.",
    )
    expect(close(answer, truth), "the dots are no Gaussians of this sigma.")
    right("a dot moves with a fraction of a pixel, and no two landmarks share a line.")


def check_small_unet(network: Callable[[int], nn.Module]) -> None:
    """The U-Net as a student's nn.Module, against the library's."""
    torch.manual_seed(6)
    body, model = Hourglass(INPUTS // 4, WIDTH), network_of(network, WIDTH)
    blocks = shaken(nn.ModuleList([body.enter, *body.down, *body.up]), 6)
    own, theirs = (sum(p.numel() for p in x.parameters()) for x in (model, blocks))
    norms = [x.num_features for x in blocks.modules() if isinstance(x, nn.BatchNorm2d)]
    # a skip has as many channels as come out of its block
    came = [x.num_features for x in body.up.modules() if isinstance(x, nn.BatchNorm2d)]
    skips = sum(9 * channels**2 for channels in came[::2])
    wrong = {
        "the convolutions have a bias, which batch norm subtracts again. Leave it out: "
        "`bias=False`.": theirs + sum(norms),
        "batch norm is missing after the convolutions.": theirs - 2 * sum(norms),
        "the way up takes no skips: its blocks have too few inputs. Detail is lost in "
        "the narrow middle.": theirs - skips,
    }
    not_any(own, wrong)
    expect(
        own == theirs,
        f"with {WIDTH} channels your network has {own} weights, the library's "
        f"{theirs}. Are the blocks those of the exercise?",
    )
    take_weights(model, weights_of(blocks))
    x = torch.rand(2, INPUTS, 32, 32) - 0.5
    answer = tensor_of(answer_of(model.eval(), x), (2, WIDTH, 32, 32))
    with torch.no_grad():
        not_any(answer, {UNET_MISTAKES[m]: _blocks(body, x, m) for m in UNET_MISTAKES})
        expect(
            same(answer, _blocks(body, x)),
            "with the library's weights its output differs from the library's.",
        )
    right("down and up again, with skips: with equal weights, equal pictures.")


def check_unet_loop(loop: Callable[..., Any]) -> None:
    """Eq. (11) and the training loop, on a small network."""
    torch.manual_seed(6)
    pairs, network, seen = random_pairs(), Mixture(), []
    hook = network.register_forward_pre_hook(lambda _, given: seen.append(given))
    weights = [weight.clone() for weight in weights_of(network)]
    losses = losses_of(loop, network, pairs, 0.01)
    hook.remove()
    reference, image, _, target = (as_tensor(x) for x in pairs[0])
    given = seen[0][0].detach()
    not_any(
        given if given.shape == reference.shape else torch.zeros(1),
        {
            "pictures go from 0 to 255 into the network. Divide them by 255.": 255
            * reference,
            "`reshape` mixes pixels and colours. `permute(0, 3, 1, 2)` takes the "
            "colours to the front.": torch.from_numpy(pairs[0].reference)
            .reshape(reference.shape)
            .float()
            / 255,
            "the network gets the target itself: it would learn to copy.": target,
        },
    )
    expect(same(given, reference), "the network does not get the reference first.")
    expect(same(seen[0][1], image), "the landmark image does not come second.")
    expect(len(losses) == len(pairs), "take one step for each batch of pairs.")
    take_weights(network, weights)
    with torch.no_grad():
        rendered = network(reference, image)
    truth = image_loss(rendered, target)
    not_any(
        losses[0],
        {
            "the loss compares with the reference. It should be the target: the frame "
            "whose landmarks the network sees.": image_loss(rendered, reference),
            "the loss compares with the landmark image.": image_loss(rendered, image),
            "this is the squared error. Eq. (11) takes the absolute one.": (
                (rendered - target).square().mean()
            ),
        },
    )
    expect(
        same(losses[0], truth),
        f"the first loss is {losses[0]:.3f} in place of {truth:.3f}.",
    )
    right("a video is its own teacher: this is step 3 of the paper.")


def show_unet_training(
    network: Callable[[int], nn.Module],
    loop: Callable[..., Any],
    pairs: Pairs,
    settings: Settings,
) -> None:
    """Train a student's network by the student's loop, and the library's beside it.

    Both begin with the same weights and see the same batches, for a tenth of the steps
    of the settings, with half their channels and pairs.
    """
    width = settings.translator.width // 2
    inner = network_of(network, width)
    torch.manual_seed(settings.seed)
    library = UNet(width)
    body = library.body
    take_weights(inner, weights_of(body.enter, body.down, body.up))
    model = _Whole(inner, library)
    count = max(2, settings.translator.batch // 2)
    drawn = [
        pairs.draw(count, np.random.default_rng([settings.seed, step]))
        for step in range(max(2, settings.translator.steps // 10))
    ]
    rate = settings.translator.learning_rate
    own = losses_of(loop, model, drawn, rate)

    def loss_of(pair: Pair) -> Tensor:
        reference, image, _, target = (as_tensor(x) for x in pair)
        return image_loss(library(reference, image), target)

    theirs = losses_by(loss_of, drawn, library.parameters(), rate)
    why = "Both began with the same weights and saw the same pairs."
    show_losses(own, theirs, why)
    reference, image, _, target = (as_tensor(x[:1]) for x in drawn[0])
    with torch.no_grad():
        rendered = model.eval()(reference, image).clamp(0, 1)
    shown = {"reference": reference, "yours": rendered, "target": target}
    sheet = plots.contact_sheet(
        [(255 * x[0]).byte().permute(1, 2, 0).numpy() for x in shown.values()],
        list(shown),
        3,
        side=1.8,
    )
    plots.show(sheet, "A reference, what your U-Net renders, the target.", kind="jpeg")


class _Whole(nn.Module):
    """A student's U-Net between the library's first and last layers."""

    def __init__(self, inner: nn.Module, library: UNet) -> None:
        super().__init__()
        self.inner = inner
        self.spread = deepcopy(library.body.spread)
        self.leave = deepcopy(library.leave)

    def forward(self, reference: Tensor, landmark_image: Tensor) -> Tensor:
        given = torch.cat([reference, landmark_image], dim=1) - 0.5
        x = self.spread(self.inner(pixel_unshuffle(given, 2)))
        x = leaky_relu(pixel_shuffle(x, 2), SLOPE)
        return self.leave(torch.cat([x, given], dim=1)) + 0.5


def random_pairs() -> list[Pair]:
    """Three batches of two pairs of noise, uint8[2, 8, 8, 3] each."""
    shape = 3, 4, 2, 8, 8, 3  # batches, pictures of a pair, B, H, W, colours
    noise = np.random.default_rng(6).integers(0, 256, shape).astype(np.uint8)
    return [Pair(*some) for some in noise]


class Mixture(nn.Module):
    """The smallest network that renders from two pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(6, 3, kernel_size=1)

    def forward(self, reference: Tensor, landmark_image: Tensor) -> Tensor:
        """Both : Tensor[B, 3, H, W]; so is the result."""
        return self.mix(torch.cat([reference, landmark_image], dim=1))


def _blocks(body: Hourglass, x: Tensor, mistake: str = "") -> Tensor:
    """The U-Net's blocks alone, with one mistake of UNET_MISTAKES."""
    way_down, way_up = [body.enter, *body.down], list(body.up)
    if mistake == "slope":
        way_down, way_up = deepcopy((way_down, way_up))
        for block in (*way_down, *way_up):
            for layer in block.modules():
                if isinstance(layer, nn.LeakyReLU):
                    layer.negative_slope = 0.01
    kept = []
    for block in way_down:
        x = block(x)
        kept.append(x)
    for block, skip in zip(way_up, kept[-2::-1], strict=True):
        mode = "bilinear" if mistake == "bilinear" else "nearest"
        wide = interpolate(x, scale_factor=2.0, mode=mode)
        x = block(torch.cat([skip, wide] if mistake == "swapped" else [wide, skip], 1))
    return x


def _picture() -> np.ndarray:
    """A noisy grey picture uint8[32, 32, 3] that 100 levels more do not overflow."""
    generator = np.random.default_rng(6)
    return generator.integers(30, 150, (32, 32, 3)).astype(np.uint8)


def _hair(width: int, place: int, length: int) -> Tensor:
    row = torch.zeros(length)
    row[place : place + width] = 1
    return row


def _dots(centre: np.ndarray, sigma: float = SIGMA) -> Tensor:
    """Gaussians of height 1 at centre float[68, 2] px: Tensor[68, SIZE, SIZE]."""
    axis = np.arange(SIZE)
    across = np.exp(-((axis - centre[:, :1]) ** 2) / (2 * sigma**2))
    down = np.exp(-((axis - centre[:, 1:]) ** 2) / (2 * sigma**2))
    return torch.from_numpy(down[:, :, None] * across[:, None])

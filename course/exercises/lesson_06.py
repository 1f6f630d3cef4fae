"""Checkers of lesson 06, image translation, and the function with its silent bug."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.exercises.checking import (
    answer_of,
    close,
    expect,
    number_of,
    right,
    tensor_of,
)
from emoface_lib import plots
from emoface_lib.core.landmarks import CANONICAL_SIDE, scale_points
from emoface_lib.evaluation.picture_quality import BEST_PSNR, psnr

HAIRS = ((2, 3), (5, 7), (2, 5))  # width px, places; odd, so that medians are unique
SIZE, SIGMA = 64, 2.0  # px of heat maps


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


def check_best_pictures(
    function: Callable[[int, int], tuple[Tensor, Tensor]],
) -> None:
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


def check_heatmaps(
    function: Callable[[np.ndarray, int, float], Tensor],
) -> None:
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

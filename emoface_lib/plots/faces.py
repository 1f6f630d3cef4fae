"""Figures of faces: landmarks on frames, clouds of points, weights of eq. (5)."""

from collections.abc import Mapping

import cv2
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from emoface_lib.core.landmarks import scale_points
from emoface_lib.core.polylines import draw_landmarks
from emoface_lib.plots.base import PALETTE, in_canonical_frame

ZOOM = 2  # px a pixel of a small frame, so that landmarks can be distinguished
MISSED = (213, 94, 0)  # RGB of the frame around a picture without a face


def marked(
    frames: np.ndarray, landmarks: np.ndarray, found: np.ndarray | None = None
) -> list[np.ndarray]:
    """Frames, enlarged, with landmarks drawn; those without a face get a border.

    frames : uint8[F, H, W, 3]; landmarks : float[F, 68, 2 or 3] px; found : bool[F].
    """
    pictures = []
    for number, (frame, face) in enumerate(zip(frames, landmarks, strict=True)):
        large = cv2.resize(
            frame, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_LINEAR
        )
        draw_landmarks(large, scale_points(face[:, :2], ZOOM), ZOOM)
        if found is not None and not found[number]:
            corner = (large.shape[1] - 1, large.shape[0] - 1)
            cv2.rectangle(large, (0, 0), corner, MISSED, 8 * ZOOM)
        pictures.append(large)
    return pictures


def draw_cloud(
    axes: Axes, landmarks: np.ndarray, mean: np.ndarray, title: str = ""
) -> None:
    """All landmarks of a clip as a cloud around a mean face.

    landmarks : float[F, 68, 2 or 3], mean : float[68, 2 or 3], px of the canonical
    frame.
    """
    points = landmarks[..., :2].reshape(-1, 2)
    axes.plot(*points.T, ".", color=PALETTE[0], ms=1, alpha=0.3)
    axes.plot(*mean[:, :2].T, "x", color=PALETTE[5], ms=3, label="mean face")
    in_canonical_frame(axes)
    axes.set_title(title)


def draw_shares(
    axes: Axes, values: Mapping[str, np.ndarray], bins: np.ndarray, label: str
) -> None:
    """Histograms over each other, which differ in colour and hatching.

    values : float[N] by name, at most three; values beyond the bins count in the outer
    ones. bins : float[K + 1], edges of the K bins, in the unit of the values, which
    `label` names.
    """
    for number, (name, numbers) in enumerate(values.items()):
        sns.histplot(
            np.clip(numbers, bins[0], bins[-1]),
            bins=bins.tolist(),
            label=name,
            alpha=0.6,
            color=PALETTE[number],
            hatch=("", "//", "..")[number],
            ax=axes,
        )
    axes.set(xlabel=label, ylabel="triplets")
    axes.legend(fontsize=7)


def draw_threshold(axes: Axes, thresholds: np.ndarray) -> None:
    """Histogram of lambda_rs / (1 - lambda_rp), eq. (5), with its median.

    thresholds : float[N], a ratio a triplet, without unit.
    """
    bins = np.geomspace(0.5, 200, 27)
    draw_shares(axes, {"triplets": thresholds}, bins, "threshold of eq. (5)")
    middle = float(np.median(thresholds))
    axes.axvline(middle, color=PALETTE[5], linestyle="--", label=f"median {middle:.1f}")
    axes.set_xscale("log")
    axes.legend(fontsize=7)


def draw_map(
    axes: Axes, values: np.ndarray, title: str = "", largest: float | None = None
) -> None:
    """A map over a picture, float[H, W], from 0 (dark) to `largest` (bright)."""
    axes.imshow(values, cmap="magma", vmin=0, vmax=largest)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8)


def draw_best_guess(axes: Axes, values: np.ndarray) -> None:
    """Mean absolute and squared error of each guess of a pixel; values : uint8[N]."""
    guesses = np.arange(256)
    apart = guesses[:, None] - values.astype(float)
    losses = {"absolute": np.abs(apart).mean(1), "squared": (apart**2).mean(1)}
    look = {"color": "0.8", "label": "the pixel's values"}
    sns.histplot(values, bins=32, stat="density", **look, ax=axes)
    axes.set(xlabel="brightness", ylabel="share of frames")
    beside = axes.twinx()
    for (name, loss), style, colour in zip(
        losses.items(), ("-", "--"), (PALETTE[0], PALETTE[5]), strict=True
    ):
        beside.plot(guesses, loss / loss.max(), style, color=colour, label=name)
        beside.plot(loss.argmin(), loss.min() / loss.max(), "o", color=colour)
    beside.set(ylabel="error of a guess", ylim=(0, 1))
    beside.legend(fontsize=7, title="error")


def draw_errors(axes: Axes, errors: Mapping[str, np.ndarray], unit: str) -> None:
    """Cumulative share of frames below an error, a line each. errors : float[F]."""
    for (name, values), colour, line in zip(
        errors.items(), PALETTE, ("-", "--", "-."), strict=False
    ):
        sns.ecdfplot(values, color=colour, linestyle=line, label=name, ax=axes)
    axes.set(xlabel=unit, ylabel="share of frames", ylim=(0, 1))
    axes.legend(fontsize=7)

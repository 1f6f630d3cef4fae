"""Monitoring embeddings during training: their spread and rank, and their collapse.

Taught in notebook 05.
"""

import warnings

import pandas as pd
import torch
from torch import Tensor

from emoface_lib.core.training import Monitor

BINS = 10  # in the histogram of lambda, from 0 to 1
LEAST_RANK = 2.0  # effective rank below which a code has collapsed to a line
SHRUNK = 0.05  # share of its first deviation below which a code has collapsed


class CollapseWarning(UserWarning):
    """A code has collapsed: it is nearly the same for all clips."""


def effective_rank(codes: Tensor) -> Tensor:
    """How many directions codes use: exp of the entropy of their singular values.

    codes : Tensor[N, D]; returns a scalar from 1 to min(N - 1, D), 0 if all are equal.
    The singular values are of the centred codes and divided by their sum. Roy and
    Vetterli 2007, "The effective rank".
    """
    centred = (codes - codes.mean(0)).float()
    values = torch.linalg.svdvals(centred)
    if values[0] <= 1e-6 * (1e-6 + codes.abs().max()):
        return values.new_zeros(())
    shares = values / values.sum()
    return torch.exp(-(shares * shares.clamp(min=1e-12).log()).sum())


@torch.no_grad()
def code_metrics(name: str, codes: Tensor) -> dict[str, Tensor]:
    """Deviation and effective rank of the codes of a batch, Tensor[N, D], for the log.

    The deviation is the mean over dimensions of the standard deviation over clips.
    """
    return {
        f"deviation/{name}": codes.std(0).mean(),
        f"rank/{name}": effective_rank(codes),
    }


@torch.no_grad()
def similarity_metrics(name: str, values: Tensor) -> dict[str, Tensor]:
    """Mean and histogram of similarities in 0..1, Tensor[B], for the log.

    "lambda_rs" gives "lambda_rs" and shares "lambda_rs/0.0" to "lambda_rs/0.9", named
    by the lower edge of their bin.
    """
    clear = values.float().clamp(0, 1)
    shares = torch.histc(clear, BINS, 0, 1) / len(values)
    named = {f"{name}/{i / BINS:.1f}": share for i, share in enumerate(shares)}
    return {name: values.float().mean(), **named}


def histogram(log: pd.DataFrame, name: str) -> pd.Series:
    """Shares of a similarity over a whole log, by the lower edge of each bin."""
    columns = [column for column in log if str(column).startswith(f"{name}/0.")]
    shares = log[columns].mean()
    return shares.set_axis([float(str(c).split("/")[1]) for c in columns])


def collapses(log: pd.DataFrame) -> list[str]:
    """A sentence for each code that has collapsed by the end of a log; else none."""
    sentences = []
    last, first = slice(-max(1, len(log) // 10), None), slice(max(1, len(log) // 10))
    for column in [str(c) for c in log if str(c).startswith("deviation/")]:
        name = column.split("/")[1]
        deviation, rank = log[column].iloc[last].mean(), log[f"rank/{name}"].iloc[last]
        share = deviation / max(log[column].iloc[first].mean(), 1e-12)
        if share < SHRUNK:
            sentences.append(
                f"E_{name} has collapsed to a constant: its deviation is "
                f"{100 * share:.1f} % of what it was at first."
            )
        elif rank.mean() < LEAST_RANK:
            sentences.append(
                f"E_{name} has collapsed to a line: its effective rank is "
                f"{rank.mean():.1f} of {LEAST_RANK:.0f} at least."
            )
    return sentences


def collapse_monitor(also: Monitor | None = None) -> Monitor:
    """A monitor for `training.fit` that warns once if E_emotion has collapsed.

    also : another monitor to call, such as curves.
    """
    warned = False

    def monitor(log: pd.DataFrame) -> None:
        nonlocal warned
        dead = [text for text in collapses(log) if text.startswith("E_emotion ")]
        if dead and not warned:
            warned = True
            warnings.warn(dead[0], CollapseWarning, stacklevel=2)
        if also is not None:
            also(log)

    return monitor

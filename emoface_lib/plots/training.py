"""Figures of training: curves that grow while it runs, histograms, learning curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from emoface_lib.plots import base


class LiveCurves:
    """A monitor for training that redraws its curves in place as the log grows.

    panels : the log's columns of each panel; alt : what the finished figure shows.
    """

    def __init__(self, panels: Sequence[Sequence[str]], alt: str) -> None:
        self.panels, self.alt = panels, alt
        self.shown: Any = None

    def __call__(self, log: pd.DataFrame) -> None:
        """Draw the log as it is now."""
        wide = 3.2 * len(self.panels)
        drawn, axes = base.figure(1, len(self.panels), size=(wide, 2.6))
        for one, columns in zip(axes.flat, self.panels, strict=True):
            draw_training(one, log, [name for name in columns if name in log])
        data, metadata = base.as_output(drawn, self.alt)
        if self.shown is None:
            self.shown = display(data, raw=True, metadata=metadata, display_id=True)
            base.show_caption(self.alt)
        else:
            self.shown.update(data, raw=True, metadata=metadata)


def draw_training(axes: Axes, log: pd.DataFrame, columns: Sequence[str]) -> None:
    """Curves of a training log over steps, smoothed; dots are single validations."""
    log = log.set_index("step")
    whole = [name for name in columns if log[name].notna().all()]
    base.draw_lines(axes, smoothed(log[whole], 30))
    for name in set(columns) - set(whole):
        axes.plot(log[name], "o", color=base.PALETTE[columns.index(name)], label=name)
    axes.set(xlabel="step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.legend(fontsize=8)


def smoothed(log: pd.DataFrame, parts: int) -> pd.DataFrame:
    """Running means over 1/parts of a log."""
    return log.rolling(max(1, len(log) // parts), min_periods=1).mean()


def draw_histograms(axes: Axes, shares: Mapping[str, pd.Series], label: str) -> None:
    """Histograms beside each other: shares by the lower edge of equal bins."""
    width = 0.09 / len(shares)
    for number, (name, share) in enumerate(shares.items()):
        places = share.index.to_numpy() + 0.05 + (number - 0.5) * width
        hatch = ("", "///", "...")[number % 3]
        axes.bar(
            places, share, width, label=name, color=base.PALETTE[number], hatch=hatch
        )
    axes.set(xlabel=label, ylabel="share", xlim=(0, 1))
    axes.legend(fontsize=8)


def draw_logs(axes: Axes, logs: Mapping[str, pd.DataFrame], column: str) -> None:
    """One column of several logs over steps, smoothed, a line style each."""
    columns = {name: log.set_index("step")[column] for name, log in logs.items()}
    base.draw_lines(axes, smoothed(pd.DataFrame(columns), 20))
    axes.set(xlabel="step", title=column)


def draw_learning_curves(axes: Axes, table: pd.DataFrame, metric: str) -> None:
    """A metric over steps, a line a method: the mean of seeds, in a band of them all.

    table : columns method, metric, step and value, as of `Experiment.run`.
    """
    chosen = table[(table["metric"] == metric) & table["step"].notna()]
    look: dict[str, Any] = base.looks(list(chosen["method"])) | {"markers": False}
    look |= {"hue": "method", "style": "method", "errorbar": ("pi", 100)}
    sns.lineplot(chosen, x="step", y="value", **look, ax=axes)
    if legend := axes.get_legend():  # one for all axes of the figure
        legend.remove()
    axes.set(xlabel="step", ylabel="", title=metric)


def draw_learning_curve(axes: Axes, table: pd.DataFrame, unit: str) -> None:
    """Differences with intervals over the number of training speakers.

    table : columns speakers, mean, low and high.
    """
    places = np.arange(len(table))
    errors = np.stack([table["mean"] - table["low"], table["high"] - table["mean"]])
    axes.errorbar(places, table["mean"], errors, fmt="o-", capsize=3)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(places, table["speakers"].astype(str))
    axes.set(xlabel="training speakers", ylabel=unit)

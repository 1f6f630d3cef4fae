"""Table 2 as it is printed: tidy rows with intervals, and what each difference says.

Taught in notebook 07, paper section 4.3.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from emoface_lib.evaluation.bootstrap import Interval, bootstrap, difference, ratio
from emoface_lib.evaluation.metrics import PAPER_TABLE_2
from emoface_lib.evaluation.rows import FULL, MAKEITTALK, PAIRS, PC_AVS
from emoface_lib.evaluation.scoring import EXPRESSIONS_OF, LIPS_TOGETHER, READ

KEYS = ["corpus", "method", "metric", "protocol"]
SPREAD = ["mean", "low", "high"]
COLUMNS = [*KEYS, *SPREAD, "seeds", "paper"]
PICTURES_OF = "PSNR", "mouth PSNR", "SSIM", "CSIM", "LSE-C"
LARGER_IS_BETTER = (LIPS_TOGETHER, *EXPRESSIONS_OF, *PICTURES_OF)
UNITS = {
    **dict.fromkeys(("LMD", "M-LMD", "F-LMD", "LMD of ATVG"), " px"),
    "lip vertex error": " px²",
    **dict.fromkeys(("PSNR", "mouth PSNR"), " dB"),
}
OF_THE_PAPER = {PC_AVS: "PC-AVS"}  # names in its Table 2, where they are not ours
RATIO = "LMD, ratio"  # first row over second


def tidy(
    scores: pd.DataFrame, generator: np.random.Generator, samples: int = 1000
) -> pd.DataFrame:
    """One row a corpus, method and metric, with COLUMNS.

    scores : columns corpus, method, metric, protocol, speaker, value and seed, one row
    a clip; paper : the number of the paper's Table 2 on VoxCeleb2, of another corpus.
    """
    rows, counted = [], _seeds(scores, KEYS[:3]).to_dict()
    for key, group in scores.groupby(KEYS, sort=False):
        columns = (group[name].tolist() for name in ("value", "speaker", "seed"))
        values, speakers, seeds = columns
        spread = bootstrap(values, speakers, generator, samples, seeds)
        paper = paper_value(*map(str, key[1:3]))
        rows.append((*key, *vars(spread).values(), counted[key[:3]], paper))
    return pd.DataFrame(rows, columns=COLUMNS)


def paper_value(method: str, metric: str) -> float:
    """What the paper's Table 2 says on VoxCeleb2; NaN if it has no such number."""
    printed = PAPER_TABLE_2.set_index("method")
    name, column = OF_THE_PAPER.get(method, method), f"VoxCeleb2 {metric}"
    if name not in printed.index or column not in printed:
        return float("nan")
    return float(printed[column].to_dict()[name])


def comparisons(
    scores: pd.DataFrame,
    generator: np.random.Generator,
    metrics: Sequence[str] = ("LMD", "M-LMD", LIPS_TOGETHER, "ES"),
    samples: int = 1000,
) -> pd.DataFrame:
    """Each of PAIRS that was scored by a metric, first minus second, in sentences.

    Columns corpus, first, second, metric, mean, low, high, seeds, sentence.
    """
    rows = []
    for corpus, part in scores.groupby("corpus", sort=False):
        scored, counted = set(part["method"]), _seeds(part, ["method", "metric"])
        pairs = [pair for pair in PAIRS if scored.issuperset(pair)]
        for (first, second), metric in product(pairs, metrics):
            found = difference(part, first, second, metric, generator, samples)
            text = sentence(first, second, metric, found)
            seeds = counted.get((first, metric), 0)
            spread = vars(found).values()
            rows.append((corpus, first, second, metric, *spread, seeds, text))
        if scored.issuperset((FULL, MAKEITTALK)):
            found = ratio(part, FULL, MAKEITTALK, "LMD", generator, samples)
            text = f"LMD of {FULL} is {found} of {MAKEITTALK}'s (the paper: 0.45)."
            spread, seeds = vars(found).values(), counted[FULL, "LMD"]
            rows.append((corpus, FULL, MAKEITTALK, RATIO, *spread, seeds, text))
    names = ["corpus", "first", "second", "metric", *SPREAD, "seeds", "sentence"]
    whole = pd.DataFrame(rows, columns=names)
    return whole[whole["mean"].notna()]


def _seeds(scores: pd.DataFrame, keys: list[str]) -> pd.Series:
    """How many seeds there are of each: those that gave other numbers.

    A static face is the same whatever the seed, and so are weights that are shipped.
    """
    means = scores.groupby([*keys, "seed"])["value"].mean()
    return means.groupby(keys).nunique(dropna=False)


def sentence(first: str, second: str, metric: str, change: Interval) -> str:
    """What a paired difference, first minus second, lets one say.

    An interval with zero in it says nothing; one without it says which is better.
    """
    spread = f"{change.mean:+.3f}{UNITS.get(metric.removesuffix(READ), '')}"
    spread += f", 95 % interval {change.low:+.3f} to {change.high:+.3f}"
    if np.isnan(change.mean):
        return f"{metric} of {first} and {second} can't be compared."
    if change.low <= 0 <= change.high:
        return f"{metric}: no difference shown of {first} and {second} ({spread})."
    better = (change.mean > 0) == (metric.removesuffix(READ) in LARGER_IS_BETTER)
    verb = "better" if better else "worse"
    return f"{metric}: {first} is {verb} than {second} ({spread})."


def printed(rows: pd.DataFrame, also: Sequence[str] = ()) -> pd.DataFrame:
    """Tidy rows as a table: a row a method, a column a metric.

    Of several corpora, as in the paper's Table 2, a column a corpus and metric; a dash
    is where a corpus has no such row, as *full* on LRW. also : methods that get a row,
    of dashes, if they have none.
    """
    shown = rows.assign(value=[str(Interval(*three)) for three in rows[SPREAD].values])
    order = list(dict.fromkeys([*rows["method"], *also]))
    columns = ["corpus", "metric"][rows["corpus"].nunique() == 1 :]
    wide = shown.pivot(index="method", columns=columns, values="value")
    wide = wide.reindex(order)
    return wide[rows.set_index(columns).index.unique()].fillna("-")

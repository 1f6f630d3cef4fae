"""Codes exchanged between two clips of a speaker, against the generator's true face.

Three corpora of the embedded kind: on seed 200 settings were chosen, 301 and 302 no
choice has seen. All clips are audio-only, content hears phones; seeds of training are
paired over rows, and intervals are over test speakers and over pairs of corpus and
seed. Tables and models stay in runs/transfer, from where a second run goes on. Seeds
are outside and corpora inside: what an interruption leaves weighs all corpora alike.

python benchmarks/transfer.py [--seeds 2] [--corpora 200 301 302] [--rows ROW ...]
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from results import APART, enter_interval
from studies import clips_of, settings_of
from style import level

from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.settings import runs_folder
from emoface_lib.evaluation.bootstrap import difference
from emoface_lib.evaluation.experiment import Experiment, Trial
from emoface_lib.evaluation.rows import (
    FULL,
    IDENTITY,
    NO_STYLE,
    PLAIN,
    SHUFFLED_VIDEOS,
    TRANSFER,
)
from emoface_lib.evaluation.transfer import GAIN, exchanges
from emoface_lib.features.align import to_canonical
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import split

TOPIC = "transfer"
CORPORA, SEEDS = (200, 301, 302), 2
EVERY = 2  # every second test clip is given codes
UNITS = {"LMD": "px", "ES": "", GAIN: ""}
TARGETS = {"LMD": "<= -0.15" + APART, "ES": ">= 0.15" + APART}
EMOTION, BOTH = "E_emotion exchanged", "both codes exchanged"
NOTHING = "no code exchanged"  # what a face reaches that stays as it is
NAMES = ["LMD", "ES", *(f"{metric}, {EMOTION}" for metric in UNITS)]
NAMES += [f"{GAIN}, E_identity exchanged"]
LEVELS = [f"LMD, {NOTHING}", f"ES, {NOTHING}", *(f"{m}, {BOTH}" for m in UNITS)]
AIMS = [(FULL, PLAIN, f"{metric}, {EMOTION}") for metric in TARGETS]
BESIDE = ((FULL, IDENTITY), (FULL, SHUFFLED_VIDEOS))  # what eq. (5) adds to eq. (6)


def study(corpus: int, rows: Sequence[str]) -> Experiment:
    """The rows on a corpus, which are scored with codes exchanged, too."""
    settings, face = settings_of(corpus), to_canonical(mean_face())
    clips = enrolled(clips_of(settings, workers=1))
    return Experiment(
        clips,
        settings,
        (NO_STYLE, *rows),
        exchanges=exchanges(split(clips, "test"), settings, face, EVERY),
        folder=runs_folder() / "transfer" / f"corpus_{corpus}",
    )


def measure(one: Experiment, seed: int) -> pd.DataFrame:
    """Scores of one training of the rows, named by corpus."""
    found, corpus = one.run([Trial(seed)], workers=1), one.settings.seed
    found = found[found["clip"].notna()]  # and no facts of codes, no curves
    return found.assign(
        corpus=corpus,
        seed=100 * corpus + found["seed"],
        speaker=f"{corpus}/" + found["speaker"],
        clip=f"{corpus}/" + found["clip"],
    )


def source(found: pd.DataFrame, *methods: str) -> str:
    """How rows that are there for all of the methods were measured."""
    own = [found[found["method"] == method] for method in methods]
    seeds = set.intersection(*(set(part["seed"]) for part in own))
    corpora = sorted({str(seed // 100) for seed in seeds})
    many = "corpora" if len(corpora) > 1 else "corpus"
    return (
        f"benchmarks/transfer.py: {len(corpora)} {many} ({', '.join(corpora)}), 32 "
        "training and 20 test speakers each, audio-only, "
        f"{len(seeds)} paired seed{'s' * (len(seeds) > 1)} over all"
    )


def enter_difference(
    found: pd.DataFrame, name: str, first: str, second: str, label: str = ""
) -> None:
    metric = name.split(",")[0]
    aim = not label and (first, second, name) in AIMS
    change = difference(found, first, second, name, np.random.default_rng(0))
    where = source(found, first, second)
    label = f"{label}{name}, {first} minus {second}"
    target = TARGETS[metric] if aim else ""
    enter_interval(TOPIC, label, change, UNITS[metric], where, target)


def enter_all(found: pd.DataFrame) -> None:
    """Levels of every row, what each differs from *without* by, and that by corpus."""
    rows = [row for row in TRANSFER if row in set(found["method"])]
    for row in rows:
        for name in (*NAMES, *LEVELS):
            spread, unit = level(found, row, name), UNITS[name.split(",")[0]]
            where = source(found, row)
            enter_interval(TOPIC, f"{name}, {row}", spread, unit, where)
    for first, second in (*((row, PLAIN) for row in TRANSFER[1:]), *BESIDE):
        for name in NAMES if {first, second} <= set(rows) else ():
            enter_difference(found, name, first, second)
    for corpus, part in found.groupby("corpus"):
        for _, _, name in AIMS:
            enter_difference(part, name, FULL, PLAIN, f"corpus {corpus}: ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--corpora", type=int, nargs="*", default=CORPORA)
    parser.add_argument("--rows", nargs="*", default=TRANSFER)
    given = parser.parse_args()
    torch.set_num_threads(1)
    studies = [study(corpus, given.rows) for corpus in given.corpora]
    found = [measure(one, seed) for seed in range(given.seeds) for one in studies]
    enter_all(pd.concat(found, ignore_index=True))


if __name__ == "__main__":
    main()

"""The data card of the embedded corpus: how it was made, its factors, its limits."""

from pathlib import Path

import pandas as pd

from emoface_lib.synthetic.factors import ACCENTS, CONFOUNDING, VARIANTS


def data_card(index: pd.DataFrame, seed: int, code: str) -> str:
    """The text of DATA_CARD.md for a corpus with this index; code : a hash."""
    text = (Path(__file__).parent / "data_card.md").read_text(encoding="utf-8")
    return text.format(
        clips=len(index),
        minutes=index["seconds"].sum() / 60,
        speakers=index["speaker"].nunique(),
        seed=seed,
        code=code[:8],
        splits="\n".join(_split_rows(index)),
        accents=len(set(ACCENTS)),
        variants=sum(len(names) for names in VARIANTS.values()),
        confounding=CONFOUNDING,
    )


def _split_rows(index: pd.DataFrame) -> list[str]:
    meaning = {
        "train": "videos to train on",
        "val": "held-out videos of the training speakers",
        "test": "speakers that are not trained on",
    }
    rows = []
    for split, what in meaning.items():
        part = index[index["split"] == split]
        rows.append(f"| {split} | {len(part)} | {part['speaker'].nunique()} | {what} |")
    return rows

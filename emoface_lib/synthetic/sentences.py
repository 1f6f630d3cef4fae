"""What the embedded corpus says: sentences of our own, disjoint for train and test.

They are neutral in content, so that only voice and face tell the emotion, and full of
sounds that lips show: p b m, f v, w and rounded vowels.
"""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np

SentenceSplit = Literal["train", "test"]

# A sentence is written as it stands, or composed of a part of each of these.
COMPOSED_OF = ("subjects", "predicates", "circumstances")


@cache
def _parts() -> dict[str, tuple[str, ...]]:
    """The lines of `sentences.txt` below each of its headings."""
    text = (Path(__file__).parent / "sentences.txt").read_text(encoding="utf-8")
    _, *blocks = text.split("[")
    named = (block.partition("]\n") for block in blocks)
    return {name: tuple(lines.strip().splitlines()) for name, _, lines in named}


def sentences(split: SentenceSplit) -> tuple[str, ...]:
    """Every sentence of a split; no sentence belongs to both."""
    parts = product(*(_parts()[name] for name in COMPOSED_OF))
    composed = (f"{s[0].upper()}{s[1:]} {p} {c}." for s, p, c in parts)
    both = [*_parts()["written"], *composed]
    test = split == "test"
    # 3 of 11: prime to the grammar's sizes, so that both splits have every word of it
    return tuple(s for i, s in enumerate(both) if (i * 7 % 11 < 3) == test)


def draw_sentences(
    split: SentenceSplit, count: int, rng: np.random.Generator
) -> list[str]:
    """Draw `count` different sentences, written and composed ones alike often."""
    pool = sentences(split)
    known = _parts()["written"]
    written = sum(sentence in known for sentence in pool)
    weight = np.full(len(pool), 0.5 / (len(pool) - written))
    weight[:written] = 0.5 / written
    picks = rng.choice(len(pool), count, replace=False, p=weight / weight.sum())
    return [pool[i] for i in picks]

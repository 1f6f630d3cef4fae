"""Where eq. (5) helps, idles or collapses: one thing at a time is made harder.

Fixed in advance in protocol.md. Corpus 500 chooses, 501 to 503 are reported. Tables and
models stay in runs/phase, from where a second run goes on, also beside another one.

python benchmarks/phase.py [choose | run | enter | draw ...] [--corpora 501 502 503]
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter
from results import enter, enter_interval, enter_seeds, read
from studies import clips_of, settings_of

from emoface_lib import plots
from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.files import read_or_set_aside, read_parquet, write_parquet
from emoface_lib.core.fresh import made_from
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.settings import REPOSITORY, runs_folder
from emoface_lib.evaluation.bootstrap import difference
from emoface_lib.evaluation.rows import (
    FULL,
    IDENTITY,
    NO_STYLE,
    PLAIN,
    SHUFFLED_VIDEOS,
    train_rows,
)
from emoface_lib.evaluation.scoring import LandmarkExpressions, landmark_scores
from emoface_lib.evaluation.transfer import Exchange, exchanged, exchanges
from emoface_lib.features.align import to_canonical
from emoface_lib.method.collapse import CollapseWarning, collapses
from emoface_lib.method.displacements import content_displacements
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import split, train_content

TOPIC, CHOOSING, REPORTED = "phase", 500, (501, 502, 503)
EVERY = 3  # every third test clip is given codes
BOTH = IDENTITY, FULL
JITTERS = 0.1, 0.3
CHOSEN = 0.1  # by corpus 500
DETECTOR = 1.4375  # px; what dlib's landmarks differ by on drawn faces, LMD (Table 2)
FLOOR = 1e-3  # beside a softmax, before its logarithm
POWER = 2.8 / 3.92  # what is detected by an interval's width: 80 % power at 5 %
EXCHANGED = "E_emotion exchanged"
MEASURES = {"LMD": "px", "ES": "", f"LMD, {EXCHANGED}": "px", f"ES, {EXCHANGED}": ""}
MAIN = f"LMD, {EXCHANGED}"
FACTS = "d_rp / d_rs without eq. (5)", "threshold of eq. (5)", "spread of E_emotion"
PHASES = "helps", "idles", "harms", "collapses"
STYLED = "", "amount", "faces"
CONTROLS = (IDENTITY, PLAIN), (FULL, SHUFFLED_VIDEOS)
AXES = "", "amount", "channel", "teacher", "faces", "expressions", "all"
EFFECT = "full minus L_identity alone: LMD, E_emotion exchanged, px"
RATIO = r"$d_{rp} / d_{rs}$ without eq. (5)"
THRESHOLD = r"$\lambda_{rs} / (1 - \lambda_{rp})$"
FIGURE = REPOSITORY / "figures" / "phase"


@dataclass(frozen=True)
class Cell:
    """One set of circumstances.

    videos : of a training speaker; noise : LMD of the landmarks that train, px;
    errors and flatness : of the expression model, see `unsure`; faces : training
    speakers with landmarks, the others are sound alone; 0: all.
    """

    name: str
    axis: str
    rows: Sequence[str] = BOTH
    speakers: int = 32
    videos: int = 6
    channels: str = "alike"
    jitter: float = 0.0
    noise: float = 0.0
    errors: float = 0.0
    flatness: float = 1.0
    weights: bool = True
    faces: int = 0


BASE = Cell("as in Table 2", "", (*BOTH, PLAIN))
SCN = {"errors": 1.5, "flatness": 6.0}
NOT_ASKED = (FULL,)  # rows; without eq. (5) expressions are of no use
CELLS = (
    BASE,
    Cell("expressions as unsure as SCN's", "expressions", NOT_ASKED, **SCN),
    Cell("expressions right in 0.58", "expressions", NOT_ASKED, errors=2.0),
    Cell("no weights", "expressions", NOT_ASKED, weights=False),
    Cell("24 speakers, 4 videos", "amount", speakers=24, videos=4),
    Cell("24 speakers, 6 videos", "amount", speakers=24),
    Cell("32 speakers, 4 videos", "amount", videos=4),
    Cell("8 faces, 24 sound alone", "faces", (*BOTH, SHUFFLED_VIDEOS), faces=8),
    Cell("a far channel a clip", "channel", channels="clip"),
    Cell("a detector's noise", "teacher", noise=DETECTOR),
    Cell("a far channel a video", "channel", channels="video"),
    Cell("video's channel, noise, SCN", "all", channels="video", noise=DETECTOR, **SCN),
    Cell("a clip, step 2 jittered", "channel", channels="clip", jitter=CHOSEN),
    Cell("a video, step 2 jittered", "channel", channels="video", jitter=CHOSEN),
    Cell("thrice a detector's noise", "teacher", noise=3 * DETECTOR),
    Cell("8 speakers", "faces", speakers=8),
    Cell("expressions right in 0.82", "expressions", NOT_ASKED, errors=1.0),
    Cell("expressions right in 0.44", "expressions", NOT_ASKED, errors=3.0),
)

AMOUNTS = (
    ("32 speakers, 4 videos", "24 speakers, 4 videos"),
    ("24 speakers, 6 videos", "24 speakers, 4 videos"),
    (BASE.name, "24 speakers, 4 videos"),
)


@lru_cache(maxsize=3)
def material(
    corpus: int, channels: str
) -> tuple[list[Clip], list[Exchange], LandmarkExpressions]:
    """Clips with the ground truth, exchanges to score, and a classifier for ES."""
    settings = settings_of(corpus, channels=channels)
    clips = list(enrolled(clips_of(settings, workers=1)))
    face = to_canonical(mean_face())
    pairs = exchanges(split(clips, "test"), settings, face, EVERY)
    return clips, pairs, LandmarkExpressions.learn(split(clips, "train"))


def training_clips(cell: Cell, clips: Sequence[Clip], corpus: int) -> list[Clip]:
    """What a cell trains on: some clips, as its teacher and its classifier see them."""
    names = list(dict.fromkeys(c.speaker for c in clips if c.split == "train"))
    names = names[: cell.speakers]
    found = []
    for number, clip in enumerate(clips):
        if clip.speaker not in names or int(clip.video[-2:]) > cell.videos:
            continue
        rng = np.random.default_rng([corpus, number])
        landmarks = clip.landmarks + noise(clip.landmarks.shape, cell.noise, rng)
        if cell.faces and names.index(clip.speaker) >= cell.faces:
            if clip.split != "train":
                continue
            landmarks = torch.full_like(landmarks, torch.nan)
        seen = unsure(clip.expression.double().numpy(), cell, rng)
        expression = torch.from_numpy(seen).float()
        found.append(replace(clip, landmarks=landmarks, expression=expression))
    return list(enrolled(found))


def noise(
    shape: Sequence[int], distance: float, rng: np.random.Generator
) -> torch.Tensor:
    """A detector's errors, Tensor[T, 68, 2] px, with a mean distance from the truth."""
    deviation = distance / np.sqrt(np.pi / 2) / np.sqrt(2)  # each half's
    drawn = rng.normal(size=(1, *shape[1:])) + rng.normal(size=tuple(shape))
    return torch.from_numpy(deviation * drawn).float()


def unsure(softmax: np.ndarray, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """float[7] as a worse classifier would give it."""
    logits = np.log(softmax + FLOOR) + cell.errors * rng.normal(size=len(EXPRESSIONS))
    shares = np.exp(logits / cell.flatness)
    changed = cell.errors > 0 or cell.flatness != 1
    return shares / shares.sum() if changed else softmax


def measured(
    cell: Cell,
    corpus: int,
    clips: Sequence[Clip],
    pairs: Sequence[Exchange],
    classifier: LandmarkExpressions,
) -> pd.DataFrame:
    """Scores of a cell's rows, and facts of their codes (without a clip)."""
    settings = settings_of(
        corpus,
        channels=cell.channels,
        style_jitter=cell.jitter,
        expression_weights=cell.weights,
    )
    known = training_clips(cell, clips, corpus)
    with_faces = [clip for clip in known if not clip.landmarks.isnan().any()]
    heard = f"{cell.channels}_{cell.speakers}x{cell.videos}_{cell.noise}_{cell.faces}"
    place = folder(corpus) / heard
    with catch_warnings():
        simplefilter("ignore", CollapseWarning)  # it is what is studied
        content, _ = train_content(with_faces, place / "content", settings)
        trained = train_rows(cell.rows, known, content, place / cell.name, settings)
    own = [pair.own for pair in pairs]
    alone = {NO_STYLE: content_displacements(content, own)}
    parts = [landmark_scores(alone, own, classifier, ("LMD", "ES"))]
    for name, (style, log) in trained.items():
        moves = exchanged(style, content, pairs)
        changed = [pair.changed for pair in pairs]
        for given, true in (("no code", own), ("E_emotion", changed)):
            move = {name: moves[given]}
            scores = landmark_scores(move, true, classifier, ("LMD", "ES"))
            if true is changed:
                scores["metric"] += f", {given} exchanged"
            parts.append(scores)
        facts = code_facts(log).items()
        parts.append(pd.DataFrame(facts, columns=["metric", "value"]))
        parts[-1]["method"] = name
    return pd.concat(parts, ignore_index=True)


def code_facts(log: pd.DataFrame) -> dict[str, float]:
    """The contrast's ratio and threshold and the code's spread, at a training's end."""
    last = log.iloc[-max(1, len(log) // 10) :].mean()
    return {
        "ratio": last["d_rp"] / last["d_rs"],
        "threshold": last["lambda_rs"] / (1 - last["lambda_rp"]),
        "deviation": last["deviation/emotion"],
        "collapsed": float(
            any(text.startswith("E_emotion ") for text in collapses(log))
        ),
    }


def folder(corpus: int) -> Path:
    return runs_folder() / TOPIC / f"corpus_{corpus}"


def run(cells: Sequence[Cell], corpora: Sequence[int]) -> None:
    """Measure what is not there yet."""
    for corpus in corpora:
        for cell in cells:
            if table(cell, corpus) is None:
                clips, pairs, classifier = material(corpus, cell.channels)
                found = measured(cell, corpus, clips, pairs, classifier)
                found.attrs["made_from"] = source(cell, corpus)
                write_parquet(folder(corpus) / f"{cell.name}.parquet", found)
                print(corpus, cell.name, flush=True)


def source(cell: Cell, corpus: int) -> str:
    settings = settings_of(corpus)
    return made_from(settings, (), "emoface_lib.evaluation.experiment", cell)


def table(cell: Cell, corpus: int) -> pd.DataFrame | None:
    """What was measured of a cell; None if it was not yet, or of other code."""
    path = folder(corpus) / f"{cell.name}.parquet"
    found = read_or_set_aside(read_parquet, path)
    if found is None or found.attrs.get("made_from") != source(cell, corpus):
        return None
    return found.assign(seed=corpus, speaker=f"{corpus}/" + found["speaker"])


def choose() -> None:
    """Print, by jitter, the mean main measure on the corpus that chooses."""
    clip = next(cell for cell in CELLS if cell.channels == "clip" and not cell.jitter)
    cells = [replace(clip, name="no jitter", rows=BOTH)]
    cells += [replace(clip, name=f"jitter {j}", jitter=j, rows=BOTH) for j in JITTERS]
    run(cells, [CHOOSING])
    for cell in cells:
        found = table(cell, CHOOSING)
        assert found is not None
        means = found[found["metric"] == MAIN].groupby("method")["value"].mean()
        print(cell.name, means.round(3).to_dict(), "mean", round(means.mean(), 4))


def scores_of(cell: Cell, corpora: Sequence[int]) -> pd.DataFrame:
    """Scores and facts of a cell on the corpora where it was measured; perhaps none."""
    found = []
    for corpus in corpora:
        own, shared = table(cell, corpus), table(BASE, corpus)
        if own is not None and shared is not None:
            found.append(own)
            if cell.rows == NOT_ASKED:
                found.append(shared[shared["method"] == IDENTITY])
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def enter_all(corpora: Sequence[int]) -> None:
    """Effects, facts and the phase of every cell, and what compares cells."""
    every = {cell.name: scores_of(cell, corpora) for cell in CELLS}
    scores = {name: found for name, found in every.items() if len(found)}
    cells = [cell for cell in CELLS if cell.name in scores]
    for cell in cells:
        own = scores[cell.name]
        for name in MEASURES:
            enter_change(cell.name, own, name, FULL, IDENTITY)
        enter_facts(cell, own)
        if cell.axis in STYLED:
            for name in ("LMD", "ES"):
                enter_change(cell.name, own, name, FULL, NO_STYLE)
        for first, second in CONTROLS:
            if second in cell.rows:
                enter_change(cell.name, own, MAIN, first, second)
    weighted = [c.name for c in cells if c.axis in ("", "expressions") and c.weights]
    against = [(name, "no weights", MAIN) for name in weighted]
    against += [("8 faces, 24 sound alone", "8 speakers", MAIN)]
    for first, second, name in [*against, *((*pair, "LMD") for pair in AMOUNTS)]:
        if {first, second} <= set(scores):
            both = pd.concat([full_of(scores, first), full_of(scores, second)])
            enter_change(FULL, both, name, first, second)


def full_of(scores: dict[str, pd.DataFrame], cell: str) -> pd.DataFrame:
    """What *full* scores in a cell, as a method of the cell's name."""
    own = scores[cell]
    return own[own["method"] == FULL].assign(method=cell)


def enter_change(
    where: str, found: pd.DataFrame, metric: str, first: str, second: str
) -> None:
    change = difference(found, first, second, metric, np.random.default_rng(0))
    changes = by_corpus(found, metric, first, second)
    told = ", ".join(f"{value:.3f}" for value in changes)
    detects = f"{POWER * (change.high - change.low):.3f} {MEASURES[metric]}".strip()
    how = (
        f"benchmarks/phase.py: {len(changes)} corpora, 20 test speakers each; "
        f"detects {detects}; by corpus {told}"
    )
    name = f"{where}: {metric}, {first} minus {second}"
    enter_interval(TOPIC, name, change, MEASURES[metric], how)


def enter_facts(cell: Cell, found: pd.DataFrame) -> None:
    """Ratio, threshold and spread of the codes, and the phase that follows by rule."""
    facts = found[found["clip"].isna()].pivot_table(
        index="seed", columns=["method", "metric"], values="value"
    )
    spread = facts[FULL, "deviation"] / facts[IDENTITY, "deviation"]
    values = facts[IDENTITY, "ratio"], facts[FULL, "threshold"], spread
    for name, value in zip(FACTS, values, strict=True):
        how = f"benchmarks/phase.py: {len(value)} corpora, the last tenth of step 2"
        enter_seeds(TOPIC, f"{cell.name}: {name}", value, "", how)
    effect = difference(found, FULL, IDENTITY, MAIN, np.random.default_rng(0))
    changes = by_corpus(found, MAIN, FULL, IDENTITY)
    phase = "idles"
    if facts[FULL, "collapsed"].mean() > 0.5:
        phase = "collapses"
    elif effect.low * effect.high > 0 and (changes * effect.mean > 0).all():
        phase = "helps" if effect.mean < 0 else "harms"
    how = "benchmarks/phase.py: by the rule of protocol.md"
    enter(TOPIC, f"{cell.name}: phase of eq. (5)", phase, "", how)


def by_corpus(found: pd.DataFrame, metric: str, first: str, second: str) -> pd.Series:
    """First method minus second, means of each corpus."""
    means = found[found["metric"] == metric].groupby(["method", "seed"])["value"].mean()
    return (means[first] - means[second]).dropna()


def draw() -> None:
    """Figure phase.png and its data, from the rows of results.csv alone."""
    rows = {row["name"]: row for row in read() if row["topic"] == TOPIC}
    known = [cell for cell in CELLS if f"{cell.name}: phase of eq. (5)" in rows]
    cells = sorted(known, key=lambda cell: AXES.index(cell.axis))
    data = pd.DataFrame([cell_row(cell, rows) for cell in cells])
    numbers = [str(number + 1) for number in range(len(data))]
    drawn, axes = plots.figure(1, 2, (10.5, 0.8 + 0.28 * len(data)))
    forest, diagram = axes[0]
    named = data.assign(method=data["cell"] + "  " + numbers)
    plots.draw_intervals(forest, {"": named}, EFFECT)
    forest.axvline(0, color="black", linewidth=0.8)
    forest.set_title("What eq. (5) does to the face", fontsize=9)
    sns.scatterplot(
        data,
        x="threshold",
        y="ratio",
        hue="spread",
        style="phase",
        palette="viridis",
        s=60,
        ax=diagram,
    )
    for number, cell, row in zip(numbers, cells, data.itertuples(), strict=True):
        place = (6, -2) if int(number) % 2 else (-14, -2)
        place = (-5, 6) if cell.axis == "expressions" else place  # all at one height
        at = {"xytext": place, "textcoords": "offset points", "fontsize": 7}
        diagram.annotate(number, (row.threshold, row.ratio), **at)
    ends = np.array([0.5, 9])
    diagram.plot(ends, ends, color="black", linestyle="--", linewidth=0.8)
    diagram.fill_between(ends, ends, ends[0], color="#eeeeee", zorder=0)
    low = {"xy": (0.97, 0.05), "xycoords": "axes fraction", "ha": "right"}
    diagram.annotate("eq. (5) alone lets the code collapse", fontsize=8, **low)
    diagram.set(xscale="log", yscale="log", xlabel=THRESHOLD, ylabel=RATIO)
    diagram.set(xlim=ends, ylim=(data["ratio"].min() / 1.4, data["ratio"].max() * 1.6))
    for axis in (diagram.xaxis, diagram.yaxis):
        axis.set_major_locator(FixedLocator([0.5, 1, 2, 4, 8]))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_locator(NullLocator())
    diagram.set_title("The threshold of notebook 05", fontsize=9)
    diagram.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1))
    for name in ("png", "svg"):
        path = FIGURE.with_suffix(f".{name}")
        plots.keep(path, plots.encode(drawn, name))
    plots.keep(FIGURE.with_suffix(".csv"), data.to_csv(index=False).encode())


def cell_row(cell: Cell, rows: dict[str, dict[str, str]]) -> dict[str, str | float]:
    """What the figure shows of a cell."""
    effect = rows[f"{cell.name}: {MAIN}, {FULL} minus {IDENTITY}"]
    spread = re.search(r"95 % interval (\S+) to (\S+)", effect["how"])
    assert spread is not None
    low, high = map(float, spread.groups())
    ratio, threshold, kept = (rows[f"{cell.name}: {fact}"] for fact in FACTS)
    return {
        "cell": cell.name,
        "mean": float(effect["value"]),
        "low": low,
        "high": high,
        "detects": round(POWER * (high - low), 3),
        "ratio": float(ratio["value"]),
        "threshold": float(threshold["value"]),
        "spread": float(kept["value"]),
        "phase": rows[f"{cell.name}: phase of eq. (5)"]["value"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["run", "enter", "draw"])
    parser.add_argument("--corpora", type=int, nargs="*", default=REPORTED)
    parser.add_argument("--channels", nargs="*", default=("alike", "clip", "video"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    for part in given.parts:
        if part == "choose":
            choose()
        elif part == "run":
            cells = [cell for cell in CELLS if cell.channels in given.channels]
            run(cells, given.corpora)
        elif part == "enter":
            enter_all(given.corpora)
        elif part == "draw":
            draw()


if __name__ == "__main__":
    main()

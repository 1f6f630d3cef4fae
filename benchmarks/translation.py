"""Step 3: terms beyond L1, and a longer training, on unseen identities.

python benchmarks/translation.py [PART ...] [--run runs/tutorial] [--pictures build]
    [--people runs/grid]

Parts: longer (trains the run's improved translator LONGER steps more, on drawn and on
real people, 4 min; it goes on where it was stopped, in PICTURES/longer), ablation
(trains it with other terms, 2 min each). The run needs notebooks 01 to 03, for longer
06. PEOPLE : of `longer`, some of GRID's clips,
    emoface prepare GRID --only 's1/*/bb*' --only 's[235]/*' --only 's2[02]/*'
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from results import enter

from emoface_lib.core.checkpoints import read_settings
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.evaluation.picture_quality import (
    TRUE,
    Trial,
    face_mask,
    quality_table,
    trials,
)
from emoface_lib.translation.dataset import Pair, Pairs
from emoface_lib.translation.train import train_translator
from emoface_lib.translation.translators import FOLDERS, PairRenderer, load_translator

TOPIC = "translation"
FRAMES = 4  # per test clip
# Terms beyond L1 in the ablation: settings by name.
TERMS: dict[str, dict[str, float]] = {
    "L1 alone": {"translator_edges": 0.0},
    "L1 and edges (improved)": {},
}
# The longer training: steps after the tutorial's 600; change of brightness, and of each
# colour. Talkers of GRID, and how often each of their clips counts, so that they come
# as often as drawn people.
LONGER, LIGHT, TINT = 600, 0.3, 0.1
TALKERS = {"s1": 1, "s2": 4, "s3": 5}
MANY = 24  # frames of each clip of the other talkers
COLUMNS = ("PSNR", "SSIM", "sharpness", "landmark error", "lip error")
UNITS = {
    "PSNR": "dB",
    "L1 of the face": "grey levels",
    "landmark error": "px of 256",
    "lip error": "px of 256",
}


def pairs_of(
    run: Path,
    split: str,
    settings: Settings,
    warp: bool = False,
    rows: pd.DataFrame | None = None,
) -> Pairs:
    rows = rows_of(run, split) if rows is None else rows
    return Pairs(
        [run / "corpus" / path for path in rows["path"]],
        [run / "features" / f"{clip}.npz" for clip in rows["clip"]],
        settings.translator.image_size,
        warp=warp,
    )


def rows_of(run: Path, split: str) -> pd.DataFrame:
    index = pd.read_parquet(run / "features" / "index.parquet")
    return index[(index["split"] == split) & (index["problem"] == "")]


def trained(run: Path, kind: str, **terms: float) -> tuple[PairRenderer, float]:
    """A network trained at tutorial size, and the minutes that took."""
    settings = load_settings("tutorial", translator=kind, **terms)
    pairs = pairs_of(run, "train", settings, warp=kind == "improved")
    torch.set_num_threads(1)  # the other core decodes videos and bends references
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model, _ = train_translator(pairs, Path(folder), settings)
    return PairRenderer(model, settings), (time.perf_counter() - start) / 60


def loaded(folder: Path) -> PairRenderer:
    """The network of a folder that `train_translator` left."""
    path = folder / "model.safetensors"
    return PairRenderer(load_translator(path), read_settings(path))


def tried(run: Path, renderers: dict[str, PairRenderer]) -> list[Trial]:
    settings = load_settings("tutorial")
    speakers = list(rows_of(run, "test")["speaker"])
    test = pairs_of(run, "test", settings)
    return trials(test, speakers, renderers, FRAMES, np.random.default_rng(0))


class InAnyLight(Pairs):
    """Pairs whose pictures are brighter, darker and tinted, each in its own way."""

    def draw(self, count: int, generator: np.random.Generator) -> Pair:
        """As `Pairs.draw`; the landmark images stay as they are."""
        pair = super().draw(count, generator)
        light = generator.uniform(1 - LIGHT, 1 + LIGHT, (count, 1, 1, 1))
        light = light * generator.uniform(1 - TINT, 1 + TINT, (count, 1, 1, 3))
        lit = {
            name: (getattr(pair, name) * light).clip(0, 255).astype(np.uint8)
            for name in ("reference", "warped", "target")
        }
        return pair._replace(**lit)


def train_longer(run: Path, people: Path, folder: Path) -> None:
    """Train the run's improved translator on, by drawn and as many real pairs."""
    settings = load_settings("tutorial", translator="improved", translator_steps=LONGER)
    drawn = pairs_of(run, "train", settings)
    rows = rows_of(people, "train")
    times = rows["speaker"].map(TALKERS).fillna(0).astype(int)
    real = pairs_of(people, "train", settings, rows=rows.loc[rows.index.repeat(times)])
    pairs = InAnyLight(
        [*drawn.videos, *real.videos],
        [*drawn.features, *real.features],
        settings.translator.image_size,
        warp=True,
    )
    torch.set_num_threads(1)
    first = load_translator(run / FOLDERS["improved"] / "model.safetensors")
    train_translator(pairs, folder, settings, workers=0, first=first)


def longer(run: Path, pictures: Path, people: Path) -> None:
    """Whether the improved translator beats the warp after a longer training.

    On drawn people and on talkers whom it has not seen; `real_translation.py` shows it
    on photographs.
    """
    folder = pictures / "longer" / FOLDERS["improved"]
    if not (folder / "model.safetensors").exists():
        train_longer(run, people, folder)
    renderers = {"improved": loaded(run / FOLDERS["improved"])}
    renderers["longer"] = loaded(folder)
    settings = load_settings("tutorial")
    rows = rows_of(people, "train")
    rows = rows[~rows["speaker"].isin(TALKERS)]
    unseen = pairs_of(people, "train", settings, rows=rows)
    chance = np.random.default_rng(0)
    sets = {
        "drawn people": tried(run, renderers),
        "talkers": trials(unseen, list(rows["speaker"]), renderers, MANY, chance),
    }
    for of, done in sets.items():
        table = quality_table(done)
        table["L1 of the face"] = [
            face_error(trial, picture)
            for trial in done
            for picture in trial.rendered.values()
        ]
        speakers = table["speaker"].nunique()
        means = table.drop(columns="speaker").groupby("method").mean()
        print(means.to_string(float_format="%.3f"))
        how = (
            f"benchmarks/translation.py longer: {LONGER} steps after the tutorial's, "
            f"on its people and {len(TALKERS)} talkers of GRID; {len(done)} frames of "
            f"{speakers} others, 128 px"
        )
        for method in ("warp", "improved", "longer"):
            for column in ("L1 of the face", *COLUMNS[2:]):
                value, unit = float(means.loc[method, column]), UNITS.get(column, "")
                name = f"step 3, longer: {column}, {method}, {of}"
                asked = method != "warp" and column != "sharpness"
                aim = f"< {means.loc['warp', column]:.4g} (warp)" if asked else ""
                enter(TOPIC, name, value, unit, how, aim)
        shown = ["warp", "improved", "longer", TRUE]
        save_rows(pictures / f"longer_{of.split()[0]}.png", done, shown)


def face_error(trial: Trial, picture: np.ndarray) -> float:
    """Mean absolute difference from the truth on the face alone, grey levels."""
    apart = np.abs(picture.astype(float) - trial.target)
    return float(apart[face_mask(picture, trial.landmarks)].mean())


def save_rows(path: Path, done: list[Trial], methods: list[str]) -> None:
    """A picture: a row a trial, first the reference, then what each method rendered.

    Of the trials it shows about eight.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        np.hstack([trial.reference, *(trial.rendered[name] for name in methods)])
        for trial in done[:: len(done) // 8]
    ]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    print(f"{path}: reference, {', '.join(methods)}")


def ablation(run: Path, pictures: Path, _: Path) -> None:
    """What each term beyond L1 is worth to the improved translator."""
    renderers = {}
    for name, terms in TERMS.items():
        renderers[name], took = trained(run, "improved", **terms)
        print(f"{name}: {took:.2f} min", flush=True)
    done = tried(run, renderers)
    means = quality_table(done).drop(columns="speaker").groupby("method").mean()
    print(means.to_string(float_format="%.3f"))
    how = (
        "benchmarks/translation.py ablation: gated warp, tutorial size, 1 seed; "
        f"{len(done)} frames of unseen identities, 128 px"
    )
    for name in TERMS:
        for column in COLUMNS:
            value, unit = float(means.loc[name, column]), UNITS.get(column, "")
            enter(TOPIC, f"step 3, terms: {column}, {name}", value, unit, how)
    save_rows(pictures / "translation_terms.png", done, [*TERMS])


PARTS = {"longer": longer, "ablation": ablation}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--run", type=Path, default=Path("runs/tutorial"))
    parser.add_argument("--pictures", type=Path, default=Path("build"))
    parser.add_argument("--people", type=Path, default=Path("runs/grid"))
    given = parser.parse_args()
    for part in given.parts or PARTS:
        PARTS[part](given.run, given.pictures, given.people)


if __name__ == "__main__":
    main()

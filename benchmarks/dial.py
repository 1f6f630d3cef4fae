"""The dial of emotion on speakers never heard: what it moves, and how fast it answers.

What is dialled (axes, loud frames) was chosen on the embedded corpus of seed 100; the
numbers here are of seed 300, with other speakers and sentences, which no choice has
seen. All clips are audio-only (true landmarks); content hears phones; intervals are
over test speakers and seeds. Trained models stay in runs/dial, so that a second run
only measures.

python benchmarks/dial.py [effects | components | latency ...]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from audio import train as train_conversion
from PIL import Image
from results import enter, enter_interval, enter_seeds
from skimage.data import astronaut
from studies import SPEAKERS, TEST_SPEAKERS, as_mel, clips_of, interval, settings_of

from emoface_lib.animation.animate import best_run
from emoface_lib.animation.portrait import read_portrait
from emoface_lib.animation.predict import load_predictor
from emoface_lib.animation.preview import Face, Preview
from emoface_lib.animation.voice import read_voice
from emoface_lib.animation.widgets import as_jpeg
from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.settings import runs_folder
from emoface_lib.evaluation.dial_effects import (
    MotionProbe,
    by_clip,
    correlations,
    dial_effects,
)
from emoface_lib.evaluation.rows import FULL, IMPROVED, PLAIN, train_row, train_rows
from emoface_lib.features.voice_conversion import load_features
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import content_codes
from emoface_lib.method.emotion_space import (
    LABELS,
    EmotionSpace,
    emotion_embeddings,
    emotion_space,
    oriented,
    supervised,
)
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import split, train_content
from emoface_lib.method.style import StyleBranch
from emoface_lib.synthetic.audio_only import plan_audio_only
from emoface_lib.synthetic.clips import TEST_SPEAKERS_FROM

REPEATS = 20

TOPIC = "dial"
CORPUS = 300
SEEDS = (0, 1, 2)


def trained(
    clips: list[Clip], seed: int, corpus: int = CORPUS
) -> tuple[ContentBranch, dict[str, StyleBranch]]:
    """The branches of one seed, trained once and then read."""
    folder = runs_folder() / "dial" / f"corpus_{corpus}" / f"seed_{seed}"
    settings = settings_of(corpus).changed(seed=seed)
    content, _ = train_content(clips, folder / "content", settings)
    made = train_rows((FULL, IMPROVED, PLAIN), clips, content, folder, settings)
    return content, {name: style for name, (style, _) in made.items()}


# The dials that are compared: by name, the style branch, the space, the axis.
PAPER = "PCA as in the paper"
DIALS = {
    PAPER: ("full", "paper", "PC1"),
    "PCA centred by speaker": ("full", "centred", "PC1"),
    "PCA of loud frames": ("full", "loud", "PC1"),
    "arousal, supervised": ("full", "loud", "arousal"),
    "valence, supervised": ("full", "loud", "valence"),
    "PCA, improved": ("improved", "paper", "PC1"),
    "PCA of loud frames, improved": ("improved", "loud", "PC1"),
    "arousal, supervised, improved": ("improved", "loud", "arousal"),
    "valence, supervised, improved": ("improved", "loud", "valence"),
}
MEASURED = {  # column of `by_clip`: unit, what it is called
    "rises": ("share", "clips whose mean lip opening rises at every step"),
    "lip opening": ("px", "lip opening"),
    "mouth width": ("px", "mouth width"),
    "corners up": ("px", "corners of the mouth up"),
    "brows up": ("px", "brows up"),
    "arousal": ("", "arousal that the face shows"),
    "valence": ("", "valence that the face shows"),
    "lip r": ("r", "lip curves of the two ends"),
}
CLAIMED = ("rises", "lip opening", "arousal")  # in which supervised axes should gain
TARGETS = {"rises": ">= 0.8", "lip opening": ">= 1", "lip r": ">= 0.9"}


def spaces_of(
    content: ContentBranch, style: StyleBranch, train: list[Clip]
) -> dict[str, EmotionSpace]:
    """The paper's space, the one centred by speaker, the one of loud frames."""
    codes, some = emotion_embeddings(style, train, loud=False), train[::4]
    speakers = [clip.speaker for clip in train]
    loud = emotion_embeddings(style, train)
    spaces = {
        "paper": emotion_space(codes),
        "centred": emotion_space(codes, speakers=speakers),
        "loud": emotion_space(loud),
    }
    spaces = {n: oriented(each, content, style, some) for n, each in spaces.items()}
    return spaces | {"loud": supervised(spaces["loud"], loud, train)}  # labels alone


def how(part: str) -> str:
    return (
        f"benchmarks/dial.py {part}: corpus seed {CORPUS}, {SPEAKERS} training and "
        f"{TEST_SPEAKERS} test speakers, audio-only, {len(SEEDS)} seeds"
    )


def measure(clips: list[Clip]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What every dial does, a row a clip and seed; and what places on it tell."""
    clips = enrolled(clips)
    train, test = split(clips, "train"), split(clips, "test")[::2]  # half of each video
    reader, rows, facts, others = MotionProbe(train), [], [], recorded(train)
    for seed in SEEDS:
        content, styles = trained(clips, seed)
        codes = content_codes(content, test)
        spaces = {n: spaces_of(content, style, train) for n, style in styles.items()}
        for name, (variant, form, axis) in DIALS.items():
            space, style = spaces[variant][form], styles[variant]
            effects = dial_effects(
                space, axis, content, style, test, reader, codes=codes
            )
            rows.append(by_clip(effects).assign(dial=name, seed=seed))
            step = space.axes[axis]
            loud = emotion_embeddings(style, train, loud=form == "loud")
            places = ((loud - space.mean) @ step).numpy()
            told = correlations({name: places}, train, others)
            facts.append(told[name].rename_axis("fact").reset_index(name="value"))
            facts[-1] = facts[-1].assign(dial=name, seed=seed)
            print(name, seed, rows[-1].mean(numeric_only=True).round(2).to_dict())
    return pd.concat(rows), pd.concat(facts)


def effects(clips: list[Clip]) -> None:
    """What every dial does from -2 to +2 deviations, and what its places tell."""
    table, facts = measure(clips)
    source = how("effects")
    for name in DIALS:
        mine = table[table["dial"] == name]
        for column, (unit, label) in MEASURED.items():
            aimed = name == PAPER or column == "lip r"
            target = TARGETS.get(column, "") if aimed else ""
            found = interval(mine, column)
            enter_interval(TOPIC, f"{name}: {label}", found, unit, source, target)
    keys = ["seed", "speaker", "clip"]
    base = table[table["dial"] == PAPER].set_index(keys)
    for name in list(DIALS)[1:]:
        mine = table[table["dial"] == name].set_index(keys)
        for column in ("rises", "lip opening", "arousal", "valence"):
            unit, label = MEASURED[column]
            change = (mine[column] - base[column]).reset_index()
            found = interval(change, column)
            target = ">= 0" if "supervised" in name and column in CLAIMED else ""
            row = f"{name} minus {PAPER}: {label}"
            enter_interval(TOPIC, row, found, unit, source, target)
    for (name, fact), group in facts.groupby(["dial", "fact"], sort=False):
        where = f"{source}; training clips"
        enter_seeds(TOPIC, f"{name}: {fact}", group["value"], "", where)


def recorded(clips: list[Clip]) -> dict[str, list[float]]:
    """What is known of clips beside their moods: loudness, noise floor and channel."""
    unseen = range(TEST_SPEAKERS_FROM, TEST_SPEAKERS_FROM + TEST_SPEAKERS)
    plans = [
        plan
        for number in (*range(SPEAKERS), *unseen)
        for plan in plan_audio_only(number, settings_of(CORPUS), ("train", "test"))
    ]
    known = {plan.clip: plan.recording for plan in plans}
    return {
        "loudness": [float(clip.log_mel.mean()) for clip in clips],
        "noise": [known[clip.name].noise for clip in clips],  # dB
        "channel": [known[clip.name].tilt for clip in clips],  # tilt of spectrum
    }


def heard_as(clips: list[Clip], seed: int) -> dict[str, list[Clip]]:
    """The clips, whose voices are embedded, with each kind of F_a.

    An AutoVC of the tutorial's size is trained on the speakers who train.
    """
    mels = as_mel(clips)
    voices: dict[str, list[np.ndarray]] = {}
    for clip in clips:
        voices.setdefault(clip.speaker, []).append(clip.voice.numpy())
    means = {name: np.mean(own, 0) for name, own in voices.items()}
    known = {name: mean / np.linalg.norm(mean) for name, mean in means.items()}
    settings = settings_of(CORPUS, features="autovc").changed(seed=seed)
    folder = runs_folder() / "dial" / f"corpus_{CORPUS}" / f"audio_{seed}"
    train_conversion(split(mels, "train"), known, folder, settings)
    said = load_features(folder, settings)
    made = [said.whole(mel.features.numpy(), known[mel.speaker]) for mel in mels]
    return {"log_mel": mels, "autovc": with_features(mels, made), "phonetic": clips}


def components(clips: list[Clip]) -> None:
    """What the paper's components and the supervised axes are, by each kind of F_a.

    The axes are of training clips, places on them of clips of test speakers.
    """
    rows = []
    for seed in SEEDS:
        for kind, heard in heard_as(clips, seed).items():
            folder = runs_folder() / "dial" / f"corpus_{CORPUS}" / f"{kind}_{seed}"
            settings = settings_of(CORPUS, features=kind).changed(seed=seed)
            known = enrolled(heard)
            train, test = split(known, "train"), split(known, "test")
            content, _ = train_content(known, folder / "content", settings)
            style, _ = train_row(FULL, known, content, folder, settings)
            space = emotion_space(emotion_embeddings(style, train, loud=False))
            space = supervised(space, emotion_embeddings(style, train), train)
            places = {}
            for loud, axes in ((False, ("PC1", "PC2")), (True, LABELS)):
                points = emotion_embeddings(style, test, loud)
                places |= {axis: (points @ space.axes[axis]).numpy() for axis in axes}
            told = correlations(places, test, recorded(test)).abs()
            print(seed, kind, told.round(2), sep="\n", flush=True)
            rows.append(told.stack().rename("value").reset_index().assign(kind=kind))
    found = pd.concat(rows).set_axis(["fact", "axis", "value", "kind"], axis=1)
    source = how("components")
    for (kind, axis, fact), own in found.groupby(["kind", "axis", "fact"], sort=False):
        name = f"{axis} of {kind}: {fact}".replace("r with", "|r| with")
        enter_seeds(TOPIC, name, own["value"], "", f"{source}; test clips")


def latency() -> None:
    """How fast the panel answers, by the best run there is, on a voice of 4 to 5 s."""
    torch.set_num_threads(1)
    run = best_run()
    index = pd.read_parquet(run / "corpus" / "index.parquet")
    clip = index[index["split"] == "test"]["path"].iloc[0]
    predictor = load_predictor(run)
    with tempfile.TemporaryDirectory() as scratch:
        photo = Path(scratch) / "photo.png"
        Image.fromarray(astronaut()).save(photo)
        voice = read_voice(run / "corpus" / clip)
        preview = Preview(voice, Face(read_portrait(photo)), predictor)
        turning, drawing = [], []
        for number, turn in enumerate(np.linspace(-2, 2, REPEATS)):
            start = time.process_time()
            preview.turn(float(turn))
            turned = time.process_time()
            as_jpeg(preview.stage(number))
            turning.append(1000 * (turned - start))
            drawing.append(1000 * (time.process_time() - turned))
    source = (
        f"benchmarks/dial.py latency: model of {run.name}, voice of "
        f"{voice.seconds:.1f} s, photograph of 512 px; median of {REPEATS}, CPU time "
        "of one core"
    )
    landmarks, frame = float(np.median(turning)), float(np.median(drawing))
    for name, value, target in (
        ("slider to landmarks of the whole voice", landmarks, "<= 50"),
        ("landmarks to a frame with its curve, as JPEG", frame, ""),
        ("slider to the frame", landmarks + frame, "<= 200"),
    ):
        enter(TOPIC, f"panel: {name}", value, "ms", source, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {
        "effects": lambda: effects(clips_of(settings_of(CORPUS))),
        "components": lambda: components(clips_of(settings_of(CORPUS), voices=True)),
        "latency": latency,
    }
    parser.add_argument("parts", nargs="*", choices=list(parts))
    for name in parser.parse_args().parts or list(parts):
        parts[name]()


if __name__ == "__main__":
    main()

"""Step 2 on the voices of actors and drawn faces: does the face show the mood?

Actors 1 to 10 of RAVDESS train, 11 and 12 choose, 13 to 16 are the test. Their faces
are drawn first, as `emoface prepare DATA/ravdess_audio -p detector=drawn` does it. The
face that counts is the mean displacement over time, less that of calm clips that
trained.

PYTHONPATH=. python benchmarks/real_actors.py DATA [PART ...]

DATA : a folder with ravdess_audio; parts: trained, mixtures.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from real_emotion import (
    FOUR,
    FOURS,
    TOPIC,
    enter_ear,
    enter_faces,
    gestures,
    nearest,
    share,
    templates,
)
from results import enter_interval
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from emoface_lib.animation.emotion_control import sharpened
from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.settings import Settings, load_settings, runs_folder
from emoface_lib.core.video import read_audio
from emoface_lib.corpora.index import read_corpus
from emoface_lib.corpora.prepare import prepare_corpus
from emoface_lib.evaluation.bootstrap import bootstrap
from emoface_lib.evaluation.rows import (
    FULL,
    IMPROVED,
    MIXTURE,
    PLAIN,
    train_row,
    train_rows,
)
from emoface_lib.evaluation.scoring import landmark_scores
from emoface_lib.features.prepared import load_clips
from emoface_lib.features.voice_expression import shipped_voice_expressions
from emoface_lib.method import enrolment
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import (
    content_codes,
    mean_of,
    style_codes,
    style_displacements,
)
from emoface_lib.method.emotion_space import (
    centred,
    emotion_embeddings,
    emotion_space,
    frame_level,
    supervised,
)
from emoface_lib.method.mixture import Mixture
from emoface_lib.method.steps import split, train_content
from emoface_lib.method.style import StyleBranch
from emoface_lib.synthetic.factors import CIRCUMPLEX

SPLITS = {  # actors 1 to 10 train step 2, 11 and 12 choose; ACTORS are the test
    f"Actor_{n:02}": "train" if n < 11 else "val" if n < 13 else "test"
    for n in range(1, 17)
}
SEEDS = (0, 1)  # the second with many steps alone
TRUTH, LONGER = "drawn faces", f"{FULL}, 4 x the steps"
KNOWN = f"{LONGER}, on actors who train"
ENROLLED = "features, enrolled"
BOUND = (
    f"{LONGER}, mixture by the voice",
    *(f"mixture by the {by}" for by in (ENROLLED, "voice", "branch itself")),
)
SPLIT = "actors 1 to 10 train, 11 and 12 choose, 13 to 16 are the test"


def told_by_code(
    style: StyleBranch, train: Sequence[Clip], clips: Sequence[Clip]
) -> np.ndarray:
    """Softmax of EXPRESSIONS that a linear probe reads in E_emotion, float[N, 7].

    Of each clip it takes mean and deviation over the frames.
    """
    known, asked = (
        np.stack([np.concatenate([x.mean(0), x.std(0)]) for x, _ in codes])
        for codes in (style_codes(style, train), style_codes(style, clips))
    )
    return told_by_probe(known, train, asked)


def told_by_probe(
    known: np.ndarray, train: Sequence[Clip], asked: np.ndarray
) -> np.ndarray:
    """Softmax of EXPRESSIONS, float[N, 7], of numbers `asked`, float[N, D].

    known : the training clips' own, whose labels the probe learns.
    """
    labels = [EXPRESSIONS.index(clip.emotion) for clip in train]
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    return np.asarray(probe.fit(known, labels).predict_proba(asked))


@torch.inference_mode()
def mixture(
    style: StyleBranch,
    mixed: Tensor,
    clips: Sequence[Clip],
    codes: Sequence[tuple[Tensor, Tensor]],
) -> list[Tensor]:
    """D_content + D_style with other codes of emotion, Tensor[N, 128], one a clip.

    codes : from `content_codes`. Returns Tensor[T, 68, 2] px each.
    """
    found = []
    every = zip(codes, style_codes(style, clips), mixed, strict=True)
    for (code, d_content), (_, identity), emotion in every:
        e_style = style.style(emotion.expand_as(identity)[None], identity[None])
        found.append(d_content + style.displace(code[None], e_style)[0])
    return found


def faces_of(
    moved: Sequence[Tensor], calm: Sequence[Tensor], clips: Sequence[Clip]
) -> pd.DataFrame:
    """What mean displacements of clips show, less those of calm clips that trained.

    The mood's face that is nearest, the gestures, and the size: how far the face goes
    the way of its mood's, 1 as far as that.
    """
    rest = np.mean([one.mean(0).numpy() for one in calm], 0)
    rows = []
    for one, clip in zip(moved, clips, strict=True):
        apart = one.mean(0).numpy() - rest
        way = templates()[clip.emotion] if clip.video in FOUR else np.zeros((68, 2))
        size = (apart * way).sum() / max((way**2).sum(), 1e-9)
        rows.append({"face": nearest(apart), "size": size, **gestures(apart)})
    lmd = landmark_scores({"": moved}, clips, metrics=("LMD",))["value"]
    known = {
        "actor": [clip.speaker for clip in clips],
        "mood": [clip.video for clip in clips],
        "emotion": [clip.emotion for clip in clips],
        "LMD": lmd,
    }
    return pd.DataFrame(rows).assign(**known)


def actors_clips(run: Path, settings: Settings) -> list[Clip]:
    """The clips of a prepared run, split by actors, enrolled."""
    clips = load_clips(run / "features", settings)
    return enrolment.enrolled([replace(c, split=SPLITS[c.speaker]) for c in clips])


def told_by_voice(data: Path, clips: Sequence[Clip]) -> np.ndarray:
    """Softmax of the shipped regression, float[N, 7], mean over time."""
    sounds = read_corpus(data / "ravdess_audio", "ravdess").index.set_index("clip")
    files = [data / "ravdess_audio" / sounds.loc[clip.name, "sound"] for clip in clips]
    ear = shipped_voice_expressions()
    return np.stack([ear.tell(read_audio(file))[1].mean(0) for file in files])


def shown_by(
    name: str,
    style: StyleBranch,
    content: ContentBranch,
    clips: Sequence[Clip],
    voice: np.ndarray | None = None,
) -> pd.DataFrame:
    """Faces of the test clips by a style branch, one row a clip and method.

    voice : softmax of `told_clips`, float[N, 7]; with it, also by mixtures of the
    expressions' codes in place of E_emotion: by the voice's softmax, by what a probe
    tells from E_emotion itself, and by the softmax that was drawn.
    """
    train, test, some = split(clips, "train"), split(clips, "test"), told_clips(clips)
    codes = content_codes(content, some)
    told = {"": told_by_code(style, train, some)}
    moved = {"": style_displacements(style, some, codes)}
    if voice is not None:
        shown = {"voice": sharpened(voice), "code": sharpened(told[""])}
        shown["label"] = torch.stack([clip.expression for clip in some]).numpy()
        told["voice"] = voice
        places = emotion_embeddings(style, train)
        axes = supervised(emotion_space(places), places, train).expressions
        for by, softmax in shown.items():
            mixed = torch.from_numpy(softmax).float() @ axes
            moved[by] = mixture(style, mixed, some, codes)
    tables = []
    for by, own in moved.items():
        rows = faces_of(own[-len(test) :], own[: -len(test)], test)
        if by in told:
            likely = told[by][-len(test) :]
            rows["seven"] = [EXPRESSIONS[best] for best in likely.argmax(1)]
            ways = [EXPRESSIONS.index(mood) for mood in FOURS]
            rows["four"] = [FOURS[best] for best in likely[:, ways].argmax(1)]
        method = f"{name}, mixture by the {by}" if by else name
        tables.append(rows.assign(method=method))
    return pd.concat(tables)


def told_by_features(clips: Sequence[Clip]) -> np.ndarray:
    """Softmax of EXPRESSIONS that a probe reads in F_a of `told_clips`, float[N, 7].

    Of the louder half of frames it takes mean and deviation, less the actor's own mean
    of these, which needs no labels.
    """
    every = [*split(clips, "train"), *split(clips, "test")]
    found = []
    for clip in every:
        level = frame_level(clip.features)
        loud = clip.features[level >= level.median()]
        found.append(torch.cat([loud.mean(0), loud.std(0)]).numpy())
    values = centred(np.stack(found), [clip.speaker for clip in every])
    own = {clip.name: value for clip, value in zip(every, values, strict=True)}
    train, some = split(clips, "train"), told_clips(clips)
    known, asked = (np.stack([own[c.name] for c in part]) for part in (train, some))
    return told_by_probe(known, train, asked)


def told_clips(clips: Sequence[Clip]) -> list[Clip]:
    """Calm training clips, then the test clips."""
    calm = [clip for clip in split(clips, "train") if clip.video == "calm"]
    return calm + split(clips, "test")


def trained(data: Path, run: Path) -> None:
    """Step 2 on actors 1 to 12: what its faces show of the moods of 13 to 16."""
    settings = load_settings("tutorial", features="phonetic")
    clips = actors_clips(run, settings)
    some, test = told_clips(clips), split(clips, "test")
    voice = told_by_voice(data, some)
    still = [clip.displacement for clip in some]
    truth = faces_of(still[-len(test) :], still[: -len(test)], test)
    tables = [truth.assign(method=TRUTH)]
    for seed in SEEDS:
        one, folder = settings.changed(seed=seed), runs_folder() / "actors" / str(seed)
        content, _ = train_content(clips, folder / "content", one)
        names = () if seed else (PLAIN, FULL, IMPROVED)
        made = train_rows(names, clips, content, folder, one)
        many = one.changed(**{"style.steps": 4 * one.style.steps})
        longer = train_rows((FULL,), clips, content, folder / "longer", many)
        made[LONGER] = longer[FULL]
        for name, (style, _) in made.items():
            known = voice if name in (FULL, LONGER) else None
            tables.append(shown_by(name, style, content, clips, known))
        tables.append(on_known(made[LONGER][0], content, clips).assign(method=KNOWN))
    how = f"benchmarks/real_actors.py DATA: {SPLIT}; the tutorial's steps, 1 seed"
    how = f"{how}; with 4 x the steps 2"
    enter_trained(pd.concat(tables, ignore_index=True), "step 2 on actors", how)


def mixtures(data: Path, run: Path) -> None:
    """Step 2 whose E_emotion is a mixture of seven codes, by what tells their shares.

    The branch itself tells them from F_a less m_spk of all clips of the actor; from the
    features, enrolled, the actor's own statistics are taken off; "voice" is the shipped
    regression, which knows nobody.
    """
    settings = load_settings("tutorial", features="phonetic")
    clips, tables = actors_clips(run, settings), []
    some, test = told_clips(clips), split(clips, "test")
    label = torch.stack([clip.expression for clip in some]).numpy()
    told = {ENROLLED: told_by_features(clips), "voice": told_by_voice(data, some)}
    shown = {by: sharpened(softmax) for by, softmax in told.items()} | {"label": label}
    for seed in SEEDS:
        one, folder = settings.changed(seed=seed), runs_folder() / "actors" / str(seed)
        content, _ = train_content(clips, folder / "content", one)
        style, _ = train_row(MIXTURE, clips, content, folder, one)
        assert isinstance(style.mlp_e, Mixture)
        codes, told["branch itself"] = content_codes(content, some), shares(style, some)
        moved = {"branch itself": style_displacements(style, some, codes)}
        for by, softmax in shown.items():
            mixed = style.mlp_e.mixed(torch.from_numpy(softmax).float()).detach()
            moved[by] = mixture(style, mixed, some, codes)
        for by, own in moved.items():
            rows = faces_of(own[-len(test) :], own[: -len(test)], test)
            likely = told.get(by, label)[-len(test) :]
            rows["heard"] = [EXPRESSIONS[best] for best in likely.argmax(1)]
            rows["arousal"] = likely @ CIRCUMPLEX[:, 0]
            tables.append(rows.assign(method=f"mixture by the {by}"))
    how = f"benchmarks/real_actors.py DATA mixtures: {SPLIT}; the tutorial's steps"
    who, how = "step 2 on actors, taught by mixtures", f"{how}, {len(SEEDS)} seeds"
    enter_trained(pd.concat(tables, ignore_index=True), who, how)


@torch.no_grad()
def shares(style: StyleBranch, clips: Sequence[Clip]) -> np.ndarray:
    """Of EXPRESSIONS, that a branch of mixtures tells, mean over time: float[N, 7]."""
    assert isinstance(style.mlp_e, Mixture)
    found = []
    for clip in clips:
        heard = style.heard(clip.features[None], mean_of(clip))
        found.append(style.mlp_e.shares(style.standardise(heard))[0].mean(0).numpy())
    return np.stack(found)


def on_known(
    style: StyleBranch, content: ContentBranch, clips: Sequence[Clip]
) -> pd.DataFrame:
    """Faces of the training clips themselves."""
    own = [clip for clip in split(clips, "train") if clip.video in FOUR]
    moved = style_displacements(style, own, content_codes(content, own))
    pairs = zip(moved, own, strict=True)
    return faces_of(moved, [one for one, clip in pairs if clip.video == "calm"], own)


def enter_trained(found: pd.DataFrame, which: str, how: str) -> None:
    """Enter what the faces of each method show, and what it hears."""
    for method, rows in found.groupby("method", sort=False):
        who = f"{which}: {method}"
        bounds = method in BOUND
        enter_faces(rows, who, "actor", bounds, how)
        four = rows[rows["mood"].isin(FOUR)]
        if "heard" in rows:
            enter_ear(rows, who, "actor", bounds, how)
        for count, some in (("four", four), ("seven", rows)):
            if count in rows and some[count].notna().all():
                right, name = some[count] == some["emotion"], f"mood heard, of {count}"
                share(f"{who}: {name}", right, some["actor"], 0, how)
        stirred = four[four["mood"] != "calm"]
        for name, part, unit in (
            ("LMD", rows, "px"),
            ("size", stirred, "of its mood's"),
        ):
            actors = part["actor"].tolist()
            each = bootstrap(part[name].tolist(), actors, np.random.default_rng(0))
            enter_interval(TOPIC, f"{who}: {name}", each, unit, how)
        print(pd.crosstab(four["mood"], four["face"]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parts = {"trained": trained, "mixtures": mixtures}
    parser.add_argument("parts", nargs="*", choices=list(parts))
    given = parser.parse_args()
    data = given.data
    torch.set_num_threads(1)
    run = runs_folder() / "actors" / "corpus"
    settings = load_settings("tutorial", features="phonetic", detector="drawn")
    prepare_corpus(data / "ravdess_audio", run, settings)
    for name in given.parts or parts:
        parts[name](data, run)


if __name__ == "__main__":
    main()

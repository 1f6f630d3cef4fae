"""The emotion of real voices, on drawn faces and photographs.

What hears it was fitted on actors 1 to 12 of RAVDESS, and all choices were made on
them; the numbers are of actors 13 to 16, and of EmoDB's speaker, once. The face that is
asked for is that of the voice's own emotion less that of the same voice in a neutral
mood, mean over time. Intervals are over clips within actors.

python benchmarks/real_emotion.py DATA [voices | frames | dial ...]   (a folder with
ravdess_audio, emodb_sample and portraits)

The part `trained` trains step 2 on drawn faces of actors 1 to 12: with --ravdess RUN,
made by emoface prepare DATA/ravdess_audio -p detector=drawn --out RUN.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from results import enter
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from emoface_lib.animation.animate import AMOUNT, best_run
from emoface_lib.animation.emotion_control import Curve, Dial
from emoface_lib.animation.portrait import read_portrait
from emoface_lib.animation.predict import FacePredictor, load_predictor
from emoface_lib.animation.preview import Face, Preview
from emoface_lib.animation.voice import read_voice
from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.landmarks import EYE_DISTANCE, mean_face
from emoface_lib.core.settings import Settings, load_settings, runs_folder
from emoface_lib.core.video import read_audio
from emoface_lib.corpora.index import read_corpus
from emoface_lib.evaluation.bootstrap import bootstrap
from emoface_lib.evaluation.rows import FULL, IMPROVED, PLAIN, train_rows
from emoface_lib.evaluation.scoring import landmark_scores
from emoface_lib.features.align import to_canonical
from emoface_lib.features.expression import recognise
from emoface_lib.features.expression_training import shipped_expressions
from emoface_lib.features.gestures import measures
from emoface_lib.features.prepared import aligned_landmarks, load_clips
from emoface_lib.features.voice_expression import (
    VoiceExpressions,
    sharpened,
    shipped_voice_expressions,
)
from emoface_lib.method import enrolment
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import (
    content_codes,
    style_codes,
    style_displacements,
)
from emoface_lib.method.emotion_space import (
    emotion_embeddings,
    emotion_space,
    supervised,
)
from emoface_lib.method.steps import split, train_content
from emoface_lib.method.style import StyleBranch
from emoface_lib.synthetic.build import draw_faces
from emoface_lib.synthetic.clips import generator, identity_of
from emoface_lib.synthetic.factors import CIRCUMPLEX, draw_speaker, draw_state
from emoface_lib.synthetic.heads.shape import CONTROLS, Identity, pose_face, project

TOPIC = "real emotion"
ACTORS = tuple(f"Actor_{number}" for number in (13, 14, 15, 16))
FOUR = {"calm": "neutral", "happy": "happiness", "sad": "sadness", "angry": "anger"}
FOURS = tuple(FOUR.values())
DRAWS = 24  # faces of an expression that its template averages
APART = 0.5  # px of the canonical frame; less is no movement
HEADS = ("id00003", "id00009")  # drawn heads that say voices
EVERY = 5  # video frames; expressions change slowly
TURNS = (-2.0, -1.0, 0.0, 1.0, 2.0)
SPLITS = {  # actors 1 to 10 train step 2, 11 and 12 choose; ACTORS are the test
    f"Actor_{n:02}": "train" if n < 11 else "val" if n < 13 else "test"
    for n in range(1, 17)
}
SEEDS = (0, 1)  # the second with many steps alone
TRUTH, LONGER = "drawn faces", f"{FULL}, 4 x the steps"
KNOWN = f"{LONGER}, on actors who train"


def gestures(moved: np.ndarray) -> dict[str, float]:
    """Brows up, corners up, lips open, px of the canonical frame, of displacements."""
    face = to_canonical(mean_face())[:, :2]
    found = {
        n: float(x.mean())
        for n, x in measures((face + moved).reshape(-1, 68, 2)).items()
    }
    return {
        "brows": (found["left brow"] + found["right brow"]) / 2,
        "corners": (found["left corner"] + found["right corner"]) / 2,
        "lips": found["lip opening"],
    }


def drawn(identity: Identity, weights: Mapping[str, float]) -> np.ndarray:
    """Landmarks of a drawn face with an expression, float[68, 2], canonical frame."""
    controls = {name: np.full(2, weights.get(name, 0.0)) for name in CONTROLS}
    points = project(identity, pose_face(identity, controls), controls)
    aligned = aligned_landmarks(points, to_canonical(mean_face()), "kabsch")
    return np.asarray(aligned.mean(0))


@lru_cache
def templates() -> dict[str, np.ndarray]:
    """Displacement of each of FOUR from the neutral face: float[68, 2] px."""
    found = {}
    for name in FOUR.values():
        moved = []
        for number in range(DRAWS):
            rng = np.random.default_rng(number)
            state, identity = draw_state(name, rng), Identity.random(rng)
            shown = dict(zip(EXPRESSIONS[:-1], state.expression, strict=False))
            moved.append(drawn(identity, shown) - drawn(identity, {}))
        found[name] = np.mean(moved, 0)
    return {name: one - found["neutral"] for name, one in found.items()}


def nearest(moved: np.ndarray) -> str:
    """Which of FOUR a mean displacement float[68, 2] is nearest to, by L1."""
    return min(templates(), key=lambda name: np.abs(moved - templates()[name]).mean())


def own_faces(
    predictor: FacePredictor, samples: np.ndarray, hears: VoiceExpressions
) -> np.ndarray:
    """Mean displacement by a voice's own emotion, from neutral: float[68, 2] px."""
    codes = predictor.encode(samples)
    own = predictor.own(samples, Curve.parse(AMOUNT), hears)
    calm = Dial.of("calm")
    faces = [predictor.displace(codes, dial) for dial in (own, calm)]
    return np.asarray((faces[0] - faces[1]).mean(0))


def actors_voices(data: Path) -> pd.DataFrame:
    """The held-out actors' clips: actor, mood (as the layout's video), file."""
    index = read_corpus(data / "ravdess_audio", "ravdess").index
    held = index[index["speaker"].isin(ACTORS)]
    files = [data / "ravdess_audio" / sound for sound in held["sound"]]
    return held.assign(file=files)


def heard_moods(
    predictor: FacePredictor, voices: pd.DataFrame, enrolled: bool
) -> pd.DataFrame:
    """What is heard of each voice, and what its face does."""
    rows = []
    for actor, own in voices.groupby("speaker"):
        sounds = {row.file: read_audio(row.file) for row in own.itertuples()}
        hears = shipped_voice_expressions()
        if enrolled:
            hears = hears.enrol(list(sounds.values()))
        for row in own.itertuples():
            samples = sounds[row.file]
            softmax = hears.tell(samples)[1].mean(0)
            moved = own_faces(predictor, samples, hears)
            rows.append(
                {
                    "actor": actor,
                    "mood": row.video,
                    "emotion": row.emotion,
                    "heard": EXPRESSIONS[softmax.argmax()],
                    "arousal": sharpened(softmax[None])[0] @ CIRCUMPLEX[:, 0],
                    "face": nearest(moved),
                    **gestures(moved),
                }
            )
    return pd.DataFrame(rows)


def share(
    name: str, hits: Sequence[bool], groups: Sequence[str], least: float, how: str
) -> None:
    """Enter a share of clips with its interval over actors."""
    found = bootstrap(list(map(float, hits)), list(groups), np.random.default_rng(0))
    where = (
        f"{how}; {len(hits)} clips, 95 % interval {found.low:.2f} to {found.high:.2f}"
    )
    target, meets = (f">= {least:g}", bool(found.mean >= least)) if least else ("", "")
    enter(TOPIC, name, found.mean, "share", target, meets, where)
    print(f"{name}: {found.mean:.3f} [{found.low:.2f}, {found.high:.2f}] {target}")


def enter_faces(found: pd.DataFrame, who: str, group: str, bounds: bool, how: str):
    """Enter what the faces show of their moods."""
    four = found[found["mood"].isin(FOUR)]
    least = (0.7, 0.85, 0.8, 0.65) if bounds else (0, 0, 0, 0)
    right = four["face"] == four["mood"].map(FOUR)
    name = f"{who}: face nearest to its mood's, of four"
    share(name, right, four[group], least[0], how)
    calm = found[found["mood"] == "calm"].groupby(group)[["brows", "corners"]].mean()
    apart = found[["brows", "corners"]] - calm.reindex(found[group]).to_numpy()
    for mood, measure, sign, bound, said in (
        ("angry", "brows", -1, least[1], "brows below calm's"),
        ("happy", "corners", 1, least[2], "corners above calm's"),
        ("sad", "corners", -1, least[3], "corners below calm's"),
    ):
        some = found["mood"] == mood
        moved = sign * apart.loc[some, measure] > APART
        share(f"{who}: {mood}, {said}", moved, found.loc[some, group], bound, how)


def enter_moods(found: pd.DataFrame, who: str, group: str, bounds: bool, how: str):
    """Enter what is heard and what the faces do."""
    enter_faces(found, who, group, bounds, how)
    right = found["heard"] == found["emotion"]
    share(f"{who}: heard, of seven", right, found[group], 0, how)
    stirred = found[~found["emotion"].isin(["neutral", "disgust"])]
    asked = np.where(stirred["emotion"] == "sadness", -1, 1)
    right = np.sign(stirred["arousal"]) == asked
    least = 0.85 if bounds else 0
    share(f"{who}: sign of arousal", right, stirred[group], least, how)


def voices(data: Path, predictor: FacePredictor) -> None:
    """Actors 13 to 16, unknown and enrolled; EmoDB's speaker."""
    how = "benchmarks/real_emotion.py DATA voices"
    held = actors_voices(data)
    for enrolled, who in ((False, "actors 13 to 16"), (True, "the same, enrolled")):
        found = heard_moods(predictor, held, enrolled)
        enter_moods(found, who, "actor", not enrolled, how)
        print(pd.crosstab(found["mood"], found["face"]))
    root = data / "emodb_sample"
    letters = {"W": "anger", "E": "disgust", "A": "fear", "F": "happiness"}
    letters |= {"T": "sadness", "N": "neutral"}
    shown = {own: mood for mood, own in FOUR.items()}
    files = [one for one in sorted(root.glob("*.wav")) if one.stem[5] in letters]
    labels = [letters[one.stem[5]] for one in files]
    german = pd.DataFrame({"file": files, "emotion": labels, "speaker": "03"})
    german["video"] = [shown.get(label, label) for label in labels]
    enter_moods(heard_moods(predictor, german, False), "EmoDB", "mood", False, how)


def read_faces(view: Preview, moods: Sequence[str] = EXPRESSIONS) -> np.ndarray:
    """Mean softmax of the expression model over rendered frames, of some classes."""
    numbers = range(0, view.count, EVERY)
    frames = np.stack([view.frame(number) for number in numbers])
    faces = np.stack([view.poses[number].face for number in numbers])
    softmax = recognise(shipped_expressions(), frames, faces).mean(0)
    return softmax[[EXPRESSIONS.index(mood) for mood in moods]]


def heads(folder: Path) -> list[Face]:
    """Drawn heads at rest, as photographs."""
    found = []
    for name in HEADS:
        rest = np.zeros((1, len(CONTROLS)))
        (picture,) = draw_faces(
            identity_of(draw_speaker(name, generator(0, name))), rest
        )
        Image.fromarray(picture).save(folder / f"{name}.png")
        found.append(Face(read_portrait(folder / f"{name}.png")))
    return found


def frames(data: Path, predictor: FacePredictor) -> None:
    """Rendered frames of a drawn head, read by the expression model."""
    how = "benchmarks/real_emotion.py DATA frames: the warp, a drawn head"
    held = actors_voices(data)
    held = held[held["video"].isin(FOUR)]
    with tempfile.TemporaryDirectory() as folder:
        faces, hits = heads(Path(folder)), []
        for number, row in enumerate(held.itertuples()):
            voice = read_voice(row.file)
            view = Preview(voice, faces[number % len(faces)], predictor)
            view.turn(predictor.own(voice.samples, Curve.parse(AMOUNT)))
            seen = read_faces(view, FOURS)
            hits.append(FOURS[seen.argmax()] == row.emotion)
    name = "actors 13 to 16: frames read as their mood, of four"
    share(name, hits, held["speaker"], 0.55, how)


def dial(data: Path, predictor: FacePredictor) -> None:
    """Arousal and valence, -2 to 2, of photographs and drawn heads."""
    how = "benchmarks/real_emotion.py DATA dial: 5 faces, 4 voices of actor 13"
    some = actors_voices(data).groupby("video").head(1).head(4)
    with tempfile.TemporaryDirectory() as folder:
        faces = heads(Path(folder))
        for path in ("biden.jpg", "obama.jpg", "obama_2.jpg"):
            faces.append(Face(read_portrait(data / "portraits" / path)))
        rows = []
        for file in some["file"]:
            voice = read_voice(file)
            codes = predictor.encode(voice.samples)
            for axis in ("arousal", "valence"):
                ends = [
                    predictor.displace(codes, Dial.of(t, axis)) for t in (-2.0, 2.0)
                ]
                low, high = (gestures(one) for one in ends)
                rows.append({"axis": axis, **{n: high[n] - low[n] for n in low}})
            for face in faces:
                view = Preview(voice, face, predictor)
                seen = []
                for turn in TURNS:
                    view.turn(Dial.of(turn, "valence"))
                    seen.append(read_faces(view, ("happiness",))[0])
                rows.append({"axis": "read", "rises": bool((np.diff(seen) > 0).all())})
    found = pd.DataFrame(rows).groupby("axis").mean(numeric_only=False)
    valence = 100 * max(abs(found.loc["valence", ["corners", "brows"]])) / EYE_DISTANCE
    enter(
        TOPIC,
        "valence -2 to 2: corners or brows move",
        float(valence),
        "% of eye distance",
        ">= 5",
        bool(valence >= 5),
        how,
    )
    lips = float(found.loc["arousal", "lips"])
    enter(
        TOPIC, "arousal -2 to 2: lips open further", lips, "px", ">= 2", lips >= 2, how
    )
    rises = float(found.loc["read", "rises"])
    enter(
        TOPIC,
        "valence: happiness read rises at every step",
        rises,
        "share",
        ">= 0.8",
        rises >= 0.8,
        how,
    )
    print(found)


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
        made[LONGER] = train_rows((FULL,), clips, content, folder / "longer", many)[
            FULL
        ]
        for name, (style, _) in made.items():
            known = voice if name in (FULL, LONGER) else None
            tables.append(shown_by(name, style, content, clips, known))
        tables.append(on_known(made[LONGER][0], content, clips).assign(method=KNOWN))
    enter_trained(pd.concat(tables, ignore_index=True))


def on_known(
    style: StyleBranch, content: ContentBranch, clips: Sequence[Clip]
) -> pd.DataFrame:
    """Faces of the training clips themselves."""
    own = [clip for clip in split(clips, "train") if clip.video in FOUR]
    moved = style_displacements(style, own, content_codes(content, own))
    pairs = zip(moved, own, strict=True)
    return faces_of(moved, [one for one, clip in pairs if clip.video == "calm"], own)


def enter_trained(found: pd.DataFrame) -> None:
    """Enter what the faces of each method show, and what it hears."""
    how = (
        "benchmarks/real_emotion.py DATA trained --ravdess RUN: actors 1 to 10 train, "
        "11 and 12 choose, 13 to 16 are the test; the tutorial's steps, 1 seed; with 4 "
        "x the steps 2"
    )
    for method, rows in found.groupby("method", sort=False):
        who = f"step 2 on actors: {method}"
        bounds = method == f"{LONGER}, mixture by the voice"
        enter_faces(rows, who, "actor", bounds, how)
        four = rows[rows["mood"].isin(FOUR)]
        for count, some in (("four", four), ("seven", rows)):
            if some[count].notna().all():
                right, name = some[count] == some["emotion"], f"mood heard, of {count}"
                share(f"{who}: {name}", right, some["actor"], 0, how)
        stirred = four[four["mood"] != "calm"]
        for name, part, unit in (
            ("LMD", rows, "px"),
            ("size", stirred, "of its mood's"),
        ):
            actors = part["actor"].tolist()
            each = bootstrap(part[name].tolist(), actors, np.random.default_rng(0))
            where = f"{how}; 95 % interval {each.low:.3f} to {each.high:.3f}"
            enter(TOPIC, f"{who}: {name}", each.mean, unit, "", "", where)
            print(f"{who}: {name}: {each}")
        print(pd.crosstab(four["mood"], four["face"]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"voices": voices, "frames": frames, "dial": dial}
    parser.add_argument("data", type=Path)
    parser.add_argument("parts", nargs="*", choices=[*parts, "trained"])
    parser.add_argument("--run", type=Path, default=None)
    parser.add_argument("--ravdess", type=Path, default=None, help="for `trained`")
    given = parser.parse_args()
    torch.set_num_threads(1)
    chosen = given.parts or [*parts, *["trained"] * bool(given.ravdess)]
    if "trained" in chosen:
        if not given.ravdess:
            parser.error("trained needs --ravdess RUN")
        trained(given.data, given.ravdess)
    if set(chosen) == {"trained"}:
        return
    predictor = load_predictor(given.run or best_run())
    for name in [name for name in chosen if name in parts]:
        parts[name](given.data, predictor)


if __name__ == "__main__":
    main()

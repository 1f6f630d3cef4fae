"""The emotion of real voices, on drawn faces and photographs.

What hears it was fitted on actors 1 to 12 of RAVDESS, and all choices were made on
them; the numbers are of actors 13 to 16, and of EmoDB's speaker, once. The face that is
asked for is that of the voice's own emotion less that of the same voice in a neutral
mood, mean over time. Intervals are over clips within actors.

PYTHONPATH=. python benchmarks/real_emotion.py DATA [PART ...]

DATA : a folder with ravdess_audio, emodb_sample and portraits; parts: blocks, voices,
frames, dial, lips, like.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from results import enter, enter_interval
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from emoface_lib.animation.animate import TrainedModel, best_run
from emoface_lib.animation.emotion_control import Dial, sharpened
from emoface_lib.animation.portrait import read_portrait
from emoface_lib.animation.predict import FacePredictor, load_predictor
from emoface_lib.animation.preview import Face, Preview
from emoface_lib.animation.voice import read_voice
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.landmarks import EYE_DISTANCE, mean_face
from emoface_lib.core.settings import load_settings
from emoface_lib.core.video import read_audio
from emoface_lib.corpora.index import read_corpus
from emoface_lib.evaluation.bootstrap import bootstrap
from emoface_lib.evaluation.lips import lip_measures
from emoface_lib.features.align import to_canonical
from emoface_lib.features.audio import log_mel
from emoface_lib.features.gestures import measures
from emoface_lib.features.phonetic import phonetic_code
from emoface_lib.features.prepared import aligned_landmarks
from emoface_lib.features.real_mouths import LATE, SPLITS, read_talker, real_mouths
from emoface_lib.features.voice_activity import speech_level, spoken
from emoface_lib.features.voice_expression import (
    LEVEL,
    VoiceExpressions,
    shipped_voice_expressions,
    statistics,
)
from emoface_lib.method.steps import split
from emoface_lib.synthetic.audio_only import audio_only_clips
from emoface_lib.synthetic.factors import CIRCUMPLEX, draw_state
from emoface_lib.synthetic.heads.shape import CONTROLS, Identity, pose_face, project
from emoface_lib.synthetic.portraits import CAST, resting_portrait
from tools.fit_voice_expressions import STRENGTH, TRAIN

TOPIC = "moods"
ACTORS = tuple(f"Actor_{number}" for number in (13, 14, 15, 16))
FOUR = {"calm": "neutral", "happy": "happiness", "sad": "sadness", "angry": "anger"}
FOURS = tuple(FOUR.values())
DRAWS = 24  # faces of an expression that its template averages
APART = 0.5  # px of the canonical frame; less is no movement
EVERY = 5  # video frames; expressions change slowly
FALL = 0.005  # in a softmax; less is no movement
TURNS = (-2.0, -1.0, 0.0, 1.0, 2.0)


def gestures(moved: np.ndarray) -> dict[str, float]:
    """Brows up, corners up, lips open, px of the canonical frame, of displacements."""
    face = to_canonical(mean_face())[:, :2]
    seen = measures((face + moved).reshape(-1, 68, 2))
    found = {name: float(x.mean()) for name, x in seen.items()}
    return {
        "brows": (found["left brow"] + found["right brow"]) / 2,
        "corners": (found["left corner"] + found["right corner"]) / 2,
        "lips": found["lip opening"],
    }


@lru_cache
def mood_reader() -> Pipeline:
    """From a clip's mean displacement to its arousal and valence, of drawn faces."""
    settings = load_settings("tutorial", seed=500, features="log_mel")
    clips = audio_only_clips(settings, to_canonical(mean_face()), workers=1)
    faces = [clip.displacement.mean(0).flatten().numpy() for clip in clips]
    moods = [(clip.arousal, clip.valence) for clip in clips]
    reader = make_pipeline(StandardScaler(), RidgeCV(10.0 ** np.arange(5)))
    return reader.fit(faces, moods)


def read_mood(moved: np.ndarray) -> dict[str, float]:
    """Arousal and valence that displacements show, float[F, 68, 2] px."""
    arousal, valence = mood_reader().predict(moved.mean(0).reshape(1, -1))[0]
    return {"the arousal shown": arousal, "the valence shown": valence}


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
    predictor: FacePredictor, samples: np.ndarray, hears: VoiceExpressions | None
) -> np.ndarray:
    """Mean displacement by a voice's own emotion, from neutral: float[68, 2] px.

    hears : None leaves it to E_emotion.
    """
    codes, own = predictor.encode(samples), Dial.of(0.0)
    if hears:
        own = predictor.own(hears.tell(samples))
    calm = Dial.of("calm")
    faces = [predictor.displace(codes, dial) for dial in (own, calm)]
    return np.asarray((faces[0] - faces[1]).mean(0))


def voices_of(root: Path, layout: str) -> pd.DataFrame:
    """The clips of a corpus with their files; the layout's video names the mood."""
    index = read_corpus(root, layout).index
    return index.assign(file=[root / sound for sound in index["sound"]])


def actors_voices(data: Path) -> pd.DataFrame:
    """The held-out actors' clips."""
    found = voices_of(data / "ravdess_audio", "ravdess")
    return found[found["speaker"].isin(ACTORS)]


def heard_moods(
    predictor: FacePredictor, voices: pd.DataFrame, how: str = "own"
) -> pd.DataFrame:
    """What is heard of each voice, and what its face does.

    how : "own", "enrolled", or "as heard" by E_emotion alone.
    """
    rows = []
    for actor, own in voices.groupby("speaker"):
        sounds = {row.file: read_audio(row.file) for row in own.itertuples()}
        hears = shipped_voice_expressions()
        if how == "enrolled":
            hears = hears.enrol(list(sounds.values()))
        for row in own.itertuples():
            samples = sounds[row.file]
            softmax = hears.tell(samples)[1].mean(0)
            asked = None if how == "as heard" else hears
            moved = own_faces(predictor, samples, asked)
            rows.append(
                {
                    "actor": actor,
                    "clip": row.file.stem,
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
    target = f">= {least:g}" if least else ""
    enter_interval(TOPIC, name, found, "share", f"{how}; {len(hits)} clips", target)


def enter_faces(
    found: pd.DataFrame, who: str, group: str, bounds: bool, how: str
) -> None:
    """Enter what the faces show of their moods."""
    four = found[found["mood"].isin(FOUR)]
    least = (0.7, 0.85, 0.8, 0.65) if bounds else (0, 0, 0, 0)
    name = f"{who}: face nearest to its mood's, of four"
    share(name, four["face"] == four["mood"].map(FOUR), four[group], least[0], how)
    calm = found[found["mood"] == "calm"].groupby("actor")[["brows", "corners"]].mean()
    apart = found[["brows", "corners"]] - calm.reindex(found["actor"]).to_numpy()
    for mood, measure, sign, bound, said in (
        ("angry", "brows", -1, least[1], "brows below calm's"),
        ("angry", "corners", 1, 0, "corners above calm's"),
        ("happy", "corners", 1, least[2], "corners above calm's"),
        ("sad", "corners", -1, least[3], "corners below calm's"),
    ):
        some = found["mood"] == mood
        moved = sign * apart.loc[some, measure] > APART
        share(f"{who}: {mood}, {said}", moved, found.loc[some, group], bound, how)


def enter_ear(
    found: pd.DataFrame, who: str, group: str, bounds: bool, how: str
) -> None:
    """Enter what the regression hears."""
    name = f"{who}: heard, of seven"
    share(name, found["heard"] == found["emotion"], found[group], 0, how)
    stirred = found[~found["emotion"].isin(["neutral", "disgust"])]
    asked = np.where(stirred["emotion"] == "sadness", -1, 1)
    right = np.sign(stirred["arousal"]) == asked
    least = 0.85 if bounds else 0
    share(f"{who}: sign of arousal", right, stirred[group], least, how)


def voices(data: Path, predictor: FacePredictor) -> None:
    """Actors 13 to 16, unknown and enrolled; EmoDB's speaker."""
    how = "benchmarks/real_emotion.py DATA voices"
    held = actors_voices(data)
    named = {"own": "actors 13 to 16", "enrolled": "the same, enrolled"}
    for ear, who in (named | {"as heard": "the same, E_emotion alone"}).items():
        found = heard_moods(predictor, held, ear)
        enter_faces(found, who, "actor", ear == "own", how)
        if ear != "as heard":
            enter_ear(found, who, "actor", ear == "own", how)
        print(pd.crosstab(found["mood"], found["face"]))
    german = voices_of(data / "emodb_sample", "emo-db")
    german = german[german["video"] != "boredom"]
    moods = {own: mood for mood, own in FOUR.items()}
    found = heard_moods(predictor, german.replace({"video": moods}))
    enter_faces(found, "EmoDB", "clip", False, how)
    enter_ear(found, "EmoDB", "clip", False, how)


def read_faces(view: Preview, moods: Sequence[str] = EXPRESSIONS) -> np.ndarray:
    """Mean softmax of the expression model over rendered frames, of some classes."""
    softmax = view.readings(range(0, view.count, EVERY)).mean(0)
    return softmax[[EXPRESSIONS.index(mood) for mood in moods]]


def heads(folder: Path) -> list[Face]:
    """Drawn heads at rest, as photographs."""
    for name in CAST[:2]:
        Image.fromarray(resting_portrait(name)).save(folder / f"{name}.png")
    return [Face(read_portrait(folder / f"{name}.png")) for name in CAST[:2]]


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
            view.turn(predictor.own(voice.told))
            hits.append(FOURS[read_faces(view, FOURS).argmax()] == row.emotion)
    name = "actors 13 to 16: frames read as their mood, of four"
    share(name, hits, held["speaker"], 0.55, how)


def dial(data: Path, predictor: FacePredictor) -> None:
    """Arousal and valence, -2 to 2, of photographs and drawn heads.

    Two bounds are out of reach. Brows: drawn faces lift them with valence, by 1.35 px a
    unit, more than with arousal, 0.41, and no two directions of E_emotion part them
    that keep the other bounds. Happiness read: a photograph that grins is read as happy
    at every setting, 1.00, and a drawn head below 0 as not at all, 0.0003, so that
    rounding decides whether it rises; it falls by more in 1 case of 20.
    """
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
                low, high = ({**gestures(one), **read_mood(one)} for one in ends)
                rows.append({"axis": axis, **{n: high[n] - low[n] for n in low}})
            for face in faces:
                view = Preview(voice, face, predictor)
                seen = []
                for turn in TURNS:
                    view.turn(Dial.of(turn, "valence"))
                    seen.append(read_faces(view, ("happiness",))[0])
                print(file.stem, np.round(seen, 4), flush=True)
                least = float(np.diff(seen).min())
                told = {"rises": least > 0, "stays": least > -FALL}
                rows.append({"axis": "read", **told})
    found = pd.DataFrame(rows).groupby("axis").mean(numeric_only=False)
    valence = 100 * max(abs(found.loc["valence", ["corners", "brows"]])) / EYE_DISTANCE
    name, unit = "valence -2 to 2: corners or brows move", "% of eye distance"
    enter(TOPIC, name, float(valence), unit, how, ">= 5")
    lips = float(found.loc["arousal", "lips"])
    enter(TOPIC, "arousal -2 to 2: lips open further", lips, "px", how, ">= 2")
    for first, second, moves in (
        ("arousal", "valence", "corners"),
        ("valence", "arousal", "brows"),
        ("valence", "arousal", "lips"),
        ("arousal", "valence", "the valence shown"),
        ("valence", "arousal", "the arousal shown"),
    ):
        part = abs(float(found.loc[first, moves] / found.loc[second, moves]))
        name = f"{first} -2 to 2 moves {moves}, share of what {second} does"
        enter(TOPIC, name, part, "share", how, "<= 0.333", part <= 1 / 3)
    rises, stays = map(float, found.loc["read", ["rises", "stays"]])
    name = "valence: happiness read rises at every step"
    enter(TOPIC, name, rises, "share", how, ">= 0.8")
    name = f"valence: happiness read falls by {FALL:g} at no step"
    enter(TOPIC, name, stays, "share", how)
    print(found)


def layers_of(samples: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics of speech in the log-mel and in each block of the recogniser."""
    scaled = samples * np.float32(10 ** ((LEVEL - speech_level(samples)) / 20))
    speech = np.repeat(spoken(samples), 2)
    found = {"log-mel": log_mel(scaled)}
    blocks = phonetic_code(scaled, 0, 1, 2, 3, 4)
    for number, code in enumerate(np.split(blocks, 5, axis=1)):
        found[f"block {number}"] = code
    whole = np.pad(speech, (0, len(blocks)))[: len(blocks)]
    return {name: statistics(code, whole) for name, code in found.items()}


def blocks(data: Path, _: FacePredictor) -> None:
    """Where emotion and speaker are, on the actors who train: linear probes."""
    index = voices_of(data / "ravdess_audio", "ravdess")
    index = index[index["speaker"].isin(TRAIN)]
    sounds = map(read_audio, index["file"])
    found = pd.DataFrame([layers_of(samples) for samples in sounds])
    who, mood = index["speaker"].to_numpy(), index["emotion"].to_numpy()
    first = (index["sentence"] == index["sentence"].iloc[0]).to_numpy()
    how = "benchmarks/real_emotion.py DATA blocks: actors 1 to 12"
    for layer in found:
        values = np.stack(found[layer].tolist())
        reader = LogisticRegression(C=STRENGTH, max_iter=500)
        probe = make_pipeline(StandardScaler(), reader)
        told = cross_val_predict(probe, values, mood, groups=who, cv=GroupKFold(4))
        name = f"{layer}: emotion, of seven"
        share(name, told == mood, who, 0, f"{how}, three left out")
        probe.fit(values[first], who[first])
        told = probe.predict(values[~first]) == who[~first]
        name = f"{layer}: speaker, of twelve, in another sentence"
        share(name, told, who[~first], 0, how)


def lips(_: Path, predictor: FacePredictor) -> None:
    """Whether the mood of a voice costs lip sync: GRID's talkers who are left out."""
    clips = split(real_mouths(predictor.settings, predictor.level), "real test")
    known = {clip.name: clip for clip in clips}
    rows = []
    for talker in SPLITS["real test"]:
        for name, samples, _ in zip(*read_talker(talker), strict=True):
            late = np.pad(samples, (LATE, 0))[:-LATE]
            codes = predictor.encode(late)
            own = predictor.own(shipped_voice_expressions().tell(late))
            clip = known[f"{talker}/{name}"]
            for how, dial in (("as heard", Dial.of(0.0)), ("own", own)):
                moved = torch.from_numpy(predictor.displace(codes, dial))
                moved = moved.repeat_interleave(2, 0)[: len(clip.landmarks)]
                rows.append({"how": how, "r": lip_measures(moved, clip)["lip r"]})
    found = pd.DataFrame(rows).groupby("how")["r"].mean()
    lost = float(found["as heard"] - found["own"])
    name = "lip r that the mood of a voice costs, GRID's talkers left out"
    how = "benchmarks/real_emotion.py DATA lips"
    enter(TOPIC, name, lost, "r", how, "<= 0.02")
    print(found)


def like(data: Path, predictor: FacePredictor) -> None:
    """A calm voice said like another recording, of the same actor and of another."""
    held, calm = actors_voices(data), Dial.of("calm")
    held = held[held["video"].isin(FOUR)]
    asked = {file: TrainedModel().like(file) for file in held["file"]}
    calm_ones = held.loc[held["video"] == "calm", "file"]
    codes = {file: predictor.encode(read_audio(file)) for file in calm_ones}
    of = held.groupby(["speaker", "video"])["file"].apply(list)
    for who, step in (("the same actor's", 0), ("another actor's", 1)):
        rows = []
        for number, actor in enumerate(ACTORS):
            other = ACTORS[(number + step) % len(ACTORS)]
            for mood, expression in FOUR.items():
                recordings = np.roll(of[other, mood], 1)  # another sentence's
                for voice, recording in zip(of[actor, "calm"], recordings, strict=True):
                    mine, dials = codes[voice], (asked[recording], calm)
                    faces = [predictor.displace(mine, one) for one in dials]
                    shown = nearest((faces[0] - faces[1]).mean(0))
                    rows.append((actor, shown == expression))
        actors, hits = zip(*rows, strict=True)
        name = f"a calm voice like {who} recording: face nearest to its mood's, of four"
        share(name, hits, actors, 0, "benchmarks/real_emotion.py DATA like")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"blocks": blocks, "voices": voices, "frames": frames, "dial": dial}
    parts |= {"lips": lips, "like": like}
    parser.add_argument("data", type=Path)
    parser.add_argument("parts", nargs="*", choices=list(parts))
    parser.add_argument("--run", type=Path, default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    predictor = load_predictor(given.run or best_run())
    for name in given.parts or parts:
        parts[name](given.data, predictor)


if __name__ == "__main__":
    main()

"""Steps 1 and 2 on speakers never heard: what style, contrast and enrolment are worth.

Settings were chosen on the embedded corpus of seed 100; the numbers here are of seed
200, with other speakers and sentences, which some later choices have seen, too (none
has seen those of transfer.py). All clips are audio-only (true landmarks), and ES reads
landmarks; seeds of training are paired over methods; intervals are over test speakers
and seeds.

python benchmarks/style.py [PART ...]; parts: ablation, blindness, features, enrolment,
guess
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from audio import hear_corpus
from audio import train as train_autovc
from results import enter
from studies import (
    SPEAKERS,
    TEST_SPEAKERS,
    clips_of,
    enter_interval,
    interval,
    settings_of,
)

from emoface_lib.animation.animate import SHIPPED
from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.settings import load_settings
from emoface_lib.evaluation.bootstrap import Interval, difference
from emoface_lib.evaluation.experiment import CODES, Experiment, Trial, study_settings
from emoface_lib.evaluation.probes import Probe
from emoface_lib.evaluation.rows import (
    ABLATION,
    FLOORS,
    FULL,
    IMPROVED,
    MEAN_DISPLACEMENT,
    NO_STYLE,
    PLAIN,
    STATIC,
    train_rows,
)
from emoface_lib.evaluation.scoring import LandmarkExpressions, landmark_scores
from emoface_lib.features.align import to_canonical
from emoface_lib.features.voice_conversion import load_features
from emoface_lib.method.displacements import content_codes, style_displacements
from emoface_lib.method.enrolment import SpeakerGuess, enrolled, enrolled_by
from emoface_lib.method.steps import load_content, split, train_content
from emoface_lib.synthetic.audio_only import audio_only_clips

TOPIC = "style"
CORPUS = 200
SEEDS = (0, 1, 2)
FEWER_SEEDS = (0, 1, 2)
KINDS = ("phonetic", "log_mel", "codes", "autovc")  # the first is the default
GUESSED = (32, 100, 300, 1000)  # speakers who teach the guess of m_spk


def how(part: str, seeds: Sequence[int]) -> str:
    return (
        f"benchmarks/style.py {part}: corpus seed {CORPUS}, {SPEAKERS} training and "
        f"{TEST_SPEAKERS} test speakers, audio-only, {len(seeds)} paired seeds"
    )


def level(scores: pd.DataFrame, method: str, metric: str) -> Interval:
    rows = (scores["method"] == method) & (scores["metric"] == metric)
    return interval(scores[rows])


def enter_levels(found: pd.DataFrame, regime: str, source: str) -> None:
    for method in dict.fromkeys(found["method"]):
        for metric, unit in (("LMD", "px"), ("ES", ""), ("lip r", "r")):
            if metric == "lip r" and method in (STATIC, MEAN_DISPLACEMENT):
                continue
            value = level(found, method, metric)
            enter_interval(TOPIC, f"{regime}: {metric}, {method}", value, unit, source)


def enter_difference(
    found: pd.DataFrame,
    regime: str,
    first: str,
    second: str,
    metric: str,
    source: str,
    least: float | None = None,
) -> Interval:
    """Enter a paired difference; `least` is how much better the target asks."""
    change = difference(found, first, second, metric, np.random.default_rng(0))
    sign = -1 if metric == "LMD" else 1
    apart = (
        max(sign * change.low, sign * change.high)
        > 0
        > -min(sign * change.low, sign * change.high)
    )
    target, meets = "", ""
    if least is not None:
        bound = f"{'<=' if sign < 0 else '>='} {sign * least:.3g}"
        target = f"{bound}, interval apart from 0"
        meets = bool(sign * change.mean >= least and apart)
    name = f"{regime}: {metric}, {first} minus {second}"
    enter_interval(
        TOPIC, name, change, "px" if metric == "LMD" else "", source, target, meets
    )
    return change


def enter_codes(found: pd.DataFrame, regime: str, source: str) -> None:
    """What E_emotion tells of test speakers, mean over seeds."""
    goals = {
        "arousal r": (">= 0.75", 0.75, 1),
        "share of the speaker": ("<= 0.1", 0.1, -1),
    }
    facts = found[found["protocol"] == CODES]
    means = facts.groupby(["method", "metric"])["value"].agg(["mean", "min", "max"])
    for (method, fact), row in means.iterrows():
        target, meets = "", ""
        if method == "improved" and fact in goals:
            target, bound, sign = goals[fact]
            meets = bool(sign * row["mean"] >= sign * bound)
        name = f"{regime}: E_emotion, {fact}, {method}"
        spread = f"{source}; seeds from {row['min']:.3f} to {row['max']:.3f}"
        enter(TOPIC, name, float(row["mean"]), "", target, meets, spread)


def ablation(clips: list[Clip]) -> None:
    """Style, contrast and the improved objective, by what content hears."""
    trials = [Trial(seed) for seed in SEEDS]
    blind, source = "content hears phones", how("ablation", SEEDS)
    found = Experiment(clips, settings_of(CORPUS), (*FLOORS, *ABLATION)).run(trials)
    enter_levels(found, blind, source)
    enter_codes(found, blind, source)
    none = level(found, NO_STYLE, "LMD").mean
    for method in ("full", "without L_emotion", "improved"):
        counts = method == "full"
        for metric, least in (("LMD", 0.04 * none), ("ES", 0.08)):
            enter_difference(
                found,
                blind,
                method,
                NO_STYLE,
                metric,
                source,
                least if counts else None,
            )
    enter_difference(found, blind, "improved", "without L_emotion", "ES", source, 0.05)
    enter_difference(found, blind, "improved", "without L_emotion", "LMD", source, 1e-9)
    for metric in ("LMD", "ES"):
        for second in (
            "without L_emotion",
            "L_identity alone",
            MEAN_DISPLACEMENT,
            STATIC,
        ):
            enter_difference(found, blind, "full", second, metric, source)
    plain, source = "content hears the log-mel", how("ablation", FEWER_SEEDS)
    trials = [Trial(seed) for seed in FEWER_SEEDS]
    mels = with_features(clips, [clip.log_mel.numpy() for clip in clips])
    hearing = settings_of(CORPUS, features="log_mel")
    found = Experiment(mels, hearing, (*FLOORS, *ABLATION)).run(trials)
    enter_levels(found, plain, source)
    for metric in ("LMD", "ES"):
        for method in ("full", "improved"):
            enter_difference(found, plain, method, NO_STYLE, metric, source)


def blindness(clips: list[Clip]) -> None:
    """What a linear probe reads of emotion in E_content, by what content hears."""
    mels = with_features(clips, [clip.log_mel.numpy() for clip in clips])
    heard = {"phones": (clips, "phonetic"), "the log-mel": (mels, "log_mel")}
    for name, (some, kind) in heard.items():
        found = []
        for seed in FEWER_SEEDS:
            own = settings_of(CORPUS, features=kind).changed(seed=seed)
            with tempfile.TemporaryDirectory() as folder:
                content, _ = train_content(some, Path(folder), own)
            coded = with_features(
                some, [code.numpy() for code, _ in content_codes(content, some)]
            )
            train, test = split(coded, "train"), split(coded, "test")
            for factor in ("arousal", "valence", "category"):
                generator = np.random.default_rng(seed)
                probe = Probe.learn(train, factor, generator)
                found.append((factor, probe.read(test, generator).score()))
        table = pd.DataFrame(found, columns=["factor", "score"]).groupby("factor")
        numbers = table["score"].agg(["mean", "min", "max"])
        for factor, (mean, low, high) in numbers.iterrows():
            where = how("blindness", FEWER_SEEDS)
            where = f"{where}; seeds from {low:.3f} to {high:.3f}"
            row = f"content hears {name}: {factor} from E_content"
            enter(TOPIC, row, float(mean), "", "", "", where)


def features() -> None:
    """Style by what it hears, beside the shipped content, which hears phones."""
    tutorial, tables = load_settings("tutorial"), []
    sizes = {"speakers": 24, "test_speakers": 16, "videos": 4}
    clips = clips_of(settings_of(CORPUS, **sizes), voices=True)
    content = load_content(SHIPPED / "content" / "model.safetensors")
    voices, others, known = hear_corpus(tutorial)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        train_autovc(voices + others, known, folder, tutorial)
        for kind in KINDS:
            own = study_settings(settings_of(CORPUS, **sizes, features_style=kind))
            made = load_features(folder, own)
            whole = [made.whole(c.features.numpy(), c.voice.numpy()) for c in clips]
            heard, rows = with_features(clips, whole), (NO_STYLE, FULL)
            trials = [Trial(seed) for seed in SEEDS]
            found = Experiment(heard, own, rows, content).run(trials)
            tables.append(found.replace({"method": {FULL: f"style hears {kind}"}}))
    found = pd.concat(tables).drop_duplicates(["method", "metric", "clip", "seed"])
    source = (
        f"benchmarks/style.py features: corpus seed {CORPUS}, 24 training and 16 test "
        f"speakers, audio-only, {len(SEEDS)} paired seeds of {own.style.steps} steps; "
        "shipped content, AutoVC of the tutorial"
    )
    for kind in KINDS:
        enter_level_and_worth(found, kind, source)


def enter_level_and_worth(found: pd.DataFrame, kind: str, source: str) -> None:
    """Enter scores of what style hears, and what is gained, paired."""
    name, regime = f"style hears {kind}", "content hears phones"
    for metric, unit in (("LMD", "px"), ("ES", "")):
        value = level(found, name, metric)
        enter_interval(TOPIC, f"{regime}: {metric}, {name}", value, unit, source)
        others = [NO_STYLE, f"style hears {KINDS[0]}"][: 1 + (kind != KINDS[0])]
        for other in others:
            enter_difference(found, regime, name, other, metric, source)


def enrolment(clips: list[Clip]) -> None:
    """The improved objective with fewer clips of a test speaker."""
    settings = settings_of(CORPUS)
    rows = []
    known = enrolled(clips)
    test = split(known, "test")
    reader = LandmarkExpressions.learn(split(clips, "train"))
    for seed in FEWER_SEEDS:
        one = settings.changed(seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            content, _ = train_content(known, Path(folder), one)
            made = train_rows((PLAIN, IMPROVED), known, content, Path(folder), one)
        (plain, _), (style, _) = made[PLAIN], made[IMPROVED]
        codes = content_codes(content, test)
        methods = {"without L_emotion": style_displacements(plain, test, codes)}
        for count in (1, 2, 4, 8):
            some = enrolled_by(test, count, np.random.default_rng(seed))
            methods[f"{count} clips"] = style_displacements(style, some, codes)
        alone = [enrolled([clip])[0] for clip in test]
        methods["the clip itself"] = style_displacements(style, alone, codes)
        guessed = SpeakerGuess.learn(known).enrol(test)
        methods["a guess from the clip"] = style_displacements(style, guessed, codes)
        methods["all clips"] = style_displacements(style, test, codes)
        rows.append(landmark_scores(methods, test, reader).assign(seed=seed))
    scores = pd.concat(rows)
    without = "without L_emotion"
    for metric in ("LMD", "ES"):
        change = difference(
            scores, "a guess from the clip", without, metric, np.random.default_rng(0)
        )
        name = f"improved, guessed from the clip, minus {without}: {metric}"
        enter_interval(TOPIC, name, change, "", how("enrolment", FEWER_SEEDS))
    for method in dict.fromkeys(scores["method"]):
        for metric, unit in (("LMD", "px"), ("ES", "")):
            value = level(scores, method, metric)
            name = f"improved, speaker enrolled by {method}: {metric}"
            enter_interval(TOPIC, name, value, unit, how("enrolment", FEWER_SEEDS))


def guess(clips: list[Clip]) -> None:
    """How far a guess of m_spk from one clip is off, by the speakers who taught it.

    The error is the share that is left of the variance of m_spk between test speakers.
    """
    test = split(enrolled(clips), "test")
    truth = torch.stack([clip.speaker_mean for clip in test])
    whole = ((truth - truth.mean(0)) ** 2).sum()
    many = settings_of(CORPUS, max(GUESSED), videos=3)  # as many videos as the tutorial
    face = to_canonical(mean_face())
    known = enrolled(audio_only_clips(many, face, workers=1, voices=True))
    names = list(dict.fromkeys(clip.speaker for clip in known))
    ways = {"the clip itself": [enrolled([clip])[0] for clip in test]}
    for name, count in (("one other clip", 1), ("four other clips", 4)):
        ways[name] = enrolled_by(test, count, np.random.default_rng(0))
    for count in GUESSED:
        some = set(names[:count])
        learnt = SpeakerGuess.learn([clip for clip in known if clip.speaker in some])
        ways[f"a guess taught by {count} speakers"] = learnt.enrol(test)
    source = (
        f"benchmarks/style.py guess: corpus seed {CORPUS}, {TEST_SPEAKERS} test "
        "speakers of 12 clips, 4 clips of each who teaches, features = phonetic"
    )
    for way, found in ways.items():
        means = torch.stack([clip.speaker_mean for clip in found])
        left = ((means - truth) ** 2).sum(1) / whole * len(test)
        rows = pd.DataFrame({"value": left, "speaker": [c.speaker for c in test]})
        name = f"m_spk by {way}: share of its variance left"
        enter_interval(TOPIC, name, interval(rows.assign(seed=0)), "", source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {
        "ablation": ablation,
        "blindness": blindness,
        "features": lambda _: features(),
        "enrolment": enrolment,
        "guess": guess,
    }
    parser.add_argument("parts", nargs="*", choices=list(parts))
    chosen = parser.parse_args().parts or list(parts)
    some = set(chosen) - {"features"}
    clips = clips_of(settings_of(CORPUS), voices=True) if some else []
    for name in chosen:
        parts[name](clips)


if __name__ == "__main__":
    main()

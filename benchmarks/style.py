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
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from audio import hear_corpus
from audio import train as train_autovc
from results import APART, enter_interval, enter_seeds
from studies import SPEAKERS, TEST_SPEAKERS, as_mel, clips_of, interval, settings_of

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
    IDENTITY,
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
METRICS = ("LMD", "ES")
UNITS = {"LMD": "px", "ES": "", "lip r": "r"}
KINDS = ("phonetic", "log_mel", "codes", "autovc")  # the first is the default
GUESSED = (32, 100, 300, 1000)  # speakers who teach the guess of m_spk


def how(part: str) -> str:
    return (
        f"benchmarks/style.py {part}: corpus seed {CORPUS}, {SPEAKERS} training and "
        f"{TEST_SPEAKERS} test speakers, audio-only, {len(SEEDS)} paired seeds"
    )


def level(scores: pd.DataFrame, method: str, metric: str) -> Interval:
    rows = (scores["method"] == method) & (scores["metric"] == metric)
    return interval(scores[rows])


def enter_levels(found: pd.DataFrame, regime: str, source: str) -> None:
    for method in dict.fromkeys(found["method"]):
        for metric, unit in UNITS.items():
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
    target: str = "",
) -> None:
    """Enter a paired difference; with a target, its interval must lie apart from 0."""
    change = difference(found, first, second, metric, np.random.default_rng(0))
    name = f"{regime}: {metric}, {first} minus {second}"
    aim = target and target + APART
    enter_interval(TOPIC, name, change, UNITS[metric], source, aim)


def enter_codes(found: pd.DataFrame, regime: str, source: str) -> None:
    """What E_emotion tells of test speakers, mean over seeds."""
    goals = {"arousal r": ">= 0.75", "share of the speaker": "<= 0.1"}
    facts = found[found["protocol"] == CODES]
    for (method, fact), own in facts.groupby(["method", "metric"]):
        target = goals.get(fact, "") if method == IMPROVED else ""
        name = f"{regime}: E_emotion, {fact}, {method}"
        enter_seeds(TOPIC, name, own["value"], "", source, target)


def ablation(clips: list[Clip]) -> None:
    """Style, contrast and the improved objective, by what content hears."""
    trials, source = [Trial(seed) for seed in SEEDS], how("ablation")
    regime = "content hears phones"
    found = Experiment(clips, settings_of(CORPUS), (*FLOORS, *ABLATION)).run(trials)
    enter_levels(found, regime, source)
    enter_codes(found, regime, source)
    least = {"LMD": f"<= {-0.04 * level(found, NO_STYLE, 'LMD').mean:.3g}"}
    least["ES"] = ">= 0.08"
    beside = {"LMD": "<= -1e-09", "ES": ">= 0.05"}
    for metric in METRICS:
        for first, second, target in (
            (FULL, NO_STYLE, least[metric]),
            (PLAIN, NO_STYLE, ""),
            (IMPROVED, NO_STYLE, ""),
            (IMPROVED, PLAIN, beside[metric]),
            *((FULL, row, "") for row in (PLAIN, IDENTITY, MEAN_DISPLACEMENT, STATIC)),
        ):
            enter_difference(found, regime, first, second, metric, source, target)
    regime, mels = "content hears the log-mel", as_mel(clips)
    hearing = settings_of(CORPUS, features="log_mel")
    found = Experiment(mels, hearing, (*FLOORS, *ABLATION)).run(trials)
    enter_levels(found, regime, source)
    for metric in METRICS:
        for method in (FULL, IMPROVED):
            enter_difference(found, regime, method, NO_STYLE, metric, source)


def blindness(clips: list[Clip]) -> None:
    """What a linear probe reads of emotion in E_content, by what content hears."""
    heard = {"phones": (clips, "phonetic"), "the log-mel": (as_mel(clips), "log_mel")}
    for name, (some, kind) in heard.items():
        found: dict[str, list[float]] = {"arousal": [], "valence": [], "category": []}
        for seed in SEEDS:
            own = settings_of(CORPUS, features=kind).changed(seed=seed)
            with tempfile.TemporaryDirectory() as folder:
                content, _ = train_content(some, Path(folder), own)
            codes = [code.numpy() for code, _ in content_codes(content, some)]
            coded = with_features(some, codes)
            train, test = split(coded, "train"), split(coded, "test")
            for factor, scores in found.items():
                generator = np.random.default_rng(seed)
                probe = Probe.learn(train, factor, generator)
                scores.append(probe.read(test, generator).score())
        for factor, scores in found.items():
            row = f"content hears {name}: {factor} from E_content"
            enter_seeds(TOPIC, row, scores, "", how("blindness"))


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
    regime = "content hears phones"
    for kind in KINDS:
        name = f"style hears {kind}"
        others = [NO_STYLE, f"style hears {KINDS[0]}"][: 1 + (kind != KINDS[0])]
        for metric in METRICS:
            value, row = level(found, name, metric), f"{regime}: {metric}, {name}"
            enter_interval(TOPIC, row, value, UNITS[metric], source)
            for other in others:
                enter_difference(found, regime, name, other, metric, source)


def enrolment(clips: list[Clip]) -> None:
    """The improved objective with fewer clips of a test speaker."""
    settings = settings_of(CORPUS)
    rows = []
    known = enrolled(clips)
    test = split(known, "test")
    reader = LandmarkExpressions.learn(split(clips, "train"))
    for seed in SEEDS:
        one = settings.changed(seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            content, _ = train_content(known, Path(folder), one)
            made = train_rows((PLAIN, IMPROVED), known, content, Path(folder), one)
        (plain, _), (style, _) = made[PLAIN], made[IMPROVED]
        codes = content_codes(content, test)
        methods = {PLAIN: style_displacements(plain, test, codes)}
        for count in (1, 2, 4, 8):
            some = enrolled_by(test, count, np.random.default_rng(seed))
            methods[f"{count} clips"] = style_displacements(style, some, codes)
        alone = [enrolled([clip])[0] for clip in test]
        methods["the clip itself"] = style_displacements(style, alone, codes)
        guessed = SpeakerGuess.learn(known).enrol(test)
        methods["a guess from the clip"] = style_displacements(style, guessed, codes)
        methods["all clips"] = style_displacements(style, test, codes)
        rows.append(landmark_scores(methods, test, reader).assign(seed=seed))
    scores, source = pd.concat(rows), how("enrolment")
    for metric in METRICS:
        pair = "a guess from the clip", PLAIN
        change = difference(scores, *pair, metric, np.random.default_rng(0))
        name = f"improved, guessed from the clip, minus {PLAIN}: {metric}"
        enter_interval(TOPIC, name, change, UNITS[metric], source)
        for method in scores["method"].unique():
            value = level(scores, method, metric)
            name = f"improved, speaker enrolled by {method}: {metric}"
            enter_interval(TOPIC, name, value, UNITS[metric], source)


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

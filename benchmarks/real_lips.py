"""Do lips follow a real voice? Step 1 on people whom nobody trained on.

GRID's left-out talkers, on whom choices were made, and VoxCeleb2's sample, reported
once. Rows: what content hears, and whether real mouths train beside drawn ones. Floors
are loudness, in the time that fits it best, and another clip's voice; the ceiling is
the same lips read twice, once in mirrored frames. Each corpus' lag between lips and
voice is measured, and taken out, before anything is scored.

python benchmarks/real_lips.py DATA    (a folder with grid_sample and voxceleb2_sample)
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from results import enter
from studies import as_mel, interval

from emoface_lib.animation.animate import SHIPPED
from emoface_lib.core.clip import EXPRESSIONS, HOP_LENGTH, Clip
from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE, lip_opening, mean_face
from emoface_lib.core.media import sound_delay
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import read_audio, read_video
from emoface_lib.evaluation.lips import lag, level, lip_measures, shifted_likeness
from emoface_lib.features.align import to_canonical
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.extract import extract
from emoface_lib.features.prepared import to_clips
from emoface_lib.features.real_mouths import SPLITS, real_mouths
from emoface_lib.features.voice_activity import speech_level
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import content_displacements
from emoface_lib.method.steps import load_content, split, train_content
from emoface_lib.synthetic.audio_only import audio_only_clips

TOPIC = "lips"
LEFT_OUT = "id00002"  # in profile for part of the time
GRID, VOXCELEB = "GRID's left-out talkers", "VoxCeleb2's sample"
TARGETS = {GRID: 0.70, VOXCELEB: 0.45}
AIMED = "phonetic code, drawn and real mouths", "shipped weights"


def drawn_level() -> float:
    """Level of the speech that shipped weights learnt from, dBFS (notebook 02)."""
    return float(read_npz(SHIPPED / "audio" / "statistics.npz")["level"])


def read_clip(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sound float32[S], landmarks float[F, 68, 3], and opening read in a mirror."""
    frames, _ = read_video(path, rate=VIDEO_RATE)
    samples, delay = read_audio(path), round(sound_delay(path) * 16_000)
    samples = np.pad(samples[max(0, -delay) :], (max(0, delay), 0))
    detector = DlibDetector()
    mirrored = detector.detect(np.ascontiguousarray(frames[:, :, ::-1])).landmarks
    return samples, detector.detect(frames).landmarks, lip_opening(mirrored)


def real_clips(
    read: Sequence[tuple], paths: Sequence[Path], settings: Settings, late: int = 0
) -> list[Clip]:
    """Clips of read videos; late : frames of 20 ms by which their lips are late."""
    found, speech = [], drawn_level()
    for (samples, face, _), path in zip(read, paths, strict=True):
        gain = 10 ** ((speech - speech_level(samples)) / 20)
        shift = late * HOP_LENGTH
        sound = np.pad(samples * gain, (max(0, shift), max(0, -shift)))
        sound = sound[max(0, -shift) :][: len(samples)].astype(np.float32)
        own = extract(sound, face, settings.features.sound)
        video = "/".join(path.with_suffix("").parts[-3:])
        known = {"clip": video, "speaker": path.parts[-3], "video": video}
        known |= {"split": "real test", "expression": np.full(len(EXPRESSIONS), 1 / 7)}
        found.append({**known, "heard": own["log_mel"], **own})
    return to_clips(found, to_canonical(mean_face()), settings)


def enter_ceiling(read: Sequence[tuple], paths: Sequence[Path]) -> None:
    """Enter how alike the same lips are, read once as they are and once in a mirror."""
    again = [
        np.corrcoef(lip_opening(face[..., :2]), mirrored)[0, 1]
        for _, face, mirrored in read
    ]
    how = f"benchmarks/real_lips.py: {len(paths)} clips, dlib on mirrored frames"
    enter(TOPIC, f"{VOXCELEB}: the same lips read twice", np.mean(again), "r", how)


def learn(clips: Sequence[Clip], settings: Settings) -> ContentBranch:
    with tempfile.TemporaryDirectory() as folder:
        return train_content(clips, Path(folder), settings)[0]


def measured(branch: ContentBranch, clips: Sequence[Clip], seed: int) -> pd.DataFrame:
    """Measures of every clip, and the r that another clip's voice gives."""
    moves = content_displacements(branch, clips)
    rows = []
    for number, (clip, moved) in enumerate(zip(clips, moves, strict=True)):
        other = moves[(number + 1) % len(moves)]
        count = min(len(moved), len(other))
        apart = np.corrcoef(
            lip_opening(clip.reference + other[:count]),
            lip_opening(clip.landmarks[:count]),
        )[0, 1]
        row = {"chance": float(apart), "speaker": clip.speaker, "seed": seed}
        row["real sd"] = float(lip_opening(clip.landmarks).std())
        rows.append(row | lip_measures(moved, clip))
    table = pd.DataFrame(rows)
    return table.assign(sd=table["sd ratio"] * table["real sd"])


def enter_row(
    row: str, corpus: str, table: pd.DataFrame, loudness: float, how: str
) -> None:
    """Enter what was measured of one way to train on one corpus."""
    r, aim = interval(table, "lip r"), TARGETS[corpus]
    above = r.mean - loudness
    slope, real = table["width slope"].mean(), table["width slope, real"].mean()
    ratio, shut = table["sd ratio"].median(), table["closures"].mean()
    base, alike = table["base rate"].mean(), abs(slope - real) <= 0.1
    apart = above >= 0.15 and r.low > loudness
    facts = [
        ("lip r", r.mean, f">= {aim}", None),
        ("lip r above loudness", above, ">= 0.15, interval apart", apart),
        ("width slope of predicted lips", slope, f"{real:.2f} +- 0.1", alike),
        ("sd ratio, median", ratio, "0.8 to 1.2", 0.8 <= ratio <= 1.2),
        ("closures", shut, ">= 0.6", None),
        ("base rate of closures", base, "<= 0.25", None),
    ]
    where = (
        f"benchmarks/real_lips.py: {how}; {len(table)} clips and seeds; 95 % interval "
        f"of r {r.low:.2f} to {r.high:.2f}; loudness {loudness:.2f}, another's voice "
        f"{table['chance'].mean():.2f}; width slope of real lips {real:.2f}"
    )
    for fact, value, *aimed in facts if row in AIMED else [("lip r", r.mean)]:
        enter(TOPIC, f"{corpus}: {fact}, {row}", float(value), "", where, *aimed)
    print(corpus, row, *(f"{name} {value:.3f}" for name, value, *_ in facts), where)


def enter_amplitudes(tables: dict[str, pd.DataFrame], how: str) -> None:
    """Enter how far each person's lips move, really and in the prediction."""
    everyone = pd.concat(tables).groupby("speaker")[["sd", "real sd"]].median()
    for corpus, table in tables.items():
        people = everyone.loc[table["speaker"].unique()]
        spread = people.agg(["min", "max"]).T.to_numpy()
        (low, high), (least, most) = spread
        where = (
            f"{how}; {len(people)} people, real {least:.1f} to {most:.1f}, predicted "
            f"{low:.1f} to {high:.1f}"
        )
        name = f"{corpus}: deviation of the opening of real lips, mean over people"
        enter(TOPIC, name, people["real sd"].mean(), "px", where)
    alike = everyone["sd"].corr(everyone["real sd"], "spearman")
    name = "people left out: rank correlation of predicted and real deviation"
    enter(TOPIC, name, alike, "", f"{how}; {len(everyone)} people")


def enter_left_out(
    drawn: Sequence[Clip], mouths: Sequence[Clip], settings: Settings
) -> None:
    """Enter the sd ratio of each training talker, left out in turn."""
    for talker in SPLITS["real"]:
        own = [clip for clip in mouths if clip.speaker == talker]
        others = [clip for clip in mouths if clip.speaker != talker]
        table = measured(learn([*drawn, *others], settings), own, settings.seed)
        where = (
            f"benchmarks/real_lips.py: step 1 without this talker, {len(drawn)} drawn "
            f"clips, tutorial, 1 seed; {len(own)} clips; real deviation "
            f"{table['real sd'].median():.1f} px, lip r {table['lip r'].mean():.2f}"
        )
        name = f"sd ratio, median, training talker {talker} left out"
        enter(TOPIC, name, table["sd ratio"].median(), "", where)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3, help="0: shipped weights")
    arguments = parser.parse_args()
    settings = load_settings("tutorial")
    mean, still = to_canonical(mean_face()), settings.changed(look_ahead=0)
    mouths = real_mouths(settings, drawn_level())
    videos = sorted((arguments.data / "voxceleb2_sample").rglob("*.mp4"))
    videos = [path for path in videos if LEFT_OUT not in path.parts]
    read = [read_clip(path) for path in videos]
    late = lag(real_clips(read, videos, still))
    enter(TOPIC, f"lag of lips, {VOXCELEB}", late, "ms", "benchmarks/real_lips.py")
    frames = round(late * FRAME_RATE / 1000)
    corpora = {
        GRID: split(mouths, "real test"),
        VOXCELEB: real_clips(read, videos, settings, frames),
    }
    enter_ceiling(read, videos)
    drawn = audio_only_clips(settings, mean) if arguments.seeds else []
    every = [*drawn, *mouths]
    hears = "log-mel", "phonetic code"
    ways = {(hear, mixed): [] for hear in hears for mixed in (False, True)}
    for (hear, mixed), learnt in ways.items():
        kind = "phonetic" if hear == "phonetic code" else "log_mel"
        share = settings.content.real_mouths if mixed else 0.0
        clips = every if hear == "phonetic code" else as_mel(every)
        for seed in range(arguments.seeds):
            own = settings.changed(features=kind, real_mouths=share, seed=seed)
            learnt.append(learn(clips, own))
    if arguments.seeds:
        enter_left_out(drawn, mouths, settings)
    shipped = {}
    for name, clips in corpora.items():
        loudness = shifted_likeness([level(clip) for clip in clips], clips)[1].max()
        for (hear, mixed), learnt in ways.items() if arguments.seeds else ():
            heard = clips if hear == "phonetic code" else as_mel(clips)
            tables = [measured(b, heard, seed) for seed, b in enumerate(learnt)]
            row = f"{hear}, drawn{' and real mouths' if mixed else ' mouths alone'}"
            how = f"step 1, {len(drawn)} drawn clips, tutorial, {len(learnt)} seeds"
            enter_row(row, name, pd.concat(tables), loudness, how)
        if (SHIPPED / "content").exists():
            branch = load_content(SHIPPED / "content" / "model.safetensors")
            shipped[name] = measured(branch, clips, 0)
            enter_row("shipped weights", name, shipped[name], loudness, "as shipped")
    if shipped:
        enter_amplitudes(shipped, "benchmarks/real_lips.py: shipped weights")


if __name__ == "__main__":
    main()

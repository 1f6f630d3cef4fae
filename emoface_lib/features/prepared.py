"""Clips ready for training: features, aligned landmarks, reference face, expression.

Taught in notebook 03.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from torch import Tensor

from emoface_lib.core.clip import (
    EXPRESSIONS,
    Clip,
    feature_sizes,
    speaker_means,
)
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import (
    INDEX,
    read_array,
    read_json,
    read_npz,
    read_parquet,
    reading,
    write_beside,
)
from emoface_lib.core.fresh import code_hash, digest
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE, lip_opening
from emoface_lib.core.landmarks import mean_face as frontal_face
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings
from emoface_lib.core.stored import (
    POINTS,
    TABLE,
    StoredClips,
    open_stored,
    shard_file,
    write_table,
)
from emoface_lib.features.align import align, mean_face, project
from emoface_lib.features.speaker import read_embeddings
from emoface_lib.features.voice_conversion import MODEL, SPEAKERS, load_features

FEATURES_CARD, MEAN_FACE = "features.json", "mean_face.npz"
CLOSED_SHARE = 0.2  # share of a speaker's frames that count as closed lips
FACES_A_CLIP = 8  # frames of each clip that the mean face averages
CLOCKS = FRAME_RATE // VIDEO_RATE  # 20-ms frames in a video frame
SHARD = 2**20  # frames of a file of packed clips, about 1 GB
COLUMNS = (
    *("name", "speaker", "video", "split", "emotion", "arousal", "valence"),
    *("path", "sound", "shard", "head", "start", "frames"),
)


def load_clips(
    folder: Path, settings: Settings, audio: Path | None = None
) -> Sequence[Clip]:
    """Load the prepared clips of a folder into memory, in the index's order.

    folder : of features, with `index.parquet` and `mean_face.npz`; audio : what
    notebook 02 left, by default beside it. F_a is made here as `settings.features`
    says, unless it was made when the corpus was prepared. Clips of more than
    `settings.memory` stay on disk, see `pack`. Raises InputError if what makes F_a is
    missing.
    """
    index = read_parquet(folder / INDEX, "clip", "problem", "frames")
    used, audio = index[index["problem"] == ""], audio or folder.parent / "audio"
    numbers = CLOCKS * used["frames"].sum() * (feature_sizes(settings)[2] + POINTS)
    if 4 * numbers > settings.memory * 1e9:
        return pack(folder, settings, audio, used)
    found = _read(used, folder, settings, audio)
    return to_clips(found, read_array(folder / MEAN_FACE, "landmarks"), settings)


def pack(
    folder: Path, settings: Settings, audio: Path, used: pd.DataFrame
) -> StoredClips:
    """Write the clips as training reads them into `packed` beside a folder of features.

    used : rows of its index. What is done is not done again; other processes wait.
    Parts are made by as many processes as there are cores. Raises as `load_clips`.
    """
    from emoface_lib.core.locks import claim  # for Unix alone

    made = [settings.features, settings.landmarks.alignment, code_hash(__name__)]
    inputs = [folder / INDEX, folder / MEAN_FACE, audio / MODEL, audio / SPEAKERS]
    source = digest([*made, *(path for path in inputs if path.exists())])
    place = folder.parent / "packed" / source
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("ab") as lock:
        claim(lock, wait=True)
        if (place / TABLE).exists():
            return open_stored(place)
        table = _places(used)
        parts = list(table.groupby("shard"))
        for _ in each(partial(_pack, place, folder, settings, audio), parts):
            pass
        softmax = table[[f"expression_{name}" for name in EXPRESSIONS]].to_numpy("f4")
        table = table.rename(columns={"clip": "name"}).reindex(columns=COLUMNS)
        texts = dict.fromkeys(("emotion", "path", "sound"), "")
        table = table.astype(dict.fromkeys(texts, object)).fillna(texts)
        columns = {name: pa.array(own.to_numpy()) for name, own in table.items()}
        columns["expression"] = pa.array(list(softmax))
        columns["ahead"] = pa.array(np.full(len(table), settings.features.look_ahead))
        width = feature_sizes(settings)[2] + POINTS
        return write_table(place, pa.table(columns), width)


def _places(used: pd.DataFrame) -> pd.DataFrame:
    """Where clips go, by the index alone: shard, head, start and frames; by speaker."""
    table = used.sort_values("speaker", kind="stable", ignore_index=True)
    first = ~table["speaker"].duplicated()
    table["frames"] *= CLOCKS
    rows = table["frames"] + first  # a head and the frames
    full = (rows.cumsum() // SHARD).where(first).ffill()
    table["shard"] = pd.factorize(full)[0]
    table["start"] = rows.groupby(table["shard"]).cumsum() - table["frames"]
    table["head"] = (table["start"] - 1).where(first).ffill().astype(int)
    return table


def _pack(
    place: Path,
    folder: Path,
    settings: Settings,
    audio: Path,
    part: tuple[int, pd.DataFrame],
) -> None:
    """Write one shard, unless it is there."""
    number, table = part
    path = shard_file(place, number)
    if path.exists():
        return
    mean_face = read_array(folder / MEAN_FACE, "landmarks")
    with write_beside(path) as beside, beside.open("wb") as file:
        for _, own in table.groupby("speaker"):
            found = _read(own, folder, settings, audio)
            clips = to_clips(found, mean_face, settings)
            (mean,) = speaker_means(clips).values()
            file.write(
                torch.cat([mean, clips[0].reference.flatten()]).numpy().tobytes()
            )
            for clip, frames in zip(clips, own["frames"], strict=True):
                both = torch.cat([clip.features, clip.landmarks.flatten(1)], 1)
                if len(both) != frames:
                    raise InputError(
                        f"{folder / INDEX} says that {clip.name} has {frames} frames, "
                        f"its file {len(both)}: prepare the corpus again."
                    )
                file.write(both.numpy().tobytes())


def _read(
    used: pd.DataFrame, folder: Path, settings: Settings, audio: Path
) -> list[dict[str, Any]]:
    """What `to_clips` takes of some rows of the index, F_a made as the settings say."""
    needed = "landmarks", "log_mel", "expression"
    found = [
        {**row, **read_npz(folder / f"{row['clip']}.npz", *needed)}
        for row in used.to_dict("records")
    ]
    with reading(card := folder / FEATURES_CARD):
        made = read_json(card)["features"]
    if made == settings.features.name != "log_mel":  # it is there
        return found
    sound = settings.features.sound
    if sound == "phonetic" != made:
        raise InputError(
            "These clips have no phonetic code: with features = 'phonetic', run "
            "notebook 03_face_alignment again, or prepare the corpus into a new folder."
        )
    features = load_features(audio, settings)
    known = read_embeddings(audio / SPEAKERS) if features.needs_speaker else {}
    missing = sorted({one["speaker"] for one in found} - set(known))
    if features.needs_speaker and missing:
        raise InputError(
            f"{audio / SPEAKERS} does not know {missing[0]}: run notebook "
            "02_audio_features again, on this corpus."
        )
    for one in found:
        heard = one["heard" if sound == "phonetic" else "log_mel"]
        one["heard"] = features.whole(heard, known.get(one["speaker"]))
    return found


def to_clips(
    found: Sequence[Mapping[str, Any]], mean: np.ndarray, settings: Settings
) -> list[Clip]:
    """Clips aligned to a mean face, with reference faces, F_a looking ahead.

    found : what the index and `extract` say of each, F_a as "heard" and the softmax
    "expression", float[7]; of each speaker all, since L_0 comes from all. mean :
    float[68, 3] px of the canonical frame.
    """
    aligned = [
        aligned_landmarks(one["landmarks"], mean, settings.landmarks.alignment)
        for one in found
    ]
    references = reference_faces(aligned, [one["speaker"] for one in found])
    return [
        clip_of(
            one,
            look_ahead(one["heard"], settings.features.look_ahead),
            landmarks=torch.from_numpy(landmarks).float(),
            reference=torch.from_numpy(references[one["speaker"]]).float(),
            expression=torch.from_numpy(one["expression"]).float(),
            voice=torch.from_numpy(one["voice"]) if "voice" in one else None,
            ahead=settings.features.look_ahead,
        )
        for one, landmarks in zip(found, aligned, strict=True)
    ]


def clip_of(known: Mapping[str, Any], features: np.ndarray, **face: Any) -> Clip:
    """A clip of F_a float32[T, D] and what the index says of it, by column.

    known : also phones, int[T], where they are; face : other fields of `Clip`, none
    for a clip that is sound alone.
    """
    return Clip(
        name=known["clip"],
        speaker=known["speaker"],
        video=known["video"],
        split=known["split"],
        features=torch.from_numpy(features),
        emotion=known.get("emotion", ""),
        arousal=float(known.get("arousal", "nan")),
        valence=float(known.get("valence", "nan")),
        phones=known.get("phones"),
        mood=known.get("mood"),
        path=known.get("path") or known.get("sound", ""),
        sound=known.get("sound") or known.get("path", ""),
        **face,
    )


def corpus_mean_face(folder: Path, clips: list[str]) -> np.ndarray:
    """Mean face over FACES_A_CLIP frames of each clip.

    Returns float[68, 3] px of the canonical frame.
    """
    faces = []
    for clip in clips:
        landmarks = read_array(folder / f"{clip}.npz", "landmarks")
        chosen = np.linspace(0, len(landmarks) - 1, FACES_A_CLIP).astype(int)
        faces.append(landmarks[chosen])
    return mean_face(np.concatenate(faces).astype(float), frontal_face())


def aligned_landmarks(
    landmarks: np.ndarray, mean: np.ndarray, method: str
) -> np.ndarray:
    """Align, project, and go from video frames to 20-ms frames.

    landmarks : float[F, 68, 3] px of the frame. Returns float[2 F, 68, 2] px of the
    canonical frame.
    """
    aligned, _ = align(landmarks.astype(float), mean, method)
    return to_frame_rate(project(aligned))


def to_frame_rate(values: np.ndarray) -> np.ndarray:
    """Interpolate from 25 to 50 frames/s, each at its frame's middle.

    values : float[F, ...]; returns float[2 F, ...].
    """
    ratio = FRAME_RATE // VIDEO_RATE
    middle = (np.arange(len(values) * ratio) + 0.5) / ratio - 0.5
    middle = middle.clip(0, len(values) - 1)
    before = np.floor(middle).astype(int).clip(max=max(0, len(values) - 2))
    after = np.minimum(before + 1, len(values) - 1)
    share = (middle - before).reshape(-1, *[1] * (values.ndim - 1))
    return values[before] * (1 - share) + values[after] * share


def to_video_rate(values: Tensor) -> Tensor:
    """Average pairs of 20-ms frames: Tensor[2 F, ...] -> Tensor[F, ...]."""
    return values.unflatten(0, (-1, FRAME_RATE // VIDEO_RATE)).mean(1)


def look_ahead(features: np.ndarray, frames: int) -> np.ndarray:
    """Shift features left by `frames` 20-ms frames, so that causal networks look ahead.

    features : float[T, D]; returns float[T, D], whose frame t is frame t + frames; the
    last frame is repeated.
    """
    later = np.minimum(np.arange(len(features)) + frames, len(features) - 1)
    return features[later]


def reference_faces(
    landmarks: list[np.ndarray], speakers: list[str]
) -> dict[str, np.ndarray]:
    """L_0 of each speaker: the median of the frames with the least open lips.

    landmarks : float[T, 68, 2] px of the canonical frame, one array a clip; speakers :
    of the clips. Returns float[68, 2] a speaker. It stands for the one photograph with
    closed lips that a user gives.
    """
    references = {}
    for speaker in dict.fromkeys(speakers):
        own = [
            x for x, name in zip(landmarks, speakers, strict=True) if name == speaker
        ]
        frames = np.concatenate(own)
        opening = lip_opening(frames)
        closed = opening <= np.quantile(opening, CLOSED_SHARE)
        references[speaker] = np.median(frames[closed], axis=0)
    return references

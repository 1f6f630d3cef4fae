"""Published landmark tracks: OpenFace's CSV files, as RAVDESS has them.

Taught in notebook 01; Baltrusaitis et al. 2018.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.features.detection import Detection, box_around, interpolated

POINTS = range(68)


def read_openface(path: Path | str) -> Detection:
    """Landmarks of a track, resampled to VIDEO_RATE by its own time stamps.

    x and y are pixels of the tracked video; the depth, which OpenFace gives in mm, is
    scaled like them. Raises InputError if columns are missing or no frame has a face.
    """
    table = _read(Path(path))
    found = table["success"].to_numpy() == 1
    if not found.any():
        raise InputError(f"{path} has no frame in which a face was tracked.")
    flat, solid = (
        np.stack([table[[f"{axis}_{i}" for i in POINTS]] for axis in axes], -1)
        for axes in ("xy", "XYZ")
    )  # (N, 68, 2) px and (N, 68, 3) mm
    depth = solid[..., 2] - solid[..., 2].mean(1, keepdims=True)
    scale = _spread(flat) / np.maximum(_spread(solid[..., :2]), 1e-6)  # px a mm
    points = np.concatenate([flat, (depth * scale[:, None])[..., None]], -1)
    frames = np.arange(len(found))  # where nothing was tracked:
    points = interpolated(points[found], frames[found], frames)
    return _resampled(points, found, table)


def _resampled(points: np.ndarray, found: np.ndarray, table: pd.DataFrame) -> Detection:
    """From the track's clock to ours: values in the middles of our frames."""
    starts = table["timestamp"].to_numpy(float)
    period = float(np.median(np.diff(starts))) if len(starts) > 1 else 1 / VIDEO_RATE
    seconds = starts[-1] - starts[0] + period
    frames = np.arange(max(1, round(seconds * VIDEO_RATE)))
    middles = starts[0] + (frames + 0.5) / VIDEO_RATE
    sources = starts + period / 2
    landmarks = interpolated(points, sources, middles).astype(np.float32)
    nearest = np.abs(sources[:, None] - middles).argmin(0)
    return Detection(
        landmarks=landmarks,
        confidence=table["confidence"].to_numpy(np.float32)[nearest],
        found=found[nearest],
        boxes=np.array([box_around(face[:, :2]) for face in landmarks], np.float32),
    )


def _read(path: Path) -> pd.DataFrame:
    """The rows of the face that is in most frames, in the order of time."""
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as an OpenFace track.") from error
    table.columns = table.columns.str.strip()
    needed = ["timestamp", "confidence", "success"]
    needed += [f"{axis}_{i}" for axis in "xyXYZ" for i in POINTS]
    if missing := [name for name in needed if name not in table]:
        raise InputError(f"{path} is no whole OpenFace track: it has no {missing[0]}.")
    if "face_id" in table:
        table = table[table["face_id"] == table["face_id"].mode()[0]]
    return table.sort_values("timestamp", ignore_index=True)


def _spread(points: np.ndarray) -> np.ndarray:
    """Root mean square radius of each frame's points (N, 68, D)."""
    away = points - points.mean(1, keepdims=True)
    return np.sqrt((away**2).sum(-1).mean(1))

"""OpenFace's tracks: time stamps, depth and gaps."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import mean_face
from emoface_lib.features.openface import read_openface

RATE, FRAMES, SIZE = 30_000 / 1_001, 60, 100.0  # frames/s; px between outer eye corners
SPEED = 90.0  # px a second


def write_track(path: Path, missed: slice = slice(0, 0), blank: str = " ") -> Path:
    """A face that moves to the right at a steady speed, 4 mm a px."""
    times = np.arange(FRAMES) / RATE
    face = mean_face() * SIZE
    x = face[:, 0] + 300 + SPEED * (times + 0.5 / RATE)[:, None]  # middles of frames
    columns: dict[str, np.ndarray] = {
        "frame": np.arange(1, FRAMES + 1),
        "face_id": np.zeros(FRAMES),
        "timestamp": times,
        "confidence": np.full(FRAMES, 0.98),
        "success": np.ones(FRAMES),
    }
    for i in range(68):
        columns |= {f"x_{i}": x[:, i], f"y_{i}": np.full(FRAMES, face[i, 1] + 200)}
        columns |= {
            f"X_{i}": 4 * face[i, 0] * np.ones(FRAMES),
            f"Y_{i}": 4 * face[i, 1] * np.ones(FRAMES),
            f"Z_{i}": 4 * face[i, 2] + 700 * np.ones(FRAMES),
        }
    table = pd.DataFrame(columns)
    table.loc[table.index[missed], "success"] = 0
    table.loc[table.index[missed], "x_0"] = 0.0
    table.columns = [blank + name if name != "frame" else name for name in table]
    table.to_csv(path, index=False)
    return path


def test_tracks_come_to_25_frames_a_second_by_time(tmp_path: Path) -> None:
    seen = read_openface(write_track(tmp_path / "track.csv"))
    assert len(seen.landmarks) == round(FRAMES / RATE * 25)
    middles = (np.arange(len(seen.landmarks)) + 0.5) / 25
    expected = mean_face()[30, 0] * SIZE + 300 + SPEED * middles
    assert np.allclose(seen.landmarks[1:-1, 30, 0], expected[1:-1], atol=0.01)
    assert seen.found.all()


def test_depth_is_in_pixels_and_away_from_the_viewer(tmp_path: Path) -> None:
    seen = read_openface(write_track(tmp_path / "track.csv", blank=""))
    depth = mean_face()[:, 2] * SIZE
    assert np.allclose(seen.landmarks[5, :, 2], depth - depth.mean(), atol=0.05)
    assert seen.landmarks[5, 30, 2] < seen.landmarks[5, 0, 2]  # the nose is nearer


def test_what_was_not_tracked_is_interpolated_and_marked(tmp_path: Path) -> None:
    seen = read_openface(write_track(tmp_path / "track.csv", missed=slice(20, 26)))
    assert (~seen.found).sum() == 5  # 6 of 29.97 are 5 of 25 a second
    steps = np.diff(seen.landmarks[:, 0, 0])
    assert np.allclose(steps[1:-1], SPEED / 25, atol=0.01)


def test_what_is_no_track_is_refused_with_its_name(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.csv"
    nothing.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"nothing\.csv is no whole OpenFace track"):
        read_openface(nothing)
    test = write_track(tmp_path / "unseen.csv", missed=slice(0, FRAMES))
    with pytest.raises(InputError, match="no frame in which a face was tracked"):
        read_openface(test)

"""face-alignment behind the interface of detectors; its networks are made-up here."""

from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.settings import load_settings
from emoface_lib.corpora.prepare import prepare
from emoface_lib.features import fan
from emoface_lib.features.fan import FanDetector, facing_away
from emoface_lib.features.lift import first_guess

SMALL, LARGE = (10.0, 10.0, 60.0, 60.0, 0.8), (100.0, 20.0, 200.0, 120.0, 0.9)


class Network:
    """Stands for FaceAlignment: a pixel says how many faces a picture has."""

    def __init__(self, solid: bool) -> None:
        self.solid = solid
        self.face_detector = SimpleNamespace(detect_from_batch=self.boxes)
        self.batches: list[int] = []

    def boxes(self, batch: torch.Tensor) -> list[np.ndarray]:
        assert batch.shape[1:] == (3, 120, 220)
        assert batch.dtype == torch.float32
        self.batches.append(len(batch))
        counts = batch[:, 0, 0, 0].int().tolist()
        return [np.array([SMALL, LARGE])[:count] for count in counts]

    def get_landmarks_from_batch(
        self, batch: torch.Tensor, detected_faces: list, return_landmark_score: bool
    ) -> tuple[list, None, None]:
        points = []
        for boxes in detected_faces:
            assert len(boxes) <= 1
            face = mean_face() * 20 * [1, 1, -1]  # z towards the viewer
            points += [face[:, : 3 if self.solid else 2] + boxes[0][0] if boxes else []]
        return points, None, None


def pictures(*counts: int) -> list[np.ndarray]:
    """Pictures whose first pixel says how many faces they have."""
    return [np.full((120, 220, 3), count, np.uint8) for count in counts]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Network:
    made = Network(request.param)
    monkeypatch.setattr(fan, "_network", lambda *_: made)
    return made


@pytest.mark.parametrize("network", [True], indirect=True)
def test_faces_are_tracked_in_batches_and_gaps_are_filled(network: Network) -> None:
    frames = pictures(*[1] * 10, 0, 0, *[2] * 10)
    found = FanDetector(solid=True).detect(frames)
    assert network.batches == [16, 6]
    assert found.landmarks.shape == (22, 68, 3)
    assert (~found.found).sum() == found.longest_gap == 2
    assert (found.boxes[:, 0] == 10).all()  # stays with the small face
    assert np.allclose(found.confidence[found.found], 0.8)
    alone = FanDetector(solid=True).detect(frames, track=False)
    assert (alone.boxes[12:, 0] == 100).all()  # without a track, the larger


@pytest.mark.parametrize("network", [True], indirect=True)
def test_depth_points_away_from_the_viewer(network: Network) -> None:
    face = FanDetector(solid=True).detect(pictures(1)).landmarks[0]
    depth = mean_face()[:, 2] * 20
    assert np.allclose(face[:, 2], depth - depth.mean(), atol=1e-4)
    assert np.allclose(facing_away(face[None] * [1, 1, -1]), face)


@pytest.mark.parametrize("network", [False], indirect=True)
def test_flat_landmarks_get_the_mean_faces_depth(network: Network) -> None:
    face = FanDetector(solid=False).detect(pictures(1)).landmarks
    assert np.allclose(face, first_guess(face[..., :2].astype(float)), atol=1e-4)


@pytest.mark.parametrize(
    ("solid", "face_detector", "files"),
    [
        (
            True,
            "sfd",
            ["3DFAN4-7835d9f11d.pth.tar", "depth-2a464da4ea.pth.tar", "s3fd"],
        ),
        (False, "sfd", ["2DFAN4-11f355bf06.pth.tar", "s3fd-619a316812.pth"]),
        (False, "blazeface", ["2DFAN4", "blazeface.pth", "anchors.npy"]),
        (False, "dlib", ["2DFAN4"]),
    ],
)
def test_without_weights_a_sentence_says_which_files_belong_where(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    solid: bool,
    face_detector: str,
    files: list[str],
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError) as caught:
        FanDetector(solid, face_detector)
    assert str(tmp_path / "hub" / "checkpoints") in str(caught.value)
    for name in files:
        assert name in str(caught.value)
    assert str(caught.value).count("https://") == len(files)


def test_preparing_with_missing_weights_ends_before_the_first_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    index = pd.DataFrame({"clip": ["a/b/c"], "path": ["mp4/a/b/c.mp4"]})
    settings = load_settings("smoke", detector="fan")
    with pytest.raises(InputError, match="3DFAN4"):
        prepare(index, tmp_path, tmp_path / "features", settings, workers=1)


def test_the_package_has_the_call_that_is_made() -> None:
    from face_alignment.api import FaceAlignment

    taken = signature(FaceAlignment.get_landmarks_from_batch).parameters
    assert {"detected_faces", "return_landmark_score"} <= set(taken)
    assert {"face_detector", "compile"} <= set(signature(FaceAlignment).parameters)

"""Make the real mouths: `python -m tools.make_real_mouths GRID`.

GRID : a folder with talkers' folders s1, s2, ... of clips (.mpg), from Zenodo 3625687
(CC BY 4.0). Landmarks are read by dlib, the sound is brought to 16 kHz; no picture is
kept. The same clips give the same files again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from tqdm import tqdm

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.files import write_beside, write_npz
from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.core.media import sound_delay
from emoface_lib.core.video import read_audio, read_video
from emoface_lib.features.audio import VIDEO_FRAME
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.real_mouths import FOLDER, SPLITS, STEPS

MOST = 100  # clips of a talker, spread over those that there are
FRAMES = 75  # 3 s


def read_clip(
    path: Path, detector: DlibDetector
) -> tuple[np.ndarray, np.ndarray] | None:
    """Sound and landmarks of a clip: int16[S] at 16 kHz and int16[F, 68, 3].

    None if a frame has no face.
    """
    frames, _ = read_video(path, rate=VIDEO_RATE)
    found = detector.detect(frames[:FRAMES])
    if not found.found.all() or len(found.found) < FRAMES:
        return None
    samples, delay = read_audio(path), round(sound_delay(path) * SAMPLE_RATE)
    sound = np.pad(samples[max(0, -delay) :], (max(0, delay), FRAMES * VIDEO_FRAME))
    whole = np.round(sound[: FRAMES * VIDEO_FRAME].clip(-1, 1) * (2**15 - 1))
    return whole.astype(np.int16), np.round(found.landmarks * STEPS).astype(np.int16)


def write_flac(path: Path, samples: np.ndarray) -> None:
    """Write a mono sound. samples : int16[S] at 16 kHz."""
    with write_beside(path) as beside, av.open(str(beside), "w") as file:
        stream = file.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def make_talker(paths: Sequence[Path], folder: Path) -> None:
    """Write `<talker>.flac` and `<talker>.npz` of the clips of one talker."""
    detector, talker = DlibDetector(), paths[0].parent.name
    chosen = np.linspace(0, len(paths) - 1, min(MOST, len(paths))).astype(int)
    read = {paths[i].stem: read_clip(paths[i], detector) for i in tqdm(chosen, talker)}
    whole = {name: clip for name, clip in read.items() if clip}
    sounds, landmarks = (np.stack(each) for each in zip(*whole.values(), strict=True))
    write_flac(folder / f"{talker}.flac", sounds.ravel())
    write_npz(
        folder / f"{talker}.npz", clips=np.array(list(whole)), landmarks=landmarks
    )


def main() -> None:
    """Make all talkers of SPLITS."""
    for talker in (talker for talkers in SPLITS.values() for talker in talkers):
        make_talker(sorted((Path(sys.argv[1]) / talker).glob("*.mpg")), FOLDER)


if __name__ == "__main__":
    main()

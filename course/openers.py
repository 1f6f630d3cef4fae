"""Videos for lessons: a talking head, and faces beside each other with their sound."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from IPython.display import Video
from PIL import Image
from scipy.io import wavfile
from torch import Tensor

from emoface_lib.animation.animate import SHIPPED, TrainedModel, animate
from emoface_lib.animation.emotion_control import Emotion
from emoface_lib.animation.voice import read_voice
from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.landmarks import CANONICAL_SIDE, VIDEO_RATE
from emoface_lib.core.polylines import draw_landmarks
from emoface_lib.core.video import read_audio, write_video
from emoface_lib.synthetic.portraits import resting_portrait
from emoface_lib.synthetic.speech import synthesize

SENTENCE = "The words stay the same. What do you see in my face?"
WIDTH = 720  # px that a video takes on the page, at most


def talking_head(folder: Path, *emotions: Emotion, head: str = "cast21") -> Video:
    """A drawn head that says one sentence in each emotion, side by side, with sound.

    The shipped weights move it, so that a lesson can open with what it will explain.
    """
    folder.mkdir(parents=True, exist_ok=True)
    photo, sound, video = (folder / f"opener.{kind}" for kind in ("png", "wav", "mp4"))
    Image.fromarray(resting_portrait(head)).save(photo)
    speech = synthesize(SENTENCE, "en-us+f3", rate=150)
    wavfile.write(sound, speech.rate, speech.samples)
    animate(photo, read_voice(sound), video, TrainedModel(SHIPPED), emotions, seed=0)
    return Video(video, embed=True, width=min(240 * len(emotions), WIDTH))


def side_by_side(
    path: Path, faces: Iterable[Iterable[np.ndarray]], sound: Path, seconds: int = 4
) -> Video:
    """Faces beside each other, with the beginning of a clip's sound.

    faces : the frames of each, uint8[H, W, 3] RGB, 25 a second; cut to the shortest.
    """
    rows = map(np.hstack, islice(zip(*faces, strict=False), seconds * VIDEO_RATE))
    samples = read_audio(sound)[: seconds * SAMPLE_RATE]
    write_video(path, rows, samples, SAMPLE_RATE, crf=23)
    return Video(path, embed=True, width=WIDTH)


def outlines(
    face: Sequence[Tensor] | np.ndarray, side: int = CANONICAL_SIDE
) -> Iterator[np.ndarray]:
    """A line drawing of each frame, uint8[side, side, 3].

    face : float[F, 68, 2 or 3] px of a picture of `side` px, by default the canonical.
    """
    for points in face:
        picture = np.zeros((side, side, 3), np.uint8)
        draw_landmarks(picture, np.asarray(points), 2)
        yield picture

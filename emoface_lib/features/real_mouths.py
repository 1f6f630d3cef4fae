"""Real mouths: landmarks and sound of GRID's talkers, which come with the library.

Made by `python -m tools.make_real_mouths`; terms and measures: real_mouths/README.md.
Taught in notebook 04.
"""

from pathlib import Path

import numpy as np

from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import mean_face as frontal_face
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import read_audio
from emoface_lib.features.align import to_canonical
from emoface_lib.features.audio import VIDEO_FRAME
from emoface_lib.features.extract import extract
from emoface_lib.features.prepared import to_clips
from emoface_lib.features.speaker import UTTERANCES, embed_speakers
from emoface_lib.features.voice_conversion import load_features

FOLDER = Path(__file__).with_name("real_mouths")
SPLITS = {
    "real": ("s1", "s3", "s20"),  # train step 1 beside drawn clips
    "real test": ("s2", "s5", "s22"),
}
STEPS = 32  # a px; landmarks are stored in whole steps
LATE = 320  # samples; GRID's lips come 20 ms after its voice (`lag`), drawn ones don't
# dBFS; `speech_level` of a talker's first ten clips, as they are stored
LEVELS = {
    "s1": -15.422027587890625,
    "s3": -14.676260948181152,
    "s20": -13.243221282958984,
    "s2": -13.692802429199219,
    "s5": -13.19881534576416,
    "s22": -14.828386306762695,
}
NEUTRAL = np.array([name == "neutral" for name in EXPRESSIONS], np.float32)


def read_talker(talker: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """What is stored of a talker: names of clips, their sound and landmarks.

    Returns float32[N, S] at 16 kHz and float32[N, F, 68, 3] px of the video frame.
    """
    stored = read_npz(FOLDER / f"{talker}.npz")
    landmarks = stored["landmarks"].astype(np.float32) / STEPS
    samples = read_audio(FOLDER / f"{talker}.flac")
    whole = samples.reshape(len(landmarks), landmarks.shape[1] * VIDEO_FRAME)
    return stored["clips"].tolist(), whole, landmarks


def real_mouths(
    settings: Settings,
    level: float,
    mean_face: np.ndarray | None = None,
    audio: Path | None = None,
) -> list[Clip]:
    """Clips of real mouths by talker: splits "real", to train on, and "real test".

    level : dBFS, to which each talker's speech is brought, that of the clips they are
    mixed with; mean_face : float[68, 3] px of the canonical frame, to align by, the
    library's by default; audio : the run's folder of that name, needed if
    AutoVC makes F_a. Their emotion is neutral.
    """
    features, found = load_features(audio or Path("audio"), settings), []
    for split, talkers in SPLITS.items():
        for talker in talkers:
            names, sounds, faces = read_talker(talker)
            some = list(sounds[:UTTERANCES]) if features.needs_speaker else []
            speaker = embed_speakers({"": some})[""] if some else None
            gain = 10 ** ((level - LEVELS[talker]) / 20)
            for name, sound, face in zip(names, sounds, faces, strict=True):
                sound = np.pad(gain * sound, (LATE, 0))[:-LATE].astype(np.float32)
                own = extract(sound, face, settings.features.sound)
                video = f"{talker}/{name}"
                known = {"clip": video, "speaker": talker, "video": video}
                known |= {"split": split, "emotion": "neutral"}
                heard = features.whole(own.get("heard", own["log_mel"]), speaker)
                found.append({**known, **own, "heard": heard, "expression": NEUTRAL})
    face = to_canonical(frontal_face()) if mean_face is None else mean_face
    return to_clips(found, face, settings)

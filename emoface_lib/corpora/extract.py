"""One clip of a corpus, from its files to its features, or to what is wrong with it.

What many clips share, such as a recogniser, is loaded once a process. Taught in
notebooks 02 and 03.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emoface_lib.core.clip import EXPRESSIONS, SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import CARD, read_json, write_npz
from emoface_lib.core.fresh import code_hash, digest
from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.core.media import sound_delay
from emoface_lib.core.settings import Settings
from emoface_lib.core.video import iter_frames, read_audio
from emoface_lib.features.audio import VIDEO_FRAME
from emoface_lib.features.detection import Detection, known_faces
from emoface_lib.features.detectors import choose_detector, two_faces
from emoface_lib.features.expression import (
    CROP_EVERY,
    ExpressionModel,
    face_crops,
    recognise,
)
from emoface_lib.features.expression_training import shipped_expressions
from emoface_lib.features.extract import extract
from emoface_lib.features.openface import read_openface
from emoface_lib.features.phonetic import load_recogniser
from emoface_lib.features.recognisers import FerRecogniser, SCNRecogniser
from emoface_lib.features.speaker import embed_speakers
from emoface_lib.features.voice_activity import speech_level
from emoface_lib.features.voice_conversion import (
    CONVERTED,
    FeatureMaker,
    LogMel,
    load_features,
)
from emoface_lib.synthetic.drawn_faces import draw_face

LARGEST = 2_000_000_000  # bytes of a clip's pictures; what a worker may take
Row = Mapping[Any, Any]  # a row of a corpus' index; sound, tracks, emotion may lack


@dataclass(frozen=True)
class Recipe:
    """How to extract features from the clips of a corpus.

    corpus, folder : roots of the clips and of the features; drawn : whether it is the
    embedded corpus; recogniser : for expressions, see `load_tools`; audio : the
    run's folder of that name, if voices are to be embedded and converted as well.
    """

    corpus: Path
    folder: Path
    settings: Settings
    drawn: bool
    recogniser: str
    audio: Path | None = None

    @classmethod
    def of(
        cls,
        index: pd.DataFrame,
        corpus: Path,
        folder: Path,
        settings: Settings,
        audio: Path | None = None,
    ) -> "Recipe":
        """The recipe for the clips of an index.

        "auto" recognises by the shipped model on drawings, else by SCN if there is a
        checkpoint, else by labels where all clips have one, else by the package `fer`.
        A face that is drawn for a voice shows its label.
        """
        drawn = (corpus / CARD).exists()
        recogniser: str = settings.expression.recogniser
        if settings.landmarks.detector == "drawn":
            recogniser = "labels"
        elif recogniser == "auto" and drawn:
            recogniser = "drawn"
        elif recogniser == "auto" and settings.expression.scn_checkpoint:
            recogniser = "scn"
        elif recogniser == "auto":
            labelled = "emotion" in index and bool((index["emotion"] != "").all())
            recogniser = "labels" if labelled else "fer"
        return cls(corpus, folder, settings, drawn, recogniser, audio)

    def made_by(self) -> dict[str, Any]:
        """What features depend on; a real corpus may grow: its name identifies it."""
        settings, card = self.settings, self.corpus / CARD
        made = settings.landmarks.model_dump(exclude={"alignment"})
        if self.audio is None or not CONVERTED & {*settings.features.kinds}:
            # F_a is made when clips are loaded
            made |= {"features": settings.features.sound, "autovc_checkpoint": ""}
        else:
            made["features"] = settings.features.name
            made["autovc_checkpoint"] = settings.autovc.checkpoint
        if self.recogniser == "scn":
            made["scn_checkpoint"] = digest(Path(settings.expression.scn_checkpoint))
        name = read_json(card)["hash"] if self.drawn else self.corpus.resolve().name
        made |= {"recogniser": self.recogniser, "corpus": name}
        if settings.landmarks.detector == "drawn":
            made["seed"] = settings.seed
        return {**made, "code": code_hash(__name__)}

    def __call__(self, row: Row) -> dict[str, Any]:
        """Write a clip's features; return what the index says of it, a problem or not.

        Raises InputError only if the file can't be written, which concerns all clips.
        """
        named = self.corpus / (row["path"] or row.get("tracks") or row["sound"])
        clip, problem = row["clip"], ""
        try:
            arrays = arrays_of(row, self)
        except InputError as error:
            told = str(error)
            problem = told if str(named.name) in told else f"{named}: {told}"
        except MemoryError:
            problem = f"{named} needs more memory than there is: cut the clip."
        except Exception as error:  # a library's, on one clip of a million
            problem = f"{named}: {type(error).__name__}: {error}"
        if problem:
            return {"clip": clip, "problem": problem}
        path = self.folder / f"{clip}.npz"
        try:
            write_npz(path, **arrays)
        except OSError as error:
            raise InputError(
                f"{path} can't be written ({error.strerror}): make room or mend the "
                "folder's rights, and run the same command again; it goes on."
            ) from error
        softmax = zip(EXPRESSIONS, arrays["expression"].tolist(), strict=True)
        return {
            "clip": clip,
            "problem": "",
            "frames": len(arrays["found"]),
            "missing": int((~arrays["found"]).sum()),
            "level": float(arrays["level"]),
            **{f"expression_{name}": value for name, value in softmax},
        }


def arrays_of(row: Row, recipe: Recipe) -> dict[str, np.ndarray]:
    """All features of a clip by name; raises InputError if it can't be used.

    Those of `extract`; level, dBFS of the speech; found bool[F], confidence float32[F],
    of the face; crops uint8[F / 5, 64, 64]; size int[2] px, width and height, 0 without
    a video; expression float32[7], a softmax; arousal and valence, if the face is drawn
    by them; and where the recipe has `audio`, voice float32[256] and heard, F_a
    float32[T, D], if it depends on who speaks.
    """
    recogniser, features = load_tools(recipe)
    frames = read_pictures(recipe.corpus / row["path"]) if row["path"] else []
    samples = read_sound(row, recipe.corpus)
    if recipe.settings.landmarks.detector == "drawn":
        names = row["speaker"], row["clip"], row["emotion"]
        landmarks, shown = draw_face(samples, *names, recipe.settings.seed)
        face = known_faces(landmarks)
    else:
        face, shown = detect(row, recipe, frames), {}
    arrays = extract(samples, face.landmarks, recipe.settings.features.sound)
    count = len(arrays["landmarks"])
    frames = frames[:count:CROP_EVERY]
    chosen = arrays["landmarks"][::CROP_EVERY][: len(frames)]
    arrays |= {
        "level": np.array(speech_level(samples[: count * VIDEO_FRAME]), np.float32),
        "found": face.found[:count],
        "confidence": face.confidence[:count],
        "crops": face_crops(frames, chosen),  # type: ignore[arg-type]
        "size": np.array(frames[0].shape[1::-1] if frames else (0, 0)),
        "expression": expression_of(row, recogniser, frames, chosen),
        **shown,
    }
    if recipe.audio is None:
        return arrays
    voice = embed_speakers({"": [samples[: count * VIDEO_FRAME]]})[""]
    arrays["voice"] = voice.astype(np.float32)
    if features.needs_speaker:
        heard = arrays.get("heard", arrays["log_mel"])
        arrays["heard"] = features.whole(heard, arrays["voice"])
    return arrays


@lru_cache(maxsize=1)
def load_tools(recipe: Recipe) -> tuple[ExpressionModel | None, FeatureMaker]:
    """A recipe's recogniser and maker of F_a; raises InputError if one is missing.

    "drawn" knows drawn heads, "fer" and "scn" photographs; "labels" needs none. The
    phone recogniser, by which the level of speech is told, is loaded, too.
    """
    load_recogniser()
    recogniser: ExpressionModel | None = None
    match recipe.recogniser:
        case "drawn":
            recogniser = shipped_expressions()
        case "fer":
            recogniser = FerRecogniser()
        case "scn":
            recogniser = SCNRecogniser(Path(recipe.settings.expression.scn_checkpoint))
    if recipe.audio is None:
        return recogniser, LogMel()
    return recogniser, load_features(recipe.audio, recipe.settings)


def read_pictures(path: Path) -> list[np.ndarray]:
    """Frames of a video at 25 a second, by its time stamps: uint8 (H, W, 3) each."""
    frames: list[np.ndarray] = []
    for frame in iter_frames(path, VIDEO_RATE):
        frames.append(frame)
        if len(frames) * frame.nbytes > LARGEST:
            raise InputError(
                f"{path} decodes to more than {LARGEST / 1e9:g} GB of pictures: cut it."
            )
    if not frames:
        raise InputError(f"{path} holds no picture that can be decoded.")
    return frames


def read_sound(row: Row, corpus: Path) -> np.ndarray:
    """A clip's sound from where its picture begins, float32[S] at 16 kHz."""
    if row.get("sound"):
        return read_audio(corpus / row["sound"])
    if not row["path"]:
        raise InputError("There is no sound for this landmark track.")
    samples = read_audio(corpus / row["path"])
    delay = round(sound_delay(corpus / row["path"]) * SAMPLE_RATE)
    return samples[-delay:] if delay < 0 else np.pad(samples, (delay, 0))


def detect(row: Row, recipe: Recipe, frames: Sequence[np.ndarray]) -> Detection:
    """Detect the landmarks of a clip, or read its track if there is no video.

    frames : uint8 (H, W, 3) RGB each, 25 a second. Raises InputError if there is
    neither video nor track, no face, too long a gap, or a second face of like size.
    """
    if not row["path"] and not row.get("tracks"):
        raise InputError(
            "There is neither a video nor a landmark track of this sound: with -p "
            "detector=drawn, a face is drawn for each voice that has a label."
        )
    if not row["path"]:
        return read_openface(recipe.corpus / row["tracks"])
    sidecar = recipe.corpus / "truth" / f"{row['clip']}.npz"
    detector = choose_detector(recipe.settings, sidecar, recipe.drawn)
    found = detector.detect(frames)
    found.check_gaps(recipe.settings.landmarks.longest_gap)
    if not recipe.drawn and two_faces(detector, frames):
        raise InputError("It shows two faces of like size: who speaks is not known.")
    return found


def expression_of(
    row: Row,
    recogniser: ExpressionModel | None,
    frames: Sequence[np.ndarray],
    landmarks: np.ndarray,
) -> np.ndarray:
    """Mean softmax float32[7] over frames; that of the label without a recogniser.

    frames : uint8 (H, W, 3) RGB each; landmarks : float[F, 68, 3] px of them. A label
    that is none of the seven counts as all of them. Raises InputError if there is
    nothing to tell it by.
    """
    if recogniser is not None and not len(frames):
        raise InputError("Without a video there is no face to recognise.")
    if recogniser is not None:
        return recognise(recogniser, frames, landmarks).mean(0)  # type: ignore[arg-type]
    if not row.get("emotion"):
        raise InputError("It has no label of emotion: choose another recogniser.")
    if row["emotion"] not in EXPRESSIONS:
        return np.full(len(EXPRESSIONS), 1 / len(EXPRESSIONS), np.float32)
    return np.array([name == row["emotion"] for name in EXPRESSIONS], np.float32)

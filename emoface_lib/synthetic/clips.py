"""The clips of the embedded corpus: their plan, and one clip made from its plan.

Every clip has generators of its own, derived from the seed and its name. So it does not
matter in which order, in how many processes or in how large a corpus it is made.
Speakers of the test split count from 10,001 whatever the size, and the held-out videos
come first: what a small corpus holds out, a large one holds out too.
"""

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.core.settings import Settings
from emoface_lib.synthetic.factors import (
    EmotionalState,
    Recording,
    Speaker,
    course,
    draw_channel,
    draw_emotions,
    draw_prosody,
    draw_recording,
    draw_speaker,
    draw_state,
    walk,
    with_silences,
)
from emoface_lib.synthetic.heads.shape import CONTROLS, Identity, pose_face, project
from emoface_lib.synthetic.motion import CLOCK, move
from emoface_lib.synthetic.sentences import SentenceSplit, draw_sentences
from emoface_lib.synthetic.speech import Speech, joined
from emoface_lib.synthetic.voice import speak

TEST_SPEAKERS_FROM = 10_000


@dataclass(frozen=True, eq=False)
class ClipPlan:
    """Everything that a clip is made from."""

    speaker: Speaker
    video: str
    utterance: str
    split: str  # "train", "val" or "test"
    state: EmotionalState
    recording: Recording
    sentence: str
    seed: int
    then: tuple[tuple[str, EmotionalState], ...] = ()  # further phrases

    @property
    def phrases(self) -> list[tuple[str, EmotionalState]]:
        """What is said in which state, one after the other."""
        return [(self.sentence, self.state), *self.then]

    @property
    def expression(self) -> np.ndarray:
        """Mixture of EXPRESSIONS over the whole clip, float[7]."""
        return np.asarray(np.mean([s.expression for _, s in self.phrases], axis=0))

    @property
    def clip(self) -> str:
        """The clip's name, "id00001/video01/00001"."""
        return f"{self.speaker.name}/{self.video}/{self.utterance}"

    @property
    def path(self) -> str:
        """Its mp4 in the corpus."""
        return f"mp4/{self.clip}.mp4"

    @property
    def row(self) -> dict[str, str | float]:
        """Its row of the corpus' index."""
        return {
            "clip": self.clip,
            "speaker": self.speaker.name,
            "video": self.video,
            "utterance": self.utterance,
            "path": self.path,
            "split": self.split,
            "emotion": self.state.emotion,
            **{
                name: float(np.mean([getattr(s, name) for _, s in self.phrases]))
                for name in ("arousal", "valence", "intensity")
            },
            "sentence": " ".join(sentence for sentence, _ in self.phrases),
        }


@dataclass(frozen=True, eq=False)
class DrawnClip:
    """A clip before it is drawn: speech at 16 kHz, the face's controls, landmarks.

    controls : {name: Array[F]}; landmarks : float32 Array[F, 68, 3] px of 224; middles
    : s, of its phrases.
    """

    plan: ClipPlan
    speech: Speech
    identity: Identity
    controls: dict[str, np.ndarray]
    landmarks: np.ndarray
    middles: list[float]

    def mood(self, moments: np.ndarray) -> np.ndarray:
        """Arousal and valence over time. moments : float[T] s; returns float[T, 2]."""
        state = course([s for _, s in self.plan.phrases], self.middles, moments)
        return np.stack([state.arousal, state.valence], 1)


def generator(seed: int, name: str) -> np.random.Generator:
    """The random generator of whatever is called `name`."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def plan_corpus(settings: Settings) -> list[ClipPlan]:
    """All clips of the embedded corpus of these settings.

    Raises InputError if fewer than two videos of a speaker are left to train on.
    """
    if settings.synthetic.videos_per_speaker - settings.synthetic.held_out_videos < 2:
        raise InputError(
            f"videos_per_speaker = {settings.synthetic.videos_per_speaker} with "
            f"held_out_videos = {settings.synthetic.held_out_videos} leaves fewer than "
            "two to train on: V_r and V_p need two. Take more videos or hold out fewer."
        )
    train = range(1, settings.synthetic.train_speakers + 1)
    test = range(1, settings.synthetic.test_speakers + 1)
    numbers = [*train, *(TEST_SPEAKERS_FROM + n for n in test)]
    return [plan for number in numbers for plan in plan_speaker(number, settings)]


def plan_speaker(number: int, settings: Settings) -> list[ClipPlan]:
    """The clips of the speaker of this number."""
    name, test = f"id{number:05d}", number > TEST_SPEAKERS_FROM
    rng = generator(settings.seed, name)
    speaker = draw_speaker(name, rng)
    emotions = draw_emotions(
        speaker, settings.synthetic.videos_per_speaker, rng, uniform=test
    )
    plans = []
    for index, emotion in enumerate(emotions):
        held_out = "val" if index < settings.synthetic.held_out_videos else "train"
        split = "test" if test else held_out
        plans += _plan_video(speaker, f"video{index + 1:02d}", split, emotion, settings)
    return plans


def _plan_video(
    speaker: Speaker, video: str, split: str, emotion: str, settings: Settings
) -> list[ClipPlan]:
    """The clips of a video: one state, different sentences."""
    rng = generator(settings.seed, f"{speaker.name}/{video}")
    state, recording = draw_state(emotion, rng), draw_recording(rng)
    sentences: SentenceSplit = "train" if split == "train" else "test"
    clips, phrases = settings.synthetic.clips_per_video, settings.synthetic.phrases
    drawn = draw_sentences(sentences, clips * phrases, rng)
    said = [drawn[index::clips] for index in range(clips)]
    channels = [recording] * clips
    if (kind := settings.synthetic.channels) != "alike":
        ends = [f"/{index + 1:05d}" if kind == "clip" else "" for index in range(clips)]
        names = [f"{speaker.name}/{video}{end}/channel" for end in ends]
        channels = [draw_channel(generator(settings.seed, name)) for name in names]
    return [
        ClipPlan(
            speaker=speaker,
            video=video,
            utterance=f"{index + 1:05d}",
            split=split,
            state=state,
            recording=with_silences(channels[index], rng),
            sentence=first,
            seed=settings.seed,
            then=tuple(zip(others, walk(state, len(others), rng), strict=True)),
        )
        for index, (first, *others) in enumerate(said)
    ]


def make_clip(plan: ClipPlan, state: EmotionalState | None = None) -> DrawnClip:
    """Speech and landmarks of a clip, 25 frames a second; not drawn yet.

    Sound and motion have the same length: whole frames. state : of the face, with the
    same random numbers; by default the voice's own. Taught in notebook 01.
    """
    rng = generator(plan.seed, plan.clip)
    said = []
    for sentence, own in plan.phrases:
        prosody = draw_prosody(plan.speaker, own, rng)
        said.append(speak(sentence, plan.speaker.voice, prosody, plan.recording, rng))
    speech, seconds = joined(said), np.array([one.seconds for one in said])
    middles = (np.cumsum(seconds) - seconds / 2).tolist()
    if state is None:
        time = (np.arange(round(speech.seconds * CLOCK)) + 0.5) / CLOCK
        moving = course([own for _, own in plan.phrases], middles, time)
        state = moving if plan.then else plan.state
    identity = identity_of(plan.speaker)
    controls = move(speech, plan.speaker, state, rng)
    points = project(identity, pose_face(identity, controls), controls)
    whole = speech.samples[: len(points) * speech.rate // VIDEO_RATE]
    speech = replace(speech, samples=whole)
    landmarks = points.astype(np.float32)
    return DrawnClip(plan, speech, identity, controls, landmarks, middles)


@lru_cache(maxsize=4)
def identity_of(speaker: Speaker) -> Identity:
    """The face of a speaker: the first of their look that fits the voice's gender."""
    for attempt in range(100):
        rng = np.random.default_rng([speaker.look, attempt])
        identity = Identity.random(rng)
        if (identity.look.feminine > 0.5) == (speaker.gender == "f"):
            return identity
    raise RuntimeError("Identity.random draws one gender only")


def sidecar(clip: DrawnClip) -> dict[str, np.ndarray]:
    """Ground truth of a clip as arrays; documented in the corpus' data card.

    landmarks float32[F, 68, 3] px; pose float[F, 3] yaw, pitch, roll in degrees;
    controls float[F, C], named by control_names str[C]; phonemes str[P], with
    phoneme_start and phoneme_end float[P] s; neutral float32[68, 3] px, the face at
    rest; expression float[7], the weights of EXPRESSIONS.
    """
    still = np.zeros((1, len(CONTROLS)))
    neutral = project(clip.identity, clip.identity.neutral[None], still)[0]
    return {
        "landmarks": clip.landmarks,
        "pose": np.stack([clip.controls[a] for a in ("yaw", "pitch", "roll")], 1),
        "controls": np.stack([clip.controls[name] for name in CONTROLS], 1),
        "control_names": np.array(CONTROLS),
        "phonemes": np.array(clip.speech.names),
        "phoneme_start": clip.speech.start,
        "phoneme_end": clip.speech.end,
        "neutral": neutral.astype(np.float32),
        "expression": clip.plan.expression,
    }

"""The factors behind a clip: who speaks, in which emotional state, how it is recorded.

An emotion is carried by arousal and valence, with a residual of its category: without
that common ground nothing is learnable for test speakers. In training it is
confounded with the speaker: high and loud voices are more often aroused, so that pitch
and loudness alone don't identify the emotion. Taught in notebook 01.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.files import read_table

# Of each of EXPRESSIONS: arousal and valence at full intensity, as on the circumplex of
# J. A. Russell (1980), "A circumplex model of affect"; and what its voice has beyond
# them: pitch and its range (both of espeak-ng's 0..99) and rate (a share), in the
# spirit of P. N. Juslin and P. Laukka (2003), "Communication of emotions in vocal
# expression and music performance".
TABLE = {
    name: np.array(numbers, float)
    for name, *numbers in read_table(Path(__file__).with_name("emotions.csv"))
}
CIRCUMPLEX = np.stack([TABLE[name][:2] for name in EXPRESSIONS])
NEUTRAL = EXPRESSIONS.index("neutral")
CUE = 1.6  # strength of emotion in the voice; at 1 test speakers stay at chance
CONFOUNDING = 0.8  # log-odds of an emotion, per arousal and sd of the speaker's voice
CATEGORY_SHARE = 0.5  # the category's part in the face; the rest: arousal and valence
# Spread of microphones that are far apart: level in dB, tilt; noise in dB, room in s
FAR_LEVEL, FAR_TILT, FAR_NOISE, FAR_ROOM = 4.0, 0.15, (-60, -35), (0.1, 0.6)
WALK = 0.6  # deviation of a step of a mood that moves, in arousal and in valence
NEIGHBOURHOOD = 0.35  # reach of an expression in the plane of arousal and valence

# Accents of English that espeak-ng has; American twice as often.
ACCENTS = (
    "en-us",
    "en-us",
    "en",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-029",
)
VARIANTS = {
    "f": ("f1", "f2", "f3", "f4", "f5"),
    "m": ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"),
}


@dataclass(frozen=True)
class Speaker:
    """A speaker: what stays the same in all of their videos."""

    name: str  # "id00001"
    gender: str  # "f" or "m"
    accent: str
    variant: str
    pitch: float  # espeak-ng's 0..99
    pitch_range: float  # espeak-ng's 0..99
    rate: float  # words a minute
    loudness: float  # dB from the average speaker
    tilt: float  # coefficient of the spectral-tilt filter; > 0 brightens
    tract: float  # formant frequencies relative to the voice's; > 1: shorter tract
    articulation: float  # gain of the mouth's opening
    rounding: float  # gain of spreading and rounding the lips
    vividness: float  # how high and loud the voice is, in sd; confounded with arousal
    look: int  # seed of the face

    @property
    def voice(self) -> str:
        """The voice by espeak-ng's name."""
        return f"{self.accent}+{self.variant}"


@dataclass(frozen=True)
class EmotionalState:
    """The one emotional state of a video, or its course over S moments of a clip."""

    emotion: str
    intensity: float  # 0..1
    arousal: float | np.ndarray  # -1..1, or float[S]
    valence: float | np.ndarray  # likewise
    # float[7] or [7, S], sums to 1: the face's mixture of EXPRESSIONS
    expression: np.ndarray


@dataclass(frozen=True)
class Prosody:
    """How a sentence is spoken: espeak-ng's parameters and what filters do after it."""

    rate: float
    pitch: float
    pitch_range: float
    tract: float  # formants times this
    tilt: float
    presence: float  # dB at 2.8 kHz; the ring of a smile
    loudness: float  # dB


@dataclass(frozen=True)
class Recording:
    """The conditions of one recording."""

    level: float  # dB
    tilt: float
    noise: float  # dB below full scale, white
    lead: float  # s of silence before the speech
    tail: float  # s of silence after it
    room: float = 0.0  # s in which its echo falls by 60 dB; 0: none


def draw_speaker(name: str, rng: np.random.Generator) -> Speaker:
    """Draw a speaker of the embedded corpus."""
    gender = "f" if rng.random() < 0.45 else "m"
    accent, variant = rng.choice(ACCENTS), rng.choice(VARIANTS[gender])
    z = rng.normal(size=8)
    return Speaker(
        name=name,
        gender=gender,
        accent=str(accent),
        variant=str(variant),
        pitch=float(np.clip(50 + 14 * z[0], 15, 85)),
        pitch_range=float(np.clip(45 + 8 * z[1], 20, 75)),
        rate=float(np.clip(172 + 12 * z[2], 145, 205)),
        loudness=float(4 * z[3]),
        tilt=float(np.clip(0.18 * z[4], -0.45, 0.45)),
        tract=float(np.clip(1 + 0.05 * z[5], 0.88, 1.12)),
        articulation=float(np.exp(0.12 * z[6])),
        rounding=float(np.exp(0.12 * z[7])),
        vividness=float(np.clip((z[0] + z[3]) / np.sqrt(2), -2, 2)),
        look=int(rng.integers(1 << 30)),
    )


def emotion_probabilities(speaker: Speaker) -> np.ndarray:
    """Probability of each of EXPRESSIONS in a training video of a speaker, Array[7]."""
    weight = np.exp(CONFOUNDING * speaker.vividness * CIRCUMPLEX[:, 0])
    return weight / weight.sum()


def draw_emotions(
    speaker: Speaker, videos: int, rng: np.random.Generator, uniform: bool = False
) -> list[str]:
    """Emotion of each video of a speaker; no two neighbours are the same.

    `uniform` (test speakers): every emotion as often as any other.
    """
    if uniform:
        order = np.concatenate([rng.permutation(7) for _ in range(-(-videos // 7))])
        return [EXPRESSIONS[i] for i in order[:videos]]
    picks: list[int] = []
    for _ in range(videos):
        probability = emotion_probabilities(speaker)
        probability[picks[-1:]] = 0  # V_p needs another state than V_r
        picks.append(int(rng.choice(7, p=probability / probability.sum())))
    return [EXPRESSIONS[i] for i in picks]


def draw_state(emotion: str, rng: np.random.Generator) -> EmotionalState:
    """Draw the emotional state of a video that shows `emotion`."""
    category = EXPRESSIONS.index(emotion)
    intensity = 1.0 if category == NEUTRAL else float(rng.uniform(0.6, 1))
    place = CIRCUMPLEX[category] * intensity + 0.08 * rng.normal(size=2)
    arousal, valence = np.clip(place, -1, 1).tolist()
    expression = mixed_expression(category, intensity, arousal, valence)
    return EmotionalState(emotion, intensity, arousal, valence, expression)


def walk(
    start: EmotionalState, count: int, rng: np.random.Generator
) -> list[EmotionalState]:
    """States of `count` further phrases: steps in arousal and valence from a start.

    Each has the nearest category, the stronger the further it is from neutral.
    """
    states, place = [], np.array([start.arousal, start.valence])
    for _ in range(count):
        place = place + WALK * rng.normal(size=2)
        place = np.where(abs(place) > 1, np.sign(place) * 2 - place, place).clip(-1, 1)
        category = int(np.linalg.norm(CIRCUMPLEX - place, axis=1).argmin())
        intensity = min(float(np.linalg.norm(place)), 1.0)
        arousal, valence = place.tolist()
        shown = mixed_expression(category, intensity, arousal, valence)
        emotion = EXPRESSIONS[category]
        states.append(EmotionalState(emotion, intensity, arousal, valence, shown))
    return states


def course(
    states: Sequence[EmotionalState], middles: Sequence[float], moments: np.ndarray
) -> EmotionalState:
    """A state that goes from each phrase's to the next, held before and after.

    middles : s, of the phrases; moments : float[S] s. Returns arousal and valence
    float[S], expression float[7, S].
    """

    places = np.array([(s.arousal, s.valence, *s.expression) for s in states], float)
    arousal, valence, *shown = (np.interp(moments, middles, x) for x in places.T)
    return replace(
        states[0], arousal=arousal, valence=valence, expression=np.stack(shown)
    )


def mixed_expression(
    category: int, intensity: float, arousal: float, valence: float
) -> np.ndarray:
    """The face's mixture of EXPRESSIONS, Array[7] that sums to 1.

    One half is shared by all that are near in arousal and valence, the other half is
    the category's own, as strong as the emotion.
    """
    distance = np.linalg.norm(CIRCUMPLEX - (arousal, valence), axis=1)
    near = np.exp(-((distance / NEIGHBOURHOOD) ** 2) / 2)
    own = np.eye(7)[category] * intensity
    own[NEUTRAL] += 1 - intensity
    return (1 - CATEGORY_SHARE) * near / near.sum() + CATEGORY_SHARE * own


def draw_prosody(
    speaker: Speaker, state: EmotionalState, rng: np.random.Generator
) -> Prosody:
    """How `speaker` says a sentence in `state`."""
    arousal, valence = CUE * state.arousal, CUE * state.valence
    own_pitch, own_range, own_rate = (
        state.intensity * value for value in TABLE[state.emotion][2:]
    )
    tract = speaker.tract * (1 + 0.045 * valence)  # a smile shortens the tract
    # Resampling shifts the formants, but pitch and rate too, which is undone here.
    pitch = speaker.pitch + 13 * arousal + own_pitch - 2.5 * 12 * np.log2(tract)
    pitch_range = speaker.pitch_range + 22 * arousal + own_range
    rate = speaker.rate * (1 + 0.18 * arousal + own_rate) + 4 * rng.normal()
    return Prosody(
        rate=float(rate / tract),
        pitch=float(np.clip(pitch + 2 * rng.normal(), 0, 99)),
        pitch_range=float(np.clip(pitch_range + 3 * rng.normal(), 0, 99)),
        tract=float(tract),
        tilt=float(speaker.tilt + 0.26 * arousal),
        presence=float(6 * valence),
        loudness=float(speaker.loudness + 4.5 * arousal),
    )


def draw_recording(rng: np.random.Generator) -> Recording:
    """Draw the microphone and room of a video, with the silences of its first clip."""
    recording = Recording(
        level=float(rng.normal()),
        tilt=float(0.03 * rng.normal()),
        noise=float(-54 + 4 * rng.normal()),
        lead=0.0,
        tail=0.0,
    )
    return with_silences(recording, rng)


def draw_channel(rng: np.random.Generator) -> Recording:
    """Draw a microphone and a room far apart from others, yet without silences."""
    return Recording(
        level=float(FAR_LEVEL * rng.normal()),
        tilt=float(FAR_TILT * rng.normal()),
        noise=float(rng.uniform(*FAR_NOISE)),
        lead=0.0,
        tail=0.0,
        room=float(rng.uniform(*FAR_ROOM)),
    )


def with_silences(recording: Recording, rng: np.random.Generator) -> Recording:
    """The same recording with silences of another clip."""
    lead, tail = rng.uniform(0.25, 0.6), rng.uniform(0.2, 0.4)
    return replace(recording, lead=float(lead), tail=float(tail))

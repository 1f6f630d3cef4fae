"""How a face moves while it speaks: controls over time from phonemes and emotion.

Coarticulation by dominance functions, M. M. Cohen and D. W. Massaro (1993), "Modeling
coarticulation in synthetic visual speech": each target has a dominance, which decays
away from its sound, and the mouth follows the mean of all targets weighted by it. Here
dominance decays as a Gaussian and leads the sound, since lips move before they sound.
Taught in notebook 01. Axis S: steps at CLOCK a second.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.features.phones import PAUSE, viseme_parts
from emoface_lib.synthetic.factors import EmotionalState, Speaker
from emoface_lib.synthetic.heads.shape import CONTROLS
from emoface_lib.synthetic.speech import Speech
from emoface_lib.synthetic.visemes import VISEMES, Viseme

CLOCK = 200  # steps a second in which motion is made
# Standard deviation of dominance, and by how much it leads the sound, s. The jaw leads
# by some 40 ms: J.-L. Schwartz and C. Savariaux (2014), "No, there is no 150 ms lead of
# visual speech on auditory speech". Rounding reaches further than opening, and comes a
# video frame after it in all of GRID's talkers (benchmarks/mouths.py).
JAW_TIMING = (0.060, 0.040)
LIP_TIMING = (0.075, 0.0)
# Lips meet for p, b and m at about 0.2 m/s: A. Lofqvist and V. L. Gracco (1997), "Lip
# and jaw kinematics in bilabial stop consonant production".
CLOSURE_RAMP = 0.070  # s; lips take that long to meet or part
CLOSURE_HOLD = 0.042  # s; longer than a video frame, so that one shows the lips closed
RELEASE = 0.030  # s before a closing sound ends, when the lips part
# Stressed vowels are articulated fully, unstressed ones are reduced: K. de Jong (1995),
# "The supraglottal articulation of prominence in English".
STRESS_GAIN = (0.8, 1.3)  # gain of a vowel's opening, unstressed and stressed
# Louder syllables have wider mouths: C. Chandrasekaran et al. (2009), "The natural
# statistics of audiovisual speech".
LOUDNESS_GAIN = 0.5  # exponent of a moment's loudness, relative to the clip's speech
LOUDNESS_LIMITS = (0.7, 1.3)  # least and largest gain by loudness
LOUDNESS_SPREAD = 0.100  # s; about half a syllable


def move(
    speech: Speech,
    speaker: Speaker,
    state: EmotionalState,
    rng: np.random.Generator,
    rate: float = VIDEO_RATE,
) -> dict[str, np.ndarray]:
    """Controls of the face, Array[F] each, by the names in CONTROLS.

    Frame f shows the time (f + 0.5) / rate. The motion itself does not depend on
    `rate`: what 50 frames a second show is the same movement. state : one for all of
    it, or its course over the steps.
    """
    steps = round(speech.seconds * CLOCK)
    accent = accents(speech, steps)
    mouth = mouth_controls(speech, steps)
    # the excited open wider and spread and round their lips more
    mouth["open"] *= speaker.articulation * np.exp(0.5 * state.arousal)
    mouth["wide"] *= speaker.rounding * (1 + 0.2 * state.arousal)
    mouth["wide"] = np.clip(mouth["wide"], -1, 1)
    mouth["open"] = np.clip(mouth["open"], 0, 1)  # `press` and `tuck` close it
    raised = 0.2 * accent * np.exp(state.arousal)  # brows, most in lively speech
    controls = {
        **mouth,
        "blink": blinks(steps, rng),
        **gaze(steps, rng),
        **expressions(state, raised, rng),
        **head(accent, state, rng),
    }
    return _sampled(controls, speech.seconds, rate)


def mouth_controls(speech: Speech, steps: int) -> dict[str, np.ndarray]:
    """The mouth at average articulation, calm: open, wide, press, tuck, protrude.

    Returns float[S] each, S = steps at CLOCK a second: wide in -1..1, the others 0..1.
    """
    parts = list(segments(speech))
    wanted = {name: np.zeros(steps) for name in Viseme._fields}
    for viseme, start, end, gain in parts:
        here = slice(round(start * CLOCK), max(round(end * CLOCK), 0))
        for name, value in viseme._asdict().items():
            wanted[name][here] = value * (gain if name == "open" else 1)
    mouth = {"open": blend(wanted["open"], wanted["firmness"], *JAW_TIMING)}
    mouth["open"] *= loudness_gain(speech, steps)
    for name in ("wide", "protrude"):
        mouth[name] = blend(wanted[name], wanted["shape"], *LIP_TIMING)
    for name in ("press", "tuck"):
        mouth[name] = _closures(parts, name, steps)
    return mouth


def segments(speech: Speech) -> list[tuple[Viseme, float, float, float]]:
    """(viseme, start s, end s, gain of opening) of every part of every phoneme."""
    found = []
    for name, start, end, stress in zip(
        speech.names, speech.start, speech.end, speech.stress, strict=True
    ):
        parts = viseme_parts(name)
        edges = np.linspace(start, end, len(parts) + 1)
        gain = STRESS_GAIN[0] + (STRESS_GAIN[1] - STRESS_GAIN[0]) * stress
        for part, a, b in zip(parts, edges[:-1], edges[1:], strict=True):
            found.append((VISEMES[part], a, b, gain if part[0] in "AEIOU" else 1.0))
    return found


def blend(
    target: np.ndarray, dominance: np.ndarray, spread: float, lead: float
) -> np.ndarray:
    """Mean of targets weighted by dominances that fade as Gaussians and come early.

    target, dominance : float[S] at CLOCK a second; spread, lead : s. Returns float[S],
    linear in the targets.
    """
    sigma, ahead = spread * CLOCK, round(lead * CLOCK)
    weight = gaussian_filter1d(dominance, sigma, mode="nearest")
    mean = gaussian_filter1d(target * dominance, sigma, mode="nearest")
    mean /= np.maximum(weight, 1e-6)
    return np.concatenate([mean[ahead:], np.repeat(mean[-1:], ahead)])


def _closures(
    parts: list[tuple[Viseme, float, float, float]], name: str, steps: int
) -> np.ndarray:
    """How far the lips press or tuck: held while it sounds, with smooth ramps."""
    time = (np.arange(steps) + 0.5) / CLOCK
    closed = np.zeros(steps)
    for viseme, start, end, _ in parts:
        amount = getattr(viseme, name)
        if amount:
            until = max(end - RELEASE, start + CLOSURE_HOLD)
            outside = np.maximum(start - time, time - until)
            ramp = np.clip(1 - outside / CLOSURE_RAMP, 0, 1)
            closed = np.maximum(closed, amount * (3 - 2 * ramp) * ramp**2)
    return closed


def accents(speech: Speech, steps: int) -> np.ndarray:
    """How much each moment is accented: stressed sounds, by their loudness.

    Returns float[S] in 0..1, S = steps at CLOCK a second.
    """
    stressed = np.zeros(steps)
    for start, end, stress in zip(speech.start, speech.end, speech.stress, strict=True):
        stressed[round(start * CLOCK) : round(end * CLOCK)] = stress
    loud = loudness(speech, steps)
    return gaussian_filter1d(stressed * loud, 0.08 * CLOCK, mode="nearest")


def loudness(speech: Speech, steps: int) -> np.ndarray:
    """Loudness over time, relative to the clip's loudest moment.

    Returns float[S] in 0..1, a ratio of amplitudes, S = steps at CLOCK a second.
    """
    hop = speech.rate / CLOCK
    edges = (np.arange(steps + 1) * hop).astype(int)
    total = np.concatenate([[0.0], np.cumsum(speech.samples.astype(np.float64) ** 2)])
    power = np.diff(total[np.minimum(edges, len(total) - 1)]) / hop
    level = np.sqrt(gaussian_filter1d(power, 0.02 * CLOCK, mode="nearest"))
    return level / max(level.max(), 1e-9)


def loudness_gain(speech: Speech, steps: int) -> np.ndarray:
    """Gain of the mouth's opening by loudness relative to the clip's speech.

    Returns float[S] within LOUDNESS_LIMITS, a factor, S = steps at CLOCK a second.
    """
    time = (np.arange(steps) + 0.5) / CLOCK
    spoken = np.zeros(steps, bool)
    for name, start, end in zip(speech.names, speech.start, speech.end, strict=True):
        if name != PAUSE:
            spoken |= (time >= start) & (time < end)
    level = gaussian_filter1d(loudness(speech, steps), LOUDNESS_SPREAD * CLOCK)
    relative = level / max(level[spoken].mean(), 1e-9)
    return np.clip(relative**LOUDNESS_GAIN, *LOUDNESS_LIMITS)


def expressions(
    state: EmotionalState, raised: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Weights of the expressions over time: they swell and fade.

    raised : float[S], added to "surprise" as raised brows, S steps at CLOCK a second.
    Returns float[S] in 0..1.2 by expression, all but "neutral".
    """
    swell = np.clip(1 + 0.2 * wander(len(raised), 0.3, rng), 0.5, 1.5)
    weights = {}
    for name, weight in zip(EXPRESSIONS[:-1], state.expression[:-1], strict=True):
        own = 0.03 * wander(len(raised), 0.25, rng)
        weights[name] = weight * swell + own
    weights["surprise"] = weights["surprise"] + raised
    return {name: np.clip(weight, 0, 1.2) for name, weight in weights.items()}


def blinks(steps: int, rng: np.random.Generator) -> np.ndarray:
    """Blinks: on average one in 3.4 s, 80 ms to close and 160 ms to open.

    Returns float[S] from 0 open to 1 closed, S = steps at CLOCK a second.
    """
    time = np.arange(steps) / CLOCK
    closed = np.zeros(steps)
    when = rng.exponential(2.5)
    while when < steps / CLOCK:
        since = time - when
        closing, opening = since / 0.08, 1 - (since - 0.12) / 0.16
        closed = np.maximum(closed, np.clip(np.minimum(closing, opening), 0, 1))
        when += 0.4 + rng.exponential(3)
    return (3 - 2 * closed) * closed**2


def gaze(steps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Where the eyes look: held for a second on average, then a quick jump.

    Returns "gaze_x" and "gaze_y", float[S] within -1..1, S = steps at CLOCK a second.
    """
    jumps = np.cumsum(rng.random(steps) < 1 / CLOCK)
    places = np.clip(0.3 * rng.normal(size=(2, jumps[-1] + 1)), -1, 1)
    x, y = gaussian_filter1d(places[:, jumps], 0.012 * CLOCK, mode="nearest")
    return {"gaze_x": x, "gaze_y": 0.6 * y}


def head(
    accent: np.ndarray, state: EmotionalState, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Pose and shift of the head: slow wandering, nods on accents.

    accent : float[S] in 0..1, from `accents`. Returns float[S] by name: yaw, pitch and
    roll in degrees, shift_x and shift_y in px of a picture of 224 px.
    """
    steps, lively = len(accent), np.exp(0.5 * state.arousal)
    nods = gaussian_filter1d(accent, 0.06 * CLOCK, mode="nearest")
    limits = {"yaw": (6.0, 20.0), "pitch": (3.0, 12.0), "roll": (2.5, 10.0)}
    motion = {}
    for name, (spread, limit) in limits.items():
        held, moving = rng.normal(), lively * wander(steps, 0.35, rng)
        motion[name] = np.clip(spread * (0.7 * held + 0.5 * moving), -limit, limit)
    motion["pitch"] = np.clip(motion["pitch"] + 3 * lively * nods, -12, 12)
    for name in ("shift_x", "shift_y"):
        motion[name] = 2.5 * rng.normal() + 1.2 * lively * wander(steps, 0.4, rng)
    return motion


def wander(steps: int, smooth: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth Gaussian noise of unit variance, float[S], S = steps at CLOCK a second.

    smooth : standard deviation of the smoothing Gaussian, s.
    """
    sigma = smooth * CLOCK
    margin = int(3 * sigma)
    noise = rng.normal(size=steps + 2 * margin)
    # white noise smoothed by a Gaussian keeps 1 / (2 sigma sqrt(pi)) of its variance
    scale = np.sqrt(2 * sigma * np.sqrt(np.pi))
    smoothed = gaussian_filter1d(noise, sigma, mode="nearest", truncate=3.0)
    return scale * smoothed[margin : margin + steps]


def _sampled(
    controls: dict[str, np.ndarray], seconds: float, rate: float
) -> dict[str, np.ndarray]:
    """Controls at the middles of the frames that fit into `seconds`."""
    frames = int(seconds * rate + 1e-6)
    wanted = (np.arange(frames) + 0.5) / rate
    known = (np.arange(len(controls["open"])) + 0.5) / CLOCK
    return {
        name: np.interp(wanted, known, controls[name]).astype(np.float32)
        for name in CONTROLS
    }

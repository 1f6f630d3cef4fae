"""Recorded speech: espeak-ng's voice, changed by prosody and recording conditions."""

import numpy as np
from scipy.signal import fftconvolve, lfilter, resample_poly

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.features.phones import PAUSE
from emoface_lib.synthetic.factors import Prosody, Recording
from emoface_lib.synthetic.speech import ESPEAK_RATE, Speech, synthesize

SHORTEST = 2.4  # s; training crops of 2 s fit with room, silence fills short clips
LEVEL = 0.04  # root mean square of average speech, full scale 1
RESAMPLING = 160  # numerator; 22,050 Hz -> 16 kHz is 160 / 220.5
SMILE_FREQUENCY = 2800.0  # Hz
SMILE_QUALITY = 0.9  # Q of the peak
ECHO = 0.25  # energy of a room's echo as a share of the direct sound's


def speak(
    text: str,
    voice: str,
    prosody: Prosody,
    recording: Recording,
    rng: np.random.Generator,
) -> Speech:
    """Speech at 16 kHz: formants, tilt, presence and level set, silence around, noise.

    Its phonemes have the silences before and after as pauses.
    Taught in notebook 01.
    """
    dry = synthesize(text, voice, prosody.rate, prosody.pitch, prosody.pitch_range)
    down = round(RESAMPLING * ESPEAK_RATE / SAMPLE_RATE * prosody.tract)
    samples = resample_poly(dry.samples, RESAMPLING, down).astype(np.float64)
    samples = tilted(samples, prosody.tilt + recording.tilt)
    samples = peaked(samples, prosody.presence)
    level = LEVEL * 10 ** ((prosody.loudness + recording.level) / 20)
    samples *= level / (np.sqrt(np.mean(samples**2)) + 1e-6)
    lead = round(recording.lead * SAMPLE_RATE)
    shortest = round(SHORTEST * SAMPLE_RATE) - lead - len(samples)
    tail = max(round(recording.tail * SAMPLE_RATE), shortest)
    samples = echoed(np.pad(samples, (lead, tail)), recording.room)
    samples += rng.normal(size=len(samples)) * 10 ** (recording.noise / 20)
    stretch = down / RESAMPLING * SAMPLE_RATE / ESPEAK_RATE  # factor of frequencies
    return _with_silences(dry, np.clip(samples, -1, 1), stretch, recording.lead)


def tilted(samples: np.ndarray, tilt: float) -> np.ndarray:
    """Tilt the spectrum: tilt > 0 takes bass away, tilt < 0 treble.

    samples : float[S] at 16 kHz; tilt : the filter's coefficient, clipped to -0.7..0.7.
    Returns float[S].
    """
    tilt = float(np.clip(tilt, -0.7, 0.7))
    return lfilter([1, -max(tilt, 0)], [1, min(tilt, 0)], samples)


def peaked(samples: np.ndarray, gain: float) -> np.ndarray:
    """Raise the spectrum at 2.8 kHz, as a smile does, by a peaking filter.

    samples : float[S] at 16 kHz; gain : dB at the peak. Returns float[S].
    Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients".
    """
    amplitude = 10 ** (gain / 40)
    angle = 2 * np.pi * SMILE_FREQUENCY / SAMPLE_RATE
    alpha, middle = np.sin(angle) / 2 / SMILE_QUALITY, -2 * np.cos(angle)
    numerator = [1 + alpha * amplitude, middle, 1 - alpha * amplitude]
    denominator = [1 + alpha / amplitude, middle, 1 - alpha / amplitude]
    return lfilter(numerator, denominator, samples)


def echoed(samples: np.ndarray, room: float) -> np.ndarray:
    """Add a room's echo: noise that falls by 60 dB in `room` s; 0: none.

    samples : float[S] at 16 kHz. Returns float[S].
    """
    if not room:
        return samples
    time = np.arange(1, room * SAMPLE_RATE) / SAMPLE_RATE
    echo = np.random.default_rng(0).normal(size=len(time)) * 10 ** (-3 * time / room)
    echo *= np.sqrt(ECHO / np.sum(echo**2))
    return fftconvolve(samples, np.append(1, echo))[: len(samples)]


def _with_silences(
    dry: Speech, samples: np.ndarray, stretch: float, lead: float
) -> Speech:
    """Phonemes of `dry` at their places in `samples`, with a pause before and after."""
    end_of_speech = lead + dry.seconds / stretch
    names = (PAUSE, *dry.names, PAUSE)
    start = np.array([0, *(lead + dry.start / stretch), end_of_speech])
    end = np.append(start[1:], len(samples) / SAMPLE_RATE)
    stress = np.pad(dry.stress, 1)
    return Speech(samples.astype(np.float32), names, start, end, stress, SAMPLE_RATE)

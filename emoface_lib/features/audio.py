"""From waveform to log-mel, as AutoVC and MakeItTalk compute it, on a 20-ms clock.

Taught in notebook 02.
"""

from functools import lru_cache

import librosa
import numpy as np
from scipy.signal import butter, filtfilt, get_window

from emoface_lib.core.clip import HOP_LENGTH, MEL_BANDS, SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import VIDEO_RATE

WINDOW_LENGTH = 1024  # samples; 64 ms
HALF_WINDOW = WINDOW_LENGTH // 2
HIGH_PASS = 30.0  # Hz; removes the microphone's rumble
LEVEL = 0.96  # AutoVC scales the waveform by it
FIRST_BAND, LAST_BAND = 90.0, 7600.0  # Hz; where the mel bands begin and end
FLOOR = 1e-5  # smallest amplitude before the logarithm; -100 dB
REFERENCE_DB = 16.0  # subtracted, so that loud speech comes near 1
MINUTE = 60 * SAMPLE_RATE  # samples that are filtered together
BATCH = 2000  # frames that are transformed together; ten minutes at once take 0.5 GB
QUIETEST = -100.0  # dBFS; given to digital silence
NO_RUMBLE = butter(5, HIGH_PASS, btype="high", fs=SAMPLE_RATE)  # a filter
HANN = get_window("hann", WINDOW_LENGTH).astype(np.float32)
VIDEO_FRAME = SAMPLE_RATE // VIDEO_RATE  # samples of a video frame


def log_mel(
    samples: np.ndarray,
    hop_length: int = HOP_LENGTH,
    first_centre: int | None = None,
) -> np.ndarray:
    """Log-mel spectrogram in [0, 1].

    samples : float[S] at 16 kHz, peak about 1. Frame t is centred at sample
    `first_centre + t * hop_length`; by default in the middle of its own 20 ms. AutoVC's
    own clock is `hop_length=256, first_centre=0`.
    Returns float32[T, 80] with T = 1 + (S - first_centre) // hop_length. Raises
    InputError if there are no samples, or one is NaN or infinite.
    Taught in notebook 02, paper section 3.1 and AutoVC's `make_spect`.
    """
    centre = hop_length // 2 if first_centre is None else first_centre
    padded = _filtered(checked(samples))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_LENGTH)
    frames = windows[centre::hop_length]
    parts = np.array_split(frames, 1 + len(frames) // BATCH)
    spectra = (np.abs(np.fft.rfft(part * HANN)) for part in parts)
    mels = (np.maximum(FLOOR, spectrum @ _mel_filters()) for spectrum in spectra)
    levels = ((20 * np.log10(mel) - REFERENCE_DB + 100) / 100 for mel in mels)
    return np.concatenate([each.clip(0, 1).astype(np.float32) for each in levels])


def _filtered(samples: np.ndarray) -> np.ndarray:
    """A sound without rumble, mirrored at both ends: float32[S + 2 HALF_WINDOW].

    samples : float[S]; a minute after the other is filtered, which needs 64 bits.
    """
    padded = np.empty(len(samples) + 2 * HALF_WINDOW, np.float32)
    filtered = padded[HALF_WINDOW:-HALF_WINDOW]
    for start in range(0, len(samples), MINUTE):
        first = max(0, start - SAMPLE_RATE)  # what rumbles a second before has faded
        part = samples[first : start + MINUTE + SAMPLE_RATE].astype(float)
        part = filtfilt(*NO_RUMBLE, part)[start - first :][:MINUTE]
        filtered[start : start + MINUTE] = part * LEVEL
    padded[:HALF_WINDOW] = filtered[HALF_WINDOW:0:-1]
    padded[-HALF_WINDOW:] = filtered[-2 : -HALF_WINDOW - 2 : -1]
    return padded


def griffin_lim(mel: np.ndarray) -> np.ndarray:
    """A sound whose log-mel is near `mel`: its phases are guessed, so it is hoarse.

    mel : float[T, 80] in [0, 1], 50 frames/s; returns float32[320 T] at 16 kHz. To
    listen to AutoVC's output. Griffin and Lim 1984, by librosa.
    """
    amplitudes = 10 ** ((100 * np.asarray(mel, float) - 100 + REFERENCE_DB) / 20)
    spectrum = np.maximum(0, amplitudes @ np.linalg.pinv(_mel_filters()))  # (T, 513)
    samples = librosa.griffinlim(spectrum.T, hop_length=HOP_LENGTH, random_state=0)
    middle = np.zeros(HOP_LENGTH // 2)  # librosa's first frame is centred at sample 0
    whole = np.concatenate([middle, samples / LEVEL, middle])[: len(mel) * HOP_LENGTH]
    return whole.astype(np.float32)


def frame_loudness(samples: np.ndarray) -> np.ndarray:
    """Loudness of a voice in video frames: float32[F] dBFS, at least QUIETEST.

    samples : float[S] at 16 kHz; one frame for each started 40 ms.
    """
    whole, rest = np.split(samples, [len(samples) // VIDEO_FRAME * VIDEO_FRAME])
    power = (whole.reshape(-1, VIDEO_FRAME) ** 2).mean(1)
    if len(rest):
        power = np.append(power, (rest**2).mean())
    return 10 * np.log10(np.maximum(power, 10 ** (QUIETEST / 10)))


def checked(samples: np.ndarray) -> np.ndarray:
    """A sound that can be mirrored at its ends: float[S], S > HALF_WINDOW.

    samples : float[S]; a shorter one is followed by silence. Raises InputError if there
    are none, or one is NaN or infinite.
    """
    if not len(samples):
        raise InputError("There is no sound: it has 0 samples. Give a longer one.")
    if not np.isfinite(samples).all():
        raise InputError("The sound holds values that are NaN or infinite: mend it.")
    missing = HALF_WINDOW + 1 - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples


@lru_cache
def _mel_filters() -> np.ndarray:
    """float32[513, 80], as librosa makes them, whose import takes half a second."""
    # Slaney's mel scale: Hz a mel up to 1 kHz; log Hz above
    linear, log_step = 200 / 3, np.log(6.4) / 27
    knee = 1000 / linear
    last = knee + np.log(LAST_BAND / 1000) / log_step
    mels = np.linspace(FIRST_BAND / linear, last, MEL_BANDS + 2)
    above = 1000 * np.exp(log_step * (mels - knee))
    edges = np.where(mels < knee, linear * mels, above)  # begin, peak, end of bands, Hz
    ramps = edges[:, None] - np.fft.rfftfreq(WINDOW_LENGTH, 1 / SAMPLE_RATE)
    widths = np.diff(edges)[:, None]
    rise, fall = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    filters = np.maximum(0, np.minimum(rise, fall)).astype(np.float32)
    filters *= 2 / (edges[2:] - edges[:-2])[:, None]
    return filters.T

"""F_a by AutoVC: a mel converted to one fixed speaker, or the content codes.

A mel is converted in windows that overlap, since AutoVC is trained on short crops.
Taught in notebook 02.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from emoface_lib.core.checkpoints import (
    load_foreign,
    load_model,
    read_settings,
    save_model,
)
from emoface_lib.core.clip import CODE_SIZE, MEL_BANDS
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_array, write_npz
from emoface_lib.core.fresh import made_from
from emoface_lib.core.landmarks import FRAME_RATE
from emoface_lib.core.settings import Heard, Settings
from emoface_lib.core.training import Metrics, Schedule, crop_batch, device_of, fit
from emoface_lib.features.audio import log_mel
from emoface_lib.features.autovc import AutoVC, SpeakerEncoder
from emoface_lib.features.phonetic import GIVEN, phonetic_code
from emoface_lib.features.speaker import read_embeddings

STEP = 128  # frames that a window gives; a multiple of every freq, as is MARGIN
MARGIN = 32  # frames of context on both sides of them, 0.64 s
WINDOW = STEP + 2 * MARGIN
CONVERTED = {"autovc", "codes"}  # kinds of features that AutoVC makes
BATCH = 8  # windows that pass through the network together
OFFICIAL_RATE = 62.5  # frames/s of the official checkpoint
WHERE = (
    "download autovc.ckpt and 3000000-BL.ckpt, its encoder of speakers, as the README "
    "of github.com/auspicious3000/autovc says, and give their paths with -p "
    "autovc_checkpoint=PATH -p autovc_speaker_encoder=PATH"
)
PART = 128  # frames by which the official encoder of speakers tells one
MODEL, SPEAKERS = Path("autovc", "model.safetensors"), Path("speakers.npz")
ENCODER, TARGET = Path("autovc", "speakers.safetensors"), Path("autovc", "target.npz")


def heard_features(samples: np.ndarray, kind: str) -> np.ndarray:
    """A voice's log-mel, float32[T, 80]; for the kind "phonetic" float32[T, 224].

    samples : float[S] at 16 kHz. The phonetic code comes first, less its running mean:
    the mean over all frames up to the end of its 8 s, which a stream knows as well; so
    a voice of up to 8 s loses its own mean, and with it who speaks and in what mood.
    Raises InputError as `log_mel` and `phonetic_code`.
    """
    mel = log_mel(samples)
    if kind != "phonetic":
        return mel
    code = phonetic_code(samples)
    total = np.zeros(code.shape[1])
    for start in range(0, len(code), GIVEN):
        part = code[start : start + GIVEN]
        total += part.sum(0, dtype=float)
        part -= total / (start + len(part))
    return np.concatenate([code, mel], axis=1, dtype=np.float32)


@dataclass(frozen=True)
class LogMel:
    """F_a is some of what `heard_features` gives: every voice keeps its own sound.

    start, stop : of the numbers of a frame.
    """

    start: int = 0
    stop: int | None = None
    needs_speaker: ClassVar[bool] = False

    def whole(self, heard: np.ndarray, speaker: np.ndarray | None = None) -> np.ndarray:
        """F_a float32[T, D] of `heard_features`, float32[T, 80 or 224]: its part."""
        return heard[:, self.start : self.stop]


@dataclass(frozen=True)
class Conversion:
    """F_a is what AutoVC makes of a log-mel.

    target : float32[256], the fixed speaker; codes : return the content codes instead,
    float32[T, 2 neck], in place of the converted mel, float32[T, 80]; rate : of the
    network, frames/s; where it is not 50, windows are resampled in time; encoder : of
    speakers, if the network does not know GE2E's embeddings.
    """

    model: AutoVC
    target: np.ndarray
    codes: bool = False
    rate: float = FRAME_RATE
    encoder: SpeakerEncoder | None = None
    needs_speaker: ClassVar[bool] = True

    @torch.inference_mode()
    def whole(self, heard: np.ndarray, speaker: np.ndarray | None = None) -> np.ndarray:
        """F_a float32[T, D] of `heard_features`, float32[T, 80 or 224]: of its log-mel.

        speaker : GE2E embedding float32[256] of who speaks; None takes the target's,
        and with an encoder it is that of the mel itself. The middles of overlapping
        windows are taken; both ends are held.
        """
        mel = heard[:, -MEL_BANDS:]
        if self.encoder:
            speaker = encode_speaker(self.encoder, [mel])
        count = -(-len(mel) // STEP)
        after = count * STEP - len(mel) + MARGIN
        held = np.pad(mel, ((MARGIN, after), (0, 0)), mode="edge")
        windows = torch.from_numpy(held).unfold(0, WINDOW, STEP).transpose(1, 2)
        source = torch.from_numpy(self.target if speaker is None else speaker)
        said = [self._said(batch, source) for batch in windows.split(BATCH)]
        return torch.cat(said)[:, MARGIN:-MARGIN].flatten(0, 1)[: len(mel)].numpy()

    def _said(self, mel: Tensor, source: Tensor) -> Tensor:
        """F_a of windows : Tensor[K, WINDOW, 80], by the network on its own clock."""
        ratio = FRAME_RATE / self.rate  # our frames in one of the network's
        frames = -(-round(WINDOW / ratio) // self.model.freq) * self.model.freq
        there = resample(mel, torch.arange(frames) * ratio)
        source, target = (
            one.expand(len(mel), -1) for one in (source, torch.from_numpy(self.target))
        )
        if self.codes:
            codes = self.model.encoder(there, source)
            said = codes.repeat_interleave(self.model.freq, dim=1)
        else:
            said = self.model(there, source, target)[1]
        return resample(said, torch.arange(WINDOW) / ratio)


@dataclass(frozen=True)
class Apart:
    """F_a is what content hears, and after it what style hears."""

    content: LogMel | Conversion
    style: LogMel | Conversion

    @property
    def needs_speaker(self) -> bool:
        """Whether one of them is told who speaks."""
        return self.content.needs_speaker or self.style.needs_speaker

    def whole(self, heard: np.ndarray, speaker: np.ndarray | None = None) -> np.ndarray:
        """F_a float32[T, D], see `LogMel.whole` and `Conversion.whole`."""
        both = (part.whole(heard, speaker) for part in (self.content, self.style))
        return np.concatenate([*both], axis=1)


FeatureMaker = LogMel | Conversion | Apart


@torch.inference_mode()
def encode_speaker(encoder: SpeakerEncoder, mels: Sequence[np.ndarray]) -> np.ndarray:
    """The official AutoVC's embedding of a speaker: float32[256].

    mels : log-mels float32[T, 80] of utterances. As in its `make_metadata.py`, the mean
    over parts of 128 frames, here of all of them; a shorter mel is one part.
    """
    parts = []
    for mel in map(torch.from_numpy, mels):
        count = round(len(mel) * OFFICIAL_RATE / FRAME_RATE)
        there = resample(mel[None], torch.arange(count) * FRAME_RATE / OFFICIAL_RATE)
        size = min(PART, count)
        parts.append(encoder(there[0].unfold(0, size, size).transpose(1, 2)))
    return torch.cat(parts).mean(0).numpy()


def resample(frames: Tensor, places: Tensor) -> Tensor:
    """Interpolate frames : Tensor[B, T, D] at places : float[P], the ends held.

    Returns Tensor[B, P, D]; place t is frame t.
    """
    places = places.clamp(0, frames.shape[1] - 1)
    before = places.floor().long()
    after = (before + 1).clamp(max=frames.shape[1] - 1)
    return torch.lerp(
        frames[:, before], frames[:, after], (places - before)[:, None].to(frames)
    )


def autovc_loss(
    model: AutoVC, mel: Tensor, speaker: Tensor, code_weight: float
) -> Metrics:
    """Reconstruction, post-net and code loss of a batch, with each mel's own speaker.

    mel : Tensor[B, T, 80], T a multiple of freq; speaker : Tensor[B, 256]. AutoVC,
    equations (3) to (7) and its published training code.
    """
    drawn, sharpened, codes = model(mel, speaker, speaker)
    again = model.encoder(sharpened, speaker)
    losses = {
        "loss/mel": mse_loss(drawn, mel),
        "loss/postnet": mse_loss(sharpened, mel),
        "loss/code": l1_loss(again, codes),
    }
    both = losses["loss/mel"] + losses["loss/postnet"]
    return {"loss": both + code_weight * losses["loss/code"], **losses}


def train_autovc(
    mels: Sequence[np.ndarray],
    speakers: Sequence[str],
    embeddings: Mapping[str, np.ndarray],
    folder: Path,
    settings: Settings,
) -> tuple[AutoVC, pd.DataFrame]:
    """Train AutoVC on utterances: log-mels float32[T, 80] and who speaks them.

    Leaves `model.safetensors` and `log.csv` in `folder`; returns model and log. Taught
    in notebook 02.
    """
    torch.manual_seed(settings.seed)
    model = new_autovc(settings)
    least = settings.autovc.crop  # shorter ones would shorten their whole batch
    sequences = [(torch.from_numpy(_held(mel, least)),) for mel in mels]
    sources = torch.from_numpy(np.stack([embeddings[name] for name in speakers]))

    def loss(_: int, generator: np.random.Generator) -> Metrics:
        device = device_of(model)
        chosen = generator.integers(len(sequences), size=settings.autovc.batch)
        batch = [sequences[i] for i in chosen]
        (mel,) = crop_batch(batch, settings.autovc.crop, generator)
        whole = mel.shape[1] // model.freq * model.freq
        weight = settings.autovc.code_weight
        mel, speaker = mel[:, :whole].to(device), sources[chosen].to(device)
        return autovc_loss(model, mel, speaker, weight)

    rate = settings.autovc.learning_rate
    schedule = Schedule(settings.autovc.steps, rate, 0.0, settings.training.schedule)
    source = made_from(settings, ["autovc"], __name__, mels, sources)
    return model, fit(model, loss, schedule, folder, settings, source, exact=True)


def _held(mel: np.ndarray, frames: int) -> np.ndarray:
    """At least so many frames: a shorter mel float32[T, 80] holds its last one."""
    return np.pad(mel, ((0, max(0, frames - len(mel))), (0, 0)), mode="edge")


def new_autovc(settings: Settings) -> AutoVC:
    """AutoVC in the sizes of the settings; the official ones if it is given."""
    if settings.autovc.checkpoint:
        return AutoVC()
    return AutoVC(
        neck=settings.autovc.neck,
        freq=settings.autovc.freq,
        pre=settings.autovc.pre,
        width=settings.autovc.width,
        post=settings.autovc.post,
    )


def load_official(settings: Settings) -> tuple[AutoVC, SpeakerEncoder]:
    """The official network and its encoder of speakers, in evaluation mode.

    Raises InputError that says where to get them, or that a file holds something else.
    """
    networks = AutoVC(), SpeakerEncoder()
    paths = settings.autovc.checkpoint, settings.autovc.speaker_encoder
    keys = ("model",), ("model_b",)
    for path, network, key in zip(paths, networks, keys, strict=True):
        if not Path(path).is_file():
            raise InputError(f"The official AutoVC needs two files: {WHERE}.")
        load_foreign(path, network, key, f"{path} is not the official AutoVC: {WHERE}.")
    return networks


def keep_official(folder: Path, settings: Settings, mels: Sequence[np.ndarray]) -> None:
    """Put the official checkpoint where later notebooks look for AutoVC.

    folder : the run's `audio`; mels : log-mels float32[T, 80] of the speaker to whom
    all voices are converted. Raises InputError as `load_official`.
    """
    model, encoder = load_official(settings)
    save_model(folder / ENCODER, encoder, settings)
    write_npz(folder / TARGET, embedding=encode_speaker(encoder, mels))
    save_model(folder / MODEL, model, settings)


def load_features(folder: Path, settings: Settings) -> FeatureMaker:
    """What makes F_a of `heard_features`, as `settings.features` says.

    folder : the run's `audio`, as notebook 02 leaves it. The target is the first
    speaker of `speakers.npz`. Raises InputError if something is missing there.
    """
    content, style = settings.features.kinds
    if content == style:
        return _load_part(folder, style)
    code = LogMel(stop=CODE_SIZE)
    first = code if content == "phonetic" else _load_part(folder, content)
    return Apart(first, _load_part(folder, style))


def _load_part(folder: Path, kind: Heard) -> LogMel | Conversion:
    """What makes the features of one kind, the phonetic code with the log-mel."""
    if kind in ("log_mel", "phonetic"):
        return LogMel(-MEL_BANDS if kind == "log_mel" else 0)
    if not (folder / MODEL).exists():
        raise InputError(
            f"{folder / MODEL} is missing: run notebook 02_audio_features first, or "
            "take features = 'log_mel'."
        )
    made_by = read_settings(folder / MODEL)
    model = new_autovc(made_by)
    load_model(folder / MODEL, model)
    codes = kind == "codes"
    if made_by.autovc.checkpoint:
        load_model(folder / ENCODER, encoder := SpeakerEncoder())
        target = read_array(folder / TARGET, "embedding")
        return Conversion(model, target, codes, OFFICIAL_RATE, encoder)
    target = next(iter(read_embeddings(folder / SPEAKERS).values()))
    return Conversion(model, target, codes)

"""The paper's steps 1 and 2, which share one loop.

Step 1 is taught in notebook 04, step 2 in 05; paper section 4.2.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from emoface_lib.core.checkpoints import feature_size, load_model, read_settings
from emoface_lib.core.clip import EXPRESSIONS, Clip, feature_sizes
from emoface_lib.core.data_parallel import share
from emoface_lib.core.errors import InputError
from emoface_lib.core.fresh import made_from
from emoface_lib.core.settings import Settings
from emoface_lib.core.stored import StoredClips, column
from emoface_lib.core.training import (
    Metrics,
    Monitor,
    Schedule,
    crop_batch,
    device_of,
    fit,
    without_replacement,
)
from emoface_lib.method.collapse import collapse_monitor
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import (
    content_codes,
    content_displacements,
    mean_landmark_loss,
    mean_of,
    style_displacements,
)
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.losses import StyleBatch, landmark_loss, style_loss
from emoface_lib.method.mixture import Mixture, statistics
from emoface_lib.method.style import StyleBranch
from emoface_lib.method.triplets import TripletSampler

FITTED = 1_000  # stored clips that standardise, at most
CHOOSING = 500  # clips that choose the checkpoint, at most
CONTENT_STAGES = "features", "training", "content"  # whose settings steps 1 and 2
STYLE_STAGES = "features", "training", "style"  # depend on


def train_content(
    clips: Sequence[Clip],
    folder: Path,
    settings: Settings,
    monitor: Monitor | None = None,
) -> tuple[ContentBranch, pd.DataFrame]:
    """Step 1: MLP_c, LSTM and MLP_t with L_landmark, eq. (10).

    clips : those with split "train" train, those with "val" choose the checkpoint; of
    each batch the share `content.real_mouths` are clips with split "real", if there are
    any, each talker as often as the others; monitor : called with the log ten times.
    Leaves `model.safetensors` and `log.csv` in `folder`; returns model and log.
    """
    torch.manual_seed(settings.seed)
    train, held_out = split(clips, "train"), _held_out(clips, settings)
    real = _as_often(split(clips, "real")) if settings.content.real_mouths else []
    model = new_content(_feature_size(train), settings)
    if settings.training.standardise:
        some = [clip.features for clip in chain(sampled(train), real)]
        model.standardise.fit(torch.cat(some))
    count, seed = settings.content.batch, settings.seed
    others = round(settings.content.real_mouths * count) if real else 0

    def loss(step: int, generator: np.random.Generator) -> Metrics:
        chosen = without_replacement(len(train), count - others, step, seed)
        batch = [train[i] for i in chosen]
        batch += [real[i] for i in without_replacement(len(real), others, step, seed)]
        features, truth = _crops(batch, [()] * count, settings, generator)
        deviation = model.standardise.deviation.cpu()
        heard = model.standardise.part(features)
        features = jittered(heard, deviation, settings.content.jitter, generator)
        device = device_of(model)
        displacement = model(share(features).to(device)).float()
        return {"loss": landmark_loss(displacement, share(truth).to(device))}

    def validate() -> float:
        return mean_landmark_loss(held_out, content_displacements(model, held_out))

    schedule = Schedule.of(
        settings, settings.content.steps, settings.content.learning_rate
    )
    choose = validate if held_out else None
    size = len(model.standardise.mean)
    learnt = [_learnt_from(own, size) for own in (train, real, held_out)]
    alone = settings.changed(features_style="same")  # style does not matter here
    source = made_from(alone, CONTENT_STAGES, __name__, learnt)
    return model, fit(model, loss, schedule, folder, settings, source, choose, monitor)


def jittered(
    features: Tensor, deviation: Tensor, amount: float, generator: np.random.Generator
) -> Tensor:
    """Each clip's features with a random gain and offset, as of another recording.

    features : Tensor[B, T, D]; deviation : of these, Tensor[D]; amount : the deviation
    of gains, and of offsets as a share of the features' own. Returns Tensor[B, T, D].
    """
    if not amount:
        return features
    draws = generator.standard_normal((2, len(features), 1, features.shape[2]))
    drawn = torch.from_numpy(draws.astype(np.float32)).to(features.device)
    gain, offset = amount * drawn
    return features * (1 + gain) + deviation * offset


def train_style(
    clips: Sequence[Clip],
    content: ContentBranch,
    folder: Path,
    settings: Settings,
    monitor: Monitor | None = None,
) -> tuple[StyleBranch, pd.DataFrame]:
    """Step 2: MLP_e, MLP_i, attention and MLP_s with the losses of the settings.

    The content branch is frozen and in evaluation mode, so its codes are computed once,
    those of stored clips with each batch; with `settings.style.joint` it is trained
    along and left as `content.safetensors`.
    Clips and files are as in step 1. Warns once of a code that collapses. With
    L_landmark alone, or mixtures, the clips need not give triplets.
    """
    torch.manual_seed(settings.seed)
    known = enrolled(clips)
    train, held_out = split(known, "train"), _held_out(known, settings)
    model = new_style(_feature_size(train), settings)
    if settings.training.standardise:
        heard = [model.heard(c.features[None], mean_of(c))[0] for c in sampled(train)]
        model.standardise.fit(torch.cat(heard))
    if isinstance(model.mlp_e, Mixture):
        some = sampled(train)
        voices = [model.heard(c.features[None], mean_of(c))[0] for c in some]
        told = [statistics(model.standardise(one)) for one in voices]
        shown = torch.stack([clip.expression for clip in some])
        model.mlp_e.learn(torch.stack(told), shown)
    batches = _StyleBatches(train, content, settings)
    codes = content_codes(content, held_out)

    def loss(step: int, generator: np.random.Generator) -> Metrics:
        batch = batches.draw(step, generator, device_of(model))
        deviation, jitter = model.standardise.deviation, settings.style.jitter
        heard = model.standardise.part(batch.features)
        before = batch.features[..., : -heard.shape[2]]
        heard = jittered(heard, deviation, jitter, generator)
        batch = batch._replace(features=torch.cat([before, heard], -1))
        if settings.style.joint:
            code = content.encode(batch.features)[0]
            d_content = content.displace(code)
            batch = batch._replace(content=code, d_content=d_content)
        return style_loss(model, batch, settings)

    def validate() -> float:
        now = content_codes(content, held_out) if settings.style.joint else codes
        return mean_landmark_loss(held_out, style_displacements(model, held_out, now))

    rate = settings.style.learning_rate
    schedule = Schedule.of(settings, settings.style.steps, rate)
    choose = validate if held_out else None
    also = collapse_monitor(monitor) if settings.style.emotion_weight else monitor
    along = {"content": content} if settings.style.joint else None
    inputs = _learnt_from(train), _learnt_from(held_out), content.state_dict()
    source = made_from(settings, STYLE_STAGES, __name__, *inputs)
    log = fit(model, loss, schedule, folder, settings, source, choose, also, along)
    content.to("cpu")
    return model, log


def _evenly(clips: Sequence[Clip], count: int) -> Sequence[Clip]:
    """At most `count` of the clips, as far apart as possible."""
    return clips[:: -(-len(clips) // count) or 1]


def sampled(clips: Sequence[Clip]) -> Sequence[Clip]:
    """The clips whose frames are averaged; of stored ones FITTED, evenly spaced."""
    return _evenly(clips, FITTED) if isinstance(clips, StoredClips) else clips


def _held_out(clips: Sequence[Clip], settings: Settings) -> Sequence[Clip]:
    """The clips that choose the checkpoint; none if the last one is kept."""
    best = settings.training.keep == "best"
    return _evenly(split(clips, "val"), CHOOSING) if best else []


def _crops(
    batch: Sequence[Clip],
    beside: Sequence[Sequence[Tensor]],
    settings: Settings,
    generator: np.random.Generator,
) -> list[Tensor]:
    """Crops of F_a, what lies beside it, and L - L_0: Tensor[B, T, ...] each."""
    whole = [
        (clip.features, *more, clip.landmarks)
        for clip, more in zip(batch, beside, strict=True)
    ]
    *given, landmarks = crop_batch(whole, settings.training.crop_frames, generator)
    reference = torch.stack([clip.reference for clip in batch])
    return [*given, landmarks - reference[:, None]]


def _learnt_from(clips: Sequence[Clip], size: int | None = None) -> str | list[list]:
    """What training takes from clips: not their names, voices and phones.

    size : how many features it hears, the first, of speakers who are not known.
    """
    if isinstance(clips, StoredClips):
        return clips.source
    return [
        [
            *(c.features[:, :size], c.landmarks, c.reference, c.expression),
            None if size else c.speaker_mean,
            *(c.speaker, c.video, c.split, c.emotion),
        ]
        for c in clips
    ]


def _as_often(clips: Sequence[Clip]) -> list[Clip]:
    """Clips repeated so that each speaker has as many as the one with most."""
    own: dict[str, list[Clip]] = {}
    for clip in clips:
        own.setdefault(clip.speaker, []).append(clip)
    most = max(map(len, own.values()), default=0)
    return [theirs[i % len(theirs)] for theirs in own.values() for i in range(most)]


class _StyleBatches:
    """Batches of triplets of the training clips, with the content's codes."""

    def __init__(
        self, train: Sequence[Clip], content: ContentBranch, settings: Settings
    ) -> None:
        self.train, self.content, self.settings = train, content, settings
        self.sampler = _sampler(train, settings)
        stored = isinstance(train, StoredClips)
        self.codes = None if stored else content_codes(content, train)
        supervised = settings.style.contrast == "supervised"
        if supervised and not set(column(train, "emotion")) <= set(EXPRESSIONS):
            raise InputError(
                "contrast = 'supervised' needs a label of emotion for every clip: "
                "give contrast = 'triplet', or a corpus with labels."
            )

    def draw(
        self, step: int, generator: np.random.Generator, device: torch.device
    ) -> StyleBatch:
        """The batch of a step, on a device."""
        count, seed = self.settings.style.batch, self.settings.seed
        if self.sampler:
            triplets = self.sampler.draw(count, step, seed, generator)
            order = [i for role in zip(*triplets, strict=True) for i in role]
        else:
            order = without_replacement(len(self.train), 3 * count, step, seed)
        some = [self.train[i] for i in order]
        if self.codes is None:
            beside = [(torch.arange(len(clip.features)),) for clip in some]
        else:
            beside = [self.codes[i] for i in order]
        cut = _crops(some, beside, self.settings, generator)
        features, *codes, truth = (share(part, 3).to(device) for part in cut)
        if self.codes is None:
            mine = share(torch.arange(len(some)), 3)
            codes = self._encoded([some[i].features for i in mine], *codes)
        there = [x[:, :: self.settings.style.stride] for x in (features, *codes, truth)]
        whole = [
            torch.stack([clip.expression for clip in some]),
            torch.cat([mean_of(clip) for clip in some]),
            torch.tensor([label_of(clip) for clip in some]),
        ]
        there += [share(x, 3).to(device) for x in whole]
        return StyleBatch._make([*there, self.sampler is not None])

    @torch.no_grad()
    def _encoded(self, clips: Sequence[Tensor], places: Tensor) -> list[Tensor]:
        """E_content and D_content at places : int[B, T] of whole clips.

        clips : Tensor[T, D] each. They pass together, each up to its last place: the
        branch does not look ahead.
        """
        if self.settings.style.joint:
            return [places, places]  # it is trained, on crops
        ends = (places[:, -1] + 1).tolist()
        heard = [clip[:end] for clip, end in zip(clips, ends, strict=True)]
        content = self.content.to(places.device).eval()
        whole = content.encode(pad_sequence(heard, True).to(places.device))[0]
        code = whole[torch.arange(len(whole), device=places.device)[:, None], places]
        return [code, content.displace(code)]


def _sampler(train: Sequence[Clip], settings: Settings) -> TripletSampler | None:
    """Triplets of the clips; None if there are none, and no loss needs them."""
    try:
        return TripletSampler(train, settings.style.triplets)
    except InputError:
        contrasts = settings.style.emotion_weight or settings.style.identity_weight
        if contrasts and settings.style.objective != "mixture":
            raise
        return None


def new_content(features: int, settings: Settings) -> ContentBranch:
    """An untrained content branch for F_a with so many numbers a frame.

    Of the kind "phonetic" it takes the code alone, which comes first.
    """
    content, style = settings.features.kinds
    if content == style != "phonetic":
        return ContentBranch(features)
    return ContentBranch(feature_sizes(settings)[0])


def new_style(features: int, settings: Settings) -> StyleBranch:
    """An untrained style branch of the settings for F_a with so many bands."""
    content, style = settings.features.kinds
    if content != style:  # it takes what comes last
        features = feature_sizes(settings)[1]
    how = settings.style
    return StyleBranch(features, how.attention_heads, how.attention, how.objective)


def load_content(path: Path, settings: Settings | None = None) -> ContentBranch:
    """Content branch; raises InputError if it learnt other features than settings."""
    _check_features(path, settings, 1)
    model = ContentBranch(feature_size(path))
    load_model(path, model)
    return model


def load_style(
    path: Path, settings: Settings | None = None
) -> tuple[StyleBranch, Settings]:
    """Style branch and the settings it was trained with; raises as `load_content`."""
    made_by = _check_features(path, settings, 2)
    model = new_style(feature_size(path), made_by)
    load_model(path, model)
    return model, made_by


def load_branches(run: Path) -> tuple[ContentBranch, StyleBranch, Settings]:
    """The branches that belong together in a run's folder, and the style's settings.

    The content branch is the one trained along in step 2, or else that of step 1.
    Raises InputError that names what is missing.
    """
    branch, settings = load_style(run / "style" / "model.safetensors")
    along = run / "style" / "content.safetensors"
    path = along if settings.style.joint else run / "content" / "model.safetensors"
    return load_content(path, settings), branch, settings


def _check_features(path: Path, settings: Settings | None, branches: int) -> Settings:
    """Settings of a checkpoint, whose features must be those of `settings`.

    branches : of how many, content's, or content's and style's.
    """
    made_by = read_settings(path)
    learnt = made_by.features.kinds[:branches]
    if settings and learnt != (asked := settings.features.kinds[:branches]):
        told, wanted = (" and ".join(dict.fromkeys(one)) for one in (learnt, asked))
        style = f" -p features_style={made_by.features.style}" * (branches - 1)
        raise InputError(
            f"{path} was trained with features = {told!r}, not {wanted!r}: train it "
            f"again, or give -p features={made_by.features.kind}{style}."
        )
    return made_by


def _feature_size(clips: Sequence[Clip]) -> int:
    """D of F_a; raises InputError if there is nothing to train on."""
    if not clips:
        raise InputError("There is no clip with split 'train' to train on.")
    return clips[0].features.shape[1]


def label_of(clip: Clip) -> int:
    """Index of a clip's emotion in EXPRESSIONS, -1 if it has none."""
    return EXPRESSIONS.index(clip.emotion) if clip.emotion in EXPRESSIONS else -1


def split(clips: Sequence[Clip], name: str) -> Sequence[Clip]:
    """Clips of one split: "train", "val" or "test"."""
    if isinstance(clips, StoredClips):
        return clips.of(name)
    return [clip for clip in clips if clip.split == name]


def tested_clips(clips: Sequence[Clip]) -> Sequence[Clip]:
    """The clips of test speakers, on whom the notebooks measure.

    Raises InputError if there are none, which says what to do.
    """
    if not len(found := split(clips, "test")):
        raise InputError(
            "No clip has split 'test', so nobody is left whom training does not know: "
            "`emoface train` needs none, the notebooks do. Set some speakers apart in "
            "an index.parquet of the corpus (columns clip, speaker, video, path, "
            "split), and prepare it into a new folder."
        )
    return found

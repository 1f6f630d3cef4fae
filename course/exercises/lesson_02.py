"""Checkers of lesson 02, audio features."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from course.exercises.checking import (
    answer_of,
    array_of,
    close,
    expect,
    number_of,
    right,
    tensor_of,
)
from course.exercises.training import (
    losses_by,
    losses_of,
    network_of,
    not_any,
    same,
    shaken,
    show_losses,
    take_weights,
    weights_of,
)
from emoface_lib import plots
from emoface_lib.core.clip import MEL_BANDS, SAMPLE_RATE
from emoface_lib.core.landmarks import FRAME_RATE
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import crop_batch
from emoface_lib.features.audio import log_mel
from emoface_lib.features.autovc import EMBEDDING, AutoVC, PostNet, beside
from emoface_lib.features.prepared import look_ahead
from emoface_lib.features.voice_conversion import autovc_loss

SECONDS = 12  # length of the made-up recording
SECOND = 50  # frames of one
LEVEL = -26.0  # dBFS
READ_AHEAD = 3  # frames by which the lips of made-up clips lead
CLIPS = 6  # for training, and as many for the test
NECK, FREQ = 3, 4  # the bottleneck of the AutoVC that is compared
SPEAK = 128  # width of the small AutoVC's decoder
Sound = list[tuple[np.ndarray, np.ndarray]]  # features and opening of each clip


def check_to_level(function: Callable[[np.ndarray, float], np.ndarray]) -> None:
    """A voice brought to a level in dBFS."""
    samples = 0.02 * np.random.default_rng(2).normal(size=4000)
    answer = array_of(answer_of(function, samples, LEVEL), samples.shape)
    away, wanted = _level(answer) - LEVEL, _level(samples) - LEVEL
    expect(
        np.isfinite(away), "the result is silent, or holds values that are no numbers."
    )
    expect(abs(away - wanted) > 0.1, f"the level is still {_level(samples):.1f} dBFS.")
    expect(
        abs(away + wanted) > 0.1,
        "the sound is moved by twice as many decibels as it should. The factor is for "
        "amplitudes: 20 dB are ten times the amplitude.",
    )
    expect(
        abs(away - wanted - LEVEL) > 0.1,
        "the factor forgets how loud the sound is already.",
    )
    expect(
        abs(_decibels(np.abs(answer).max()) - LEVEL) > 0.1,
        "it is the largest sample that has the level. One click would set it: take the "
        "root of the mean square.",
    )
    expect(
        abs(away) < 0.1,
        f"white noise of {_level(samples):.1f} dBFS comes out at {_level(answer):.1f} "
        f"in place of {LEVEL:.0f} dBFS.",
    )
    right("20 dB are ten times the amplitude and a hundred times the power.")


def check_read_ahead(function: Callable[[Sound, Sound, int], float]) -> None:
    """How well a later frame of sound tells the lips."""
    train, test = _clips(3), _clips(4)
    answer = number_of(answer_of(function, train, test, READ_AHEAD))
    expect(np.isfinite(answer), "r is no number. Does the reading vary at all?")
    for wrong, sentence in (
        (
            _read(test, test, READ_AHEAD),
            "the reading is fitted to the clips that it is tested on. Fit on `train`.",
        ),
        (
            _read(train, train, READ_AHEAD),
            "the reading is scored on the clips that it has learnt from.",
        ),
        (_read(train, test, 0), "`a` makes no difference."),
        (
            _read(_joined(train), _joined(test), READ_AHEAD),
            "clips are joined before they are moved, so that the end of each hears "
            "the start of the next.",
        ),
    ):
        expect(abs(answer - wrong) > 1e-3, sentence)
    expect(
        answer > _read(train, test, 0),
        "features and lips are moved the wrong way: the lips at frame t go with the "
        "sound at frame t + a.",
    )
    truth = _read(train, test, READ_AHEAD)
    expect(
        abs(answer - truth) < 1e-3,
        f"on made-up clips it gives {answer:.3f} in place of {truth:.3f}.",
    )
    right("a reader with a memory can look further ahead and lose nothing.")


def check_without_microphone(function: Callable[[np.ndarray], np.ndarray]) -> None:
    """A log-mel without the mean of all that was heard so far."""
    rng = np.random.default_rng(5)
    mel, later = rng.random((2, 80, 80))
    microphone = rng.normal(size=80)
    answer = array_of(answer_of(function, mel), mel.shape)
    other = array_of(answer_of(function, mel + microphone), mel.shape)
    changed = np.concatenate([mel[:50], later[50:]])
    after = array_of(answer_of(function, changed), mel.shape)
    expect(
        close(answer, other),
        "another microphone, a number added to each band, still shows in the result. "
        "Each band has a mean of its own, taken over time.",
    )
    expect(
        close(answer[:50], after[:50]),
        "what is heard from frame 50 on changes the frames before it. Only frames up "
        "to t may enter the mean of frame t.",
    )
    expect(
        close(answer[0], 0 * answer[0]),
        "the first frame should become 0: it is its own mean.",
    )
    expect(
        close(answer, mel - np.cumsum(mel, 0) / np.arange(1, 81)[:, None]),
        "no microphone, no future; but it is not the plain mean of frames 0 to t, in "
        "which each frame counts the same.",
    )
    right("what a microphone adds is gone, and so is how loud a voice is on average.")


def log_mel_in_blocks(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Log-mel float32[T, 80] of a long recording that comes in blocks of a second.

    blocks : float[16000] each. It holds a bug on purpose.
    """
    return np.concatenate([log_mel(block, first_centre=0) for block in blocks])


def show_blocks(function: Callable[[Sequence[np.ndarray]], np.ndarray]) -> None:
    """Loudness in the frames of `function`, above the lips of the same recording."""
    blocks, opening = recording()
    heard = function(blocks).mean(1)
    curves = {"loudness of the features": heard, "opening of the lips": opening}
    scaled = {name: (y - y.min()) / np.ptp(y) for name, y in curves.items()}
    drawn, axes = plots.figure(2, 1, size=(8, 4))
    for one, start in zip(axes[:, 0], (0, SECONDS - 2), strict=True):
        plots.draw_curves(one, scaled, FRAME_RATE, "share of the range")
        one.set(xlim=(start, start + 2), ylim=(-0.05, 1.4))
        one.legend(fontsize=8, loc="upper right", ncols=2)
    plots.show(
        drawn,
        "Two curves over time, the loudness of the features and the opening of the "
        "lips: above in the first two seconds of a recording, below in its last two.",
    )


def check_blocks(function: Callable[[Sequence[np.ndarray]], np.ndarray]) -> None:
    """A recording in blocks, on the clock of the picture."""
    blocks, _ = recording()
    sound, frames = np.concatenate(blocks), SECONDS * SECOND
    answer = np.asarray(answer_of(function, [block.copy() for block in blocks]))
    expect(
        len(answer) != frames + SECONDS,
        f"{SECONDS} seconds still give {len(answer)} frames. How many should it be?",
    )
    answer = array_of(answer, (frames, 80))
    whole, early = log_mel(sound), log_mel(sound, first_centre=0)[:-1]
    late = _late(answer, whole)
    expect(
        late == 0,
        f"the number of frames is right, but in the last second they come {20 * late} "
        "ms late: each block must have its right number of frames.",
    )
    place = np.arange(frames) % SECOND
    inside = (place > 4) & (place < SECOND - 4)  # a block's ends hear only one side
    expect(
        _apart(answer, early, inside) > _apart(answer, whole, inside),
        "nothing drifts any more, but every frame is 10 ms early. Where is the middle "
        "of the 20 ms that frame 0 stands for?",
    )
    expect(
        _apart(answer, whole, inside) < 0.01,
        "the frames are in time, but differ from those of the whole recording.",
    )
    right("one frame too many a second is heard by nobody, and seen on every lip.")


def check_small_autovc(network: Callable[[int, int], nn.Module]) -> None:
    """The bottleneck between two LSTMs, against the library's AutoVC."""
    own, library = network_of(network, NECK, FREQ).eval(), _bare(NECK, FREQ)
    parts = [shaken(part, 2) for part in _parts(library)]
    generator = torch.Generator().manual_seed(2)
    mel = torch.rand(2, 4 * FREQ, MEL_BANDS, generator=generator)
    source, target = torch.randn(2, 2, EMBEDDING, generator=generator)
    take_weights(own, weights_of(*parts))
    given = mel, source, target
    encode: Any = getattr(own, "encode", None)
    expect(encode, "the network has no method `encode`.")
    codes = tensor_of(answer_of(encode, mel, source), (2, 4, 2 * NECK))
    other = answer_of(encode, torch.cat([mel[:1] + 1, mel[1:]]), source)
    expect(
        same(codes[1], other[1].detach()),
        "what one clip says changes the codes of the next one: the LSTM takes the "
        "first axis for time. Give it `batch_first=True`.",
    )
    with torch.no_grad():
        states, _ = library.encoder.lstm(beside(mel, source))
        ahead, back = states.split(NECK, dim=-1)
        first, last = slice(0, None, FREQ), slice(FREQ - 1, None, FREQ)
        early = "the forward states are taken at the first frame of each code, before "
        late = "the backward states are taken at the last frame of each code, before "
        not_any(
            codes,
            {
                early + "the others are read.": _joint(ahead[:, first], back[:, first]),
                late + "the others are read.": _joint(ahead[:, last], back[:, last]),
                "forward and backward states change places: the last frame is where "
                "the forward LSTM has read all.": _joint(
                    ahead[:, first], back[:, last]
                ),
            },
        )
        truth, _, wanted = library(*given)
        expect(same(codes, wanted), "with the library's weights, codes differ.")
        answer = answer_of(own, *given)
        expect(
            isinstance(answer, tuple) and len(answer) == 2,
            "`forward` should return two things, the mel and the codes.",
        )
        again = tensor_of(answer[0], mel.shape)
        held = wanted.repeat_interleave(FREQ, 1)
        not_any(
            again,
            {
                "`repeat` plays all codes and then all again. Hold each one for its "
                "frames: `repeat_interleave`.": library.decoder(
                    beside(wanted.repeat(1, FREQ, 1), target)
                ),
                "the decoder is told who spoke. It should be told who shall speak: "
                "`target`.": library.decoder(beside(held, source)),
            },
        )
        expect(same(again, truth), "with the library's weights, the mel differs.")
        expect(same(answer[1], wanted), "the codes are not what `encode` gives.")
    right("all that is said passes through so few numbers; who says it is given.")


def check_autovc_loop(loop: Callable[..., Any]) -> None:
    """Two of the three losses and the training loop, on a network of one weight."""
    generator = torch.Generator().manual_seed(2)
    batches = [
        (
            torch.rand(2, 8, MEL_BANDS, generator=generator),
            torch.rand(2, EMBEDDING, generator=generator),
        )
        for _ in range(20)
    ]
    model, weight = OneWeight(), 0.5
    losses = losses_of(loop, model, batches, weight, 0.01)
    expect(len(losses) == len(batches), "take one step for each batch.")
    mel, speaker = batches[0]
    with torch.no_grad():
        again, codes = OneWeight()(mel, speaker, speaker)
        squared, absolute = (again - mel).square().mean(), (again - mel).abs().mean()
        apart = OneWeight().encode(again, speaker) - codes
    code = apart.abs().mean()
    not_any(
        losses[0],
        {
            "the code loss is missing, or always 0. Its codes are of what was said "
            "again, not of the mel that came in.": squared,
            "`weight` makes no difference.": squared + code,
            "`weight` is put before the wrong term.": weight * squared + code,
            "the code loss is squared. Section 7 takes its absolute value.": (
                squared + weight * apart.square().mean()
            ),
            "the mel's error is an absolute value. Section 7 squares it.": (
                absolute + weight * code
            ),
        },
    )
    truth = squared + weight * code
    expect(
        same(losses[0], truth),
        f"the first loss is {losses[0]:.3f} in place of {truth:.3f}.",
    )
    right("nobody said the same twice, and a converter is learnt all the same.")


def show_autovc_training(
    network: Callable[[int, int], nn.Module],
    loop: Callable[..., Any],
    utterances: Sequence[tuple[np.ndarray, str]],
    embeddings: Mapping[str, np.ndarray],
    settings: Settings,
) -> None:
    """Train a student's AutoVC by the student's loop, and the library's beside it.

    Both begin with the same weights and see the same batches, a quarter of the lesson's
    steps with half its batch. Then once more with a weight of 1.
    utterances : log-mels float32[T, 80], each with who speaks it.
    """
    how, generator = settings.autovc, np.random.default_rng(settings.seed)
    batches = []
    for _ in range(how.steps // 4):
        chosen = generator.integers(len(utterances), size=how.batch // 2)
        some = [utterances[i] for i in chosen]
        clips = [(torch.from_numpy(mel),) for mel, _ in some]
        (mel,) = crop_batch(clips, how.crop, generator)
        speakers = torch.from_numpy(np.stack([embeddings[name] for _, name in some]))
        batches.append((mel[:, : mel.shape[1] // how.freq * how.freq], speakers))
    torch.manual_seed(settings.seed)
    library = _bare(how.neck, how.freq)
    weights = [weight.clone() for weight in weights_of(*_parts(library))]

    def loss_of(batch: tuple[Tensor, Tensor]) -> Tensor:  # but for the post-net's
        terms = autovc_loss(library, *batch, how.code_weight)
        return terms["loss/mel"] + how.code_weight * terms["loss/code"]

    learnt = nn.ModuleList(_parts(library)).parameters()
    theirs = losses_by(loss_of, batches, learnt, how.learning_rate)
    spread = {}
    for weight in (how.code_weight, 1.0):
        model = network_of(network, how.neck, how.freq)
        take_weights(model, weights)
        own = losses_of(loop, model, batches, weight, how.learning_rate)
        if weight == how.code_weight:
            why = "Both began with the same weights and heard the same batches."
            show_losses(own, theirs, why)
        with torch.no_grad():
            mel, speaker = batches[-1]
            again, codes = model.eval()(mel, speaker, speaker)
        off = 100 * (again - mel).square().mean().sqrt()  # 1 is 100 dB
        spread[weight] = (
            f"deviate by {codes.std((0, 1)).mean():.3f}; bands are {off:.1f}"
        )
    for weight, text in spread.items():
        print(f"weight {weight:g}: the numbers of the codes {text} dB off")


def _bare(neck: int, freq: int) -> AutoVC:
    """The library's AutoVC without convolutions; its post-net corrects nothing."""
    library = AutoVC(neck, freq, pre=SPEAK, width=MEL_BANDS + EMBEDDING, post=SPEAK)
    library.encoder.convolutions = library.decoder.convolutions = nn.ModuleList()
    library.postnet = PostNet(1)
    return library


def _parts(library: AutoVC) -> list[nn.Module]:
    """What is left to train of a bare AutoVC, in its order."""
    decoder = library.decoder
    layers = decoder.lstm1, decoder.lstm2, decoder.linear_projection
    return [library.encoder.lstm, *layers]


def _joint(ahead: Tensor, back: Tensor) -> Tensor:
    return torch.cat([ahead, back], dim=-1)


class OneWeight(nn.Module):
    """An autoencoder of one weight: a code is a mel's frame, scaled."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.8))

    def encode(self, mel: Tensor, source: Tensor) -> Tensor:
        """Tensor[B, T, 80] to Tensor[B, T, 80]."""
        return self.weight * mel + source.mean(1)[:, None, None]

    def forward(
        self, mel: Tensor, source: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The mel again and the codes."""
        codes = self.encode(mel, source)
        return codes - target.mean(1)[:, None, None], codes


def recording() -> tuple[list[np.ndarray], np.ndarray]:
    """A made-up recording: float[16000] a second, and the lips float[T] with it."""
    rng = np.random.default_rng(6)
    middles = (np.arange(SECONDS * SECOND) + 0.5) / FRAME_RATE
    syllables = np.cumsum(rng.uniform(0.2, 0.6, 3 * SECONDS))
    lips = np.exp(-(((middles[:, None] - syllables) / 0.06) ** 2)).max(1)
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    buzz = np.sign(np.sin(2 * np.pi * 120 * time))
    sound = 0.1 * buzz * (0.002 + np.interp(time, middles, lips))
    return np.split(sound + 1e-4 * rng.normal(size=len(time)), SECONDS), lips


def _clips(seed: int) -> Sound:
    """Clips whose lips follow two of five features, READ_AHEAD frames early."""
    rng = np.random.default_rng(seed)
    clips = []
    for _ in range(CLIPS):
        features = rng.normal(size=(60, 5)).cumsum(0) / 4
        lips = look_ahead(features, READ_AHEAD)[:, :2].sum(1) + rng.normal(size=60)
        clips.append((features, lips))
    return clips


def _read(train: Sound, test: Sound, ahead: int) -> float:
    """r of a ridge regression from frame t + ahead to the lips at t."""

    def pairs(clips: Sound) -> tuple[np.ndarray, np.ndarray]:
        X = np.concatenate([look_ahead(features, ahead) for features, _ in clips])
        return X, np.concatenate([lips for _, lips in clips])

    model = Ridge(10).fit(*pairs(train))
    X, lips = pairs(test)
    return float(np.corrcoef(model.predict(X), lips)[0, 1])


def _joined(clips: Sound) -> Sound:
    features, lips = zip(*clips, strict=True)
    return [(np.concatenate(features), np.concatenate(lips))]


def _late(answer: np.ndarray, whole: np.ndarray) -> int:
    """By how many frames the loudness of the last two seconds comes late."""
    first = len(whole) - 2 * SECOND
    heard = answer[first:].mean(1)
    shifts = np.arange(-20, 1)
    likeness = [
        np.corrcoef(heard, whole[first + k : len(whole) + k].mean(1))[0, 1]
        for k in shifts
    ]
    return int(-shifts[np.argmax(likeness)])


def _apart(answer: np.ndarray, other: np.ndarray, inside: np.ndarray) -> float:
    return float(np.abs(answer - other)[inside].mean())


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-9)))


def _level(samples: np.ndarray) -> float:
    return _decibels(np.sqrt(np.mean(samples**2)))

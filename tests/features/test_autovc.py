"""AutoVC: the official parameters, where its codes come from, windows and streams."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_npz
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.features.audio import log_mel
from emoface_lib.features.autovc import AutoVC, SpeakerEncoder
from emoface_lib.features.voice_conversion import (
    OFFICIAL_RATE,
    Conversion,
    LogMel,
    autovc_loss,
    encode_speaker,
    keep_official,
    load_features,
    load_official,
    new_autovc,
    resample,
    train_autovc,
)

SHARED = Path(__file__).parents[3] / "shared" / "interfaces"
NAMES = SHARED / "autovc_generator_32_256_512_32.tsv"
GOLDEN = SHARED / "autovc_mel_vctk_p225_003.npz"
PAIRS = SHARED / "autovc_official_checkpoint_pairs.npz"
CHECKPOINT = SHARED / "autovc.ckpt"
SMALL = load_settings("smoke", autovc_pre=16, autovc_width=16, autovc_post=16)


def official_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of Generator(32, 256, 512, 32), layer by layer."""
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}.0.conv.weight"] = (outputs, inputs, 5)
        shapes[f"{name}.0.conv.bias"] = (outputs,)
        for one in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.1.{one}"] = (outputs,)
        shapes[f"{name}.1.num_batches_tracked"] = ()

    def lstm(name: str, inputs: int, hidden: int) -> None:
        for kind, size in (("ih", inputs), ("hh", hidden)):
            shapes[name.format(f"weight_{kind}")] = (4 * hidden, size)
            shapes[name.format(f"bias_{kind}")] = (4 * hidden,)

    for place, inputs in enumerate((80 + 256, 512, 512)):
        convolution(f"encoder.convolutions.{place}", inputs, 512)
    for layer, inputs in enumerate((512, 2 * 32)):
        for direction in ("", "_reverse"):
            lstm(f"encoder.lstm.{{}}_l{layer}{direction}", inputs, 32)
    lstm("decoder.lstm1.{}_l0", 2 * 32 + 256, 512)
    for place in range(3):
        convolution(f"decoder.convolutions.{place}", 512, 512)
    for layer, inputs in enumerate((512, 1024)):
        lstm(f"decoder.lstm2.{{}}_l{layer}", inputs, 1024)
    shapes["decoder.linear_projection.linear_layer.weight"] = (80, 1024)
    shapes["decoder.linear_projection.linear_layer.bias"] = (80,)
    for place, (inputs, outputs) in enumerate(
        ((80, 512), (512, 512), (512, 512), (512, 512), (512, 80))
    ):
        convolution(f"postnet.convolutions.{place}", inputs, outputs)
    return shapes


def stored_shapes() -> dict[str, tuple[int, ...]]:
    lines = [line.split("\t") for line in NAMES.read_text().splitlines()]
    return {
        line[0]: () if line[1] == "scalar" else tuple(map(int, line[1].split("x")))
        for line in lines
        if len(line) == 3
    }


def test_parameters_have_the_official_names_and_shapes() -> None:
    ours = {name: tuple(x.shape) for name, x in AutoVC().state_dict().items()}
    assert ours == official_shapes()


@pytest.mark.skipif(not NAMES.exists(), reason="needs the list of official parameters")
def test_the_list_above_is_that_of_the_official_checkpoint() -> None:
    assert official_shapes() == stored_shapes()


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Files as the official ones: random weights of their shapes, under their keys."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("official")
    torch.save({"model": AutoVC().state_dict(), "step": 1}, folder / "autovc.ckpt")
    voices = SpeakerEncoder().state_dict()
    stored = {"model_b": {f"module.{name}": value for name, value in voices.items()}}
    torch.save(stored, folder / "3000000-BL.ckpt")
    return load_settings(
        "paper",
        autovc_checkpoint=str(folder / "autovc.ckpt"),
        speaker_encoder=str(folder / "3000000-BL.ckpt"),
    )


@pytest.mark.slow
def test_official_checkpoints_load_as_they_are(official: Settings) -> None:
    model, encoder = (network.state_dict() for network in load_official(official))
    weights = torch.load(official.autovc.checkpoint, weights_only=True)["model"]
    assert all(torch.equal(weights[name], model[name]) for name in model)
    stored = torch.load(official.autovc.speaker_encoder, weights_only=True)["model_b"]
    assert all(torch.equal(stored[f"module.{n}"], encoder[n]) for n in encoder)
    assert {name: tuple(value.shape) for name, value in encoder.items()} == {
        "lstm.weight_ih_l0": (3072, 80),
        **{f"lstm.weight_ih_l{i}": (3072, 768) for i in (1, 2)},
        **{f"lstm.weight_hh_l{i}": (3072, 768) for i in range(3)},
        **{
            f"lstm.bias_{kind}_l{i}": (3072,) for i in range(3) for kind in ("ih", "hh")
        },
        "embedding.weight": (256, 768),
        "embedding.bias": (256,),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["autovc_checkpoint", "speaker_encoder"])
def test_without_a_checkpoint_it_says_where_to_get_it(
    official: Settings, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InputError, match=r"auspicious3000/autovc.*autovc_checkpoint="):
        load_official(official.changed(**{name: ""}))
    other = tmp_path / "other.ckpt"
    for stored in ({"model": {"weight": torch.zeros(3)}}, [1, 2]):
        torch.save(stored, other)
        with pytest.raises(InputError, match=r"not the official AutoVC"):
            load_official(official.changed(**{name: str(other)}))
    other.write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match=r"not the official AutoVC"):
        load_official(official.changed(**{name: str(other)}))


@pytest.mark.slow
def test_the_official_encoder_tells_a_speaker_by_128_frames_on_its_own_clock(
    official: Settings,
) -> None:
    encoder, slow = load_official(official)[1], np.full((300, 80), 0.5, np.float32)
    with torch.no_grad():
        part = encoder(torch.full((1, 128, 80), 0.5))[0].numpy()
    assert np.isclose(np.linalg.norm(part), 1)
    found = encode_speaker(encoder, [slow, slow])
    assert np.allclose(found, part, atol=1e-6)
    assert encode_speaker(encoder, [slow[:20]]).shape == (256,)


@pytest.mark.skipif(not CHECKPOINT.exists(), reason="needs the official autovc.ckpt")
def test_official_mels_in_give_official_mels_out() -> None:
    pairs, model = np.load(PAIRS), AutoVC().eval()
    model.load_state_dict(torch.load(CHECKPOINT, weights_only=True)["model"])
    for name in (key for key in pairs.files if key.startswith("out_")):
        source, target = name.removeprefix("out_").split("x")
        mel = torch.from_numpy(pairs[f"in_mel_{source}"])
        padded = torch.nn.functional.pad(mel, (0, 0, 0, -len(mel) % 32))[None]
        speakers = [torch.from_numpy(pairs[f"emb_{n}"])[None] for n in (source, target)]
        with torch.no_grad():
            output = model(padded, *speakers)[1][0, : len(mel)].numpy()
        assert np.abs(output - pairs[name]).max() < 1e-3


@pytest.fixture(scope="module")
def conversion() -> Conversion:
    torch.manual_seed(0)
    target = np.random.default_rng(0).random(256).astype(np.float32)
    return Conversion(new_autovc(SMALL).eval(), target / np.linalg.norm(target))


def mel_of(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((frames, 80)).astype(np.float32)


def test_a_code_is_taken_where_both_directions_have_read_it() -> None:
    model, states = new_autovc(SMALL).eval(), []
    model.encoder.lstm.register_forward_hook(lambda *_: states.append(_[2][0]))
    codes = model.encoder(torch.from_numpy(mel_of(64))[None], torch.zeros(1, 256))
    neck, freq = SMALL.autovc.neck, SMALL.autovc.freq
    assert codes.shape == (1, 64 // freq, 2 * neck)
    assert torch.equal(codes[0, 5, :neck], states[0][0, 6 * freq - 1, :neck])
    assert torch.equal(codes[0, 5, neck:], states[0][0, 5 * freq, neck:])


def test_the_source_reaches_only_the_encoder_and_the_target_only_the_decoder() -> None:
    model = new_autovc(SMALL).eval()
    mel, (a, b) = torch.from_numpy(mel_of(32))[None], torch.eye(256)[:2, None]
    drawn, sharpened, codes = model(mel, a, b)
    assert drawn.shape == sharpened.shape == mel.shape
    assert torch.equal(codes, model(mel, a, a)[2])
    assert not torch.equal(drawn, model(mel, a, a)[0])
    assert torch.equal(drawn, sharpened)  # the post-net begins as no correction


def test_the_loss_is_that_of_autovc() -> None:
    model = new_autovc(SMALL).eval()
    mel, speaker = torch.from_numpy(mel_of(32))[None], torch.ones(1, 256) / 16
    drawn, sharpened, codes = model(mel, speaker, speaker)
    again = model.encoder(sharpened, speaker)
    by_hand = ((drawn - mel) ** 2).mean() + ((sharpened - mel) ** 2).mean()
    by_hand = by_hand + 0.5 * (again - codes).abs().mean()
    loss = autovc_loss(model, mel, speaker, 0.5)["loss"]
    assert loss.item() == pytest.approx(by_hand.item())


@pytest.mark.parametrize("codes", [False, True])
@pytest.mark.parametrize("count", [1, 128, 129, 700])
def test_frames_of_a_long_mel_are_converted_from_their_surroundings(
    conversion: Conversion, codes: bool, count: int
) -> None:
    one = Conversion(conversion.model, conversion.target, codes)
    mel = mel_of(count)
    whole = one.whole(mel)
    assert whole.shape == (count, 64 if codes else 80)
    if count > 512:  # 128 frames of context are more than a window reaches
        assert np.abs(one.whole(mel[128:])[128:] - whole[256:]).max() < 1e-5


@pytest.mark.slow
def test_windows_are_near_the_whole_network(tmp_path: Path) -> None:
    """On a trained network, 0.64 s of context stand for all of it: 0.01 of 1."""
    wave = np.sin(np.arange(600)[:, None] / np.linspace(3, 9, 80)) / 4 + 0.5
    mel = wave.astype(np.float32)
    longer = SMALL.changed(autovc_steps=60, autovc_batch=8)
    voices = {"a": np.eye(256, dtype=np.float32)[0]}
    model, log = train_autovc([mel], ["a"], voices, tmp_path, longer)
    assert log["loss/mel"].iloc[-5:].mean() < 0.5 * log["loss/mel"].iloc[:5].mean()
    source = torch.from_numpy(voices["a"])[None]
    with torch.no_grad():
        whole = model(torch.from_numpy(mel)[None], source, source)[1][0].numpy()
    windows = Conversion(model, voices["a"]).whole(mel)
    assert np.abs(windows - whole).mean() < 0.01


@pytest.mark.slow
def test_same_seed_same_weights(tmp_path: Path) -> None:
    short = SMALL.changed(autovc_steps=3)
    mels, names = [mel_of(90), mel_of(3)], ["a", "b"]  # one shorter than a code
    voices = {n: np.eye(256, dtype=np.float32)[i] for i, n in enumerate(names)}
    logs = [
        train_autovc(mels, names, voices, tmp_path / str(i), short.changed(seed=s))[
            1
        ].drop(columns="seconds")
        for i, s in enumerate((0, 0, 1))
    ]
    assert logs[0].equals(logs[1])
    assert not logs[0].equals(logs[2])


@pytest.mark.slow
def test_settings_choose_what_f_a_is(tmp_path: Path) -> None:
    assert isinstance(load_features(tmp_path, SMALL), LogMel)
    wanted = SMALL.changed(features="autovc", autovc_steps=2)
    with pytest.raises(InputError, match="run notebook 02_audio_features first"):
        load_features(tmp_path, wanted)
    voices = {"a": np.eye(256, dtype=np.float32)[0]}
    train_autovc([mel_of(90)], ["a"], voices, tmp_path / "autovc", wanted)
    write_npz(
        tmp_path / "speakers.npz",
        speakers=np.array(["a"]),
        embeddings=voices["a"][None],
    )
    assert load_features(tmp_path, wanted).whole(mel_of(50)).shape == (50, 80)
    codes = load_features(tmp_path, wanted.changed(features="codes"))
    assert codes.whole(mel_of(50)).shape == (50, 2 * SMALL.autovc.neck)
    heard = np.concatenate([np.ones((50, 144), np.float32), mel_of(50)], axis=1)
    apart = load_features(tmp_path, wanted.changed(features="phonetic", style="codes"))
    assert apart.needs_speaker  # content hears what comes first, style what comes last
    expected = np.concatenate([heard[:, :144], codes.whole(mel_of(50))], axis=1)
    assert np.array_equal(apart.whole(heard), expected)
    turned = load_features(tmp_path, wanted.changed(features="codes", style="phonetic"))
    expected = np.concatenate([codes.whole(mel_of(50)), heard], axis=1)
    assert np.array_equal(turned.whole(heard), expected)


@pytest.mark.slow
def test_the_official_network_keeps_time(official: Settings, tmp_path: Path) -> None:
    keep_official(tmp_path, official, [mel_of(200)])
    # whoever reads F_a later need not know the paths
    features = load_features(tmp_path, load_settings("paper"))
    assert isinstance(features, Conversion)
    assert features.rate == OFFICIAL_RATE
    assert features.whole(mel_of(70)).shape == (70, 80)
    # it hears who speaks by its own encoder, whatever GE2E says
    other = features.whole(mel_of(70), np.eye(1, 256, dtype=np.float32)[0])
    assert np.array_equal(features.whole(mel_of(70)), other)


def test_there_and_back_again_keeps_slow_frames() -> None:
    slow = torch.sin(torch.arange(192) / 6)[None, :, None]
    there = resample(slow, torch.arange(256) * 0.8)
    back = resample(there, torch.arange(192) / 0.8)
    assert (back - slow)[:, :-1].abs().max() < 0.01  # the end is held
    assert torch.equal(resample(slow, torch.arange(192)), slow)


@pytest.mark.skipif(not GOLDEN.exists(), reason="needs the golden pair of AutoVC")
def test_frames_on_autovcs_clock_are_those_that_it_would_compute() -> None:
    pair = np.load(GOLDEN)
    ours = torch.from_numpy(log_mel(pair["wav"]))[None]  # at (t + 1/2) 20 ms
    places = (torch.arange(len(pair["autovc_mel_no_dither"])) * 256 - 160) / 320
    away = np.abs(resample(ours, places)[0].numpy() - pair["autovc_mel_no_dither"])
    assert away.mean() < 0.02

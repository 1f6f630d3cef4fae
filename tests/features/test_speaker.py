"""Speaker embeddings: Resemblyzer's numbers, in batches, kept, and of a start."""

from pathlib import Path

import numpy as np
import pytest

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz
from emoface_lib.core.settings import load_settings
from emoface_lib.features.speaker import (
    embed_speakers,
    embed_start,
    read_embeddings,
    write_embeddings,
)
from emoface_lib.synthetic.audio_only import hear_voices
from emoface_lib.synthetic.clips import make_clip, plan_speaker

DATA = Path(__file__).resolve().parents[1] / "data"
Voices = dict[str, list[np.ndarray]]


@pytest.fixture(scope="module")
def voices() -> Voices:
    """Two utterances each of three speakers."""
    settings = load_settings("smoke")
    plans = {n: plan_speaker(n, settings)[:2] for n in (1, 2, 3)}
    return {
        own[0].speaker.name: [make_clip(plan).speech.samples for plan in own]
        for own in plans.values()
    }


@pytest.fixture(scope="module")
def embeddings(voices: Voices) -> dict[str, np.ndarray]:
    return embed_speakers(voices)


def test_batches_give_resemblyzers_numbers(embeddings: dict[str, np.ndarray]) -> None:
    theirs = read_npz(DATA / "resemblyzer.npz")  # 0.1.4: preprocess_wav, embed_speaker
    assert sorted(embeddings) == sorted(theirs)
    for name, embedding in theirs.items():
        assert np.abs(embeddings[name] - embedding).max() < 1e-5


@pytest.mark.slow
def test_a_speaker_is_nearer_to_himself_than_to_others(voices: Voices) -> None:
    single = [{n: u[i : i + 1] for n, u in voices.items()} for i in (0, 1)]
    first, second = (np.stack(list(embed_speakers(s).values())) for s in single)
    likeness = first @ second.T
    assert (likeness.argmax(1) == np.arange(3)).all()
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)


def test_embeddings_are_read_as_they_were_written(
    embeddings: dict[str, np.ndarray], tmp_path: Path
) -> None:
    write_embeddings(tmp_path / "speakers.npz", embeddings)
    again = read_embeddings(tmp_path / "speakers.npz")
    assert list(again) == list(embeddings)  # the first one is the target
    assert all(np.array_equal(again[name], x) for name, x in embeddings.items())


def test_without_embeddings_it_says_which_notebook_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run notebook 02_audio_features first"):
        read_embeddings(tmp_path / "speakers.npz")


@pytest.mark.parametrize(
    "samples",
    [np.zeros(16_000), np.full(16_000, 0.5), np.zeros(0)],
    ids=["silent", "constant", "empty"],
)
def test_silence_tells_nobody(samples: np.ndarray) -> None:
    with pytest.raises(InputError, match="does not tell who speaks"):
        embed_speakers({"a": [samples.astype(np.float32)]})


def test_sounds_without_a_detected_voice_are_embedded_whole() -> None:
    click = np.zeros(200, np.float32)
    click[100] = 0.9
    noise = 2 * np.random.default_rng(0).normal(size=20_000).astype(np.float32)
    found = embed_speakers({"click": [click], "noise": [noise]})
    assert all(np.isfinite(x).all() for x in found.values())


def test_the_start_of_a_voice_tells_who_speaks(voices: Voices) -> None:
    samples = np.concatenate([*next(iter(voices.values()))])
    expected = embed_speakers({"a": [samples[:32_000]]})["a"]
    found = embed_start(samples, 2.0)
    assert found is not None
    assert np.abs(found - expected).max() < 1e-5


def test_a_silent_or_empty_start_names_nobody() -> None:
    for count in (0, 48_000):
        assert embed_start(np.zeros(count, np.float32)) is None


def test_voices_that_are_only_heard_have_phones_and_embeddings() -> None:
    settings = load_settings("smoke", audio_only_speakers=1)
    voices, embeddings = hear_voices(settings, workers=1)
    assert {voice.speaker for voice in voices} == set(embeddings)
    for voice in voices:
        assert voice.features.shape == (len(voice.phones), 80)
        assert voice.split == "train"
        loud, pause = voice.features.mean(1).numpy(), voice.phones == 0
        assert loud[~pause].mean() > np.quantile(loud[pause], 0.75)

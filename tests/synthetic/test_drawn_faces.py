"""A voice without a picture gets a face: lips that follow it, and its label's look."""

import json
from importlib.metadata import distribution

import numpy as np
import pytest

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import lip_opening, mean_face
from emoface_lib.core.settings import load_settings
from emoface_lib.features.align import align, to_canonical
from emoface_lib.features.phones import PHONEMES, PHONES
from emoface_lib.synthetic.clips import DrawnClip, make_clip, plan_corpus
from emoface_lib.synthetic.drawn_faces import draw_face, heard_speech


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    return make_clip(plan_corpus(load_settings("smoke"))[0])


def test_lips_open_as_those_of_the_true_phones(clip: DrawnClip) -> None:
    drawn, _ = draw_face(clip.speech.samples, "a", "a/b/c", clip.plan.state.emotion, 0)
    openings = [lip_opening(face[..., :2]) for face in (drawn, clip.landmarks)]
    assert np.corrcoef(*openings)[0, 1] > 0.5


def test_phones_and_pauses_fill_the_voice(clip: DrawnClip) -> None:
    speech = heard_speech(clip.speech.samples)
    assert speech.start[0] == 0
    assert speech.end[-1] == speech.seconds
    assert (speech.start[1:] == speech.end[:-1]).all()
    assert (speech.end > speech.start).all()


def test_the_face_shows_the_label_on_one_look_a_speaker(clip: DrawnClip) -> None:
    sound = clip.speech.samples
    angry, shown = draw_face(sound, "a", "a/anger/1", "anger", 0)
    again, _ = draw_face(sound, "a", "a/anger/1", "anger", 0)
    happy, _ = draw_face(sound, "a", "a/happiness/1", "happiness", 0)
    assert (again == angry).all()
    assert EXPRESSIONS[shown["expression"].argmax()] == "anger"
    assert shown["arousal"] > 0 > shown["valence"]
    mean = to_canonical(mean_face())
    faces = [align(face.astype(float), mean)[0].mean(0) for face in (angry, happy)]
    brows = [face[17:27, 1].mean() for face in faces]
    corners = [face[[48, 54], 1].mean() - face[[51, 57], 1].mean() for face in faces]
    assert brows[0] > brows[1]  # y points down
    assert corners[0] > corners[1]


def test_tokens_are_named_as_in_the_wheel_and_known_to_the_rule() -> None:
    vocabulary = distribution("hama").locate_file("hama/assets/g2p_vocab.json")
    names = json.loads(vocabulary.read_text("utf8"))["decoder"]  # type: ignore
    for token, (ipa, phoneme) in PHONES.items():
        assert names[token] == ipa
        assert any(phoneme.startswith(known) for known in PHONEMES)


def test_a_label_that_no_face_shows_and_silence_are_refused(clip: DrawnClip) -> None:
    with pytest.raises(InputError, match=r"'contempt'.*neutral: label it"):
        draw_face(clip.speech.samples, "a", "a/b/c", "contempt", 0)
    with pytest.raises(InputError, match="Nobody speaks"):
        heard_speech(np.zeros(16_000, np.float32))

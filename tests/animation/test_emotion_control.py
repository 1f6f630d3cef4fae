"""An emotion over time is read as it is written, and what is wrong is said."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoface_lib.animation.emotion_control import LARGEST, Curve, Dial
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError


def test_between_key_frames_the_emotion_goes_evenly_and_outside_it_is_held() -> None:
    curve = Curve.parse("1:-1, 3:2")
    seconds = np.array([0.0, 1.0, 2.0, 3.0, 9.0])
    np.testing.assert_allclose(curve(seconds), [-1, -1, 0.5, 2, 2])


def test_a_number_is_the_same_at_all_times() -> None:
    assert Curve.parse("-1.5")(np.arange(3.0)).tolist() == [-1.5, -1.5, -1.5]
    assert str(Dial.of(1.5, "valence")) == "valence +1.5"
    assert str(Dial.of(0.0)) == "0"


def test_a_mood_starts_from_a_neutral_face_and_has_an_amount() -> None:
    happy = Dial.of("happy")
    assert happy.anew
    assert happy.curves["happiness"](np.zeros(1)) == 1.0
    rising = Dial.of("Angry:0:0,2:3").curves["anger"]
    np.testing.assert_allclose(rising(np.array([0.0, 1.0, 9.0])), [0, 1.5, 3])
    assert str(Dial.of("sad:1.5")) == "sad:1.5"
    assert not Dial.of(1.0).anew


def test_a_voice_shows_what_is_heard_in_it_surer_than_it_is_heard() -> None:
    seconds, softmax = np.array([2.0, 4.0]), np.zeros((2, 7))
    softmax[:, EXPRESSIONS.index("anger")] = 1.0, 0.6
    softmax[1, EXPRESSIONS.index("fear")] = 0.4
    own = Dial.own(seconds, softmax, Curve.parse("0:0,4:2"))
    assert own.anew
    assert own.curves.keys() == set(EXPRESSIONS)
    anger, fear = (np.array(own.curves[name].amounts) for name in ("anger", "fear"))
    np.testing.assert_allclose(anger + fear, [1.0, 2.0])
    assert anger[1] / fear[1] > 3  # 0.6 to 0.4 is told
    assert not any(own.curves["happiness"].amounts)


@given(
    st.lists(st.floats(0, 600, width=16), min_size=1, max_size=6, unique=True),
    st.floats(-LARGEST, LARGEST),
)
def test_key_frames_are_met_in_any_order(times: list[float], amount: float) -> None:
    frames = {time: amount * (-1) ** number for number, time in enumerate(times)}
    text = ",".join(f"{time!r}:{value!r}" for time, value in frames.items())
    np.testing.assert_allclose(Curve.parse(text)(np.array(times)), [*frames.values()])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("much", "can't be read"),
        ("", "can't be read"),
        ("0:1,much", "can't be read"),
        ("0:1:2", "can't be read"),
        ("1:0,1:2", "one after another"),
        ("nan", "finite"),
        ("0:inf", "finite"),
        ("50", "no face"),
        ("joyful", "such as happy"),
    ],
)
def test_what_is_no_emotion_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Curve.parse(text)


def test_a_table_turns_several_axes(tmp_path: Path) -> None:
    path = tmp_path / "rise.csv"
    path.write_text("# drawn by hand\nseconds,arousal,amount\n2,3,1\n0,1,-1\n")
    dial = Dial.of(path, "PC2")
    assert dial.curves["arousal"](np.array([1.0])).tolist() == [2.0]
    assert dial.curves["PC2"](np.array([0.0])).tolist() == [-1.0]
    assert str(dial) == "rise"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("time,amount\n0,1\n", "no table of key frames"),
        ("seconds,amount\n0,much\n", "no table of key frames"),
        ("seconds\n0\n", "no column besides"),
        ("seconds,amount\n0,1\n0,2\n", "one after another"),
        ("seconds,amount\n", "needs a key frame"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=reason) as told:
        Dial.of(path)
    assert "bad.csv" in str(told.value)
    with pytest.raises(InputError, match="no file"):
        Dial.of(tmp_path / "none.csv")

"""Targets of the mouth, fitted to real ones: what is warped, what stays."""

import numpy as np

from emoface_lib.core.files import read_table
from emoface_lib.synthetic.visemes import VISEMES, Viseme
from tools.fit_visemes import LEAST, PRIOR, sentence, warped


def test_the_name_of_a_clip_spells_its_sentence() -> None:
    assert sentence("bbaf2n") == "bin blue at F two now"
    assert sentence("swwzza") == "set white with Z zero again"


def test_warping_finds_where_sounds_lie_in_another_voice() -> None:
    places = np.array([0, 1, 1, 2, 4, 5])  # the other voice lingers at 2 and 3
    cost = np.ones((6, 6))
    cost[np.arange(6), places] = 0
    cost[3, 3] = 0
    np.testing.assert_allclose(warped(cost), [0, 1, 1, 2.5, 4, 5])


def test_the_fit_leaves_closures_and_dominance_alone_and_rounded_lips_round() -> None:
    for name, *numbers in read_table(PRIOR):
        prior, ours = Viseme(*map(float, numbers)), VISEMES[name]
        assert ours[3:] == prior[3:]
        assert ours.firmness == prior.firmness
        if prior.press or prior.tuck:
            assert ours.open <= prior.open
        assert ours.wide * prior.wide >= 0
        assert abs(ours.wide) > 0 or abs(prior.wide) * LEAST < 0.01
    assert max(VISEMES.values(), key=lambda one: one.open) == VISEMES["AE"]

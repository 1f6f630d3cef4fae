"""Settings: profiles validate; mistakes are refused with the nearest name."""

import pytest

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import PROFILES, Run, load_settings


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid(profile: str) -> None:
    assert load_settings(profile).profile == profile


def test_paper_profile_keeps_the_optimiser_of_the_paper() -> None:
    settings = load_settings("paper")
    assert (settings.content.learning_rate, settings.training.weight_decay) == (
        1e-5,
        1e-5,
    )
    assert settings.training.schedule == "constant"
    assert settings.features.look_ahead == 0
    assert settings.features.kind == "autovc"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("speaker", "speakers"), ("learnig_rate", "learning_rate"), ("seeds", "seed")],
)
def test_mistyped_setting_names_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(InputError, match=f"did you mean '{right}'"):
        load_settings("smoke", **{wrong: 1})


@pytest.mark.parametrize(
    "override",
    [{"seed": "3"}, {"seed": 1.5}, {"speakers": 1}, {"detector": "fann"}],
)
def test_ill_typed_or_out_of_range_value_is_refused(override: dict) -> None:
    with pytest.raises(InputError, match=f"Setting {next(iter(override))}"):
        load_settings("smoke", **override)


def test_unknown_profile_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'tutorial'"):
        load_settings("tutorials")


def test_none_keeps_the_value_of_the_profile() -> None:
    assert load_settings("smoke", train_speakers=None) == load_settings("smoke")


def test_equal_settings_have_equal_hashes_and_others_differ() -> None:
    assert load_settings("smoke").hash() == load_settings("smoke").hash()
    assert load_settings("smoke").hash() != load_settings("smoke", seed=1).hash()


def test_missing_product_says_which_notebook_to_run(tmp_path) -> None:
    run = Run(load_settings("smoke"), tmp_path)
    with pytest.raises(InputError, match="run notebook 04_content_encoder first"):
        run.product("04_content_encoder")

"""Settings: profiles validate; mistakes are refused with the nearest name."""

import pytest
from pydantic import ValidationError

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import (
    NAMES,
    PROFILES,
    Run,
    load_settings,
    notebook_settings,
)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid(profile: str) -> None:
    assert load_settings(profile).profile == profile


def test_paper_profile_keeps_the_optimiser_of_the_paper() -> None:
    settings = load_settings("paper")
    assert settings.content.learning_rate == settings.training.weight_decay == 1e-5
    assert settings.training.schedule == "constant"
    assert settings.features.look_ahead == 0
    assert settings.features.kind == "autovc"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("speaker", "test_speakers"), ("margn", "margin"), ("style_step", "style_steps")],
)
def test_mistyped_setting_names_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(InputError, match=f"did you mean '{right}'"):
        load_settings("smoke", **{wrong: 1})


@pytest.mark.parametrize(
    "override",
    [{"seed": "3"}, {"seed": 1.5}, {"train_speakers": 1}, {"detector": "fann"}],
)
def test_ill_typed_or_out_of_range_value_is_refused(override: dict) -> None:
    with pytest.raises(InputError, match=rf"Setting (\w+\.)?{next(iter(override))}"):
        load_settings("smoke", **override)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "profile"])
def test_every_setting_has_a_name_for_the_shell_and_for_notebooks(name: str) -> None:
    value = load_settings("smoke").by_name()[name]
    settings = load_settings("paper", **{name: value})
    assert load_settings("paper", **{name.replace(".", "_"): value}) == settings
    names = {"profile": "paper", name.replace(".", "_"): value, "other": 1}
    assert notebook_settings(names) == settings


def test_a_name_that_one_stage_alone_has_is_enough() -> None:
    short = load_settings("smoke", margin=0.3, features="codes", translator="improved")
    assert short.style.margin == 0.3
    assert short.features.kind == "codes"
    assert short.translator.edges > load_settings("smoke").translator.edges


def test_style_hears_what_content_does_unless_something_else_is_asked_for() -> None:
    both = load_settings("smoke").features
    assert both.kinds == ("phonetic", "phonetic")
    stored = both.model_dump(exclude={"style"})  # as older checkpoints hold them
    assert type(both).model_validate(stored) == both
    apart = load_settings("smoke", features_style="log_mel").features
    assert apart.kinds == ("phonetic", "log_mel")
    assert apart.sound == "phonetic"


def test_a_name_of_several_settings_is_refused_with_all_of_them() -> None:
    with pytest.raises(InputError, match=r"autovc\.steps, .*style\.steps"):
        load_settings("smoke", steps=3)


def test_settings_are_changed_by_name_and_stay_frozen() -> None:
    settings = load_settings("smoke", style_steps=5)
    assert settings.changed(margin=0.3).style.steps == 5
    assert settings.changed(**settings.by_name()) == settings
    with pytest.raises(ValidationError):
        settings.style.steps = 6  # type: ignore[misc]


def test_a_stage_has_a_hash_of_its_own() -> None:
    settings = load_settings("smoke")
    for other in (
        {"bootstrap_samples": 11},
        {"device": "cpu", "devices": 2},
        {"content_steps": 3},
    ):
        changed = settings.changed(**other)
        assert changed.hash("style") == settings.hash("style")
        assert changed.hash() == settings.hash() or "device" not in other
    assert settings.changed(margin=0.3).hash("style") != settings.hash("style")
    assert settings.changed(seed=1).hash("style") != settings.hash("style")


def test_unknown_profile_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'tutorial'"):
        load_settings("tutorials")


def test_none_keeps_the_value_of_the_profile() -> None:
    assert load_settings("smoke", train_speakers=None) == load_settings("smoke")


def test_missing_product_says_which_notebook_to_run(tmp_path) -> None:
    run = Run(load_settings("smoke"), tmp_path)
    with pytest.raises(InputError, match="run notebook 04_content_encoder first"):
        run.product("04_content_encoder")

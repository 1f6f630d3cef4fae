"""A sweep's file: what it means, and that all that is wrong is said before a run."""

import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.cli import app
from emoface_lib.runs.sweep import combinations, make_sweep, read_sweep
from emoface_lib.runs.sweep_plans import plan_runs

READY_MADE = sorted((REPOSITORY / "sweeps").glob("*.yml"))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def sweep(tmp_path: Path, text: str):
    return read_sweep(write(tmp_path / "tried.yml", text))


def test_grid_list_seeds_and_conditions(tmp_path: Path) -> None:
    text = """
        profile: smoke
        notebooks: [04, "05"]
        parameters: {style_steps: 50, study_speaker_counts: [2, 4]}
        list: [{features: codes}, {features: log_mel, real_mouths: 0.5}]
        grid: {style_learning_rate: [1e-5, 1E-3], objective: paper}
        seeds: 2
        exclude: {features: codes, style_learning_rate: 1e-3}
        """
    asked = sweep(tmp_path, text)
    assert asked.notebooks == ["04", "05"]
    runs = combinations(asked)
    seen = [(r["features"], r["style_learning_rate"], r["seed"]) for r in runs]
    rates = [("codes", 1e-5), ("log_mel", 1e-5), ("log_mel", 1e-3)]
    assert seen == [(*pair, seed) for pair in rates for seed in (0, 1)]
    counts = [r["study_speaker_counts"] for r in runs]
    assert counts == [[2, 4]] * len(runs)
    assert {r["objective"] for r in runs} == {"paper"}


@given(
    sizes=st.lists(st.integers(1, 4), max_size=3),
    seeds=st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True),
)
def test_a_grid_is_the_product_of_values(sizes: list[int], seeds: list[int]) -> None:
    grid = {f"p{n}": list(range(size)) for n, size in enumerate(sizes)}
    runs = combinations(make_sweep(notebooks=4, grid=grid, seeds=seeds))
    expected = product(*grid.values(), seeds)
    assert [tuple(run[k] for k in (*grid, "seed")) for run in runs] == list(expected)


WRONG = {
    "gird: {a: [1]}": "did you mean 'grid'",
    "seeds: -1": "at least 1 item",
    "seeds: [0, -1]": "greater than or equal to 0",
    "seeds: many": "seeds = 'many'",
    "profile: smok": "profile = 'smok'",
    "minutes: 0": "minutes = 0",
    "grid: {content_step: [1]}": "did you mean 'content_steps'",
    "grid: {content_steps: [5, 0]}": "content.steps = 0",
    "grid: {content_steps: [five]}": "content.steps = 'five'",
    "grid: {content_steps: []}": "no value",
    "grid: {features: [log_mel, kodes]}": "features.kind = 'kodes'",
    "list: [{features: kodes}]": "features.kind = 'kodes'",
    "parameters: {seed: 3}": "own key",
    "parameters: {features: codes}\ngrid: {features: [log_mel]}": "given twice",
    "exclude: {content_step: 3}\nparameters: {content_steps: 3}": "'content_steps'",
    "exclude: {content_steps: 4}\nparameters: {content_steps: 3}": "excludes no run",
    "exclude: {content_steps: 3}\nparameters: {content_steps: 3}": "leaves no run",
    "exclude: {features: a}\nlist: [{features: codes}]": "excludes no run",
    "exclude: {content_steps: []}\nparameters: {content_steps: 3}": "excludes no run",
    "exclude: content_steps > 3": "should be a valid dictionary",
    "exclude: !!python/object/apply:os.system [touch PWNED]": "can't be read",
    "shared: [03x]": "no notebook '03x'",
    "parameters: {corpus: nowhere}": "no prepared clips",
    "base: nowhere": "no prepared clips",
    "notebooks: 05": "stands twice",
    "grid: [": "can't be read",
    "[" * 20_000: "can't be read",
    "parameters: {corpus: 2026-11-29}": "not a valid JSON value",
    "parameters: {corpus: !!binary aGVq}": "not a valid JSON value",
    "grid: {corpus: !!set {a, b}}": "not a valid JSON value",
    "grid: {content_steps: &a [1], style_steps: *a}": "no aliases",
    "seeds: 1000000000000": "at most 100000 runs",
    f"grid: {{content_steps: {[*range(1, 400)]}, style_steps: {[*range(1, 400)]}}}": (
        "159,201 runs, more than 100,000"
    ),
    "results: [../../../etc/passwd]": "a file in the run's folder",
    "outputs: /etc/passwd": "a file in the run's folder",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_before_anything_runs(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=WRONG[text]):
        plan_runs(sweep(tmp_path, f"notebooks: [04]\n{text}"))


@pytest.mark.parametrize(
    "exclude",
    [
        "\"__import__('os').system('touch PWNED') == 0\"",
        "{seed: \"__import__('os').system('touch PWNED')\"}",
        "!!python/object/apply:os.system [touch PWNED]",
    ],
)
def test_a_dry_run_runs_nothing_that_stands_in_a_sweep(
    exclude: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"notebooks: [04]\nseeds: 2\nexclude: {exclude}"
    path = write(tmp_path / "tried.yml", text)
    output = CliRunner().invoke(app, ["batch", "run", str(path), "--dry-run"])
    assert output.exit_code != 0
    assert list(tmp_path.iterdir()) == [path]


def test_exclude_leaves_out_the_runs_that_have_all_of_its_values() -> None:
    rows = [{"features": "log_mel"}, {"features": "codes", "real_mouths": 0}]

    def left(*exclude: dict[str, Any]) -> list[tuple[str, int]]:
        asked = make_sweep(notebooks=4, list=rows, seeds=2, exclude=list(exclude))
        return [(run["features"], run["seed"]) for run in combinations(asked)]

    # a run that lacks a parameter has none of its values
    assert left({"real_mouths": 0}) == [("log_mel", 0), ("log_mel", 1)]
    assert left({"seed": 1}) == [("log_mel", 0), ("codes", 0)]
    both = {"features": ["codes", "log_mel"], "seed": 1}
    assert left(both) == [("log_mel", 0), ("codes", 0)]
    assert left({"features": "codes", "seed": 1}, {"features": "log_mel"}) == [
        ("codes", 0)
    ]


def test_no_file_and_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_sweep(tmp_path / "none.yml")
    with pytest.raises(InputError, match="is no sweep"):
        sweep(tmp_path, "- 04")
    with pytest.raises(InputError, match="notebooks"):
        sweep(tmp_path, "seeds: 1")


def keys(**given: object) -> list[str]:
    return [plan.key for plan in plan_runs(make_sweep(profile="smoke", **given))]


def test_a_run_is_named_by_what_it_depends_on_and_by_nothing_else() -> None:
    (one,) = keys(notebooks="04", parameters={"content_steps": 7})
    assert keys(notebooks=4, grid={"content_steps": [7, 7]}) == [one]
    assert keys(notebooks=4, parameters={"content_steps": 7}, minutes=3.0) == [one]
    assert keys(notebooks="04", parameters={"content_steps": 8}) != [one]
    assert keys(notebooks="04", parameters={"content_steps": 7}, seeds=[1]) != [one]
    assert keys(notebooks=["04", "05"], parameters={"content_steps": 7}) != [one]
    assert keys(notebooks=4, parameters={"content_steps": 7}, outputs="x") != [one]


def test_what_comes_before_is_shared_by_all_runs_that_ask_the_same_of_it() -> None:
    grid = {"audio_only_speakers": [2, 4], "style_steps": [3, 5]}
    plans = plan_runs(make_sweep(profile="smoke", notebooks=5, grid=grid, seeds=2))
    assert len(plans) == 8
    by_number = {number: set() for number in ("01", "02", "03", "04")}
    for plan in plans:
        for before in plan.before:
            (one,) = before.notebooks
            by_number[one.path.stem[:2]].add(before.key)
            assert before.parameters["seed"] == 0
    # 01 does not know audio_only_speakers, and none of them style_steps
    assert [len(known) for known in by_number.values()] == [1, 2, 2, 2]


def test_prepared_data_stand_in_for_the_first_notebooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOFACE_RUNS", str(tmp_path))
    index = tmp_path / "mine" / "features" / "index.parquet"
    index.parent.mkdir(parents=True)
    index.write_bytes(b"clips")
    (of_base,) = plan_runs(sweep(tmp_path, "notebooks: [04]\nbase: mine"))
    assert of_base.base == index.parents[1]
    assert of_base.before == ()
    (of_corpus,) = plan_runs(
        sweep(tmp_path, "notebooks: [05]\nparameters: {corpus: mine}")
    )
    (content,) = of_corpus.shared.notebooks
    assert content.path.stem == "04_content_encoder"
    assert len(of_corpus.before) == 1
    assert of_corpus.shared.base == index.parents[1]
    index.write_bytes(b"more clips")
    other = plan_runs(sweep(tmp_path, "notebooks: [04]\nbase: mine"))[0]
    assert other.key != of_base.key


@pytest.mark.parametrize("path", READY_MADE, ids=lambda path: path.stem)
def test_ready_made_sweeps_can_be_run(path: Path) -> None:
    plans = plan_runs(read_sweep(path))
    assert len(plans) >= 5
    assert all(plan.results for plan in plans)
    assert all(
        plan.given["study_collected"] == "" for plan in plans
    )  # shows its own seed
    output = CliRunner().invoke(app, ["batch", "run", str(path), "--dry-run"])
    assert output.exit_code == 0
    shared = {one.key for plan in plans for one in plan.before}
    assert sum(key in output.output for key in shared) == len(shared)
    assert all(plan.key in output.output for plan in plans)


def test_a_share_without_a_run_ends_well(tmp_path: Path) -> None:
    path = str(write(tmp_path / "tried.yml", "profile: smoke\nnotebooks: [04]"))
    command = ["batch", "run", path, "--shard", "2/2", "--store", str(tmp_path / "no")]
    output = CliRunner().invoke(app, command)
    assert (output.exit_code, output.output.strip()) == (0, "no runs")


@pytest.mark.slow
def test_a_slurm_array_runs_a_share_in_each_task() -> None:
    script, sweep_file = REPOSITORY / "cluster" / "slurm_batch.sh", READY_MADE[0]
    keys = {plan.key for plan in plan_runs(read_sweep(sweep_file))}
    given = {**os.environ, "BIN": str(Path(sys.executable).parent)}
    shown = []
    for task in ("1", "2"):
        array = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MAX": "2"}
        asked = ["bash", str(script), str(sweep_file), "--dry-run"]
        output = subprocess.check_output(asked, text=True, env={**given, **array})
        shown.append({key for key in keys if key in output})
    assert shown[0] | shown[1] == keys
    assert not shown[0] & shown[1]


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck")
def test_scripts_for_clusters_are_sound() -> None:
    scripts = sorted(map(str, (REPOSITORY / "cluster").glob("*.sh")))
    found = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_there_are_ready_made_sweeps_for_every_study() -> None:
    assert {path.stem for path in READY_MADE} == {
        "ablations",
        "collapse",
        "features",
        "learning_curve",
        "learning_rates",
    }

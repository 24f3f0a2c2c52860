"""Searches on the embedded base: real trials, a kill, the chosen recipe's own run, goals that are reached or not."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_material import ended, start, tell, write_rows

from tunesmith import lifecycle
from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.folder import MANIFEST, hash_file
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.recipe import load_recipe
from tunesmith.recipe.search import Values
from tunesmith.runtime import Runtime, Silent
from tunesmith.search.run import autopilot, validation_figures

WORDS = {"refund": ("refund", "money back", "退款"), "delivery": ("ship", "deliver", "发货")}
RECIPE = """\
name: desk
prepare: {sources: rows.jsonl, test_share: 0.3, validation_share: 0.25}
train: {method: {name: lora, rank: 4}, max_steps: 8, batch_rows: 8}
evaluate: {general_suite: false, arms: [base, tuned], confidence: {map: none}}
search:
  by: grid
  space:
    train.learning_rate: [1e-6, 1e-3, 3e-3, 1e-2]
    train.optimizer.weight_decay: [0.0, 0.3]
"""


def rows() -> list[dict[str, str]]:
    labels = list(WORDS)
    return [
        {"text": f"Order {n}: {WORDS[labels[n % 2]][n % 3]} my lamp {n * 37 % 97}", "label": labels[n % 2]}
        for n in range(120)
    ]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    write_rows(folder / "rows.jsonl", rows())
    return folder


@pytest.fixture(scope="module")
def searched(desk: Path) -> dict[str, Any]:
    """What the command says of a study that nobody disturbed."""
    told = tell(["-w", "whole", "search", "recipe.yaml", "--json"], desk)
    assert told.code == 0, told.err
    found: dict[str, Any] = told.json()
    return found


def trials_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return sorted(found["trials"], key=lambda trial: trial["number"])


@pytest.mark.slow
def test_eight_trials_cost_two_and_a_half_and_the_best_is_judged_by_a_run_of_its_own(
    desk: Path, searched: dict[str, Any]
) -> None:
    assert (len(searched["trials"]), searched["full_trials"], searched["num_steps"]) == (8, 2.5, 20)
    assert [trial["state"] for trial in trials_of(searched)].count("complete") == 1
    best = trials_of(searched)[searched["ranking"][0]]
    assert best["settings"]["train.learning_rate"] > 1e-6, "a rate that changes nothing is not the best"
    study = desk / searched["study"]
    assert {"study.json", "study.html", "best.yaml", "journal.log"} <= {file.name for file in study.iterdir()}
    assert list((study / "groups").iterdir()) == []
    recipe = load_recipe(desk / searched["recipe"])
    assert recipe.train.learning_rate == best["settings"]["train.learning_rate"]
    evaluated = tell(["-w", "whole", "evaluate", searched["recipe"], "--json"], desk)
    assert evaluated.code == 0, evaluated.err
    card = evaluated.json()
    tuned = next(arm for arm in card["arms"] if arm["name"] == "tuned")
    assert searched["judged"]["test"] == tuned["metrics"]["test"]["accuracy"]
    assert searched["judged"]["word"] == card["verdicts"][0]["word"]
    assert None not in searched["judged"]["test"].values()


@pytest.mark.slow
def test_a_rungs_value_is_that_of_a_training_of_its_own(desk: Path, searched: dict[str, Any]) -> None:
    """The trial that was trained whole, trained by `train` alone, is validated to the same loss at its last step."""
    best = trials_of(searched)[searched["ranking"][0]]
    (run,) = (desk / "whole" / "runs").glob(f"{Path(searched['judged']['run']).name}/events.jsonl")
    events = [json.loads(line) for line in run.read_text(encoding="utf-8").splitlines()]
    losses = {event["step"]: event["data"]["eval/loss"] for event in events if "eval/loss" in event["data"]}
    assert best["values"][-1] == [1.0, pytest.approx(losses[8], rel=1e-4)]


@pytest.mark.slow
def test_the_same_command_finds_the_study_and_trains_nothing(desk: Path, searched: dict[str, Any]) -> None:
    journal = desk / searched["study"] / "journal.log"
    before = journal.read_bytes()
    again = tell(["-w", "whole", "search", "recipe.yaml", "--json"], desk)
    assert again.code == 0, again.err
    assert again.json() == searched
    assert "steps" not in again.err
    assert journal.read_bytes() == before
    chinese = tell(["-w", "whole", "search", "recipe.yaml"], desk, TUNESMITH_LANG="zh")
    assert "最佳：8 次试训中的第" in chinese.out


@pytest.mark.slow
def test_killed_and_started_again_it_ends_as_if_nobody_had(desk: Path, searched: dict[str, Any]) -> None:
    """Killed as soon as the journal has so many lines, at three places, in one workspace."""
    for lines in (12, 22, 30):
        process = start(["-w", "killed", "search", "recipe.yaml"], desk)
        while process.poll() is None:
            journals = list((desk / "killed" / "runs").glob("*/journal.log"))
            if journals and journals[0].read_bytes().count(b"\n") >= lines:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.002)
        ended(process)
    told = tell(["-w", "killed", "search", "recipe.yaml", "--json"], desk)
    assert told.code == 0, told.err
    assert trials_of(told.json()) == trials_of(searched)
    assert told.json()["judged"]["test"] == searched["judged"]["test"]


def job_of(desk: Path, runtime: Runtime, name: str) -> Job:
    recipe = load_recipe(desk / "recipe.yaml")
    source = recipe.prepare.sources[0].model_copy(update={"path": str(desk / "rows.jsonl")})
    space = {"train.learning_rate": Values(values=(3e-3, 1e-2))}
    update = {
        "name": name,
        "prepare": recipe.prepare.model_copy(update={"sources": (source,)}),
        "search": recipe.search.model_copy(update={"space": space, "halving": None}),
    }
    runtime = replace(runtime, workspace=desk / name, cache=desk / "cache")
    return Job(recipe.model_copy(update=update), runtime, Silent())


@pytest.mark.slow
def test_validation_figures_are_those_that_a_test_on_the_same_rows_gives(desk: Path, runtime: Runtime) -> None:
    """With the validation rows in the place of the test rows, the ordinary scorecard says the same."""
    job = job_of(desk, runtime, "swapped")
    found = validation_figures(job)
    folder = lifecycle.prepare(job).folder
    (folder / "test.jsonl").write_bytes((folder / "validation.jsonl").read_bytes())
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    file = folder / "test.jsonl"
    manifest["files"]["test.jsonl"] = {"sha256": hash_file(file), "num_bytes": file.stat().st_size}
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    card: Scorecard = lifecycle.scorecard_of(job)
    tuned = next(arm for arm in card.body.arms if arm.name == "tuned")
    assert found.keys() == tuned.metrics["test"].keys()
    assert found == tuned.metrics["test"]


@pytest.mark.slow
def test_an_autopilot_ends_with_a_goal_that_is_reached_and_says_how_sure_that_is(desk: Path, runtime: Runtime) -> None:
    reached = autopilot(job_of(desk, runtime, "reached"), None, "accuracy>=0.55").study
    assert reached.sought is not None
    assert reached.judged is not None
    assert reached.sought.is_reached
    assert reached.sought.test == reached.judged.test
    low = reached.sought.test.low
    assert low is not None
    assert reached.sought.confirmation == ("confirmed" if low >= 0.55 else "within_error")


@pytest.mark.slow
def test_an_autopilot_says_when_a_goal_is_not_reached(desk: Path, runtime: Runtime) -> None:
    job = job_of(desk, runtime, "unreached")
    still = job.recipe.search.model_copy(update={"space": {"train.learning_rate": Values(values=(1e-7, 1e-8))}})
    job = replace(job, recipe=job.recipe.model_copy(update={"search": still}))
    found = autopilot(job, None, "accuracy>=0.999").study
    assert found.sought is not None
    assert (found.sought.is_reached, found.sought.confirmation) == (False, None)
    assert found.judged is not None


@pytest.mark.thorough
def test_a_goal_that_cannot_be_judged_is_refused_before_anything_is_trained(desk: Path, runtime: Runtime) -> None:
    job = job_of(desk, runtime, "refused")
    with pytest.raises(TunesmithError) as caught:
        autopilot(job, None, "rouge_l>=0.5")
    assert caught.value.code == "goal-metric"
    assert "accuracy, macro_f1" in caught.value.message()
    assert not (desk / "refused" / "artifacts" / "plan").exists()

"""The advised method: the matrix, what corrects it, and trials that are trainings like any other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import make_model, random_row, save_model

from tunesmith import lifecycle
from tunesmith.artifacts import read_metrics
from tunesmith.i18n import LANGUAGES, translate
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.trials import try_methods
from tunesmith.model.base import Base, find_base
from tunesmith.plan import method as rules
from tunesmith.plan.geometry import geometry_of
from tunesmith.plan.method import MAX_TRIAL_SHARE, TRIAL_STEPS, Question, Trial, advise, num_trial_steps, to_try
from tunesmith.plan.predict import Workload
from tunesmith.recipe import AUTO_METHODS, Classification, Evaluate, Full, Lora, Prefix, Recipe, Train
from tunesmith.records import Rendered
from tunesmith.runtime import Level, Runtime, Silent
from tunesmith.train.sampler import RowSampler

SECTION = Train(batch_rows=4, epochs=1.0, precision="fp32", max_steps=4)


def rows(num: int, length: int) -> list[Rendered]:
    random = np.random.default_rng(0)
    return [random_row(random, str(n), [], length) for n in range(num)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return find_base(str(save_model(tmp_path_factory.mktemp("model"), make_model("llama"))))


def question(base: Base, num_rows: int = 40, *, is_large: bool = True, section: Train = SECTION) -> Question:
    geometry = geometry_of(base)
    if is_large:  # as many numbers as a base of billions has
        geometry = replace(geometry, shapes=geometry.shapes | {"more.weight": (50_000, 40_000)})
    # the same row over and over: what counts is how many there are
    work = Workload(
        geometry, rows(1, 30) * num_rows, rows(6, 30), rows(2, 30), Evaluate(arms=("base",)), 0, "cpu", RowSampler
    )
    return Question(work, base, section, "fp32", None)


@pytest.mark.parametrize(
    ("num_rows", "named"), [(9_999, "prefix"), (10_000, "lora"), (99_999, "lora"), (100_000, "full")]
)
def test_a_large_base_follows_the_matrix_of_rows(base: Base, num_rows: int, named: str) -> None:
    advice = advise(question(base, num_rows))
    assert (advice.method.name, advice.reason) == (named, "plan.reason.method-rows")


def test_a_small_base_is_tuned_as_a_whole_however_few_its_rows_are(base: Base) -> None:
    advice = advise(question(base, is_large=False))
    assert (advice.method.name, advice.reason) == ("full", "plan.reason.method-small")


def test_what_does_not_fit_gives_way_to_what_does_and_is_not_tried(base: Base) -> None:
    asked = question(base, is_large=False)
    full, lora = asked.peak_bytes(Full()), asked.peak_bytes(Lora())
    tight = replace(asked, limit_bytes=lora)
    advice = advise(tight)
    assert lora < full
    assert (advice.method.name, advice.reason, advice.parameters["heavier"]) == (
        "lora",
        "plan.reason.method-memory",
        "full",
    )
    assert "full" not in [method.name for method in to_try(tight)[0]]
    assert advise(replace(asked, limit_bytes=1)).method.name == "prefix"


@pytest.mark.thorough
def test_a_prefix_is_left_out_where_a_head_is_learned_or_no_room_is_left(base: Base) -> None:
    head = question(base, section=SECTION.model_copy(update={"objective": Classification()}))
    full_rows = rows(40, base.max_tokens - 5)
    long = question(base)
    long = replace(long, work=replace(long.work, train=full_rows))
    for asked in (head, long):
        advice = advise(asked)
        assert (advice.method.name, advice.reason) == ("lora", "plan.reason.method-absent")


def trials(**losses: Sequence[float]) -> list[Trial]:
    return [Trial(name, 30, np.array(of_row), 2.0) for name, of_row in losses.items()]


def test_the_lowest_loss_decides_and_a_tie_leaves_the_customary_method(base: Base) -> None:
    random = np.random.default_rng(0)
    difficulty_V = random.normal(3.0, 1.0, 40)
    noise_V = random.normal(0.0, 0.1, 40)
    asked = question(base)
    clear = advise(asked, trials(full=difficulty_V, lora=difficulty_V - 0.2 + noise_V, prefix=difficulty_V + 0.1))
    assert (clear.method.name, clear.reason) == ("lora", "plan.reason.method-tried")
    assert f"lora {np.mean(difficulty_V - 0.2 + noise_V):.4f} (2 s)" in str(clear.parameters["losses"])
    tied = advise(asked, trials(full=difficulty_V + noise_V - noise_V.mean() - 1e-4, prefix=difficulty_V))
    assert (tied.method.name, tied.reason) == ("prefix", "plan.reason.method-confirmed")
    broken = advise(asked, trials(full=[np.nan] * 40, lora=difficulty_V - 1.0, prefix=difficulty_V))
    assert broken.method.name == "lora"
    alone = advise(asked, trials(full=[np.inf] * 40, lora=difficulty_V))
    assert alone.method.name == "prefix"
    for advice in (clear, tied):
        assert all("(2 s)" in translate(advice.reason, language, **advice.parameters) for language in LANGUAGES)


@pytest.mark.thorough
def test_trials_cost_at_most_half_of_the_training_once_they_are_not_free(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = [Full(), Lora(), Prefix()]
    free = question(base, 400, section=Train(batch_rows=4, precision="fp32"))
    assert num_trial_steps(free, methods) == TRIAL_STEPS
    monkeypatch.setattr(rules, "FREE_OPERATIONS", 0.0)
    costs = [free.work.costs(free.by(method), "fp32").step_mean for method in methods]
    for num_rows in (40, 60, 400):
        asked = replace(free, work=replace(free.work, train=free.work.train[:1] * num_rows))
        num_steps = 3 * num_rows // 4
        allowed = int(MAX_TRIAL_SHARE * min(costs) * num_steps / sum(costs))
        assert num_trial_steps(asked, methods) == (min(TRIAL_STEPS, allowed) if allowed >= 8 else 0)
        assert (to_try(asked)[1] == 0) == (allowed < 8)


@pytest.mark.thorough
def test_a_weaker_method_is_tried_in_a_whole_training_alone(base: Base) -> None:
    long = Train(batch_rows=4, precision="fp32")

    def tried(num_rows: int, section: Train, *, is_large: bool) -> tuple[list[str], int]:
        methods, num_steps = to_try(question(base, num_rows, is_large=is_large, section=section))
        return [method.name for method in methods], num_steps

    assert tried(48, long, is_large=False) == (["full", "lora", "prefix"], 36)
    assert tried(400, long, is_large=False) == ([], 0)
    assert tried(400, long, is_large=True) == (["full", "lora", "prefix"], TRIAL_STEPS)
    many = long.model_copy(update={"epochs": 0.1})
    assert tried(10_000, many, is_large=True) == (["full", "lora"], TRIAL_STEPS)


def test_without_validation_rows_nothing_is_tried(base: Base) -> None:
    asked = question(base)
    assert to_try(asked) != ([], 0)
    assert to_try(replace(asked, work=replace(asked.work, validation=[]))) == ([], 0)


class Untried(Silent):
    """Fails where a trial is begun."""

    def say(self, key: str, level: Level = "info", **parameters: object) -> None:
        assert key != "say.plan.trials"


@pytest.mark.thorough
def test_a_trial_is_the_training_of_so_many_steps_and_leaves_no_trace(tmp_path: Path, runtime: Runtime) -> None:
    random = np.random.default_rng(0)
    words = ("lamp", "order", "where", "seven", "late", "street", "green", "tent", "back", "money", "why", "open")
    written = [{"question": " ".join(random.choice(words, 8)), "answer": str(random.choice(words))} for _ in range(80)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in written), encoding="utf-8")
    tree = {
        "name": "tried",
        "prepare": {"sources": str(tmp_path / "rows.jsonl")},
        "train": {"method": "auto", "batch_rows": 16, "epochs": 1, "trackers": [], "dropout": 0.1},
    }
    job = Job(Recipe.model_validate(tree), runtime, Silent())
    dataset = lifecycle.prepare(job)
    planning = lifecycle.plannings_of(job, dataset)["tuned"]
    torch.manual_seed(5)
    before = torch.get_rng_state()
    tried = try_methods(planning, Silent(), job.artifact)
    assert torch.equal(torch.get_rng_state(), before)
    assert [trial.method for trial in tried] == ["full", "lora", "prefix"]
    body = lifecycle.plan(job, dataset)["tuned"].body
    (choice,) = (choice for choice in body.choices if choice.name == "method")
    assert choice.value == min(tried, key=lambda trial: trial.losses_V.mean()).method or "confirmed" in choice.reason
    # the others of several processes wait for the first, and find its answer
    other = replace(job, runtime=replace(runtime, rank=1, world_size=2), progress=Untried())
    assert lifecycle.plan(other, dataset)["tuned"].body == body
    weights_V = [row.num_supervised for row in _validation(job, dataset)]
    for trial in tried:
        section = job.recipe.train.model_copy(
            update={"method": AUTO_METHODS[trial.method](), "max_steps": trial.num_steps, "evaluate_every": 100}
        )
        alike = replace(job, recipe=job.recipe.model_copy(update={"name": trial.method, "train": section}))
        with lifecycle.running(alike) as record:
            lifecycle.train(alike, dataset, lifecycle.plan(alike, dataset), record)
            (told,) = (event.data["eval/loss"] for event in read_metrics(record.folder) if "eval/loss" in event.data)
        assert np.average(trial.losses_V, weights=weights_V) == pytest.approx(told, rel=1e-4)


def _validation(job: Job, dataset: lifecycle.Dataset) -> list[Rendered]:
    return list(lifecycle.plannings_of(job, dataset)["tuned"].work.validation)

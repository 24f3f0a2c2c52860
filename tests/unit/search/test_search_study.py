"""Whole studies over a real recipe, dataset and plan; what is trained is a formula of the learning rate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from trial_curves import Curves

from tunesmith import lifecycle
from tunesmith.artifacts.folder import MANIFEST, hash_file
from tunesmith.artifacts.study import BEST, FILE, StudyBody
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.recipe import Full, Recipe, load_recipe
from tunesmith.recipe.search import Search
from tunesmith.runtime import Runtime, Silent
from tunesmith.search.bracket import Candidate, Trainer
from tunesmith.search.ledger import Ledger
from tunesmith.search.study import Study, fits, scene_of

RATES = {"values": [0.3, 0.1, 0.02, 0.005]}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows, and a workspace in which the dataset is made once."""
    folder = tmp_path_factory.mktemp("study")
    rows = [{"text": f"{'refund' if n % 2 else 'ship'} order {n * 37 % 101}", "label": str(n % 2)} for n in range(60)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def job_of(folder: Path, runtime: Runtime, search: Mapping[str, Any], **more: Any) -> Job:
    tree = {
        "name": "desk",
        "prepare": {"sources": str(folder / "rows.jsonl"), "validation_share": 0.2, "test_share": 0.2},
        "train": {"method": "full", "batch_rows": 8, "epochs": 20, "max_steps": 16, **more},
        "search": search,
    }
    runtime = replace(runtime, workspace=folder / "workspace", cache=folder / "cache")
    return Job(Recipe.model_validate(tree), runtime, Silent())


def trainer(book: list[tuple[str, int]]) -> Trainer:
    def begin(candidates: Sequence[Candidate]) -> Curves:
        return Curves({str(one.number): one.training.plan.body.learning_rate for one in candidates}, book)

    return Trainer(lambda candidates: True, begin)


@contextmanager
def opened(job: Job, name: str, book: list[tuple[str, int]]) -> Iterator[Study]:
    """A study of its own: in a folder that other tests do not go on with."""
    job = replace(job, recipe=job.recipe.model_copy(update={"name": name}))
    scene = scene_of(job)
    with lifecycle.running(scene.searching) as record:
        yield Study(scene, record, trainer(book), Ledger(record.folder, higher_is_better=scene.higher_is_better))


def studied(job: Job, name: str, book: list[tuple[str, int]] | None = None) -> StudyBody:
    with opened(job, name, [] if book is None else book) as study:
        return study.run(lambda _: False)


def test_so_many_share_a_pass_as_memory_is_foreseen_to_hold() -> None:
    light, heavy = (Candidate(0, cast(Any, None), cast(Any, None), peaks) for peaks in ((5, 6, 7), (5, 8, 11)))
    assert fits([light] * 3, 7)
    assert not fits([light] * 3, 6)
    assert fits([light, heavy], 8)
    assert not fits([light, heavy], 7)
    assert fits([heavy] * 3, None)


@pytest.mark.thorough
def test_a_grid_tries_each_combination_once_and_writes_the_best_recipe(shared: Path, runtime: Runtime) -> None:
    space = {"train.learning_rate": RATES, "train.optimizer.weight_decay": {"values": [0.0, 0.1]}}
    job = job_of(shared, runtime, {"space": space, "by": "grid"})
    book: list[tuple[str, int]] = []
    with opened(job, "grid", book) as study:
        body = study.run(lambda _: False)
        best = load_recipe(study.record.folder / BEST)
        assert StudyBody.model_validate_json((study.record.folder / FILE).read_bytes()) == body
    tried = [tuple(trial.settings.values()) for trial in body.trials]
    assert tried == [(rate, decay) for rate in RATES["values"] for decay in (0.0, 0.1)]
    assert (body.num_steps, body.full_trials, len(book)) == (40, 2.5, 40)
    assert body.best.settings == {"train.learning_rate": 0.1, "train.optimizer.weight_decay": 0.0}
    assert body.is_done
    assert (best.train.learning_rate, best.train.optimizer.weight_decay) == (0.1, 0.0)  # type: ignore[union-attr]
    assert (best.search, best.name, best.train.method) == (Search(), "grid", Full())
    assert body.importance is not None
    assert next(iter(body.importance.shares)) == "train.learning_rate"
    assert body.importance.shares["train.optimizer.weight_decay"] < 0.05
    assert (body.importance.num_trials, body.importance.at, body.importance.is_few) == (8, 0.125, True)


@pytest.mark.thorough
@pytest.mark.parametrize("by", ["random", "tpe"])
def test_the_same_seed_gives_the_same_study(shared: Path, runtime: Runtime, by: str) -> None:
    space = {"train.learning_rate": {"low": 0.001, "high": 0.7, "log": True}}
    job = job_of(shared, runtime, {"space": space, "by": by, "num_trials": 12})
    first, again = (studied(job, f"{by}-{name}") for name in ("first", "again"))
    assert first.trials == again.trials
    assert [trial.bracket for trial in first.trials] == ([0] * 12 if by == "random" else [0] * 8 + [1] * 4)
    other = replace(job, recipe=job.recipe.model_copy(update={"seed": 1}))
    assert studied(other, f"{by}-other").trials != first.trials


@pytest.mark.thorough
def test_found_again_nothing_is_trained_twice(shared: Path, runtime: Runtime) -> None:
    job = job_of(shared, runtime, {"space": {"train.learning_rate": RATES}, "by": "random", "num_trials": 9})
    book: list[tuple[str, int]] = []
    first = studied(job, "again", book)
    assert len(first.trials) == 4, "the space has no more"
    taken = len(book)
    assert studied(job, "again", book) == first
    assert len(book) == taken


@pytest.mark.thorough
def test_time_ends_a_study_and_the_same_call_goes_on_with_it(shared: Path, runtime: Runtime) -> None:
    """The clock goes on by twenty minutes at each look at it."""
    ticks = iter(range(10_000))
    slow = replace(runtime, clock=lambda: runtime.clock() + timedelta(minutes=20 * next(ticks)))
    section = {"space": {"train.learning_rate": RATES}, "by": "grid", "hours": 0.5}
    whole = studied(job_of(shared, runtime, {**section, "hours": None}), "timed")
    book: list[tuple[str, int]] = []
    with pytest.raises(RunFailed, match="search-no-time"):
        studied(job_of(shared, slow, {**section, "hours": 0.1}), "slow", book)
    assert book == []
    calls = 0
    while not (body := studied(job_of(shared, slow, section), "slow", book)).is_done:
        calls += 1
        assert body.best.state == "running"
    assert calls >= 2
    assert (body.trials, body.ranking) == (whole.trials, whole.ranking)
    assert len(book) == len(set(book)) == whole.num_steps


@pytest.mark.thorough
def test_settings_that_do_not_go_together_and_other_held_out_rows_fail_with_the_reason(
    shared: Path, runtime: Runtime
) -> None:
    space = {
        "train.method": {"values": ["full", "lora"]},
        "train.optimizer": {"values": ["adamw", "muon"]},
        "prepare.system": {"values": [None, "Be brief."]},
        "train.learning_rate": {"values": [0.1]},
    }
    body = studied(job_of(shared, runtime, {"space": space, "by": "grid", "halving": None}), "unsound")
    problems = {tuple(trial.settings.values())[:3]: trial.problem for trial in body.trials}
    assert [key for key, problem in problems.items() if problem is None] == [
        ("full", "adamw", None),
        ("full", "muon", None),
        ("lora", "adamw", None),
    ]
    assert "Muon" in str(problems["lora", "muon", None])
    assert "search-other-rows" in str(problems["full", "adamw", "Be brief."])
    assert len(body.ranking) == 3


@pytest.mark.thorough
def test_where_nothing_can_be_measured_the_first_problem_is_told(shared: Path, runtime: Runtime) -> None:
    space = {"train.optimizer": {"values": ["muon"]}}
    with pytest.raises(RunFailed) as caught:
        studied(job_of(shared, runtime, {"space": space, "by": "grid"}, method="lora"), "nothing")
    assert caught.value.code == "search-nothing"
    assert "Muon" in caught.value.message()


@pytest.mark.thorough
def test_without_validation_rows_there_is_no_search(shared: Path, runtime: Runtime) -> None:
    job = job_of(shared, runtime, {})
    prepare = job.recipe.prepare.model_copy(update={"validation_share": 0.0})
    with pytest.raises(TunesmithError) as caught:
        scene_of(replace(job, recipe=job.recipe.model_copy(update={"prepare": prepare})))
    assert caught.value.code == "search-no-validation"


@pytest.mark.thorough
def test_another_space_is_another_study_and_more_hours_are_not(shared: Path, runtime: Runtime) -> None:
    sections: list[dict[str, Any]] = [{}, {"hours": 3.0}, {"num_trials": 3}, {"space": {"train.learning_rate": RATES}}]
    names = [scene_of(job_of(shared, runtime, section)).searching.run_folder.name for section in sections]
    assert names[0] == names[1]
    assert len(set(names)) == 3


@pytest.mark.thorough
def test_no_trial_sees_the_test_rows(shared: Path, runtime: Runtime, tmp_path: Path) -> None:
    """With other test rows in the dataset, everything up to the choice stays as it was."""
    space = {"train.learning_rate": RATES}
    job = job_of(shared, runtime, {"space": space, "by": "grid"})
    before = studied(job, "test-rows")
    folder = lifecycle.prepare(job).folder
    file = folder / "test.jsonl"
    kept = {name: (folder / name).read_bytes() for name in ("test.jsonl", MANIFEST)}
    try:
        file.write_bytes(file.read_bytes().replace(b"refund", b"delete").splitlines(keepends=True)[0])
        manifest = json.loads(kept[MANIFEST])
        manifest["files"]["test.jsonl"] = {"sha256": hash_file(file), "num_bytes": file.stat().st_size}
        (folder / MANIFEST).write_text(json.dumps(manifest))
        elsewhere = replace(job, runtime=replace(job.runtime, cache=tmp_path / "cache"))
        after = studied(elsewhere, "other-rows")
    finally:
        for name, content in kept.items():
            (folder / name).write_bytes(content)
    assert after.model_copy(update={"name": before.name}) == before

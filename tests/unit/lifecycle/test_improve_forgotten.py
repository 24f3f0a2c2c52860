"""Somebody who stood among test rows was forgotten: the champion's figures are no yardstick any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lineage_material import jsonl, prepared, published, raw_rows, trained
from store_material import START, bundle

from tunesmith.artifacts import Dataset
from tunesmith.artifacts.bundle import BaseOfBundle
from tunesmith.artifacts.feedback_set import KIND as FEEDBACK_SET
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.forget import Person, forget
from tunesmith.lifecycle.improve import improve, round_id
from tunesmith.lifecycle.improve.rows import fresh_of
from tunesmith.recipe.file import read_recipe
from tunesmith.runtime import Runtime, Silent
from tunesmith.store import Store, Version, add_version, open_store, resolve, set_alias
from tunesmith.store.cycles import Round, begin_round


@dataclass(frozen=True)
class Judged:
    """A champion, and a person who stands in a row of its test alone."""

    job: Job
    store: Store
    version: Version
    dataset: Dataset
    person: Person

    def improve(self) -> None:
        improve(self.job, self.store, trigger={"by": "command"}, who="ann")


@pytest.fixture
def judged(tmp_path: Path, runtime: Runtime) -> Iterator[Judged]:
    recipe = read_recipe("name: desk\nmodel: {base: 'builtin:tiny'}\nprepare: {sources: rows.jsonl}\n", "recipe.yaml")
    job = Job(recipe, runtime, Silent())
    dataset = prepared(runtime, jsonl(tmp_path / "rows.jsonl", raw_rows()), test_share=0.5)
    asked = next(iter(dataset.rows("test")))
    base = job.trained_base.content_hash
    model, _ = trained(runtime, dataset.key, base=base)
    sample = f'{{"item": "{asked.id}"}}\n'.encode()
    scorecard = published(runtime, "scorecard", {"dataset": dataset.key}, {"samples.jsonl": sample})
    parts = {"tuned_model": model.name, "dataset": dataset.key, "scorecard": scorecard.name}
    of_base = BaseOfBundle(reference="builtin:tiny", sha256=base, model_type="qwen2")
    shipped = bundle(tmp_path / "shipped", name="desk", base=of_base, **parts)
    with open_store(f"sqlite:///{tmp_path}/store.db", clock=lambda: START, key_file=tmp_path / "store.key") as store:
        version = add_version(store, shipped, who="ann")
        yield Judged(job, store, version, dataset, Person(words=(asked.messages[0].content,)))


def test_a_champion_that_was_judged_on_a_forgotten_row_is_told_apart_from_a_wrong_workspace(judged: Judged) -> None:
    set_alias(judged.store, "champion", str(judged.version), who="ann")
    forget(judged.store, judged.job.runtime, judged.person, raw=True, who="ann")
    assert str(resolve(judged.store, "champion")) == str(judged.version)  # nothing was learned of a test row
    with pytest.raises(TunesmithError, match="improve-forgotten") as told:
        judged.improve()
    assert told.value.parameters == {"kind": "dataset"}
    assert "tunesmith run RECIPE" in told.value.hint("en")
    assert "tunesmith run RECIPE" in told.value.hint("zh")


def test_a_round_that_was_begun_before_is_not_in_the_way_of_the_next_champion(judged: Judged) -> None:
    feedback = published(judged.job.runtime, FEEDBACK_SET, {}, {}).name
    made_of = {"champion": judged.version.bundle, "feedback_set": feedback, "earlier": ""}
    id = round_id(judged.job, judged.version.bundle, feedback)
    round = Round(id, "desk", "began", {}, str(judged.version), None, None, (), START, START, made_of)
    begin_round(judged.store, round)
    forget(judged.store, judged.job.runtime, judged.person, raw=True, who="ann")
    with pytest.raises(TunesmithError, match="improve-no-champion"):
        judged.improve()


def test_rows_that_were_held_out_beside_a_forgotten_one_are_held_out_still(judged: Judged) -> None:
    before = {row.id for row in judged.dataset.rows("test")}
    forget(judged.store, judged.job.runtime, judged.person, raw=True, who="ann")
    after = fresh_of(judged.job, judged.dataset.key)
    assert after is not None
    assert len(before - {row.id for row in after.rows("test")}) == 1

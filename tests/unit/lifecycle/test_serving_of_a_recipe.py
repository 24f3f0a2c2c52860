"""Which bundle `tunesmith serve RECIPE` opens: the newest of that very recipe, without the rows that it names."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.bundle import BODY, KIND, RECIPE, BaseOfBundle, BundleBody
from tunesmith.errors import TunesmithError
from tunesmith.export.exporting import as_shipped, recipe_hash
from tunesmith.lifecycle import Job, running
from tunesmith.lifecycle import export as module
from tunesmith.lifecycle.serving import bundle_of
from tunesmith.recipe import Recipe, dump_recipe
from tunesmith.runtime import Runtime, Silent


def made(**sections: Any) -> Recipe:
    tree = {"name": "desk", "prepare": {"sources": "gone.jsonl"}, "model": {"base": "builtin:tiny"}}
    return Recipe.model_validate({**tree, **sections})


def shipped(runtime: Runtime, recipe: Recipe, *, data: str = "0", seconds: int) -> str:
    """A bundle as `export` leaves it but for its forms, published so many seconds after the first."""
    identity = Identity(KIND, 2, {"recipe": recipe_hash(recipe), "dataset": data}, {}, recipe.seed, {})
    out = runtime.workspace / "artifacts" / KIND / identity.key()
    base = BaseOfBundle(reference="builtin:tiny", sha256="0" * 64, model_type="qwen2")
    body = BundleBody(
        name=recipe.name, arm="tuned", task="text", precision="fp32", base=base, tuned_model="m", dataset=data,
        scorecard=None, forms=[],
    )  # fmt: skip
    with publish(out, identity) as staging:
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
        (staging / RECIPE).write_text(dump_recipe(as_shipped(recipe)), encoding="utf-8")
    os.utime(out / "manifest.json", (1_000 + seconds, 1_000 + seconds))
    return identity.key()


def found(runtime: Runtime, recipe: Recipe) -> str:
    return bundle_of(Job(recipe, runtime, Silent())).key


def refused(runtime: Runtime, recipe: Recipe) -> TunesmithError:
    with pytest.raises(TunesmithError) as caught:
        found(runtime, recipe)
    for language in ("en", "zh"):
        assert caught.value.message(language)
        assert caught.value.hint(language)
    return caught.value


def test_the_newest_bundle_of_the_recipe_is_found_without_its_rows(runtime: Runtime) -> None:
    recipe = made(export={"num_prompts": 4})
    later = shipped(runtime, recipe, data="1", seconds=20)
    shipped(runtime, recipe, data="2", seconds=10)
    assert not Path("gone.jsonl").exists()
    assert found(runtime, recipe) == later
    # of another recipe of the same name, newer than both
    shipped(runtime, made(export={"num_prompts": 5}), seconds=30)
    assert found(runtime, recipe) == later


def test_the_run_tells_which_was_exported_last(runtime: Runtime) -> None:
    """A copy of the workspace has new times, and who exports from earlier rows once more finds the earlier bundle."""
    recipe = made()
    first, second = shipped(runtime, recipe, data="1", seconds=20), shipped(runtime, recipe, data="2", seconds=10)
    job = Job(recipe, runtime, Silent())
    with running(job) as record:
        for key in (first, second):
            record.record("artifact", kind=KIND, key=key)
    assert found(runtime, recipe) == second
    with running(job) as record:
        record.record("artifact", kind=KIND, key=first)
        record.record("artifact", kind=KIND, key="f" * 16)  # of another `export`, or removed
    assert found(runtime, recipe) == first


def test_what_was_exported_again_is_what_is_served(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows were put back as they were: the earlier bundle is found, and was the last that was asked for."""
    recipe = made()
    first, second = shipped(runtime, recipe, data="1", seconds=10), shipped(runtime, recipe, data="2", seconds=20)
    job = Job(recipe, runtime, Silent())
    with running(job) as record:
        record.record("artifact", kind=KIND, key=second)
    identity = Identity(KIND, 2, {"recipe": recipe_hash(recipe), "dataset": "1"}, {}, recipe.seed, {})
    exporting = SimpleNamespace(forms=lambda: (), identity=lambda: identity)
    monkeypatch.setattr(module, "judged_of", lambda job: SimpleNamespace(scorecard=None))
    monkeypatch.setattr(module, "objections_to", lambda scorecard, arm: ())
    monkeypatch.setattr(module, "exporting_of", lambda *given: exporting)
    assert found(runtime, recipe) == second
    events = [module.export(job).key, (job.run_folder / "events.jsonl").read_bytes()]
    assert found(runtime, recipe) == first
    assert events == [module.export(job).key, (job.run_folder / "events.jsonl").read_bytes()]


def test_how_it_is_served_may_change(runtime: Runtime) -> None:
    key = shipped(runtime, made(), seconds=0)
    assert found(runtime, made(serve={"port": 9000, "form": "merged"})) == key


def test_a_recipe_that_changed_since_is_refused_by_what_changed(runtime: Runtime) -> None:
    shipped(runtime, made(export={"num_prompts": 5}), seconds=0)
    key = shipped(runtime, made(), seconds=10)
    failure = refused(runtime, made(train={"learning_rate": 0.5}, seed=7))
    assert failure.code == "serve-stale"
    assert failure.parameters["key"] == key
    assert failure.parameters["changed"] == "seed, train.learning_rate"
    many = refused(runtime, made(train={"method": {"name": "lora", "rank": 3}, "epochs": 9, "batch_rows": 7}, seed=7))
    assert str(many.parameters["changed"]).startswith("seed, train.batch_rows, train.epochs, train.method")


def test_a_name_under_which_nothing_was_exported_is_told(runtime: Runtime) -> None:
    shipped(runtime, made(name="other"), seconds=0)
    assert refused(runtime, made()).code == "serve-unshipped"

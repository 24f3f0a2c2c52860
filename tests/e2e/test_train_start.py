"""Training that goes on from a tuned model: from its very numbers, refused by name where they do not fit."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from cli_material import GOODS
from safetensors.torch import load_file

from tunesmith import lifecycle
from tunesmith.api import open_job, train_steps
from tunesmith.artifacts import TunedModel
from tunesmith.errors import Interrupted, TunesmithError
from tunesmith.lifecycle import Job

pytestmark = pytest.mark.thorough
LORA = {"name": "lora", "rank": 4, "alpha": 8.0}
METHODS: dict[str, dict[str, Any]] = {
    "lora": LORA,
    "dora": {**LORA, "dora": True},
    "prompt": {"name": "prompt", "virtual_tokens": 3},
    "prefix": {"name": "prefix", "virtual_tokens": 2},
    "full": {"name": "full"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    rows = [
        {"question": f"How many {english} {n}? {chinese}", "answer": f"{n} {english}"}
        for n in range(40)
        for english, chinese in GOODS[n % 4 : n % 4 + 1]
    ]
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return folder


def job(folder: Path, rows: str = "rows.jsonl", **train: Any) -> Job:
    plain = {"max_steps": 3, "batch_rows": 8, "trackers": [], "precision": "fp32", "learning_rate": 1e-2}
    tree = {"name": "go-on", "prepare": {"sources": str(folder / rows)}, "train": {**plain, **train}}
    return open_job(tree, workspace=folder / "work")


def tuned(folder: Path, rows: str = "rows.jsonl", **train: Any) -> TunedModel:
    return lifecycle.models_of(job(folder, rows, **train))["tuned"]


def write_rows(folder: Path, name: str, column: str, values: list[Any]) -> str:
    texts = [f"{pow(3, n, 10**9 + 7)} {pow(5, n, 10**9 + 9)}" for n in range(50, 50 + 40 * len(values))]
    rows = [{"text": f"{text} {value}", column: value} for text, value in zip(texts, 40 * values, strict=True)]
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return name


def tensors(model: TunedModel) -> dict[str, Any]:
    (file,) = model.payload.glob("*.safetensors")
    return load_file(file)


def are_equal(one: TunedModel, other: TunedModel) -> bool:
    first, second = tensors(one), tensors(other)
    return first.keys() == second.keys() and all(bool((first[name] == second[name]).all()) for name in first)


@pytest.mark.parametrize("name", METHODS)
def test_without_a_step_it_is_the_model_it_started_from(folder: Path, name: str) -> None:
    method = METHODS[name]
    before = tuned(folder, method=method)
    untouched = tuned(folder, method=method, learning_rate=0.0)
    assert not are_equal(before, untouched)
    same = tuned(folder, method=method, learning_rate=0.0, start=str(before.folder))
    assert are_equal(before, same)
    assert same.manifest.inputs["base"] == before.manifest.inputs["base"]
    further = tuned(folder, method=method, start=str(before.folder))
    assert not are_equal(before, further)


def test_what_it_starts_from_is_part_of_what_it_is(folder: Path) -> None:
    before = tuned(folder, method=LORA)
    keys = {before.key, *(tuned(folder, method=LORA, start=start).key for start in (str(before.folder), None))}
    assert len(keys) == 2
    # PEFT's folder alone is the same start, wherever it lies
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    for file in before.payload.iterdir():
        (elsewhere / file.name).write_bytes(file.read_bytes())
    assert tuned(folder, method=LORA, start=str(elsewhere)).key in keys


def test_what_does_not_fit_is_refused_before_anything_is_trained(folder: Path, tmp_path: Path) -> None:
    start = str(tuned(folder, method=LORA).folder)
    refusals: dict[tuple[str, str], dict[str, Any]] = {
        ("start-method", "rank"): {"method": {**LORA, "rank": 8}, "start": start},
        ("start-method", "alpha"): {"method": {**LORA, "alpha": 16.0}, "start": start},
        ("start-method", "dora"): {"method": {**LORA, "dora": True}, "start": start},
        ("start-method", "method"): {"method": "full", "start": start},
        ("start-missing", ""): {"method": LORA, "start": str(tmp_path)},
    }
    for (code, setting), train in refusals.items():
        this = job(folder, **train)
        with pytest.raises(TunesmithError) as told:
            lifecycle.check(this, lifecycle.prepare(this))
        assert (told.value.code, told.value.parameters.get("setting", "")) == (code, setting)
        for language in ("en", "zh"):
            assert "{" not in told.value.message(language) + told.value.hint(language)
    with pytest.raises(TunesmithError, match="adapter-base"):
        tuned(folder, method={**LORA, "targets": ["q_proj"]}, start=start)


def test_an_adapter_that_computes_more_than_plain_lora_is_refused(folder: Path, tmp_path: Path) -> None:
    """PEFT scales each layer by a pattern of its own; here all of them would have had one scale."""
    shutil.copytree(tuned(folder, method=LORA).payload, tmp_path / "peft")
    config = tmp_path / "peft" / "adapter_config.json"
    told = json.loads(config.read_text(encoding="utf-8")) | {"alpha_pattern": {"q_proj": 32}}
    config.write_text(json.dumps(told), encoding="utf-8")
    this = job(folder, method=LORA, start=str(tmp_path / "peft"))
    with pytest.raises(TunesmithError) as refused:
        lifecycle.check(this, lifecycle.prepare(this))
    assert (refused.value.code, refused.value.parameters["setting"]) == ("adapter-kind", "alpha_pattern")


def test_a_number_keeps_the_unit_in_which_the_head_learned_it(folder: Path) -> None:
    """Other rows have another mean and spread: read by these, the same head would give other numbers."""
    light, heavy = (write_rows(folder, f"{name}.jsonl", "score", x) for name, x in (("a", [1.5, 2.5]), ("b", [40, 90])))
    numbers: dict[str, Any] = {"objective": "regression", "method": LORA}
    before = tuned(folder, light, **numbers)
    after = tuned(folder, heavy, **numbers, learning_rate=0.0, start=str(before.folder))
    assert are_equal(before, after)
    assert after.head() == before.head()
    assert tuned(folder, heavy, **numbers).head() != before.head()


def test_a_head_that_tells_other_classes_apart_is_no_start(folder: Path) -> None:
    """As many classes of other names would have taken the outputs of the old ones."""
    old, new = (
        write_rows(folder, f"{x[-1]}.jsonl", "label", x) for x in (["lost", "paid", "sent"], ["lost", "paid", "torn"])
    )
    labels: dict[str, Any] = {"objective": "classification", "method": LORA}
    start = str(tuned(folder, old, **labels).folder)
    lifecycle.check(job(folder, old, **labels, start=start), lifecycle.prepare(job(folder, old)))
    this = job(folder, new, **labels, start=start)
    with pytest.raises(TunesmithError) as refused:
        lifecycle.check(this, lifecycle.prepare(this))
    assert refused.value.code == "start-classes"
    assert (refused.value.parameters["found"], refused.value.parameters["wanted"]) == ("sent", "torn")


def test_a_model_of_another_base_is_refused(folder: Path) -> None:
    start = str(tuned(folder, method=LORA).folder)
    this = job(folder, method=LORA, start=start)
    object.__setattr__(this.base, "content_hash", "another")
    with pytest.raises(TunesmithError, match="start-base"):
        lifecycle.check(this, lifecycle.prepare(job(folder)))


def test_stopped_and_resumed_it_ends_as_if_it_had_not_been(folder: Path) -> None:
    start = str(tuned(folder, method=LORA).folder)
    train = {"method": LORA, "start": start, "max_steps": 6, "checkpoint_every": 1}
    whole = tuned(folder, **train)

    this = open_job(job(folder, **train).recipe, workspace=folder / "again")
    steps = train_steps(this)
    next(steps)
    next(steps)
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Interrupted):
        list(steps)
    resumed = lifecycle.models_of(this)["tuned"]
    assert resumed.key == whole.key
    assert are_equal(whole, resumed)

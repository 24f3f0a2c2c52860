from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from tunesmith.errors import TunesmithError
from tunesmith.recipe import Evaluate, Recipe, Sft, Source, Train, load_recipe

SMALL: dict[str, Any] = {"name": "demo", "prepare": {"sources": [{"path": "rows.jsonl"}]}}

ADDRESS = {"url": "http://127.0.0.1:8000/v1", "model": "m"}


def recipe(**parts: Any) -> Recipe:
    return Recipe.model_validate({**SMALL, **parts})


def test_sections_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Train().epochs = 2.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="not permitted"):
        Train(epoch=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("origin", [{}, {"path": "a", "hub": "b"}])
def test_a_source_has_exactly_one_origin(origin: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        Source.model_validate(origin)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"hub_split": "train"}, "go with `hub`"),
        ({"config": "en"}, "go with `hub`"),
        ({"split": "test", "max_rows": 9}, "stays whole"),
    ],
)
def test_what_a_source_would_not_heed_is_refused(more: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Source.model_validate({"path": "a", **more})


def test_the_fingerprint_does_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text("name: a\nseed: 3\nprepare:\n  sources: {path: x, columns: {a: b, c: d}}\n", encoding="utf-8")
    other.write_text("prepare:\n  sources: {columns: {c: d, a: b}, path: x}\nseed: 3\nname: a\n", encoding="utf-8")
    assert load_recipe(one).fingerprint() == load_recipe(other).fingerprint()


def test_a_default_written_out_has_the_same_fingerprint() -> None:
    assert recipe().fingerprint() == recipe(seed=0, train={"method": "lora"}).fingerprint()
    assert len(recipe().fingerprint()) == 64


def test_every_value_counts_in_the_fingerprint() -> None:
    changed = [
        recipe(),
        recipe(name="other"),
        recipe(seed=1),
        recipe(model={"revision": "main"}),
        recipe(prepare={"sources": [{"path": "rows.jsonl", "split": "test"}]}),
        recipe(train={"method": {"name": "lora", "rank": 8}}),
        recipe(train={"learning_rate": 1e-4}),
        recipe(train={"learning_rate": 1.0000000001e-4}),
        recipe(evaluate={"decoding": {"num_samples": 2}}),
        recipe(variants={"a": {}}),
        recipe(variants={"b": {}}),
        recipe(report={"language": "zh"}),
    ]
    assert len({each.fingerprint() for each in changed}) == len(changed)


def properties(schema: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            yield f"{path}.{name}", inner
        for key, inner in schema.items():
            yield from properties(inner, f"{path}.{key}")
    elif isinstance(schema, list):
        for inner in schema:
            yield from properties(inner, path)


@pytest.mark.thorough
def test_every_property_of_the_schema_says_what_it_means() -> None:
    schema = Recipe.model_json_schema()
    found = list(properties(schema))
    assert len(found) > 50
    for name, inner in found:
        section = schema["$defs"].get(str(inner.get("$ref")).rpartition("/")[2], {})
        assert len(inner.get("description", section.get("description", ""))) >= 10, name


@pytest.fixture(scope="module")
def editor() -> jsonschema.Validator:
    """What editors do with the schema, itself a valid one."""
    schema = Recipe.model_json_schema()
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator: jsonschema.Validator = kind(schema)
    return validator


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"prepare": {"sources": "rows.jsonl"}},
        {"prepare": {"sources": {"path": "rows.jsonl"}}},
        {"prepare": {"sources": ["rows.jsonl", {"hub": "org/set"}]}},
        {"train": {"method": "full"}},
        {"train": {"method": {"name": "lora", "rank": 4}}},
        {"variants": {"wide": {"method": "lora"}}},
    ],
)
def test_editors_accept_what_the_recipe_accepts(change: dict[str, Any], editor: jsonschema.Validator) -> None:
    Recipe.model_validate({**SMALL, **change})
    editor.validate({**SMALL, **change})


@pytest.mark.parametrize(
    "change", [{"sead": 1}, {"train": {"epochs": 0}}, {"train": {"method": "lroa"}}, {"prepare": {"sources": 5}}]
)
def test_editors_refuse_what_the_recipe_refuses(change: dict[str, Any], editor: jsonschema.Validator) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate({**SMALL, **change})
    with pytest.raises(jsonschema.ValidationError):
        editor.validate({**SMALL, **change})


def test_defaults_are_themselves_valid(tmp_path: Path) -> None:
    resolved = recipe().model_dump(mode="json")
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(resolved), encoding="utf-8")
    assert load_recipe(file) == recipe()
    assert Evaluate().arms[-1] == "tuned"


@pytest.mark.parametrize("name", ["sft", "text", "classification", "regression"])
def test_an_objective_may_be_given_by_its_name(name: str) -> None:
    sources = {"path": "rows.jsonl", "format": "text" if name == "text" else "auto"}
    short, long = (recipe(prepare={"sources": sources}, train={"objective": o}) for o in (name, {"name": name}))
    assert short == long
    assert short.train.objective.name == name
    assert recipe().train.objective.name == "sft"


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"train": {"objective": "regression", "label_smoothing": 0.1}}, "objective_smoothing"),
        ({"train": {"objective": {"name": "distill", "teacher": "t"}, "label_smoothing": 0.1}}, "objective_smoothing"),
        (
            {"train": {"objective": "text"}, "prepare": {"sources": {"path": "a", "format": "labels"}}},
            "objective_format",
        ),
        ({"train": {}, "prepare": {"sources": {"path": "a", "format": "text"}}}, "objective_format"),
        ({"variants": {"v": {"objective": "text"}}}, "objective_format"),
        (
            {
                "train": {"objective": "classification"},
                "prepare": {
                    "sources": "rows.jsonl",
                    "safety": {
                        "refusal": {"en": "No.", "zh": "不行。"},
                        "topics": [{"name": "locks", "requests": ["how do I pick this lock?"]}],
                        "share": 0.2,
                    },
                },
            },
            "objective_safety",
        ),
        ({"evaluate": {"models": {"base": "runs/a"}}}, "arm_twice"),
        ({"variants": {"small": {}}, "evaluate": {"models": {"small": "runs/a"}}}, "arm_twice"),
        ({"variants": {"tuned": {}}}, "arm_twice"),
        ({"variants": {"classic": {}}}, "arm_twice"),
        *(({"variants": {name: {}}}, "arm_folder") for name in ("", ".", "..", "../..", "/srv/data", "a/../../..")),
        ({"evaluate": {"models": {"a": "runs/a"}, "endpoints": {"a": ADDRESS}}}, "arm_twice"),
        (
            {
                "train": {"objective": "text"},
                "prepare": {"sources": {"path": "a", "format": "text"}},
                "evaluate": {"endpoints": {"a": ADDRESS}},
            },
            "arm_documents",
        ),
        (
            {
                "train": {"objective": "text", "token_dropout": 0.1},
                "prepare": {"sources": {"path": "a", "format": "text"}},
            },
            "objective_dropout",
        ),
        *(
            ({"train": {"objective": {**named, "supervise": "all"}, "token_dropout": 0.1}}, "objective_dropout")
            for named in ({"name": "sft"}, {"name": "distill", "teacher": "t"})
        ),
        ({"train": {"method": "prefix", "objective": "classification"}}, "method_head"),
        ({"train": {"method": "prompt", "objective": "regression"}}, "method_head"),
        ({"train": {"method": "prompt", "objective": {"name": "distill", "teacher": "t"}}}, "method_teacher"),
        ({"train": {"method": {"name": "lora", "layers": [3, 1]}}}, "lora_layers"),
        (
            {"train": {"learning_rate": 0.1, "optimizer": {"name": "sgd", "momentum": 0.0, "nesterov": True}}},
            "sgd_nesterov",
        ),
    ],
)
def test_objectives_that_cannot_work_are_refused(parts: dict[str, Any], kind: str, tmp_path: Path) -> None:
    """With the words of the catalogue, in both languages."""
    with pytest.raises(ValidationError) as refused:
        recipe(**parts)
    assert kind in {error["type"] for error in refused.value.errors()}
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump({**SMALL, **parts}), encoding="utf-8")
    with pytest.raises(TunesmithError) as told:
        load_recipe(file)
    assert told.value.code == "recipe-value"
    assert told.value.message("en") != told.value.message("zh")


@pytest.mark.parametrize("supervise", ["answers", "last"])
def test_tokens_are_hidden_where_prompts_are_only_read(supervise: str) -> None:
    train = {"objective": {"name": "sft", "supervise": supervise}, "token_dropout": 0.1}
    assert recipe(train=train).train.token_dropout == 0.1


def test_an_override_reaches_into_an_objective_written_short(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump({**SMALL, "train": {"objective": "sft"}}), encoding="utf-8")
    assert load_recipe(file, ["train.objective.supervise=last"]).train.objective == Sft(supervise="last")


@pytest.mark.parametrize(
    ("section", "value", "problem"),
    [
        ({"monitor": {"window": "7x"}}, "7x", "number of exchanges"),
        ({"monitor": {"window": 0}}, "0", "number of exchanges"),
        ({"monitor": {"window": True}}, "true", "number of exchanges"),
        ({"improve": {"when": {"every": 30}}}, "30", "hours or days"),
    ],
)
def test_a_mistyped_stretch_of_time_is_told_once(
    section: dict[str, Any], value: str, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps({"name": "a", "prepare": {"sources": "rows.jsonl"}, **section}), encoding="utf-8")
    with pytest.raises(TunesmithError) as told:
        load_recipe(file)
    assert told.value.code == "recipe-value"
    assert problem in told.value.message()
    assert f"got {value}" in told.value.message().replace('"', "")


def test_windows_are_times_or_numbers() -> None:
    assert [recipe(monitor={"window": window}).monitor.window for window in ("7d", "12h", 500)] == ["7d", "12h", 500]

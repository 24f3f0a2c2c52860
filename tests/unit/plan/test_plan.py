"""The plan's counts and derived values, checked by counting again."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tunesmith.artifacts import Dataset
from tunesmith.chat import load_chat
from tunesmith.errors import TunesmithError
from tunesmith.i18n import LANGUAGES, translate
from tunesmith.model.base import find_base
from tunesmith.plan.memory import saved_bytes
from tunesmith.plan.run import Planning, plan
from tunesmith.plan.steps import one_document
from tunesmith.prepare import prepare
from tunesmith.recipe import Evaluate, Lora, Prepare, Train
from tunesmith.runtime import Runtime, Silent
from tunesmith.train.sampler import RowSampler


def dataset(tmp_path: Path, runtime: Runtime) -> Dataset:
    file = tmp_path / "rows.jsonl"
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"question {i}"},
                {"role": "assistant", "content": f"answer {i}"},
            ]
        }
        for i in range(50)
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    section = Prepare(sources=(str(file),), validation_share=0.1, test_share=0.1)  # type: ignore[arg-type]
    return prepare(section, seed=0, runtime=runtime, progress=Silent(), out=tmp_path / "dataset")


def planning(data: Dataset, section: Train, runtime: Runtime) -> Planning:
    base = find_base("builtin:tiny")
    return Planning("tuned", data, base, load_chat(base.folder), section, Evaluate(), RowSampler, 0, runtime)


def test_counts_are_those_of_the_rows_and_the_weights(tmp_path: Path, runtime: Runtime) -> None:
    data = dataset(tmp_path, runtime)
    section = Train(method=Lora(rank=4), epochs=2.5, batch_rows=16)
    body = plan(planning(data, section, runtime), progress=Silent(), out=tmp_path / "plan").body
    rows, chat = data.rows("train"), load_chat(find_base("builtin:tiny").folder)
    lengths = [len(chat.render(row).ids_T) for row in rows]
    assert body.num_train_rows == len(rows)
    assert (body.num_train_tokens, body.longest_row_tokens) == (sum(lengths), max(lengths))
    assert body.num_steps == math.ceil(math.ceil(len(rows) / 16) * 2.5)
    weights = load_file(find_base("builtin:tiny").folder / "model.safetensors")
    assert body.num_parameters == sum(weight.numel() for weight in weights.values())
    linear = [weight.shape for name, weight in weights.items() if "proj.weight" in name]
    assert body.num_trainable == sum(4 * (outputs + inputs) for outputs, inputs in linear)


def test_open_values_are_derived_with_a_reason_and_given_ones_kept(tmp_path: Path, runtime: Runtime) -> None:
    data = dataset(tmp_path, runtime)
    open_body = plan(planning(data, Train(), runtime), progress=Silent(), out=tmp_path / "a").body
    assert {choice.name for choice in open_body.choices} == {"learning_rate", "precision", "evaluate_every"}
    assert open_body.precision == "fp32"  # the runtime of the tests has no bf16 products
    given = Train(learning_rate=1e-3, precision="bf16", evaluate_every=7)
    body = plan(planning(data, given, runtime), progress=Silent(), out=tmp_path / "b").body
    assert (body.learning_rate, body.precision, body.evaluate_every, body.choices) == (1e-3, "bf16", 7, [])


def test_attention_dropout_turns_sharing_off_and_the_plan_says_so(tmp_path: Path, runtime: Runtime) -> None:
    data = dataset(tmp_path, runtime)
    section = Train(attention_dropout=0.1)
    assert not section.shares_prefixes
    body = plan(planning(data, section, runtime), progress=Silent(), out=tmp_path / "a").body
    (choice,) = (choice for choice in body.choices if choice.name == "share_prefixes")
    assert all("0.1" in translate(choice.reason, language, **choice.parameters) for language in LANGUAGES)


def test_a_large_models_micro_batch_is_the_plans_to_choose(tmp_path: Path, runtime: Runtime) -> None:
    """Beyond a size not even the fewest tokens keep to 1 GiB of activations, and the reason claims no such thing."""
    asked = planning(dataset(tmp_path, runtime), Train(), runtime)
    large = replace(asked.work, geometry=replace(asked.work.geometry, num_layers=1_000))
    asked.__dict__["work"] = large
    body = plan(asked, progress=Silent(), out=tmp_path / "a").body
    (choice,) = (choice for choice in body.choices if choice.name == "micro_batch_tokens")
    assert choice.value == body.micro_batch_tokens == 1024
    assert saved_bytes(large.computation(Train(), "fp32"), one_document(1024)) > 1 << 30
    assert all("1024" in translate(choice.reason, language, **choice.parameters) for language in LANGUAGES)


def test_without_training_rows_there_is_no_plan(tmp_path: Path, runtime: Runtime) -> None:
    data = dataset(tmp_path, runtime)
    nothing = Dataset(data.folder, data.manifest)
    (data.folder / "train.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(TunesmithError) as failure:
        plan(planning(nothing, Train(), runtime), progress=Silent(), out=tmp_path / "plan")
    assert failure.value.code == "no-training-rows"
    assert not (tmp_path / "plan").exists()

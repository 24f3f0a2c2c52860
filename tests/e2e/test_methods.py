"""Every recipe of the page on methods, run from rows to verdict on the embedded base, and its folder loaded by PEFT."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import peft
import pytest
import torch
import yaml
from safetensors.torch import load_file
from tiny_models import make_model, save_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from tunesmith import lifecycle
from tunesmith.artifacts import read_metrics
from tunesmith.chat import load_chat
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job, Outcome
from tunesmith.model.base import find_base
from tunesmith.recipe import Recipe, Source
from tunesmith.records import Sample
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
PAGE = "choose-a-method.md"
NF4 = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.float32,
)
COLOURS = ("red", "green", "blue")
ADAPTERS = ("adapter", "directions", "experts", "four-bits", "soft-prompt", "prefix")
# PEFT asks for a property that transformers has renamed
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The PEFT config's"),
]


def recipes(language: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / PAGE).read_text(encoding="utf-8")
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


def job(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **method: Any) -> Job:
    random = np.random.default_rng(0)
    rows = []
    for n in range(80):
        colour = COLOURS[random.integers(3)]
        asked = {"role": "user", "content": f"Colour of box {n}, which is {colour}?"}
        rows.append({"messages": [asked, {"role": "assistant", "content": colour}]})
    (folder / "conversations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.chdir(folder)
    tree = recipes("en")[name]
    if "model" in tree:
        save_model(Path(tree["model"]["base"]), make_model("qwen2_moe"))
    tree["train"]["method"] |= method
    tree["train"] |= {
        "max_steps": 40,
        "epochs": 20,
        "batch_rows": 16,
        "trackers": [],
        "evaluate_every": 8,
        "precision": "fp32",
    }
    tree["evaluate"] = {
        "general_suite": False,
        "arms": ["base", "tuned"],
        "decoding": {"max_new_tokens": 8, "temperature": 0.0},
    }
    tree["prepare"] |= {"test_share": 0.25}
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent())


def validation_losses(outcome: Outcome) -> list[float]:
    name = "eval/loss"
    return [event.data[name] for event in read_metrics(outcome.run_folder) if name in event.data]


def test_both_languages_show_the_same_recipes() -> None:
    assert recipes("en") == recipes("zh")
    for recipe in recipes("en").values():
        Recipe.model_validate(recipe)


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters_learn_and_peft_answers_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With the rate that the plan derives; the answers of the scorecard are PEFT's greedy ones."""
    outcome = lifecycle.run(job(name, tmp_path, monkeypatch))
    losses = validation_losses(outcome)
    print(f"{name}: validation loss {losses}")
    assert losses[-1] < 0.7 * losses[0] or losses[-1] < 0.1
    model = outcome.models["tuned"]
    assert model.form == "adapter"
    assert model.is_four_bit == ("bitsandbytes" in model.manifest.libraries) == (name == "four-bits")
    trained = sum(tensor.numel() for tensor in load_file(model.payload / "adapter_model.safetensors").values())
    assert outcome.plans["tuned"].body.num_trainable == trained
    base = find_base(recipes("en")[name].get("model", {}).get("base", "builtin:tiny"))
    settings = {"quantization_config": NF4} if name == "four-bits" else {}
    plain = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32, **settings)
    # not in evaluation, where the library computes in bf16 on some CPUs; there is no dropout
    theirs = peft.PeftModel.from_pretrained(plain, model.payload).train(name == "four-bits")
    told = [sample for sample in outcome.scorecard.samples() if sample.arm == "tuned"]
    for sample in told[:4]:
        assert_same_answer(theirs, base.folder, sample)


@torch.no_grad()
def assert_same_answer(model: peft.PeftModel, folder: Path, sample: Sample) -> None:
    chat = load_chat(folder)
    ids = chat.prompt_ids(list(sample.prompt))
    written: list[int] = []
    while len(written) < 8 and (not written or written[-1] not in chat.end_ids):
        logits_TV = model(input_ids=torch.tensor([ids + written])).logits[0]
        written.append(int(logits_TV[-1].argmax()))
    said = written[:-1] if written[-1] in chat.end_ids else written
    assert chat.parse(chat.decode(said)).message.content == sample.answer


def test_what_is_frozen_keeps_its_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = lifecycle.run(job("upper-layers", tmp_path, monkeypatch))
    losses = validation_losses(outcome)
    assert losses[-1] < losses[0]
    before = load_file(find_base("builtin:tiny").folder / "model.safetensors")
    after = load_file(outcome.models["tuned"].payload / "model.safetensors")
    assert before.keys() == after.keys()
    same = {name for name in before if torch.equal(before[name].float(), after[name].float())}
    expected = {
        name for name in before if re.search(r"embed_tokens|layers\.[01]\.|\.mlp\.", name) or name == "lm_head.weight"
    }
    assert same == expected & set(before)
    assert outcome.plans["tuned"].body.num_trainable == sum(before[name].numel() for name in before.keys() - same)


@pytest.mark.parametrize(
    ("name", "method", "code"),
    [
        ("upper-layers", {"layers": 99}, "method-layers"),
        ("upper-layers", {"patterns": ["*.nothing.*"]}, "freeze-pattern"),
        ("upper-layers", {"patterns": ["*"]}, "freeze-all"),
        ("adapter", {"layers": [1, 99]}, "method-layers"),
        ("adapter", {"targets": ["c_attn"]}, "lora-no-target"),
        ("adapter", {"targets": ["q_proj", "experts"]}, "lora-no-experts"),
        ("experts", {"dora": True}, "dora-mixture"),
    ],
)
def test_what_does_not_fit_is_refused_by_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, method: dict[str, Any], code: str
) -> None:
    this = job(name, tmp_path, monkeypatch, **method)
    with pytest.raises(TunesmithError) as caught:
        lifecycle.check(this, lifecycle.prepare(this))
    assert caught.value.code == code
    for language in ("en", "zh"):
        assert caught.value.message(language)
        assert caught.value.hint(language)


def test_virtual_tokens_that_leave_no_room_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    this = job("soft-prompt", tmp_path, monkeypatch, virtual_tokens=find_base("builtin:tiny").max_tokens - 5)
    with pytest.raises(TunesmithError) as caught:
        lifecycle.check(this, lifecycle.prepare(this))
    assert caught.value.code == "virtual-no-room"


@pytest.mark.parametrize("split", ["validation", "test"])
def test_virtual_tokens_that_leave_no_room_for_held_out_rows_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: Literal["validation", "test"]
) -> None:
    """GPT-2 has no positions behind its last one: validation would fail once the model is trained."""
    this = job("soft-prompt", tmp_path, monkeypatch, virtual_tokens=find_base("builtin:tiny").max_tokens - 100)
    long = [{"role": "user", "content": "Which box? " * 40}, {"role": "assistant", "content": "red"}]
    (tmp_path / "long.jsonl").write_text(json.dumps({"messages": long}) + "\n", encoding="utf-8")
    sources = (*this.recipe.prepare.sources, Source(path="long.jsonl", split=split))
    prepare = this.recipe.prepare.model_copy(update={"sources": sources})
    this = replace(this, recipe=this.recipe.model_copy(update={"prepare": prepare}))
    with pytest.raises(TunesmithError) as caught:
        lifecycle.check(this, lifecycle.prepare(this))
    assert caught.value.code == "virtual-no-room"

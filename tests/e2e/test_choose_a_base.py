"""Every recipe of the page on bases, run from rows to verdict on tiny bases; and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import yaml
from tiny_bases import make_encoder, make_gpt2, save_base
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Model,
)

from tunesmith import lifecycle
from tunesmith.artifacts import read_metrics
from tunesmith.chat import load_chat
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job, Outcome
from tunesmith.model.base import find_base
from tunesmith.recipe import Recipe
from tunesmith.records import Sample
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
PAGE = "choose-a-base.md"
COLOURS = ("red", "green", "blue")
# PEFT asks for a property that transformers has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def recipes(language: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / PAGE).read_text(encoding="utf-8")
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


class Told(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def say(self, key: str, level: Any = "info", **parameters: Any) -> None:
        self.keys.append(key)


def job(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **sections: dict[str, Any]) -> Job:
    """The page's recipe in a folder with the bases and rows that it names."""
    monkeypatch.chdir(folder)
    random = np.random.default_rng(0)
    drawn = [COLOURS[random.integers(3)] for _ in range(100)]
    talks = [
        {
            "messages": [
                {"role": "user", "content": f"Colour of box {n}, which is {colour}?"},
                {"role": "assistant", "content": colour},
            ]
        }
        for n, colour in enumerate(drawn)
    ]
    tickets = [{"text": f"Ticket {n}: the box is {c} today.", "label": c} for n, c in enumerate(drawn)]
    for file, rows in (("conversations", talks), ("tickets", tickets)):
        (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    save_base(folder / "my-encoder", make_encoder("bert"))
    save_base(folder / "my-gpt2", make_gpt2())
    tree = recipes("en")[name]
    steps = {"max_steps": 40, "epochs": 20, "batch_rows": 16, "trackers": [], "evaluate_every": 20}
    tree["train"] |= steps | {"precision": "fp32", "learning_rate": 3e-3}
    decoding = {"max_new_tokens": 8, "temperature": 0.0}
    tree["evaluate"] = {"arms": ["base", "tuned"]} | tree.get("evaluate", {})
    tree["evaluate"] |= {"general_suite": False, "decoding": decoding}
    tree["prepare"] |= {"test_share": 0.25}
    for section, changes in sections.items():
        tree[section] = tree.get(section, {}) | changes
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Told())


def told(one: Job) -> list[str]:
    assert isinstance(one.progress, Told)
    return one.progress.keys


def losses(outcome: Outcome) -> list[float]:
    name = "train/loss"
    return [event.data[name] for event in read_metrics(outcome.run_folder) if name in event.data]


def samples(outcome: Outcome, arm: str = "tuned") -> list[Sample]:
    return [sample for sample in outcome.scorecard.samples() if sample.arm == arm]


def test_both_languages_show_the_same_recipes() -> None:
    assert recipes("en") == recipes("zh")
    for recipe in recipes("en").values():
        Recipe.model_validate(recipe)


def test_an_encoder_sorts_and_transformers_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = job("sorting", tmp_path, monkeypatch)
    outcome = lifecycle.run(one)
    body = outcome.scorecard.body
    assert {arm.name for arm in body.arms} == {"classic", "majority", "tuned"}
    (verdict,) = body.verdicts
    assert verdict.difference.against == "classic"
    assert losses(outcome)[-1] < 0.1 * losses(outcome)[0]
    weights = outcome.models["tuned"].payload
    tokenizer = AutoTokenizer.from_pretrained(weights)
    read = AutoModelForSequenceClassification.from_pretrained(weights).eval()
    for sample in samples(outcome)[:6]:
        given = tokenizer(sample.prompt[-1].content, return_tensors="pt", truncation=False)
        with torch.no_grad():
            odds = read(input_ids=given["input_ids"]).logits[0].softmax(0)
        assert read.config.id2label[int(odds.argmax())] == sample.answer
        assert sample.probabilities is not None
        for number, value in enumerate(odds.tolist()):
            assert sample.probabilities[read.config.id2label[number]] == pytest.approx(value, abs=1e-4)
    trained = sum(parameter.numel() for parameter in read.parameters())
    assert outcome.plans["tuned"].body.num_trainable == trained


def test_an_adapter_of_an_encoder_counts_as_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = {"method": {"name": "lora", "rank": 4}}
    outcome = lifecycle.run(job("sorting", tmp_path, monkeypatch, train=train))
    plain = AutoModelForSequenceClassification.from_pretrained("my-encoder", num_labels=3)
    payload = outcome.models["tuned"].payload
    read = peft.PeftModel.from_pretrained(plain, payload, is_trainable=True)
    trained = sum(parameter.numel() for parameter in read.parameters() if parameter.requires_grad)
    assert outcome.plans["tuned"].body.num_trainable == trained
    assert (payload / "chat_template.jinja").is_file()


def test_gpt2_answers_in_a_style_and_peft_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the template that lies beside the adapter, through transformers' own tokenizer and generation."""
    outcome = lifecycle.run(job("story-teller", tmp_path, monkeypatch))
    assert losses(outcome)[-1] < 0.3 * losses(outcome)[0]
    payload = outcome.models["tuned"].payload
    tokenizer = AutoTokenizer.from_pretrained("my-gpt2")
    tokenizer.chat_template = (payload / "chat_template.jinja").read_text(encoding="utf-8")
    read = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("my-gpt2"), payload).eval()
    same_answers(read, tokenizer, samples(outcome)[:4])
    config = json.loads((payload / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["fan_in_fan_out"]


def same_answers(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, given: list[Sample], ends: Iterable[int] = (0,)
) -> None:
    for sample in given:
        messages = [{"role": message.role, "content": message.content} for message in sample.prompt]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False, truncation=False)["input_ids"]
        written = model.generate(
            input_ids=ids, max_new_tokens=8, do_sample=False, eos_token_id=list(ends), pad_token_id=0
        )
        assert tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True) == sample.raw


def test_a_whole_gpt2_is_served_with_its_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = job("story-teller", tmp_path, monkeypatch, train={"method": "full"})
    outcome = lifecycle.run(one)
    weights = outcome.models["tuned"].payload
    for sample in samples(outcome)[:4]:
        assert load_chat(weights).prompt_ids(sample.prompt) == one.chat.prompt_ids(sample.prompt)
    read = AutoModelForCausalLM.from_pretrained(weights).eval()
    same_answers(read, AutoTokenizer.from_pretrained(weights), samples(outcome)[:4])
    assert outcome.plans["tuned"].body.num_trainable == sum(parameter.numel() for parameter in read.parameters())


@pytest.mark.parametrize(("name", "num_layers"), [("shallower", 5), ("deeper", 8), ("other-activation", 5)])
def test_a_changed_base_is_trained_and_loads_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, num_layers: int
) -> None:
    one = job(name, tmp_path, monkeypatch, train={"max_steps": 12}, evaluate={"max_items": 6})
    outcome = lifecycle.run(one)
    assert losses(outcome)[-1] < 0.7 * losses(outcome)[0]
    warnings = {"shallower": {"layers-dropped"}, "deeper": {"layers-added"}}.get(name, {"layers-dropped", "activation"})
    assert {key.removeprefix("say.base-") for key in told(one) if key.startswith("say.base-")} == warnings
    model = outcome.models["tuned"]
    if model.form == "weights":
        read = AutoModelForCausalLM.from_pretrained(model.payload, dtype=torch.float32)
    else:
        config = json.loads((model.payload / "adapter_config.json").read_text(encoding="utf-8"))
        base = AutoModelForCausalLM.from_pretrained(config["base_model_name_or_path"])
        assert base.config.hidden_act == "relu"
        read = peft.PeftModel.from_pretrained(base, model.payload)
    decoder = next(module for module in read.modules() if isinstance(module, Qwen2Model))
    assert read.config.num_hidden_layers == num_layers == len(decoder.layers)
    folder = find_base("builtin:tiny").folder
    tokenizer, ends = AutoTokenizer.from_pretrained(folder), load_chat(folder).end_ids
    same_answers(read.eval(), tokenizer, samples(outcome)[:3], ends)
    # the base of the comparison is the one that the recipe names
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    same_answers(plain, tokenizer, samples(outcome, "base")[:3], ends)


@pytest.mark.parametrize(
    ("name", "sections", "code"),
    [
        ("sorting", {"train": {"objective": "sft"}}, "encoder-objective"),
        ("sorting", {"evaluate": {"arms": ["base", "tuned"]}}, "encoder-arms"),
        ("sorting", {"model": {"prompt_style": None}}, "template-missing"),
        ("sorting", {"model": {"changes": {"add_layers": [0]}}}, "changes-architecture"),
        ("story-teller", {"model": {"prompt_style": None}}, "template-missing"),
        ("story-teller", {"train": {"method": "prefix"}}, "method-architecture"),
        ("story-teller", {"train": {"method": {"name": "lora", "targets": ["q_proj"]}}}, "lora-no-target"),
        ("story-teller", {"train": {"objective": {"name": "distill", "teacher": "my-encoder"}}}, "teacher-encoder"),
        ("shallower", {"model": {"changes": {"drop_layers": ["0-5"]}}}, "changes-none-left"),
        ("shallower", {"model": {"changes": {"keep_layers": [0, 6]}}}, "changes-layers"),
        ("deeper", {"model": {"changes": {"drop_layers": [2], "add_layers": [2]}}}, "changes-added-to-dropped"),
    ],
)
def test_what_a_base_cannot_do_is_refused_by_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sections: dict[str, dict[str, Any]], code: str
) -> None:
    one = job(name, tmp_path, monkeypatch, **sections)
    with pytest.raises(TunesmithError) as refused:
        lifecycle.check(one, lifecycle.prepare(one))
    assert refused.value.code == code
    assert refused.value.hint("en")
    assert refused.value.hint("zh")


def test_arms_that_generate_are_left_out_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = job("sorting", tmp_path, monkeypatch, evaluate={"arms": ["base", "base_few_shot", "classic", "tuned"]})
    lifecycle.check(one, lifecycle.prepare(one))
    assert "say.encoder-arms" in told(one)

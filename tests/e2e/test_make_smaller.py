"""Every recipe of the page on smaller models, from rows to verdict on the embedded base: cut, judged, trained back."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from tunesmith import lifecycle
from tunesmith.api import train_steps
from tunesmith.artifacts import read_metrics
from tunesmith.artifacts.pruned import PRUNED, read_pruned
from tunesmith.artifacts.scorecard import Difference
from tunesmith.chat import load_chat
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job, Outcome
from tunesmith.lifecycle.base_checks import teacher_of
from tunesmith.lifecycle.export import export
from tunesmith.model.base import find_base
from tunesmith.model.fits import linear_names, weight_shapes
from tunesmith.model.prune import zero_share
from tunesmith.recipe import Recipe
from tunesmith.recipe.file import read_recipe
from tunesmith.records import Message, Sample
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
COLOURS = ("red", "green", "blue")
ARMS = ["base", "base_changed", "tuned"]
pytestmark = [
    pytest.mark.thorough,
    # PEFT asks for a property that transformers has renamed
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]


def blocks(language: str, kind: str) -> list[str]:
    text = (ROOT / "docs" / language / "how-to" / "make-a-model-smaller.md").read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


class Told(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: dict[str, dict[str, Any]] = {}

    def say(self, key: str, level: Any = "info", **parameters: Any) -> None:
        self.said[key] = parameters


def job(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **sections: dict[str, Any]) -> Job:
    """The page's recipe in a folder with the rows that it names."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    random = np.random.default_rng(0)
    talks = [
        {
            "messages": [
                {"role": "user", "content": f"Colour of box {n}, which is {colour}?"},
                {"role": "assistant", "content": f"Box {n} is {colour}."},
            ]
        }
        for n, colour in enumerate(COLOURS[random.integers(3)] for _ in range(100))
    ]
    rows = "".join(json.dumps(row) + "\n" for row in talks)
    (folder / "conversations.jsonl").write_text(rows, encoding="utf-8")
    recipes = {tree["name"]: tree for tree in map(yaml.safe_load, blocks("en", "yaml"))}
    tree = recipes[name]
    steps = {"max_steps": 30, "epochs": 20, "batch_rows": 16, "trackers": [], "evaluate_every": 15}
    tree["train"] |= steps | {"precision": "fp32", "learning_rate": 2e-3}
    tree["evaluate"] |= {"general_suite": False, "max_items": 8, "decoding": {"max_new_tokens": 12, "temperature": 0.0}}
    tree["prepare"] |= {"test_share": 0.25}
    for section, changes in sections.items():
        tree[section] = tree.get(section, {}) | changes
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Told())


def said(one: Job) -> dict[str, dict[str, Any]]:
    assert isinstance(one.progress, Told)
    return one.progress.said


def difference(outcome: Outcome, arm: str, against: str) -> Difference:
    (found,) = [
        each
        for each in outcome.scorecard.body.differences
        if (each.arm, each.against, each.metric, each.suite) == (arm, against, "bits_per_byte", "test")
    ]
    return found


@torch.no_grad()
def bits_per_byte(model: PreTrainedModel, given: list[Sample]) -> float:
    """Of the references of all items together, end token included."""
    chat = load_chat(find_base("builtin:tiny").folder)
    bits, num_bytes = 0.0, 0
    for sample in given:
        prompt, answer = chat.prompt_ids(sample.prompt), Message("assistant", sample.reference)
        ids = torch.tensor(prompt + chat.answer_ids(answer, sample.prompt))
        logs = model(input_ids=ids[None]).logits[0, len(prompt) - 1 : -1].float().log_softmax(1)
        bits -= float(logs.gather(1, ids[len(prompt) :, None]).sum()) / math.log(2)
        num_bytes += len(sample.reference.encode())
    return bits / num_bytes


def same_answers(model: PreTrainedModel, given: list[Sample]) -> None:
    chat = load_chat(find_base("builtin:tiny").folder)
    for sample in given:
        ids = torch.tensor([chat.prompt_ids(sample.prompt)])
        written = model.generate(
            input_ids=ids, max_new_tokens=12, do_sample=False, eos_token_id=sorted(chat.end_ids), pad_token_id=0
        )
        assert chat.decode(written[0, ids.shape[1] :].tolist()) == sample.raw


def test_both_languages_show_the_same() -> None:
    for kind in ("yaml", "console"):
        assert blocks("en", kind) == blocks("zh", kind)


@pytest.mark.parametrize("name", ["smaller", "fewer-heads"])
def test_what_was_cut_is_shown_and_trained_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    one = job(name, tmp_path, monkeypatch)
    outcome = lifecycle.run(one)
    assert [arm.name for arm in outcome.scorecard.body.arms] == ARMS
    samples = {arm: [each for each in outcome.scorecard.samples() if each.arm == arm] for arm in ARMS}
    asked = [[each.item for each in samples[arm] if each.suite == "test"] for arm in ARMS]
    assert asked[0] == asked[1] == asked[2]
    # what the cut does and what training brings back are both numbers
    assert difference(outcome, "tuned", "base_changed").high < 0.0
    # the one on the same items is the other two added up
    assert difference(outcome, "tuned", "base").mean == pytest.approx(
        difference(outcome, "base_changed", "base").mean + difference(outcome, "tuned", "base_changed").mean, abs=1e-6
    )
    pages = (outcome.run_folder / "report.html").read_text(encoding="utf-8")
    assert "Changed base, untrained" in pages
    pruned = read_pruned(one.trained_base.folder)
    assert pruned is not None
    read = AutoModelForCausalLM.from_pretrained(one.trained_base.folder, dtype=torch.float32).eval()
    same_answers(read, samples["base_changed"][:3])
    plain = AutoModelForCausalLM.from_pretrained(one.base.folder, dtype=torch.float32).eval()
    same_answers(plain, samples["base"][:3])
    expected = bits_per_byte(read, samples["base_changed"]) - bits_per_byte(plain, samples["base"])
    assert difference(outcome, "base_changed", "base").mean == pytest.approx(expected, rel=1e-3)
    counts = [sum(p.numel() for p in model.parameters()) for model in (plain, read)]
    assert counts == [pruned.before.num_parameters, pruned.after.num_parameters]
    assert said(one)["say.base-pruned"]["left"] == f"{counts[1]:,}"
    payload = outcome.models["tuned"].payload
    if name == "smaller":
        assert (read.config.num_hidden_layers, read.config.intermediate_size, pruned.neurons) == (5, 288, 96)
        assert len(pruned.layers) == 1
        assert said(one)["say.base-pruned-layers"]["first"] == pruned.layers[0]
        tuned = AutoModelForCausalLM.from_pretrained(payload, dtype=torch.float32)
    else:
        assert (read.config.num_attention_heads, read.config.head_dim) == (1, 64)
        assert [*map(len, pruned.heads.values())] == [1] * 6
        tuned = peft.PeftModel.from_pretrained(read, payload)
    same_answers(tuned.eval(), samples["tuned"][:3])
    metrics = [event.data for event in read_metrics(outcome.run_folder)]
    taught = [data["train/divergence"] for data in metrics if "train/divergence" in data]
    assert taught[-1] < 0.7 * taught[0]
    # every figure, those of the third arm among them, once more by other means
    assert lifecycle.recheck_scorecard(outcome.scorecard.folder).num_figures > 20


def test_the_whole_base_is_the_teacher_unless_another_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = job("smaller", tmp_path, monkeypatch)
    teacher = teacher_of(one, one.recipe.train)
    assert teacher is not None
    assert teacher.content_hash == one.base.content_hash != one.trained_base.content_hash


def zeros(folder: Path, names: set[str]) -> dict[str, torch.Tensor]:
    found = {key: tensor == 0 for file in folder.glob("*.safetensors") for key, tensor in load_file(file).items()}
    return {name: found[name] for name in names}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_zeros_outlast_a_training_that_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str
) -> None:
    train = {"max_steps": 6, "evaluate_every": 3, "optimizer": {"name": optimizer, "weight_decay": 0.1}}
    undisturbed = job("half-zeros", tmp_path / "one", monkeypatch, train=train)
    whole = lifecycle.models_of(undisturbed)["tuned"]
    one = job("half-zeros", tmp_path / "other", monkeypatch, train=train)
    for report in train_steps(one):
        if report.step == 2:
            break
    (tuned,) = lifecycle.models_of(one).values()
    base = one.trained_base.folder
    names = {f"{name}.weight" for name in linear_names(weight_shapes(base))}
    before, after = zeros(base, names), zeros(tuned.payload, names)
    assert zero_share(base) == pytest.approx(0.5, abs=1e-3)
    for name in names:
        assert not (before[name] & ~after[name]).any(), name
    one_by_one, at_once = (load_file(model.payload / "model.safetensors") for model in (tuned, whole))
    assert all(torch.equal(one_by_one[name], at_once[name]) for name in at_once)
    assert "say.base-pruned-weights" in said(one)


def test_a_bundle_of_a_pruned_model_is_certified_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {"forms": ["merged", "int8", "gguf"], "num_prompts": 4, "certificate": {"metric_loss": 1.0}}
    one = job("smaller", tmp_path, monkeypatch, train={"max_steps": 3}, export=forms)
    lifecycle.scorecard_of(one)
    bundle = export(one, anyway=True)
    assert [form.name for form in bundle.body.forms] == ["merged", "int8", "gguf"]
    figures = {each.form: each for each in bundle.certificate().figures}
    assert figures["merged"].token_agreement == 1.0
    alone = one.recipe.export.model_copy(update={"forms": ("adapter",)})
    other = Job(one.recipe.model_copy(update={"export": alone}), one.runtime, one.progress)
    with pytest.raises(TunesmithError) as refused:
        export(other, anyway=True)
    assert refused.value.code == "form-base"


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"model": {"changes": {}}, "train": {"objective": "sft"}}, "base_changed"),
        ({"model": {"changes": {}}, "evaluate": {"arms": ["base", "tuned"]}}, "teacher"),
        ({"model": {"changes": {"prune": {"layers": 1}, "drop_layers": [1]}}}, "prune.layers"),
    ],
)
def test_recipes_that_say_nothing_or_two_things_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sections: dict[str, Any], problem: str
) -> None:
    tree = job("smaller", tmp_path, monkeypatch).recipe.model_dump(mode="json") | {}
    for section, changes in sections.items():
        tree[section] |= changes
    with pytest.raises(TunesmithError, match=problem.replace(".", r"\.")):
        read_recipe(json.dumps(tree), "recipe", [])


def test_a_whole_base_has_no_note_of_pruning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"model": {"changes": {"drop_layers": [1]}}}
    one = job("smaller", tmp_path, monkeypatch, **changes)
    lifecycle.check(one, lifecycle.prepare(one))
    assert not (one.trained_base.folder / PRUNED).exists()
    assert "say.base-pruned" not in said(one)

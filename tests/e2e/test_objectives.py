"""Every recipe of the page on objectives, run from rows to verdict on the embedded base; and what is refused."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from sklearn.metrics import f1_score, mean_absolute_error, r2_score
from tiny_models import make_model, save_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from tunesmith import lifecycle
from tunesmith.artifacts import Scorecard, TunedModel, read_metrics
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job, Outcome
from tunesmith.recipe import Recipe
from tunesmith.records import Sample
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
PAGE = "choose-an-objective.md"
COLOURS = ("red", "green", "blue")


def recipes(language: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / PAGE).read_text(encoding="utf-8")
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


def write_rows(folder: Path) -> None:
    """The files that the page's recipes name."""
    random = np.random.default_rng(0)
    drawn = [(COLOURS[random.integers(3)], int(random.integers(1, 9))) for _ in range(160)]
    tickets = [{"text": f"Ticket {n}: the box is {c} today.", "label": c} for n, (c, _) in enumerate(drawn)]
    reviews = [f'"Lot {n}: it weighs {tens} tons.",{tens}.5' for n, (_, tens) in enumerate(drawn)]
    talks = [
        {
            "messages": [
                {"role": "user", "content": f"Colour of box {n}, which is {c}?"},
                {"role": "assistant", "content": c},
                {"role": "user", "content": f"Is box {n} the {c} one of {tens}?"},
                {"role": "assistant", "content": f"Yes, {c}, one of {tens}."},
            ]
        }
        for n, (c, tens) in enumerate(drawn[:60])
    ]
    pages = [
        {
            "document": f"d{n // 4}",
            "text": " ".join(f"Rule {n}.{k}: a {c} box of {tens} tons." for k in range(1 + n % 40)),
        }
        for n, (c, tens) in enumerate(drawn[:60])
    ]
    for name, rows in (("tickets", tickets), ("conversations", talks), ("handbook", pages)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / "reviews.csv").write_text("text,score\n" + "\n".join(reviews) + "\n", encoding="utf-8")


def job(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **train: Any) -> Job:
    monkeypatch.chdir(folder)
    tree = recipes("en")[name]
    tree["train"] |= {"max_steps": 40, "batch_rows": 16, "learning_rate": 2e-3, "trackers": [], "evaluate_every": 20}
    tree["train"] |= train
    tree["evaluate"] = tree.get("evaluate", {}) | {
        "general_suite": False,
        "arms": ["base", "classic", "majority", "tuned"],
        "decoding": {"max_new_tokens": 8, "temperature": 0.0},
    }
    tree["prepare"] |= {"test_share": 0.25}
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent())


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **train: Any) -> Outcome:
    write_rows(folder)
    return lifecycle.run(job(name, folder, monkeypatch, **train))


def losses(outcome: Outcome, name: str = "train/loss") -> list[float]:
    return [event.data[name] for event in read_metrics(outcome.run_folder) if name in event.data]


def figures(scorecard: Scorecard, arm: str) -> dict[str, float]:
    (found,) = (each for each in scorecard.body.arms if each.name == arm)
    return {name: estimate.value for name, estimate in found.metrics["test"].items()}


def samples(scorecard: Scorecard) -> list[Sample]:
    return [sample for sample in scorecard.samples() if sample.arm == "tuned"]


def test_both_languages_show_the_same_recipes() -> None:
    assert recipes("en") == recipes("zh")
    for recipe in recipes("en").values():
        Recipe.model_validate(recipe)


def test_classes_by_a_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures are scikit-learn's of the samples; the folder gives transformers the same classes."""
    outcome = run("routing", tmp_path, monkeypatch, method="full")
    told = samples(outcome.scorecard)
    found = figures(outcome.scorecard, "tuned")
    true, said = [sample.reference for sample in told], [sample.answer for sample in told]
    assert found["macro_f1"] == pytest.approx(f1_score(true, said, average="macro", labels=sorted(COLOURS)))
    assert found["accuracy"] == np.mean(np.array(true) == said) > 0.9
    model = outcome.models["tuned"]
    read = AutoModelForSequenceClassification.from_pretrained(model.payload).eval()
    tokenizer = AutoTokenizer.from_pretrained(model.payload)
    for sample in told[:8]:
        messages = [{"role": message.role, "content": message.content} for message in sample.prompt]
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
        with torch.no_grad():
            odds = read(prompt["input_ids"]).logits[0].float().softmax(0)
        assert read.config.id2label[int(odds.argmax())] == sample.answer
        assert sample.probabilities is not None
        assert sum(sample.probabilities.values()) == pytest.approx(1.0)
        for number, value in enumerate(odds.tolist()):
            assert sample.probabilities[read.config.id2label[number]] == pytest.approx(value, abs=1e-3)
    assert losses(outcome)[-1] < 0.5 * losses(outcome)[0]
    assert losses(outcome, "eval/accuracy")[-1] > 0.9


def test_a_head_beside_an_adapter_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run("routing", tmp_path, monkeypatch)
    assert outcome.models["tuned"].form == "adapter"
    assert figures(outcome.scorecard, "tuned")["accuracy"] > 0.8
    tensors = load_file(outcome.models["tuned"].payload / "adapter_model.safetensors")
    assert sum(tensor.numel() for tensor in tensors.values()) == outcome.plans["tuned"].body.num_trainable
    config = json.loads((outcome.models["tuned"].payload / "adapter_config.json").read_text())
    assert (config["task_type"], config["modules_to_save"]) == ("SEQ_CLS", ["classifier", "score"])


def test_numbers_by_a_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run("ratings", tmp_path, monkeypatch)
    found = figures(outcome.scorecard, "tuned")
    true, said = (
        [float(number) for number in numbers]
        for numbers in zip(*((s.reference, s.answer) for s in samples(outcome.scorecard)), strict=True)
    )
    assert found["mae"] == pytest.approx(mean_absolute_error(true, said), rel=1e-3)
    assert found["r2"] == pytest.approx(r2_score(true, said), abs=1e-3)
    assert found["rmse"] == pytest.approx(math.sqrt(found["mse"]))
    mean = figures(outcome.scorecard, "majority")["mae"]
    classic = figures(outcome.scorecard, "classic")["mae"]
    print(f"mean absolute error {found['mae']:.2f}, of the mean {mean:.2f}, classic {classic:.2f}")
    assert found["mae"] < 0.7 * mean
    assert outcome.scorecard.body.metric == "mae"
    assert outcome.scorecard.body.verdicts[0].word in ("better", "not_enough_evidence")
    head = outcome.models["tuned"].head()
    numbers = [row.target for row in outcome.dataset.rows("train")]
    assert head is not None
    assert (head.mean, head.scale) == pytest.approx((np.mean(numbers), np.std(numbers)))


def plain_bits(model: Any, ids: list[int], first: int) -> float:
    """Bits of the tokens from `first` on, by transformers."""
    with torch.no_grad():
        logs = model(torch.tensor([ids])).logits[0, :-1].double().log_softmax(1)
    taken = logs.gather(1, torch.tensor(ids[1:])[:, None])[first - 1 :, 0]
    return -taken.sum().item() / math.log(2)


def test_plain_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bits per byte are those that transformers gives, each byte counted once however the text was cut."""
    outcome = run("handbook", tmp_path, monkeypatch)
    rows = outcome.dataset.rows("test")
    assert any(row.text and row.text.num_context for split in ("train", "test") for row in outcome.dataset.rows(split))
    base = lifecycle.find_base("builtin:tiny")
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    bits = num_bytes = 0
    for row in rows:
        assert row.text is not None
        text, context = row.messages[0].content, row.text.num_context
        ids = [tokenizer.eos_token_id, *tokenizer(text, add_special_tokens=False).input_ids]
        first = 1 + len(tokenizer(text[:context], add_special_tokens=False).input_ids)
        bits += plain_bits(model, ids + [tokenizer.eos_token_id] * row.text.is_end, first)
        num_bytes += len(text[context:].encode())
    before, after = (figures(outcome.scorecard, arm)["bits_per_byte"] for arm in ("base", "tuned"))
    print(f"bits per byte: base {before:.3f}, tuned {after:.3f}")
    assert before == pytest.approx(bits / num_bytes, rel=0.01)
    assert after < before
    assert losses(outcome)[-1] < losses(outcome)[0]
    assert losses(outcome, "eval/bits_per_byte")[-1] > 0.0


def test_the_last_answer_and_teachers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("last-answer", "taught", "smaller"):
        folder = tmp_path / name
        folder.mkdir()
        outcome = run(name, folder, monkeypatch, max_steps=12)
        assert losses(outcome)[-1] < losses(outcome)[0]
    assert losses(outcome, "train/divergence")[-1] >= 0.0
    assert "teacher" in TunedModel.open(outcome.models["tuned"].folder).manifest.inputs


@pytest.mark.parametrize(
    ("name", "objective", "code"),
    [
        ("last-answer", "classification", "one-class"),
        ("last-answer", "regression", "objective-rows"),
        ("routing", "regression", "objective-rows"),
        ("ratings", "classification", "one-class"),
    ],
)
def test_rows_that_do_not_fit_are_refused_before_a_weight_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, objective: str, code: str
) -> None:
    write_rows(tmp_path)
    wanted = job(name, tmp_path, monkeypatch)
    tree = wanted.recipe.model_dump(mode="json")
    tree["train"]["objective"], tree["evaluate"]["metric"] = {"name": objective}, "auto"
    wanted = Job(Recipe.model_validate(tree), wanted.runtime, Silent())
    with pytest.raises(TunesmithError) as refused:
        lifecycle.check(wanted, lifecycle.prepare(wanted))
    assert refused.value.code == code
    assert refused.value.message("zh") != refused.value.message("en")


def test_a_teacher_of_other_tokens_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path)
    other = save_model(tmp_path / "other", make_model("qwen2"))
    wanted = job("smaller", tmp_path, monkeypatch, objective={"name": "distill", "teacher": str(other)})
    with pytest.raises(TunesmithError) as refused:
        lifecycle.plan(wanted, lifecycle.prepare(wanted))
    assert refused.value.code == "teacher-tokenizer"


def test_answers_that_all_weigh_nothing_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "conversations.jsonl").read_text().splitlines()]
    for row in rows:
        row["messages"][-1]["weight"] = 0
    (tmp_path / "conversations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    wanted = job("last-answer", tmp_path, monkeypatch)
    with pytest.raises(TunesmithError) as refused:
        lifecycle.plan(wanted, lifecycle.prepare(wanted))
    assert refused.value.code == "nothing-supervised"

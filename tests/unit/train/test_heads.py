"""Classification and regression by a head, against transformers' own sequence classifiers and a plain torch loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from flat_rows import LAYOUTS, gradient, prefixes_of_others, three_levels
from tiny_models import make_chat, make_model, save_model
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.chat.taught import taught_rows
from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.model.layout import lay_out
from tunesmith.model.score import begin_score, load_with_head
from tunesmith.recipe import Classification, Regression
from tunesmith.recipe.optimizers import AdamW
from tunesmith.records import Example, Message, Rendered
from tunesmith.train.objectives import classification, regression
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import Objective, train_steps

CLASSES = Head(kind="classification", classes=("a", "b", "c"))
NUMBER = Head(kind="regression", mean=40.0, scale=8.0)
PAD = 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), make_model("qwen2"))


def scored(folder: Path, head: Head) -> PreTrainedModel:
    model = load_with_head(folder, head, dtype=torch.float32, device="cpu")
    begin_score(model, PAD, seed=3)
    with torch.no_grad():
        model.get_parameter("score.weight").mul_(5.0)  # far from even odds
    return model


def plain_twin(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """The same weights as transformers alone runs them."""
    twin: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=model.config.num_labels, attn_implementation="eager"
    )
    assert twin.config.pad_token_id is None  # one row at a time: its last token counts, whatever it is
    twin.load_state_dict(model.state_dict())
    return twin.eval()


def with_targets(rows: list[Rendered], head: Head) -> list[Rendered]:
    """Some rows weigh more, and some of a classifier's have a class that it does not know."""
    random = np.random.default_rng(8)
    numbers = random.integers(0, 3, len(rows)) if head.classes else random.normal(40.0, 8.0, len(rows))
    targeted = [
        replace(row, weights_T=np.zeros_like(row.weights_T), target=float(number), target_weight=0.5 + index % 3)
        for index, (row, number) in enumerate(zip(rows, numbers, strict=True))
    ]
    unknown = replace(targeted[0], id="unknown", target=math.nan)
    return [*targeted, unknown] if head.classes else targeted


def objective_of(head: Head, smoothing: float = 0.0) -> Objective:
    if head.classes:
        return partial(classification.loss, label_smoothing=smoothing)
    return partial(regression.loss, head=head)


def plain_loss(model: PreTrainedModel, row: Rendered, head: Head, smoothing: float = 0.0) -> Tensor:
    """One row by transformers' forward and torch's losses."""
    logits_1C = model(torch.from_numpy(row.ids_T.astype(np.int64))[None]).logits
    if head.classes:
        target = torch.tensor([int(row.target)])
        return torch.nn.functional.cross_entropy(logits_1C, target, label_smoothing=smoothing)
    return torch.nn.functional.mse_loss(logits_1C[0, 0], torch.tensor((row.target - head.mean) / head.scale))


@pytest.mark.thorough
@pytest.mark.parametrize("head", [CLASSES, NUMBER], ids=["classification", "regression"])
@pytest.mark.parametrize("make", [prefixes_of_others, three_levels])
def test_loss_and_gradient_are_those_of_transformers(
    folder: Path, head: Head, make: Callable[[np.random.Generator], list[Rendered]]
) -> None:
    """However the rows lie: with shared beginnings, rows that end inside those of others, and any budget."""
    rows = with_targets(make(np.random.default_rng(1)), head)
    smoothing = 0.1 if head.classes else 0.0
    model = scored(folder, head)
    twin = plain_twin(model, folder)
    expected, weight, hits = 0.0, 0.0, 0.0
    for row in rows:
        if math.isnan(row.target):
            continue
        loss = plain_loss(twin, row, head, smoothing) * row.target_weight
        loss.backward()
        expected, weight = expected + loss.item(), weight + row.target_weight
        with torch.no_grad():
            logits_C = twin(torch.from_numpy(row.ids_T.astype(np.int64))[None]).logits[0]
        hit = float(logits_C.argmax() == row.target) if head.classes else abs(logits_C[0].item() * 8 + 40 - row.target)
        hits += hit * row.target_weight
    wanted = gradient(twin)
    worst = 0.0
    for budget, share in LAYOUTS[::2]:
        model.zero_grad()
        found = [objective_of(head, smoothing)(model, batch) for batch in lay_out(rows, budget, share=share)]
        torch.stack([loss.sum for loss in found]).sum().backward()
        assert sum(loss.weight for loss in found) == pytest.approx(weight)
        (name,) = found[0].metrics
        assert sum(loss.metrics[name].item() for loss in found) == pytest.approx(hits, rel=1e-4)
        worst = max(worst, abs(sum(loss.sum.item() for loss in found) - expected) / expected)
        worst = max(worst, ((gradient(model) - wanted).norm() / wanted.norm()).item())
    print(f"largest relative difference: {worst:.1e}")
    assert worst < 1e-5


@pytest.mark.thorough
@pytest.mark.parametrize("head", [CLASSES, NUMBER], ids=["classification", "regression"])
def test_five_steps_are_those_of_a_plain_loop(folder: Path, head: Head) -> None:
    rows = [row for row in with_targets(three_levels(np.random.default_rng(2)), head) if not math.isnan(row.target)]
    model = scored(folder, head)
    plain = plain_twin(model, folder)
    groups = [
        {"params": [p for p in plain.parameters() if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in plain.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), eps=1e-3)
    sampler = RowSampler(len(rows), 8, seed=0)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(epsilon=1e-3))
    source = RowSource(rows, sampler, LayoutSettings(120, True, "cpu"))
    for report in train_steps(model, source, objective_of(head), optimizer, lambda _: 1e-3, range(5)):
        batch = [rows[index] for index in sampler.rows_of_step(report.step - 1)]
        weight = sum(row.target_weight for row in batch)
        loss = torch.stack([plain_loss(plain, row, head) * row.target_weight for row in batch]).sum() / weight
        reference.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        reference.step()
        assert report.loss_sum.item() / report.weight == pytest.approx(loss.item(), rel=1e-4)
        assert report.grad_norm.item() == pytest.approx(norm.item(), rel=1e-4)
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def sums(num: int) -> list[Example]:
    """Questions whose class is a word in them, and whose number is that of another word."""
    random = np.random.default_rng(num)
    rows = []
    for n in range(num):
        colour, tens = ("red", "green", "blue")[random.integers(3)], int(random.integers(1, 9))
        asked = Message("user", f"Box {n} is {colour} and weighs {tens} tons.")
        rows.append(Example(str(n), (asked, Message("assistant", colour)), Place("f", n), colour, target=100.0 * tens))
    return rows


def test_rows_without_a_target_are_refused_with_their_place(tmp_path: Path) -> None:
    chat = make_chat(tmp_path)
    row = Example("1", (Message("user", "q"), Message("assistant", "a")), Place("rows.jsonl", 7))
    for objective, lacks in ((Classification(), "label"), (Regression(), "target")):
        with pytest.raises(TunesmithError) as refused:
            taught_rows(chat, [row], objective, ("a", "b"))
        assert (refused.value.code, refused.value.parameters["lacks"]) == (
            "objective-rows",
            Phrase(f"objective.lacks.{lacks}"),
        )
        assert refused.value.place == Place("rows.jsonl", 7)


def test_the_rows_are_prompts_with_class_numbers(tmp_path: Path) -> None:
    chat = make_chat(tmp_path)
    rows = taught_rows(chat, sums(5), Classification(), ("blue", "green"))
    for row, example in zip(rows, sums(5), strict=True):
        assert row.ids_T.tolist() == chat.prompt_ids(example.prompt)
        assert not row.weights_T.any()
        number = {"blue": 0.0, "green": 1.0}.get(example.label or "")
        assert row.num_supervised == (number is not None)
        assert (row.target == number) if number is not None else math.isnan(row.target)

"""Rows that are visited more than once an epoch, that weigh more, or that supervise nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import make_chat, make_model, random_row, twin_of

from tunesmith.artifacts import Dataset, Identity, publish
from tunesmith.artifacts.dataset import KIND, example_to_json, write_examples
from tunesmith.chat import Chat
from tunesmith.chat.cache import rendered_rows
from tunesmith.errors import Place
from tunesmith.recipe import Sft
from tunesmith.recipe.optimizers import AdamW
from tunesmith.records import Example, Message, Rendered
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource, micro_batches, visits_of
from tunesmith.train.step import train_steps

LAYOUT = LayoutSettings(64, True, "cpu")


def example(name: str, answer: str, **changes: Any) -> Example:
    return Example(name, (Message("user", f"q {name}"), Message("assistant", answer)), Place("f"), **changes)


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    return make_chat(tmp_path / "model")


def source(rows: list[Rendered], batch_rows: int) -> RowSource:
    visits = visits_of(rows)
    return RowSource(visits, RowSampler(len(visits), batch_rows, seed=1), LAYOUT)


def ids_of_steps(rows: RowSource, num_steps: int) -> list[list[str]]:
    batches = iter(rows)
    return [sorted(id for batch in next(batches) for id in batch.row_ids) for _ in range(num_steps)]


def test_repeats_and_weights_are_kept_on_disk_and_in_the_cache(tmp_path: Path, chat: Chat) -> None:
    examples = [example("a", "one"), example("b", "two", repeats=3), example("c", "three", weight=0.5)]
    assert not {"repeats", "weight"} & set(example_to_json(examples[0]))
    with publish(tmp_path / "data", Identity(KIND, 1, {}, {}, 0, {})) as staging:
        for split in ("train", "validation", "test"):
            write_examples(staging / f"{split}.jsonl", examples)
    dataset = Dataset.open(tmp_path / "data")
    assert dataset.rows("train") == examples
    fresh, cached = (rendered_rows(dataset, "train", chat, Sft(supervise="all"), tmp_path / "cache") for _ in range(2))
    for rows in (fresh, cached):
        assert [row.repeats for row in rows] == [1, 3, 1]
        assert [sorted(set(row.weights_T.tolist())) for row in rows] == [[0, 1], [0, 1], [0, 0.5]]


def test_an_epoch_visits_a_row_as_often_as_it_says_and_goes_on_where_it_stopped() -> None:
    random = np.random.default_rng(0)
    plain = [random_row(random, str(number), [], 9) for number in range(7)]
    rows = [Rendered(row.id, row.ids_T, row.weights_T, 1 + index % 3) for index, row in enumerate(plain)]
    num_visits = sum(row.repeats for row in rows)
    num_steps = -(-num_visits // 4)
    whole = ids_of_steps(source(rows, 4), 2 * num_steps)
    for epoch in (whole[:num_steps], whole[num_steps:]):
        assert Counter(id for step in epoch for id in step) == {row.id: row.repeats for row in rows}
    for taken in range(len(whole)):
        first, second = source(rows, 4), source(rows, 4)
        assert ids_of_steps(first, taken) == whole[:taken]
        second.restore(first.state())
        assert ids_of_steps(second, len(whole) - taken) == whole[taken:]


@pytest.mark.parametrize("repeated", [False, True])
def test_a_row_of_weight_two_counts_like_two_visits_of_it(chat: Chat, repeated: bool) -> None:
    """sum(w_r * nll_rt) / sum(w_r) over the answers' tokens, with transformers' own forward and torch's gradient."""
    weights = [1.0, 2.0, 1.0]
    texts = ["six times seven", "the answer is forty-two", "count the pears"]
    emphasis = [{"repeats": int(w)} if repeated else {"weight": w} for w in weights]
    rows = chat.render_many([example(str(n), text, **emphasis[n]) for n, text in enumerate(texts)])
    model = make_model("qwen2")
    total, count = torch.zeros(()), 0.0
    plain = twin_of(model, "eager")
    for row, weight in zip(chat.render_many([example(str(n), t) for n, t in enumerate(texts)]), weights, strict=True):
        ids_T = torch.from_numpy(row.ids_T.astype(np.int64))
        losses_T = torch.nn.functional.cross_entropy(plain(ids_T[None]).logits[0, :-1], ids_T[1:], reduction="none")
        total = total + weight * losses_T[torch.from_numpy(row.weights_T[1:] > 0)].sum()
        count += weight * row.num_supervised
    (total / count).backward()
    norm = torch.stack([p.grad.norm() for p in plain.parameters() if p.grad is not None]).norm()
    optimizer = FlatOptimizer(model.named_parameters(), AdamW())
    (report,) = train_steps(model, source(rows, 99), sft.loss, optimizer, lambda _: 1e-3, range(1))
    assert report.loss_sum.item() / report.weight == pytest.approx((total / count).item(), rel=1e-5)
    assert report.grad_norm.item() == pytest.approx(norm.item(), rel=1e-5)


def test_rows_that_supervise_nothing_are_borne_and_change_no_loss(chat: Chat) -> None:
    """Answers to unlearn have weight 0: alone in a step they move no weight but by decay, beside others nothing."""
    unlearnt = Example("u", (Message("user", "q"), Message("assistant", "never", weight=0.0)), Place("f"))
    nothing, taught = chat.render_many([unlearnt, example("t", "always")])
    assert nothing.num_supervised == 0
    model = make_model("qwen2", num_hidden_layers=1)
    both, alone = (
        [sft.loss(model, batch) for batch in micro_batches(rows, LAYOUT)] for rows in ([nothing, taught], [taught])
    )
    assert sum(loss.weight for loss in both) == sum(loss.weight for loss in alone) == taught.num_supervised
    assert sum(loss.sum.item() for loss in both) == pytest.approx(sum(loss.sum.item() for loss in alone), rel=1e-6)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(weight_decay=0.0))
    before = optimizer.master_N.clone()
    (report,) = train_steps(model, source([nothing], 1), sft.loss, optimizer, lambda _: 1e-2, range(1))
    assert (report.loss_sum.item(), report.grad_norm.item()) == (0.0, 0.0)
    assert torch.equal(optimizer.master_N, before)

"""A policy gradient through the one training loop: the source samples from the weights that are being trained.

Four samples a prompt, exact match as the reward, the group-normalised advantage (Shao et al. 2024, arXiv:2402.03300)
as the loss weight of every sampled token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from killing import advance, digest, fork, num_operations, resumed, save
from tiny_models import make_model, save_model
from transformers import PreTrainedModel

from tunesmith.chat import Chat, load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import Place
from tunesmith.model.base import find_base
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import load_model
from tunesmith.recipe.optimizers import AdamW
from tunesmith.records import Example, Message, Rendered, Sampling
from tunesmith.train.group import ALONE
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource, micro_batches
from tunesmith.train.step import LossSum, train_steps

LETTERS = "abcdef"
NUM_SAMPLES, PROMPTS_A_STEP = 4, 6


@dataclass(frozen=True)
class Policy:
    """A model and what it is to learn."""

    folder: Path
    tasks: tuple[tuple[str, str], ...]
    max_new_tokens: int
    rate: float
    num_steps: int
    layout: LayoutSettings


class OnPolicySource:
    """Steps made of samples that the live weights have just drawn, weighted by how good they are in their group."""

    group = ALONE

    def __init__(self, model: PreTrainedModel, chat: Chat, policy: Policy) -> None:
        self._engine = LocalEngine(model, chat, 256)
        self._policy = policy
        self._sampler = RowSampler(len(policy.tasks), PROMPTS_A_STEP, seed=0)
        self._next_step = 0
        self._num_sampled: dict[str, int] = {}
        self.rewards: list[float] = []

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        while True:
            tasks = [self._policy.tasks[index] for index in self._sampler.rows_of_step(self._next_step)]
            sampling = Sampling(1.0, 1.0, NUM_SAMPLES, self._policy.max_new_tokens, seed=self._next_step)
            groups = self._engine.generate([[Message("user", question)] for question, _ in tasks], sampling)
            self._next_step += 1
            rows: list[Rendered] = []
            for (question, answer), group in zip(tasks, groups, strict=True):
                rewards = np.array([float(sample.message.content == answer) for sample in group])
                self.rewards.append(float(rewards.mean()))
                advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
                rows += [
                    self._row(f"{question} {n}", question, sample.message, advantages[n])
                    for n, sample in enumerate(group)
                ]
            self._num_sampled = {row.id: row.num_supervised for row in rows}
            yield micro_batches(rows, self._policy.layout)

    def _row(self, id: str, question: str, answer: Message, advantage: float) -> Rendered:
        """The sampled answer as a training row; a weight of nearly nothing keeps tokens without advantage in count."""
        messages = (Message("user", question), answer)
        row = self._engine.chat.render(Example(id, messages, Place("")))
        return Rendered(id, row.ids_T, row.weights_T * np.float32(advantage or 1e-30))

    def loss(self, model: PreTrainedModel, batch: MicroBatch) -> LossSum:
        """Our cross entropy under the advantages, divided by the number of sampled tokens."""
        loss = sft.loss(model, batch)
        return LossSum(loss.sum, float(sum(self._num_sampled[id] for id in batch.row_ids)), loss.metrics)

    def state(self) -> dict[str, Any]:
        return {"next_step": self._next_step}

    def restore(self, state: dict[str, Any]) -> None:
        self._next_step = state["next_step"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """A model that answers with one letter, often a wrong one: so are the answers that it was trained on."""
    folder = save_model(tmp_path_factory.mktemp("base"), make_model("qwen2", initializer_range=0.05))
    model, chat = load_model(folder, dtype=torch.float32, device="cpu"), load_chat(folder)
    tasks = tuple((f"repeat {letter}", letter) for letter in LETTERS)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(96):
        question, answer = tasks[number % len(tasks)]
        said = answer if rng.random() < 0.35 else str(rng.choice(list(LETTERS)))
        messages = (Message("user", question), Message("assistant", said))
        rows.append(chat.render(Example(str(number), messages, Place(""))))
    optimizer = FlatOptimizer(model.named_parameters(), AdamW())
    source = RowSource(rows, RowSampler(len(rows), 24, seed=0), LayoutSettings(2000, True, "cpu"))
    for _ in train_steps(model, source, sft.loss, optimizer, lambda _: 3e-3, range(60)):
        pass
    model.save_pretrained(folder)
    return Policy(folder, tasks, 4, rate=2e-3, num_steps=60, layout=LayoutSettings(400, True, "cpu"))


@pytest.fixture(scope="module")
def embedded() -> Policy:
    """The embedded base and six sums that it gets right about one time in three, found by asking it."""
    folder = find_base("builtin:tiny").folder
    engine = LocalEngine(load_model(folder, dtype=torch.float32, device="cpu"), load_chat(folder), 256)
    rng = np.random.default_rng(0)
    sums = [(int(a), int(b)) for top in (10, 30, 50, 100) for a, b in rng.integers(1, top, (24, 2))]
    pool = [(f"What is {a} + {b}?", str(a + b)) for a, b in sums]
    sampling = Sampling(temperature=1.0, num_samples=8, max_new_tokens=40)
    groups = engine.generate([[Message("user", question)] for question, _ in pool], sampling)
    shares = [
        np.mean([sample.message.content == answer for sample in group])
        for (_, answer), group in zip(pool, groups, strict=True)
    ]
    tasks = tuple(pool[index] for index in np.argsort(np.abs(np.array(shares) - 0.3), kind="stable")[:6])
    return Policy(folder, tasks, 40, rate=3e-5, num_steps=20, layout=LayoutSettings(4000, True, "cpu"))


def train(policy: Policy, folder: Path, result: Path, num_steps: int) -> list[float]:
    """The loop as the train stage drives it; returns the mean rewards of the groups."""
    model, chat = load_model(policy.folder, dtype=torch.float32, device="cpu"), load_chat(policy.folder)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(weight_decay=0.0))
    source = OnPolicySource(model, chat, policy)
    progressed, _ = resumed(folder, "key", optimizer, source)
    steps = range(progressed.step, num_steps)
    for report in train_steps(model, source, source.loss, optimizer, lambda _: policy.rate, steps):
        progressed = advance(progressed, report, source)
        if report.step % 3 == 0 and report.step < num_steps:
            save(folder, "key", progressed, optimizer)
    result.write_text(json.dumps([progressed.step, digest(progressed, optimizer)]))
    return source.rewards


@pytest.mark.parametrize("name", ["small", pytest.param("embedded", marks=pytest.mark.slow)])
def test_the_reward_rises(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    policy: Policy = request.getfixturevalue(name)
    rewards = train(policy, tmp_path / "run", tmp_path / "result", policy.num_steps)
    first, last = np.mean(rewards[:PROMPTS_A_STEP]), np.mean(rewards[-10 * PROMPTS_A_STEP :])
    print(f"mean reward of the first step {first:.2f}, of the last ten {last:.2f}")
    assert len(rewards) == policy.num_steps * PROMPTS_A_STEP
    assert first < 0.55
    assert last > first + 0.25


@pytest.mark.forks
@pytest.mark.parametrize("name", ["small", pytest.param("embedded", marks=pytest.mark.slow)])
def test_killed_and_resumed_it_ends_bit_identical(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    policy: Policy = request.getfixturevalue(name)

    def job(run: str) -> None:
        train(policy, tmp_path / run, tmp_path / f"{run}.result", num_steps=8)

    num = num_operations(lambda: job("undisturbed"), tmp_path / "undisturbed", tmp_path / "note")
    expected = (tmp_path / "undisturbed.result").read_text()
    for kill_at in (num // 2, num - 2):
        run = f"killed {kill_at}"
        assert not fork(lambda run=run: job(run), tmp_path / run, kill_at)
        assert fork(lambda run=run: job(run), tmp_path / run)
        assert (tmp_path / f"{run}.result").read_text() == expected

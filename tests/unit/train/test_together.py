"""Trainings that share one pass over their base, against each of them trained by itself with the ordinary steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import make_model, save_model

from tunesmith import lifecycle
from tunesmith.lifecycle import Job
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent
from tunesmith.train import together
from tunesmith.train.drive import Loop, validation_figures
from tunesmith.train.random_state import seed_process
from tunesmith.train.run import assemble
from tunesmith.train.step import train_steps
from tunesmith.train.together import Group, unlike
from tunesmith.train.training import Training

SYSTEM = "Say in one word what the number that the user writes down is called in the list of all known numbers."
NUM_STEPS = 6
MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "slow": {"learning_rate": 1e-3},
    "fast": {"learning_rate": 1e-2, "max_grad_norm": 0.05, "optimizer": {"name": "adamw", "weight_decay": 0.3}},
    "scaled": {"learning_rate": 3e-3, "method": {"name": "lora", "rank": 4, "alpha": 20.0}, "label_smoothing": 0.1},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), make_model("qwen2", num_hidden_layers=2))


def make_trainings(
    base: Path, runtime: Runtime, members: Mapping[str, Mapping[str, Any]], **train: Any
) -> dict[str, Training]:
    """Rows behind one system prompt, and some so long that attention takes them in another way."""
    file = runtime.workspace.parent / "rows.jsonl"
    rows = [
        {"messages": [{"role": "system", "content": SYSTEM}, *_turn(f"number {n * n}", f"the {n}th")]}
        if n % 5
        else {"messages": _turn(f"{n} " + " ".join(map(str, range(60 + 10 * n))), "long")}
        for n in range(24)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    common = {
        "method": {"name": "lora", "rank": 4},
        "batch_rows": 5,
        "max_steps": NUM_STEPS,
        "epochs": 9,
        "evaluate_every": 2,
        "precision": "fp32",
        "trackers": [],
        **train,
    }
    (first, settings), *others = members.items()
    recipe = Recipe.model_validate(
        {
            "name": "members",
            "model": {"base": str(base)},
            "prepare": {"sources": [{"path": str(file)}], "validation_share": 0.2, "test_share": 0.1},
            "train": {**common, **settings},
            "variants": {name: {**common, **changes} for name, changes in others},
        }
    )
    job = Job(recipe, runtime, Silent())
    dataset = lifecycle.prepare(job)
    found = lifecycle.trainings_of(job, dataset, lifecycle.plan(job, dataset))
    return {first: found["tuned"]} | {name: found[name] for name, _ in others}


def _turn(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def by_itself(training: Training, runtime: Runtime, num_steps: int = NUM_STEPS) -> tuple[Loop, float]:
    """The loop after so many steps, and its validation loss."""
    loop = assemble(training, runtime, Silent(), runtime.workspace)
    seed_process(training.seed, 0)
    list(train_steps(loop.model, loop.source, loop.objective, loop.optimizer, loop.schedule, range(num_steps)))
    return loop, validation_figures(loop.model, loop.measure, loop.source.lay_out(loop.validation_rows))["loss"]


def adapters(group: Group, name: str) -> torch.Tensor:
    return group._members[name].loop.optimizer.master_N


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative to the largest number."""
    return ((one - other).abs().max() / other.abs().max()).item()


@pytest.mark.thorough
@pytest.mark.parametrize("pass_numbers", [1 << 24, 1])
def test_each_ends_where_it_ends_by_itself(
    base: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, pass_numbers: int
) -> None:
    """With everybody in one pass, and with a pass for each."""
    monkeypatch.setattr(together, "PASS_NUMBERS", {"cpu": pass_numbers})
    trainings = make_trainings(base, runtime, {**MEMBERS, "small": {"learning_rate": 1e-2, "batch_rows": 3}})
    assert unlike(list(trainings.values())) is None
    group = Group(trainings, runtime, Silent())
    losses = group.advance(NUM_STEPS)
    for name, training in trainings.items():
        loop, loss = by_itself(training, runtime)
        print(f"{name}: {loss:.6f}, difference {losses[name] / loss - 1:.1e}")
        assert losses[name] == pytest.approx(loss, rel=1e-5)
        assert difference(adapters(group, name), loop.optimizer.master_N) < 1e-5
    ends = [adapters(group, name) for name in trainings]
    assert all(difference(ends[0], other) > 0.01 for other in ends[1:])

"""Trainings that share one pass over their base, against each of them trained by itself with the ordinary steps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from plan_material import plan_body
from tiny_models import make_model, random_row, save_model

from tunesmith import lifecycle
from tunesmith.artifacts import Plan
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.model.copies import copied
from tunesmith.model.layout import lay_out
from tunesmith.model.load import hidden_states
from tunesmith.recipe import Recipe, Train
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
PLAN = plan_body(NUM_STEPS, checkpoint_every=3)
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
@pytest.mark.parametrize("pass_bytes", [1 << 26, 1])
def test_each_ends_where_it_ends_by_itself(
    base: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, pass_bytes: int
) -> None:
    """With everybody in one pass, and with a pass for each."""
    monkeypatch.setattr(together, "PASS_BYTES", {"cpu": pass_bytes})
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


@pytest.mark.thorough
def test_one_alone_takes_the_bits_of_the_ordinary_steps(base: Path, runtime: Runtime) -> None:
    """With dropout, beside a caller who draws random numbers in between."""
    members = {"one": {"learning_rate": 1e-2, "dropout": 0.2}}
    (training,) = make_trainings(base, runtime, members).values()
    group = Group({"one": training}, runtime, Silent())
    torch.manual_seed(3)
    group.advance(2)
    drawn = torch.rand(2)
    loss = group.advance(NUM_STEPS)["one"]
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(2))
    loop, expected = by_itself(training, runtime)
    assert torch.equal(adapters(group, "one"), loop.optimizer.master_N)
    assert loss == expected


@pytest.mark.thorough
def test_who_is_kept_goes_on_exactly_after_a_restart(base: Path, runtime: Runtime, tmp_path: Path) -> None:
    trainings = make_trainings(base, runtime, MEMBERS)
    undisturbed = Group(trainings, runtime, Silent())
    undisturbed.advance(3)
    undisturbed.keep(["fast", "scaled"])
    undisturbed.save(tmp_path / "rung")
    losses = undisturbed.advance(NUM_STEPS)
    resumed = Group(trainings, runtime, Silent())
    resumed.restore(tmp_path / "rung")
    assert resumed.names == ("fast", "scaled")
    assert resumed.advance(NUM_STEPS) == losses
    for name in resumed.names:
        assert torch.equal(adapters(resumed, name), adapters(undisturbed, name))
        assert difference(adapters(resumed, name), by_itself(trainings[name], runtime)[0].optimizer.master_N) < 1e-5
    alone = Group({"scaled": trainings["scaled"]}, runtime, Silent())
    alone.restore(tmp_path / "rung")
    assert alone.advance(NUM_STEPS)["scaled"] == pytest.approx(losses["scaled"], rel=1e-5)
    weights = sorted((tmp_path / "rung").glob("member-*"))[0]
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(RunFailed, match="artifact-damaged"):
        Group(trainings, runtime, Silent()).restore(tmp_path / "rung")


@pytest.mark.thorough
def test_other_settings_are_not_taken_for_the_saved_ones(base: Path, runtime: Runtime, tmp_path: Path) -> None:
    trainings = make_trainings(base, runtime, MEMBERS)
    Group(trainings, runtime, Silent()).save(tmp_path / "start")
    other = replace(trainings["fast"], seed=0, section=trainings["slow"].section)
    with pytest.raises(TunesmithError, match="resume-changed") as raised:
        Group({**trainings, "fast": other}, runtime, Silent()).restore(tmp_path / "start")
    assert raised.value.parameters["changed"] == "fast"


@pytest.mark.thorough
def test_each_trains_for_its_own_number_of_steps_and_stops_by_its_own_rules(base: Path, runtime: Runtime) -> None:
    members: dict[str, dict[str, Any]] = {
        "short": {"learning_rate": 1e-2, "max_steps": 3},
        "patient": {"learning_rate": 1e-2, "stop": {"patience": 1, "min_delta": 100.0}},
        "long": {"learning_rate": 1e-2},
    }
    trainings = make_trainings(base, runtime, members)
    group = Group(trainings, runtime, Silent())
    losses = group.advance(100)
    steps = {name: group._members[name].step for name in group.names}
    assert steps == {"short": 3, "patient": 4, "long": NUM_STEPS}
    assert losses["short"] == pytest.approx(by_itself(trainings["short"], runtime, 3)[1], rel=1e-5)


@pytest.mark.thorough
def test_one_that_breaks_leaves_the_others_as_they_are(base: Path, runtime: Runtime) -> None:
    """Its loss is no number from the second step on."""
    trainings = make_trainings(base, runtime, {"good": {"learning_rate": 1e-2}, "broken": {"learning_rate": 1e-2}})
    group = Group(trainings, runtime, Silent())
    group.advance(1)
    adapters(group, "broken").fill_(math.inf)
    losses = group.advance(NUM_STEPS)
    loop, expected = by_itself(trainings["good"], runtime)
    assert math.isnan(losses["broken"])
    assert losses["good"] == pytest.approx(expected, rel=1e-5)
    assert difference(adapters(group, "good"), loop.optimizer.master_N) < 1e-5
    assert group._members["broken"].step < NUM_STEPS


@pytest.mark.thorough
@pytest.mark.parametrize("at", ["load_model", "_losses"])
@pytest.mark.parametrize("refusal", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_memory_that_is_refused_is_told_wherever_it_is(
    base: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, at: str, refusal: Exception
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise refusal

    trainings = make_trainings(base, runtime, MEMBERS)
    monkeypatch.setattr(together, at, refuses)
    with pytest.raises(RunFailed, match="trials-out-of-memory") as refused:
        Group(trainings, runtime, Silent()).advance(1)
    assert refused.value.parameters["num"] == 3
    assert refused.value.message("zh")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"method": "full"}, "method"),
        ({"method": {"name": "lora", "rank": 8}}, "rank"),
        ({"method": {"name": "lora", "rank": 4, "dora": True}}, "dora"),
        ({"method": {"name": "lora", "rank": 4, "dropout": 0.1}}, "dropout"),
        ({"method": {"name": "lora", "rank": 4, "targets": ["q_proj"]}}, "targets"),
        ({"method": {"name": "qlora", "rank": 4}}, "method"),
        ({"attention_dropout": 0.1}, "dropout"),
        ({"compile": True}, "compile"),
        ({"max_rows": 7}, "rows"),
        ({"objective": "classification"}, "objective"),
        ({"objective": {"name": "sft", "supervise": "last"}}, "objective"),
        ({"batch_rows": 7, "learning_rate": 1e-4, "schedule": "constant", "l1": 0.1, "epochs": 1}, None),
    ],
)
def test_what_keeps_trainings_apart(changes: Mapping[str, Any], word: str | None) -> None:
    common: dict[str, Any] = {"method": {"name": "lora", "rank": 4}, "learning_rate": 1e-3}
    one, other = (made(Train.model_validate({**common, **some})) for some in ({}, changes))
    assert unlike([one, other]) == word
    assert unlike([other, one]) == word
    assert unlike([other]) is None


def made(section: Train, **changes: Any) -> Training:
    """A training that nobody can take, which says all that `unlike` asks."""
    body = PLAN.model_copy(update={"precision": changes.get("precision", "bf16")})
    manifest: Any = None
    base = SimpleNamespace(content_hash=changes.get("base", "base"), model_type=changes.get("model_type", "qwen2"))
    dataset = SimpleNamespace(key=changes.get("dataset", "rows"))
    chat = SimpleNamespace(fingerprint=changes.get("template", "template"))
    plan = Plan(Path(), manifest, body)
    return Training("tuned", dataset, base, chat, plan, section, changes.get("seed", 0))  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["base", "dataset", "template", "seed", "precision"])
def test_what_else_keeps_trainings_apart(word: str) -> None:
    section, value = Train(), {"seed": 1, "precision": "fp32"}.get(word, "another")
    assert unlike([made(section), made(section, **{word: value})]) == word


def test_what_may_have_no_company(base: Path, runtime: Runtime) -> None:
    one, mixture, narrow = made(Train()), made(Train(), model_type="qwen2_moe"), made(Train(), precision="fp16")
    assert unlike([mixture, mixture]) == "experts"
    assert unlike([narrow, narrow]) == "precision"
    with pytest.raises(ValueError, match="experts"):
        Group({"a": one, "b": mixture}, runtime, Silent())


@pytest.mark.parametrize("num", [1, 3])
def test_copies_compute_what_the_batch_computes(num: int) -> None:
    """Small documents, shared beginnings of both lengths, and documents so long that no score matrix is whole."""
    random, model = np.random.default_rng(0), make_model("qwen2", num_hidden_layers=1)
    short, long = ([int(one) for one in random.integers(0, 300, size)] for size in (20, 150))
    rows = [random_row(random, f"{n}", [], 10 + 9 * n) for n in range(4)]
    rows += [random_row(random, f"s{n}", short, 10 + n) for n in range(3)]
    rows += [random_row(random, f"l{n}", long, 40 + n) for n in range(3)]
    rows += [random_row(random, f"x{n}", [], 300 + 10 * n) for n in range(2)]
    (batch,) = lay_out(rows, 10_000, share=True)
    copies = copied(batch, num)
    assert len(copies.stretches) == 3
    with torch.no_grad():
        expected_TD = hidden_states(model, batch)
        for states_TD in copies.parted(hidden_states(model, copies)):
            torch.testing.assert_close(states_TD, expected_TD, rtol=1e-4, atol=1e-5)

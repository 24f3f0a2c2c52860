"""Several processes take the steps that one would: losses, weights, halving, stopping, resuming."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from plan_material import plan_body
from several import together
from tiny_models import make_model, random_row
from transformers import PreTrainedModel

from tunesmith.artifacts import Manifest, Plan, followed_run, open_run, read_events, read_metrics
from tunesmith.errors import Interrupted, RunFailed, TunesmithError
from tunesmith.model.layout import MicroBatch
from tunesmith.model.lora import attach_lora
from tunesmith.recipe import Lora, Train
from tunesmith.recipe.optimizers import AdamW
from tunesmith.recipe.schedules import Cosine
from tunesmith.records import Rendered
from tunesmith.runtime import Silent, utc_now
from tunesmith.train.checkpoint import Progressed, newest_checkpoint
from tunesmith.train.drive import Driver, Loop
from tunesmith.train.group import ALONE, Group
from tunesmith.train.interrupt import deferred_signals
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.random_state import seed_process
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import LossSum, Objective, train_steps
from tunesmith.train.training import Training

NUM_STEPS = 9


def uneven() -> list[Rendered]:
    random = np.random.default_rng(0)
    return [random_row(random, str(n), [], length) for n, length in enumerate((3, 90, 5, 40, 4, 8, 60, 7, 3, 11))]


def with_common_beginnings() -> list[Rendered]:
    random = np.random.default_rng(1)
    beginnings = [random.integers(0, 300, 30).tolist() for _ in range(2)]
    return [random_row(random, str(n), beginnings[n % 2], 4 + n) for n in range(10)]


def of_groups() -> list[Rendered]:
    return [replace(row, group=f"prompt {n // 3}") for n, row in enumerate(uneven())]


def nine_steps(rows: Sequence[Rendered], group: Group, *, lora: bool, batch_rows: int = 4) -> dict[str, Any]:
    """Two epochs and more, the last step of each smaller; figures, rows and weights, and what else may differ."""
    torch.manual_seed(0)
    model = make_model("qwen2", num_hidden_layers=1)
    if lora:
        attach_lora(model, Lora(rank=4, alpha=8.0), 0)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW())
    source = RowSource(rows, RowSampler(10, batch_rows, seed=0), LayoutSettings(64, True, "cpu"), group=group)
    schedule = make_schedule(Cosine(), 1e-2, NUM_STEPS, 0.2)
    reports = list(train_steps(model, source, sft.loss, optimizer, schedule, range(NUM_STEPS)))
    return {
        "loss": [report.loss_sum.item() / report.weight for report in reports],
        "accuracy": [report.metrics["mean_token_accuracy"].item() for report in reports],
        "grad_norm": [report.grad_norm.item() for report in reports],
        "weight": [report.weight for report in reports],
        "num_tokens": [report.num_tokens for report in reports],
        "rows": [sorted(report.row_ids) for report in reports],
        "master": optimizer.master_N.tolist(),
    }


@pytest.mark.parametrize(
    ("rows", "num_processes", "lora"),
    [(uneven, 2, True), (uneven, 3, False), (with_common_beginnings, 2, False), (of_groups, 2, False)],
)
def test_several_processes_train_as_one_does(
    tmp_path: Path, rows: Callable[[], list[Rendered]], num_processes: int, lora: bool
) -> None:
    """With three processes the last step of an epoch, which has two rows, leaves one of them nothing to do."""
    alone = nine_steps(rows(), ALONE, lora=lora)
    found = together(num_processes, tmp_path, lambda group: nine_steps(rows(), group, lora=lora))
    for other in found[1:]:
        assert other == found[0]  # to the bit
    assert found[0]["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    assert found[0]["weight"] == pytest.approx(alone["weight"])
    assert found[0]["grad_norm"] == pytest.approx(alone["grad_norm"], rel=1e-4)
    # a sum of weights that are no whole numbers, in another order
    assert found[0]["accuracy"] == pytest.approx(alone["accuracy"], rel=1e-6)
    for exact in ("num_tokens", "rows"):
        assert found[0][exact] == alone[exact]
    np.testing.assert_allclose(found[0]["master"], alone["master"], rtol=1e-4, atol=1e-5)


def test_a_step_of_one_row_is_taken_by_all(tmp_path: Path) -> None:
    alone = nine_steps(uneven(), ALONE, lora=True, batch_rows=1)
    first, second = together(2, tmp_path, lambda group: nine_steps(uneven(), group, lora=True, batch_rows=1))
    assert first == second
    assert first["loss"] == pytest.approx(alone["loss"], rel=1e-5)


PLAN = plan_body(NUM_STEPS, checkpoint_every=2)


def make_training() -> Training:
    manifest = Manifest(
        kind="plan", key="", stage_version=1, inputs={}, section={}, seed=0, libraries={"device": "cpu"}, files={}
    )
    return Training(
        name="tuned",
        dataset=SimpleNamespace(key="rows"),  # type: ignore[arg-type]
        base=SimpleNamespace(content_hash="base"),  # type: ignore[arg-type]
        chat=SimpleNamespace(fingerprint="template"),  # type: ignore[arg-type]
        plan=Plan(Path(), manifest, PLAN),
        section=Train(),
        seed=0,
    )


def noisy(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
    """SFT times a number from torch's own generator."""
    loss = sft.loss(model, batch)
    return replace(loss, sum=loss.sum * (0.5 + torch.rand(())))


def quiet(loop: Loop) -> Objective:
    return sft.loss


def noise(loop: Loop) -> Objective:
    return noisy


def make_loop(training: Training, folder: Path, group: Group, budget: int) -> Loop:
    random = np.random.default_rng(1)
    rows = [random_row(random, str(n), [], 40 + n) for n in range(16)]
    model = make_model("qwen2", num_hidden_layers=1)
    source = RowSource(rows[:12], RowSampler(12, 4, seed=0), LayoutSettings(budget, True, "cpu"), group=group)
    loop = Loop(
        model=model,
        optimizer=FlatOptimizer(model.named_parameters(), AdamW()),
        source=source,
        objective=noisy,
        measure=sft.loss,
        schedule=make_schedule(Cosine(), 1e-2, NUM_STEPS, 0.2),
        validation_rows=rows[12:],
        checkpoints=training.checkpoints(folder),
        identity=training.identity(),
        progressed=Progressed(step=0, source=source.state(), rows_hash=""),
        num_validation_bytes=1000,
    )
    seed_process(0, group.rank)
    with group.first_goes_first():
        found, _ = newest_checkpoint(loop.checkpoints, loop.identity, group)
    if found is not None:
        loop.progressed, tensors = found
        loop.optimizer.restore(tensors)
        loop.source.restore(dict(loop.progressed.source))
    return loop


def drive(
    folder: Path, objective: Callable[[Loop], Objective] = noise, budget: int = 10_000
) -> Callable[[Group], dict[str, Any]]:
    """A walk to the end from the newest checkpoint; how it ended."""

    def walk(group: Group) -> dict[str, Any]:
        training = make_training()
        opened = open_run(folder, "", utc_now) if group.is_first else followed_run(folder, utc_now)
        with opened as run, deferred_signals() as stop:
            loop = make_loop(training, folder, group, budget)
            loop.objective = objective(loop)
            code = ""
            try:
                Driver(training, loop, stop, Silent(), run, []).drive()
            except (Interrupted, RunFailed) as failure:
                code = failure.code
        return {
            "code": code,
            "step": loop.progressed.step,
            "rows": loop.progressed.rows_hash,
            "best": loop.progressed.best_value,
            "budget": loop.source.layout.micro_batch_tokens,
            "state": {name: tensor.tolist() for name, tensor in loop.optimizer.state().items()},
            "drawn": torch.rand(3).tolist(),
        }

    return walk


def same(one: dict[str, Any], other: dict[str, Any], *besides: str) -> bool:
    return all(one[name] == other[name] for name in one if name not in besides)


def metrics(folder: Path, name: str) -> list[float]:
    return [event.data[name] for event in read_metrics(folder) if name in event.data]


def test_validation_and_events_are_those_of_one_process(tmp_path: Path) -> None:
    drive(tmp_path / "one", quiet)(ALONE)
    first, second = together(2, tmp_path / "work", drive(tmp_path / "two", quiet))
    assert same(first, second, "drawn")
    for name in ("train/loss", "train/grad_norm", "eval/loss", "eval/mean_token_accuracy", "eval/bits_per_byte"):
        assert metrics(tmp_path / "two", name) == pytest.approx(metrics(tmp_path / "one", name), rel=1e-4)
    assert len(metrics(tmp_path / "two", "train/loss")) == NUM_STEPS


def test_each_process_draws_for_itself(tmp_path: Path) -> None:
    first, second = together(2, tmp_path / "work", drive(tmp_path / "run"))
    assert first["drawn"] != second["drawn"]
    assert same(first, second, "drawn")


def stopped_in_step(step: int, rank: int) -> Callable[[Group], Callable[[Loop], Objective]]:
    """That process alone receives SIGTERM."""

    def of(group: Group) -> Callable[[Loop], Objective]:
        def objective(loop: Loop) -> Objective:
            def signalled(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
                if loop.source.state()["next_step"] == step and group.rank == rank:
                    os.kill(os.getpid(), signal.SIGTERM)
                return noisy(model, batch)

            return signalled

        return objective

    return of


@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_stops_all_and_the_next_attempt_ends_with_the_same_bits(tmp_path: Path, rank: int) -> None:
    stopping = stopped_in_step(5, rank)
    stopped = together(2, tmp_path / "work", lambda group: drive(tmp_path / "stopped", stopping(group))(group))
    assert [(one["code"], one["step"]) for one in stopped] == [("interrupted", 5)] * 2
    resumed = together(2, tmp_path / "work", drive(tmp_path / "stopped"))
    undisturbed = together(2, tmp_path / "work", drive(tmp_path / "undisturbed"))
    assert resumed == undisturbed  # what is drawn next too
    assert resumed[0]["step"] == NUM_STEPS


def test_another_number_of_processes_is_refused_by_name(tmp_path: Path) -> None:
    training = make_training()

    def stopped(group: Group) -> dict[str, Any]:
        return drive(tmp_path / "run", stopped_in_step(5, 0)(group))(group)

    together(2, tmp_path / "work", stopped)
    for num in (1, 3):
        with pytest.raises(TunesmithError, match="resume-changed") as caught:
            newest_checkpoint(training.checkpoints(tmp_path / "run"), training.identity(), Group(0, num))
        assert caught.value.parameters["changed"] == "number of processes"


def with_room_for(num_tokens: int, rank: int) -> Callable[[Group], Callable[[Loop], Objective]]:
    """In that process alone there is memory for so many tokens."""

    def of(group: Group) -> Callable[[Loop], Objective]:
        def objective(loop: Loop) -> Objective:
            def limited(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
                loss = noisy(model, batch)
                if group.rank == rank and batch.num_tokens > num_tokens:
                    loss.sum.backward()  # type: ignore[no-untyped-call]
                    raise MemoryError
                return loss

            return limited

        return objective

    return of


@pytest.mark.parametrize("rank", [0, 1])
def test_out_of_memory_in_one_process_halves_in_all(tmp_path: Path, rank: int) -> None:
    limited = with_room_for(64, rank)
    short = together(2, tmp_path / "work", lambda group: drive(tmp_path / "short", limited(group))(group))
    budget = short[0]["budget"]
    assert budget <= 64
    assert short == together(2, tmp_path / "work", drive(tmp_path / "small", budget=budget))
    codes = {event.data["code"] for event in read_events(tmp_path / "short") if event.type == "message"}
    assert codes == {"micro-batch-halved"}


def test_a_row_that_is_too_long_in_one_process_ends_all(tmp_path: Path) -> None:
    limited = with_room_for(15, 1)
    ended = together(2, tmp_path / "work", lambda group: drive(tmp_path / "run", limited(group))(group))
    assert [one["code"] for one in ended] == ["out-of-memory"] * 2


def test_a_process_that_ends_is_missed(tmp_path: Path) -> None:
    def ends_early(group: Group) -> str:
        if not group.is_first:
            (tmp_path / f"said-{group.rank}").write_text("0")
            os._exit(0)
        with pytest.raises(RunFailed) as caught:
            group.wait()
        (tmp_path / f"said-{group.rank}").write_text(f'"{caught.value.code}"')
        os._exit(0)

    assert together(2, tmp_path, ends_early)[0] == "process-lost"


def test_what_processes_say_arrives_whole(tmp_path: Path) -> None:
    values: list[Any] = [*("x" * n for n in range(4070, 4100, 3)), None, 0.1, "é" * 1000, ["a", {"b": [1e-300, 3]}], ""]
    found = together(3, tmp_path, lambda group: [group.gather([value, group.rank]) for value in values])
    assert found == [[[[value, rank] for rank in range(3)] for value in values]] * 3

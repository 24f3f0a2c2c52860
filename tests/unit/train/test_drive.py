"""The driver: what it does when memory runs out, a gradient is not finite, settings changed, or it is told to stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from plan_material import plan_body
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_models import make_model, random_row
from transformers import PreTrainedModel

from tunesmith.artifacts import Event, Manifest, Plan, open_run, read_events, read_metrics
from tunesmith.errors import Interrupted, RunFailed, TunesmithError
from tunesmith.model.layout import MicroBatch
from tunesmith.recipe import Recipe, Train
from tunesmith.recipe.optimizers import AdamW
from tunesmith.recipe.schedules import Cosine
from tunesmith.recipe.watch import Samples, Stop
from tunesmith.runtime import Silent, utc_now
from tunesmith.train.checkpoint import Progressed, newest_checkpoint
from tunesmith.train.drive import MAX_UNREAD_STEPS, Driver, Loop, validation_figures
from tunesmith.train.interrupt import deferred_signals
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource, half_of_largest, micro_batches
from tunesmith.train.step import LossSum, Objective, is_out_of_memory
from tunesmith.train.trackers import TensorBoard, Tracked
from tunesmith.train.training import Training

NUM_STEPS, ROWS_A_STEP = 6, 4
PLAN = plan_body(NUM_STEPS, checkpoint_every=100)


def make_training(section: Train | None = None, **plan: Any) -> Training:
    manifest = Manifest(
        kind="plan", key="", stage_version=1, inputs={}, section={}, seed=0, libraries={"device": "cpu"}, files={}
    )
    return Training(
        name="tuned",
        dataset=SimpleNamespace(key="rows"),  # type: ignore[arg-type]
        base=SimpleNamespace(content_hash="base"),  # type: ignore[arg-type]
        chat=SimpleNamespace(fingerprint="template"),  # type: ignore[arg-type]
        plan=Plan(Path(), manifest, PLAN.model_copy(update=plan)),
        section=section or Train(),
        seed=0,
    )


def make_loop(training: Training, run: Path, budget: int = 10_000, architecture: str = "qwen2") -> Loop:
    random = np.random.default_rng(1)
    rows = [random_row(random, str(n), [], 40 + n) for n in range(16)]
    model = make_model(architecture, num_hidden_layers=1 if architecture == "qwen2" else 2)
    source = RowSource(rows[:12], RowSampler(12, ROWS_A_STEP, seed=0), LayoutSettings(budget, True, "cpu"))
    torch.manual_seed(7)
    loop = Loop(
        model=model,
        optimizer=FlatOptimizer(model.named_parameters(), AdamW()),
        source=source,
        objective=noisy,
        measure=sft.loss,
        schedule=make_schedule(Cosine(), 1e-2, NUM_STEPS, 0.2),
        validation_rows=rows[12:],
        checkpoints=training.checkpoints(run),
        identity=training.identity(),
        progressed=Progressed(step=0, source=source.state(), rows_hash=""),
    )
    found, _ = newest_checkpoint(loop.checkpoints, loop.identity)
    if found is not None:
        loop.progressed, tensors = found
        loop.optimizer.restore(tensors)
        loop.source.restore(dict(loop.progressed.source))
    return loop


def noisy(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
    """SFT times a number from torch's own generator."""
    loss = sft.loss(model, batch)
    return replace(loss, sum=loss.sum * (0.5 + torch.rand(())))


def drive(
    folder: Path,
    *,
    training: Training | None = None,
    objective: Callable[[Loop], Objective] = lambda loop: loop.objective,
    budget: int = 10_000,
    architecture: str = "qwen2",
) -> Loop:
    """Walk to the end, from the newest checkpoint where there is one."""
    training = training or make_training()
    with open_run(folder, "", utc_now) as run, deferred_signals() as stop:
        loop = make_loop(training, folder, budget, architecture)
        loop.objective = objective(loop)
        Driver(training, loop, stop, Silent(), run, []).drive()
    return loop


def same(one: Loop, other: Loop) -> bool:
    tensors = other.optimizer.state()
    equal = all(torch.equal(tensor, tensors[name]) for name, tensor in one.optimizer.state().items())
    return equal and one.progressed.rows_hash == other.progressed.rows_hash


def messages(folder: Path) -> list[Event]:
    return [event for event in read_events(folder) if event.type == "message"]


def refuse_cpu() -> None:
    torch.empty(1 << 60, dtype=torch.uint8)  # the allocator's own words


def refuse_python() -> None:
    raise MemoryError


def refuse_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def with_room_for(num_tokens: int, refuse: Callable[[], None] = refuse_cpu, step: int = 1) -> Callable[..., Objective]:
    """From `step` on there is memory for so many tokens, and it runs out after the micro-batch's gradient is there."""

    def of(loop: Loop) -> Objective:
        def objective(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
            loss = noisy(model, batch)
            if batch.num_tokens > num_tokens and loop.source.state()["next_step"] >= step:
                loss.sum.backward()  # type: ignore[no-untyped-call]
                refuse()
            return loss

        return objective

    return of


@pytest.mark.thorough
@pytest.mark.parametrize("refuse", [refuse_cpu, refuse_python, refuse_gpu])
def test_out_of_memory_is_training_with_smaller_micro_batches(tmp_path: Path, refuse: Callable[[], None]) -> None:
    loop = drive(tmp_path / "short", objective=with_room_for(128, refuse))
    budget = loop.source.layout.micro_batch_tokens
    assert budget <= 128
    assert same(loop, drive(tmp_path / "small", budget=budget))
    # of the whole step's rows first, then of the halves that were still too large
    told = [event.data["micro_batch_tokens"] for event in messages(tmp_path / "short")]
    assert told == sorted(told, reverse=True)
    assert told[-1] == budget
    assert {event.data["code"] for event in messages(tmp_path / "short")} == {"micro-batch-halved"}
    assert len(read_metrics(tmp_path / "short")) == NUM_STEPS


@pytest.mark.thorough
def test_the_effective_batch_stays(tmp_path: Path) -> None:
    """As in a run with memory for all, up to the rounding of a sum in another order; noise would be drawn otherwise."""
    plain = drive(tmp_path / "whole", objective=lambda _: sft.loss)

    def objective(loop: Loop) -> Objective:
        limited = with_room_for(128)(loop)

        def quiet(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
            limited(model, batch)
            return sft.loss(model, batch)

        return quiet

    short = drive(tmp_path / "short", objective=objective)
    assert short.progressed.rows_hash == plain.progressed.rows_hash
    losses = [[event.data["train/loss"] for event in read_metrics(tmp_path / name)] for name in ("whole", "short")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.thorough
def test_a_smaller_budget_stays_after_a_resume(tmp_path: Path) -> None:
    """Memory runs out in step 3; the run is killed in step 4, and there is memory enough when it goes on."""

    class Killed(Exception):
        pass

    def killed(loop: Loop) -> Objective:
        limited = with_room_for(128, step=3)(loop)

        def objective(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
            if loop.source.state()["next_step"] == 4:
                raise Killed
            return limited(model, batch)

        return objective

    undisturbed = drive(tmp_path / "undisturbed", objective=with_room_for(128, step=3))
    with pytest.raises(Killed):
        drive(tmp_path / "killed", objective=killed)
    resumed = drive(tmp_path / "killed")
    assert resumed.source.layout.micro_batch_tokens <= 128
    assert same(resumed, undisturbed)


@pytest.mark.thorough
def test_a_row_is_never_cut(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="out-of-memory") as caught:
        drive(tmp_path, objective=with_room_for(15))
    assert caught.value.parameters["step"] == 1
    assert "train.method=lora" in caught.value.hint("zh")


def test_halving_comes_to_an_end_for_rows_that_fill_no_buffer() -> None:
    """Eight rows of six tokens and one of them alone take up a buffer of the same size."""
    random = np.random.default_rng(1)
    rows = [random_row(random, str(n), [], 6) for n in range(8)]
    budgets = [10_000]
    while half := half_of_largest(micro_batches(rows, LayoutSettings(budgets[-1], True, "cpu"))):
        assert half < budgets[-1]
        budgets.append(half)
    assert len(micro_batches(rows, LayoutSettings(budgets[-1], True, "cpu"))) == len(rows)


def test_a_group_is_not_halved() -> None:
    random = np.random.default_rng(1)
    rows = [replace(random_row(random, str(n), [], 20), group=f"prompt {n // 4}") for n in range(8)]
    whole = micro_batches(rows, LayoutSettings(10_000, True, "cpu"))
    half = half_of_largest(whole)
    assert half == 80
    apart = micro_batches(rows, LayoutSettings(half, True, "cpu"))
    assert [len(batch.row_ids) for batch in apart] == [4, 4]
    assert half_of_largest(apart) is None


def test_other_failures_are_not_taken_for_it(tmp_path: Path) -> None:
    def objective(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
        raise RuntimeError("size mismatch")

    with pytest.raises(RuntimeError, match="size mismatch"):
        drive(tmp_path, objective=lambda _: objective)
    assert not is_out_of_memory(ValueError("can't allocate memory"))


def test_validation_makes_do_with_less_too(tmp_path: Path) -> None:
    training = make_training()
    limit = 128

    def room_without_gradient(_: torch.nn.Module, arguments: tuple[()], named: dict[str, Any]) -> None:
        if not torch.is_grad_enabled() and named["input_ids"].numel() > limit:
            refuse_cpu()

    with open_run(tmp_path, "", utc_now) as run, deferred_signals() as stop:
        loop = make_loop(training, tmp_path)
        loop.model.base_model.register_forward_pre_hook(room_without_gradient, with_kwargs=True)
        Driver(training, loop, stop, Silent(), run, []).drive()
    assert loop.source.layout.micro_batch_tokens <= limit
    assert loop.progressed.step == NUM_STEPS
    undisturbed = drive(tmp_path / "other")
    assert loop.progressed.best_value == pytest.approx(undisturbed.progressed.best_value, rel=1e-2)


def spoiled(first: int, value: float) -> Callable[[Loop], Objective]:
    """From step `first` on, the gradient is not finite."""

    def of(loop: Loop) -> Objective:
        def objective(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
            loss = noisy(model, batch)
            factor = value if loop.source.state()["next_step"] >= first else 1.0
            return replace(loss, sum=loss.sum * factor)

        return objective

    return of


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_first_bad_step_is_named_with_its_rows(tmp_path: Path, value: float) -> None:
    training = make_training(num_steps=60, checkpoint_every=3, evaluate_every=100)
    loops: list[Loop] = []

    def objective(loop: Loop) -> Objective:
        loops.append(loop)
        return spoiled(5, value)(loop)

    with pytest.raises(RunFailed, match="loss-not-finite") as caught:
        drive(tmp_path, training=training, objective=objective)
    ids = {str(index) for index in RowSampler(12, ROWS_A_STEP, seed=0).rows_of_step(4)}
    assert caught.value.parameters["step"] == 5
    assert set(str(caught.value.parameters["rows"]).split(", ")) == ids
    (message,) = messages(tmp_path)
    assert (message.step, set(message.data["rows"])) == (5, ids)
    assert loops[0].progressed.step < 5 + MAX_UNREAD_STEPS
    # the good steps before it are told, and the last good checkpoint is what it was
    assert [event.step for event in read_metrics(tmp_path)] == [1, 2, 3, 4]
    found, damaged = newest_checkpoint(training.checkpoints(tmp_path), training.identity())
    assert found is not None
    assert (found[0].step, damaged) == (3, [])
    stopped = drive(tmp_path / "good", training=make_training(num_steps=3, checkpoint_every=3, evaluate_every=100))
    assert torch.equal(found[1]["master"], stopped.optimizer.master_N)


@pytest.mark.thorough
def test_each_step_has_its_event_however_seldom_figures_are_read(tmp_path: Path) -> None:
    training = make_training(num_steps=25, evaluate_every=100)
    drive(tmp_path, training=training)
    told = read_metrics(tmp_path)
    assert [event.step for event in told] == list(range(1, 26))
    assert len({event.data["train/loss"] for event in told}) == 25
    assert [event.step for event in told if "eval/loss" in event.data] == [25]


@pytest.mark.thorough
@pytest.mark.parametrize("every", [1, 2, 5, 100])
def test_validating_more_or_less_often_changes_no_weight(tmp_path: Path, every: int) -> None:
    changed = drive(tmp_path / "changed", training=make_training(evaluate_every=every))
    assert same(changed, drive(tmp_path / "as_it_was"))


def test_validation_leaves_the_model_in_its_mode() -> None:
    model = make_model("qwen2", num_hidden_layers=1)
    batch = next(iter(make_loop(make_training(), Path("nowhere")).source))
    for training in (True, False):
        model.train(training)
        validation_figures(model, sft.loss, batch)
        assert model.training is training


def test_a_validation_that_is_not_finite_is_no_best(tmp_path: Path) -> None:
    training = make_training(evaluate_every=1)
    loop = make_loop(training, tmp_path)
    with open_run(tmp_path, "", utc_now) as run, deferred_signals() as stop:
        driver = Driver(training, loop, stop, Silent(), run, [])
        with torch.no_grad():
            loop.model.model.norm.weight.fill_(float("nan"))
        driver._lay_out_validation()
        driver._validate()
    assert (loop.progressed.best_step, loop.progressed.best_value, loop.progressed.num_without_gain) == (None, None, 1)


@pytest.mark.thorough
def test_a_signal_saves_the_step_and_the_next_attempt_goes_on(tmp_path: Path) -> None:
    def objective(loop: Loop) -> Objective:
        def signalled(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
            if loop.source.state()["next_step"] == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            return noisy(model, batch)

        return signalled

    with pytest.raises(Interrupted) as caught:
        drive(tmp_path / "stopped", objective=objective)
    assert caught.value.parameters["step"] == 4
    loop = drive(tmp_path / "stopped")
    assert same(loop, drive(tmp_path / "undisturbed"))
    assert [event.step for event in read_metrics(tmp_path / "stopped")] == list(range(1, NUM_STEPS + 1))


CHANGES: dict[str, Callable[[Training], Training]] = {
    "train.batch_rows": lambda t: replace(t, section=t.section.model_copy(update={"batch_rows": 3})),
    "train.learning_rate": lambda t: replace(t, section=t.section.model_copy(update={"learning_rate": 0.5})),
    "train.micro_batch_tokens": lambda t: replace(t, section=t.section.model_copy(update={"micro_batch_tokens": 9})),
    "plan.learning_rate": lambda t: make_training(learning_rate=0.5),
    "plan.precision": lambda t: make_training(precision="bf16"),
    "plan.num_steps": lambda t: make_training(num_steps=7),
    "plan.evaluate_every": lambda t: make_training(evaluate_every=2),
    "dataset": lambda t: replace(t, dataset=SimpleNamespace(key="other rows")),  # type: ignore[arg-type]
    "base": lambda t: replace(t, base=SimpleNamespace(content_hash="other")),  # type: ignore[arg-type]
    "template": lambda t: replace(t, chat=SimpleNamespace(fingerprint="other tokenizer")),  # type: ignore[arg-type]
    "seed": lambda t: replace(t, seed=1),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_setting_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    training = make_training()
    drive(tmp_path, training=training)
    with pytest.raises(TunesmithError, match="resume-changed") as caught:
        newest_checkpoint(training.checkpoints(tmp_path), CHANGES[name](training).identity())
    assert caught.value.parameters["changed"] == name


def test_another_device_or_library_is_refused_too(tmp_path: Path) -> None:
    training = make_training()
    drive(tmp_path, training=training)
    identity = training.identity()
    for name, other in (
        ("device", replace(identity, inputs={**identity.inputs, "device": "cuda"})),
        ("version of torch", replace(identity, libraries={**identity.libraries, "torch": "1.0"})),
        ("stage version", replace(identity, stage_version=0)),
    ):
        with pytest.raises(TunesmithError) as caught:
            newest_checkpoint(training.checkpoints(tmp_path), other)
        assert caught.value.parameters["changed"] == name


def test_what_only_watches_may_change() -> None:
    """Another interval of checkpoints, other trackers or samples: the same run's folder, the same training."""
    changed = Train(trackers=(), checkpoint_every=7, samples=Samples(num_rows=1))
    assert make_training(changed, checkpoint_every=7).identity() == make_training().identity()
    rows = {"prepare": {"sources": "rows.jsonl"}}
    recipe = Recipe.model_validate({"name": "a", **rows, "train": {}, "variants": {"b": {}}})
    watched = {"trackers": [], "checkpoint_every": 7, "samples": {"num_rows": 1}}
    other = Recipe.model_validate({"name": "a", **rows, "train": watched, "variants": {"b": watched}})
    assert recipe.fingerprint() == other.fingerprint()
    assert recipe.fingerprint() != recipe.model_copy(update={"train": Train(evaluate_every=3)}).fingerprint()
    for stop in (Stop(patience=2), Stop(rising_loss=2), Stop(metric="eval/mean_token_accuracy"), Stop(min_delta=0.1)):
        assert make_training(Train(stop=stop)).identity().key() != make_training().identity().key()
        assert recipe.fingerprint() != recipe.model_copy(update={"train": Train(stop=stop)}).fingerprint()


@pytest.mark.thorough
def test_steps_that_are_taken_again_are_drawn_once(tmp_path: Path) -> None:
    for start, stop in ((0, 5), (3, 7)):
        tracker = TensorBoard(Tracked(tmp_path, "run", "tuned", "key", {}, start))
        tracker.start()
        tracker.log([(step, {"train/loss": float(10 * start + step)}) for step in range(start + 1, stop + 1)])
        tracker.close()
    drawn = EventAccumulator(str(tmp_path / "tensorboard" / "tuned")).Reload().Scalars("train/loss")
    assert [(event.step, event.value) for event in drawn] == [
        (1, 1.0),
        (2, 2.0),
        (3, 3.0),
        (4, 34.0),
        (5, 35.0),
        (6, 36.0),
        (7, 37.0),
    ]


def experts_of(folder: Path) -> list[Event]:
    return [event for event in read_events(folder) if event.type == "experts"]


@pytest.mark.thorough
def test_each_validation_tells_how_many_tokens_every_expert_got(tmp_path: Path) -> None:
    def plain(_: Loop) -> Objective:
        return sft.loss

    loop = drive(tmp_path, architecture="deepseek_v3", objective=plain)
    told = experts_of(tmp_path)
    assert [event.step for event in told] == [3, 6]
    num_tokens = sum(len(row.ids_T) for row in loop.validation_rows)  # they share no beginning
    for event in told:
        assert event.data["model"] == "tuned"
        ((layer, counts),) = event.data["layers"].items()  # the first layer is dense
        assert (layer, len(counts), sum(counts)) == ("1", 4, 2 * num_tokens)
    metrics = [event.data for event in read_metrics(tmp_path) if "eval/loss" in event.data]
    largest = [max(event.data["layers"]["1"]) / (2 * num_tokens) * 4 for event in told]
    assert [data["eval/expert_load_max"] for data in metrics] == pytest.approx(largest)
    assert all(0.0 < data["eval/expert_load_entropy"] < 1.0 for data in metrics)
    assert len(read_metrics(tmp_path, "experts")) == len(read_metrics(tmp_path)) + 2
    # cut otherwise they are the same
    drive(tmp_path / "cut", architecture="deepseek_v3", objective=plain, budget=60)
    assert experts_of(tmp_path / "cut")[0].data["layers"] == told[0].data["layers"]


def test_a_dense_model_has_no_such_event(tmp_path: Path) -> None:
    drive(tmp_path, training=make_training(num_steps=3))
    assert experts_of(tmp_path) == []
    assert not any("expert" in name for event in read_metrics(tmp_path) for name in event.data)


def test_what_the_experts_of_several_processes_got_is_added_up(tmp_path: Path) -> None:
    class Both:
        def gather(self, value: dict[str, list[int]]) -> list[dict[str, list[int]]]:
            return [value, {"1": [0, 6], "2": [4, 4]}]

    loop = SimpleNamespace(source=SimpleNamespace(group=Both()), progressed=SimpleNamespace(step=3))
    with open_run(tmp_path, "", utc_now) as run, deferred_signals() as stop:
        driver = Driver(make_training(), loop, stop, Silent(), run, [])  # type: ignore[arg-type]
        driver._expert_counts = {"1": [3, 1], "2": [2, 0]}
        found = driver._expert_load()
    (event,) = experts_of(tmp_path)
    assert (event.step, event.data["layers"]) == (3, {"1": [3, 7], "2": [6, 4]})
    assert found["expert_load_max"] == pytest.approx(1.4)

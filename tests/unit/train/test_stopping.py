"""Stopping early: by the metric that the recipe names, by a rising training loss, and at the same step after a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from flat_rows import prefixes_of_others
from test_drive import drive, make_training, messages, noisy, same
from tiny_models import make_model, save_model
from transformers import PreTrainedModel

from tunesmith.artifacts import read_metrics
from tunesmith.artifacts.head import Head
from tunesmith.errors import TunesmithError
from tunesmith.model.layout import MicroBatch, lay_out
from tunesmith.model.score import begin_score, load_with_head
from tunesmith.model.soft_head import Softness
from tunesmith.recipe import Train, load_recipe
from tunesmith.recipe.objectives import AnyObjective
from tunesmith.recipe.watch import HIGHER_IS_BETTER, VALIDATION_METRICS, Stop
from tunesmith.train.checkpoint import Progressed
from tunesmith.train.drive import Loop, validation_figures
from tunesmith.train.objectives import classification, distill, regression, sft
from tunesmith.train.step import LossSum, Objective
from tunesmith.train.stopping import after_step, after_validation, after_window, reason_to_stop

BEGUN = Progressed(0, {}, "")


@pytest.mark.parametrize(
    ("stop", "values", "told"),
    [
        (Stop(patience=2), [3.0, 2.0, 2.0, 2.5, 1.0], (2, 2.0, 4)),
        (Stop(patience=2, min_delta=0.5), [3.0, 2.6, 2.4, 2.0], (3, 2.4, None)),
        (Stop(patience=2, min_delta=0.5), [3.0, 2.6, 2.5, 2.0], (1, 3.0, 3)),
        (Stop(patience=3, metric="eval/accuracy"), [0.1, 0.3, 0.2, 0.3, 0.1, 0.9], (2, 0.3, 5)),
        (Stop(metric="eval/accuracy"), [0.1, 0.3, 0.2], (2, 0.3, None)),
        (Stop(patience=1, metric="eval/mae"), [9.0, 10.0], (1, 9.0, 2)),
        (Stop(patience=3), [float("nan"), 4.0, float("inf"), float("nan"), 3.9], (5, 3.9, None)),
    ],
)
def test_patience_waits_for_a_better_value_of_the_metric(
    stop: Stop, values: list[float], told: tuple[int, float, int | None]
) -> None:
    """The best step and value, and the validation at which training stops."""
    progressed, stopped = BEGUN, None
    for number, value in enumerate(values, start=1):
        figures = {"eval/loss": -1.0, "eval/accuracy": 0.0, stop.metric: value}
        progressed = after_validation(replace(progressed, step=number), figures, stop)
        if reason_to_stop(progressed, stop):
            stopped = number
            break
    assert (progressed.best_step, progressed.best_value, stopped) == told


def test_a_window_is_the_mean_over_what_is_learned() -> None:
    random = np.random.default_rng(4)
    losses, weights = random.uniform(1.0, 2.0, (30, 4)), random.integers(1, 90, (30, 4)).astype(float)
    progressed, counts = BEGUN, []
    for row, weighing in zip(losses, weights, strict=True):
        for loss, weight in zip(row, weighing, strict=True):
            progressed = after_step(progressed, float(loss), float(weight))
        progressed = after_window(progressed)
        counts.append(progressed.num_rising)
    means = [np.average(row, weights=weighing) for row, weighing in zip(losses, weights, strict=True)]
    expected = [0]
    for before, mean in pairwise(means):
        expected.append(expected[-1] + 1 if mean > before else 0)
    assert counts == expected
    assert max(counts) == 2
    assert reason_to_stop(replace(progressed, num_rising=3), Stop(rising_loss=3)) == "rising-loss"
    assert reason_to_stop(replace(progressed, num_rising=2), Stop(rising_loss=3)) is None
    assert reason_to_stop(replace(progressed, num_rising=9), Stop()) is None


class Killed(Exception):
    """As if the process had been killed."""


def rising(loop: Loop, kill_at: int | None = None) -> Objective:
    """A loss that grows from step to step; the process ends in step `kill_at`."""

    def objective(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
        step = loop.source.state()["next_step"]
        if step == kill_at:
            raise Killed
        loss = noisy(model, batch)
        return replace(loss, sum=loss.sum * 4.0**step)

    return objective


@pytest.mark.thorough
def test_a_training_loss_that_rises_ends_the_training_where_it_would_have_without_a_kill(tmp_path: Path) -> None:
    """Windows of three steps: the second and the third rise. The kill comes in the middle of the third."""
    section = Train(stop=Stop(rising_loss=2))
    training = make_training(section, num_steps=15, evaluate_every=3, checkpoint_every=4)
    undisturbed = drive(tmp_path / "undisturbed", training=training, objective=rising)
    assert undisturbed.progressed.step == 9
    (message,) = messages(tmp_path / "undisturbed")
    assert (message.step, message.data["code"], message.data["times"]) == (9, "rising-loss", 2)

    with pytest.raises(Killed):
        drive(tmp_path / "killed", training=training, objective=partial(rising, kill_at=9))
    resumed = drive(tmp_path / "killed", training=training, objective=rising)
    assert same(resumed, undisturbed)
    seconds = {"seconds": 0.0}
    assert asdict(resumed.progressed) | seconds == asdict(undisturbed.progressed) | seconds

    longer = drive(tmp_path / "longer", training=make_training(num_steps=15, evaluate_every=3), objective=rising)
    assert longer.progressed.step == 15


@pytest.mark.thorough
@pytest.mark.parametrize("metric", VALIDATION_METRICS["sft"])
def test_the_metric_chooses_the_best_step_too(tmp_path: Path, metric: str) -> None:
    training = make_training(Train(stop=Stop(metric=metric, patience=2)), num_steps=20, evaluate_every=1)
    loop = drive(tmp_path, training=training)
    told = {event.step: event.data[metric] for event in read_metrics(tmp_path)}
    best = max(told.values()) if metric in HIGHER_IS_BETTER else min(told.values())
    assert loop.progressed.best_value == best
    assert loop.progressed.best_step == next(step for step, value in told.items() if value == best)
    assert loop.progressed.step == (loop.progressed.best_step or 0) + 2 < 20
    (message,) = messages(tmp_path)
    assert (message.data["code"], message.data["metric"]) == ("early-stop", metric)


def validated(objective: str, folder: Path) -> set[str]:
    """What a validation with this objective measures."""
    rows = prefixes_of_others(np.random.default_rng(0))
    head = {
        "classification": Head(kind="classification", classes=("a", "b")),
        "regression": Head(kind="regression"),
    }.get(objective)
    measures: dict[str, Callable[..., LossSum]] = {
        "classification": classification.loss,
        "regression": partial(regression.loss, head=head),
        "distill": partial(distill.loss, teacher=make_model("qwen2"), softness=Softness(1.0, 0.5)),
    }
    if head is None:
        model = make_model("qwen2")
    else:
        model = load_with_head(folder, head, dtype=torch.float32, device="cpu")
        begin_score(model, 0, seed=0)
        rows = [replace(row, target=1.0) for row in rows]
    batches = lay_out(rows, 10_000, share=True)
    return {f"eval/{name}" for name in validation_figures(model, measures.get(objective, sft.loss), batches)}


@pytest.mark.thorough
def test_the_metrics_of_an_objective_are_those_that_it_measures(tmp_path: Path) -> None:
    names = [member.model_fields["name"].default for member in get_args(get_args(AnyObjective)[0])]
    assert sorted(names) == sorted(VALIDATION_METRICS)
    folder = save_model(tmp_path, make_model("qwen2"))
    for name in names:
        # the driver adds bits per byte where validation rows are plain texts
        assert validated(name, folder) | ({"eval/bits_per_byte"} if name == "text" else set()) == set(
            VALIDATION_METRICS[name]
        )
    known = {metric for metrics in VALIDATION_METRICS.values() for metric in metrics}
    assert known >= HIGHER_IS_BETTER
    assert all(("accuracy" in metric) == (metric in HIGHER_IS_BETTER) for metric in known)


def recipe(tmp_path: Path, train: str, *overrides: str) -> dict[str, Any]:
    file = tmp_path / "recipe.yaml"
    file.write_text(f"name: a\nprepare: {{sources: rows.jsonl}}\ntrain:\n  {train}\n", encoding="utf-8")
    return load_recipe(file, overrides).train.stop.model_dump()


def test_patience_is_a_key_of_stop_alone(tmp_path: Path) -> None:
    plain = Stop().model_dump()
    assert recipe(tmp_path, "stop: {patience: 3}") == plain | {"patience": 3}
    assert recipe(tmp_path, "epochs: 1", "train.stop.patience=4") == plain | {"patience": 4}
    with pytest.raises(TunesmithError, match="patience") as caught:
        recipe(tmp_path, "patience: 3")
    assert caught.value.code in ("recipe-unknown-key", "recipe-foreign-key")
    with pytest.raises(TunesmithError) as caught:
        recipe(tmp_path, "stop: {patience: 0}")
    assert (caught.value.code, caught.value.parameters["key"]) == ("recipe-value", "train.stop.patience")
    assert caught.value.place is not None
    assert caught.value.place.line == 4


@pytest.mark.parametrize(
    ("objective", "metric"),
    [("sft", "eval/accuracy"), ("regression", "mae"), ("classification", "eval/mae"), ("sft", "train/loss")],
)
def test_a_metric_that_is_not_measured_is_refused_with_those_that_are(
    tmp_path: Path, objective: str, metric: str
) -> None:
    with pytest.raises(TunesmithError) as caught:
        recipe(tmp_path, f"objective: {objective}\n  stop: {{metric: {metric}}}")
    assert (caught.value.code, caught.value.parameters["key"]) == ("recipe-value", "train.stop")
    assert caught.value.place is not None
    assert caught.value.place.line == 5
    for language in ("en", "zh"):
        said = caught.value.message(language)
        assert metric in said
        assert all(known in said for known in VALIDATION_METRICS[objective])

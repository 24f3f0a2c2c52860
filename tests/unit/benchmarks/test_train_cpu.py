"""The comparison's figures, its equal-loss gate and the processes that take turns."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from benchmarks.process import TakenStep, Worker
from benchmarks.train_cpu import Comparison, Trace, compare, take_turns, unequal_losses
from benchmarks.training_inputs import TrainingInputs
from benchmarks.training_job import TrainingJob

FP32 = Comparison("cube", "fp32", num_warmup=1, max_steps=4, budget_seconds=1000.0)
BF16 = Comparison("cube", "bf16", num_warmup=1, max_steps=4, budget_seconds=1000.0)
INPUTS = TrainingInputs(Path("model"), Path("adapter"), Path("rows"), (10, 20, 30, 40, 50, 60), (1,) * 6)
ECHO = """
import json, sys
job = json.loads(sys.stdin.readline())
print(json.dumps({"versions": {"threads": str(job["num_threads"])}}), flush=True)
for step, line in enumerate(sys.stdin):
    print(json.dumps({"seconds": SECONDS, "loss": 2.0 - step, "peak_bytes": 100 + step}), flush=True)
    if step == LAST:
        print("out of steps", file=sys.stderr)
        sys.exit(3)
"""
"""A worker that computes nothing."""


def steps(seconds: list[float], losses: list[float], peak: int = 1) -> tuple[TakenStep, ...]:
    return tuple(TakenStep(s, loss, peak) for s, loss in zip(seconds, losses, strict=True))


def losses(*values: float) -> tuple[TakenStep, ...]:
    return steps([1.0] * len(values), list(values))


def echo(seconds: float = 0.0, last: int = 1000) -> tuple[str, ...]:
    return (sys.executable, "-c", ECHO.replace("SECONDS", str(seconds)).replace("LAST", str(last)))


def test_figures_are_those_written_out_by_hand() -> None:
    tokens = (1000, 100, 200, 400)
    ours = Trace(steps([9.0, 1.0, 4.0, 2.0], [4.0, 3.0, 2.0, 1.0], peak=30), tokens, num_warmup=1)
    trl = Trace(steps([1.0, 5.0, 8.0, 8.0], [4.0, 3.003, 2.0, 1.01], peak=120), tokens, num_warmup=1)
    figures = compare(FP32, ours, trl)
    # after warm-up: ours 100, 50 and 200 tokens/s, TRL 20, 25 and 50, seconds 5, 2 and 4 times ours
    assert figures["cube/fp32/tokens_per_second"] == pytest.approx(100.0)
    assert figures["cube/fp32/tokens_per_second_iqr"] == pytest.approx(150.0 - 75.0)
    assert figures["cube/fp32/trl_tokens_per_second"] == pytest.approx(25.0)
    assert figures["cube/fp32/trl_tokens_per_second_iqr"] == pytest.approx(37.5 - 22.5)
    assert figures["cube/fp32/speed_ratio"] == pytest.approx(4.0)
    assert figures["cube/fp32/memory_ratio"] == pytest.approx(30 / 120)
    assert figures["cube/fp32/peak_bytes"] == 30
    assert figures["cube/fp32/first_loss_difference"] == 0.0
    assert figures["cube/fp32/largest_loss_difference"] == pytest.approx(0.01 / 1.01)


def test_equal_losses_pass_the_gate() -> None:
    assert unequal_losses(FP32, losses(10.0, 9.0, 8.0), losses(10.0, 9.0, 8.0)) == []
    assert unequal_losses(FP32, losses(10.009, 9.17, 8.0), losses(10.0, 9.0, 8.0)) == []
    assert unequal_losses(BF16, losses(10.09, 9.0, 8.0), losses(10.0, 9.0, 8.0)) == []


@pytest.mark.parametrize(
    ("comparison", "ours", "step"),
    [
        (FP32, (10.011, 9.0, 8.0), 1),
        (BF16, (10.11, 9.0, 8.0), 1),
        (BF16, (9.89, 9.0, 8.0), 1),
        (FP32, (10.0, 9.19, 8.0), 2),
        (FP32, (10.0, 9.0, 7.83), 3),
        (FP32, (math.nan, 9.0, 8.0), 1),
        (FP32, (10.0, math.inf, 8.0), 2),
    ],
)
def test_unequal_losses_are_refused(comparison: Comparison, ours: tuple[float, ...], step: int) -> None:
    (reason,) = unequal_losses(comparison, losses(*ours), losses(10.0, 9.0, 8.0))
    assert f"step {step} " in reason


def test_tokens_of_a_step_come_round_after_the_last_row() -> None:
    assert [INPUTS.tokens_of_step(step, 4) for step in range(3)] == [100, 50 + 60 + 10 + 20, 30 + 40 + 50 + 60]


def test_both_sides_take_every_step(tmp_path: Path) -> None:
    traces, versions = take_turns(FP32, INPUTS, {"ours": echo(), "trl": echo()}, tmp_path)
    for trace in traces.values():
        assert [step.loss for step in trace.steps] == [2.0, 1.0, 0.0, -1.0]
        assert trace.tokens == (100, 140, 180, 100)
        assert trace.peak_bytes == 103
    assert int(versions["threads"]) >= 1


def test_no_pair_begins_that_would_pass_the_budget(tmp_path: Path) -> None:
    slow = Comparison("cube", "fp32", num_warmup=1, max_steps=50, budget_seconds=10.0)
    traces, _ = take_turns(slow, INPUTS, {"ours": echo(seconds=30.0), "trl": echo(seconds=300.0)}, tmp_path)
    # warm-up and the fewest steps that give a median
    assert [len(trace.steps) for trace in traces.values()] == [4, 4]


def test_a_dead_worker_is_an_error_that_shows_its_last_words(tmp_path: Path) -> None:
    job = TrainingJob("model", "adapter", "rows", "fp32", num_threads=1, max_steps=9)
    with Worker(echo(last=1), job, tmp_path / "log") as worker:
        assert worker.step().loss == 2.0
        assert worker.step().loss == 1.0
        with pytest.raises(RuntimeError, match="out of steps"):
            worker.step()

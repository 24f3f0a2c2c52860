"""The comparison's figures, its gates, the processes that take turns, and the search for a peer's best settings."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import hardware, training_turns
from benchmarks.process import Worker
from benchmarks.train_cpu import floor_figures, ratio_figures, side_figures
from benchmarks.training_job import TakenStep, TrainingJob
from benchmarks.training_turns import Pacing, Round, Side, Turns, take_turns, unequal
from benchmarks.trl_settings import Option, Sweep, Trial, merged, options_for, recorded, sweep

PACING = Pacing(num_warmup=1, num_rounds=3, budget_seconds=1000.0, needs_idle=False)
JOB = TrainingJob("model", "adapter", "rows", "fp32", num_threads=1, max_steps=99)
NAN = math.nan
ECHO = """
import json, sys
job = json.loads(sys.stdin.readline())
settings = job["settings"]
print(json.dumps({"versions": {"threads": str(job["num_threads"])}}), flush=True)
for step, line in enumerate(sys.stdin):
    if settings.get("torch_compile") or step > LAST:
        print("out of steps", file=sys.stderr)
        sys.exit(3)
    seconds = SECONDS / (2 if settings.get("pad_to_multiple_of") else 1) * (1.5 if settings.get("packing") else 1)
    taken = {"seconds": seconds, "loss": 2.0 - step, "grad_norm": 1.0, "num_tokens": 10, "peak_bytes": 100 + step}
    print(json.dumps(taken), flush=True)
"""
"""A worker that computes nothing."""


def steps(seconds: list[float], losses: list[float], tokens: list[int], peak: int = 1) -> list[TakenStep]:
    taken = zip(seconds, losses, tokens, strict=True)
    return [TakenStep(s, loss, grad_norm=1.0, num_tokens=num, peak_bytes=peak) for s, loss, num in taken]


def losses(*values: float, grad_norm: float = 1.0) -> list[TakenStep]:
    return [TakenStep(1.0, loss, grad_norm, num_tokens=1, peak_bytes=1) for loss in values]


def turns_of(pacing: Pacing = PACING, loads: list[float] | None = None, **sides: list[TakenStep]) -> Turns:
    number = len(next(iter(sides.values())))
    rounds = (
        Round({name: taken[i] for name, taken in sides.items()}, (loads or [0.0] * number)[i]) for i in range(number)
    )
    return Turns(tuple(rounds), pacing, {name: {} for name in sides})


def echo(seconds: float = 1.0, last: int = 1000) -> tuple[str, ...]:
    return (sys.executable, "-c", ECHO.replace("SECONDS", str(seconds)).replace("LAST", str(last)))


def test_figures_are_those_written_out_by_hand() -> None:
    tokens = [1000, 100, 200, 400]
    turns = turns_of(
        ours=steps([9.0, 1.0, 4.0, 2.0], [4.0, 3.0, 2.0, 1.0], tokens, peak=30),
        trl=steps([1.0, 5.0, 8.0, 8.0], [4.0, 3.003, 2.0, 1.01], tokens, peak=120),
        floor=steps([1.0, 0.5, 1.0, 1.0], [NAN] * 4, tokens),
    )
    # after warm-up: ours 100, 50 and 200 tokens/s, TRL 20, 25 and 50, seconds 5, 2 and 4 times ours
    ours = side_figures("cube", "", turns, "ours", flops=3e9)
    assert ours["cube/tokens_per_second"] == pytest.approx(100.0)
    assert ours["cube/tokens_per_second_iqr"] == pytest.approx(150.0 - 75.0)
    assert ours["cube/gflops_per_second"] == pytest.approx(300.0)
    assert ours["cube/peak_bytes"] == 30
    assert ours["cube/last_loss"] == 1.0
    trl = side_figures("cube", "trl_", turns, "trl", flops=3e9)
    assert trl["cube/trl_tokens_per_second"] == pytest.approx(25.0)
    assert trl["cube/trl_tokens_per_second_iqr"] == pytest.approx(37.5 - 22.5)
    ratios = ratio_figures("cube", "best_", turns)
    assert ratios["cube/best_speed_ratio"] == pytest.approx(4.0)
    assert ratios["cube/best_memory_ratio"] == pytest.approx(30 / 120)
    assert ratios["cube/best_first_loss_difference"] == 0.0
    assert ratios["cube/best_largest_loss_difference"] == pytest.approx(0.01 / 1.01)
    assert ratios["cube/best_first_gradient_difference"] == 0.0
    # ours takes 2, 4 and 2 times the floor; the floor does 200, 200 and 400 tokens/s
    floor = floor_figures("cube", [turns], flops=3e9)
    assert floor == {"cube/floor_ratio": 2.0, "cube/floor_gflops_per_second": pytest.approx(600.0)}


@pytest.mark.parametrize(
    ("precision", "ours"),
    [("fp32", (10.0, 9.0, 8.0)), ("fp32", (10.009, 9.17, 8.0)), ("bf16", (10.09, 9.0, 8.0))],
)
def test_equal_losses_pass_the_gate(precision: str, ours: tuple[float, ...]) -> None:
    assert unequal("cube", precision, losses(*ours), losses(10.0, 9.0, 8.0)) == []


@pytest.mark.parametrize(
    ("precision", "ours", "step"),
    [
        ("fp32", (10.011, 9.0, 8.0), 1),
        ("bf16", (10.11, 9.0, 8.0), 1),
        ("bf16", (9.89, 9.0, 8.0), 1),
        ("fp32", (10.0, 9.19, 8.0), 2),
        ("fp32", (10.0, 9.0, 7.83), 3),
        ("fp32", (math.nan, 9.0, 8.0), 1),
        ("fp32", (10.0, math.inf, 8.0), 2),
    ],
)
def test_unequal_losses_are_refused(precision: str, ours: tuple[float, ...], step: int) -> None:
    (reason,) = unequal("cube", precision, losses(*ours), losses(10.0, 9.0, 8.0))
    assert f"step {step} " in reason


@pytest.mark.parametrize(
    ("precision", "norm", "is_equal"),
    [
        ("fp32", 1.0009, True),
        ("fp32", 1.0011, False),
        ("bf16", 1.049, True),
        ("bf16", 0.94, False),
        ("bf16", NAN, False),
    ],
)
def test_the_first_gradients_must_agree(precision: str, norm: float, is_equal: bool) -> None:
    reasons = unequal("cube", precision, losses(10.0, 9.0, grad_norm=norm), losses(10.0, 9.0))
    assert [("gradient" in reason) for reason in reasons] == ([] if is_equal else [True])


def test_all_sides_take_every_step(tmp_path: Path) -> None:
    turns = take_turns({"ours": Side(echo(), JOB), "trl": Side(echo(seconds=2.0), JOB)}, PACING, tmp_path)
    for side, seconds in (("ours", 1.0), ("trl", 2.0)):
        assert [step.loss for step in turns.steps(side)] == [2.0, 1.0, 0.0, -1.0]
        assert [step.seconds for step in turns.steps(side)] == [seconds] * 4
        assert turns.peak_bytes(side) == 103
    assert turns.rates("trl") == [5.0] * 3
    assert turns.versions["ours"] == {"threads": "1"}


def busy_before(monkeypatch: pytest.MonkeyPatch, looks: list[float]) -> None:
    """Let the machine look busy as `looks` say, one after the other, then idle."""
    waiting = iter(looks)
    monkeypatch.setattr(training_turns, "busy_cores", lambda _: next(waiting, 0.0))


def test_a_round_on_a_busy_machine_is_void_and_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # busy at every look before the first timed round, for a moment before the second
    busy_before(monkeypatch, [1.0] * training_turns.MAX_WINDOWS + [0.5, 0.1])
    turns = take_turns({"ours": Side(echo(), JOB)}, replace(PACING, needs_idle=True), tmp_path)
    assert [round.load for round in turns.rounds] == [0.0, 1.0, 0.1, 0.0, 0.0]
    assert (turns.num_void, len(turns.counted)) == (1, 3)
    assert [round.steps["ours"].loss for round in turns.counted] == [0.0, -1.0, -2.0]
    assert turns.busy("cube") == []


def test_a_machine_that_stays_busy_is_named_in_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_turns, "busy_cores", lambda _: 1.5)
    turns = take_turns({"ours": Side(echo(), JOB)}, replace(PACING, needs_idle=True), tmp_path)
    # as many as should count, and as many again; the figures are of all of them
    assert (len(turns.rounds), turns.num_void, len(turns.counted)) == (1 + 2 * 3, 6, 6)
    (reason,) = turns.busy("cube")
    assert "6 of 6 rounds" in reason
    assert "1.50 cores" in reason


def test_a_load_that_nobody_knows_counts_as_busy() -> None:
    assert turns_of(replace(PACING, needs_idle=True), [math.nan] * 4, ours=losses(1.0, 1.0, 1.0, 1.0)).num_void == 3


def test_no_round_begins_that_would_pass_the_budget(tmp_path: Path) -> None:
    pacing = Pacing(num_warmup=1, num_rounds=50, budget_seconds=0.0, needs_idle=False)
    turns = take_turns({"ours": Side(echo(), JOB)}, pacing, tmp_path)
    # warm-up and the fewest that give a median
    assert len(turns.rounds) == 4


def test_a_dead_worker_is_an_error_that_shows_its_last_words(tmp_path: Path) -> None:
    with Worker(echo(last=1), JOB, tmp_path / "log") as worker:
        assert worker.step().loss == 2.0
        assert worker.step().loss == 1.0
        with pytest.raises(RuntimeError, match="out of steps"):
            worker.step()


def test_a_worker_that_hangs_is_ended(tmp_path: Path) -> None:
    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
    with pytest.raises(RuntimeError, match="worker ended"):
        Worker(sleeper, JOB, tmp_path / "log", limit_seconds=0.1)


def test_the_search_keeps_what_gains_and_notes_what_fails(tmp_path: Path) -> None:
    options = [
        Option("packed", {"packing": True, "model_init_kwargs": {"dtype": "bfloat16"}}, keeps_rows=False),
        Option("padded", {"pad_to_multiple_of": 64, "model_init_kwargs": {"attn_implementation": "eager"}}),
        Option("only in bf16", {"pad_to_multiple_of": 2}, precisions=("bf16",)),
        Option("compiled", {"torch_compile": True}),
    ]
    found = sweep(echo(), JOB, options, tmp_path, seconds=60.0)
    assert [(trial.name, trial.is_kept) for trial in found.trials] == [
        ("defaults", True),
        ("packed", False),
        ("padded", True),
        ("compiled", False),
    ]
    assert [trial.tokens_per_second for trial in found.trials] == [10.0, pytest.approx(10 / 1.5), 20.0, 0.0]
    assert found.best.name == "padded"
    assert found.best.settings == {"pad_to_multiple_of": 64, "model_init_kwargs": {"attn_implementation": "eager"}}
    assert found.best.keeps_rows
    assert found.trials[-1].failure == "out of steps"
    assert found.trials[-1].settings == {**found.best.settings, "torch_compile": True}
    assert [trial.name for trial in found.finalists(2)] == ["padded", "defaults"]


def test_a_search_is_made_once_for_the_same_question(tmp_path: Path) -> None:
    searches = []

    def search() -> Sweep:
        searches.append(1)
        return Sweep(
            (Trial("defaults", {"packing": False}, keeps_rows=True, tokens_per_second=2.5, step_seconds=(1.0,)),)
        )

    first, again, other = (recorded(tmp_path / "a" / "b", {"job": job}, search) for job in ("x", "x", "y"))
    assert again.trials[0].step_seconds == (1.0,)
    assert [trial.settings for trial in again.trials] == [trial.settings for trial in first.trials]
    assert again.best.tokens_per_second == 2.5
    assert other.best.name == "defaults"
    assert len(searches) == 2


def test_settings_are_merged_one_level_deep() -> None:
    assert merged({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 4, "b": {"d": 5, "e": 6}}) == {
        "a": 4,
        "b": {"c": 2, "d": 5, "e": 6},
    }


def test_every_option_of_the_search_has_a_name_of_its_own() -> None:
    names = [option.name for option in options_for(JOB, 1024)]
    assert len(set(names)) == len(names)


def test_busy_cores_are_those_of_the_machine() -> None:
    assert hardware.busy_cores(0.05) >= 0.0
    free = hardware.available_bytes()
    assert free is None or free > 1 << 20

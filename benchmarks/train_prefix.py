"""A step whose rows begin with one system prompt: ours with sharing on against sharing off and TRL's defaults.

Messages to a bank with their intents, 32 rows a step, each behind the same 300 tokens. Sharing computes those once a
step. That it changes neither loss nor gradient is asserted in the run: number by number in fp32, and along the timed
steps by the gate of `train-cpu`. Rates are of rows; the bound is what sharing could give if a step cost nothing but
its tokens.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import torch
from transformers import PreTrainedModel

from benchmarks.hardware import num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.peers.environment import peer_python
from benchmarks.process import CACHE
from benchmarks.train_cpu import OURS, merge
from benchmarks.training_inputs import QWEN_4_LAYERS, TrainingInputs, make_inputs
from benchmarks.training_job import TrainingJob
from benchmarks.training_rows import BankingRows, Rows
from benchmarks.training_turns import Pacing, Side, Turns, loss_differences, take_turns, unequal
from benchmarks.trl_settings import TRL_WORKER
from benchmarks.worker import read_rows, rows_of_step
from tunesmith.model.base import BUILTIN
from tunesmith.model.load import load_model
from tunesmith.model.lora import load_adapter
from tunesmith.plan.memory import MICRO_BATCH_TOKENS
from tunesmith.recipe.optimizers import AdamW
from tunesmith.records import Rendered
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.source import LayoutSettings, micro_batches
from tunesmith.train.step import forward_backward

ROWS_PER_STEP: Final = 32
MAX_ROW_TOKENS: Final = 1024
MAX_DIFFERENCE: Final = 1e-5
"""Largest difference that sharing may make to loss and gradient in fp32, relative to the largest entry."""


@dataclass(frozen=True)
class Comparison:
    """One geometry in one precision."""

    geometry: str
    precision: Literal["fp32", "bf16"]
    pacing: Pacing
    num_threads: int = num_usable_cores()

    @property
    def name(self) -> str:
        return f"{self.geometry}/{self.precision}"


COMPARISONS: Final = (
    Comparison(QWEN_4_LAYERS, "bf16", Pacing(1, 4, budget_seconds=900.0)),
    Comparison(BUILTIN, "bf16", Pacing(2, 12, budget_seconds=180.0)),
)
SMOKE: Final = Comparison("smoke", "fp32", Pacing(1, 3, 60.0, needs_idle=False), num_threads=1)
GOALS: Final = {
    f"{comparison.name}/{figure}": goal
    for comparison in COMPARISONS
    for figure, goal in (
        ("sharing_ratio", Goal(minimum=5.0)),
        ("speed_ratio", Goal(minimum=20.0)),
        ("sharing_loss_difference", Goal(maximum=MAX_DIFFERENCE)),
        ("sharing_gradient_difference", Goal(maximum=MAX_DIFFERENCE)),
    )
}
HEADING: Final = ["", "rows/s", "tokens/s", "peak GB", "first loss", "last loss", "rounds", "ours is"]


def run(*, quick: bool) -> Outcome:
    """All comparisons; `quick` compares sharing on and off on a very small model and generated rows."""
    if quick:
        with tempfile.TemporaryDirectory() as cache:
            return compare(SMOKE, BankingRows(num_rows=64, file=Path(cache) / "absent"), None, Path(cache))
    # -E: the peer's interpreter must not be led to our packages by PYTHON variables
    trl = (str(peer_python("trl")), "-E", str(TRL_WORKER))
    return merge([compare(comparison, BankingRows(), trl, CACHE) for comparison in COMPARISONS])


def compare(comparison: Comparison, rows: Rows, trl: tuple[str, ...] | None, cache: Path) -> Outcome:
    """Figures named `<geometry>/<precision>/<figure>`; without TRL, ours alone."""
    inputs = make_inputs(comparison.geometry, rows, MAX_ROW_TOKENS, cache)
    job = job_of(comparison, inputs)
    sides = {"shared": Side(OURS, job), "unshared": Side(OURS, replace(job, shares_prefixes=False))}
    if trl:
        sides["trl"] = Side(trl, job)
    turns = take_turns(sides, comparison.pacing, cache)
    name, steps = comparison.name, {side: turns.steps(side) for side in sides}
    void = [
        *turns.busy(name),
        *unequal(f"{name} sharing", comparison.precision, steps["shared"], steps["unshared"]),
    ]
    if trl:
        void += unequal(f"{name} TRL", comparison.precision, steps["shared"], steps["trl"])
    loss_difference, gradient_difference = differences_of_sharing(inputs)
    figures = {
        f"{name}/bound": token_bound(inputs),
        f"{name}/sharing_ratio": turns.ratio("shared", "unshared"),
        f"{name}/sharing_loss_difference": loss_difference,
        f"{name}/sharing_gradient_difference": gradient_difference,
        f"{name}/largest_loss_difference": max(loss_differences(steps["shared"], steps["unshared"])),
        f"{name}/num_void_rounds": float(turns.num_void),
        **{f"{name}/{side}_rows_per_second": rows_per_second(turns, side) for side in sides},
        **{f"{name}/{side}_peak_bytes": float(turns.peak_bytes(side)) for side in sides},
    }
    if trl:
        figures[f"{name}/speed_ratio"] = turns.ratio("shared", "trl")
    versions = {f"trl environment: {library}": number for library, number in turns.versions.get("trl", {}).items()}
    details = {name: {"rows": rows.describe(), "tokens_of_rows": inputs.tokens_of_rows, "turns": turns.record()}}
    return Outcome(figures, [HEADING, *_table(name, turns)], versions, details, tuple(void))


def job_of(comparison: Comparison, inputs: TrainingInputs) -> TrainingJob:
    return TrainingJob(
        model=str(inputs.model),
        adapter=str(inputs.adapter),
        rows=str(inputs.rows),
        precision=comparison.precision,
        num_threads=comparison.num_threads,
        max_steps=comparison.pacing.max_steps,
        rows_per_step=ROWS_PER_STEP,
    )


def rows_per_second(turns: Turns, side: str) -> float:
    """Median over the rounds that count."""
    return statistics.median(ROWS_PER_STEP / round.steps[side].seconds for round in turns.counted)


def token_bound(inputs: TrainingInputs) -> float:
    """Tokens of the first step's rows / tokens of what is left when their one common beginning is taken once."""
    rows = [row.ids_T.tolist() for row in read_rows(inputs.rows)[:ROWS_PER_STEP]]
    num_common = 0
    for tokens in zip(*rows, strict=False):
        if len(set(tokens)) > 1:
            break
        num_common += 1
    num_tokens = sum(len(row) for row in rows)
    return num_tokens / (num_tokens - (len(rows) - 1) * num_common)


def differences_of_sharing(inputs: TrainingInputs) -> tuple[float, float]:
    """How much sharing changes the loss and the adapters' gradient of one step in fp32, each relative to its largest
    entry. After one update, since before it the gradient of every A is zero."""
    rows = read_rows(inputs.rows)
    model = load_model(inputs.model, dtype=torch.float32, device="cpu")
    load_adapter(model, inputs.adapter)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW())
    _add_gradient(model, optimizer, rows_of_step(rows, 0, ROWS_PER_STEP), shares=True)
    optimizer.step(1e-3, 1.0)
    losses, gradients = [], []
    for shares in (True, False):
        losses.append(_add_gradient(model, optimizer, rows_of_step(rows, 1, ROWS_PER_STEP), shares=shares))
        gradients.append(optimizer.grad_N.clone())
        optimizer.grad_N.zero_()
    shared_N, unshared_N = gradients
    difference = (shared_N - unshared_N).abs().max() / unshared_N.abs().max()
    return abs(losses[0] - losses[1]) / losses[1], difference.item()


def _add_gradient(model: PreTrainedModel, optimizer: FlatOptimizer, rows: Sequence[Rendered], *, shares: bool) -> float:
    """Loss of the rows, summed."""
    layout = LayoutSettings(max(MICRO_BATCH_TOKENS), shares, "cpu")
    return sum(forward_backward(model, optimizer, sft.loss, batch).sum.item() for batch in micro_batches(rows, layout))


def _table(name: str, turns: Turns) -> list[list[str]]:
    return [
        [
            f"{name} {label}",
            f"{rows_per_second(turns, side):.2f}",
            f"{statistics.median(turns.rates(side)):.1f}",
            f"{turns.peak_bytes(side) / 1e9:.2f}",
            f"{turns.steps(side)[0].loss:.4f}",
            f"{turns.steps(side)[-1].loss:.4f}",
            str(len(turns.counted)),
            "-" if side == "shared" else f"{turns.ratio('shared', side):.2f}x",
        ]
        for side, label in (("shared", "ours"), ("unshared", "ours, sharing off"), ("trl", "TRL"))
        if side in turns.versions
    ]

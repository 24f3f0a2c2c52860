"""Our LoRA step on one GPU against TRL with PEFT: real tokens a second, share of the product rate, memory.

Geometries of 1.5 and 8 billion weights drawn at random, rows of 512 and 4,096 tokens that are all supervised, bf16.
Two such models need not fit beside each other, so the sides take turns by blocks of steps in processes of their own.
TRL has its documented defaults, then neither recomputation nor padding, and Liger's kernels where they can be
imported. A comparison whose losses or first gradients differ is void.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import torch

from benchmarks.floor import Product, flops_of, products_of_rows, read_geometry, seconds_of
from benchmarks.outcome import Goal, Outcome
from benchmarks.peers.environment import peer_python
from benchmarks.process import CACHE
from benchmarks.train_cpu import OURS, merge
from benchmarks.training_inputs import LLAMA_8B, METHOD, QWEN_1_5B, TrainingInputs, make_inputs
from benchmarks.training_job import TrainingJob
from benchmarks.training_rows import RandomRows
from benchmarks.training_turns import Pacing, Side, Turns, take_turns, unequal
from benchmarks.trl_settings import TRL_WORKER
from benchmarks.worker import read_rows, rows_of_step
from tunesmith.model.load import compute_dtype

NUM_BLOCKS: Final = 2
NUM_ROWS: Final = 64
PACING: Final = Pacing(3, 10, budget_seconds=120.0, needs_idle=False)
NO_DEVICE: Final = "no CUDA device here: nothing was measured"


@dataclass(frozen=True)
class Comparison:
    """One geometry with rows of one length."""

    geometry: str
    row_tokens: int
    rows_per_step: int
    precision: Literal["fp32", "bf16"] = "bf16"
    device: Literal["cpu", "cuda"] = "cuda"
    pacing: Pacing = PACING

    @property
    def name(self) -> str:
        return f"{self.geometry}/{self.row_tokens}"


COMPARISONS: Final = (
    Comparison(QWEN_1_5B, 512, rows_per_step=32),
    Comparison(QWEN_1_5B, 4096, rows_per_step=4),
    Comparison(LLAMA_8B, 512, rows_per_step=16),
    Comparison(LLAMA_8B, 4096, rows_per_step=2),
)
SMOKE: Final = Comparison("smoke", 64, 2, "fp32", "cpu", Pacing(1, 3, 60.0, needs_idle=False))
GOALS: Final = {
    **{
        f"{comparison.name}/{figure}": goal
        for comparison in COMPARISONS
        for figure, goal in (("speed_ratio", Goal(minimum=1.15)), ("product_rate_share", Goal(minimum=0.55)))
    },
    # what LoRAFusion publishes for this geometry on one H100
    f"{LLAMA_8B}/4096/tokens_per_second": Goal(minimum=14_875.0),
}
HEADING: Final = ["", "TFLOP/s", "tokens/s", "peak GB", "first loss", "last loss", "of products", "ours is"]
_WITHOUT_RECOMPUTATION: Final[dict[str, Any]] = {
    "gradient_checkpointing": False,
    "model_init_kwargs": {"dtype": "bfloat16"},
}


def run(*, quick: bool) -> Outcome:
    """All comparisons; `quick` takes a few steps of ours on a very small model and on the CPU.

    Raises SystemExit where there is no GPU.
    """
    if quick:
        with tempfile.TemporaryDirectory() as cache:
            return compare(SMOKE, {}, Path(cache))
    if not torch.cuda.is_available():
        raise SystemExit(NO_DEVICE)
    outcomes = [compare(comparison, peers(), CACHE) for comparison in COMPARISONS]
    device = {"gpu": torch.cuda.get_device_name(), "cuda": str(torch.version.cuda)}
    merged = merge(outcomes)
    return replace(merged, versions=dict(merged.versions) | device)


def peers() -> dict[str, tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Commands and settings of the peers, TRL from this interpreter where it has it."""
    here = find_spec("trl") is not None
    trl = (sys.executable, str(TRL_WORKER)) if here else (str(peer_python("trl")), "-E", str(TRL_WORKER))
    found: dict[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {
        "TRL": (trl, {}),
        "TRL without recomputation": (trl, _WITHOUT_RECOMPUTATION),
    }
    if here and find_spec("liger_kernel") is not None:
        found["TRL with Liger"] = (trl, _WITHOUT_RECOMPUTATION | {"use_liger_kernel": True})
    return found


def compare(
    comparison: Comparison, others: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]], cache: Path
) -> Outcome:
    """Figures named `<geometry>/<row tokens>/<figure>`. A peer that fails, for want of memory say, is named in the
    table with its last words and has no figures."""
    rows = RandomRows(NUM_ROWS, comparison.row_tokens)
    inputs = make_inputs(comparison.geometry, rows, comparison.row_tokens, cache, comparison.device)
    job = job_of(comparison, inputs)
    sides = {"ours": Side(OURS, job)}
    for side, (command, settings) in others.items():
        # TRL would cut rows at 1,024 tokens
        sides[side] = Side(command, replace(job, settings={"max_length": comparison.row_tokens, **settings}))
    blocks, failures = take_blocks(sides, comparison.pacing, cache)
    listed = listed_products(inputs, job)
    flops = flops_of(listed) / (comparison.row_tokens * comparison.rows_per_step)
    product_rate = rate_of_products(listed, job)
    rates = {
        side: statistics.median(rate for turns in taken for rate in turns.rates(side)) for side, taken in blocks.items()
    }
    name = comparison.name
    figures = {
        f"{name}/tokens_per_second": rates["ours"],
        f"{name}/product_rate_share": rates["ours"] * flops / product_rate,
        f"{name}/product_tflops_per_second": product_rate / 1e12,
        f"{name}/peak_bytes": float(blocks["ours"][0].peak_bytes("ours")),
    }
    theirs = {side: rate for side, rate in rates.items() if side != "ours"}
    if theirs:
        figures[f"{name}/speed_ratio"] = rates["ours"] / max(theirs.values())
    figures |= {f"{name}/{side}/tokens_per_second": rate for side, rate in theirs.items()}
    void = [
        reason
        for side in theirs
        for reason in unequal(
            f"{name} {side}", comparison.precision, blocks["ours"][0].steps("ours"), blocks[side][0].steps(side)
        )
    ]
    table = [HEADING, *(_row(name, side, blocks[side], rates, flops, product_rate) for side in rates)]
    table += [[f"{name} {side}", *["-"] * 6, failure] for side, failure in failures.items()]
    details = {name: {side: [turns.record() for turns in taken] for side, taken in blocks.items()}}
    versions = {f"{side}: {k}": v for side in theirs for k, v in blocks[side][0].versions[side].items()}
    return Outcome(figures, table, versions, details, tuple(void))


def take_blocks(sides: Mapping[str, Side], pacing: Pacing, logs: Path) -> tuple[dict[str, list[Turns]], dict[str, str]]:
    """NUM_BLOCKS runs of each side, A-B-A-B, one process at a time; and why those failed that did."""
    blocks: dict[str, list[Turns]] = {}
    failures: dict[str, str] = {}
    for _ in range(NUM_BLOCKS):
        for name, side in sides.items():
            if name in failures:
                continue
            try:
                blocks.setdefault(name, []).append(take_turns({name: side}, pacing, logs))
            except RuntimeError as error:
                if name == "ours":
                    raise
                failures[name] = str(error).splitlines()[-1]
                blocks.pop(name, None)
    return blocks, failures


def job_of(comparison: Comparison, inputs: TrainingInputs) -> TrainingJob:
    return TrainingJob(
        model=str(inputs.model),
        adapter=str(inputs.adapter),
        rows=str(inputs.rows),
        precision=comparison.precision,
        num_threads=1,
        max_steps=comparison.pacing.max_steps,
        rows_per_step=comparison.rows_per_step,
        device=comparison.device,
    )


def listed_products(inputs: TrainingInputs, job: TrainingJob) -> list[Product]:
    """Those of one step; all steps have equally long rows."""
    rows = rows_of_step(read_rows(inputs.rows), 0, job.rows_per_step)
    return products_of_rows(read_geometry(inputs.model), rows, METHOD.rank)


def rate_of_products(listed: Sequence[Product], job: TrainingJob) -> float:
    """Operations per second of the step's products with frozen weights, each timed alone: what this device gives."""
    frozen = [product for product in listed if product.shape.batch == 1 and METHOD.rank not in _sizes(product)]
    return flops_of(frozen) / seconds_of(frozen, compute_dtype(job.precision), job.device)


def _sizes(product: Product) -> tuple[int, int, int]:
    return product.shape.rows, product.shape.inner, product.shape.columns


def _row(
    name: str, side: str, taken: Sequence[Turns], rates: Mapping[str, float], flops: float, product_rate: float
) -> list[str]:
    steps = taken[0].steps(side)
    return [
        f"{name} {side}",
        f"{rates[side] * flops / 1e12:.1f}",
        f"{rates[side]:.0f}",
        f"{taken[0].peak_bytes(side) / 1e9:.2f}",
        f"{steps[0].loss:.4f}",
        f"{steps[-1].loss:.4f}",
        f"{rates[side] * flops / product_rate:.2f}",
        "-" if side == "ours" else f"{rates['ours'] / rates[side]:.2f}x",
    ]

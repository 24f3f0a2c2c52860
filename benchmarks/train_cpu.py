"""Our LoRA step against TRL's SFTTrainer on the CPU: real tokens a second, peak memory, equal loss.

Both sides run in processes of their own, from the same weights, adapter and rows, with the same optimiser and thread
count, and take turns step by step, so that a change of the machine's speed meets both. TRL has its documented
defaults. A job whose losses differ is void. Padding is never counted as a token.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from benchmarks.hardware import num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.peers.environment import peer_python
from benchmarks.process import CACHE, REPOSITORY, TakenStep, Worker
from benchmarks.training_inputs import QWEN_4_LAYERS, ROWS_FILE, TrainingInputs, make_inputs
from benchmarks.training_job import TrainingJob
from tunesmith.model.base import BUILTIN

OURS: Final = (sys.executable, "-m", "benchmarks.worker")
TRL_WORKER: Final = REPOSITORY / "benchmarks" / "peers" / "trl" / "worker.py"
MAX_FIRST_DIFFERENCE: Final = {"fp32": 1e-3, "bf16": 1e-2}
"""Largest relative difference of the losses before any update."""
MAX_DIFFERENCE: Final = 2e-2
"""The same at every later step."""
MIN_STEPS: Final = 3
"""Fewest steps after warm-up."""


@dataclass(frozen=True)
class Comparison:
    """One geometry in one precision. Pairs of steps are taken until `budget_seconds` would be passed."""

    geometry: str
    precision: Literal["fp32", "bf16"]
    num_warmup: int
    max_steps: int
    """Warm-up included."""
    budget_seconds: float
    max_row_tokens: int = 1024
    num_threads: int = num_usable_cores()

    @property
    def name(self) -> str:
        return f"{self.geometry}/{self.precision}"


COMPARISONS: Final = (
    Comparison(QWEN_4_LAYERS, "bf16", num_warmup=1, max_steps=9, budget_seconds=200.0),
    Comparison(BUILTIN, "fp32", num_warmup=2, max_steps=22, budget_seconds=40.0),
    Comparison(BUILTIN, "bf16", num_warmup=2, max_steps=22, budget_seconds=40.0),
)
SMOKE: Final = Comparison(
    "smoke", "fp32", num_warmup=1, max_steps=4, budget_seconds=60.0, max_row_tokens=256, num_threads=1
)
GOALS: Final = {
    f"{comparison.name}/{figure}": goal
    for comparison in COMPARISONS
    for figure, goal in (("speed_ratio", Goal(minimum=2.0)), ("memory_ratio", Goal(maximum=0.8)))
}


@dataclass(frozen=True)
class Trace:
    """Steps of one side, warm-up first, and the real tokens of each."""

    steps: tuple[TakenStep, ...]
    tokens: tuple[int, ...]
    num_warmup: int

    @property
    def rates(self) -> list[float]:
        """Real tokens per second of each step after warm-up."""
        pairs = list(zip(self.tokens, self.steps, strict=True))
        return [tokens / step.seconds for tokens, step in pairs[self.num_warmup :]]

    @property
    def peak_bytes(self) -> int:
        return self.steps[-1].peak_bytes


def run(*, quick: bool) -> Outcome:
    """All comparisons; `quick` takes a few steps of ours alone on a very small model, to see that it works."""
    if quick:
        with tempfile.TemporaryDirectory() as cache:
            inputs = make_inputs(SMOKE.geometry, SMOKE.max_row_tokens, Path(cache), Path(cache) / "absent")
            (ours,) = take_turns(SMOKE, inputs, {"ours": OURS}, Path(cache))[0].values()
        return Outcome(_side_figures(SMOKE, "", ours), _table([(SMOKE, ours, None)]))
    # -E: the peer's interpreter must not be led to our packages by PYTHON variables
    commands = {"ours": OURS, "trl": (str(peer_python("trl")), "-E", str(TRL_WORKER))}
    figures: dict[str, float] = {}
    void: list[str] = []
    details: dict[str, Any] = {"num_threads": num_usable_cores(), "rows": ROWS_FILE.name if ROWS_FILE.is_file() else ""}
    versions: dict[str, str] = {}
    measured: list[tuple[Comparison, Trace, Trace | None]] = []
    for comparison in COMPARISONS:
        inputs = make_inputs(comparison.geometry, comparison.max_row_tokens)
        traces, peer_versions = take_turns(comparison, inputs, commands, CACHE)
        figures |= compare(comparison, traces["ours"], traces["trl"])
        void += unequal_losses(comparison, traces["ours"].steps, traces["trl"].steps)
        details[comparison.name] = {
            "tokens_of_rows": inputs.tokens_of_rows,
            "supervised_of_rows": inputs.supervised_of_rows,
            **{side: asdict(trace) for side, trace in traces.items()},
        }
        versions |= {f"trl environment: {name}": number for name, number in peer_versions.items()}
        measured.append((comparison, traces["ours"], traces["trl"]))
    return Outcome(figures, _table(measured), versions, details, tuple(void))


def take_turns(
    comparison: Comparison, inputs: TrainingInputs, commands: Mapping[str, tuple[str, ...]], logs: Path
) -> tuple[dict[str, Trace], dict[str, str]]:
    """A trace for each command, their steps interleaved A-B-A-B, and the versions the last one reported.

    Raises RuntimeError when a worker dies.
    """
    job = TrainingJob(
        model=str(inputs.model),
        adapter=str(inputs.adapter),
        rows=str(inputs.rows),
        precision=comparison.precision,
        num_threads=comparison.num_threads,
        max_steps=comparison.max_steps,
    )
    taken: dict[str, list[TakenStep]] = {side: [] for side in commands}
    with ExitStack() as stack:
        workers = {
            side: stack.enter_context(Worker(command, job, logs / "logs" / f"{side}.log"))
            for side, command in commands.items()
        }
        started = time.perf_counter()
        for step in range(comparison.max_steps):
            for side, worker in workers.items():
                taken[side].append(worker.step())
            next_seconds = sum(steps[-1].seconds for steps in taken.values())
            passed = time.perf_counter() - started
            if step + 1 >= comparison.num_warmup + MIN_STEPS and passed + next_seconds > comparison.budget_seconds:
                break
        versions = workers[list(commands)[-1]].versions
    tokens = tuple(inputs.tokens_of_step(step, job.rows_per_step) for step in range(step + 1))
    traces = {side: Trace(tuple(steps), tokens, comparison.num_warmup) for side, steps in taken.items()}
    return traces, versions


def compare(comparison: Comparison, ours: Trace, trl: Trace) -> dict[str, float]:
    """Figures of both sides and their ratios, named `<geometry>/<precision>/<figure>`.

    speed_ratio is the median over pairs of steps of TRL's seconds / ours (the rows of a pair are the same);
    memory_ratio is our peak / TRL's; loss differences are relative to TRL's loss.
    """
    pairs = list(zip(ours.steps, trl.steps, strict=True))
    ratios = [theirs.seconds / mine.seconds for mine, theirs in pairs[comparison.num_warmup :]]
    differences = loss_differences(ours.steps, trl.steps)
    return {
        **_side_figures(comparison, "", ours),
        **_side_figures(comparison, "trl_", trl),
        f"{comparison.name}/speed_ratio": statistics.median(ratios),
        f"{comparison.name}/memory_ratio": ours.peak_bytes / trl.peak_bytes,
        f"{comparison.name}/first_loss_difference": differences[0],
        f"{comparison.name}/largest_loss_difference": max(differences),
    }


def loss_differences(ours: Sequence[TakenStep], trl: Sequence[TakenStep]) -> list[float]:
    """|ours - TRL's| / TRL's loss at every step."""
    return [abs(mine.loss - theirs.loss) / theirs.loss for mine, theirs in zip(ours, trl, strict=True)]


def unequal_losses(comparison: Comparison, ours: Sequence[TakenStep], trl: Sequence[TakenStep]) -> list[str]:
    """Why the two did not train the same; empty when they did. A loss that is not finite counts as different."""
    reasons = []
    for step, difference in enumerate(loss_differences(ours, trl)):
        limit = MAX_FIRST_DIFFERENCE[comparison.precision] if step == 0 else MAX_DIFFERENCE
        if not difference <= limit:
            reasons.append(
                f"{comparison.name}: loss of step {step + 1} is {ours[step].loss:.5f}, TRL's {trl[step].loss:.5f}, "
                f"relative difference {difference:.2g} > {limit:g}"
            )
    return reasons


def _side_figures(comparison: Comparison, side: str, trace: Trace) -> dict[str, float]:
    lower, _, upper = statistics.quantiles(trace.rates, n=4, method="inclusive")
    return {
        f"{comparison.name}/{side}tokens_per_second": statistics.median(trace.rates),
        f"{comparison.name}/{side}tokens_per_second_iqr": upper - lower,
        f"{comparison.name}/{side}peak_bytes": float(trace.peak_bytes),
        f"{comparison.name}/{side}last_loss": trace.steps[-1].loss,
    }


def _table(measured: Sequence[tuple[Comparison, Trace, Trace | None]]) -> list[list[str]]:
    rows = [["", "tokens/s", "IQR", "peak GB", "first loss", "last loss", "steps", "speed", "memory"]]
    for comparison, ours, trl in measured:
        figures = compare(comparison, ours, trl) if trl else {}
        ratios = [
            f"{figures[f'{comparison.name}/{ratio}']:.2f}x" if trl else "-" for ratio in ("speed_ratio", "memory_ratio")
        ]
        rows.append([f"{comparison.name} ours", *_cells(comparison, ours), *ratios])
        if trl:
            rows.append([f"{comparison.name} TRL", *_cells(comparison, trl), "1x", "1x"])
    return rows


def _cells(comparison: Comparison, trace: Trace) -> list[str]:
    figures = _side_figures(comparison, "", trace)
    return [
        f"{figures[f'{comparison.name}/tokens_per_second']:.1f}",
        f"{figures[f'{comparison.name}/tokens_per_second_iqr']:.1f}",
        f"{trace.peak_bytes / 1e9:.2f}",
        f"{trace.steps[0].loss:.4f}",
        f"{trace.steps[-1].loss:.4f}",
        str(len(trace.rates)),
    ]

"""Our LoRA step on the CPU against its floor and against TRL's SFTTrainer: real tokens a second, memory, equal loss.

All sides run in processes of their own, from the same weights, adapter and rows, with the same optimiser and thread
count, and take turns step by step. The floor is the step's matrix products, each timed alone. TRL has its documented
defaults, and once more the best of its own options that a search finds, which later runs need not make again. A
comparison whose losses or first gradients differ is void, and so is one on a busy machine. Padding is never counted as
a token, recomputation never as work.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from benchmarks.floor import flops_of, products_of_rows, read_geometry
from benchmarks.hardware import describe_hardware, num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.peers.environment import peer_python
from benchmarks.process import CACHE
from benchmarks.training_inputs import METHOD, QWEN, QWEN_4_LAYERS, TrainingInputs, make_inputs
from benchmarks.training_job import TrainingJob
from benchmarks.training_rows import MedicalRows
from benchmarks.training_turns import (
    Pacing,
    Side,
    Turns,
    gradient_difference,
    loss_differences,
    take_turns,
    unequal,
)
from benchmarks.trl_settings import TRL_WORKER, Sweep, Trial, options_for, recorded, repeat, sweep
from benchmarks.worker import read_rows
from tunesmith.model.base import BUILTIN

OURS: Final = (sys.executable, "-m", "benchmarks.worker")
FLOOR: Final = (sys.executable, "-m", "benchmarks.floor")
ROWS: Final = MedicalRows()
NUM_FINALISTS: Final = 3
"""How many of another comparison's best settings are tried, up to the first that works: the best may need too much
memory."""


@dataclass(frozen=True)
class Comparison:
    """One geometry in one precision."""

    geometry: str
    precision: Literal["fp32", "bf16"]
    pacing: Pacing
    trial_seconds: float
    """How long one trial of the search for TRL's best settings may take, loading and compiling included."""
    finalists_of: str = ""
    """The comparison whose best settings are taken, where a search of its own would take hours."""
    max_row_tokens: int = 1024
    num_threads: int = num_usable_cores()

    @property
    def name(self) -> str:
        return f"{self.geometry}/{self.precision}"


CUT: Final = Comparison(QWEN_4_LAYERS, "bf16", Pacing(2, 8, budget_seconds=600.0), trial_seconds=600.0)
UNCUT: Final = Comparison(
    QWEN, "bf16", Pacing(1, 3, budget_seconds=1200.0), trial_seconds=1800.0, finalists_of=CUT.name
)
TINY: Final = tuple(
    Comparison(BUILTIN, precision, Pacing(2, 20, budget_seconds=120.0), trial_seconds=300.0)
    for precision in ("fp32", "bf16")
)
COMPARISONS: Final = (CUT, UNCUT, *TINY)
SMOKE: Final = Comparison(
    "smoke", "fp32", Pacing(1, 3, 60.0, needs_idle=False), trial_seconds=60.0, max_row_tokens=256, num_threads=1
)
GOALS: Final = {
    **{
        f"{comparison.name}/{figure}": goal
        for comparison in (CUT, UNCUT)
        for figure, goal in (
            ("floor_ratio", Goal(maximum=1.7)),
            ("speed_ratio", Goal(minimum=5.0)),
            ("best_speed_ratio", Goal(minimum=2.5)),
            ("memory_ratio", Goal(maximum=0.45)),
        )
    },
    **{
        f"{comparison.name}/{figure}": goal
        for comparison in TINY
        for figure, goal in (("speed_ratio", Goal(minimum=5.0)), ("memory_ratio", Goal(maximum=0.8)))
    },
}
HEADING: Final = [
    "",
    "GFLOP/s",
    "tokens/s",
    "IQR",
    "peak GB",
    "first loss",
    "last loss",
    "rounds",
    "x floor",
    "ours is",
]


def run(*, quick: bool) -> Outcome:
    """All comparisons; `quick` takes a few steps of ours and of the floor on a very small model, to see that it
    works."""
    if quick:
        return _smoke()
    # -E: the peer's interpreter must not be led to our packages by PYTHON variables
    trl = (str(peer_python("trl")), "-E", str(TRL_WORKER))
    inputs = {
        comparison.name: make_inputs(comparison.geometry, ROWS, comparison.max_row_tokens) for comparison in COMPARISONS
    }
    sweeps: dict[str, Sweep] = {}
    # every search before any comparison: what a run that is cut off has found is kept for the next
    for comparison in COMPARISONS:
        sweeps[comparison.name] = _search(comparison, inputs[comparison.name], trl, sweeps)
    return merge([_compare(each, inputs[each.name], trl, sweeps[each.name]) for each in COMPARISONS])


def merge(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome of several; they share a heading."""
    return Outcome(
        figures={name: figure for outcome in outcomes for name, figure in outcome.figures.items()},
        table=[list(outcomes[0].table[0]), *(list(row) for outcome in outcomes for row in outcome.table[1:])],
        versions={name: version for outcome in outcomes for name, version in outcome.versions.items()},
        details={name: detail for outcome in outcomes for name, detail in outcome.details.items()},
        void=tuple(reason for outcome in outcomes for reason in outcome.void),
    )


def _smoke() -> Outcome:
    with tempfile.TemporaryDirectory() as cache:
        inputs = make_inputs(
            SMOKE.geometry, MedicalRows(file=Path(cache) / "absent"), SMOKE.max_row_tokens, Path(cache)
        )
        job = job_of(SMOKE, inputs)
        turns = take_turns({"ours": Side(OURS, job), "floor": Side(FLOOR, job)}, SMOKE.pacing, Path(cache))
        flops = flops_per_token(inputs)
    figures = side_figures(SMOKE.name, "", turns, "ours", flops) | floor_figures(SMOKE.name, [turns], flops)
    return Outcome(figures, [HEADING, *rows_of_table(SMOKE.name, turns, flops)])


def _search(
    comparison: Comparison, inputs: TrainingInputs, trl: tuple[str, ...], earlier: Mapping[str, Sweep]
) -> Sweep:
    job = job_of(comparison, inputs)
    options = options_for(job, comparison.max_row_tokens)
    finalists = earlier[comparison.finalists_of].finalists(NUM_FINALISTS) if comparison.finalists_of else []
    made_for = {
        "job": asdict(job),
        "options": [asdict(option) for option in options],
        "finalists": [finalist.settings for finalist in finalists],
        "requirements": TRL_WORKER.with_name("requirements.txt").read_text(encoding="utf-8"),
        "cpu": describe_hardware().slug,
    }

    def search() -> Sweep:
        if finalists:
            return repeat(trl, job, finalists, CACHE, comparison.trial_seconds)
        return sweep(trl, job, options, CACHE, comparison.trial_seconds)

    file = CACHE / "searches" / f"{comparison.name.replace('/', '-').replace(':', '-')}.json"
    return recorded(file, json.loads(json.dumps(made_for)), search)


def _compare(comparison: Comparison, inputs: TrainingInputs, trl: tuple[str, ...], found: Sweep) -> Outcome:
    """TRL's defaults first, its best settings after; never both in memory at once."""
    job, flops = job_of(comparison, inputs), flops_per_token(inputs)
    with_defaults, with_best = (
        take_turns(
            {
                "ours": Side(OURS, job),
                "trl": Side(trl, replace(job, settings=settings)),
                "floor": Side(FLOOR, job),
            },
            comparison.pacing,
            CACHE,
        )
        for settings in ({}, found.best.settings)
    )
    name = comparison.name
    figures = {
        **side_figures(name, "", with_defaults, "ours", flops),
        **side_figures(name, "trl_", with_defaults, "trl", flops),
        **side_figures(name, "best_trl_", with_best, "trl", flops),
        **floor_figures(name, [with_defaults, with_best], flops),
        **ratio_figures(name, "", with_defaults),
        **ratio_figures(name, "best_", with_best),
        f"{name}/num_void_rounds": float(with_defaults.num_void + with_best.num_void),
    }
    void = [*gate(comparison, with_defaults), *with_defaults.busy(f"{name} defaults"), *with_best.busy(f"{name} best")]
    if found.best.keeps_rows:
        void += gate(comparison, with_best)
    details: dict[str, Any] = {
        "num_threads": comparison.num_threads,
        "rows": ROWS.describe(),
        "tokens_of_rows": inputs.tokens_of_rows,
        "supervised_of_rows": inputs.supervised_of_rows,
        "flops_per_token": flops,
        "trl_search": found.record(),
        "trl_best": {"name": found.best.name, "settings": found.best.settings},
        "turns_with_defaults": with_defaults.record(),
        "turns_with_best": with_best.record(),
    }
    versions = {f"trl environment: {library}": number for library, number in with_defaults.versions["trl"].items()}
    table = [
        HEADING,
        *rows_of_table(name, with_defaults, flops),
        trl_row(f"{name} TRL: {settings_in_words(found.best)}", with_best, flops),
    ]
    return Outcome(figures, table, versions, {name: details}, tuple(void))


def job_of(comparison: Comparison, inputs: TrainingInputs) -> TrainingJob:
    return TrainingJob(
        model=str(inputs.model),
        adapter=str(inputs.adapter),
        rows=str(inputs.rows),
        precision=comparison.precision,
        num_threads=comparison.num_threads,
        max_steps=comparison.pacing.max_steps,
    )


def flops_per_token(inputs: TrainingInputs) -> float:
    """Useful operations per real token, over all rows."""
    listed = products_of_rows(read_geometry(inputs.model), read_rows(inputs.rows), METHOD.rank)
    return flops_of(listed) / sum(inputs.tokens_of_rows)


def gate(comparison: Comparison, turns: Turns) -> list[str]:
    """Why ours and TRL did not train the same; empty when they did."""
    return unequal(comparison.name, comparison.precision, turns.steps("ours"), turns.steps("trl"))


def side_figures(name: str, prefix: str, turns: Turns, side: str, flops: float) -> dict[str, float]:
    """What one side did, as `<name>/<prefix><figure>`; rates are medians over the rounds that count."""
    rates = turns.rates(side)
    lower, _, upper = statistics.quantiles(rates, n=4, method="inclusive")
    return {
        f"{name}/{prefix}gflops_per_second": statistics.median(rates) * flops / 1e9,
        f"{name}/{prefix}tokens_per_second": statistics.median(rates),
        f"{name}/{prefix}tokens_per_second_iqr": upper - lower,
        f"{name}/{prefix}peak_bytes": float(turns.peak_bytes(side)),
        f"{name}/{prefix}last_loss": turns.steps(side)[-1].loss,
    }


def floor_figures(name: str, all_turns: Sequence[Turns], flops: float) -> dict[str, float]:
    """floor_ratio is the median over rounds of our seconds / the floor's."""
    rounds = [round for turns in all_turns for round in turns.counted]
    ratios = [round.steps["ours"].seconds / round.steps["floor"].seconds for round in rounds]
    rates = [round.steps["floor"].rate for round in rounds]
    return {
        f"{name}/floor_ratio": statistics.median(ratios),
        f"{name}/floor_gflops_per_second": statistics.median(rates) * flops / 1e9,
    }


def ratio_figures(name: str, prefix: str, turns: Turns) -> dict[str, float]:
    """speed_ratio is the median over rounds of our tokens a second / TRL's; memory_ratio our peak / TRL's; loss
    differences are relative to TRL's loss."""
    ours, trl = turns.steps("ours"), turns.steps("trl")
    differences = loss_differences(ours, trl)
    return {
        f"{name}/{prefix}speed_ratio": turns.ratio("ours", "trl"),
        f"{name}/{prefix}memory_ratio": turns.peak_bytes("ours") / turns.peak_bytes("trl"),
        f"{name}/{prefix}first_loss_difference": differences[0],
        f"{name}/{prefix}largest_loss_difference": max(differences),
        f"{name}/{prefix}first_gradient_difference": gradient_difference(ours, trl),
    }


def rows_of_table(name: str, turns: Turns, flops: float) -> list[list[str]]:
    """The floor, ours, and TRL with its defaults where it took part."""
    floor = statistics.median(turns.rates("floor"))
    times_floor = floor_figures(name, [turns], flops)[f"{name}/floor_ratio"]
    rows = [
        [f"{name} floor", f"{floor * flops / 1e9:.1f}", f"{floor:.1f}", *["-"] * 5, "1.00", "-"],
        [f"{name} ours", *_cells(name, turns, "ours", flops), f"{times_floor:.2f}", "-"],
    ]
    return [*rows, trl_row(f"{name} TRL", turns, flops)] if "trl" in turns.versions else rows


def trl_row(label: str, turns: Turns, flops: float) -> list[str]:
    times_floor = 1 / turns.ratio("trl", "floor")
    memory = turns.peak_bytes("ours") / turns.peak_bytes("trl")
    verdict = f"{turns.ratio('ours', 'trl'):.2f}x, {memory:.2f} of memory"
    return [label, *_cells("", turns, "trl", flops), f"{times_floor:.2f}", verdict]


def _cells(name: str, turns: Turns, side: str, flops: float) -> list[str]:
    figures = side_figures(name, "", turns, side, flops)
    return [
        f"{figures[f'{name}/gflops_per_second']:.1f}",
        f"{figures[f'{name}/tokens_per_second']:.1f}",
        f"{figures[f'{name}/tokens_per_second_iqr']:.1f}",
        f"{turns.peak_bytes(side) / 1e9:.2f}",
        f"{turns.steps(side)[0].loss:.4f}",
        f"{turns.steps(side)[-1].loss:.4f}",
        str(len(turns.counted)),
    ]


def settings_in_words(trial: Trial) -> str:
    """`defaults`, or the options that were changed."""
    return ", ".join(sorted(trial.settings)) or trial.name

"""What a search over LoRA trials costs: halved, in one pass over their base, and killed on the way.

Eight trials differ in their learning rate. Successive halving (eta 2) is held against eight full trainings, one pass
against eight trainings in turn, and a study that is killed again and again against one that nobody disturbed. On a
machine that is busy with other work steps, memory and equality are as they are; seconds are not.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from safetensors.numpy import load_file

from benchmarks.hardware import num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.process import CACHE, REPOSITORY
from benchmarks.search_jobs import SearchJob, banking_job, news_job, results, study, text_job, trainings_of
from benchmarks.training_inputs import QWEN_4_LAYERS, make_inputs
from benchmarks.training_rows import MedicalRows
from tunesmith.lifecycle import Job
from tunesmith.runtime import Silent
from tunesmith.search.ledger import FILE, Ledger
from tunesmith.train.together import Group
from tunesmith.train.trial import trial_losses

PRECISIONS: Final = ("bf16", "fp32")
MAX_DIFFERENCE: Final = 1e-5
NUM_FULL_TIMED: Final = 3
FINISHED: Final = ("complete", "pruned")
GOALS: Final = {
    "halving/full_trials_in_steps": Goal(maximum=2.8),
    "halving/full_trials_in_seconds": Goal(maximum=2.8),
    "halving/behind_best_in_standard_errors": Goal(maximum=1.0),
    "one pass/bf16/throughput_ratio": Goal(minimum=1.3),
    "one pass/largest_loss_difference": Goal(maximum=MAX_DIFFERENCE),
    "one pass/largest_adapter_difference": Goal(maximum=10 * MAX_DIFFERENCE),
    "one pass/memory_ratio": Goal(maximum=1.5),
    "killed/lost_trials": Goal(maximum=0),
    "killed/changed_trials": Goal(maximum=0),
    "killed/kills": Goal(minimum=3),
}


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_steps: int = 160
    """Of a full trial."""
    num_rounds: int = 6
    steps_a_round: int = 12
    num_equal_steps: int = 8
    num_memory_steps: int = 2
    num_study_steps: int = 24
    num_kills: int = 5
    geometry: str = QWEN_4_LAYERS
    precisions: tuple[str, ...] = PRECISIONS
    batch_rows: int = 8
    num_threads: int = num_usable_cores()


QUICK: Final = Sizes(8, 1, 2, 2, 1, 8, 1, "smoke", ("fp32",), batch_rows=2, num_threads=1)


def run(*, quick: bool) -> Outcome:
    """All four parts; `quick` takes few steps of few rows, and a smaller model."""
    sizes, started = QUICK if quick else Sizes(), time.perf_counter()

    def trials(job: Callable[..., SearchJob], num_steps: int, **train: Any) -> SearchJob:
        settings = {"batch_rows": sizes.batch_rows, "max_steps": num_steps, "epochs": 9999, **train}
        return replace(job(**settings), num_threads=sizes.num_threads)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long = trials(news_job if quick else banking_job, sizes.num_steps, evaluate_every=40)
        figures = halving(long, folder / "halving")
        for precision in sizes.precisions:
            endless = trials(news_job, 9999, evaluate_every=9999, precision=precision)
            figures[f"one pass/{precision}/throughput_ratio"] = throughput_ratio(endless, folder / precision, sizes)
        short = trials(news_job, sizes.num_equal_steps, precision="fp32")
        figures |= differences(short, folder / "equal", sizes.num_equal_steps)
        model = make_inputs(sizes.geometry, MedicalRows(), 1024, folder if quick else CACHE).model
        texts = trials(partial(text_job, model, folder), sizes.num_memory_steps, batch_rows=2)
        figures |= memory(texts, folder / "memory")
        figures |= killed(trials(news_job, sizes.num_study_steps), folder, sizes.num_kills)
    figures["seconds"] = time.perf_counter() - started
    table = [["", "measured"], *([name, f"{value:.4g}"] for name, value in figures.items())]
    return Outcome(figures, table)


def halving(wanted: SearchJob, folder: Path) -> dict[str, float]:
    """Cost of a study in full trainings, and how far what it chose lies above the best of all full trainings.

    Losses are those of up to 64 validation rows; the standard error is that of the best training's mean over them.
    """
    job = wanted.write(folder)
    trainings = trainings_of(job)
    started = time.perf_counter()
    body = study(job)
    seconds = time.perf_counter() - started
    losses = [trial_losses(training, job.runtime)[0] for training in trainings.values()]
    means = [float(losses_V.mean()) for losses_V in losses]
    best = losses[int(np.argmin(means))]
    standard_error = float(best.std(ddof=1)) / len(best) ** 0.5
    full_seconds = median(_seconds_of_full(job, place) for place in range(NUM_FULL_TIMED))
    return {
        "halving/full_trials_in_steps": body.full_trials,
        "halving/full_trials_in_seconds": seconds / full_seconds,
        "halving/seconds": seconds,
        "halving/seconds_of_one_full_trial": full_seconds,
        "halving/chosen_rate": float(body.best.settings["train.learning_rate"]),
        "halving/loss_of_chosen": means[body.best.number],
        "halving/loss_of_best": min(means),
        "halving/behind_best_in_standard_errors": (means[body.best.number] - min(means)) / standard_error,
    }


def _seconds_of_full(job: Job, place: int) -> float:
    """One trial by itself to its end, from the base on the disk on."""
    name, training = list(trainings_of(job).items())[place]
    started = time.perf_counter()
    Group({name: training}, job.runtime, Silent()).advance(training.plan.body.num_steps)
    return time.perf_counter() - started


def throughput_ratio(wanted: SearchJob, folder: Path, sizes: Sizes) -> float:
    """Seconds of eight trainings in turn / seconds of one pass over the same steps, the median of rounds."""
    job = wanted.write(folder)
    trainings = trainings_of(job)
    together = [Group(trainings, job.runtime, Silent())]
    in_turn = [Group({name: training}, job.runtime, Silent()) for name, training in trainings.items()]
    ratios = []
    for place in range(sizes.num_rounds + 1):
        seconds = []
        for groups in (together, in_turn):
            started = time.perf_counter()
            for group in groups:
                group.advance((place + 1) * sizes.steps_a_round)
            seconds.append(time.perf_counter() - started)
        ratios.append(seconds[1] / seconds[0])
    return median(ratios[1:])  # the first round warms up


def differences(wanted: SearchJob, folder: Path, num_steps: int) -> dict[str, float]:
    """Between one pass and trainings of their own: of validation losses, relative, and of trained numbers, relative to
    the largest; in fp32."""
    job = wanted.write(folder)
    trainings = trainings_of(job)
    together = Group(trainings, job.runtime, Silent())
    losses = together.advance(num_steps)
    together.save(folder / "together")
    of_losses, of_adapters = [], []
    for number, (name, training) in enumerate(trainings.items()):
        alone = Group({name: training}, job.runtime, Silent())
        loss = alone.advance(num_steps)[name]
        alone.save(folder / name)
        own_N, shared_N = (
            load_file(folder / saved / f"member-{place}.safetensors")["master"]
            for saved, place in ((name, 0), ("together", number))
        )
        of_losses.append(abs(losses[name] / loss - 1.0))
        of_adapters.append(float(np.abs(shared_N - own_N).max() / np.abs(own_N).max()))
    return {
        "one pass/largest_loss_difference": max(of_losses),
        "one pass/largest_adapter_difference": max(of_adapters),
    }


def memory(wanted: SearchJob, folder: Path) -> dict[str, float]:
    """Largest memory of a process that trains eight trials in one pass, against that of one trial."""
    wanted.write(folder)
    one, eight = (float(_in_a_process("memory", str(folder), num).communicate()[0]) for num in ("1", "8"))
    return {
        "one pass/peak_bytes_of_one": one,
        "one pass/peak_bytes_of_eight": eight,
        "one pass/memory_ratio": eight / one,
    }


def killed(wanted: SearchJob, folder: Path, num_kills: int) -> dict[str, float]:
    """A study that is killed whenever its journal has grown by some lines, against one that nobody disturbed."""
    expected = results(study(wanted.write(folder / "undisturbed")))
    wanted.write(folder / "killed")
    drawn, kills, lost = random.Random(0), 0, 0
    finished: Mapping[str, float | None] = {}
    for _ in range(num_kills):
        process = _in_a_process("study", str(folder / "killed"))
        target = _num_lines(folder) + drawn.randint(3, 8)
        while process.poll() is None and _num_lines(folder) < target:
            time.sleep(0.01)
        kills += process.poll() is None
        process.kill()
        process.communicate()
        now = _finished(folder)
        lost += sum(now.get(number) != values for number, values in finished.items())
        finished = now
    ended = json.loads(_in_a_process("study", str(folder / "killed")).communicate()[0])
    lost += sum(ended[number][1][-1][1] != value for number, value in finished.items())
    changed = sum(ended[number] != trial for number, trial in json.loads(json.dumps(expected)).items())
    return {"killed/kills": float(kills), "killed/lost_trials": float(lost), "killed/changed_trials": float(changed)}


def _num_lines(folder: Path) -> int:
    """Of the killed study's journal."""
    return sum(file.read_bytes().count(b"\n") for file in (folder / "killed" / "runs").glob(f"*/{FILE}"))


def _finished(folder: Path) -> dict[str, float | None]:
    """The trials that are over by what the killed study left, and what each came to."""
    runs = [file.parent for file in (folder / "killed" / "runs").glob(f"*/{FILE}")]
    entries = [entry for run in runs for entry in Ledger(run, higher_is_better=False).entries()]
    return {str(entry.number): entry.value for entry in entries if entry.state in FINISHED}


def _in_a_process(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.search_jobs", *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)

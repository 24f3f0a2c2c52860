"""Labels scored by our engine against transformers' `generate` held to them: rows a second, and the same answers.

The 3,080 test rows of banking77 over its 77 labels, by `builtin:tiny` tuned on its training rows, in fp32. Ours gives
the likeliest label, each scored as far as it can matter. `generate` decodes greedily along a trie of the labels, which
is less work and another question: the likeliest first token need not begin the likeliest label. So it is timed as it
is, row by row and in left-padded batches of its best size, and answers are compared under one rule at a time.
Likeliest label: ours against what transformers computes for all labels of a sample of rows. Greedy label: `generate`'s
against greedy decoding by our own likelihoods, on every row where it did not say the likeliest.

Sides take turns. Ours answers all rows in each, the others a part of them that is drawn anew.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.hardware import num_usable_cores
from benchmarks.label_peer import Peer, Prompt, from_greedy
from benchmarks.outcome import Goal, Outcome
from benchmarks.process import CACHE, REPOSITORY
from benchmarks.training_turns import MAX_LOAD, watch_machine
from tunesmith import lifecycle
from tunesmith.chat import Chat, load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate.items import test_items
from tunesmith.lifecycle import Job
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.model.load import load_model
from tunesmith.recipe.file import load_recipe
from tunesmith.records import Message, Rendered
from tunesmith.runtime import Runtime, Silent

SEED: Final = 0
DATA: Final = REPOSITORY.parent / "shared" / "data"
FILES: Final = {split: DATA / f"banking77_{split}.csv" for split in ("train", "test")}
RECIPE: Final = REPOSITORY / "recipes" / "banking77.yaml"
NUM_EPOCHS: Final = 4
"""Half of the recipe's: what is judged is not the model."""
MAX_MARGIN: Final = 1e-3
GOALS: Final = {
    "generate_loop_ratio": Goal(minimum=5.0),
    "batched_generate_ratio": Goal(minimum=2.0),
    "largest_margin": Goal(maximum=MAX_MARGIN),
}
OURS: Final = "ours"
LOOP: Final = "generate, row by row"
BATCHED: Final = "generate, batched"
SORTED: Final = "generate, batched by length"


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    num_rounds: int = 5
    loop_rows: int = 64
    """Of each round."""
    batched_rows: int = 1024
    sweep_rows: int = 512
    batch_sizes: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    checked_rows: int = 96
    """Rows of which transformers computes all labels."""
    needs_idle: bool = True
    num_threads: int = num_usable_cores()


SMOKE: Final = Scale(1, 2, 8, 8, (2, 4), 3, needs_idle=False, num_threads=1)


@dataclass(frozen=True)
class Subject:
    """The model, and what it is asked."""

    folder: Path
    prompts: Sequence[Prompt]
    labels: Sequence[str]


@dataclass(frozen=True)
class Turn:
    """What a side answered of some rows, and how long it took."""

    rows: tuple[int, ...]
    chosen: tuple[int, ...]
    """Numbers of labels."""
    seconds: float

    @property
    def rate(self) -> float:
        return len(self.rows) / self.seconds


@dataclass(frozen=True)
class Round:
    """One turn of every side, and the busy cores just before."""

    turns: Mapping[str, Turn]
    load: float


@dataclass(frozen=True)
class Difference:
    """A row whose label differs, under one rule, by `margin` nats of our likelihoods."""

    row: int
    side: str
    ours: int
    theirs: int
    margin: float


def run(*, quick: bool) -> Outcome:
    """Tune and measure; `quick` asks the untuned base a few made questions."""
    missing = [] if quick else [str(file) for file in FILES.values() if not file.is_file()]
    if missing:
        return Outcome({}, [[""]], void=tuple(f"{file} is not there" for file in missing))
    return compare(made_subject(), SMOKE) if quick else compare(tuned_subject(), Scale())


def made_subject() -> Subject:
    names = ("card", "transfer", "top up", "cash")
    labels = sorted(f"{name} {what}" for name in names for what in ("fee", "failed", "late"))
    prompts = [(Message("user", f"My {names[n % 4]} number {n} is {'not ' * (n % 3)}there."),) for n in range(12)]
    return Subject(find_base(BUILTIN).folder, prompts, labels)


def tuned_subject() -> Subject:
    """The model of an earlier run where nothing that decides it has changed."""
    sources = ", ".join(f"{{path: {file}, split: {split}}}" for split, file in FILES.items())
    recipe = load_recipe(
        RECIPE, (f"prepare.sources=[{sources}]", f"train.epochs={NUM_EPOCHS}", "train.trackers=[]", "variants={}")
    )
    workspace = CACHE / "label-scoring"
    job = Job(recipe, Runtime(workspace, workspace / "cache", num_threads=num_usable_cores()), Silent())
    model = lifecycle.models_of(job)["tuned"]
    dataset = lifecycle.prepare(job)
    labels = sorted({row.label for row in dataset.rows("train") if row.label is not None})
    return Subject(model.payload, [item.prompt for item in test_items(dataset.rows("test"), None, SEED)], labels)


class Sides:
    """Both programs with the same weights loaded."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.chat: Chat = load_chat(subject.folder)
        self.candidates = [Message("assistant", label) for label in subject.labels]
        self.label_ids = [self.chat.answer_ids(each, subject.prompts[0]) for each in self.candidates]
        model = load_model(subject.folder, dtype=torch.float32, device="cpu")
        self.engine = LocalEngine(model, self.chat, find_base(str(subject.folder)).max_tokens)
        self.peer = Peer(subject.folder, self.chat, self.label_ids)

    def scores(self, rows: Sequence[int]) -> list[list[float]]:
        return self.engine.log_likelihoods([self.subject.prompts[row] for row in rows], self.candidates)

    def ours(self, rows: Sequence[int]) -> list[int]:
        return [int(np.argmax(row)) for row in self.scores(rows)]

    def generate(self, rows: Sequence[int], batch_size: int, *, by_length: bool = False) -> list[int]:
        return self.peer.choose([self.subject.prompts[row] for row in rows], batch_size, by_length=by_length)

    def token_logs(self, row: int) -> list[list[float]]:
        """By our engine, of every label's tokens."""
        prompt_ids = self.chat.prompt_ids(self.subject.prompts[row])
        asked = []
        for number, label in enumerate(self.label_ids):
            weights = [0.0] * len(prompt_ids) + [1.0] * len(label)
            ids_T, weights_T = np.array([*prompt_ids, *label], np.int32), np.array(weights, np.float32)
            asked.append(Rendered(str(number), ids_T, weights_T))
        return [logs_T[len(prompt_ids) :].tolist() for logs_T in self.engine.token_likelihoods(asked)]


def compare(subject: Subject, scale: Scale) -> Outcome:
    """Find the best batch size, let the sides take turns, compare what they said."""
    torch.set_num_threads(scale.num_threads)
    sides = Sides(subject)
    sweep = {size: _sweep(sides, scale, size) for size in scale.batch_sizes}
    best_size = max(sweep, key=lambda size: sweep[size])
    rounds = take_rounds(sides, scale, best_size)
    said = _answers(rounds)
    likeliest, checked_seconds = compare_likeliest(sides, _drawn(sides, scale.checked_rows, "checked"))
    greedy, num_not_likeliest = compare_greedy(sides, said)
    figures = {
        **figures_of(rounds),
        "best_batch_size": float(best_size),
        "all_labels_rows_per_second": scale.checked_rows / checked_seconds,
        "num_likeliest_checked": float(scale.checked_rows),
        "num_likeliest_differing": float(len(likeliest)),
        "num_greedy_checked": float(sum(len(by_row) for side, by_row in said.items() if side != OURS)),
        "num_greedy_not_likeliest": float(num_not_likeliest),
        "num_greedy_differing": float(len(greedy)),
        "largest_margin": max((each.margin for each in (*likeliest, *greedy)), default=0.0),
    }
    details: dict[str, Any] = {
        "scale": asdict(scale),
        "num_rows": len(subject.prompts),
        "num_labels": len(subject.labels),
        "rows_per_second_by_batch_size": sweep,
        "rounds": [
            {"load": each.load, "seconds": {side: turn.seconds for side, turn in each.turns.items()}} for each in rounds
        ],
        "differing_likeliest": [asdict(each) for each in likeliest],
        "differing_greedy": [asdict(each) for each in greedy],
    }
    return Outcome(
        figures, table_of(figures, rounds, (*likeliest, *greedy)), details=details, void=_busy(rounds, scale)
    )


def _drawn(sides: Sides, num: int, name: str) -> list[int]:
    """Rows drawn by the name of what they are for, in their order."""
    rng = np.random.default_rng([SEED, *name.encode()])
    return sorted(rng.permutation(len(sides.subject.prompts))[:num].tolist())


def _sweep(sides: Sides, scale: Scale, size: int) -> float:
    """Rows a second of `generate` at a batch size."""
    rows = _drawn(sides, scale.sweep_rows, "sweep")
    sides.generate(rows[:size], size)
    return _timed(rows, partial(sides.generate, rows, size)).rate


def _timed(rows: Sequence[int], choose: Callable[[], list[int]]) -> Turn:
    started = time.perf_counter()
    chosen = choose()
    return Turn(tuple(rows), tuple(chosen), time.perf_counter() - started)


def take_rounds(sides: Sides, scale: Scale, batch_size: int) -> list[Round]:
    """Every side once a round, after one that does not count; one on a busy machine is taken again, up to a limit."""
    everything = list(range(len(sides.subject.prompts)))
    rounds: list[Round] = []
    while len(rounds) <= 2 * scale.num_rounds and len(_counted(rounds[1:], scale)) < scale.num_rounds:
        load = watch_machine() if scale.needs_idle and rounds else 0.0
        few = _drawn(sides, scale.loop_rows, f"loop {len(rounds)}")
        many = _drawn(sides, scale.batched_rows, f"batched {len(rounds)}")
        turns = {
            OURS: _timed(everything, partial(sides.ours, everything)),
            LOOP: _timed(few, partial(sides.generate, few, 1)),
            BATCHED: _timed(many, partial(sides.generate, many, batch_size)),
            SORTED: _timed(many, partial(sides.generate, many, batch_size, by_length=True)),
        }
        rounds.append(Round(turns, load))
    timed = rounds[1:]
    return _counted(timed, scale) if len(_counted(timed, scale)) >= scale.num_rounds else timed


def _counted(rounds: Sequence[Round], scale: Scale) -> list[Round]:
    return [each for each in rounds if not scale.needs_idle or each.load < MAX_LOAD]


def _busy(rounds: Sequence[Round], scale: Scale) -> tuple[str, ...]:
    num_busy = len(rounds) - len(_counted(rounds, scale))
    if not num_busy:
        return ()
    return (f"the machine was busy before {num_busy} of {len(rounds)} rounds; the figures are those of all of them",)


def figures_of(rounds: Sequence[Round]) -> dict[str, float]:
    """Medians over rounds, of rates and of our rate over each other."""

    def ratio(side: str) -> float:
        return statistics.median(each.turns[OURS].rate / each.turns[side].rate for each in rounds)

    names = {OURS: "ours", LOOP: "generate_loop", BATCHED: "batched_generate", SORTED: "sorted_generate"}
    rates = {
        f"{name}_rows_per_second": statistics.median(each.turns[side].rate for each in rounds)
        for side, name in names.items()
    }
    return rates | {f"{name}_ratio": ratio(side) for side, name in names.items() if side != OURS}


def _answers(rounds: Sequence[Round]) -> dict[str, dict[int, int]]:
    """By side and row, the label that was said."""
    said: dict[str, dict[int, int]] = {side: {} for side in rounds[0].turns}
    for each in rounds:
        for side, turn in each.turns.items():
            said[side] |= zip(turn.rows, turn.chosen, strict=True)
    return said


def compare_likeliest(sides: Sides, rows: Sequence[int]) -> tuple[list[Difference], float]:
    """Where transformers finds another label likeliest, and how long it took for all labels of these rows."""
    found = []
    seconds = 0.0
    for row, scores in zip(rows, sides.scores(rows), strict=True):
        started = time.perf_counter()
        theirs = int(np.argmax(sides.peer.likelihoods(sides.subject.prompts[row])))
        seconds += time.perf_counter() - started
        ours = int(np.argmax(scores))
        if theirs != ours:
            found.append(Difference(row, "transformers, all labels", ours, theirs, scores[ours] - scores[theirs]))
    return found, seconds


def compare_greedy(sides: Sides, said: Mapping[str, Mapping[int, int]]) -> tuple[list[Difference], int]:
    """Where `generate` left what greedy decoding by our likelihoods writes, and how many of its labels are not ours.

    On rows where it said the likeliest label, both rules agree with it.
    """
    found, logs_of = [], {}
    others = [
        (side, row, theirs)
        for side, by_row in said.items()
        for row, theirs in by_row.items()
        if theirs != said[OURS][row]
    ]
    for side, row, theirs in others:
        if row not in logs_of:
            logs_of[row] = sides.token_logs(row)
        margin = from_greedy(sides.label_ids, logs_of[row], theirs)
        if margin > 0.0:
            found.append(Difference(row, side, said[OURS][row], theirs, margin))
    return found, len(others)


def table_of(figures: Mapping[str, float], rounds: Sequence[Round], differing: Sequence[Difference]) -> list[list[str]]:
    """The sides, then every answer that differs under the same rule."""
    ratios = {
        OURS: "-",
        LOOP: "generate_loop_ratio",
        BATCHED: "batched_generate_ratio",
        SORTED: "sorted_generate_ratio",
    }
    table = [["", "rows/s", "least", "most", "ours is"]]
    for side, ratio in ratios.items():
        rates = [each.turns[side].rate for each in rounds]
        times = "-" if side == OURS else f"{figures[ratio]:.2f}x"
        table.append([side, f"{statistics.median(rates):.1f}", f"{min(rates):.1f}", f"{max(rates):.1f}", times])
    rate = figures["all_labels_rows_per_second"]
    times = f"{figures['ours_rows_per_second'] / rate:.2f}x"
    table.append(["transformers, all labels of a row", f"{rate:.1f}", "", "", times])
    table += [
        [f"row {each.row}, {each.side}", f"ours {each.ours}", f"theirs {each.theirs}", f"{each.margin:.1e}", ""]
        for each in differing
    ]
    return table

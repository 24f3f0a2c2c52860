"""Trials whose validation curves are formulas: what a bracket trains when no model is wanted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from optuna.distributions import FloatDistribution

from tunesmith.search.bracket import Bracket, Candidate, Trainer
from tunesmith.search.ledger import Ledger
from tunesmith.train.training import Training

SPACE = {"rate": FloatDistribution(0.001, 1.0, log=True)}


def loss(rate: float, step: int) -> float:
    """Falls with the steps, fastest at a rate of 0.1; too high a rate diverges after four of them."""
    if rate > 0.8 and step > 4:
        return math.nan
    return 0.2 * math.log10(rate / 0.1) ** 2 + 1 / (1 + step)


@dataclass
class Curves:
    """Trained trials: how many steps each has taken, and a book of all steps that were ever taken."""

    rates: dict[str, float]
    book: list[tuple[str, int]]
    steps: dict[str, int] = field(default_factory=dict)

    def advance(self, step: int) -> dict[str, float]:
        for name in self.rates:
            for taken in range(self.steps.get(name, 0) + 1, step + 1):
                self.book.append((name, taken))
            self.steps[name] = step
        return {name: loss(rate, self.steps[name]) for name, rate in self.rates.items()}

    def keep(self, names: Collection[str]) -> None:
        self.rates = {name: rate for name, rate in self.rates.items() if name in names}

    def save(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "steps.json").write_text(json.dumps({name: self.steps[name] for name in self.rates}))

    def restore(self, folder: Path) -> None:
        saved = json.loads((folder / "steps.json").read_text())
        self.steps = {name: saved[name] for name in self.rates}


def candidate(number: int, num_steps: int) -> Candidate:
    """A trial of so many steps; of its training only the number of steps is asked."""
    training = SimpleNamespace(plan=SimpleNamespace(body=SimpleNamespace(num_steps=num_steps)))
    return Candidate(number, cast(Any, None), cast(Training, training))


def trainer(rates: Mapping[int, float], book: list[tuple[str, int]], size: int = 8) -> Trainer:
    """Groups of at most `size` trials."""

    def begin(candidates: Sequence[Candidate]) -> Curves:
        return Curves({str(one.number): rates[one.number] for one in candidates}, book)

    return Trainer(lambda candidates: len(candidates) <= size, begin)


def bracket(ledger: Ledger, folder: Path, book: list[tuple[str, int]], num_steps: int = 16, **changes: Any) -> Bracket:
    """All trials of the ledger's bracket 0."""
    entries = ledger.of_bracket(0)
    rates = {entry.number: float(cast(float, entry.settings["rate"])) for entry in entries}
    settings: dict[str, Any] = {
        "number": 0,
        "candidates": [candidate(number, num_steps) for number in rates],
        "ledger": ledger,
        "trainer": trainer(rates, book, changes.pop("size", 8)),
        "folder": folder / "bracket-0",
        "eta": 2,
        "higher_is_better": False,
        "is_over": lambda: False,
        "on_rung": lambda rung, num: None,
        "on_halved": lambda num: None,
    }
    return Bracket(**{**settings, **changes})


def begun(folder: Path, num: int, propose: Callable[[Ledger, int], float]) -> Ledger:
    """A ledger with so many trials in bracket 0."""
    ledger = Ledger(folder, higher_is_better=False)
    for number in range(len(ledger.of_bracket(0)), num):
        ledger.begin({"rate": propose(ledger, number)}, SPACE, 0)
    return ledger

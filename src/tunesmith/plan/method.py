"""Which method suits a job: a matrix of rows, corrected by what fits in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tunesmith.plan.predict import Workload
from tunesmith.recipe import AUTO_METHODS, Method, Train

MATRIX: Final = ((100_000, "full"), (10_000, "lora"), (0, "prefix"))
"""Fewest training rows from which a method is the customary choice."""
STRENGTH: Final[tuple[str, ...]] = ("full", "lora", "prefix")
"""From the method that can learn most, and needs most memory and most rows, to the one that needs least."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A method and why: `reason` is a catalogue key `plan.reason.method-*`."""

    method: Method
    reason: str
    parameters: dict[str, str | int | float]


def advise(work: Workload, section: Train, precision: str, limit_bytes: int | None) -> Advice:
    """The method that the matrix names, or where it is not there or does not fit, the nearest that is and does.

    Raises nothing where none fits: the least demanding one is named, and `require_room` refuses it.
    """
    num_rows = len(work.train)
    named = next(name for least, name in MATRIX if num_rows >= least)
    there: list[str] = [name for name in STRENGTH if name in AUTO_METHODS]
    wanted = named if named in there else _nearest(named, there)
    parameters: dict[str, str | int | float] = {"rows": num_rows, "named": named}
    reason = "rows" if wanted == named else "absent"
    for name in there[there.index(wanted) :]:
        method = AUTO_METHODS[name]()
        peak = work.prediction(section.model_copy(update={"method": method}), precision).train_bytes
        if limit_bytes is None or peak <= limit_bytes or name == there[-1]:
            return Advice(method, f"plan.reason.method-{reason}", parameters)
        reason = "memory"
        parameters |= {"needed": f"{peak / 1e9:.1f}", "there": f"{limit_bytes / 1e9:.1f}", "heavier": name}
    raise AssertionError("the last method is always taken")


def _nearest(named: str, there: list[str]) -> str:
    """Of the methods that are there, the one nearest in strength, the stronger of two."""
    place = STRENGTH.index(named)
    return min(there, key=lambda name: (abs(STRENGTH.index(name) - place), STRENGTH.index(name)))

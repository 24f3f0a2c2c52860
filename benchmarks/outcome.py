"""What a benchmark gives back, and how its figures are judged against its goals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """Bounds of one figure, both inclusive."""

    minimum: float | None = None
    maximum: float | None = None

    def is_met(self, figure: float) -> bool:
        """Whether the figure lies within the bounds; NaN never does."""
        above = self.minimum is None or figure >= self.minimum
        below = self.maximum is None or figure <= self.maximum
        return above and below

    def __str__(self) -> str:
        bounds = ((">=", self.minimum), ("<=", self.maximum))
        return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Outcome:
    """Everything one run of a benchmark measured."""

    figures: Mapping[str, float]
    table: Sequence[Sequence[str]]
    """Rows of cells to print, the heading first."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions that only the benchmark knows, such as a peer's."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the figures were computed from."""
    void: tuple[str, ...] = ()
    """Why the figures may not be used; empty when they may."""


def missed_goals(figures: Mapping[str, float], goals: Mapping[str, Goal]) -> list[str]:
    """One sentence for each goal that is missed; a figure that was not measured misses its goal."""
    missed = []
    for name, goal in goals.items():
        if name not in figures:
            missed.append(f"{name}: not measured, goal {goal}")
        elif not goal.is_met(figures[name]):
            missed.append(f"{name}: {figures[name]:.4g}, goal {goal}")
    return missed

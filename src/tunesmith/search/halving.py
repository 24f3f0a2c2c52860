"""Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943): how far how many trials go, and what that costs.

n trials take the first part of their steps, the best 1/eta of them eta times as many, and so on; what is left at the
end is trained whole. A trial goes on where it stopped, so that it pays for no step twice: 8 trials with eta 2 cost
8/8 + 4/8 + 2/4 + 1/2 = 2.5 full trials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Rung:
    """So many trials are trained until they have taken this share of their own steps."""

    num_trials: int
    share: Fraction


def rungs_of(num_trials: int, eta: int | None) -> tuple[Rung, ...]:
    """The rungs of a bracket, the last one at share 1; with eta None that one alone.

    Rung r of R is for floor(n / eta^r) trials at share eta^(r - R + 1); R - 1 is the largest power of eta within n.
    """
    if eta is None:
        return (Rung(num_trials, Fraction(1)),)
    last = 0
    while eta ** (last + 1) <= num_trials:
        last += 1
    return tuple(Rung(num_trials // eta**rung, Fraction(1, eta ** (last - rung))) for rung in range(last + 1))


def steps_at(share: Fraction, num_steps: int) -> int:
    """Optimiser steps that a training of `num_steps` has taken at a rung: at least one."""
    return max(1, math.ceil(share * num_steps))


def full_trials(num_trials: int, eta: int | None) -> Fraction:
    """What a bracket of trials of equal length costs, in trainings to the end."""
    cost, before = Fraction(0), Fraction(0)
    for rung in rungs_of(num_trials, eta):
        cost += rung.num_trials * (rung.share - before)
        before = rung.share
    return cost


def best_of(values: Mapping[int, float], num: int, *, higher_is_better: bool) -> list[int]:
    """The numbers of the `num` best trials, best first; of equal ones the earlier."""
    sign = -1.0 if higher_is_better else 1.0
    return sorted(values, key=lambda number: (sign * values[number], number))[:num]

"""The time a piece of work needs, told apart from the time that a busy machine takes."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

MAX_TRIES = 8


def least_seconds(work: Callable[[], object], enough: float) -> float:
    """The processor's time of the quickest of some tries, of which the first below `enough` is the last.

    Other work on the machine only ever adds to a try, so that work which needs more than `enough` never gets below.
    """
    least = float("inf")
    for _ in range(MAX_TRIES):
        begun = process_time()
        work()
        least = min(least, process_time() - begun)
        if least < enough:
            break
    return least

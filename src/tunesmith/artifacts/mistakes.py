"""What went wrong in the answers of an arm: wrong ones by kind, and what may be done about weak slices."""

from __future__ import annotations

from typing import Final, Literal, get_args

from tunesmith.artifacts.figures import Estimate, Record

ErrorKind = Literal[
    "timed_out", "truncated", "empty", "refused", "copied", "language", "unparsable", "label", "number", "other"
]
ERROR_KINDS: Final[tuple[ErrorKind, ...]] = get_args(ErrorKind)
NumberError = Literal["sign", "magnitude", "unit", "rounded", "near", "far"]


class ErrorPart(Record):
    """Wrong answers of one kind that are alike: `told` in place of `wanted`."""

    wanted: str
    """A label, or a language; empty for numbers."""
    told: str
    """A label, a language, or how a number is off: a `NumberError`."""
    count: int
    items: list[str]
    """Ids of the first few."""


class ErrorCount(Record):
    """The wrong answers of one arm to the test items that are of one kind."""

    kind: ErrorKind
    count: int
    share: Estimate
    """Of all answers, the mean over the items."""
    parts: list[ErrorPart] = []
    """The most frequent first; of labels, languages and numbers."""
    worst: list[str]
    """Ids of items: lowest score by the verdict's metric first, then those that the arm was surest of."""


class Remedy(Record):
    """One thing to do about a weak slice: what to write behind `tunesmith run RECIPE`, to be quoted for a shell."""

    action: Literal["augment", "balance", "collect"]
    override: str

"""The 3C score of a dataset, what `quality.json` holds: consistency, completeness, correctness, representativeness.

A row's faults count once, in this order: one that lacks a part is not judged for consistency, and one that contradicts
others is not judged for correctness.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

QUALITY: Final = "quality.json"
FAULTS: Final = "faults.jsonl"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Record):
    """One kind of fault: `score` = 1 - `faulty` / `judged`."""

    score: float
    judged: int
    """Rows looked at; of a declared coverage, the declared values."""
    faulty: int


class FaultyRow(_Record):
    """A row with a fault: one line of `faults.jsonl`, which lists all but the rejected ones."""

    part: str
    """The part of the score that it lowers."""
    id: str | None
    """None of a row that was rejected: it lies in `rejects.jsonl`."""
    place: str
    """Where the row stood in its source."""
    detail: str
    """What was found and what was wanted."""
    against: str | None = None
    """Where the row stood that it contradicts."""


class Criterion(_Record):
    """One of the three Cs."""

    score: float | None
    """The product of its parts' scores, 0 to 1; None where nothing could be judged."""
    parts: dict[str, Part]
    """By code `quality.part.<part>` of the catalogue; a part that could not be judged is absent."""
    worst: list[FaultyRow]
    """The worst rows of each part, worst first."""


class Region(_Record):
    """Expected inputs that are like each other and like no training row."""

    texts: int
    share: float
    """Of the expected inputs that were compared."""
    examples: list[str]
    """The most typical in front, cut to 200 characters."""


class Representativeness(_Record):
    """How far the training rows are from a file of expected or served inputs."""

    expected: str
    """That file."""
    texts: int
    """Of that file, each different one once, as many as were compared."""
    rows: int
    """Training rows compared with."""
    covered: float
    """Share of the expected inputs with a training row at least as near as `similarity`."""
    covered_if_alike: float
    """The share to be expected were both drawn from one distribution."""
    similarity: float
    """Cosine of character n-grams that this share of the training rows reach among themselves."""
    distance: float
    """Maximum mean discrepancy (unbiased estimate of its square; about 0 for one distribution)."""
    p_value: float
    """How often so large a distance comes from chance alone."""
    regions: list[Region]
    """What is not covered, largest first."""


class QualityReport(_Record):
    """What `quality.json` holds."""

    consistency: Criterion
    completeness: Criterion
    correctness: Criterion
    coverage: dict[str, dict[str, int]]
    """By column and declared value, the training rows that have it; 0 where it is missing."""
    representativeness: Representativeness | None
    """None where the recipe names no expected inputs."""

    @property
    def numbers(self) -> dict[str, float | None]:
        """The score of each C by its name, and the share of covered inputs."""
        expected = self.representativeness
        return {
            "consistency": self.consistency.score,
            "completeness": self.completeness.score,
            "correctness": self.correctness.score,
            "representativeness": None if expected is None else expected.covered,
        }

"""The HealthReport: one window of a served model's traffic against what it was trained on and what was accepted.

`health.json` holds it. Whether it is found again is decided by what it was made of: the window, the reference, the
section `monitor`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.folder import Manifest, read_body, read_manifest

KIND: Final = "health"
BODY: Final = "health.json"
Family = Literal["input", "output", "quality", "concept", "operations"]


class Shift(Record):
    """One feature of the window against the reference."""

    feature: str
    """`length`, `language`, `ngrams`, `embedding`, `label`, ..."""
    family: Family
    test: Literal["ks", "chi_square", "mmd", "difference", "adwin"]
    effect: float
    """How far apart, 0 (alike) to 1: the largest distance of the distribution functions (`ks`), half the sum of the
    differences of shares (`chi_square`), the squared mean discrepancy of a kernel of at most 1 (`mmd`), the difference
    of two means of numbers from 0 to 1, or by how much such a mean fell (`adwin`)."""
    p_value: float
    """Adaptive windowing (`adwin`) gives none: the level that it was asked at where it found a fall, else 1."""
    num_reference: int
    num_window: int
    psi: float | None = None
    """Population stability index, where the feature has classes or was cut into ten."""
    psi_limit: float | None = None
    """What it exceeds in the report's `level` of drift-free windows of these sizes."""
    is_alarm: bool = False
    classes: dict[str, tuple[float, float]] = {}
    """Of classes, the five whose share changed the most: in the reference, in the window."""


class Figure(Record):
    """A number of the window beside that of the reference, without a test of its own: latency, errors, costs."""

    name: str
    family: Family
    value: float | None
    """None where the window tells nothing of it."""
    reference: float | None = None


class Unfamiliar(Record):
    """Requests of the window that are unlike anything in training, alike among themselves."""

    exchanges: list[str]
    """Ids, the most typical first."""
    examples: list[str]
    """The first texts of those, as recorded."""
    distance: float
    """Of the most typical one to its nearest training row, as 1 - cosine."""


class HealthBody(Record):
    """What `health.json` holds."""

    version: Literal[1] = 1
    model: str
    bundle: str
    since: datetime
    until: datetime
    num_exchanges: int
    num_feedback: int
    is_judged: bool
    """False where the window has too few exchanges: then nothing is tested."""
    num_accepted: int = 0
    """Earlier windows that it was held against, beside what the model was trained on."""
    level: float
    """Chance that any feature of this window is a false alarm."""
    false_alarms_per_year: float
    shifts: list[Shift] = []
    figures: list[Figure] = []
    unfamiliar: list[Unfamiliar] = []

    @property
    def alarms(self) -> list[Shift]:
        return [shift for shift in self.shifts if shift.is_alarm]

    def figure(self, name: str) -> float | None:
        return next((figure.value for figure in self.figures if figure.name == name), None)


@dataclass(frozen=True)
class HealthReport:
    folder: Path
    manifest: Manifest
    body: HealthBody

    @classmethod
    def open(cls, folder: Path) -> HealthReport:
        """Raises what `read_manifest` raises."""
        manifest = read_manifest(folder, KIND)
        return cls(folder, manifest, read_body(folder / BODY, HealthBody, KIND))

    @property
    def key(self) -> str:
        return self.manifest.key

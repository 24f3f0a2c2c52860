"""The Scorecard on disk: all arms in one table with intervals, the paired differences, the verdict, every sample."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from tunesmith.artifacts.folder import Manifest, read_manifest
from tunesmith.records import Message, Sample, Sampling

KIND: Final = "scorecard"
BODY: Final = "scorecard.json"
SAMPLES: Final = "samples.jsonl"

LOWER_IS_BETTER: Final = frozenset({"bits_per_byte", "mae", "mse", "rmse"})
"""Metrics of which less is better; of all others more is."""

Task = Literal["labels", "text", "numbers", "documents"]
"""What a test item asks for: one of the labels, an answer, a number; or it is a text to be read."""
VerdictWord = Literal["better", "better_with_losses", "not_better", "not_enough_evidence"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Estimate(_Record):
    """A figure with its 95 % interval over `n` items; `low` and `high` are absent where none can be given."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int


class Difference(_Record):
    """Paired difference arm - against over the same items, with its 95 % interval."""

    suite: str
    metric: str
    arm: str
    against: str
    mean: float
    low: float
    high: float
    p_value: float
    n: int


class Arm(_Record):
    """One column of the comparison."""

    name: str
    """`base`, `base_free_form`, `base_few_shot`, `classic`, `majority`, `tuned`, or the name of a variant."""
    metrics: dict[str, dict[str, Estimate]]
    """Estimates by suite (`test`, `general_en`, `general_zh`) and metric."""
    num_prompt_tokens_mean: float | None = None
    num_answer_tokens_mean: float | None = None
    seconds: float


class Forgetting(_Record):
    """A general suite before and after: the paired difference and the items lost and won."""

    suite: str
    arm: str
    before: Estimate
    after: Estimate
    difference: Difference
    lost: list[str]
    won: list[str]


class Verdict(_Record):
    """`word` about `arm` against `base`; `reasons` are catalogue keys with their parameters."""

    word: VerdictWord
    arm: str
    metric: str
    difference: Difference
    reasons: list[tuple[str, dict[str, str | int | float]]]


class WeakSlice(_Record):
    """Test items in which the tuned model does worse than in the others; found on other items than those counted."""

    kind: str
    """`language`, `label`, `length`, `source`, `phrase` of the question, or a column of the rows."""
    value: str
    inside: Estimate
    outside: Estimate
    p_value: float
    """Corrected for the slices that were looked at."""
    num_train_rows: int
    """Training rows of the same kind; 0 for lengths, languages and sources."""
    worst: list[str]
    """Ids of the items that went worst."""


class ScorecardBody(_Record):
    """What `scorecard.json` holds."""

    task: Task
    metric: str
    """The metric of the verdict."""
    num_items: dict[str, int]
    """Judged items by suite."""
    arms: list[Arm]
    differences: list[Difference]
    forgetting: list[Forgetting]
    verdicts: list[Verdict]
    """The tuned model first, then each variant."""
    max_loss: float
    slices: dict[str, dict[str, dict[str, Estimate]]] = {}
    """Metric of the verdict by slice (language, label, length, source, a column), value and arm."""
    weak_slices: list[WeakSlice] = []
    """Of the tuned model and the verdict's metric, clearest first."""


@dataclass(frozen=True)
class Scorecard:
    """`scorecard.json` and `samples.jsonl`."""

    folder: Path
    manifest: Manifest
    body: ScorecardBody

    @classmethod
    def open(cls, folder: Path) -> Scorecard:
        manifest = read_manifest(folder, KIND)
        return cls(folder, manifest, ScorecardBody.model_validate_json((folder / BODY).read_bytes()))

    @property
    def key(self) -> str:
        return self.manifest.key

    def samples(self) -> Iterator[Sample]:
        return read_samples(self.folder / SAMPLES)


def write_samples(file: Path, samples: Iterable[Sample]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(sample, default=_fields, ensure_ascii=False) + "\n" for sample in samples)


def _fields(record: Sample | Message | Sampling) -> dict[str, Any]:
    # `asdict` would copy every value first
    return {field.name: getattr(record, field.name) for field in fields(record)}


def read_samples(file: Path) -> Iterator[Sample]:
    with file.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            row: dict[str, Any] = json.loads(line)
            row["prompt"] = tuple(Message(**message) for message in row["prompt"])
            row["sampling"] = Sampling(**row["sampling"])
            yield Sample(**row)

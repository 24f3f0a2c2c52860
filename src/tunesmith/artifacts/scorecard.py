"""The Scorecard on disk: all arms in one table with intervals, the paired differences, the verdict, every sample."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from tunesmith.artifacts.calibration import CalibrationTable, Kind, SavedMap, read_maps
from tunesmith.artifacts.figures import Difference as Difference
from tunesmith.artifacts.figures import Estimate as Estimate
from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.folder import Manifest, read_manifest
from tunesmith.artifacts.mistakes import ErrorCount, Remedy
from tunesmith.artifacts.model_bias import ModelBias
from tunesmith.artifacts.rated import Rated
from tunesmith.errors import Place, TunesmithError
from tunesmith.records import Message, Sample, Sampling

KIND: Final = "scorecard"
BODY: Final = "scorecard.json"
SAMPLES: Final = "samples.jsonl"
SCORECARD_VERSION: Final = 1
"""Of `scorecard.json`, whose schema is `docs/scorecard.schema.json`. Raised in each release in which a key comes, goes
or changes its meaning; what came before is still read, by defaults of what it lacks."""

READING: Final = ("bits", "bytes", "tokens")
"""Scores of a sample that are of its item's reference: what the model needs to say it, and how long it is."""

Task = Literal["labels", "text", "numbers", "documents"]
"""What a test item asks for: one of the labels, an answer, a number; or it is a text to be read."""
VerdictWord = Literal["better", "better_with_losses", "format_only", "worse", "equivalent", "not_enough_evidence"]


class ClassScores(Record):
    """Of one class; each is 0 where nothing was predicted, or was true."""

    precision: float
    recall: float
    f1: float
    num_items: int
    """Whose true class it is."""


class TermRecall(Record):
    """Of one term: how many answers had to hold it, and how many did."""

    expected: int
    found: int


class Bounds(Record):
    """The metric of the verdict if all answers that are none were wrong, and if all of them were right.

    An end is absent where the metric has no worst or best value.
    """

    all_wrong: float | None
    all_right: float | None


class Details(Record):
    """What stands behind an arm's figures on the test items."""

    faults: dict[str, int] = {}
    """Answers that are none, by kind: `timed_out`, `truncated`, `empty`, `refused`, `unparsable`."""
    failed: dict[str, int] = {}
    """Answers that a metric could not be computed of, by metric; its estimate is of the others."""
    bounds: Bounds | None = None
    """Absent where every answer is one."""
    classes: dict[str, ClassScores] = {}
    confusion: dict[str, dict[str, int]] = {}
    """Items by true and told class; "" for what is no class. Pairs that never occur are left out."""
    terms: dict[str, TermRecall] = {}


class Arm(Record):
    """One column of the comparison."""

    name: str
    """`base`, `base_changed`, `base_free_form`, `base_few_shot`, `classic`, `majority`, `tuned`, `tuned_free_form`, or
    the name of a variant."""
    metrics: dict[str, dict[str, Estimate]]
    """Estimates by suite (`test`, `general_en`, `general_zh`) and metric."""
    num_prompt_tokens_mean: float | None = None
    num_answer_tokens_mean: float | None = None
    seconds: float
    details: Details | None = None


class KindForgetting(Record):
    """The questions of one kind before and after."""

    kind: str
    """`language`, `arithmetic`, `reasoning`, `format`, `refusal`, or what a suite of the user's calls it."""
    before: Estimate
    after: Estimate
    difference: Difference


class Forgetting(Record):
    """A general suite before and after: the paired difference and the items lost and won."""

    suite: str
    arm: str
    before: Estimate
    after: Estimate
    difference: Difference
    lost: list[str]
    won: list[str]
    num_cut_before: int = 0
    num_cut_after: int = 0
    """Answers that were cut for want of room; what they say so far is judged."""
    kinds: list[KindForgetting] = []
    """By the kind of question, where the suite tells it."""


class KindCount(Record):
    """Requests of one kind: how many there are, and how many of them were refused before and after."""

    n: int
    before: int
    after: int


class Change(Record):
    """One metric of a suite before and after tuning, over the items of which it says something both times."""

    suite: str
    arm: str
    metric: str
    before: Estimate
    after: Estimate
    difference: Difference
    worse: list[str]
    """Items that went for the worse, and those that went for the better."""
    better: list[str]


class SafetyChange(Record):
    """What one tuned model refuses of the safety suite in one language, before and after.

    `change` is of the disallowed requests (metric `refused`: worse are those that were refused and are answered now) or
    of their harmless look-alikes (metric `over_refused`: worse are those that were answered and are refused now).
    """

    change: Change
    kinds: dict[str, KindCount]
    """By kind: weapons, drugs, fraud, privacy, self_harm, hate, malware, overreach."""
    num_unjudged: int
    """Requests without an answer of either model, whose thinking never ended."""


class ContentBreak(Record):
    """An answer to a test item that breaks rules of the recipe."""

    item: str
    index: int
    broken: list[tuple[str, str, str]]
    """Rule, what broke it (`word`, `pattern`, `topic`), and which one."""


class ContentFindings(Record):
    """How one arm keeps the content rules of the recipe; the share that breaks any is its metric `content_broken`."""

    rules: dict[str, Estimate]
    """By rule the share of answers that break it."""
    worst: list[ContentBreak]
    """The answers that break most rules."""


class Memorised(Record):
    """What one tuned model gives back of the training rows, against rows that it never saw and against the base.

    The metric is `extracted`, the share of rows whose answer is written on word by word from its first tokens; or
    `exposure` in bits, log2 of the numbers compared less log2 of the rank of the number that stands in the answer
    (Carlini et al. 2019, arXiv:1802.08232). Of both, worse are rows that are given back more than before.
    """

    train: Change
    held_out: Change | None
    """The same of test rows; None where none will do."""
    excess: Estimate | None
    """What tuning added on training rows beyond what it added on the others."""


class Verdict(Record):
    """`word` about `arm` against `base`; `reasons` are catalogue keys with their parameters."""

    word: VerdictWord
    arm: str
    metric: str
    difference: Difference
    reasons: list[tuple[str, dict[str, str | int | float]]]


class WeakSlice(Record):
    """Test items in which the tuned model does worse than in the others; found on other items than those counted."""

    kind: str
    """`language`, `label`, `length`, `source`, `phrase` of the question, or a column of the rows."""
    value: str
    inside: Estimate
    outside: Estimate
    p_value: float
    """Corrected for the slices that were looked at."""
    num_train_rows: int
    """Training rows of the same kind."""
    num_wanted_rows: int = 0
    """Training rows of the kind that it lacks, by the argument `wanted_by`."""
    wanted_by: Literal["median", "curve", "share"] = "share"
    """To have as many as the median of the other values; for errors as rare as elsewhere, were they to fall with the
    square root of the rows; to have the share that the kind has of the test items."""
    remedies: list[Remedy] = []
    worst: list[str]
    """Ids of the items that went worst."""


class ScorecardBody(Record):
    """What `scorecard.json` holds."""

    version: int = SCORECARD_VERSION
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
    margin: float = 0.0
    """What is smaller does not matter, in the unit of the verdict's metric."""
    labels: list[str] = []
    """The classes that macro-F1 is the mean of."""
    calibration: dict[str, dict[Kind, CalibrationTable]] = {}
    """By arm and kind of confidence, where it says how sure it is of its answers."""
    unstated: dict[str, dict[Kind, int]] = {}
    """Answers whose confidence could not be had or read, by arm and kind; those are not in its table."""
    slices: dict[str, dict[str, dict[str, Estimate]]] = {}
    """Metric of the verdict by slice (language, label, length, source, a column), value and arm."""
    weak_slices: list[WeakSlice] = []
    """Of the tuned model and the verdict's metric, clearest first."""
    safety: list[SafetyChange] = []
    """Empty where the safety suite was not asked."""
    content: dict[str, ContentFindings] = {}
    """By arm; empty where the recipe has no content rules."""
    memorisation: list[Memorised] = []
    """Empty where it was not looked for, or no row will do."""
    errors: dict[str, list[ErrorCount]] = {}
    """Wrong answers to the test items by arm, each of one kind, the most frequent kind first."""
    error_changes: list[Difference] = []
    """Tuned arms against the untuned one; `metric` is a kind of error, what is compared its share of the answers."""
    bias: ModelBias | None = None
    """None where the recipe declares no protected attributes."""
    judge: Rated | None = None
    """What a judging model said of the answers, made of `judge.jsonl`: it stands beside the metrics, and no verdict
    rests on it. None without one."""


@dataclass(frozen=True)
class Scorecard:
    """`scorecard.json` and `samples.jsonl`; `calibration.json` where confidences can be mended."""

    folder: Path
    manifest: Manifest
    body: ScorecardBody

    @classmethod
    def open(cls, folder: Path) -> Scorecard:
        """Raises what `read_manifest` raises, and TunesmithError `scorecard-newer`."""
        return cls(folder, read_manifest(folder, KIND), _read_body(folder / BODY))

    @property
    def key(self) -> str:
        return self.manifest.key

    def samples(self) -> Iterator[Sample]:
        return read_samples(self.folder / SAMPLES)

    def maps(self) -> list[SavedMap]:
        """The maps that mend the confidences of tuned arms."""
        return read_maps(self.folder)


def _read_body(file: Path) -> ScorecardBody:
    content = file.read_bytes()
    version = json.loads(content).get("version", SCORECARD_VERSION)
    if version > SCORECARD_VERSION:
        place = Place(str(file), field="version")
        raise TunesmithError("scorecard-newer", place=place, found=version, known=SCORECARD_VERSION)
    return ScorecardBody.model_validate_json(content)


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

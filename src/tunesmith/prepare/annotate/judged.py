"""Results as Label Studio exports them, task by task: what each annotator said, and how far they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tunesmith.prepare.annotate.layers import Answer, answer_of, entities, intents, meaning, relations
from tunesmith.prepare.annotate.tasks import ROW
from tunesmith.prepare.label_studio import earlier_turns, name_of_text
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow, Refused
from tunesmith.records import Rejected
from tunesmith.stats.agreement import ClassAgreement, MarkAgreement, class_agreement, mark_agreement

_NO_INTENT: Final = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One task with at least one answer."""

    id: str
    """Of the row, else of the task."""
    text: str
    data: Mapping[str, Any]
    answers: Mapping[str, Answer]
    """By annotator, the last that each one gave."""
    truth: str | None
    """The annotator whose answer is marked as ground truth."""

    @property
    def agreed(self) -> Answer | None:
        """What counts: the ground truth, else what all say; None where they differ."""
        if self.truth is not None:
            return self.answers[self.truth]
        first, *others = self.answers.values()
        return first if all(meaning(answer) == meaning(first) for answer in others) else None


@dataclass(frozen=True)
class Comparison:
    """Agreement by layer; None for a layer that nobody used."""

    tasks: int
    """With at least one answer."""
    annotators: Mapping[str, int]
    """How many tasks each judged."""
    unanimous: int
    """Tasks with two answers or more that all say the same."""
    disputed: int
    intents: ClassAgreement | None
    entities: MarkAgreement | None
    relations: MarkAgreement | None


def read_judged(file: Path) -> Iterator[Judged | Rejected]:
    """The tasks of an export in JSON, or of one task a line; those without an answer are Rejected `not-annotated`.

    Raises TunesmithError as `read_file` does.
    """
    for row in read_file(file).rows:
        try:
            yield row if isinstance(row, Rejected) else judge(row)
        except Refused as refused:
            assert isinstance(row, RawRow)
            yield row.rejected(refused)


def judge(row: RawRow) -> Judged:
    """Raises Refused: `missing-field`, `not-text`, `not-a-list`, `not-annotated`, and as `answer_of` does."""
    data, given = row.values.get("data"), row.values.get("annotations")
    if not isinstance(data, Mapping):
        raise Refused("missing-field", field="data")
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise Refused("not-a-list", field="annotations")
    submitted = [one for one in given if not one.get("was_cancelled")]
    if not submitted:
        raise Refused("not-annotated", field="annotations")
    results = [item for one in submitted for item in one.get("result") or () if isinstance(item, Mapping)]
    earlier_turns(data)  # refused here, so that whoever reads them later need not
    text = data[name_of_text(data, results)]
    answers = {_annotator(one.get("completed_by")): answer_of(one.get("result"), text) for one in submitted}
    truths = [_annotator(one.get("completed_by")) for one in submitted if one.get("ground_truth")]
    return Judged(str(data.get(ROW, row.values.get("id"))), text, data, answers, truths[-1] if truths else None)


def _annotator(completed_by: object) -> str:
    """Exports name annotators by number, or as objects with their e-mail."""
    if isinstance(completed_by, Mapping):
        return str(completed_by.get("email") or completed_by.get("id"))
    return str(completed_by)


def compare(judged: Iterable[Judged]) -> Comparison:
    """How far the annotators of these tasks agree, layer by layer."""
    tasks = list(judged)
    annotators = Counter(annotator for task in tasks for annotator in task.answers)
    several = [task for task in tasks if len(task.answers) > 1]
    unanimous = sum(len({meaning(answer) for answer in task.answers.values()}) == 1 for task in several)

    def collect(read: Callable[[Answer], frozenset[Hashable]]) -> dict[str, dict[str, frozenset[Hashable]]]:
        return {
            annotator: {task.id: read(task.answers[annotator]) for task in tasks if annotator in task.answers}
            for annotator in sorted(annotators)
        }

    def marks(read: Callable[[Answer], frozenset[Hashable]]) -> MarkAgreement | None:
        found = collect(read)
        return mark_agreement(found) if any(said for of_one in found.values() for said in of_one.values()) else None

    chosen = {
        annotator: {id: " / ".join(sorted(map(str, said))) or _NO_INTENT for id, said in of_one.items()}
        for annotator, of_one in collect(intents).items()
    }
    is_used = any(label for of_one in chosen.values() for label in of_one.values())
    return Comparison(
        tasks=len(tasks),
        annotators=dict(sorted(annotators.items())),
        unanimous=unanimous,
        disputed=len(several) - unanimous,
        intents=class_agreement(chosen) if is_used else None,
        entities=marks(entities),
        relations=marks(relations),
    )

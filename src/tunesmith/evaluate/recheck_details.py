"""What stands behind an arm's figures, computed once more from its samples: classes and confusions by scikit-learn,
answers that are none counted by their rule written out, bounds as means.

Shared with what computed them is only how a label is told and how a refusal is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from sklearn import metrics

from tunesmith.artifacts.scorecard import Arm, Details, ScorecardBody
from tunesmith.metrics.answers import said_number
from tunesmith.metrics.faults import is_refusal, label_forms, label_told
from tunesmith.metrics.registry import known
from tunesmith.records import Sample

Compared = tuple[str, float | None, float | None]
"""What the figure is called, what the scorecard says, what comes out now."""
Samples = Mapping[str, Sequence[Sample]]
"""Of one arm on the test suite, by item."""


def of_details(body: ScorecardBody, arm: Arm, samples: Samples, unchecked: list[str]) -> Iterator[Compared]:
    """Figures of `arm.details`; to `unchecked` go those that the samples do not give."""
    if arm.details is None:
        return
    name = f"{arm.name} details"
    if arm.details.classes:
        yield from _of_classes(name, body.labels, [one[0] for one in samples.values()], arm.details)
    parts = {"failed": arm.details.failed, "terms": arm.details.terms}
    # what is readable where words are asked for is a rule of the recipe
    if body.task == "text" and "unparsable" in arm.details.faults:
        parts["faults"] = arm.details.faults
    unchecked += [f"{name} {part}" for part, found in parts.items() if found]
    if "faults" not in parts and body.task != "documents":
        yield from _of_faults(name, body, samples, arm.details)


def _of_classes(name: str, labels: Sequence[str], firsts: Sequence[Sample], details: Details) -> Iterator[Compared]:
    forms = label_forms(labels)
    true = [sample.reference if sample.reference in labels else "" for sample in firsts]
    told = [label_told(sample.answer, forms) or "" for sample in firsts]
    scores = metrics.precision_recall_fscore_support(true, told, labels=list(labels), zero_division=0)
    for label, *found in zip(labels, *scores, strict=True):
        said = details.classes[label]
        for part, one, other in zip(
            ("precision", "recall", "f1", "items"),
            (said.precision, said.recall, said.f1, said.num_items),
            found,
            strict=True,
        ):
            yield f"{name} {label} {part}", one, float(other)
    names = [*labels, ""]
    matrix = metrics.confusion_matrix(true, told, labels=names)
    for row, one_class in enumerate(names):
        for column, other_class in enumerate(names):
            said_num = details.confusion.get(one_class, {}).get(other_class, 0)
            if said_num or matrix[row, column]:
                yield f"{name} {one_class} told {other_class}", said_num, float(matrix[row, column])


def _of_faults(name: str, body: ScorecardBody, samples: Samples, details: Details) -> Iterator[Compared]:
    reads = _reader(body)
    faults = {item: [_fault(sample, reads) for sample in one] for item, one in samples.items()}
    counts = Counter(fault for one in faults.values() for fault in one if fault)
    for kind in sorted(counts.keys() | details.faults.keys()):
        yield f"{name} {kind}", details.faults.get(kind, 0), counts[kind]
    if details.bounds is None or body.metric in details.failed:
        return
    ends = {"all_wrong": known(body.metric).worst, "all_right": known(body.metric).best}
    for part, end in ends.items():
        means = [] if end is None else _means(body.metric, samples, faults, end)
        found = math.fsum(means) / len(means) if means else None
        yield f"{name} {part}", details.bounds.model_dump()[part], found


def _means(metric: str, samples: Samples, faults: Mapping[str, Sequence[str | None]], end: float) -> list[float]:
    """Of each item that has any, the mean score of its answers; what is none scores `end`."""
    found = []
    for item, one in samples.items():
        pairs = list(zip(one, faults[item], strict=True))
        scores = [
            end if fault else sample.scores[metric] for sample, fault in pairs if fault or metric in sample.scores
        ]
        found += [math.fsum(scores) / len(scores)] if scores else []
    return found


def _reader(body: ScorecardBody) -> Callable[[str], bool]:
    """Whether an answer is one, in a task of this kind."""
    if body.task == "labels":
        forms = label_forms(body.labels)
        return lambda answer: label_told(answer, forms) is not None
    if body.task == "numbers":
        return lambda answer: said_number(answer) is not None
    return lambda answer: True


def _fault(sample: Sample, reads: Callable[[str], bool]) -> str | None:
    by_end = {"timeout": "timed_out", "length": "truncated"}
    if sample.finish_reason in by_end:
        return by_end[sample.finish_reason]
    if not sample.answer.strip():
        return "empty"
    if is_refusal(sample.answer) and not is_refusal(sample.reference):
        return "refused"
    return None if reads(sample.answer) else "unparsable"

"""The data contract: what was read, kept, rejected and why, in counts that add up (`read` = `kept` + `rejected`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.artifacts import DatasetReport
from tunesmith.artifacts.dataset import (
    Characters,
    Encoding,
    Quantiles,
    Reason,
    Reasoning,
    SourceReport,
    SplitProof,
)
from tunesmith.errors import Place
from tunesmith.prepare.duplicates import DUPLICATE, REPEATS, Candidate, count_conflicts
from tunesmith.prepare.formats import Layout
from tunesmith.prepare.rows import Table
from tunesmith.records import SPLITS, Example, Rejected, Split
from tunesmith.text.language import Language, language_of

NUM_PLACES: Final = 3
# The script of a text shows in its beginning.
_JUDGED_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class SourceCount:
    """One table and how it was read."""

    name: str
    layout: Layout | None
    """None when no row could be read at all."""
    encoding: Encoding
    split: Split | None
    num_read: int

    @classmethod
    def of(cls, table: Table, layout: Layout | None, split: Split | None) -> SourceCount:
        return cls(table.name, layout, table.encoding, split, len(table.rows))


def report_of(
    sources: Sequence[SourceCount],
    candidates: Sequence[Candidate],
    splits: Mapping[Split, list[Example]],
    rejects: Sequence[Rejected],
    proof: SplitProof,
) -> DatasetReport:
    """`candidates` are the kept rows, at least one; `splits` are the same rows."""
    kept = [row.example for row in candidates]
    return DatasetReport(
        task=task_of(kept),
        read=sum(source.num_read for source in sources),
        kept=len(kept),
        rejected=len(rejects),
        bad=sum(reject.reason not in REPEATS for reject in rejects),
        duplicates=sum(reject.reason == DUPLICATE for reject in rejects),
        reasons=reasons_of(rejects),
        splits={split: len(splits[split]) for split in SPLITS},
        sources=_sources(sources, kept, rejects),
        decoded_as_gb18030=sum(source.num_read for source in sources if source.encoding == "gb18030"),
        conflicting=count_conflicts(candidates),
        repeats_within_test=_repeats_within_test(candidates),
        labels=_labels(splits),
        languages={split: _languages(splits[split]) for split in SPLITS},
        characters=_characters(kept),
        reasoning=_reasoning(kept),
        proof=proof,
    )


def task_of(examples: Iterable[Example]) -> Literal["labels", "text"]:
    """`labels` when every row has a label, else `text`."""
    return "labels" if all(example.label is not None for example in examples) else "text"


def reasons_of(rejects: Iterable[Rejected]) -> dict[str, Reason]:
    """By reason, most frequent first: how many, and the first places."""
    places: dict[str, list[Place]] = defaultdict(list)
    for reject in rejects:
        places[reject.reason].append(reject.place)
    ordered = sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
    return {
        reason: Reason(count=len(found), places=[str(place) for place in found[:NUM_PLACES]])
        for reason, found in ordered
    }


def quantiles(values: Iterable[int]) -> Quantiles:
    """Of at least one value."""
    ordered = sorted(values)

    def at(share: float) -> int:
        return ordered[round(share * (len(ordered) - 1))]

    return Quantiles(min=at(0), p25=at(0.25), p50=at(0.5), p75=at(0.75), p95=at(0.95), max=at(1))


def _characters(kept: Sequence[Example]) -> Characters:
    reasoning = [len(example.answer.reasoning) for example in kept if example.answer.reasoning]
    return Characters(
        prompt=quantiles(sum(len(message.content) for message in example.prompt) for example in kept),
        reasoning=quantiles(reasoning) if reasoning else None,
        answer=quantiles(len(example.answer.content) for example in kept),
    )


def _sources(
    sources: Sequence[SourceCount], kept: Sequence[Example], rejects: Sequence[Rejected]
) -> list[SourceReport]:
    num_kept = Counter(example.place.file for example in kept)
    num_rejected = Counter(reject.place.file for reject in rejects)
    return [
        SourceReport(
            file=source.name,
            format=source.layout.format if source.layout else None,
            why=source.layout.why if source.layout else None,
            columns=dict(source.layout.columns) if source.layout else {},
            encoding=source.encoding,
            split=source.split,
            read=source.num_read,
            kept=num_kept[source.name],
            rejected=num_rejected[source.name],
        )
        for source in sources
    ]


def _repeats_within_test(candidates: Iterable[Candidate]) -> int:
    """Rows of a declared test split that are kept although an earlier one differs in case, width or space only."""
    counts = Counter(row.whole for row in candidates if row.example.split == "test")
    return sum(count - 1 for count in counts.values())


def _labels(splits: Mapping[Split, list[Example]]) -> dict[str, dict[Split, int]]:
    counts = {split: Counter(row.label for row in rows if row.label is not None) for split, rows in splits.items()}
    names = sorted({label for of_split in counts.values() for label in of_split})
    return {label: {split: counts[split][label] for split in SPLITS} for label in names}


def _languages(examples: Iterable[Example]) -> dict[Language, int]:
    """By the last thing the user says."""
    asked = (next(message for message in reversed(example.prompt) if message.role == "user") for example in examples)
    return dict(sorted(Counter(language_of(message.content[:_JUDGED_CHARACTERS]) for message in asked).items()))


def _reasoning(kept: Sequence[Example]) -> Reasoning:
    present = sum(example.answer.reasoning is not None for example in kept)
    return Reasoning(present=present, absent=len(kept) - present)

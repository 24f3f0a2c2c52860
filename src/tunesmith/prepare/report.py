"""The data contract: what was read, kept, rejected and why; `read` + `added` = `kept` + `rejected`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from tunesmith.artifacts import DatasetReport
from tunesmith.artifacts.bias import Bias
from tunesmith.artifacts.dataset import (
    AugmentReport,
    BalanceReport,
    Characters,
    Contamination,
    Encoding,
    LongText,
    Quantiles,
    Reason,
    Reasoning,
    Refusals,
    SourceReport,
    SplitProof,
    Synthesis,
    Unhidden,
)
from tunesmith.prepare.bias import bias_of
from tunesmith.prepare.duplicates import DUPLICATE, count_conflicts
from tunesmith.prepare.formats import Layout
from tunesmith.prepare.index import DECLARED, Column, Rows, Spool, first_of_equal
from tunesmith.prepare.rows import Table
from tunesmith.prepare.split import Assigned
from tunesmith.records import SPLITS, Declared, Rejected, Split
from tunesmith.text.language import Language

NUM_PLACES: Final = 3
LANGUAGES: Final[tuple[Language, ...]] = ("en", "mixed", "other", "zh")
"""Codes of the column `language`."""


@dataclass(frozen=True, slots=True)
class SourceCount:
    """One table and how it was read."""

    name: str
    layout: Layout | None
    """None when no row could be read at all."""
    encoding: Encoding
    split: Declared | None
    num_read: int

    @classmethod
    def of(cls, table: Table, layout: Layout | None, split: Declared | None, num_read: int) -> SourceCount:
        return cls(table.name, layout, table.encoding, split, num_read)


@dataclass(frozen=True)
class Account:
    """What the walk and the decisions after it leave to be counted."""

    sources: Sequence[SourceCount]
    rejected: Mapping[str, int]
    """By reason."""
    first_rejects: Mapping[str, Sequence[Rejected]]
    rejected_of_source: Mapping[int, int]
    num_bad: int
    changes: Mapping[str, int]
    added_of_source: Mapping[int, int]
    long_text: LongText | None
    labels: Mapping[str, int]
    """Codes by name."""
    clusters: tuple[int, int] = (0, 0)
    """Clusters of near-duplicates, and the kept rows in them."""
    contamination: list[Contamination] = field(default_factory=list)
    synthesis: Synthesis | None = None
    augment: AugmentReport | None = None
    balance: BalanceReport | None = None
    refusals: Refusals | None = None
    num_read_rows: int | None = None
    """Rows of the spool from here on were made, not read; None where none were."""
    personal: Mapping[str, int] = field(default_factory=dict)
    """By type, the rows that were rejected for personal data of it."""
    unhidden: Unhidden | None = None
    time_columns: Sequence[str] = ()


def report_of(account: Account, spool: Spool, assigned: Assigned, proof: SplitProof) -> DatasetReport:
    """At least one row is kept."""
    rows = {split: assigned.rows(split) for split in SPLITS}
    kept = np.sort(np.concatenate(list(rows.values())))
    read = kept if account.num_read_rows is None else kept[kept < account.num_read_rows]
    task = read[spool["declared"][read] != DECLARED["rehearsal"]]
    num_clusters, num_clustered = account.clusters
    return DatasetReport(
        task=task_of(spool["label"][task]),
        read=sum(source.num_read for source in account.sources),
        kept=len(read),
        rejected=sum(account.rejected.values()),
        bad=account.num_bad,
        duplicates=account.rejected.get(DUPLICATE, 0),
        added=sum(account.added_of_source.values()),
        long_text=account.long_text,
        near_duplicates=num_clustered,
        clusters=num_clusters,
        reasons=reasons_of(account.rejected, account.first_rejects),
        changes=dict(sorted(account.changes.items(), key=lambda item: (-item[1], item[0]))),
        splits=assigned.counts,
        sources=_sources(account, spool["source"][read]),
        decoded_as_gb18030=sum(source.num_read for source in account.sources if source.encoding == "gb18030"),
        conflicting=count_conflicts(spool["prompt"][kept], spool["answer"][kept]),
        repeats_within_test=_repeats_within_test(spool, kept),
        labels=_labels(account.labels, spool["label"], rows),
        languages=_languages(spool["language"], rows),
        characters=_characters(spool, kept),
        reasoning=_reasoning(spool["reasoning_characters"][kept]),
        synthesis=account.synthesis,
        proof=proof,
        contamination=account.contamination,
        augment=account.augment,
        balance=account.balance,
        refusals=account.refusals,
        personal=_personal(account),
        unhidden=account.unhidden,
        bias=_bias(account, spool, assigned, task),
    )


def task_of(labels: Column) -> Literal["labels", "text"]:
    """`labels` when every row has a label, else `text`."""
    return "labels" if bool((labels >= 0).all()) else "text"


def reasons_of(counts: Mapping[str, int], firsts: Mapping[str, Sequence[Rejected]]) -> dict[str, Reason]:
    """By reason, most frequent first: how many, and the first places."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        reason: Reason(count=count, places=[str(reject.place) for reject in firsts[reason][:NUM_PLACES]])
        for reason, count in ordered
    }


def quantiles(values: Column) -> Quantiles:
    """Of at least one value."""
    ordered = np.sort(values)

    def at(share: float) -> int:
        return int(ordered[round(share * (len(ordered) - 1))])

    return Quantiles(min=at(0), p25=at(0.25), p50=at(0.5), p75=at(0.75), p95=at(0.95), max=at(1))


def _personal(account: Account) -> dict[str, int]:
    """Rows with personal data of each type, whether it was replaced or the row rejected."""
    prefix = "personal."
    found = Counter({code.removeprefix(prefix): n for code, n in account.changes.items() if code.startswith(prefix)})
    found.update(account.personal)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _bias(account: Account, spool: Spool, assigned: Assigned, read: Rows) -> Bias:
    """Of the rows of the task that were read: what augmentation made tells nothing of where the data come from."""
    columns = {name: spool[name][read] for name in ("label", "language", "source", "day", "group")}
    return bias_of(
        columns | {"split": assigned.codes_N[read].astype(np.int64) - 1},
        labels=sorted(account.labels, key=account.labels.__getitem__),
        languages=LANGUAGES,
        sources=[source.name for source in account.sources],
        time_columns=account.time_columns,
    )


def _characters(spool: Spool, kept: Rows) -> Characters:
    reasoning = spool["reasoning_characters"][kept]
    reasoning = reasoning[reasoning > 0]
    return Characters(
        prompt=quantiles(spool["prompt_characters"][kept]),
        reasoning=quantiles(reasoning) if len(reasoning) else None,
        answer=quantiles(spool["answer_characters"][kept]),
    )


def _sources(account: Account, source_of_kept: Column) -> list[SourceReport]:
    num_kept = np.bincount(source_of_kept, minlength=len(account.sources))
    return [
        SourceReport(
            file=source.name,
            format=source.layout.format if source.layout else None,
            why=source.layout.why if source.layout else None,
            columns=dict(source.layout.columns) if source.layout else {},
            encoding=source.encoding,
            split=source.split,
            read=source.num_read,
            kept=int(num_kept[number]),
            rejected=account.rejected_of_source.get(number, 0),
            added=account.added_of_source.get(number, 0),
        )
        for number, source in enumerate(account.sources)
    ]


def _repeats_within_test(spool: Spool, kept: Rows) -> int:
    """Rows of a declared test split that are kept although an earlier one differs in case, width or space only."""
    whole = spool["whole"][kept[spool["declared"][kept] == DECLARED["test"]]]
    return int(np.count_nonzero(first_of_equal(whole) != np.arange(len(whole))))


def _labels(codes: Mapping[str, int], label_N: Column, rows: Mapping[Split, Rows]) -> dict[str, dict[Split, int]]:
    counts = {
        split: np.bincount(label_N[chosen][label_N[chosen] >= 0], minlength=len(codes))
        for split, chosen in rows.items()
    }
    return {
        name: of_split
        for name, code in sorted(codes.items())
        if any((of_split := {split: int(counts[split][code]) for split in SPLITS}).values())
    }


def _languages(language_N: Column, rows: Mapping[Split, Rows]) -> dict[Split, dict[Language, int]]:
    """By the last thing the user says."""
    counts = {split: np.bincount(language_N[chosen], minlength=len(LANGUAGES)) for split, chosen in rows.items()}
    return {
        split: {language: int(count) for language, count in zip(LANGUAGES, counts[split], strict=True) if count}
        for split in SPLITS
    }


def _reasoning(characters: Column) -> Reasoning:
    present = int(np.count_nonzero(characters >= 0))
    return Reasoning(present=present, absent=len(characters) - present)

"""The 3C score of a dataset's rows, put together.

A row's faults count once: one that lacks a part is not judged for consistency, and one that is party to a
contradiction, whoever is right in it, is not judged for correctness. So each C answers for its own faults alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tunesmith.artifacts.quality import FAULTS, QUALITY, QualityReport
from tunesmith.prepare.index import Column, Mask, Rows, Spool
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.quality import completeness, consistency
from tunesmith.prepare.quality.found import Found, all_faulty, criterion, say_nothing
from tunesmith.prepare.quality.label_noise import label_noise
from tunesmith.prepare.quality.representativeness import representativeness
from tunesmith.prepare.quality.rules import CHECKS, Declared, Judged, covered, explain, judge_rows
from tunesmith.prepare.split import UNUSED, Assigned
from tunesmith.prepare.walk import Rules, Walk
from tunesmith.recipe.quality import Quality

# Shapes: N rows of the spool, S kept rows.


Parts = dict[str, Found]


@dataclass(frozen=True)
class _Material:
    """What is judged: the rows that were kept, and what is known of them."""

    found: Walk
    kept_S: Rows
    train: Rows
    cluster_N: Rows
    """The row that stands for each row's cluster of near-duplicates."""
    declared: Declared
    judged: Judged | None = None
    """What declared rules found on the kept rows; None where nothing is declared."""

    @property
    def spool(self) -> Spool:
        return self.found.spool

    @property
    def origin_S(self) -> Column:
        """Which of the recipe's sources each row is from."""
        origins: Column = np.array(self.found.origins)[self.spool["source"][self.kept_S]]
        return origins

    @property
    def names(self) -> list[str]:
        """Of the labels, by their codes."""
        return list(self.found.labels)

    def breaking(self, rule: str, is_open_S: Mask) -> Found:
        """The open rows that break a declared rule, in the order in which they were read."""
        if self.judged is None:
            return Found(0, self.kept_S[:0], say_nothing)
        applies_S = self.judged.applies(rule) & is_open_S
        faulty = self.kept_S[self.judged.fails(rule) & is_open_S]
        return Found(int(applies_S.sum()), faulty, lambda _, row: explain(self.declared, rule, row))


def judge(found: Walk, assigned: Assigned, cluster_N: Rows, pool: Pool[Rules], folder: Path) -> None:
    """Judge the rows that were read and kept; `quality.json` and `faults.jsonl` go into `folder`.

    Raises TunesmithError `quality-column`, `quality-schema`, `quality-expected` and what `expected_texts` raises.
    """
    section = pool.context.section.quality
    material = _material(found, assigned, cluster_N, pool)
    complete, coverage = _completeness(material)
    is_whole_S = ~np.isin(material.kept_S, complete["fields"].rows_F)
    consistent, is_sound_S = _consistency(material, is_whole_S, section.answer_format == "same", pool)
    correct = _correctness(material, is_sound_S, section)
    covered_part = completeness.coverage(coverage)
    report = QualityReport(
        consistency=criterion(consistent, found.spool),
        completeness=criterion(complete, found.spool, {"coverage": covered_part} if covered_part else {}),
        correctness=criterion(correct, found.spool),
        coverage=coverage,
        representativeness=representativeness(found.spool, material.train, cluster_N, pool.context.section)
        if section.expected is not None
        else None,
    )
    (folder / QUALITY).write_text(report.model_dump_json(indent=1), encoding="utf-8")
    with (folder / FAULTS).open("w", encoding="utf-8", newline="\n") as stream:
        for name, part in (complete | consistent | correct).items():
            stream.writelines(f"{row.model_dump_json()}\n" for row in all_faulty(name, part, found.spool))


def _material(found: Walk, assigned: Assigned, cluster_N: Rows, pool: Pool[Rules]) -> _Material:
    section = pool.context.section.quality
    kept_S = np.flatnonzero(assigned.codes_N != UNUSED).astype(np.int32)
    layouts = [source.layout for source in found.sources if source.layout is not None]
    declared = Declared.of(section, [layout.columns["label"] for layout in layouts if "label" in layout.columns])
    material = _Material(found, kept_S, assigned.rows("train"), cluster_N, declared)
    if not len(kept_S) or not (section.covers or section.checks.any):
        return material
    return replace(material, judged=judge_rows(found.spool, kept_S, material.origin_S, declared, pool))


def _completeness(material: _Material) -> tuple[Parts, dict[str, dict[str, int]]]:
    """The parts that are about rows, and how many training rows have each declared value."""
    kept_S, rejects = material.kept_S, material.found.rejects
    none = Found(len(kept_S), kept_S[:0], say_nothing)
    lacking = none if material.judged is None else _lacking(material, material.judged)
    parts = {"fields": completeness.with_rejected(lacking, completeness.MISSING_FIELDS, rejects)}
    reasoning = completeness.with_rejected(none, completeness.OPEN_REASONING, rejects)
    if reasoning.faulty or (material.spool["reasoning_characters"][kept_S] >= 0).any():
        parts["reasoning"] = reasoning
    if material.judged is None:
        return parts, {}
    of_train = material.judged.values_SV[np.isin(kept_S, material.train)]
    return parts, dict(covered(of_train, material.declared.section.covers))


def _lacking(material: _Material, judged: Judged) -> Found:
    """Rows that leave a covered column empty."""
    columns, lacks_SV = tuple(material.declared.section.covers), judged.lacks(material.origin_S)
    faulty = np.flatnonzero(lacks_SV.any(axis=1))

    def say(place: int, _: object) -> str:
        return ", ".join(columns[column] for column in np.flatnonzero(lacks_SV[faulty[place]]).tolist())

    return Found(len(material.kept_S), material.kept_S[faulty], say)


def _consistency(material: _Material, is_open_S: Mask, one_format: bool, pool: Pool[Any]) -> tuple[Parts, Mask]:
    """The parts, and (S,) which open rows are party to no contradiction."""
    spool, rows_O = material.spool, material.kept_S[is_open_S]
    label_O = spool["label"][rows_O].astype(np.int64)
    spelling, label_O = consistency.label_spelling(label_O, rows_O, material.names)
    labels = consistency.labels(label_O, rows_O, material.cluster_N, material.names)
    answers = consistency.answers(spool, rows_O, pool)
    parts = {"labels": labels.found, "answers": answers.found, "spelling": spelling}
    is_out_N = labels.is_party_N | answers.is_party_N
    is_out_N[spelling.rows_F] = True
    if one_format:
        parts["format"] = consistency.formats(
            spool["format"][rows_O].astype(np.int64), material.origin_S[is_open_S], rows_O
        )
        is_out_N[parts["format"].rows_F] = True
    return parts, is_open_S & ~is_out_N[material.kept_S]


def _correctness(material: _Material, is_open_S: Mask, section: Quality) -> Parts:
    rows_O = material.kept_S[is_open_S]
    label_O = material.spool["label"][rows_O].astype(np.int64)
    labelled = label_O >= 0
    noise = label_noise(material.spool, rows_O[labelled], label_O[labelled], material.names, section.max_labels)
    return {"label_noise": noise} | {name: material.breaking(name, is_open_S) for name in CHECKS}

"""Augment: rows made from training rows, each judged against its parent, none that comes near a held-out row.

The split is frozen by then. A made row names its parent (`parent_id`), keeps its label and group, and joins the
training rows in the spool; validation and test rows are only compared with.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import numpy as np

from tunesmith.artifacts import hash_folder
from tunesmith.artifacts.dataset import (
    AUGMENT_REJECTS,
    METHOD_COLUMN,
    AugmentReport,
    Making,
    example_from_json,
    example_to_json,
    reject_to_json,
)
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.counterfactual import counterfactuals
from tunesmith.prepare.edits import Edit, delete_words, edited, insert_words, replace_words, swap_words
from tunesmith.prepare.files import hash_readable
from tunesmith.prepare.index import BENCHMARK, DECLARED, Mask, Rows, Span, examples_of, first_of_equal, key_of
from tunesmith.prepare.lengths import Fits, refused
from tunesmith.prepare.near import join_near
from tunesmith.prepare.neighbours import model_folder, write_neighbours
from tunesmith.prepare.offspring import Parent, Try, child_of, is_single_turn, parent_of
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.preserved import Judge, Pair, Refusal
from tunesmith.prepare.privacy import personal_check, redacted
from tunesmith.prepare.report import LANGUAGES
from tunesmith.prepare.rows import cut
from tunesmith.prepare.semantic import Meaning, join_semantic
from tunesmith.prepare.split import UNUSED, Assigned
from tunesmith.prepare.synonyms import files_of_lexicon, lexicon
from tunesmith.prepare.teacher import endpoint_of, reworded, translated_back, written_anew
from tunesmith.prepare.translator import translate_texts
from tunesmith.prepare.walk import Checked, Chunk, Rules, Walk, values_of
from tunesmith.recipe import augment as recipe
from tunesmith.records import Example, Rejected
from tunesmith.runtime import Runtime
from tunesmith.text.shingles import mixed

DUPLICATE: Final = "augment-duplicate"
NEAR_HELD_OUT: Final = "augment-near-held-out"
_EDITS: Final = (recipe.Synonyms, recipe.Insertion, recipe.Swap, recipe.Deletion)
_BY_RULES: Final = (*_EDITS, recipe.Counterfactual)
_HOW: Final[dict[str, Literal["reworded", "anew", "swapped"]]] = {"synthetic": "anew", "counterfactual": "swapped"}
_SPAN_BYTES: Final = 1 << 18
_FITTED_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Augmented:
    """The split with the made rows in it, and their account."""

    assigned: Assigned
    report: AugmentReport


@dataclass(frozen=True)
class Workshop:
    """What the making of rows needs beside the rows."""

    rules: Rules
    pool: Pool[Rules]
    runtime: Runtime
    seed: int
    scratch: Path
    """A folder of its own, in which the made rows that were not kept lie in `augment_rejects.jsonl`."""

    @property
    def section(self) -> recipe.Augment:
        assert self.rules.section.augment is not None
        return self.rules.section.augment


@dataclass
class _Tally:
    """What became of the rows that one method made."""

    made: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Task:
    """Neighbouring rows for one method."""

    span: Span
    method: int
    seed: int
    synonyms: str = ""
    """Where to read them."""


def augment(found: Walk, kept_N: Mask, assigned: Assigned, workshop: Workshop) -> Augmented:
    """Make rows by every method in turn, each from the training rows as they were split.

    `kept_N` are the rows of all splits. Raises TunesmithError `translator`, `endpoint-key`; RunFailed
    `endpoint-failed`, `endpoint-answer`.
    """
    train = assigned.rows("train")
    judge = _judge(found, train, workshop)
    tallies = [_Tally() for _ in workshop.section.methods]
    method_of_made: list[int] = []
    workshop.scratch.mkdir()
    with (workshop.scratch / AUGMENT_REJECTS).open("w", encoding="utf-8", newline="\n") as rejects:
        for number, making in enumerate(workshop.section.methods):
            rows = _drawn(found, train, making, f"{workshop.seed}:{number}")
            keeper = _Keeper(found, workshop, judge, making, tallies[number], rejects.write)
            for sources, tries in _made(found, rows, number, workshop):
                method_of_made += [number] * keeper.keep(tries, sources)
        found.spool.flush()
        is_cut_M, reasons = cut_repeats(found, kept_N, assigned, workshop)
        cut_rows = len(kept_N) + np.flatnonzero(is_cut_M).astype(np.int32)
        for row, reason, number in zip(
            found.spool.written(cut_rows), reasons, np.array(method_of_made)[is_cut_M].tolist(), strict=True
        ):
            tallies[number].rejected[reason] += 1
            tallies[number].kept -= 1
            rejects.write(reject_line(example_from_json(row), Refusal(reason)))
    codes_M = np.where(is_cut_M, UNUSED, DECLARED["train"]).astype(np.uint8)
    return Augmented(Assigned(np.append(assigned.codes_N, codes_M)), _report(workshop.section, tallies))


def inputs_of_augment(section: recipe.Augment, fits: Fits | None) -> dict[str, str]:
    """The content hash of every file that rows are made with, by name.

    Raises TunesmithError `synonyms-unreadable`, `translator` where one cannot be read, `neighbours-unknown`.
    """
    inputs: dict[str, str] = {}
    for making in section.methods:
        if isinstance(making, (recipe.Synonyms, recipe.Insertion)) and making.source is None:
            inputs["neighbours"] = hash_folder(model_folder(fits))
        elif isinstance(making, (recipe.Synonyms, recipe.Insertion)):
            assert making.source is not None
            lexicon(making.source)  # says what is wrong with it
            inputs |= {str(file): hash_readable(file) for file in files_of_lexicon(making.source)}
        if isinstance(making, recipe.BackTranslation) and making.endpoint is None:
            for folder in (str(making.there), str(making.back)):
                files = sorted(file for file in Path(folder).glob("*") if file.is_file())
                if not files:
                    raise TunesmithError("translator", place=Place(folder), problem="-")
                inputs |= {str(file): hash_readable(file) for file in files}
    return inputs


def _judge(found: Walk, train: Rows, workshop: Workshop) -> Judge:
    """Fitted on the training rows, at most 50,000 that their ids draw."""
    order = np.argsort(mixed(found.spool["id"][train] + np.uint64(workshop.seed)), kind="stable")
    texts, labels = [], []
    for row in found.spool.written(np.sort(train[order[:_FITTED_ROWS]])):
        parent = parent_of(example_from_json(row), workshop.rules.section.user_style)
        if parent is not None:
            texts.append(parent.text)
            labels.append(parent.example.label)
    return Judge.fit(texts or [""], labels or [None], workshop.section.min_similarity, workshop.section.classifier)


def _drawn(found: Walk, train: Rows, making: recipe.AnyMaking, salt: str) -> Rows:
    """The training rows that a method starts from."""
    spool = found.spool
    is_drawn = np.ones(len(train), dtype=bool)
    if making.share < 1.0:
        is_drawn &= mixed(spool["id"][train] ^ np.uint64(key_of(f"augment:{salt}"))) < making.share * 2.0**64
    if making.labels:
        wanted = [found.labels[label] for label in making.labels if label in found.labels]
        is_drawn &= np.isin(spool["label"][train], wanted)
    if making.languages:
        wanted = [LANGUAGES.index(language) for language in making.languages]
        is_drawn &= np.isin(spool["language"][train], wanted)
    return train[is_drawn]


def _made(found: Walk, rows: Rows, number: int, workshop: Workshop) -> Iterator[tuple[Sequence[int], list[Try]]]:
    """What is made of the rows, and the source of each, span by span."""
    making = workshop.section.methods[number]
    synonyms = _synonyms(making, workshop)
    tasks = (_Task(span, number, workshop.seed, synonyms) for _, span in found.spool.spans(rows, _SPAN_BYTES))
    tries = (
        workshop.pool.map(_change_span, tasks)
        if isinstance(making, _BY_RULES)
        else map(_Rewriter(making, workshop).rewrite, tasks)
    )
    source_N = found.spool["source"]
    for (part, _), made in zip(found.spool.spans(rows, _SPAN_BYTES), tries, strict=True):
        sources = source_N[part].tolist()
        yield [sources[place] for place, _ in made], [one for _, one in made]


def _synonyms(making: recipe.AnyMaking, workshop: Workshop) -> str:
    """The file or folder of a method's synonyms; those of the model are written down once."""
    if not isinstance(making, (recipe.Synonyms, recipe.Insertion)):
        return ""
    if making.source is not None:
        return making.source
    file = workshop.scratch / "neighbours.txt"
    if not file.is_file():
        write_neighbours(model_folder(workshop.rules.fits), file)
    return str(file)


def _change_span(rules: Rules, task: _Task) -> list[tuple[int, Try]]:
    """Every row of a span changed by rules as often as copies are wanted, with its place in the span."""
    assert rules.section.augment is not None
    making = rules.section.augment.methods[task.method]
    made: list[tuple[int, Try]] = []
    for place, parent in _parents(task, rules):
        protect = (*rules.section.augment.protect, *_words_of(parent.example.label))
        seed = f"{task.seed}:{task.method}:{parent.example.id}"
        if isinstance(making, recipe.Counterfactual):
            made += ((place, one) for one in counterfactuals(parent, making, protect, seed))
        else:
            made += ((place, one) for one in _edited_copies(parent, making, task.synonyms, protect, seed))
    return made


def _edited_copies(
    parent: Parent, making: recipe.AnyMaking, synonyms: str, protect: Sequence[str], seed: str
) -> Iterator[Try]:
    assert isinstance(making, _EDITS)
    edit = _edit_of(making, synonyms)
    for copy in range(making.copies):
        text = edited(parent.text, edit, making.words, protect, Random(f"{seed}:{copy}"))
        if text is not None:
            yield Try(parent, text)


def _parents(task: _Task, rules: Rules) -> Iterator[tuple[int, Parent]]:
    for place, example in enumerate(examples_of(task.span)):
        parent = parent_of(example, rules.section.user_style)
        if parent is not None:
            yield place, parent


def _words_of(label: str | None) -> list[str]:
    return [] if label is None else [label, *label.replace("_", " ").replace("-", " ").split()]


def _edit_of(making: recipe.AnyMaking, synonyms: str) -> Edit:
    if isinstance(making, recipe.Synonyms):
        return replace_words(lexicon(synonyms))
    if isinstance(making, recipe.Insertion):
        return insert_words(lexicon(synonyms))
    return swap_words if isinstance(making, recipe.Swap) else delete_words


@dataclass(frozen=True)
class _Rewriter:
    """Makes rows by a model."""

    making: recipe.AnyMaking
    workshop: Workshop

    def rewrite(self, task: _Task) -> list[tuple[int, Try]]:
        """Every row of a span reworded as often as copies are wanted, with its place in the span."""
        found = [
            (place, parent)
            for place, parent in _parents(task, self.workshop.rules)
            if not isinstance(self.making, recipe.Synthetic) or is_single_turn(parent)
        ]
        asked = [one for one in found for _ in range(self.making.copies)]
        seeds = [task.seed + copy for _ in found for copy in range(self.making.copies)]
        replies = self._replies([parent for _, parent in asked], seeds) if asked else []
        return [(place, Try(parent, *reply)) for (place, parent), reply in zip(asked, replies, strict=True)]

    def _replies(self, parents: list[Parent], seeds: list[int]) -> list[tuple[str, str | None]]:
        making, runtime = self.making, self.workshop.runtime
        if isinstance(making, recipe.Synthetic):
            return written_anew(parents, endpoint_of(making.endpoint, runtime), seeds)
        if isinstance(making, recipe.Paraphrase):
            texts = reworded(parents, endpoint_of(making.endpoint, runtime), seeds)
        else:
            assert isinstance(making, recipe.BackTranslation)
            if making.endpoint is not None:
                texts = translated_back(parents, endpoint_of(making.endpoint, runtime), making.via, seeds)
            else:
                there = translate_texts([parent.text for parent in parents], str(making.there))
                texts = translate_texts(there, str(making.back))
        return [(text, None) for text in texts]


@dataclass(frozen=True)
class _Keeper:
    """Judges what one method made, and adds what passes to the spool."""

    found: Walk
    workshop: Workshop
    judge: Judge
    making: recipe.AnyMaking
    tally: _Tally
    write: Callable[[str], int]

    def keep(self, tries: Sequence[Try], sources: Sequence[int]) -> int:
        """How many rows were added."""
        is_new = isinstance(self.making, recipe.Synthetic)
        how = _HOW.get(self.making.name, "reworded")
        pairs = [Pair(one.parent.text, one.text, one.parent.example.label, how) for one in tries]
        checked = Checked.of(0, 0)
        for one, source, refusal in zip(tries, sources, self.judge.refusals(pairs), strict=True):
            child = child_of(one, self.making.name)
            outcome = refusal or self._checked(child, is_new)
            self.tally.made += 1
            if isinstance(outcome, Refusal):
                self.tally.rejected[outcome.reason] += 1
                is_told = not is_new or self.workshop.rules.section.personal.mode == "off"
                self.write(reject_line(child, outcome, is_told=is_told))
                continue
            self.tally.kept += 1
            checked.add(outcome, values_of(outcome, Chunk(source, (), None, None, False)))
        self.found.add(checked)
        return len(checked.lines)

    def _checked(self, child: Example, is_new: bool) -> Example | Refusal:
        """Whether the model can read the row; new text is searched for personal data like any other."""
        rules = self.workshop.rules
        personal = personal_check(rules.section.personal, rules.personal_key) if is_new else None
        outcome: Example | Rejected = personal(child) if personal else child
        if isinstance(outcome, Example) and rules.fits:
            outcome = refused(outcome, rules.section, rules.fits) or outcome
        return Refusal(outcome.reason, outcome.detail) if isinstance(outcome, Rejected) else outcome


def cut_repeats(found: Walk, kept_N: Mask, assigned: Assigned, workshop: Workshop) -> tuple[Mask, list[str]]:
    """(M,): which made rows repeat a prompt or come near one of the held-out rows and benchmarks; and why."""
    spool, num_before = found.spool, len(kept_N)
    declared_N = spool["declared"]
    is_benchmark = declared_N == BENCHMARK
    is_held = is_benchmark.copy()
    is_held[:num_before] |= np.isin(assigned.codes_N, (DECLARED["validation"], DECLARED["test"]))
    is_open = np.append(kept_N, np.ones(len(spool) - num_before, dtype=bool)) | is_benchmark
    rows = np.flatnonzero(is_open).astype(np.int32)
    first = rows[first_of_equal(spool["prompt"][rows])]
    repeated = rows[first != rows]
    repeated = repeated[repeated >= num_before]
    reason_of = dict.fromkeys(repeated.tolist(), DUPLICATE)
    compared = is_held.copy()
    compared[num_before:] = True
    compared[repeated] = False
    section = workshop.rules.section.duplicates
    forest, _ = join_near(spool, compared, section.threshold, workshop.pool, workshop.scratch)
    if section.semantic is not None:
        join_semantic(spool, compared, forest, Meaning(section.semantic), workshop.scratch)
    roots = forest.roots()
    is_near = compared & np.isin(roots, roots[is_held])
    row_P, key_P = found.openings["row"], found.openings["key"]
    is_near[row_P[np.isin(key_P, spool["prompt"][is_held])]] = True
    is_near |= np.isin(spool["prompt"], key_P[is_held[row_P]])
    near = np.flatnonzero(is_near[num_before:]) + num_before
    reason_of |= dict.fromkeys(near.tolist(), NEAR_HELD_OUT)
    is_cut_M: Mask = np.zeros(len(spool) - num_before, dtype=bool)
    is_cut_M[[row - num_before for row in reason_of]] = True
    return is_cut_M, [reason_of[row] for row in sorted(reason_of)]


def reject_line(child: Example, refusal: Refusal, *, is_told: bool = True) -> str:
    """`is_told`: personal data in it need not be hidden, since there are none or nobody minds."""
    said = cut(json.dumps(example_to_json(child), ensure_ascii=False))
    reject = Rejected(child.place, refusal.reason, refusal.detail, said)
    return json.dumps(reject_to_json(reject if is_told else redacted(reject)), ensure_ascii=False) + "\n"


def _report(section: recipe.Augment, tallies: Sequence[_Tally]) -> AugmentReport:
    made = [
        Making(
            method=making.name,
            model=_model_of(making),
            made=tally.made,
            kept=tally.kept,
            rejected=ordered(tally.rejected),
        )
        for making, tally in zip(section.methods, tallies, strict=True)
    ]
    return AugmentReport(methods=made)


def give_up(report: AugmentReport, rows: Iterable[Mapping[str, Any]], reason: str, rejects: Path) -> AugmentReport:
    """The account when rows that were made and kept are left out after all; they are added to the rejects."""
    left_out: Counter[str] = Counter()
    with rejects.open("a", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            left_out[row["metadata"][METHOD_COLUMN]] += 1
            stream.write(reject_line(example_from_json(dict(row)), Refusal(reason)))
    methods = []
    for making in report.methods:
        count = min(making.kept, left_out[making.method])
        left_out[making.method] -= count
        rejected = ordered(Counter(making.rejected) + Counter({reason: count}))
        methods.append(making.model_copy(update={"kept": making.kept - count, "rejected": rejected}))
    return AugmentReport(methods=methods)


def ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """The largest first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _model_of(making: recipe.AnyMaking) -> str | None:
    if isinstance(making, recipe.BackTranslation) and making.endpoint is None:
        return f"{making.there}, {making.back}"
    if isinstance(making, (recipe.BackTranslation, recipe.Paraphrase, recipe.Synthetic)):
        assert making.endpoint is not None
        return making.endpoint.model
    return None

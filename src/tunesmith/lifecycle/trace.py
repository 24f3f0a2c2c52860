"""From a served answer back to the rows that taught it, and from a row on to the models that learned it.

Nothing is computed again and no model is loaded: every step is read from the manifests, the registry and the store.
What is not on this disk any more is named as missing.
"""

from __future__ import annotations

import heapq
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts.bundle import BODY as BUNDLE_BODY
from tunesmith.artifacts.bundle import KIND as BUNDLE
from tunesmith.artifacts.bundle import BundleBody
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.artifacts.feedback_set import KIND as FEEDBACK_SET
from tunesmith.artifacts.folder import read_body
from tunesmith.artifacts.scorecard import KIND as SCORECARD
from tunesmith.artifacts.tuned_model import KIND as MODEL
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle.lineage import Lineage, Node, read_lineage
from tunesmith.lifecycle.raw_files import absolute, edited, sources_of
from tunesmith.records import SPLITS, Exchange, Feedback, Split
from tunesmith.runtime import Runtime
from tunesmith.store import Store, Version, versions
from tunesmith.store.cycles import rounds
from tunesmith.store.tombstones import tombstone

NUM_NEAR: Final = 5
_GRAM: Final = 3
_MAX_SHOWN: Final = 200
_ROW_ID: Final = re.compile(r"[0-9a-f]{16}")
_PLACE: Final = re.compile(r"(.+):([1-9][0-9]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One artifact on the way."""

    kind: str
    key: str
    folder: str | None
    """None: it is not in this workspace."""


@dataclass(frozen=True, slots=True)
class NearRow:
    """A row of the dataset that resembles the question."""

    id: str
    split: Split
    place: str
    """File and line of the raw row."""
    overlap: float
    """Runs of three characters that the row's question and this one have in common, as a share of all that either has:
    1 for the same text."""
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of feedback on the answer."""

    id: str
    kind: str
    value: int | None
    text: str | None


@dataclass(frozen=True, slots=True)
class AnswerTrace:
    """The way back from an answer."""

    exchange: str
    at: datetime
    model: str
    versions: tuple[str, ...]
    """Of the registry, that have this bundle; one that is withdrawn says so."""
    steps: tuple[Step, ...]
    """Bundle, model, scorecard, plans, dataset, what the dataset was made from."""
    runs: tuple[str, ...]
    sources: tuple[str, ...]
    """Files of raw rows that the dataset was read from."""
    edited: tuple[str, ...]
    """Of them, those that are not what was read, or not there: a line of them may be another row."""
    rows: tuple[NearRow, ...]
    feedback: tuple[Said, ...]
    feedback_sets: tuple[Step, ...]
    """Those that hold a row from this exchange, and what was made from them."""
    rounds: tuple[str, ...]
    """Rounds of improvement whose champion or candidate the bundle is, or that learned from those FeedbackSets."""

    @property
    def missing(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.folder is None)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A row in a dataset."""

    dataset: str
    split: Split
    id: str
    place: str


@dataclass(frozen=True, slots=True)
class RowTrace:
    """The way on from a row."""

    rows: tuple[HeldRow, ...]
    learned: tuple[Step, ...]
    """Models that were trained on it, and what was made from them; of a test row none."""
    runs: tuple[str, ...]
    versions: tuple[str, ...]
    edited: tuple[str, ...]
    """Files of raw rows of those datasets that are not what was read, or not there."""


def trace_answer(store: Store, runtime: Runtime, exchange: str) -> AnswerTrace:
    """Walk back from an exchange. Raises TunesmithError `exchange-unknown`, `exchange-forgotten`, and what
    `read_body` raises of a bundle."""
    found = store.exchange(exchange)
    if found is None:
        is_gone = tombstone(store, "exchange", exchange) is not None
        raise TunesmithError("exchange-forgotten" if is_gone else "exchange-unknown", id=exchange[:64])
    known = versions(store)
    lineage = _lineage(runtime, known)
    of_bundle = [version for version in known if version.bundle == found.version]
    steps = tuple(_steps(lineage, found.version))
    datasets = [lineage.nodes[step.key] for step in steps if step.kind == DATASET and step.key in lineage.nodes]
    sets = _sets_with(lineage, found.id)
    made = lineage.descendants(node.key for node in sets)
    return AnswerTrace(
        exchange=found.id,
        at=found.at,
        model=found.model,
        versions=tuple(map(told_version, of_bundle)),
        steps=steps,
        runs=tuple(str(folder) for folder in lineage.runs_of(step.key for step in steps)),
        sources=tuple(name for dataset in datasets for name in sources_of(dataset)),
        edited=tuple(map(str, edited(lineage, store, datasets))),
        rows=tuple(_near(datasets, question_of(found))),
        feedback=tuple(map(_said, store.feedback(exchange=found.id))),
        feedback_sets=tuple(map(_step, (*sets, *made))),
        rounds=tuple(_rounds(store, of_bundle, sets)),
    )


def told_version(version: Version) -> str:
    return str(version) if version.withdrawn_at is None else f"{version} (withdrawn)"


def _said(feedback: Feedback) -> Said:
    return Said(feedback.id, feedback.kind, feedback.value, feedback.text)


def _step(node: Node) -> Step:
    return Step(node.kind, node.key, str(node.folder))


def _named(lineage: Lineage, kind: str, key: str) -> Step:
    node = lineage.find(key)
    return Step(kind, key, None) if node is None else _step(node)


def _lineage(runtime: Runtime, known: Iterable[Version]) -> Lineage:
    """Of the workspace, and of bundles that are registered from elsewhere."""
    return read_lineage(runtime.workspace, [version.folder for version in known])


def _steps(lineage: Lineage, bundle: str) -> Iterator[Step]:
    """From the bundle on."""
    here = lineage.nodes.get(bundle)
    yield Step(BUNDLE, bundle, None if here is None else str(here.folder))
    if here is None:
        return
    body = read_body(here.folder / BUNDLE_BODY, BundleBody, BUNDLE)
    yield _named(lineage, MODEL, body.tuned_model)
    if body.scorecard is not None:
        yield _named(lineage, SCORECARD, body.scorecard)
    yield from _plans(lineage, body)
    dataset = _named(lineage, DATASET, body.dataset)
    yield dataset
    if dataset.folder is not None:
        yield from map(_step, lineage.inputs_of(dataset.key))


def _plans(lineage: Lineage, body: BundleBody) -> Iterator[Step]:
    """Plans of a training on the same rows, base and template."""
    model = lineage.nodes.get(body.tuned_model)
    if model is None:
        return
    for plan in lineage.of_kind("plan"):
        if all(plan.manifest.inputs[name] == model.manifest.inputs[name] for name in ("dataset", "base", "template")):
            yield _step(plan)


def question_of(exchange: Exchange) -> str:
    """The last thing that was asked; empty where the policy kept no text."""
    return next((message.content for message in reversed(exchange.prompt) if message.role == "user"), "")


def _near(datasets: Iterable[Node], question: str) -> list[NearRow]:
    """The rows that have most of the question's text in common, the nearest first."""
    wanted = _grams(question)
    if not wanted:
        return []
    scored = (
        (len(wanted & grams) / len(wanted | grams), number, row, split)
        for number, (row, split) in enumerate(_rows(datasets))
        if (grams := _grams(_asked(row)))
    )
    nearest = heapq.nsmallest(NUM_NEAR, scored, key=lambda each: (-each[0], each[1]))
    return [
        NearRow(row["id"], split, place_told(row), round(overlap, 4), _asked(row)[:_MAX_SHOWN])
        for overlap, _, row, split in nearest
        if overlap
    ]


def _grams(text: str) -> set[str]:
    """Runs of three characters, case, width and white space aside; a shorter text is one."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return {plain[start : start + _GRAM] for start in range(max(1, len(plain) - _GRAM + 1))} - {""}


def _asked(row: dict[str, Any]) -> str:
    users = [message["content"] for message in row["messages"] if message["role"] == "user"]
    return users[-1] if users else ""


def _rows(datasets: Iterable[Node]) -> Iterator[tuple[dict[str, Any], Split]]:
    for dataset in datasets:
        for split in SPLITS:
            with (dataset.folder / f"{split}.jsonl").open(encoding="utf-8", newline="\n") as stream:
                yield from ((json.loads(line), split) for line in stream)


def place_told(row: dict[str, Any]) -> str:
    place = row["place"]
    return place["file"] if place["line"] is None else f"{place['file']}:{place['line']}"


def _sets_with(lineage: Lineage, exchange: str) -> list[Node]:
    wanted = exchange.encode()
    return [
        node
        for node in lineage.of_kind(FEEDBACK_SET)
        if any(wanted in file.read_bytes() for file in sorted(node.folder.glob("*.jsonl")))
    ]


def _rounds(store: Store, of_bundle: Iterable[Version], sets: Iterable[Node]) -> Iterator[str]:
    known = {*map(str, of_bundle)}
    keys = {version.bundle for version in of_bundle} | {node.key for node in sets}
    for round in rounds(store):
        if known & {round.champion, round.candidate} or keys & set(round.products.values()):
            yield round.id


def trace_row(store: Store, runtime: Runtime, reference: str) -> RowTrace:
    """Walk on from a row, named by its id or as `FILE:LINE` of the raw rows.

    Raises TunesmithError `trace-reference` for another form, `trace-row-unknown` where no dataset holds it.
    """
    known = versions(store)
    lineage, wanted = _lineage(runtime, known), _wanted(reference)
    found = [
        HeldRow(dataset.key, split, row["id"], place_told(row))
        for dataset in lineage.of_kind(DATASET)
        for row, split in _rows([dataset])
        if wanted in (row["id"], _spot(row["place"]["file"], row["place"]["line"]))
    ]
    if not found:
        raise TunesmithError("trace-row-unknown", reference=reference[:200])
    held = {row.dataset for row in found if row.split != "test"}
    learned = learned_from(lineage, {key for dataset in held for key in lineage.nodes[dataset].keys})
    bundles = {node.key for node in learned if node.kind == BUNDLE}
    return RowTrace(
        rows=tuple(found),
        learned=tuple(map(_step, learned)),
        runs=tuple(str(folder) for folder in lineage.runs_of(node.key for node in learned)),
        versions=tuple(told_version(version) for version in known if version.bundle in bundles),
        edited=tuple(
            map(str, edited(lineage, store, [lineage.nodes[key] for key in {row.dataset: 0 for row in found}]))
        ),
    )


def _wanted(reference: str) -> str | tuple[Path, int | None]:
    if _ROW_ID.fullmatch(reference):
        return reference
    if place := _PLACE.fullmatch(reference):
        return _spot(place[1], int(place[2]))
    raise TunesmithError("trace-reference", reference=reference[:200])


def _spot(file: str, line: int | None) -> tuple[Path, int | None]:
    return absolute(file), line


def learned_from(lineage: Lineage, datasets: Iterable[str]) -> list[Node]:
    """Models trained on any of these datasets, what was trained on from their weights, and the bundles of all of those.

    Another dataset that was made from one of these is not looked behind: it holds a row itself, or nothing learned it.
    """
    wanted = set(datasets)
    models = [node for node in lineage.of_kind(MODEL) if node.manifest.inputs.get("dataset") in wanted]
    further = lineage.descendants(node.key for node in models)
    return [*models, *(node for node in further if node.kind in (MODEL, BUNDLE))]

"""Rows to tasks of Label Studio: the text and the turns before it, its place, and as a prediction what the row says."""

from __future__ import annotations

import difflib
import hashlib
import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.annotate.layers import TEXT, result_of
from tunesmith.prepare.checks import Check
from tunesmith.prepare.formats import SYNONYMS, Layout, layout_of, plain_name, to_example
from tunesmith.prepare.label_studio import EARLIER_TURNS
from tunesmith.prepare.privacy import redacted
from tunesmith.prepare.rows import RawRow, Refused, Table
from tunesmith.prepare.sources import share_rank, tables_of
from tunesmith.recipe import Source
from tunesmith.recipe.annotate import Annotate
from tunesmith.records import Annotation, Entity, Example, Intent, Message, Rejected, Relation

ROW: Final = "row"
PLACE: Final = "place"
_HAS_NO_ANSWER: Final = ("data-only-text", "data-format")

Task = dict[str, Any]


@dataclass
class Tasks:
    """Iterates the tasks of some sources, each conversation once; counts meanwhile what was read and left out."""

    section: Annotate
    sources: Sequence[Source]
    personal: Check | None
    """Masks personal data of a row, or rejects it, as the recipe's section `personal` asks."""
    num_read: int = 0
    num_repeated: int = 0
    rejects: list[Rejected] = field(default_factory=list)

    def __iter__(self) -> Iterator[Task]:
        """Raises TunesmithError as `tables_of` does, `annotate-no-text` and `annotate-label`."""
        seen: set[str] = set()
        for source in self.sources:
            for table in tables_of(source):
                for example in self._examples(table, source):
                    task = task_of(example, self.section)
                    self.num_repeated += task["data"][ROW] in seen
                    if task["data"][ROW] not in seen:
                        seen.add(task["data"][ROW])
                        yield task

    def sample(self, num_rows: int, seed: int) -> list[Task]:
        """So many of the tasks, drawn by their ids and the seed alone, in their order."""
        ranked = heapq.nsmallest(num_rows, enumerate(self), key=lambda item: share_rank(item[1]["data"][ROW], seed))
        return [task for _, task in sorted(ranked, key=lambda item: item[0])]

    def _examples(self, table: Table, source: Source) -> Iterator[Example]:
        layout = _layout(table, source) if self.section.text is None else None
        column = "" if layout else text_column(table, self.section.text)
        for row in table.rows:
            self.num_read += 1
            outcome = row if isinstance(row, Rejected) else _example(row, layout, column)
            if isinstance(outcome, Example) and self.personal is not None:
                outcome = self.personal(outcome)
            if isinstance(outcome, Rejected):
                self.rejects.append(outcome if self.personal is None else redacted(outcome))
            else:
                yield outcome


def _layout(table: Table, source: Source) -> Layout | None:
    """None for a table of texts without answers."""
    try:
        return layout_of(table, source)
    except TunesmithError as error:
        if error.code in _HAS_NO_ANSWER:
            return None
        raise


def text_column(table: Table, declared: str | None) -> str:
    """Raises TunesmithError `annotate-no-text`."""
    by_name = {plain_name(name): name for name in table.columns}
    wanted = (plain_name(declared),) if declared is not None else SYNONYMS["text"]
    found = next((by_name[name] for name in wanted if name in by_name), None)
    if found is None:
        columns = ", ".join(table.columns)
        raise TunesmithError("annotate-no-text", place=Place(table.name), columns=columns)
    return found


def _example(row: RawRow, layout: Layout | None, column: str) -> Example | Rejected:
    try:
        if layout is not None:
            return to_example(row, layout, None, None)
        text = row.values.get(column)
        if not isinstance(text, str) or not text.strip():
            raise Refused("not-text", field=column)
    except Refused as refused:
        return row.rejected(refused)
    others = {name: str(value) for name, value in row.values.items() if name != column and value is not None}
    return Example(id="", messages=(Message("user", text),), place=row.place, metadata=others)


def task_of(example: Example, section: Annotate) -> Task:
    """The last text of the user is what is annotated, the turns before it are shown.

    Raises TunesmithError `annotate-label`.
    """
    users = [number for number, message in enumerate(example.messages) if message.role == "user"]
    last = users[-1] if users else 0
    text = example.messages[last].content if users else ""
    turns = [{"role": message.role, "content": message.content} for message in example.messages[:last]]
    said = (json.dumps(turns) if turns else "") + text
    row = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    shown = {TEXT: text, EARLIER_TURNS: turns, ROW: row, PLACE: str(example.place)}
    task: Task = {"data": {**example.metadata, **shown}}
    known = _known(example, text, section)
    if known:
        task["predictions"] = [{"model_version": "tunesmith", "result": result_of(known)}]
    return task


def _known(example: Example, text: str, section: Annotate) -> tuple[Annotation, ...]:
    """What the row says in the declared layers; nothing where its spans are not those of this text."""
    layers = {Entity: section.entities, Relation: section.relations, Intent: section.intents}
    said = example.annotations
    if example.label and not any(isinstance(annotation, Intent) for annotation in said):
        said = (*said, Intent(example.label))
    if any(isinstance(one, Entity) and text[one.start : one.end] != one.text for one in said):
        return ()
    # entities come first, so that those left out at the end move no head or tail of a relation
    known = tuple(annotation for annotation in said if layers[type(annotation)])
    for annotation in known:
        declared = layers[type(annotation)]
        if annotation.label not in declared:
            near = difflib.get_close_matches(annotation.label, declared, n=1) or declared[:1]
            raise TunesmithError("annotate-label", place=example.place, label=annotation.label, suggestion=near[0])
    return known

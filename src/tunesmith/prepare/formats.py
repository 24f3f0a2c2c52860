"""The shapes in which rows come, each turned into the one conversation that Tunesmith knows.

A format says which canonical columns it needs and may have. Which of the user's columns is which is told by the recipe
(`columns`) or found through `SYNONYMS`; the first of `FORMATS` whose needed columns are all there, and whose values fit
where its columns alone do not tell, is taken.
"""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal

from tunesmith.artifacts.dataset import METHOD_COLUMN, SAFETY, Recognition, example_from_json
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare import format_readers as readers
from tunesmith.prepare.label_studio import label_studio
from tunesmith.prepare.rows import RawRow, Refused, Table
from tunesmith.recipe import Source
from tunesmith.records import REHEARSAL, Declared, Example
from tunesmith.text.traditional import simplified

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    # By canonical name, best first, as `plain_name` writes them: in simplified characters, among others.
    "messages": ("messages",),
    "conversations": ("conversations", "conversation"),
    "system": ("system", "system_prompt", "系统提示", "系统提示词"),
    "instruction": ("instruction", "指令"),
    "input": ("input", "context", "输入", "上下文"),
    "output": ("output", "response", "answer", "输出", "回答", "回复"),
    "history": ("history",),
    "prompt": ("prompt", "提示", "提示词"),
    "completion": ("completion", "response", "output", "answer", "输出", "回答", "回复"),
    "question": ("question", "query", "problem", "input", "问题", "提问", "问句", "输入"),
    "reasoning": (
        *(
            "reasoning",
            "reasoning_content",
            "complex_cot",
            "cot",
            "chain_of_thought",
            "thinking",
            "thought",
            "rationale",
        ),
        *("思考", "推理", "思维链"),
    ),
    "answer": ("answer", "response", "solution", "output", "reply", "答案", "回答", "回复", "答复", "回覆", "输出"),
    "chosen": ("chosen", "chosen_response", "response_chosen"),
    "rejected": ("rejected", "rejected_response", "response_rejected"),
    "desirable": ("desirable", "kto_tag", "label"),
    "text": (
        *("text", "sentence", "utterance", "content", "review", "comment", "message", "title", "query", "question"),
        *("文本", "句子", "正文", "内容", "评论", "留言", "消息", "描述", "标题", "提问", "问题", "问句"),
    ),
    # A column of names goes before one of numbers.
    "label": (
        *("label_text", "label_name", "label", "category", "intent", "sentiment", "class"),
        *("标签", "类别", "分类", "意图", "情感", "类型"),
    ),
    "target": ("target", "score", "rating", "stars", "label", "评分", "分数", "得分"),
    "data": ("data",),
    "annotations": ("annotations",),
}
FormatName = Literal[
    "messages",
    "prompt_completion",
    "alpaca",
    "sharegpt",
    "question_answer",
    "labels",
    "preference",
    "kto",
    "regression",
    "label_studio",
    "text",
    "dataset",
]
DATASET: Final = "dataset"
# Rows whose values are looked at where columns alone do not tell the format.
NUM_JUDGED_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Format:
    """A shape of rows: the columns that it needs and may have, and its reader."""

    name: FormatName
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    read: readers.Reader
    """From values by canonical name; every needed name is there. Raises Refused."""
    telling: str | None = None
    """The column whose first values must pass `fits` for the format to be detected."""
    fits: Callable[[Sequence[Any]], bool] | None = None
    is_detected: bool = True
    """False for a format that only the recipe's word gives: almost any rows have a text."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of one table are read."""

    shape: Format
    columns: Mapping[str, str]
    """The table's column by canonical name."""
    why: Recognition

    @property
    def format(self) -> FormatName:
        return self.shape.name


def _are_truths(values: Sequence[Any]) -> bool:
    """Whether all are true or false, also as text; 0 and 1 may as well be names of classes."""
    return all(isinstance(value, bool) or str(value).strip().lower() in ("true", "false") for value in values)


def _are_classes(values: Sequence[Any]) -> bool:
    """Whether these are anything but numbers of which at least one has decimals."""
    try:
        numbers = [readers.number_of(value, "label") for value in values]
    except Refused:
        return True
    return all(number.is_integer() for number in numbers)


def _are_numbers(values: Sequence[Any]) -> bool:
    try:
        return bool([readers.number_of(value, "target") for value in values])
    except Refused:
        return False


# In the order in which they are tried.
FORMATS: Final = (
    Format("label_studio", ("data", "annotations"), (), label_studio),
    Format(
        "preference",
        ("chosen", "rejected"),
        ("prompt", "conversations", "messages", "instruction", "input", "question", "history", "system"),
        readers.preference,
    ),
    Format(
        "kto",
        ("prompt", "completion", "desirable"),
        ("system", "history", "reasoning"),
        readers.kto,
        "desirable",
        _are_truths,
    ),
    Format(
        "kto",
        ("instruction", "completion", "desirable"),
        ("input", "system", "history", "reasoning"),
        readers.kto,
        "desirable",
        _are_truths,
    ),
    Format("kto", ("messages", "desirable"), ("system",), readers.kto, "desirable", _are_truths),
    Format("kto", ("conversations", "desirable"), ("system",), readers.kto, "desirable", _are_truths),
    Format("messages", ("messages",), ("system",), readers.messages),
    Format("sharegpt", ("conversations",), ("system",), readers.sharegpt),
    Format("alpaca", ("instruction", "output"), ("input", "system", "history", "reasoning"), readers.alpaca),
    Format("prompt_completion", ("prompt", "completion"), ("system", "reasoning"), readers.prompt_completion),
    Format("question_answer", ("question", "answer"), ("system", "reasoning"), readers.question_answer),
    Format("labels", ("text", "label"), ("system",), readers.labels, "label", _are_classes),
    Format("regression", ("text", "target"), ("system",), readers.regression, "target", _are_numbers),
    Format("text", ("text",), (), readers.plain_text, is_detected=False),
    Format(DATASET, ("messages",), (), readers.messages, is_detected=False),
)


def layout_of(table: Table, source: Source) -> Layout:
    """Find which column is which.

    Raises TunesmithError: `column-role` (the recipe maps a name that the format does not know), `column-missing` or
    `column-absent` (it names a column that the table lacks), `data-columns` (the declared format needs another
    column), `data-only-text` (texts without a word of what to answer), `data-format` (the columns fit no format).
    """
    declared = table.format or source.format
    is_open = declared == "auto"
    shapes = [shape for shape in FORMATS if shape.name == declared or (is_open and shape.is_detected)]
    _check_mapping(table, source, {role for shape in shapes for role in (*shape.needed, *shape.optional)})
    matches = [(shape, _match(shape, table.columns, source.columns)) for shape in shapes]
    for shape, columns in matches:
        has_all = set(shape.needed) <= set(columns) and set(source.columns) <= set(columns)
        if has_all and (not is_open or _values_fit(shape, columns, table)):
            return Layout(shape, columns, "detected" if is_open else "declared")
    place, found = Place(table.name), ", ".join(table.columns)
    if is_open:
        has_text = any("text" in columns for _, columns in matches)
        first, second = (*table.columns, "...", "...")[:2]
        code = "data-only-text" if has_text else "data-format"
        raise TunesmithError(code, place=place, columns=found, first=first, second=second)
    shape, columns = min(matches, key=lambda match: len(set(match[0].needed) - set(match[1])))
    missing = ", ".join(role for role in shape.needed if role not in columns)
    raise TunesmithError("data-columns", place=place, format=declared, missing=missing, columns=found)


def _values_fit(shape: Format, columns: Mapping[str, str], table: Table) -> bool:
    if shape.fits is None or shape.telling is None:
        return True
    column = columns[shape.telling]
    rows = (row.values.get(column) for row in islice(table.rows, NUM_JUDGED_ROWS) if isinstance(row, RawRow))
    return shape.fits([value for value in rows if value not in (None, "")])


def _check_mapping(table: Table, source: Source, known: set[str]) -> None:
    for role, column in source.columns.items():
        if role not in known:
            raise TunesmithError("column-role", place=Place(table.name), role=role, known=", ".join(sorted(known)))
        if column not in table.columns:
            raise missing_column(role, column, table.columns, Place(table.name))


def missing_column(role: str, column: str, columns: Iterable[str], place: Place) -> TunesmithError:
    """The error for a column that the recipe names and the rows lack, with the nearest name where one is near."""
    names = {name.lower(): name for name in columns}
    near = difflib.get_close_matches(column.lower(), names, n=1)
    found = ", ".join(names.values())
    if near:
        suggestion = names[near[0]]
        return TunesmithError(
            "column-missing", place=place, role=role, column=column, columns=found, suggestion=suggestion
        )
    return TunesmithError("column-absent", place=place, role=role, column=column, columns=found)


def to_example(row: RawRow, layout: Layout, split: Declared | None, group_by: str | None) -> Example:
    """One row in its canonical form, its id still empty. Columns without a role become metadata. Raises Refused."""
    shape = layout.shape
    if shape.name == DATASET:
        return _of_dataset(row, split)
    values = {role: row.values[column] for role, column in layout.columns.items() if column in row.values}
    for role in shape.needed:
        if role not in values:
            raise Refused("missing-field", layout.columns[role], field=layout.columns[role])
    said = shape.read(values)
    roles = set(layout.columns.values())
    group = row.values.get(group_by) if group_by else None
    others = {name: value for name, value in row.values.items() if name not in roles}
    return Example(
        id="",
        messages=said.messages,
        place=row.place,
        label=said.label,
        group=(_metadata_text(group).strip() or None) if group is not None else None,
        split=split,
        metadata={
            name: _metadata_text(value) for name, value in (others | dict(said.metadata)).items() if value is not None
        },
        rejected=said.rejected,
        desirable=said.desirable,
        target=said.target,
        text=said.text,
        annotations=said.annotations,
    )


def _of_dataset(row: RawRow, split: Declared | None) -> Example:
    """A row that `prepare` wrote earlier, with all that was known of it; what rehearses goes on doing so.

    Rows are balanced anew, among others; what refuses keeps its visits. Raises Refused.
    """
    try:
        example = example_from_json(dict(row.values))
    except (KeyError, TypeError, ValueError) as failure:
        raise Refused("missing-field", str(failure)) from failure
    _check_texts(example)
    if example.metadata.get(METHOD_COLUMN) != SAFETY:
        example = replace(example, repeats=1, weight=1.0)
    return example if example.split == REHEARSAL else replace(example, split=split)


def _check_texts(example: Example) -> None:
    """Whoever edits a dataset by hand may put anything where a text stood. Raises Refused `not-text`."""
    if not isinstance(example.metadata, dict):
        raise Refused("not-text", field="metadata")
    named = {"label": example.label, "group": example.group, **example.metadata}
    for number, message in enumerate((*example.messages, *([example.rejected] if example.rejected else ()))):
        named |= {f"messages[{number}]": message.content, f"messages[{number}].reasoning": message.reasoning}
        if message.content is None:
            raise Refused("not-text", field=f"messages[{number}]")
        if not isinstance(message.weight, (int, float)):
            raise Refused("bad-weight", str(message.weight), field=f"messages[{number}]")
    named |= {f"changes[{number}]": code for number, code in enumerate(example.changes)}
    for name, text in named.items():
        if text is not None and not isinstance(text, str):
            raise Refused("not-text", field=name)


def _match(shape: Format, columns: tuple[str, ...], mapped: Mapping[str, str]) -> dict[str, str]:
    """The column of each role of a format; the recipe's word first, no column twice."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(plain_name(column), column)
    roles = (*shape.needed, *shape.optional)
    found = {role: mapped[role] for role in roles if role in mapped}
    for role in roles:
        if role not in found:
            names = (by_name[name] for name in SYNONYMS[role] if name in by_name)
            free = next((column for column in names if column not in found.values()), None)
            if free is not None:
                found[role] = free
    return found


def plain_name(column: str) -> str:
    """By which columns are known: their case, width, script, spaces and hyphens say nothing."""
    plain = simplified(unicodedata.normalize("NFKC", column))
    return plain.strip().casefold().replace(" ", "_").replace("-", "_")


def _metadata_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

"""The shapes in which rows come, each turned into the one conversation that Tunesmith knows.

A format says which canonical columns it needs and may have. Which of the user's columns is which is told by the recipe
(`columns`) or found through `SYNONYMS`; the first format of `FORMATS` whose needed columns are all there is taken.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tunesmith.artifacts.dataset import Recognition
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.rows import RawRow, Refused, Table
from tunesmith.recipe import Source
from tunesmith.records import Example, Message, Role, Split

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    # By canonical name, best first. Names are compared in lower case, with spaces and hyphens as underscores.
    "messages": ("messages",),
    "conversations": ("conversations", "conversation"),
    "system": ("system", "system_prompt"),
    "instruction": ("instruction",),
    "input": ("input", "context"),
    "output": ("output", "response", "answer"),
    "history": ("history",),
    "prompt": ("prompt",),
    "completion": ("completion", "response", "output", "answer"),
    "question": ("question", "query", "problem", "input", "问题", "提问"),
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
    "answer": ("answer", "response", "solution", "output", "reply", "答案", "回答", "回复"),
    "text": (
        *("text", "sentence", "utterance", "content", "review", "comment", "message", "title", "query", "question"),
        *("文本", "内容", "评论", "标题"),
    ),
    # A column of names goes before one of numbers.
    "label": (
        "label_text",
        "label_name",
        "label",
        "category",
        "intent",
        "sentiment",
        "class",
        "标签",
        "类别",
        "意图",
        "情感",
    ),
}
ROLES: Final[dict[str, Role]] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model"), "assistant"),
    **dict.fromkeys(("tool", "function", "function_response", "observation"), "tool"),
}
FormatName = Literal["messages", "prompt_completion", "alpaca", "sharegpt", "question_answer", "labels"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a reader makes of one row."""

    messages: tuple[Message, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A shape of rows: the columns that it needs and may have, and its reader."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], Conversation]
    """From values by canonical name; every needed name is there. Raises Refused."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of one table are read."""

    format: FormatName
    columns: Mapping[str, str]
    """The table's column by canonical name."""
    why: Recognition


def layout_of(table: Table, source: Source) -> Layout:
    """Find which column is which.

    Raises TunesmithError: `column-role` (the recipe maps a name that the format does not know), `column-missing` or
    `column-absent` (it names a column that the table lacks), `data-columns` (the declared format needs another
    column), `data-format` (the columns fit no format).
    """
    place = Place(table.name)
    shapes = {source.format: FORMATS[source.format]} if source.format != "auto" else FORMATS
    _check_mapping(table, source, {role for shape in shapes.values() for role in (*shape.needed, *shape.optional)})
    matches = {name: _match(shape, table.columns, source.columns) for name, shape in shapes.items()}
    for name, columns in matches.items():
        if set(shapes[name].needed) <= set(columns) and set(source.columns) <= set(columns):
            return Layout(name, columns, "detected" if source.format == "auto" else "declared")
    found = ", ".join(table.columns)
    if source.format == "auto":
        raise TunesmithError("data-format", place=place, columns=found)
    missing = ", ".join(role for role in shapes[source.format].needed if role not in matches[source.format])
    raise TunesmithError("data-columns", place=place, format=source.format, missing=missing, columns=found)


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


def to_example(row: RawRow, layout: Layout, split: Split | None, group_by: str | None) -> Example:
    """One row in its canonical form, its id still empty. Columns without a role become metadata. Raises Refused."""
    shape = FORMATS[layout.format]
    values = {role: row.values[column] for role, column in layout.columns.items() if column in row.values}
    for role in shape.needed:
        if role not in values:
            raise Refused("missing-field", layout.columns[role], field=layout.columns[role])
    conversation = shape.read(values)
    roles = set(layout.columns.values())
    group = row.values.get(group_by) if group_by else None
    return Example(
        id="",
        messages=conversation.messages,
        place=row.place,
        label=conversation.label,
        group=_metadata_text(group) if group not in (None, "") else None,
        split=split,
        metadata={
            name: _metadata_text(value) for name, value in row.values.items() if name not in roles and value is not None
        },
    )


def _match(shape: Format, columns: tuple[str, ...], mapped: Mapping[str, str]) -> dict[str, str]:
    """The column of each role of a format; the recipe's word first, no column twice."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(_plain(column), column)
    roles = (*shape.needed, *shape.optional)
    found = {role: mapped[role] for role in roles if role in mapped}
    for role in roles:
        if role not in found:
            names = (by_name[name] for name in SYNONYMS[role] if name in by_name)
            free = next((column for column in names if column not in found.values()), None)
            if free is not None:
                found[role] = free
    return found


def _plain(column: str) -> str:
    return column.strip().casefold().replace(" ", "_").replace("-", "_")


def _messages(values: Mapping[str, Any]) -> Conversation:
    return Conversation(_with_system(values, _turns(values["messages"], "messages")))


def _sharegpt(values: Mapping[str, Any]) -> Conversation:
    return Conversation(_with_system(values, _turns(values["conversations"], "conversations")))


def _prompt_completion(values: Mapping[str, Any]) -> Conversation:
    return Conversation(_with_system(values, _exchange(values, "prompt", "completion")))


def _question_answer(values: Mapping[str, Any]) -> Conversation:
    return Conversation(_with_system(values, _exchange(values, "question", "answer")))


def _alpaca(values: Mapping[str, Any]) -> Conversation:
    asked = [_text(values.get(role), role) for role in ("instruction", "input")]
    prompt = Message("user", "\n".join(text for text in asked if text.strip()))
    past = tuple(message for turn in _list(values.get("history"), "history") for message in _past_turn(turn))
    return Conversation(_with_system(values, (*past, prompt, _answer(values, "output"))))


def _labels(values: Mapping[str, Any]) -> Conversation:
    label = _text(values["label"], "label").strip()
    messages = (Message("user", _text(values["text"], "text")), Message("assistant", label))
    return Conversation(_with_system(values, messages), label)


FORMATS: Final[dict[FormatName, Format]] = {
    "messages": Format(("messages",), ("system",), _messages),
    "sharegpt": Format(("conversations",), ("system",), _sharegpt),
    "alpaca": Format(("instruction", "output"), ("input", "system", "history", "reasoning"), _alpaca),
    "prompt_completion": Format(("prompt", "completion"), ("system", "reasoning"), _prompt_completion),
    "question_answer": Format(("question", "answer"), ("system", "reasoning"), _question_answer),
    "labels": Format(("text", "label"), ("system",), _labels),
}


def _exchange(values: Mapping[str, Any], prompt: str, answer: str) -> tuple[Message, ...]:
    return Message("user", _text(values[prompt], prompt)), _answer(values, answer)


def _answer(values: Mapping[str, Any], role: str) -> Message:
    reasoning = _text(values.get("reasoning"), "reasoning")
    return Message("assistant", _text(values[role], role), reasoning or None)


def _with_system(values: Mapping[str, Any], messages: tuple[Message, ...]) -> tuple[Message, ...]:
    system = _text(values.get("system"), "system")
    if not system.strip() or (messages and messages[0].role == "system"):
        return messages
    return Message("system", system), *messages


def _past_turn(turn: object) -> tuple[Message, Message]:
    if not isinstance(turn, (list, tuple)) or len(turn) != 2:
        raise Refused("bad-turn", field="history")
    asked, answered = (_text(text, "history") for text in turn)
    return Message("user", asked), Message("assistant", answered)


def _turns(value: object, field: str) -> tuple[Message, ...]:
    return tuple(_turn(turn, f"{field}[{index}]") for index, turn in enumerate(_list(value, field)))


def _turn(turn: object, field: str) -> Message:
    """OpenAI's `role`, `content` or ShareGPT's `from`, `value`."""
    if not isinstance(turn, Mapping):
        raise Refused("bad-turn", field=field)
    if turn.get("tool_calls") or turn.get("function_call"):
        raise Refused("tool-calls", field=field)
    named = turn.get("role", turn.get("from"))
    role = ROLES.get(named.strip().lower()) if isinstance(named, str) else None
    if role is None:
        raise Refused("unknown-role", str(named), field=field)
    content = _joined(turn.get("content", turn.get("value")), field)
    reasoning = _text(turn.get("reasoning_content", turn.get("reasoning")), field)
    return Message(role, content, reasoning or None, _weight(turn.get("weight"), field))


def _joined(content: object, field: str) -> str:
    """The text of a message; OpenAI allows a list of parts, of which only text is known here."""
    if not isinstance(content, list):
        return _text(content, field)
    texts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    if len(texts) != len(content):
        raise Refused("not-text", field=field)
    return "".join(_text(text, field) for text in texts)


def _weight(value: object, field: str) -> float:
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < math.inf:
        raise Refused("bad-weight", str(value), field=field)
    return float(value)


def _list(value: object, field: str) -> list[Any]:
    """A list, also as JSON text, which is how it stands in a CSV cell."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (RecursionError, ValueError) as error:
            raise Refused("not-a-list", field=field) from error
    if not isinstance(value, list):
        raise Refused("not-a-list", field=field)
    return value


def _text(value: object, field: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise Refused("not-text", field=field)


def _metadata_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

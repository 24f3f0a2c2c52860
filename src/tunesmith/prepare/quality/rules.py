"""What the recipe declares about single rows: columns that must be filled and covered, and checks of the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.dataset import example_from_json
from tunesmith.errors import Place, TunesmithError
from tunesmith.metrics.answers import numeric_match
from tunesmith.prepare.index import Column, Rows, Span, Spool, examples_of
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.quality.arithmetic import sums
from tunesmith.recipe.quality import Quality
from tunesmith.records import Example

if TYPE_CHECKING:
    from tunesmith.prepare.walk import Rules

# Shapes: S judged rows, V declared columns.
FIELDS: Final = "fields"
CHECKS: Final = ("number", "arithmetic", "pattern", "json_schema")
_BITS: Final = {name: 1 << place for place, name in enumerate((FIELDS, *CHECKS))}
_LABEL: Final = "label"
_SPAN_BYTES: Final = 1 << 18

Verdict = str | None
"""What is wrong with a row, or None; empty where a rule has nothing to say about it."""
Rule = Callable[[Example], Verdict]
_NOT_JUDGED: Final = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the recipe says, made ready for the rows; can be sent to other processes."""

    section: Quality
    label_columns: frozenset[str]
    """What the label's column is called in the sources."""
    json_schema: str | None
    """Its text."""

    @classmethod
    def of(cls, section: Quality, label_columns: Sequence[str]) -> Declared:
        """Raises TunesmithError `quality-schema` for a JSON schema that cannot be used."""
        file = section.checks.json_schema
        return cls(section, frozenset((_LABEL, *label_columns)), None if file is None else _schema_text(Path(file)))

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that no row may leave empty: the covered ones, then those that checks need."""
        number = self.section.checks.number
        return (*self.section.covers, *((number,) if number is not None else ()))

    def value(self, example: Example, column: str) -> str:
        """What a row says in a column, without the white space around it; empty where it says nothing."""
        said = example.label if column in self.label_columns else None
        return (example.metadata.get(column, "") if said is None else said).strip()

    def rules(self) -> dict[str, Rule]:
        checks = self.section.checks
        rules: dict[str, Rule] = {FIELDS: self._missing}
        if checks.number is not None:
            rules["number"] = self._number
        if checks.arithmetic:
            rules["arithmetic"] = _arithmetic
        if checks.pattern is not None:
            rules["pattern"] = _Pattern(checks.pattern)
        if self.json_schema is not None:
            rules["json_schema"] = _Schema(self.json_schema)
        return rules

    def _missing(self, example: Example) -> Verdict:
        return ", ".join(column for column in self.columns if not self.value(example, column)) or None

    def _number(self, example: Example) -> Verdict:
        expected = self.value(example, str(self.section.checks.number))
        if not expected:
            return _NOT_JUDGED
        if numeric_match(example.answer.content, expected):
            return None
        return f"{example.answer.content.strip()[-40:]} / {expected}"


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules found on the judged rows."""

    applies_S: Column
    """Bits of the rules that had something to say."""
    fails_S: Column
    """Bits of the rules that a row breaks."""
    values_SV: NDArray[np.int16]
    """By declared column the place of the row's value among the declared ones, else -1."""

    def applies(self, rule: str) -> NDArray[np.bool_]:
        return self.applies_S & _BITS[rule] > 0

    def fails(self, rule: str) -> NDArray[np.bool_]:
        return self.fails_S & _BITS[rule] > 0


def judge_rows(spool: Spool, rows_S: Rows, declared: Declared, pool: Pool[Any]) -> Judged:
    """Raises TunesmithError `quality-column` for a declared column that no row has."""
    tasks = (_Judging(span, declared) for _, span in spool.spans(rows_S, _SPAN_BYTES))
    parts = list(pool.map(_judge, tasks))
    judged = Judged(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    if declared.columns and judged.fails(FIELDS).all():
        _refuse_absent(spool, rows_S, declared)
    return judged


def explain(declared: Declared, rule: str, written: Mapping[str, Any]) -> str:
    """What is wrong with a row that breaks a rule."""
    return declared.rules()[rule](example_from_json(dict(written))) or ""


@dataclass(frozen=True, slots=True)
class _Judging:
    span: Span
    declared: Declared


def _judge(_: Rules, task: _Judging) -> tuple[Column, Column, NDArray[np.int16]]:
    declared, rules = task.declared, task.declared.rules()
    places = {
        column: {value: place for place, value in enumerate(values)}
        for column, values in declared.section.covers.items()
    }
    applies, fails, values = [], [], []
    for example in examples_of(task.span):
        said = {name: rule(example) for name, rule in rules.items()}
        applies.append(sum(_BITS[name] for name, verdict in said.items() if verdict != _NOT_JUDGED))
        fails.append(sum(_BITS[name] for name, verdict in said.items() if verdict))
        values.append([known.get(declared.value(example, column), -1) for column, known in places.items()])
    table = np.array(values, dtype=np.int16).reshape(len(applies), len(places))
    return np.array(applies, dtype=np.uint8), np.array(fails, dtype=np.uint8), table


def _refuse_absent(spool: Spool, rows_S: Rows, declared: Declared) -> None:
    known: dict[str, None] = {}
    is_filled = dict.fromkeys(declared.columns, False)
    for _, span in spool.spans(rows_S, _SPAN_BYTES):
        for example in examples_of(span):
            known.update(dict.fromkeys(example.metadata))
            for column in is_filled:
                is_filled[column] |= bool(declared.value(example, column))
    absent = [column for column, filled in is_filled.items() if not filled]
    if absent:
        raise TunesmithError("quality-column", column=absent[0], known=", ".join((*known, _LABEL)))


def _arithmetic(example: Example) -> Verdict:
    found = [*sums(example.answer.reasoning or ""), *sums(example.answer.content)]
    if not found:
        return _NOT_JUDGED
    return "; ".join(written for written, is_right in found if not is_right) or None


class _Pattern:
    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def __call__(self, example: Example) -> Verdict:
        answer = example.answer.content.strip()
        return None if self._pattern.fullmatch(answer) else answer or "-"


class _Schema:
    def __init__(self, text: str) -> None:
        self._validator = _validator(json.loads(text))

    def __call__(self, example: Example) -> Verdict:
        from jsonschema.exceptions import best_match

        try:
            answer = json.loads(example.answer.content)
        except (ValueError, RecursionError) as failure:
            return str(failure)
        worst = best_match(self._validator.iter_errors(answer))
        return None if worst is None else f"{worst.json_path}: {worst.message}"


def _validator(schema: Any) -> Any:
    from jsonschema.validators import validator_for
    from referencing import Registry

    # an empty registry: what the schema refers to elsewhere is not fetched
    return validator_for(schema)(schema, registry=Registry())


def _schema_text(file: Path) -> str:
    from jsonschema.exceptions import SchemaError

    try:
        text = file.read_text(encoding="utf-8-sig")
        schema = json.loads(text)
        _validator(schema).check_schema(schema)
    except (OSError, ValueError, RecursionError, SchemaError) as failure:
        problem = failure.message if isinstance(failure, SchemaError) else str(failure)
        raise TunesmithError("quality-schema", place=Place(str(file)), problem=problem) from failure
    return text


def covered(values_SV: NDArray[np.int16], covers: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, dict[str, int]]]:
    """By declared column, how many of the rows have each declared value."""
    for place, (column, names) in enumerate(covers.items()):
        said = values_SV[:, place]
        counts = np.bincount(said[said >= 0], minlength=len(names)).tolist()
        yield column, dict(zip(names, counts, strict=True))

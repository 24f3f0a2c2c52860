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
from tunesmith.prepare.index import Column, Mask, Rows, Span, Spool, examples_of
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.quality.arithmetic import sums
from tunesmith.prepare.quality.formats import is_json
from tunesmith.recipe.quality import Quality
from tunesmith.records import Example

if TYPE_CHECKING:
    from tunesmith.prepare.walk import Rules

# Shapes: S judged rows, V declared columns.
CHECKS: Final = ("number", "arithmetic", "pattern", "json_schema")
_BITS: Final = {name: 1 << place for place, name in enumerate(CHECKS)}
_LABEL: Final = "label"
_SPAN_BYTES: Final = 1 << 18
_OTHER, _EMPTY = -1, -2

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

    def value(self, example: Example, column: str) -> str:
        """What a row says in a column, without the white space around it; empty where it says nothing."""
        said = example.label if column in self.label_columns else None
        return (example.metadata.get(column, "") if said is None else said).strip()

    def rules(self) -> dict[str, Rule]:
        checks = self.section.checks
        rules: dict[str, Rule] = {}
        if checks.number is not None:
            rules["number"] = self._number
        if checks.arithmetic:
            rules["arithmetic"] = _arithmetic
        if checks.pattern is not None:
            rules["pattern"] = _Pattern(checks.pattern)
        if self.json_schema is not None:
            rules["json_schema"] = _Schema(self.json_schema)
        return rules

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
    """By covered column the place of the row's value among the declared ones, -1 for another, -2 for none."""

    def applies(self, rule: str) -> Mask:
        applies_S: Mask = self.applies_S & _BITS[rule] > 0
        return applies_S

    def fails(self, rule: str) -> Mask:
        fails_S: Mask = self.applies_S & self.fails_S & _BITS[rule] > 0
        return fails_S

    def lacks(self, origin_S: Column) -> Mask:
        """(S, V): whether a covered column is empty that other rows of the same source fill."""
        lacks_SV: Mask = self.values_SV == _EMPTY
        for empty_S in lacks_SV.T:
            empty_S &= np.isin(origin_S, origin_S[~empty_S])
        return lacks_SV


def judge_rows(spool: Spool, rows_S: Rows, origin_S: Column, declared: Declared, pool: Pool[Any]) -> Judged:
    """Hold the rows against the rules. A JSON schema is asked of sources that answer in JSON at all.

    Raises TunesmithError `quality-column` for a declared column that no row has.
    """
    tasks = (_Judging(span, declared) for _, span in spool.spans(rows_S, _SPAN_BYTES))
    parts = list(pool.map(_judge, tasks))
    applies_S, fails_S, values_SV = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    answers_in_json_S = np.isin(origin_S, origin_S[is_json(spool["format"][rows_S])])
    applies_S[~answers_in_json_S] &= ~np.uint8(_BITS["json_schema"])
    judged = Judged(applies_S, fails_S, values_SV)
    number = declared.section.checks.number
    absent = [column for column, value_S in zip(declared.section.covers, values_SV.T, strict=True) if _none(value_S)]
    if number is not None and not judged.applies("number").any():
        absent.append(number)
    if absent:
        first = next(spool.written(rows_S[:1]))
        raise TunesmithError("quality-column", column=absent[0], known=", ".join((*first["metadata"], _LABEL)))
    return judged


def _none(value_S: NDArray[np.int16]) -> bool:
    return bool((value_S == _EMPTY).all())


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
        said_in = {column: declared.value(example, column) for column in places}
        values.append(
            [known.get(said_in[column], _OTHER) if said_in[column] else _EMPTY for column, known in places.items()]
        )
    table = np.array(values, dtype=np.int16).reshape(len(applies), len(places))
    return np.array(applies, dtype=np.uint8), np.array(fails, dtype=np.uint8), table


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

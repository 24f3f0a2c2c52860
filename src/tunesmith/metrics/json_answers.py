"""Whether an answer is JSON, and of the shape that was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from tunesmith.errors import Place, TunesmithError
from tunesmith.metrics.case import Case


def parse_json(answer: str) -> tuple[Any, bool]:
    """The value, and whether the whole answer is JSON (RFC 8259): no fence, no word around it, no NaN or Infinity."""
    try:
        return json.loads(answer, parse_constant=_refuse), True
    except (ValueError, RecursionError):
        return None, False


def json_valid(case: Case) -> float:
    return float(parse_json(case.answer)[1])


def schema_matcher(file: Path) -> Callable[[Case], float]:
    """1.0 for an answer that is JSON and matches the schema. Raises TunesmithError `json-schema-file`."""
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    place = Place(str(file))
    try:
        schema = json.loads(file.read_text(encoding="utf-8-sig"))
        kind = validator_for(schema, default=Draft202012Validator)
        kind.check_schema(schema)
    except (OSError, ValueError) as failure:
        raise TunesmithError("json-schema-file", place=place, problem=str(failure)) from failure
    except SchemaError as failure:
        raise TunesmithError("json-schema-file", place=place, problem=failure.message) from failure
    validator = kind(schema)

    def matches(case: Case) -> float:
        value, is_json = parse_json(case.answer)
        return float(is_json and validator.is_valid(value))

    return matches


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)

"""Stretches of time in a recipe: `7d`, `12h`."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_PATTERN: Final = "[1-9][0-9]{0,3}[hd]"


def _span(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_PATTERN, value):
        raise PydanticCustomError("time_span", "must be hours or days, such as `12h` or `7d`")
    return value


def _span_or_number(value: object) -> str | int:
    if type(value) is int and value > 0:
        return value
    if not isinstance(value, str) or not re.fullmatch(_PATTERN, value):
        raise PydanticCustomError("time_span_or_number", "must be such as `7d` or `12h`, or a number of exchanges")
    return value


_SCHEMA: Final = {"type": "string", "pattern": f"^{_PATTERN}$"}
Span = Annotated[str, BeforeValidator(_span), WithJsonSchema(_SCHEMA)]
"""`30d`, `12h`."""
SpanOrNumber = Annotated[
    str | int,
    BeforeValidator(_span_or_number),
    WithJsonSchema({"anyOf": [_SCHEMA, {"type": "integer", "exclusiveMinimum": 0}]}),
]
"""`7d`, `12h`, or a number of exchanges."""

"""Stretches of time in a recipe: `7d`, `12h`; and where those of one length begin."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)
"""Where counting begins, so that stretches of seven days begin on a Monday."""
_PATTERN: Final = "[1-9][0-9]{0,3}[hd]"
_UNITS: Final = {"h": "hours", "d": "days"}


def length_of(span: str) -> timedelta:
    """Of `7d` or `12h`."""
    return timedelta(**{_UNITS[span[-1]]: int(span[:-1])})


def begin_of(at: datetime, length: timedelta) -> datetime:
    """Where the stretch of this length begins that holds a moment."""
    return MONDAY + (at - MONDAY) // length * length


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

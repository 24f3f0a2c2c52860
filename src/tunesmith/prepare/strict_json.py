"""JSON without the traps of the standard library, which accepts NaN, 1e999, repeated keys and lone surrogates."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, Final

from tunesmith.prepare.rows import Refused

MAX_DEPTH: Final = 64


def parse(text: str) -> dict[str, Any]:
    """One object from one JSON text. Raises Refused with the reason."""
    try:
        value = _STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise Refused("bad-json", f"{error.msg} (column {error.colno})") from error
    except RecursionError as error:
        raise Refused("too-deep", str(MAX_DEPTH)) from error
    except ValueError as error:
        # An integer of more digits than Python converts.
        raise Refused("bad-json", str(error)) from error
    return checked(value, text)


def scan(text: str, position: int) -> tuple[dict[str, Any] | Refused, int]:
    """The object that begins at `position` of a longer text, and where it ends.

    Raises json.JSONDecodeError, ValueError or RecursionError where no JSON value can be read at all.
    """
    try:
        value, end = _STRICT.raw_decode(text, position)
        return checked(value, text[position:end]), end
    except Refused as refused:
        # The standard reading still finds where the refused value ends.
        return refused, _LENIENT.raw_decode(text, position)[1]


def checked(value: object, text: str) -> dict[str, Any]:
    """A parsed value as a row. `text` is what it was parsed from. Raises Refused."""
    if not isinstance(value, dict):
        raise Refused("not-an-object", _JSON_NAMES.get(type(value), "null"))
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_deep(value):
        raise Refused("too-deep", str(MAX_DEPTH))
    if "\\u" in text and _has_lone_surrogate(value):
        raise Refused("lone-surrogate")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise Refused("duplicate-key", counts.most_common(1)[0][0])
    return row


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Refused("not-finite", text)
    return value


def _constant(name: str) -> float:
    raise Refused("not-finite", name)


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
_LENIENT: Final = json.JSONDecoder()
_JSON_NAMES: Final[dict[type, str]] = {list: "array", str: "string", int: "number", float: "number", bool: "boolean"}


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        containers = [
            item.values() if isinstance(item, dict) else item for item in level if isinstance(item, (dict, list))
        ]
        level = [item for container in containers for item in container]
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)


def _has_lone_surrogate(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False

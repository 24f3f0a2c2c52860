"""The format of a row's answer, in a number that fits the index."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.records import Example

_KINDS: Final = ("text", "number", "JSON object", "JSON list", "broken JSON", "label")
NUM_KINDS: Final = len(_KINDS)
"""A code is that of a kind, below this, and as much more where thinking is present."""
TEXT, _NUMBER, _OBJECT, _LIST, _BROKEN, _LABEL = range(NUM_KINDS)
UNLEARNED: Final = 2 * NUM_KINDS
"""Code of an answer that is to be unlearned: nothing is expected of it."""
_WHOLE_NUMBER: Final = re.compile(r"[$¥€£]?\s*[-+−]?\d[\d,]*(?:\.\d+)?\s*[%‰]?")


def format_of(example: Example) -> int:
    """The kind of the last answer, and whether it comes with thinking, as a code below 256."""
    if example.desirable is False:
        return UNLEARNED
    kind = _LABEL if example.label is not None else _kind(example.answer.content.strip())
    return kind + NUM_KINDS if example.answer.reasoning is not None else kind


def _kind(answer: str) -> int:
    if answer.startswith(("{", "[")):  # a plain text has no answer at all
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            # "[1] says the opposite" begins like a list and is none
            return _BROKEN if answer[0] == "{" else TEXT
        return _OBJECT if isinstance(found, dict) else _LIST
    return _NUMBER if is_number(answer) else TEXT


def is_number(answer: str) -> bool:
    """Whether an answer is a number and nothing else, but for a currency or a percent sign."""
    return len(answer) < 40 and _WHOLE_NUMBER.fullmatch(answer) is not None


def name_of(code: int) -> str:
    """The format in words: `JSON object with thinking`."""
    return _KINDS[code % NUM_KINDS] + (" with thinking" if code >= NUM_KINDS else "")


def is_json(format_S: NDArray[Any]) -> NDArray[np.bool_]:
    """(S,): which codes are of JSON, whole or broken."""
    json_S: NDArray[np.bool_] = (format_S != UNLEARNED) & np.isin(format_S % NUM_KINDS, (_OBJECT, _LIST, _BROKEN))
    return json_S

"""Answers that have to be JSON: which tokens may come next, told by llguidance.

Shapes: V vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray

from tunesmith.chat import Chat
from tunesmith.chat.parse import CLOSE
from tunesmith.errors import RunFailed, TunesmithError

ANY_OBJECT: Final[dict[str, object]] = {"type": "object"}


class JsonMasks:
    """Makes masks for the answers of one model."""

    def __init__(self, chat: Chat, vocabulary_size: int) -> None:
        self._chat = chat
        self._tokenizer = LLTokenizer(
            chat.tokenizer.to_str(),
            n_vocab=max(vocabulary_size, chat.tokenizer.get_vocab_size()),
            eos_token=sorted(chat.end_ids),
            slices=LLTokenizer.json_slices(),
        )
        self._vocabulary_size = vocabulary_size

    def mask(self, schema: Mapping[str, object] | None) -> JsonMask:
        """Of one answer: any JSON object where there is no schema. Raises TunesmithError `json-schema`."""
        try:
            grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema or ANY_OBJECT))
        except ValueError as failure:
            raise TunesmithError("json-schema", problem=str(failure)) from failure
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise TunesmithError("json-schema", problem=matcher.get_error().partition("\n")[0])
        return JsonMask(matcher, self._vocabulary_size, waits=self._chat.prefilled)


class JsonMask:
    """Where one answer stands in its grammar. Thinking that the prompt has opened is free."""

    def __init__(self, matcher: LLMatcher, vocabulary_size: int, *, waits: bool) -> None:
        self._matcher = matcher
        self._vocabulary_size = vocabulary_size
        self._thought: str | None = "" if waits else None
        """What is thought so far; None where thinking is over."""

    def allowed(self) -> NDArray[np.bool_] | None:
        """(V,); None where everything is. Raises RunFailed `json-mask` where the grammar took too much to follow."""
        if self._thought is not None:
            return None
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            raise RunFailed("json-mask", problem=self._matcher.get_error().partition("\n")[0])
        return np.unpackbits(bits, count=self._vocabulary_size, bitorder="little").astype(bool)

    def take(self, token: int, text: str) -> bool:
        """Go on by a token that was chosen, whose text is `text`; whether the JSON is whole and nothing may follow."""
        if self._thought is not None:
            self._thought = None if CLOSE in (thought := self._thought + text) else thought[-len(CLOSE) :]
            return False
        if not self._matcher.consume_token(token):
            raise RunFailed("json-mask", problem=self._matcher.get_error().partition("\n")[0])
        return self._matcher.is_stopped()

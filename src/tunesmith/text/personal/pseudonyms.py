"""Texts with people's data replaced by surrogates, a person's later mentions as the full name was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tunesmith.text.personal.find import find_personal, without_overlaps
from tunesmith.text.personal.mentions import find_mentions, part_of, parts_of
from tunesmith.text.personal.span import Span
from tunesmith.text.personal.surrogates import surrogate


def pseudonymised(texts: Sequence[str], key: bytes) -> list[str]:
    """Return texts of one conversation with each value found replaced: equal value and key, equal surrogate."""
    found = [find_personal(text) for text in texts]
    known = pseudonyms_of(
        (
            text[span.start : span.stop]
            for text, spans in zip(texts, found, strict=True)
            for span in spans
            if span.type == "name"
        ),
        key,
    )
    mentions = frozenset(known)
    return [
        _replaced(text, without_overlaps([*spans, *find_mentions(text, mentions)]), known, key)
        for text, spans in zip(texts, found, strict=True)
    ]


def pseudonyms_of(names: Iterable[str], key: bytes) -> dict[str, str]:
    """What people of these full names become where they are mentioned: the same part of what the full name became."""
    known: dict[str, str] = {}
    for name in names:
        whole = surrogate(name, "name", key)
        for mention, part in parts_of(name).items():
            known.setdefault(mention, part_of(whole, part))
    return known


def _replaced(text: str, spans: Sequence[Span], known: dict[str, str], key: bytes) -> str:
    pieces: list[str] = []
    end = 0
    for span in spans:
        value = text[span.start : span.stop]
        is_known = span.type == "name" and value in known
        pieces += [text[end : span.start], known[value] if is_known else surrogate(value, span.type, key)]
        end = span.stop
    return "".join([*pieces, text[end:]])

"""Words that identify somebody, and every way in which their bytes may stand in a file.

A file holds a word as it is, as JSON writes it (`\\u674e`, also inside a string of JSON), as a URL writes it
(`%E6%9D%8E`), as HTML escapes it, with accents in its letters or apart from them, in the other script of Chinese, in
GB18030, or in base64, where a word has three forms: the groups of three bytes may begin before, at or after its first
byte.
"""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote, quote_plus

from tunesmith.text.traditional import in_both_scripts

Form = Literal["raw", "json", "url", "html", "unicode", "script", "gb18030", "base64", "id"]
MIN_BYTES: Final = 6
"""A shorter word stands in other people's rows, and in base64, by chance."""
_BLOCK_BYTES: Final = 1 << 22
_HEX: Final = re.compile(rb"[0-9a-f]{16,}")
_ID_DIGITS: Final = (16, 24)
_UNSPACED: Final = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""How the names of characters begin whose script has no spaces between words."""
_URL_SAFE: Final = ("", "@", "/:@!$&'()*,;=")


@dataclass(frozen=True)
class Needles:
    """What is looked for: words in every form, and ids as they are."""

    words: tuple[str, ...]
    ids: Collection[str] = field(default=(), repr=False)
    """Ids of exchanges and feedback (a prefix, 24 hex digits) and of rows (16)."""
    paths: tuple[str, ...] = ()
    """Where a word stands as a part of one of these, it is not found."""

    @cached_property
    def forms(self) -> dict[bytes, Form]:
        """What is looked for as bytes, the plainest form first."""
        forms: dict[bytes, Form] = {}
        for content, form in (each for word in self.words for each in _forms_of_all(word)):
            forms.setdefault(content, form)
        return forms

    @cached_property
    def _forms_of_paths(self) -> list[bytes]:
        """The longest first: one may be a part of another."""
        return sorted({content for path in self.paths for content, _ in _forms_of_all(path)}, key=len, reverse=True)

    @cached_property
    def _digits(self) -> frozenset[bytes]:
        return frozenset(id.rpartition("-")[2].encode() for id in self.ids)

    def found_in(self, content: bytes) -> Form | None:
        """The form of the first thing that stands in these bytes; None where nothing does."""
        for path in self._forms_of_paths:
            content = content.replace(path, b"\0")
        for wanted, form in self.forms.items():
            if wanted in content:
                return form
        return "id" if self._digits and not self._digits.isdisjoint(_windows(content)) else None

    def found_in_file(self, file: Path) -> Form | None:
        """The same of a file, read in blocks that overlap."""
        if self.paths:  # as a whole: the end of a block would cut one
            return self.found_in(file.read_bytes())
        overlap = max([*map(len, self.forms), *_ID_DIGITS])
        with file.open("rb") as stream:
            block = stream.read(_BLOCK_BYTES)
            while block:
                if form := self.found_in(block):
                    return form
                more = stream.read(_BLOCK_BYTES)
                block = block[-overlap:] + more if more else b""
        return None


def is_long_enough(word: str) -> bool:
    return len(word.encode("utf-8", "surrogatepass")) >= MIN_BYTES


def stands_alone(word: str, text: str) -> bool:
    """Whether a word stands in a text as itself, and not only inside of longer words, as `Keller` in `Kellermann`.

    In scripts that put no spaces between words nobody can tell, and it does.
    """
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not (_goes_on(text[start - 1 : start], word[0]) or _goes_on(word[-1], text[end : end + 1])):
            return True
        start = text.find(word, start + 1)
    return False


def _goes_on(left: str, right: str) -> bool:
    """Whether two neighbouring characters are of one word; either may be missing."""
    return all(each.isalnum() and not unicodedata.name(each, "").startswith(_UNSPACED) for each in (left, right))


def _forms_of_all(word: str) -> Iterator[tuple[bytes, Form]]:
    """Of a word and of its other spellings: an accent may be a character of its own, a name stand in either script."""
    spellings: dict[str, Form] = {word: "raw"}
    for other in in_both_scripts(word):
        spellings.setdefault(other, "script")
    for normal in ("NFC", "NFD"):
        spellings.setdefault(unicodedata.normalize(normal, word), "unicode")
    for spelled, spelling in spellings.items():
        yield from ((content, spelling if form == "raw" else form) for content, form in _forms(spelled))


def _forms(word: str) -> Iterator[tuple[bytes, Form]]:
    plain = word.encode("utf-8", "surrogatepass")
    escaped = json.dumps(word)[1:-1]
    yield plain, "raw"
    yield word.encode("gb18030", "replace"), "gb18030"
    yield html.escape(word).encode("utf-8", "surrogatepass"), "html"
    for written in (escaped, json.dumps(word, ensure_ascii=False)[1:-1], _upper(escaped)):
        yield written.encode("utf-8", "surrogatepass"), "json"
        yield json.dumps(written, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass"), "json"
    for written in (*(quote(plain, safe=safe) for safe in _URL_SAFE), quote_plus(plain)):
        yield written.encode(), "url"
        yield re.sub("%..", lambda found: found[0].lower(), written).encode(), "url"
    for content in dict.fromkeys((plain, escaped.encode())):
        for encoded in _in_base64(content):
            yield encoded, "base64"
            yield encoded.translate(bytes.maketrans(b"+/", b"-_")), "base64"


def _upper(escaped: str) -> str:
    """`\\u00FC` for `\\u00fc`: both are JSON."""
    return re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), escaped)


def _in_base64(content: bytes) -> Iterator[bytes]:
    """The characters that the content alone decides, with 0, 1 and 2 other bytes before it in its group of three."""
    for num_before in range(3):
        encoded = base64.b64encode(bytes(num_before) + content + bytes(2))
        first = -(-num_before * 8 // 6)
        yield encoded[first : (num_before + len(content)) * 8 // 6]


def _windows(content: bytes) -> Iterator[bytes]:
    """Every run of hex digits that is as long as an id."""
    for found in _HEX.finditer(content):
        run = found[0]
        for size in _ID_DIGITS:
            yield from (run[start : start + size] for start in range(len(run) - size + 1))


def holding(files: Iterable[Path], needles: Needles) -> dict[Path, Form]:
    """The files that hold any of it, in their order, and in which form."""
    found = ((file, needles.found_in_file(file)) for file in files)
    return {file: form for file, form in found if form is not None}

"""The elements of a JSON array one by one, however long the array: each has its place, a bad one costs only itself."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts.dataset import Encoding
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare import strict_json
from tunesmith.prepare.encoding import BOM, blocks_of
from tunesmith.prepare.files import reading
from tunesmith.prepare.rows import MAX_ROW_BYTES, RawRow, Refused, cut
from tunesmith.records import Rejected

_SPACE: Final = re.compile(r"[ \t\n\r]*")


def array_rows(file: Path, encoding: Encoding) -> Iterator[RawRow | Rejected]:
    """The rows of a file that is one array and valid in `encoding`.

    Raises TunesmithError `data-json` where the array itself is broken, or an element goes on for more than
    `MAX_ROW_BYTES` characters.
    """
    window = _Window(file, encoding)
    window.skip("[")
    if window.next_character() != "]":
        while True:
            yield window.element()
            if window.next_character() != ",":
                break
            window.skip(",")
            window.next_character()
    window.end()


class _Window:
    """The part of the text that is being looked at; what is behind `position` is let go when more is needed."""

    def __init__(self, file: Path, encoding: Encoding) -> None:
        with reading(file) as stream:
            self._byte = len(BOM) if stream.peek(len(BOM)).startswith(BOM) else 0
        self._name = str(file)
        self._encoding = encoding
        self._pieces = _decoded(blocks_of(file), encoding)
        self._text = ""
        self._position = 0
        self._counted_to = 0
        self._line = 1
        self._is_whole = False

    def next_character(self) -> str:
        """Go to the next character that is not white space; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._text) or not self._more():
                return self._text[self._position : self._position + 1]

    def skip(self, character: str) -> None:
        """Go past a character that must come next."""
        if self.next_character() != character:
            raise self._broken()
        self._position += 1

    def end(self) -> None:
        """The array must close here, and nothing may follow."""
        self.skip("]")
        if self.next_character():
            raise self._broken()

    def element(self) -> RawRow | Rejected:
        place = self._place()
        value, end = self._scan(place)
        text, self._position = self._text[self._position : end], end
        if isinstance(value, dict):
            return RawRow(place, value)
        return Rejected(place, value.reason, value.detail, cut(text))

    def _scan(self, place: Place) -> tuple[dict[str, Any] | Refused, int]:
        while True:
            try:
                value, end = strict_json.scan(self._text, self._position)
            except json.JSONDecodeError as error:
                fault = Place(self._name, self._line + self._text.count("\n", self._position, error.pos))
                if len(self._text) - self._position > MAX_ROW_BYTES or not self._more():
                    raise TunesmithError("data-json", place=fault, problem=error.msg) from error
            except (RecursionError, ValueError) as error:
                raise TunesmithError("data-json", place=place, problem=str(error)) from error
            else:
                # a number at the end of the window may go on behind it
                if end < len(self._text) or not self._more():
                    return value, end

    def _place(self) -> Place:
        passed = self._text[self._counted_to : self._position]
        self._line += passed.count("\n")
        self._byte += len(passed) if passed.isascii() else len(passed.encode(self._encoding))
        self._counted_to = self._position
        return Place(self._name, self._line, byte=self._byte)

    def _more(self) -> bool:
        """Read on, to at least twice of what is still needed: a long element is scanned anew only a few times."""
        if self._is_whole:
            return False
        self._place()
        pieces = [self._text[self._position :]]
        wanted, size = 2 * len(pieces[0]), len(pieces[0])
        self._is_whole = True
        for piece in self._pieces:
            pieces.append(piece)
            size += len(piece)
            if size > wanted:
                self._is_whole = False
                break
        self._text, self._position, self._counted_to = "".join(pieces), 0, 0
        return len(pieces) > 1

    def _broken(self) -> TunesmithError:
        place = self._place()
        problem = cut(self._text[self._position : self._position + 40])
        return TunesmithError("data-json", place=Place(place.file, place.line), problem=problem)


def _decoded(blocks: Iterator[bytes], encoding: Encoding) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for block in blocks:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)

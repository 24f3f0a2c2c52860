"""From bytes to text: UTF-8, or GB18030 where a file plainly is that, else an error with its line.

Files are read in pieces: lines end at a line feed (which is no part of any other character in either encoding), and of
a line beyond `MAX_ROW_BYTES` only the beginning is ever held.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final, NamedTuple

from tunesmith.artifacts.dataset import Encoding
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.files import reading
from tunesmith.prepare.rows import MAX_ROW_BYTES, MAX_SHOWN_CHARACTERS

BOM: Final = b"\xef\xbb\xbf"
BLOCK_BYTES: Final = 2**20
# Enough to tell; more only costs time.
_MAX_JUDGED_CHARACTERS: Final = 20_000
_THREE_BYTES: Final = re.compile(rb"[\xe1-\xef][\x80-\xbf]{2}")
_PRIVATE: Final = re.compile("[\ue000-\uf8ff]")
_MAX_PRIVATE_SHARE: Final = 0.05
_UNDECODED: Final = re.compile("[\udc80-\udcff]")


class Line(NamedTuple):
    """One line of a file with its end of line."""

    number: int
    """Counted from 1."""
    byte: int
    """Where it begins, counted from 0."""
    content: bytes
    """Only the beginning, when `num_bytes` is more than `MAX_ROW_BYTES`."""
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What a text file is encoded in, and where not all of it is valid in that: the number of the first such line."""

    encoding: Encoding
    first_bad_line: int | None = None


def lines_of(file: Path) -> Iterator[Line]:
    """The lines of a file without its byte order mark. Raises `data-unreadable`."""
    with reading(file) as stream:
        number, byte = 1, _skip_mark(stream)
        while content := stream.readline(MAX_ROW_BYTES + 1):
            num_bytes = len(content)
            if num_bytes > MAX_ROW_BYTES:
                num_bytes += _skip_line(stream, content)
                content = content[: 4 * MAX_SHOWN_CHARACTERS]
            yield Line(number, byte, content, num_bytes)
            number, byte = number + 1, byte + num_bytes


def blocks_of(file: Path) -> Iterator[bytes]:
    """The bytes of a file, a MiB at a time, without its byte order mark. Raises `data-unreadable`."""
    with reading(file) as stream:
        _skip_mark(stream)
        while block := stream.read(BLOCK_BYTES):
            yield block


def _skip_mark(stream: BufferedReader) -> int:
    return len(stream.read(len(BOM))) if stream.peek(len(BOM)).startswith(BOM) else 0


def _skip_line(stream: BufferedReader, content: bytes) -> int:
    """Read to the end of a line of which `content` was read; how many bytes that took."""
    num_bytes = 0
    while content and not content.endswith(b"\n"):
        content = stream.readline(BLOCK_BYTES)
        num_bytes += len(content)
    return num_bytes


def judge(file: Path) -> Judged:
    """Read a text file through and tell its encoding.

    UTF-8 when it is valid. GB18030 when the file is plausible as that and fewer lines are surely UTF-8 than surely not:
    a line is sure when it holds a character of three bytes, while a short word of GB18030 may be valid UTF-8 by chance
    (two bytes). Else UTF-8 when at least half of the lines beyond ASCII are valid: `decode` then gives the damaged
    bytes as lone surrogates (PEP 383), for the reader to reject them row by row, because GB18030 turns broken UTF-8
    into other Chinese characters without complaint.
    Raises `data-unreadable`, `data-empty`, `data-encoding` with the first line that is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_text = False
    try:
        for block in blocks_of(file):
            decoder.decode(block)
            has_text = has_text or not block.isspace()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _judge_lines(file)
    if not has_text:
        raise TunesmithError("data-empty", place=Place(str(file)))
    return Judged("utf-8")


def _judge_lines(file: Path) -> Judged:
    first_bad_line, num_bad, num_valid, num_sure, is_gb18030 = None, 0, 0, 0, True
    judged = ""
    for line in lines_of(file):
        if line.content.isascii() or line.num_bytes > MAX_ROW_BYTES:
            continue
        if is_utf8(line.content):
            num_valid += 1
            num_sure += _THREE_BYTES.search(line.content) is not None
        else:
            num_bad += 1
            first_bad_line = first_bad_line or line.number
        try:
            text = line.content.decode("gb18030")
        except UnicodeDecodeError:
            is_gb18030 = False
        else:
            if len(judged) < _MAX_JUDGED_CHARACTERS:
                judged += _foreign(text)
    if is_gb18030 and num_sure < num_bad and _is_everyday_chinese(judged):
        return Judged("gb18030")
    if num_valid >= num_bad:
        return Judged("utf-8", first_bad_line)
    raise TunesmithError("data-encoding", place=Place(str(file), first_bad_line))


def decode(content: bytes, judged: Judged) -> str:
    """Decode a line of a file as it was judged."""
    if judged.encoding == "gb18030":
        return content.decode("gb18030")
    return content.decode("utf-8", "surrogateescape")


def is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def looks_like_gb18030(content: bytes) -> bool:
    """Whether bytes decode as GB18030 and mostly to the characters of everyday Chinese (those of GB 2312).

    Western text in Latin-1 often decodes too, but to characters that hardly anyone writes, and Big5 to many that are in
    private use.
    """
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return _is_everyday_chinese(_foreign(text))


def _foreign(text: str) -> str:
    return "".join(character for character in text if not character.isascii())


def _is_everyday_chinese(foreign: str) -> bool:
    judged = foreign[:_MAX_JUDGED_CHARACTERS]
    num_everyday = len(judged.encode("gb2312", "ignore")) // 2
    num_private = len(_PRIVATE.findall(judged))
    return 2 * num_everyday >= len(judged) > 0 and num_private <= _MAX_PRIVATE_SHARE * len(judged)


def holds_undecoded_bytes(text: str) -> bool:
    """Whether `decode` met bytes here that are not UTF-8."""
    return not text.isascii() and _UNDECODED.search(text) is not None


def undecoded_to_text(text: str) -> tuple[str, str]:
    """A damaged row made readable, and what it looks like."""
    return bytes_to_text(text.encode("utf-8", "surrogateescape"))


def bytes_to_text(line: bytes) -> tuple[str, str]:
    if looks_like_gb18030(line):
        return line.decode("gb18030"), "GB18030/GBK"
    return line.decode("utf-8", "backslashreplace"), ""

"""From bytes to text: UTF-8, or GB18030 where a file plainly is that, else an error with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tunesmith.artifacts.dataset import Encoding
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.files import unreadable

BOM: Final = b"\xef\xbb\xbf"
# Enough to tell; more only costs time.
_MAX_JUDGED_CHARACTERS: Final = 20_000


def read_bytes(file: Path) -> bytes:
    """The bytes of a data file without a UTF-8 byte order mark. Raises `data-unreadable`, `data-empty`."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from error
    content = content.removeprefix(BOM)
    if not content.strip():
        raise TunesmithError("data-empty", place=Place(str(file)))
    return content


def decode_file(content: bytes, file: Path) -> tuple[str, Encoding]:
    """Decode a whole text file.

    UTF-8 when it is valid, or when at least half of the lines that are not plain ASCII are: the bytes of the damaged
    lines then come out as lone surrogates (PEP 383), for the reader to reject them row by row, because GB18030 turns
    broken UTF-8 into other Chinese characters without complaint. Otherwise GB18030 when the file is plausible as that.
    Raises `data-encoding` with the first line that is not UTF-8.
    """
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        first_bad_line = content.count(b"\n", 0, error.start) + 1
    foreign = [line for line in content.split(b"\n") if not line.isascii()]
    if 2 * sum(is_utf8(line) for line in foreign) >= len(foreign):
        return content.decode("utf-8", "surrogateescape"), "utf-8"
    if looks_like_gb18030(content):
        return content.decode("gb18030"), "gb18030"
    raise TunesmithError("data-encoding", place=Place(str(file), first_bad_line))


def is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def looks_like_gb18030(content: bytes) -> bool:
    """Whether bytes decode as GB18030 and mostly to the characters of everyday Chinese (those of GB 2312).

    Western text in Latin-1 often decodes too, but to characters that hardly anyone writes.
    """
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return False
    foreign = "".join(character for character in text if not character.isascii())[:_MAX_JUDGED_CHARACTERS]
    num_everyday = len(foreign.encode("gb2312", "ignore")) // 2
    return 2 * num_everyday >= len(foreign) > 0


def holds_undecoded_bytes(text: str) -> bool:
    """Whether `decode_file` met bytes here that are not UTF-8."""
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


def undecoded_to_text(text: str) -> tuple[str, str]:
    """A damaged row made readable, and what it looks like."""
    return bytes_to_text(text.encode("utf-8", "surrogateescape"))


def bytes_to_text(line: bytes) -> tuple[str, str]:
    if looks_like_gb18030(line):
        return line.decode("gb18030"), "GB18030/GBK"
    return line.decode("utf-8", "backslashreplace"), ""

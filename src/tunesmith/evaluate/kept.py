"""Answers that an evaluation already has, kept while it runs: one that was killed asks only for what is missing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


class Kept:
    """JSON lines of one evaluation: what was asked, and the answer. Use `open_kept`.

    A question's name is its arm, its suite and its place there; the file is that of one evaluation alone, which never
    asks in another order.
    """

    def __init__(self, stream: TextIO, found: dict[str, Any]) -> None:
        self._stream = stream
        self._found = found

    def keep(self, name: str, answer: Any) -> None:
        """`answer` is any value of JSON; it survives the process from here on."""
        self._found[name] = answer
        self._stream.write(json.dumps([name, answer], ensure_ascii=False) + "\n")
        self._stream.flush()

    def complete(self, names: list[str], ask: Callable[[list[int], Callable[[int, Any], None]], None]) -> list[Any]:
        """The answers to all questions; `ask` is given the places of those without one, and what takes an answer."""
        missing = [place for place, name in enumerate(names) if name not in self._found]
        if missing:
            ask(missing, lambda place, answer: self.keep(names[place], answer))
        return [self._found[name] for name in names]


@contextmanager
def open_kept(file: Path) -> Iterator[Kept]:
    """The answers in `file`, where an earlier attempt left some; the file goes when the block ends well."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found, num_whole_bytes = _read(file)
    if file.is_file():
        os.truncate(file, num_whole_bytes)
    with file.open("a", encoding="utf-8", newline="\n") as stream:
        yield Kept(stream, found)
    file.unlink()


def _read(file: Path) -> tuple[dict[str, Any], int]:
    """All whole lines, and their bytes; what a kill tore stands behind them."""
    if not file.is_file():
        return {}, 0
    whole, newline, _ = file.read_bytes().rpartition(b"\n")
    return dict(json.loads(line) for line in whole.splitlines() if line), len(whole) + len(newline)

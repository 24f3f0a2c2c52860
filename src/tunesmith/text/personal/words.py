"""The word lists beside this file, `lists/*.txt`: our own, of general knowledge, kept short."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "lists"


def words(name: str) -> frozenset[str]:
    """Return the words of `lists/<name>.txt`, which white space parts."""
    return frozenset((_FOLDER / f"{name}.txt").read_text(encoding="utf-8").split())


def lines(name: str) -> list[str]:
    """Return the lines of `lists/<name>.txt`."""
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def characters(name: str) -> frozenset[str]:
    """Return the characters of `lists/<name>.txt`; line breaks mean nothing."""
    return frozenset("".join(words(name)))


def any_of(alternatives: frozenset[str]) -> str:
    """Return the alternatives as a pattern, longer ones tried first."""
    return "|".join(sorted(alternatives, key=lambda word: (-len(word), word)))

"""Where synonyms come from: WordNet's data folder, a file of groups, or the lines of Cilin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from tunesmith.errors import Phrase, Place, TunesmithError

Lexicon = Mapping[str, tuple[str, ...]]
"""What each word, case folded, may be replaced by."""
_PARTS: Final = ("noun", "verb", "adj", "adv")
_CILIN: Final = re.compile(r"[A-Z][a-z][0-9]{2}[A-Z][0-9]{2}(?P<kind>[=#@])\s*(?P<words>.*)")
_COMMA: Final = re.compile(r"\s*[,，、\t]\s*")
_MIN_LETTERS: Final = 4
"""Shorter words of WordNet are mostly function words, which it takes for chemical elements and letters."""


@lru_cache(maxsize=2)
def lexicon(source: str) -> Lexicon:
    """Read the synonyms of a folder or file.

    Raises TunesmithError `synonyms-unreadable` where it cannot be read or holds none.
    """
    path = Path(source)
    try:
        groups = _wordnet(path) if path.is_dir() else dict(_joined(_groups(path)))
    except (OSError, LookupError, ValueError) as failure:
        raise TunesmithError("synonyms-unreadable", place=Place(source), problem=str(failure)) from failure
    if not groups:
        raise TunesmithError("synonyms-unreadable", place=Place(source), problem=Phrase("synonyms.problem.none"))
    return groups


def files_of_lexicon(source: str) -> list[Path]:
    """The files that decide what `lexicon` gives."""
    path = Path(source)
    if not path.is_dir():
        return [path]
    return [path / f"{kind}.{part}" for part in _PARTS for kind in ("index", "data")]


def _groups(file: Path) -> Iterator[list[str]]:
    for line in file.read_text(encoding="utf-8-sig").splitlines():
        cilin = _CILIN.fullmatch(line.strip())
        if cilin is None:
            yield [word for word in _COMMA.split(line.strip()) if word]
        elif cilin["kind"] == "=":  # `#` groups related words, `@` words that stand alone
            yield cilin["words"].split()


def _joined(groups: Iterator[list[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A word of several groups may become any word of them, in their order."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for word in group:
            others = {other: None for other in group if other.casefold() != word.casefold()}
            found.setdefault(word.casefold(), {}).update(others)
    return ((word, tuple(others)) for word, others in found.items() if others)


def _wordnet(folder: Path) -> dict[str, tuple[str, ...]]:
    """The other words of the first, most frequent sense of each word, from the files that `wndb(5WN)` describes.

    A word of several parts of speech has no synonyms here: nothing tells which one is meant.
    """
    synonyms: dict[str, tuple[str, ...]] = {}
    several: set[str] = set()
    for part in _PARTS:
        members = dict(_synsets(folder / f"data.{part}"))
        for lemma, offset in _first_senses(folder / f"index.{part}"):
            if lemma in synonyms:
                several.add(lemma)
            synonyms[lemma] = tuple(word for word in members[offset] if word.casefold() != lemma)
    return {
        lemma: words
        for lemma, words in synonyms.items()
        if words and lemma not in several and len(lemma) >= _MIN_LETTERS and "_" not in lemma
    }


def _first_senses(file: Path) -> Iterator[tuple[str, int]]:
    """`lemma pos synset_cnt p_cnt [pointers] sense_cnt tagsense_cnt offset...`, after a licence that is indented."""
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            if not line.startswith(" "):
                fields = line.split()
                yield fields[0], int(fields[6 + int(fields[3])])


def _synsets(file: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """`offset lex_filenum ss_type w_cnt (word lex_id)...`, the count in hexadecimal; adjectives may end in `(a)`."""
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            if not line.startswith(" "):
                fields = line.split(maxsplit=4)
                words = fields[4].split(" ", 2 * int(fields[3], 16))[: 2 * int(fields[3], 16) : 2]
                yield int(fields[0]), tuple(word.partition("(")[0].replace("_", " ") for word in words)

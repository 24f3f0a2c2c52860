"""Words in texts: the terms of a glossary, and whether an answer holds those that its prompt calls for.

A term is found in any width and case. Where it begins or ends with a letter or digit of a script that has words, no
such letter or digit may stand beside it; Chinese and Japanese are written without spaces, so a term of theirs is found
anywhere. Inflected forms are other words: list them. Where terms overlap, the one that begins first counts, and of
several that begin there the longest: in 人工智能 there is no 智能 when both are terms.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.metrics.case import Case
from tunesmith.text.tokens import HAN, KANA

_WORDLY = rf"[^\W_{HAN}{KANA}]"
"""A letter or digit of a script whose words are parted by spaces."""
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


class WordFinder:
    """Finds any of many words and phrases in a text."""

    def __init__(self, words: Iterable[str]) -> None:
        folded = sorted({_folded(word) for word in words} - {""}, key=lambda word: (-len(word), word))
        # no place begins words of both kinds, and of several that match there the first counts, which is the longest
        kinds = (
            (f"(?<!{_WORDLY})", [w for w in folded if _is_wordly(w[0])]),
            ("", [w for w in folded if not _is_wordly(w[0])]),
        )
        patterns = [before + _any_of(found) for before, found in kinds if found]
        self._words = re.compile("|".join(patterns)) if patterns else None

    def find(self, text: str) -> Counter[str]:
        """How often the text holds each word, in its folded form."""
        return Counter() if self._words is None else Counter(self._words.findall(_folded(text)))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_wordly(character: str) -> bool:
    return re.match(_WORDLY, character) is not None


def _any_of(words: Sequence[str]) -> str:
    """A pattern of words behind which no letter or digit goes on with one of their own. Their first characters stand
    before it, which is quicker than to try each word everywhere."""
    firsts = "".join(sorted({re.escape(word[0]) for word in words}))
    whole = (re.escape(word) + (f"(?!{_WORDLY})" if _is_wordly(word[-1]) else "") for word in words)
    return f"(?=[{firsts}])(?:{'|'.join(whole)})"


@dataclass(frozen=True)
class Glossary:
    """`targets`: for each source term the folded terms of which an answer must hold one. `plain`: terms without one."""

    targets: Mapping[str, frozenset[str]]
    plain: frozenset[str]

    def expected(self, case: Case) -> dict[str, frozenset[str]]:
        """Terms that the prompt's last message or the reference calls for, each with what satisfies it."""
        asked = self._sources.find(case.prompt[-1].content)
        shown = self._targets.find(case.references[0])
        return {term: self.targets[term] for term in self.targets if term in asked} | {
            term: frozenset([term]) for term in sorted(self.plain) if term in shown
        }

    def found(self, case: Case) -> dict[str, bool]:
        """Of each expected term whether the answer holds it."""
        held = self._targets.find(case.answer)
        return {term: any(target in held for target in targets) for term, targets in self.expected(case).items()}

    def share(self, case: Case) -> float | None:
        """The share of the expected terms that the answer holds; None where none is expected."""
        found = self.found(case)
        return sum(found.values()) / len(found) if found else None

    @cached_property
    def _sources(self) -> WordFinder:
        return WordFinder(self.targets)

    @cached_property
    def _targets(self) -> WordFinder:
        return WordFinder([*self.plain, *(target for targets in self.targets.values() for target in targets)])


def term_recalls(glossary: Glossary, cases: Sequence[Case]) -> dict[str, tuple[int, int]]:
    """Of each term how many answers had to hold it, and how many did."""
    expected, held = Counter[str](), Counter[str]()
    for case in cases:
        found = glossary.found(case)
        expected.update(found.keys())
        held.update(term for term, is_held in found.items() if is_held)
    return {term: (expected[term], held[term]) for term in sorted(expected)}


def read_glossary(file: Path) -> Glossary:
    """Read the rows of a CSV, TSV or JSONL file with the columns `target` and, if wanted, `source`, UTF-8.

    Rows with an equal source are alternatives. Raises TunesmithError `glossary` with the line.
    """
    targets: dict[str, set[str]] = {}
    plain: set[str] = set()
    for line, row in _rows(file):
        source, target = _folded(row.get("source") or ""), _folded(row.get("target") or "")
        if not target:
            raise _error(file, line, Phrase("glossary.problem.target"))
        if source:
            targets.setdefault(source, set()).add(target)
        else:
            plain.add(target)
    if not targets and not plain:
        raise _error(file, None, Phrase("glossary.problem.empty"))
    return Glossary({source: frozenset(found) for source, found in targets.items()}, frozenset(plain))


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as failure:
        raise _error(file, None, str(failure)) from failure
    if file.suffix in _DELIMITERS:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_DELIMITERS[file.suffix])
        for row in reader:
            yield reader.line_num, {name: value or "" for name, value in row.items() if isinstance(name, str)}
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as failure:
                raise _error(file, number, str(failure)) from failure
            if not isinstance(row, dict):
                raise _error(file, number, Phrase("glossary.problem.target"))
            yield number, {name: value for name, value in row.items() if isinstance(value, str)}


def _error(file: Path, line: int | None, problem: Phrase | str) -> TunesmithError:
    return TunesmithError("glossary", place=Place(str(file), line), problem=problem)

"""Rows for `prepare`: about 1 kB each, English and Chinese in turn, with duplicates, faults and personal data planted.

The same numbers give the same rows, of which nothing is taken from anywhere: words are drawn from made-up ones by
Zipf's law without its first ranks, Chinese characters by chance. So two rows that nothing ties share few runs of five
characters (of 80,000 English ones about 24 pairs would meet in one of 21 bands of 6): sides that do not look again at
what their bands join find the planted duplicates and little else.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

EXACT_EVERY: Final = 10
"""Every tenth row repeats an earlier one in other case and spacing."""
NEAR_EVERY: Final = 10
PERSONAL_EVERY: Final = 8
BROKEN_EVERY: Final = 16
FAULTS: Final = re.compile(r"â€™|\\u0007|@mail|\bIP [0-9]", re.IGNORECASE)
"""What no kept row may hold, as JSON writes it: a planted fault of Unicode, a control character, an address."""
_RECENT: Final = 512
_NUM_WORDS: Final = 40_000
_FIRST_RANK: Final = 300
_ENGLISH_WORDS: Final = 62
_CHINESE_CHARACTERS: Final = 150
_CHANGED: Final = 0.02


@dataclass(frozen=True)
class Row:
    """A question and its answer, each about half of the row."""

    question: list[str]
    answer: list[str]
    is_chinese: bool

    def texts(self) -> tuple[str, str]:
        joint = "" if self.is_chinese else " "
        return joint.join(self.question), joint.join(self.answer)


@dataclass(frozen=True)
class Planted:
    """What a file of rows holds."""

    num_rows: int
    num_bytes: int
    exact: int
    near: int


def write_rows(num_rows: int, ours: Path, peers: Path) -> Planted:
    """The same rows for both sides: with the columns `question` and `answer`, and as one `text`."""
    exact = near = 0
    with ours.open("w", encoding="utf-8") as first, peers.open("w", encoding="utf-8") as second:
        for number, (kind, question, answer) in enumerate(_rows(num_rows)):
            exact += kind == "exact"
            near += kind == "near"
            first.write(json.dumps({"question": question, "answer": answer}, ensure_ascii=False) + "\n")
            text = {"text": f"{question}\n{answer}", "id": str(number)}
            second.write(json.dumps(text, ensure_ascii=False) + "\n")
    return Planted(num_rows, ours.stat().st_size, exact, near)


def _rows(num_rows: int) -> Iterator[tuple[str, str, str]]:
    draw = random.Random(num_rows)
    words, weights = _vocabulary(draw)
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 2_500)]
    recent: list[Row] = []
    for number in range(num_rows):
        if number % EXACT_EVERY == EXACT_EVERY - 1:
            question, answer = draw.choice(recent).texts()
            yield "exact", f"  {question.capitalize()} ", answer
            continue
        if number % NEAR_EVERY == NEAR_EVERY // 2:
            chosen = draw.choice(recent)
            units = characters if chosen.is_chinese else words
            edited = Row(_edited(chosen.question, draw, units), _edited(chosen.answer, draw, units), chosen.is_chinese)
            yield "near", *edited.texts()
            continue
        row = _fresh(draw, number % 2 == 1, words, weights, characters)
        if number % PERSONAL_EVERY == 0:
            row.question.append(f" {_personal(draw)}")
        if number % BROKEN_EVERY == 2:
            row.answer.append("\u200b the teamâ€™s note\x07")
        recent.append(row)
        if len(recent) > 2 * _RECENT:
            del recent[:_RECENT]
        yield "fresh", *row.texts()


def _fresh(draw: random.Random, is_chinese: bool, words: list[str], weights: list[float], characters: list[str]) -> Row:
    def half() -> list[str]:
        if is_chinese:
            return draw.choices(characters, k=_CHINESE_CHARACTERS)
        return draw.choices(words, cum_weights=weights, k=_ENGLISH_WORDS)

    return Row(half(), half(), is_chinese)


def _edited(units: list[str], draw: random.Random, alphabet: list[str]) -> list[str]:
    units = list(units)
    for place in draw.sample(range(len(units)), max(1, round(_CHANGED * len(units)))):
        units[place] = draw.choice(alphabet)
    return units


def _vocabulary(draw: random.Random) -> tuple[list[str], list[float]]:
    """Made-up words with the running sums of their weights, 1 / rank from a later rank on."""
    syllables = [consonant + vowel for consonant in "bdfghklmnprstvwz" for vowel in ("a", "e", "i", "o", "u", "ea")]
    words = list({"".join(draw.choices(syllables, k=draw.randint(2, 5))): None for _ in range(_NUM_WORDS)})
    return words, list(accumulate(1 / rank for rank in range(_FIRST_RANK, _FIRST_RANK + len(words))))


def _personal(draw: random.Random) -> str:
    number = draw.randrange(10**6)
    # below the addresses of a machine itself, 127, which are nobody's
    address = ".".join(str(draw.randrange(11, 120)) for _ in range(4))
    return draw.choice((f"user{number}@mail{number % 97}.example.org", f"IP {address}"))

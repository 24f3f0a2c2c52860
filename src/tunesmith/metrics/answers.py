"""Score one answer against its references, in English and in Chinese."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tunesmith.text.normalise import normalise_answer
from tunesmith.text.tokens import words
from tunesmith.text.traditional import simplified

LARGEST_SAID: Final = 1e45
"""Errors are squared, and their intervals take third powers of the squares: what is larger would leave no numbers."""
_MULTIPLIERS = {
    **{"百": 1e2, "千": 1e3},
    **{"万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7},
    **{"亿": 1e8, "十亿": 1e9, "百亿": 1e10, "千亿": 1e11, "万亿": 1e12},
    **{"thousand": 1e3, "million": 1e6, "billion": 1e9},
}
# Neither the hundred of a percentage, nor the thousand of a kilogram or a kilowatt.
_CHINESE: Final = "[十百千万]?亿|[十百千]?万|千(?![克米瓦卡帕赫伏焦])|百(?!分)"
_PART = re.compile(rf"零?(\d+(?:\.\d+)?)[ \t]?({_CHINESE})")
_NUMBER = re.compile(
    rf"""
    (?<![A-Za-z0-9_.])                                            # not inside a word or another number
    (?P<sign>(?<![)\]])-)?
    (?P<digits>(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)
    (?P<exponent>e[+-]?\d+)?
    (?:
        \s*(?P<multiplier>{_CHINESE})(?P<parts>(?:零?\d+(?:\.\d+)?[ \t]?(?:{_CHINESE}))*)
        |\s*(?P<word>(?:billion|million|thousand)(?![a-z]))
    )?
    """,
    re.IGNORECASE | re.VERBOSE,
)


def exact_match(prediction: str, references: str | Sequence[str]) -> float:
    """Return 1.0 when the answer equals a reference after `normalise_answer`, else 0.0."""
    wanted = {normalise_answer(reference) for reference in _as_list(references)}
    return float(normalise_answer(prediction) in wanted)


def numeric_match(prediction: str, references: str | Sequence[str], relative_tolerance: float = 1e-6) -> float:
    """Return 1.0 when the last number of the answer equals the last number of a reference, else 0.0.

    Read are thousands separators, exponents, full-width digits and the words ``百 千 万 亿`` in either script, the last
    two also behind 十 百 千, several in one number (``1亿2千万``), and ``thousand million billion``; units and the
    percent sign are ignored. Digits glued to a letter before them, as in "B12", are no number, nor are numerals without
    any digit.
    """
    found = last_number(prediction)
    if found is None:
        return 0.0
    wanted = (last_number(reference) for reference in _as_list(references))
    return float(any(n is not None and math.isclose(found, n, rel_tol=relative_tolerance) for n in wanted))


def token_f1(prediction: str, references: str | Sequence[str]) -> float:
    """Return the best F1 over the references of the shared bag of units (SQuAD, over `words`, articles kept).

    Where neither side has a unit the score is 1.0, where only one has it is 0.0, as in SQuAD 2.0.
    """
    predicted = Counter(words(prediction))
    return max(_bag_f1(predicted, Counter(words(reference))) for reference in _as_list(references))


def rouge_l(prediction: str, reference: str) -> float:
    """Return ROUGE-L: F1 from the longest common subsequence of units (Lin 2004, sentence level, beta = 1).

    Chinese is compared character by character. A side without any unit scores 0.0.
    """
    predicted, wanted = words(prediction), words(reference)
    num_shared = _longest_common_subsequence(predicted, wanted)
    return 2 * num_shared / (len(predicted) + len(wanted)) if num_shared else 0.0


def rouge_n(prediction: str, reference: str, order: int) -> float:
    """Return ROUGE-N: F1 of the bags of runs of `order` units (Lin 2004). A side without such a run scores 0.0."""
    predicted, wanted = (Counter(_runs(words(text), order)) for text in (prediction, reference))
    total = predicted.total() + wanted.total()
    return 2 * (predicted & wanted).total() / total if total else 0.0


def _runs(units: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(units[start : start + order]) for start in range(len(units) - order + 1)]


def well_formed_thinking(raw_text: str, *, prefilled: bool = False) -> bool:
    """Tell whether raw model output opens with exactly one ``<think>`` block and closes it.

    With `prefilled` the prompt already ended in ``<think>``, so that the opening tag may be missing. The block may be
    empty; what follows it is for other metrics to judge.
    """
    thinking, closing, answer = raw_text.partition("</think>")
    if not closing or "<think>" in answer or "</think>" in answer:
        return False
    num_opened = thinking.count("<think>")
    if num_opened == 0:
        return prefilled
    return num_opened == 1 and thinking.lstrip().startswith("<think>")


def _as_list(references: str | Sequence[str]) -> Sequence[str]:
    # A lone string is a sequence of its characters: never what is meant here.
    listed = [references] if isinstance(references, str) else references
    if not listed:
        raise ValueError("an answer needs at least one reference")
    return listed


def last_number(text: str) -> float | None:
    """Return the number that a text ends with, as `numeric_match` reads it, None where it holds no finite one."""
    # The Chinese comma separates clauses, never thousands; NFKC would make it an English one.
    folded = unicodedata.normalize("NFKC", text.replace("\N{FULLWIDTH COMMA}", " ")).replace("\N{MINUS SIGN}", "-")
    matches = list(_NUMBER.finditer(simplified(folded)))
    if not matches:
        return None
    sign, digits, exponent, multiplier, parts, word = matches[-1].group(
        "sign", "digits", "exponent", "multiplier", "parts", "word"
    )
    scale = _MULTIPLIERS[(multiplier or word).lower()] if multiplier or word else 1.0
    number = float((sign or "") + digits.replace(",", "") + (exponent or "")) * scale
    for more, unit in _PART.findall(parts or ""):
        value = float(more) * _MULTIPLIERS[unit]
        # what is no less than one of the unit before it is another number
        number = math.copysign(abs(number) + value, number) if value < scale else value
        scale = _MULTIPLIERS[unit]
    return number if math.isfinite(number) else None


def said_number(text: str) -> float | None:
    """Return the answer where a number was asked for: the last one, or None where that is beyond `LARGEST_SAID`."""
    number = last_number(text)
    return number if number is not None and abs(number) <= LARGEST_SAID else None


def _bag_f1(predicted: Counter[str], wanted: Counter[str]) -> float:
    total = predicted.total() + wanted.total()
    return 2 * (predicted & wanted).total() / total if total else 1.0


def _longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, one machine word of the table at a time.

    Bit i of `row` is 0 where the table steps up at unit i of `first` (Crochemore et al. 2001, Hyyrö 2004).
    """
    places: dict[str, int] = {}
    for place, unit in enumerate(first):
        places[unit] = places.get(unit, 0) | 1 << place
    full = (1 << len(first)) - 1
    row = full
    for unit in second:
        matched = row & places.get(unit, 0)
        row = (row + matched | row - matched) & full
    return len(first) - row.bit_count()

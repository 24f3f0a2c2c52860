"""What kind of mistake a wrong answer is: one kind each, by rules over the answer, its reference and its question."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tunesmith.artifacts.mistakes import ErrorKind, NumberError
from tunesmith.artifacts.scorecard import Task
from tunesmith.metrics.answers import last_number
from tunesmith.metrics.faults import Expected, label_forms, label_told
from tunesmith.metrics.json_answers import parse_json
from tunesmith.records import Sample
from tunesmith.text.language import Language, language_of
from tunesmith.text.normalise import normalise_answer
from tunesmith.text.tokens import words

RIGHT_OR_WRONG: Final = frozenset({"accuracy", "exact_match", "numeric_match", "json_valid", "json_schema"})
"""Metrics that say of a single answer whether it is right; for verdicts by others exact match says it."""
_OF_JSON: Final = frozenset({"json_valid", "json_schema"})
COPIED: Final = 0.8
"""A copy is the question with at most a fifth of the longer of the two left out or added."""
BARE_WORDS: Final = 3
"""A reference of so many words beside its number asks for the number alone: `42 km`, `about 3 days`."""
NEAR: Final = 0.1
SAME_NUMBER: Final = 1e-6
SAME_UNIT: Final = 2e-3
"""Conversions are written with three digits or more."""
MAX_ROUNDING: Final = 0.01
UNIT_FACTORS: Final = (60.0, 3600.0, 24.0, 7.0, 12.0, 365.0, 1.609344, 2.54, 0.3048, 0.9144, 0.45359237, 28.349523125)
"""Seconds, minutes, hours, days, weeks, months, years; miles, inches, feet, yards, pounds, ounces."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """`wanted` and `told` are labels, or languages; of a number `told` says how it is off."""

    kind: ErrorKind
    wanted: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """Tells what is wrong with a sample, and nothing of one that is right."""

    expected: Expected
    metric: str
    """The verdict's."""

    def mistake(self, sample: Sample) -> Mistake | None:
        """The first kind that holds: timed out, cut off, empty, refused, the question once more, another language,
        unreadable, another label, another number; else `other`.

        Right is a label or a text by the verdict's metric, where that says right or wrong, else by accuracy or exact
        match; a number that is off by less than a millionth.
        """
        if not self._is_wrong(sample):
            return None
        fault = self.expected.fault(sample)
        if fault is not None and fault != "unparsable":
            return Mistake(fault)
        question = sample.prompt[-1].content
        if _is_copy(sample.answer, question) and not _is_copy(sample.reference, question):
            return Mistake("copied")
        if fault is not None or self.expected.task == "text":
            languages = _languages(sample.answer, sample.reference, question)
            if languages is not None:
                return Mistake("language", *languages)
        if fault is not None:
            return Mistake(fault)
        return self._of_content(sample)

    def _is_wrong(self, sample: Sample) -> bool:
        if self.expected.task == "documents":
            return False
        if self.expected.task == "numbers":
            return sample.scores["mae"] > SAME_NUMBER * max(1.0, abs(float(sample.reference)))
        usual = "accuracy" if self.expected.task == "labels" else "exact_match"
        judged_by = self.metric if self.metric in RIGHT_OR_WRONG else usual
        return sample.scores.get(judged_by, 1.0) < 1.0

    def _of_content(self, sample: Sample) -> Mistake:
        if self.expected.task == "labels":
            told = label_told(sample.answer, self.expected.labels) or ""
            return Mistake("label", sample.reference, told)
        numbers = _numbers(sample.answer, sample.reference)
        if numbers is not None:
            return Mistake("number", "", how_off(*numbers))
        return Mistake("other")


def judge_of(task: Task, metric: str, labels: Sequence[str], metrics: Iterable[str]) -> Judge:
    """The judge of a task; `metrics` are all that its answers are judged by."""
    parses = (lambda answer: parse_json(answer)[1]) if _OF_JSON & {metric, *metrics} else None
    return Judge(Expected(task, label_forms(labels), parses), metric)


def how_off(told: float, true: float) -> NumberError:
    """How a wrong number is off: by its sign, by a power of ten, by a unit, by rounding (at most 1 %), by at most a
    tenth (`near`), or else (`far`)."""
    if true and math.isclose(told, -true, rel_tol=SAME_NUMBER):
        return "sign"
    ratio = told / true if told * true > 0 else 0.0
    power = round(math.log10(ratio)) if 0.0 < ratio < math.inf else 0
    if power and math.isclose(told, true * 10.0**power, rel_tol=SAME_NUMBER):
        return "magnitude"
    if _is_rounded(told, true):
        return "rounded"
    if any(math.isclose(told, other, rel_tol=SAME_UNIT) for other in _in_other_units(true)):
        return "unit"
    return "near" if abs(told - true) <= NEAR * abs(true) else "far"


def _is_rounded(told: float, true: float) -> bool:
    """Whether `told` has fewer digits than `true`, or `true` fewer decimals than `told`."""
    apart = abs(told - true) * (1 - SAME_NUMBER)
    halves = _last_place(told) / 2, min(1.0, _last_place(true)) / 2
    return apart <= max(halves) and apart <= MAX_ROUNDING * abs(true)


def _last_place(number: float) -> float:
    """What the last digit of a number counts: 0.01 of 3.14, 100 of 1200."""
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return 10.0**exponent if isinstance(exponent, int) else math.inf


def _in_other_units(number: float) -> Iterator[float]:
    for factor in UNIT_FACTORS:
        yield number * factor
        yield number / factor
    yield number * 9 / 5 + 32
    yield (number - 32) * 5 / 9


def _numbers(answer: str, reference: str) -> tuple[float, float] | None:
    """The two numbers, where they are what the texts are apart in: the reference asks for one alone, or all else is
    equal."""
    told, true = last_number(answer), last_number(reference)
    if told is None or true is None or math.isclose(told, true, rel_tol=SAME_NUMBER):
        return None
    rest = _without_numbers(reference)
    return (told, true) if len(rest) <= BARE_WORDS or rest == _without_numbers(answer) else None


def _without_numbers(text: str) -> list[str]:
    return [word for word in words(text) if not any(character.isdigit() for character in word)]


def _is_copy(answer: str, question: str) -> bool:
    one, other = normalise_answer(answer), normalise_answer(question)
    shorter, longer = sorted((one, other), key=len)
    return bool(shorter) and shorter in longer and len(shorter) >= COPIED * len(longer)


def _languages(answer: str, reference: str, question: str) -> tuple[Language, Language] | None:
    """What was wanted and what was told, where these are two languages.

    Wanted is the language of the reference; where that has no letters, of the question.
    """
    wanted = language_of(reference if _has_letters(reference) else question)
    told = language_of(answer)
    if not _has_letters(answer) or wanted == told or "mixed" in (wanted, told):
        return None
    return wanted, told


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)

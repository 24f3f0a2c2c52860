"""Personal data: what was found and done, and how well the detector was measured to find it.

The word anonymised is never said without that figure beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.artifacts import DatasetReport
from tunesmith.artifacts.dataset import Unhidden
from tunesmith.metrics.wording import Words, count, figure
from tunesmith.recipe.prepare import Personal
from tunesmith.stats.intervals import Interval, wilson
from tunesmith.text.personal import PERSONAL_TYPES
from tunesmith.text.personal.measured import Measured, measured

LANGUAGES: Final = ("en", "zh")
UNLISTED: Final = "name in no list"
Found = Mapping[tuple[str, str], Measured]
_KEYS: Final = {UNLISTED: "name-unlisted"}


@dataclass(frozen=True)
class Figure:
    """A share with its 95 % interval in words."""

    value: str
    interval: str


@dataclass(frozen=True)
class TypeRow:
    """One type of personal data."""

    name: str
    num_rows: str
    """Rows in which it was found; a dash where that is not counted."""
    recall: tuple[Figure, ...]
    """By language, like `precision`."""
    precision: tuple[Figure | None, ...]


@dataclass(frozen=True)
class PrivacyView:
    glance: str
    """In a few words what became of personal data."""
    tone: Literal["good", "warn"]
    sentence: str
    """What was done, and how far the rows are anonymised: the word with its figure."""
    notes: tuple[str, ...]
    languages: tuple[str, ...]
    rows: tuple[TypeRow, ...]


def privacy_view(report: DatasetReport, section: Personal, words: Words) -> PrivacyView:
    what = words(f"data.privacy.what.{section.mode}")
    if section.mode == "off":
        return _untreated(what, report.unhidden, words)
    found = measured()
    kinds = sorted(section.types, key=lambda kind: (-report.personal.get(kind, 0), PERSONAL_TYPES.index(kind)))
    with_unlisted = [known for kind in kinds for known in ((kind, UNLISTED) if kind == "name" else (kind,))]
    return PrivacyView(
        glance=words(f"data.check.privacy.{section.mode}"),
        tone="good",
        sentence=words.sentences(what, _claim(found, with_unlisted, section.mode, words)),
        notes=_notes(section, words),
        languages=tuple(words.language_name(code) for code in LANGUAGES),
        rows=tuple(_row(kind, report, found, words) for kind in with_unlisted),
    )


def type_name(kind: str, words: Words) -> str:
    return words(f"data.personal.{_KEYS.get(kind, kind)}")


def _untreated(what: str, left: Unhidden | None, words: Words) -> PrivacyView:
    glance = words("data.check.privacy.off")
    if left is not None and left.rows:
        glance = words("data.check.privacy.seen", rows=count(left.rows), looked_at=count(left.looked_at))
    return PrivacyView(glance, "warn", what if left is None else words.sentences(what, _left(left, words)), (), (), ())


def _left(unhidden: Unhidden, words: Words) -> str:
    looked_at = count(unhidden.looked_at)
    if not unhidden.rows:
        return words("data.privacy.none_seen", looked_at=looked_at)
    types = words.listed([f"{type_name(kind, words)} {count(rows)}" for kind, rows in unhidden.types.items()])
    return words("data.privacy.seen", looked_at=looked_at, rows=count(unhidden.rows), types=types)


def _claim(found: Found, kinds: list[str], mode: str, words: Words) -> str:
    """The word with the recall of the type and language that are found least."""
    kind, language = min(((kind, code) for kind in kinds for code in LANGUAGES), key=lambda key: found[key].recall)
    least = _recall(found[kind, language], words)
    parts = {"recall": least.value, "interval": least.interval}
    names = {"type": type_name(kind, words), "language": words.language_name(language)}
    return words(f"data.privacy.claim.{mode}", **parts, **names)


def _notes(section: Personal, words: Words) -> tuple[str, ...]:
    num_sentences = min(numbers.found + numbers.missed for numbers in measured().values())
    notes = [words("data.privacy.measured", num=count(num_sentences))]
    if section.model is not None:
        notes.append(words("data.privacy.model"))
    left = [type_name(kind, words) for kind in PERSONAL_TYPES if kind not in section.types]
    if left:
        notes.append(words("data.privacy.left", types=words.listed(left)))
    return tuple(notes)


def _row(kind: str, report: DatasetReport, found: Found, words: Words) -> TypeRow:
    numbers = [found[kind, language] for language in LANGUAGES]
    return TypeRow(
        name=type_name(kind, words),
        num_rows="" if kind == UNLISTED else count(report.personal.get(kind, 0)),
        recall=tuple(_recall(each, words) for each in numbers),
        precision=tuple(_precision(each, words) for each in numbers),
    )


def _recall(numbers: Measured, words: Words) -> Figure:
    return _figure(numbers.recall, wilson(numbers.found, numbers.found + numbers.missed), words)


def _precision(numbers: Measured, words: Words) -> Figure | None:
    if numbers.precision is None:
        return None
    return _figure(numbers.precision, wilson(numbers.right, numbers.right + numbers.wrong), words)


def _figure(share: float, interval: Interval, words: Words) -> Figure:
    return Figure(figure(share), words.between(figure(interval.low), figure(interval.high)))

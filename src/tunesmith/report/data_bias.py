"""What may bias a model that learns from the rows, each note computed from this dataset: selection, sampling, label,
historical.

A note is marked where the figure is both more than chance and large enough to matter; the limits stand below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from markupsafe import Markup

from tunesmith.artifacts import DatasetReport
from tunesmith.artifacts.bias import REST, Bias, Rates
from tunesmith.artifacts.dataset import SourceReport
from tunesmith.metrics.wording import Words, count, percent, probability, significant
from tunesmith.records import SPLITS
from tunesmith.report.charts import Series, category_chart
from tunesmith.stats.intervals import wilson

Kind = Literal["selection", "sampling", "label", "historical"]
Tone = Literal["good", "warn", "plain"]

LARGE_DIFFERENCE: Final = 0.05
"""Rejection rates of two sources that differ by less are as good as equal."""
NO_TIE: Final = 0.1
STRONG_TIE: Final = 0.3
"""Cramer's V below the first is called none, from the second on strong (Cohen 1988, for a table with two columns)."""
UNLIKELY: Final = 0.01
LARGE_GROUP: Final = 0.2
"""Share of the rows above which one group is said to weigh on the model."""
UNEVEN: Final = 10
"""Times that the most frequent class outnumbers the rarest one."""
FEW_ROWS: Final = 10
MIN_ROWS_OF_RATE: Final = 20
"""Periods with fewer rows are not drawn; their rates would be noise."""
MAX_LINES: Final = 6
MAX_SOURCES: Final = 12
DASH: Final = "–"


@dataclass(frozen=True)
class Note:
    """One computed sentence."""

    tone: Tone
    text: str


@dataclass(frozen=True)
class RateTable:
    """Shares of the classes among the rows of each value."""

    title: str
    tie: str
    classes: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[tuple[str, float], ...]], ...]
    """Value, its number of rows, and each class's share in words and as a number."""
    fold: bool


@dataclass(frozen=True)
class BiasPart:
    """Notes and tables of one kind of bias."""

    kind: Kind
    title: str
    about: str
    notes: tuple[Note, ...]
    tables: tuple[RateTable, ...]
    chart: Markup
    """Empty where there is nothing to draw."""
    legend: tuple[str, ...]


def bias_parts(report: DatasetReport, words: Words) -> tuple[BiasPart, ...]:
    """Nothing for a dataset that was made before bias was counted."""
    if report.bias is None:
        return ()
    bias = report.bias
    parts: dict[Kind, tuple[list[Note], list[Rates]]] = {
        "selection": (list(_selection(report, words)), []),
        "sampling": (list(_sampling(report, bias, words)), _found(bias, ("label", "split"), ("language", "source"))),
        "label": (list(_label(report, bias, words)), _found(bias, ("label", "language"), ("label", "source"))),
        "historical": (
            list(_historical(bias, words)),
            _found(bias, ("label", "period"), ("language", "period")),
        ),
    }
    return tuple(_part(kind, notes, rates, words) for kind, (notes, rates) in parts.items())


def _part(kind: Kind, notes: list[Note], rates: list[Rates], words: Words) -> BiasPart:
    chart, legend = _chart(rates[0], words) if kind == "historical" and rates else (Markup(), ())
    return BiasPart(
        kind=kind,
        title=words(f"data.bias.{kind}"),
        about=words(f"data.bias.{kind}.about"),
        notes=tuple(notes),
        tables=tuple(_table(found, words) for found in rates),
        chart=chart,
        legend=legend,
    )


def _found(bias: Bias, *wanted: tuple[str, str]) -> list[Rates]:
    by_pair = {(rates.of, rates.by): rates for rates in bias.rates}
    return [by_pair[pair] for pair in wanted if pair in by_pair]


def _selection(report: DatasetReport, words: Words) -> Iterator[Note]:
    rejected = percent(report.rejected / report.read)
    if not report.reasons:
        yield Note("good", words("data.bias.none_rejected"))
        return
    reason, most = next(iter(report.reasons.items()))
    facts = {"share": rejected, "reason": words(f"reject.{reason}"), "part": percent(most.count / report.rejected)}
    yield Note("plain", words("data.bias.rejected", **facts))
    sources = [source for source in report.sources if source.read]
    if len(sources) > 1:
        yield _source_note(sources, words)


def _source_note(sources: Sequence[SourceReport], words: Words) -> Note:
    """The sources that lose most and least of their rows."""
    rate = {source.file: source.rejected / source.read for source in sources}
    most, least = (choose(sources, key=lambda source: rate[source.file]) for choose in (max, min))
    is_shown = wilson(most.rejected, most.read).low > wilson(least.rejected, least.read).high
    facts = {"most": most.file, "least": least.file, "high": percent(rate[most.file]), "low": percent(rate[least.file])}
    if is_shown and rate[most.file] - rate[least.file] > LARGE_DIFFERENCE:
        return Note("warn", words("data.bias.rejected_unevenly", **facts))
    return Note("good", words("data.bias.rejected_evenly", **facts))


def _sampling(report: DatasetReport, bias: Bias, words: Words) -> Iterator[Note]:
    sources = sorted((source for source in report.sources if source.kept), key=lambda source: -source.kept)
    shares = [source.kept / report.kept for source in sources]
    if len(sources) > 1:
        effective = significant(1 / math.fsum(share**2 for share in shares), 3)
        facts = {
            "num": count(len(sources)),
            "file": sources[0].file,
            "share": percent(shares[0]),
            "effective": effective,
        }
        yield Note("plain", words("data.bias.sources", **facts))
    else:
        yield Note("plain", words("data.bias.one_source"))
    if bias.groups is not None:
        share = bias.groups.largest / report.kept
        facts = {"num": count(bias.groups.number), "share": percent(share)}
        tone: Tone = "warn" if share > LARGE_GROUP else "good"
        yield Note(tone, words("data.bias.groups", effective=significant(bias.groups.effective, 3), **facts))
    for rates in _found(bias, ("label", "split"), ("language", "split")):
        yield _tie_note(rates, words)


def _label(report: DatasetReport, bias: Bias, words: Words) -> Iterator[Note]:
    totals = {name: sum(numbers.values()) for name, numbers in report.labels.items()}
    if report.conflicting.prompts:
        facts = {"prompts": count(report.conflicting.prompts), "rows": count(report.conflicting.rows)}
        yield Note("warn", words("data.bias.conflicting", **facts))
    if not totals:
        yield Note("plain", words("data.bias.no_labels"))
        return
    if len(totals) > 1:
        yield _imbalance_note(totals, words)
    few = [name for name, numbers in report.labels.items() if numbers["train"] < FEW_ROWS]
    if few:
        facts = {"num": count(len(few)), "few": count(FEW_ROWS), "labels": words.listed(few[:5])}
        yield Note("warn", words("data.bias.few_rows", **facts))
    for rates in _found(bias, ("label", "language"), ("label", "source")):
        yield _tie_note(rates, words)


def _imbalance_note(totals: Mapping[str, int], words: Words) -> Note:
    most, least = (choose(totals, key=totals.__getitem__) for choose in (max, min))
    num_rows = sum(totals.values())
    shares = [number / num_rows for number in totals.values()]
    evenness = -math.fsum(share * math.log(share) for share in shares if share) / math.log(len(shares))
    ratio = totals[most] / totals[least]
    facts = {"most": most, "share": percent(totals[most] / num_rows), "least": least, "rows": count(totals[least])}
    numbers = {"ratio": significant(ratio, 3), "evenness": significant(evenness, 3)}
    return Note("warn" if ratio > UNEVEN else "good", words("data.bias.imbalance", **facts, **numbers))


def _historical(bias: Bias, words: Words) -> Iterator[Note]:
    times = bias.times
    if times is None:
        yield Note("plain", words("data.bias.no_time"))
        return
    columns = words.listed([f"`{column}`" for column in times.columns])
    yield Note("plain", words("data.bias.times", oldest=times.oldest, newest=times.newest, columns=columns))
    if times.without:
        yield Note("warn", words("data.bias.without_time", rows=count(times.without)))
    rates_by_time = _found(bias, ("label", "period"), ("language", "period"))
    for rates in rates_by_time:
        yield _tie_note(rates, words)
        if _is_shown(rates):
            yield from _largest_move(rates, words)
    if not rates_by_time:
        yield Note("plain", words("data.bias.one_period"))


def _tie_note(rates: Rates, words: Words) -> Note:
    """How much the one tells of the other, in words with Cramer's V and its p-value."""
    is_shown = _is_shown(rates)
    strength = "none" if not is_shown else "strong" if rates.cramers_v >= STRONG_TIE else "some"
    sentence = words(f"data.bias.tie.{rates.of}.{rates.by}.{'none' if strength == 'none' else 'some'}")
    figures = words("data.bias.tie", strength=words(f"data.bias.strength.{strength}"), **_tie_figures(rates))
    return Note("warn" if is_shown else "good", words.sentences(sentence, figures))


def _is_shown(rates: Rates) -> bool:
    return rates.p_value < UNLIKELY and rates.cramers_v >= NO_TIE


def _tie_figures(rates: Rates) -> dict[str, str]:
    return {"v": f"{rates.cramers_v:.2f}", "p": probability(rates.p_value)}


def _largest_move(rates: Rates, words: Words) -> Iterator[Note]:
    """The class whose share moved most between two neighbouring periods, where two have enough rows."""
    enough = {period: numbers for period, numbers in rates.rows.items() if sum(numbers) >= MIN_ROWS_OF_RATE}
    moves = [
        (abs(after[place] / sum(after) - before[place] / sum(before)), place, first, then)
        for (first, before), (then, after) in pairwise(enough.items())
        for place in range(len(rates.classes))
    ]
    if not moves:
        return
    _, place, first, then = max(moves)
    before, after = (percent(enough[period][place] / sum(enough[period])) for period in (first, then))
    name = _class_name(rates, place, words)
    yield Note("plain", words("data.bias.move", name=name, before=before, after=after, first=first, then=then))


def _class_name(rates: Rates, place: int, words: Words) -> str:
    name = rates.classes[place]
    if name == REST:
        return words("data.bias.rest")
    return words.language_name(name) if rates.of == "language" else name


def _value_name(rates: Rates, value: str, words: Words) -> str:
    if value == REST:
        return words("data.bias.rest")
    if rates.by == "split":
        return words(f"report.split.{value}")
    return words.language_name(value) if rates.by == "language" else value


def _table(rates: Rates, words: Words) -> RateTable:
    return RateTable(
        title=words(f"data.bias.table.{rates.of}.{rates.by}"),
        tie=words("data.bias.figures", **_tie_figures(rates)),
        classes=tuple(_class_name(rates, place, words) for place in range(len(rates.classes))),
        rows=tuple(
            (
                _value_name(rates, value, words),
                count(sum(numbers)),
                tuple(
                    (percent(number / sum(numbers)) if number else DASH, number / sum(numbers)) for number in numbers
                ),
            )
            for value, numbers in rates.rows.items()
            if sum(numbers)
        ),
        fold=len(rates.classes) * len(rates.rows) > 2 * len(SPLITS),
    )


def _chart(rates: Rates, words: Words) -> tuple[Markup, tuple[str, ...]]:
    """Shares by period, of the classes that moved most; nothing where fewer than two periods have enough rows."""
    periods = [period for period, numbers in rates.rows.items() if sum(numbers) >= MIN_ROWS_OF_RATE]
    if len(periods) < 2:
        return Markup(), ()
    shares = [
        [100 * rates.rows[period][place] / sum(rates.rows[period]) for period in periods]
        for place in range(len(rates.classes))
    ]
    moved = sorted(range(len(shares)), key=lambda place: min(shares[place]) - max(shares[place]))[:MAX_LINES]
    lines = [
        Series(_class_name(rates, place, words), tuple(range(len(periods))), tuple(shares[place]))
        for place in sorted(moved)
    ]
    title = words(f"data.bias.table.{rates.of}.{rates.by}")
    course = "; ".join(f"{line.name}: {line.values[0]:.0f}% → {line.values[-1]:.0f}%" for line in lines)
    return category_chart("drift", title, course, lines, periods), tuple(line.name for line in lines)

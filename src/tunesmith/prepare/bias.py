"""What may bias a model that learns from these rows: classes by source, time, language and split, and large groups.

Shapes: K kept rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.bias import REST, Bias, Groups, PeriodUnit, Rates, Times
from tunesmith.prepare.formats import plain_name
from tunesmith.prepare.index import NO_KEY, Column
from tunesmith.stats.association import association

NO_DAY: Final = -(2**31)
"""The day of a row whose time is not known."""
TIME_COLUMNS: Final = frozenset(
    (
        *("date", "time", "datetime", "timestamp", "year", "created", "created_at", "create_time", "creation_date"),
        *("posted_at", "published", "published_at", "publish_time", "updated_at", "month", "day"),
        *("日期", "时间", "年份", "创建时间", "创建日期", "建立时间", "发布时间", "发布日期", "提交时间", "更新时间"),
    )
)
"""Columns that say when a row was made, as `plain_name` writes them."""
MAX_VALUES: Final = 12
_EPOCH: Final = date(1970, 1, 1)
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})(?:[-/.月](\d{1,2}))?(?!\d)")
_COMPACT_DATE: Final = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_SECONDS_OF_DAY: Final = 86_400
# Seconds since 1970 of the years 1973 to 2100; a thousand times as many are milliseconds.
_OLDEST_SECONDS, _NEWEST_SECONDS = 1e8, 4.1e9

Ints = NDArray[np.int64]


def time_column_of(columns: Iterable[str], named: str | None) -> str | None:
    """The column with the times of a table's rows: the one that the recipe names, else the first that is called so."""
    return named or next((column for column in columns if plain_name(column) in TIME_COLUMNS), None)


def day_of(value: object) -> int:
    """Days since 1970 of a date, a moment, a year, or seconds or milliseconds since 1970; `NO_DAY` for all else."""
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    found = _DATE.match(text) or _COMPACT_DATE.fullmatch(text)
    if found:
        year, month, day = (int(part or 1) for part in found.groups())
        return _days(year, month, day)
    try:
        number = float(text)
    except ValueError:
        return NO_DAY
    if 1900 <= number <= 2100 and number.is_integer():
        return _days(int(number), 1, 1)
    for seconds in (number, number / 1000):
        if _OLDEST_SECONDS <= seconds <= _NEWEST_SECONDS:
            return int(seconds // _SECONDS_OF_DAY)
    return NO_DAY


def _days(year: int, month: int, day: int) -> int:
    try:
        return (date(year, month, day) - _EPOCH).days
    except ValueError:
        return NO_DAY


def bias_of(
    kept: Mapping[str, Column],
    *,
    labels: Sequence[str],
    languages: Sequence[str],
    sources: Sequence[str],
    time_columns: Sequence[str],
) -> Bias:
    """Count. `kept` has the columns `label` (-1: none), `language`, `source`, `split`, `day` and `group`, (K,) each;
    the names belong to the codes of these columns.
    """
    classes = {"language": (kept["language"], languages), "label": (kept["label"], labels)}
    day_K = kept["day"]
    is_dated_K = day_K != NO_DAY
    times = _times(day_K[is_dated_K], time_columns, int(np.count_nonzero(~is_dated_K)))
    period_K, periods = _periods(day_K, is_dated_K, times.unit) if times else (np.full(len(day_K), -1), [])
    values = {
        "source": (kept["source"], sources),
        "period": (period_K, periods),
        "split": (kept["split"], ("train", "validation", "test")),
        "language": (kept["language"], languages),
    }
    rates = [
        counted
        for of, (class_K, names) in classes.items()
        for by, (value_K, value_names) in values.items()
        if of != by and (counted := _rates((of, class_K, names), (by, value_K, value_names)))
    ]
    return Bias(rates=rates, times=times, groups=_groups(kept["group"]))


def _rates(classes: tuple[str, Column, Sequence[str]], values: tuple[str, Column, Sequence[str]]) -> Rates | None:
    (of, class_K, class_names), (by, value_K, value_names) = classes, values
    is_known = (class_K >= 0) & (value_K >= 0)
    shape = len(value_names), len(class_names)
    cells = value_K[is_known].astype(np.int64) * shape[1] + class_K[is_known]
    table = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    tie = association(table)
    if tie is None:
        return None
    in_order = by in ("period", "split")
    table, names = _cut(table, value_names, len(value_names) if in_order else MAX_VALUES, is_sorted=not in_order)
    by_class, kept_classes = _cut(table.T, class_names, MAX_VALUES, is_sorted=True)
    return Rates.model_validate(
        {
            "of": of,
            "by": by,
            "classes": kept_classes,
            "rows": dict(zip(names, by_class.T.tolist(), strict=True)),
            "cramers_v": tie.cramers_v,
            "p_value": tie.p_value,
        }
    )


def _cut(table: Ints, names: Sequence[str], most: int, *, is_sorted: bool) -> tuple[Ints, list[str]]:
    """The lines of a table that hold anything, the largest first when sorted; those beyond `most` as one, `REST`."""
    totals = table.sum(axis=1)
    order = np.argsort(-totals, kind="stable") if is_sorted else np.arange(len(totals))
    order = order[totals[order] > 0]
    kept, rest = order[:most], order[most:]
    cut_names = [names[line] for line in kept.tolist()]
    if not len(rest):
        return table[kept], cut_names
    return np.vstack([table[kept], table[rest].sum(axis=0)]), [*cut_names, REST]


def _times(days: Column, columns: Sequence[str], num_without: int) -> Times | None:
    if not len(days):
        return None
    oldest, newest = (_EPOCH + timedelta(days=int(day)) for day in (days.min(), days.max()))
    return Times(
        columns=list(columns),
        unit=_unit(oldest, newest),
        oldest=oldest.isoformat(),
        newest=newest.isoformat(),
        without=num_without,
    )


def _unit(oldest: date, newest: date) -> PeriodUnit:
    """The finest in which there are at most twelve periods."""
    months = 12 * (newest.year - oldest.year) + newest.month - oldest.month
    if (newest - oldest).days < MAX_VALUES:
        return "day"
    if months < MAX_VALUES:
        return "month"
    if newest.year - oldest.year < 3:
        return "quarter"
    return "year" if newest.year - oldest.year < MAX_VALUES else "decade"


def _periods(day_K: Column, is_dated_K: NDArray[np.bool_], unit: PeriodUnit) -> tuple[Ints, list[str]]:
    """The period of each row, from 0 without gaps in the names (-1: no time), and their names."""
    numbers = _number_of_period(day_K[is_dated_K], unit)
    found, places = np.unique(numbers, return_inverse=True)
    period_K = np.full(len(day_K), -1, dtype=np.int64)
    period_K[is_dated_K] = places
    return period_K, [_period_name(int(number), unit) for number in found]


def _number_of_period(days: Column, unit: PeriodUnit) -> Ints:
    dates = days.astype("datetime64[D]")
    if unit == "day":
        return days.astype(np.int64)
    if unit in ("month", "quarter"):
        months: Ints = dates.astype("datetime64[M]").astype(np.int64)
        return months if unit == "month" else months // 3
    years: Ints = dates.astype("datetime64[Y]").astype(np.int64) + 1970
    return years if unit == "year" else years // 10


def _period_name(number: int, unit: PeriodUnit) -> str:
    match unit:
        case "day":
            return (_EPOCH + timedelta(days=number)).isoformat()
        case "month":
            return f"{1970 + number // 12}-{number % 12 + 1:02d}"
        case "quarter":
            return f"{1970 + number // 4} Q{number % 4 + 1}"
        case "year":
            return str(number)
        case "decade":
            return f"{10 * number}\N{EN DASH}{10 * number + 9}"


def _groups(group_K: Column) -> Groups | None:
    grouped = group_K[group_K != NO_KEY]
    if not len(grouped):
        return None
    sizes = np.unique(grouped, return_counts=True)[1]
    shares: NDArray[Any] = sizes / sizes.sum()
    effective = 1 / math.fsum(shares**2)
    return Groups(number=len(sizes), largest=int(sizes.max()), effective=effective)

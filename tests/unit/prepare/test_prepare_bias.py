from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepare_material import Run

from tunesmith.artifacts.bias import REST, Bias, Rates
from tunesmith.prepare.bias import NO_DAY, bias_of, day_of, time_column_of

EPOCH = date(1970, 1, 1)


def rates(bias: Bias, of: str, by: str) -> Rates:
    return next(found for found in bias.rates if (found.of, found.by) == (of, by))


def write(file: Path, rows: list[dict[str, Any]]) -> str:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    "value",
    [
        *("2024-03-05", "2024/3/5", "2024.03.05", "2024年3月5日 10:20", "20240305", "2024-03-05T23:59:59+08:00"),
        *(date(2024, 3, 5), datetime(2024, 3, 5, 7), 1_709_600_000, "1709600000", 1_709_600_000_000),
    ],
)
def test_a_day_is_read_from_many_forms(value: object) -> None:
    assert EPOCH + timedelta(days=day_of(value)) == date(2024, 3, 5)


@pytest.mark.parametrize("value", [None, "", "soon", "2024-13-01", "2024-02-31", 12.5, True, "99", "nan", "inf"])
def test_what_is_no_time_is_none(value: object) -> None:
    assert day_of(value) == NO_DAY


def test_a_year_or_a_month_is_its_first_day() -> None:
    assert EPOCH + timedelta(days=day_of("2019")) == EPOCH + timedelta(days=day_of(2019)) == date(2019, 1, 1)
    assert EPOCH + timedelta(days=day_of("2019-07")) == date(2019, 7, 1)


def test_the_recipes_time_goes_before_a_column_that_is_called_so() -> None:
    assert time_column_of(("text", "Created_At", "date"), None) == "Created_At"
    assert time_column_of(("text", "date"), "due") == "due"
    assert time_column_of(("text", "label"), None) is None


def columns(num_rows: int, **given: Any) -> dict[str, Any]:
    """Columns of rows that are all alike, but for those given."""
    alike: dict[str, Any] = {"label": -1, "language": 0, "source": 0, "split": 0, "day": NO_DAY, "group": 0}
    return {name: np.asarray(given.get(name, np.full(num_rows, value))) for name, value in alike.items()}


def count(kept: dict[str, Any], **names: Any) -> Bias:
    known: dict[str, Any] = {"labels": "abcdefghijklmnop", "languages": ["en", "zh"], "sources": ["one", "two"]}
    return bias_of(kept, **{**known, "time_columns": ["date"], **names})


@pytest.mark.parametrize(
    ("newest", "unit", "last"),
    [
        (date(2021, 3, 12), "day", "2021-03-12"),
        (date(2021, 11, 30), "month", "2021-11"),
        (date(2022, 6, 30), "quarter", "2022 Q2"),
        (date(2026, 1, 1), "year", "2026"),
        (date(2038, 1, 1), "decade", "2030–2039"),
    ],
)
def test_time_is_cut_into_at_most_twelve_periods(newest: date, unit: str, last: str) -> None:
    first = (date(2021, 3, 1) - EPOCH).days
    days = np.arange(first, (newest - EPOCH).days + 1)
    bias = count(columns(len(days), day=days, label=np.arange(len(days)) % 2))
    assert bias.times is not None
    assert (bias.times.unit, bias.times.oldest, bias.times.newest) == (unit, "2021-03-01", newest.isoformat())
    periods = list(rates(bias, "label", "period").rows)
    assert 2 <= len(periods) <= 12
    assert periods[-1] == last


def test_rare_classes_and_sources_stand_together_and_no_row_is_lost() -> None:
    rng = np.random.default_rng(2)
    label, source = rng.integers(16, size=5000), rng.integers(30, size=5000)
    names = [f"file {number}" for number in range(30)]
    found = rates(count(columns(5000, label=label, source=source), sources=names), "label", "source")
    assert len(found.classes) == 13
    assert found.classes[-1] == REST
    assert len(found.rows) == 13
    assert sum(map(sum, found.rows.values())) == 5000
    sizes = np.bincount(label)
    assert found.classes[0] == "abcdefghijklmnop"[int(sizes.argmax())]
    biggest = int(np.bincount(source).argmax())
    assert next(iter(found.rows)) == names[biggest]
    assert found.rows[names[biggest]][0] == int(((source == biggest) & (label == sizes.argmax())).sum())


def test_groups_are_as_even_as_so_many_equal_ones() -> None:
    even = count(columns(12, group=np.repeat([5, 6, 7], 4))).groups
    assert even is not None
    assert (even.number, even.largest) == (3, 4)
    assert even.effective == pytest.approx(3)
    uneven = count(columns(12, group=[9] * 9 + [3, 2, 0])).groups
    assert uneven is not None
    assert (uneven.number, uneven.largest) == (3, 9)
    assert uneven.effective == pytest.approx(1 / ((9 / 11) ** 2 + 2 / 121))
    assert count(columns(4)).groups is None


def test_a_planted_drift_shows_in_the_report_of_a_dataset(run: Run, tmp_path: Path) -> None:
    rows = [
        {
            "text": f"{'refund' if number % 3 else 'parcel'} case {number} of {number * 7919}",
            "label": "complaint" if number % 10 < (2 if number < 200 else 8) else "question",
            "date": f"{2021 + number // 100}-0{1 + number % 9}-11",
        }
        for number in range(400)
    ]
    rows[5]["date"] = "long ago"
    bias = run(write(tmp_path / "rows.jsonl", rows)).report().bias
    assert bias is not None
    assert bias.times is not None
    assert (bias.times.unit, bias.times.columns, bias.times.without) == ("year", ["date"], 1)
    drift = rates(bias, "label", "period")
    assert list(drift.rows) == ["2021", "2022", "2023", "2024"]
    assert dict(zip(drift.classes, drift.rows["2022"], strict=True)) == {"complaint": 20, "question": 80}
    assert drift.cramers_v == pytest.approx(0.6, abs=0.03)
    assert drift.p_value < 1e-20


@pytest.mark.thorough
def test_personal_data_are_counted_by_type_in_every_mode(run: Run, tmp_path: Path) -> None:
    rows = [
        {"question": f"Where is my order number {n * 7919}?", "answer": f"On its way, case {n}."} for n in range(40)
    ]
    for place, text in ((3, "Write to ann.lee@example.org or bob@example.org."), (7, "Card 4111 1111 1111 1111.")):
        rows[place]["answer"] = text
    rows[9]["answer"] = "Write to kim@example.org, card 4111 1111 1111 1111."
    file = write(tmp_path / "rows.jsonl", rows)
    found = {}
    for mode in ("off", "mask", "remove"):
        report = run(file, out=mode, personal={"mode": mode, "types": ["email", "card"]}).report()
        found[mode] = report.personal
    assert found == {"off": {}, "mask": {"card": 2, "email": 2}, "remove": {"card": 2, "email": 2}}
    assert list(found["mask"]) == ["card", "email"]


@pytest.mark.parametrize("column", ["創建時間", "Created At", " 日期 ", "ＤＡＴＥ", "建立時間"])
def test_a_column_of_times_is_known_as_other_columns_are(column: str) -> None:
    assert time_column_of(("text", column, "other"), None) == column

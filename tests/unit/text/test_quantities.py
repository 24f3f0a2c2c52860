from __future__ import annotations

from decimal import Decimal

import pytest

from tunesmith.text.numbers import written_number
from tunesmith.text.quantities import FigurePattern, Unit, fold, read_quantity


@pytest.mark.parametrize(
    ("written", "name", "scale", "said"),
    [
        ("亿元", "CNY", 10**8, "4.5亿元"),
        ("人民币", "CNY", 1, "4.5人民币"),
        ("million dollars", "USD", 10**6, "4.5 million dollars"),
        ("USD million", "USD", 10**6, "4.5 USD million"),
        ("百万美元", "USD", 10**6, "4.5百万美元"),
        ("$m", "USD", 10**6, "$4.5m"),
        ("$ million", "USD", 10**6, "$4.5 million"),
        ("€", "EUR", 1, "€4.5"),
        ("％", "%", 1, "4.5％"),
        ("个百分点", "pp", 1, "4.5个百分点"),
        ("万股", "股", 10**4, "4.5万股"),
        ("千克", "千克", 1, "4.5千克"),
        ("m", "m", 1, "4.5 m"),
        ("万", "", 10**4, "4.5万"),
        ("", "", 1, "4.5"),
    ],
)
def test_units(written: str, name: str, scale: int, said: str) -> None:
    unit = Unit.of(written)
    assert (unit.name, unit.scale, unit.write("4.5")) == (name, scale, said)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("12.3", "亿元", "12.3"),  # bare: in the unit already
        ("12.3亿元", "亿元", "12.3"),
        ("12.3億元", "亿元", "12.3"),
        ("12.3亿元", "億元", "12.3"),
        ("5億新臺幣", "TWD", "500000000"),
        ("３００萬日圓", "万日元", "300"),
        ("參萬元", "元", "30000"),
        ("伍拾參萬元", "万元", "53"),
        ("12.3亿", "亿元", "12.3"),
        ("1,230 million yuan", "亿元", "12.3"),
        ("￥1,234.5万", "元", "12345000"),
        ("3万5千元", "万元", "3.5"),
        ("$4.5 million", "USD", "4500000"),
        ("US$ 4.5bn", "USD million", "4500"),
        ("450万美元", "$ million", "4.5"),
        ("(1,234)", "万元", "-1234"),
        ("（$12）", "USD", "-12"),
        ("−3.2%", "%", "-3.2"),
        ("３５％", "%", "35"),
        ("1.2 million", "", "1200000"),
        ("二十三", "", "23"),
        ("1,200 employees", "employees", "1200"),
        ("12 EUR", "USD", None),
        ("12.3亿美元", "亿元", None),
        ("5%", "", None),
        ("n/a", "元", None),
        ("", "元", None),
        ("3-5亿元", "亿元", None),
    ],
)
def test_a_cell_is_one_quantity(text: str, unit: str, value: str | None) -> None:
    assert read_quantity(text, Unit.of(unit)) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("pattern", "unit", "text", "value"),
    [
        ("营业收入*{number}", "亿元", "公司2025年实现营业收入12.3亿元，同比增长8%。", "12.3"),
        ("营业收入*{number}", "亿元", "营业收入同比增长8.2%至１２．３亿元", "12.3"),
        ("营业收入*{number}", "亿元", "營業收入較上年同期增長至12.3億元", "12.3"),
        ("營業收入*{number}", "億元", "营业收入12.3亿元", "12.3"),
        ("营业收入*{number}", "%", "营业收入同比增长8.2%至12.3亿元", "8.2"),
        ("净利润*{number}", "亿元", "净利润：-3.2亿元", "-3.2"),
        ("营业收入*{number}", "万元", "营业收入十二亿元", "120000"),
        ("revenue of {number}", "million dollars", "It told of Revenue of\n$4.5 million.", "4.5"),
        ("revenue*{number}", "USD million", "Revenue in 2024 rose 12% to US$1.2bn from $1bn.", "1200"),
        ("员工{number}人", "", "公司员工1,234人。", "1234"),
        # a wrong number is worse than none
        ("营业收入*{number}", "亿元", "营业收入12.3亿美元，净利润5亿元", None),
        ("营业收入*{number}", "亿元", "营业收入下降。净利润5亿元", None),
        ("净利润*{number}", "亿元", "营业收入和净利润分别为12.3亿元和1.2亿元", None),
        ("profit*{number}", "USD", "Revenue and profit were $4 and $1, respectively.", None),
        ("revenue*{number}", "USD million", "revenue of 3-5 million dollars", None),
        ("revenue*{number}", "USD", "Prerevenue $5", None),
        ("sales*{number}", "USD", "Sales fell. Costs were $5", None),
        ("revenue {number}", "USD", "本期revenue $5", "5"),
        ("a* b {number}", "USD", "a" + " " * 50_000 + "b", None),
    ],
)
def test_figures_are_found_in_text(pattern: str, unit: str, text: str, value: str | None) -> None:
    found = FigurePattern(pattern, Unit.of(unit)).find(fold(text))
    assert (found and found[1]) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5亿", 150_000_000),
        ("3万5", None),
        ("12,345.60万", 123_456_000),
        ("5k", 5000),
        ("1.2.3", None),
        ("nan", None),
    ],
)
def test_written_numbers(text: str, value: int | None) -> None:
    assert written_number(text) == value

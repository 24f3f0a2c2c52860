from __future__ import annotations

import random

import pytest

from tunesmith.text.numbers import chinese_number, normalise_numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("营收1.5亿元", "营收150000000元"),
        ("3万5千，5千万，2.5万亿，1750 亿个", "35000，50000000，2500000000000，175000000000个"),
        ("1亿2000万元，约3千2百人", "120000000元，约3200人"),
        ("二十三个，一万二千元，第一百零五页，十二分钟", "23个，12000元，第105页，12分钟"),
        ("人民币壹万贰仟元整，两万五千里", "人民币12000元整，25000里"),
        ("共1,234人，$1,234,567.50，1,000, 2,000", "共1234人，$1234567.50，1000, 2000"),
        ("电话１２３４，１，２３４．５", "电话1234，1234.5"),
        ("1.2 million people, 3 Billion, 2.25 thousand", "1200000 people, 3000000000, 2250"),
        ("5k steps, 0.5k元, 5k-10k", "5000 steps, 500元, 5000-10000"),
        ("$5M, £2.5bn, ￥3K, $1.5 million", "$5000000, £2500000000, ￥3000, $1500000"),
        ("3万-5万", "30000-50000"),
        ("營收1.5億元，3萬5千，兩萬人，貳拾萬個，三百二十輛", "營收150000000元，35000，20000人，200000個，320輛"),
        ("3万千瓦", "30000千瓦"),
        ("參萬元整，叄拾萬個，拾參個，參與者三百個", "30000元整，300000個，13個，參與者300個"),
        ("人參一百克，數萬個", "人參100克，數萬個"),
    ],
)
def test_numbers_become_digits(text: str, expected: str) -> None:
    assert normalise_numbers(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("3万5", "3万5G用户", "3万五千", "3万零500", "3-5万", "3到5亿", "3 to 5 million", "1万2万3"),
        *(
            "一千五元",
            "二三十人",
            "几十个",
            "幾十個",
            "幾十萬人",
            "几十万人",
            "一个问题",
            "千万别",
            "百年",
            "十分好",
            "二〇二五年",
            "二十三",
            "三万分之一",
        ),
        *("5千克", "5千瓦", "1.5百分点", "(100,200)", "[1,234]", "1,23", "0,123", "4K", "5M", "v5k", "5kg", "B2C1,234"),
        *("5 million-dollar", "5 millionth", "`1,234`", "```\n1.5亿\n```", "3.14", "2025-01-02"),
    ],
)
def test_what_is_no_plain_number_stays(text: str) -> None:
    assert normalise_numbers(text) == text


def spelt(value: int) -> str:
    """The Chinese numeral, group by group of four digits, with 零 put wherever places are skipped."""
    groups = []
    for scale in ("", "万", "亿", "万亿"):
        value, group = divmod(value, 10_000)
        places = [
            f"{'零一二三四五六七八九'[int(digit)]}{unit}" if digit != "0" else "零"
            for digit, unit in zip(f"{group:04}", "千百十 ", strict=True)
        ]
        groups.append("".join(places).replace(" ", "") + (scale if group else ""))
    joined = "".join(reversed(groups))
    while "零零" in joined:
        joined = joined.replace("零零", "零")
    for scale in "万亿":
        joined = joined.replace(f"零{scale}", f"{scale}零").replace("零零", "零")
    return joined.strip("零")


def test_every_numeral_has_its_value() -> None:
    generator = random.Random(2)
    values = [*range(11, 2_000), *(generator.randrange(10**8) for _ in range(2_000))]
    for value in values:
        numeral = spelt(value)
        assert chinese_number(numeral) == value, numeral
        if numeral.startswith("一十"):
            assert chinese_number(numeral[1:]) == value
    assert chinese_number("一亿零三百万二千零二十三") == 103_002_023
    assert chinese_number("三万亿") == 3 * 10**12


@pytest.mark.parametrize(
    "numeral", ["", "三", "二三", "一百零", "零十", "百", "千万", "一千五", "十百", "万一", "三十零五", "一万一万"]
)
def test_what_is_not_written_in_full_has_no_value(numeral: str) -> None:
    assert chinese_number(numeral) is None

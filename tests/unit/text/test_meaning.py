"""Numbers, negations, names and directions, however they are worded."""

from __future__ import annotations

import pytest
from least_time import least_seconds

from tunesmith.text.meaning import directions_of, marked, names_of, negations_of, numbers_of, protected


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("five hundred and twenty dollars", {"520"}),
        ("520 dollars, or ５２０", {"520"}),
        ("two million users, 2,000,000 of them", {"2000000"}),
        ("Twenty-five of them by 2024-03-01", {"25", "2024-03-01"}),
        ("1,234.0 and 1234 and 0.50", {"1234", "0.5"}),
        ("three hundred thousand and six", {"300006"}),
        ("one of the cards, a single one", set()),
        ("1.5亿元，三个订单，二十三天", {"150000000", "3", "23"}),
        ("买了两张票，等了十分钟", {"2", "10"}),
        ("一样的问题，三心二意", set()),
        ("nothing here", set()),
    ],
)
def test_numbers_are_read_in_any_form(text: str, numbers: set[str]) -> None:
    assert numbers_of(text) == numbers


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I can't log in and never could", 2),
        ("I cannot log in", 1),
        ("unable to log in without a code", 2),
        ("notes on a knot", 0),
        ("我没有收到，也不能退款", 2),
        ("是不是可以？能否尽快？有没有货？不过非常好，不仅便宜", 0),
        ("还未到账，请勿催", 2),
        ("未来别人的区别", 0),
    ],
)
def test_negations_are_counted_and_what_looks_like_them_is_not(text: str, count: int) -> None:
    assert negations_of(text) == count


def test_names_are_people_places_bodies_and_marks() -> None:
    assert {"maria keller", "boston"} <= names_of("I met Maria Keller in Boston.")
    assert names_of("I paid it. The bank said yes, I'm sure") == frozenset()
    assert names_of("不过北京银行说可以") == {"北京", "北京银行"}
    assert {"[email]", "https://a.b/c"} <= names_of("Write to [EMAIL] or https://a.b/c")


def test_directions_are_sides_of_pairs() -> None:
    (pair, up), (same, down) = (next(iter(directions_of(f"prices {word}"))) for word in ("rose", "fell"))
    assert (pair, up, down) == (same, 0, 1)
    assert directions_of("股价上涨") != directions_of("股价下跌")
    assert directions_of("股价上涨") == directions_of("股价走高")
    assert directions_of("a table") == frozenset()


@pytest.mark.parametrize(
    ("text", "phrases", "kept"),
    [
        ("I can't pay the 5 dollars", (), ["n't", "5"]),
        ("please activate my Gold card", ("gold card",), ["activate", "Gold", "Gold card"]),
        ("run `rm -rf x` on [HOST] {name}", (), ["`rm -rf x`", "[HOST]", "{name}"]),
        ("我没有收到三个订单", ("订单",), ["没有", "三", "订单"]),
    ],
)
def test_words_of_meaning_are_protected(text: str, phrases: tuple[str, ...], kept: list[str]) -> None:
    found = [text[start:stop] for start, stop in protected(text, phrases)]
    assert set(kept) <= set(found)
    covered = "".join(found)
    assert not {"dollars", "please", "收到", "run"} & {
        word for word in ("dollars", "please", "收到", "run") if word in covered
    }


@pytest.mark.parametrize(
    ("traditional", "plain"),
    [
        ("營收沒有上漲五個百分點", "营收没有上涨五个百分点"),
        ("無法賣出兩張股票", "无法卖出两张股票"),
        ("並非獲利", "并非获利"),
    ],
)
def test_traditional_characters_mean_what_simplified_ones_do(traditional: str, plain: str) -> None:
    for told in (numbers_of, negations_of, directions_of, names_of):
        assert told(traditional) == told(plain)
    assert protected(traditional) == protected(plain)


@pytest.mark.parametrize("unit", ["a@", "合同没有空格", "x.y@"])
def test_a_text_without_spaces_takes_time_that_grows_with_its_length_only(unit: str) -> None:
    assert least_seconds(lambda: marked(unit * 20_000), 2.0) < 2.0
    assert marked("写信到 zhang3@qq.com 即可") == [(4, 17)]

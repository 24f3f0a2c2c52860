"""Published numbers are valid, and no single changed digit stays unnoticed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tunesmith.text.personal.checksums import is_card, is_chinese_id, is_date, is_iban, is_ssn, luhn

STANDARD_IDS = ("11010519491231002X", "440524188001010014")  # the examples of GB 11643-1999
CARDS = ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "3530111333300000")
IBANS = ("GB82WEST12345698765432", "DE89370400440532013000", "FR1420041010050500013M02606", "NL91ABNA0417164300")


@pytest.mark.parametrize("number", STANDARD_IDS)
def test_chinese_ids(number: str) -> None:
    assert is_chinese_id(number)
    assert is_chinese_id(number.lower())
    for place in range(17):
        for digit in set("0123456789") - {number[place]}:
            assert not is_chinese_id(number[:place] + digit + number[place + 1 :])


def test_a_chinese_id_needs_a_real_birthday() -> None:
    # the check character of each is right
    for body in ("11010519490230002", "11010519491301002", "11010517491231002"):
        weights = [pow(2, 17 - place, 11) for place in range(17)]
        rest = (1 - sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))) % 11
        assert not is_chinese_id(body + "0123456789X"[rest])


@pytest.mark.parametrize("number", CARDS)
def test_cards(number: str) -> None:
    assert is_card(number)
    for place in range(len(number)):
        for digit in set("0123456789") - {number[place]}:
            assert not is_card(number[:place] + digit + number[place + 1 :])


def test_a_number_of_no_payment_network_is_no_card() -> None:
    assert luhn("1234567812345670") == 0
    assert not is_card("1234567812345670")
    assert luhn("411111111111111112") == 1 or not is_card("411111111111111112")  # Visa has no 18 digits


@pytest.mark.parametrize("number", IBANS)
def test_ibans(number: str) -> None:
    assert is_iban(number)
    assert not is_iban(number + "0")
    assert not is_iban(number[:4] + number[5] + number[4] + number[6:]) or number[4] == number[5]


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("078051120", True),
        ("899991234", True),
        *((number, False) for number in ("000121234", "666121234", "900121234", "123001234", "123450000")),
    ],
)
def test_ssn_rules(number: str, valid: bool) -> None:
    assert is_ssn(number) is valid


def test_dates_are_those_of_the_calendar() -> None:
    day, days = date(1999, 12, 1), set()
    while day < date(2001, 3, 5):
        days.add((day.year, day.month, day.day))
        day += timedelta(days=1)
    asked = [(year, month, day) for year in (2000, 2001) for month in range(14) for day in range(33)]
    for parts in asked:
        if parts < (2001, 3, 1):
            assert is_date(*parts) is (parts in days), parts

"""Invented personal data for planting: the checksums are right, the people do not exist."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

# Weights and check characters of GB 11643-1999 (ISO 7064 MOD 11-2).
_ID_CARD_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CARD_CHECKS = "10X98765432"

_NAMES_EN = (
    ("Sarah", "Whitfield"),
    ("Daniel", "Okafor"),
    ("Maria", "Lindqvist"),
    ("Thomas", "Brennan"),
    ("Priya", "Raman"),
    ("George", "Hallam"),
    ("Emily", "Castellano"),
    ("Victor", "Novak"),
    ("Hannah", "Pemberton"),
    ("Oscar", "Delgado"),
    ("Julia", "Sorensen"),
    ("Peter", "Ashworth"),
)
_NAMES_ZH = (
    ("王丽华", "wanglihua"),
    ("李建国", "lijianguo"),
    ("陈思雨", "chensiyu"),
    ("赵明轩", "zhaomingxuan"),
    ("孙晓梅", "sunxiaomei"),
    ("周志强", "zhouzhiqiang"),
    ("吴佳怡", "wujiayi"),
    ("郑海涛", "zhenghaitao"),
    ("冯雅婷", "fengyating"),
    ("蒋文博", "jiangwenbo"),
    ("沈玉兰", "shenyulan"),
    ("韩立新", "hanlixin"),
)


@dataclass(frozen=True)
class Plant:
    """What to plant: `count` values of `kind`, each said in a sentence with `{v}` added to a question."""

    language: str
    kind: str
    count: int
    sentences: tuple[str, ...]
    value: Callable[[random.Random, int], str]


def luhn_check_digit(digits: str) -> str:
    """The digit that makes `digits` + it pass the Luhn formula (ISO/IEC 7812-1)."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if index % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def id_card_check_character(digits_17: str) -> str:
    """The eighteenth character of a mainland ID-card number (GB 11643-1999)."""
    total = sum(weight * int(digit) for weight, digit in zip(_ID_CARD_WEIGHTS, digits_17, strict=True))
    return _ID_CARD_CHECKS[total % 11]


def _digits(rng: random.Random, length: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(length))


def _email_en(rng: random.Random, index: int) -> str:
    first, last = _NAMES_EN[index % len(_NAMES_EN)]
    return f"{first.lower()}.{last.lower()}@example.{rng.choice(('com', 'org', 'net'))}"


def _email_zh(rng: random.Random, index: int) -> str:
    return f"{_NAMES_ZH[index % len(_NAMES_ZH)][1]}{_digits(rng, 2)}@example.{rng.choice(('com', 'net'))}"


def _phone_en(rng: random.Random, index: int) -> str:
    # 555-0100 to 555-0199 is set aside for fiction in the North American plan.
    area, line = rng.choice(("312", "415", "617", "206")), f"01{index:02d}"
    return rng.choice((f"({area}) 555-{line}", f"+1 {area}-555-{line}", f"{area}-555-{line}"))


def _mobile_zh(rng: random.Random, index: int) -> str:
    return rng.choice(("138", "159", "186", "199")) + "0000" + _digits(rng, 2) + f"{index:02d}"


def _id_card(rng: random.Random, index: int) -> str:
    # A county part of 99 keeps the number well formed without pointing at a real county.
    province_and_city = rng.choice(("1101", "3101", "4401", "5101", "3301"))
    birth_date = f"{rng.randint(1955, 2001)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    digits_17 = f"{province_and_city}99{birth_date}{index + 1:03d}"
    return digits_17 + id_card_check_character(digits_17)


def _card_en(rng: random.Random, index: int) -> str:
    digits = "400000" + _digits(rng, 7) + f"{index:02d}"
    digits += luhn_check_digit(digits)
    return " ".join(digits[start : start + 4] for start in range(0, 16, 4))


def _card_zh(rng: random.Random, index: int) -> str:
    digits = "622200" + _digits(rng, 10) + f"{index:02d}"
    return digits + luhn_check_digit(digits)


def _serial_not_luhn(rng: random.Random, index: int) -> str:
    digits = "400000" + _digits(rng, 7) + f"{index:02d}"
    return digits + str((int(luhn_check_digit(digits)) + rng.randint(1, 9)) % 10)


def _serial_not_id_card(rng: random.Random, index: int) -> str:
    number = _id_card(rng, index)
    wrong = [check for check in "0123456789" if check != number[-1]]
    return number[:-1] + rng.choice(wrong)


PERSONAL_DATA = (
    Plant("en", "email", 12, ("My email is {v}.", "Please write to {v}."), _email_en),
    Plant("en", "phone", 12, ("You can call me at {v}.", "My number is {v}."), _phone_en),
    Plant("en", "bank_card", 8, ("I paid with card {v}.", "My card number is {v}."), _card_en),
    Plant(
        "en",
        "order_name",
        10,
        ("The order is under the name {v}.", "The name on the order is {v}."),
        lambda rng, index: " ".join(_NAMES_EN[index]),
    ),
    Plant("zh", "email", 10, ("我的邮箱是{v}。", "请发邮件到{v}。"), _email_zh),
    Plant("zh", "mobile_cn", 16, ("我的手机号是{v}。", "请打{v}联系我。"), _mobile_zh),
    Plant("zh", "id_card_cn", 12, ("我的身份证号是{v}。", "身份证号码：{v}。"), _id_card),
    Plant("zh", "bank_card", 8, ("付款的银行卡号是{v}。", "银行卡：{v}。"), _card_zh),
    Plant("zh", "order_name", 10, ("订单姓名是{v}。", "收货人写的是{v}。"), lambda rng, index: _NAMES_ZH[index][0]),
)

# Numbers that only look personal: a detector that skips the checksum would mask them.
LOOKALIKES = (
    Plant("en", "not_bank_card", 6, ("The serial number is {v}.",), _serial_not_luhn),
    Plant("zh", "not_id_card_cn", 6, ("机身序列号是{v}。",), _serial_not_id_card),
)

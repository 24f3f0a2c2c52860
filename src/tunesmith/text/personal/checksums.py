"""Check digits of identity, card and account numbers. Each function takes the number without separators."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS: Final = "10X98765432"
_LUHN_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_CARD: Final = re.compile(
    # Visa, Mastercard, American Express, Diners
    r"4[0-9]{12}(?:[0-9]{3}){0,2}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}"
    # JCB, Discover, UnionPay
    r"|35[0-9]{14}|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}|62[0-9]{14,17}"
)
"""First digits and lengths of the payment networks."""
_IBAN_LENGTH: Final = {
    **{"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28},
    **{"CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18},
    **{"FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22},
    **{"IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20},
    **{"LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15},
    **{"PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19},
    **{"SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20},
}
"""Characters of an IBAN by country, from the register of ISO 13616."""


def is_chinese_id(number: str) -> bool:
    """GB 11643-1999: 17 digits whose 7th to 14th are a date, and a check character by ISO 7064 mod 11-2."""
    if len(number) != 18 or not number[:17].isdecimal() or number[0] in "09":
        return False
    if not is_date(int(number[6:10]), int(number[10:12]), int(number[12:14])):
        return False
    rest = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False)) % 11
    return _ID_CHECKS[rest] == number[17].upper()


def is_card(number: str) -> bool:
    """A number of one of the payment networks, with a Luhn check digit (ISO/IEC 7812-1)."""
    return _CARD.fullmatch(number) is not None and luhn(number) == 0


def luhn(number: str) -> int:
    """Return the Luhn sum of a number with its check digit, mod 10: 0 when the check digit is right."""
    plain = sum(map(int, number[-1::-2]))
    return (plain + sum(_LUHN_DOUBLED[int(digit)] for digit in number[-2::-2])) % 10


def is_iban(number: str) -> bool:
    """ISO 13616: the length of its country, and ISO 7064 mod 97-10 leaves 1."""
    return _IBAN_LENGTH.get(number[:2]) == len(number) and iban_rest(number) == 1


def iban_rest(number: str) -> int:
    """Return the number with its first four characters last and letters as 10 to 35, mod 97."""
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97


def is_ssn(number: str) -> bool:
    """Nine digits as the US Social Security Administration gives them out.

    The area is not 000, 666 or above 899, group and serial are not all zero.
    """
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_date(year: int, month: int, day: int) -> bool:
    """Whether the calendar has that day and somebody born then may live now."""
    if not (1880 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= 31):
        return False
    return day <= 28 or day <= ((date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days)

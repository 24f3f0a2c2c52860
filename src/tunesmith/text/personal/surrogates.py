"""Made-up values that look like the personal data they replace, drawn by a key: equal value and key, equal surrogate.

Each draw is HMAC-SHA256 (RFC 2104) of type, value and a counter, so no table has to be shared between processes, and
without the key nobody can tell which value a surrogate stands for. Where a range is reserved for examples it is used:
e-mails at example.com (RFC 2606), IPs of 10.0.0.0/8 and 2001:db8::/32 (RFC 1918, 3849), social security numbers from
900 up, which are never given out. Phone, card and account numbers keep their form, and may be somebody's by chance.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import date
from itertools import count
from typing import Final

from tunesmith.text.personal.checksums import iban_rest, is_card, is_chinese_id
from tunesmith.text.personal.fold import folded
from tunesmith.text.personal.span import PersonalType
from tunesmith.text.personal.words import characters, words
from tunesmith.text.personal.words_en import FEMALE_NAMES, MALE_NAMES, SURNAMES

_HAN: Final = re.compile("[\u4e00-\u9fff]")
_SEPARATORS: Final = re.compile(r"[\s().\-–/]+")
_NUMBERS: Final = frozenset(["phone", "id-card", "card", "iban", "ssn", "bank-account"])
_FEMALE: Final = sorted(FEMALE_NAMES)
_MALE: Final = sorted(MALE_NAMES)
_SURNAMES: Final = sorted(surname for surname in SURNAMES if surname.isalpha())
_SURNAMES_ZH: Final = sorted(characters("zh_common_surnames"))
_GIVEN_ZH: Final = sorted(characters("zh_surrogate_characters"))
_FOREIGN_ZH: Final = sorted(words("zh_surrogate_foreign"))
_PLACES_ZH: Final = sorted(words("zh_surrogate_places"))
_ROADS_ZH: Final = sorted(words("zh_surrogate_roads"))
_STREETS: Final = sorted(words("en_surrogate_streets"))
_TOWNS: Final = sorted(town.replace("-", " ") for town in words("en_surrogate_towns"))
_STREET_TYPES: Final = ("Street", "Road", "Avenue", "Lane", "Drive")
_REGIONS: Final = ("110101", "120103", "210203", "320106", "330104", "350203", "370102", "420106", "510104", "610103")
"""Codes of districts (GB/T 2260) that made-up identity numbers begin with."""
_MONTHS: Final = "January February March April May June July August September October November December"
_COUNTRY: Final = re.compile(r"\(?(?:\+|00)(?:1|7|86|[2-9][0-9])\)?")
_SECRET_STEM: Final = re.compile(r"(?:AKIA|ASIA|AIza|eyJ|(?:[A-Za-z]{2,10}[-_]){1,2})?")


class Draw:
    """A stream of numbers that key, type and value decide."""

    def __init__(self, key: bytes, kind: str, value: str) -> None:
        self._key = key
        self._subject = f"{kind}\0{value}\0".encode("utf-8", "surrogatepass")
        self._counter = count()

    def below(self, limit: int) -> int:
        """Return the next number from 0 to `limit` - 1."""
        block = hmac.digest(self._key, self._subject + str(next(self._counter)).encode(), hashlib.sha256)
        return int.from_bytes(block[:8]) % limit

    def one_of(self, choices: Sequence[str]) -> str:
        return choices[self.below(len(choices))]


def surrogate(value: str, kind: PersonalType, key: bytes) -> str:
    """Return the value's surrogate: of the same type and language, in the same grouping; never the value itself.

    The same number in another grouping or in full width, and a value in other case or in traditional characters, draw
    the same characters.
    """
    value = folded(value)
    plain = _SEPARATORS.sub("", value) if kind in _NUMBERS else " ".join(value.split())
    draw = Draw(key, kind, plain.casefold())
    while (made := _MAKERS[kind](value, draw)).casefold() == value.casefold():
        pass
    return made


def _name(value: str, draw: Draw) -> str:
    if _HAN.search(value):
        parts = re.split("([·•‧・])", value)
        if len(parts) > 1:
            return "".join(draw.one_of(_FOREIGN_ZH) if place % 2 == 0 else dot for place, dot in enumerate(parts))
        return draw.one_of(_SURNAMES_ZH) + "".join(draw.one_of(_GIVEN_ZH) for _ in value[1:3])
    parts = value.split(" ")
    made = [_given(parts[0], draw)]
    for part in parts[1:]:
        if part.islower():
            made.append(part)
        else:
            made.append(f"{draw.one_of('ABCDEFGHJKLMNPRSTW')}." if part.endswith(".") else draw.one_of(_SURNAMES))
    return " ".join(made)


def _given(part: str, draw: Draw) -> str:
    if part.endswith("."):
        return f"{draw.one_of('ABCDEFGHJKLMNPRSTW')}."
    if part in FEMALE_NAMES:
        return draw.one_of(_FEMALE)
    return draw.one_of(_MALE) if part in MALE_NAMES else draw.one_of(_FEMALE + _MALE)


def _grouped(like: str, plain: str) -> str:
    """Put the characters of `plain` where `like` has letters and digits."""
    rest = iter(plain)
    return "".join(next(rest, "") if character.isalnum() else character for character in like)


def _phone(value: str, draw: Draw) -> str:
    """Keeps a country code, the first digit of the number and, after a 0, zeros at the start of a group."""
    country = _COUNTRY.match(value)
    made = country[0] if country else ""
    rest = value[len(made) :]
    first, *others = (character for character in rest if character.isdecimal())
    # second digit of a Chinese mobile number; first digit of an American exchange
    lows = {1: 3} if first == "1" else {3: 2} if len(others) == 9 else {}
    digits = iter([first, *(_digit(draw, lows.get(place, 0)) for place in range(1, len(others) + 1))])
    for character in rest:
        new = next(digits) if character.isdecimal() else character
        begins = new.isdecimal() and first == "0" and made[-1:] in ("-", " ", ")")
        made += (character if character == "0" else str(2 + int(new) % 8)) if begins else new
    return made


def _digit(draw: Draw, low: int) -> str:
    return str(low + draw.below(10 - low))


def _id_card(value: str, draw: Draw) -> str:
    birth = date.fromordinal(date(1950, 1, 1).toordinal() + draw.below(20_000))
    body = f"{draw.one_of(_REGIONS)}{birth:%Y%m%d}{1 + draw.below(998):03}"
    return _grouped(value, next(body + check for check in "0123456789X" if is_chinese_id(body + check)))


def _card(value: str, draw: Draw) -> str:
    """Keeps the first four digits, which name the payment network."""
    number = _SEPARATORS.sub("", value)
    body = number[:4] + "".join(str(draw.below(10)) for _ in number[5:])
    return _grouped(value, next(body + check for check in "0123456789" if is_card(body + check)))


def _iban(value: str, draw: Draw) -> str:
    number = _SEPARATORS.sub("", value)
    account = "".join(_like(character, draw) for character in number[4:])
    check = 98 - iban_rest(f"{number[:2]}00{account}")
    return _grouped(value, f"{number[:2]}{check:02}{account}")


def _ssn(value: str, draw: Draw) -> str:
    return _grouped(value, f"9{draw.below(100):02}{10 + draw.below(40)}{draw.below(10_000):04}")


def _scrambled(value: str, draw: Draw) -> str:
    return "".join(_like(character, draw) for character in value)


def _like(character: str, draw: Draw) -> str:
    """A digit for a digit, a letter for a letter, of the same case where it is Latin; anything else stays."""
    if character.isdecimal():
        return str(draw.below(10))
    if character.isalnum():
        letter = draw.one_of("abcdefghijklmnopqrstuvwxyz")
        return letter.upper() if character.isupper() else letter
    return character


def _secret(value: str, draw: Draw) -> str:
    """Keeps what says the kind of key, and the first and last line of a key block."""
    if value.startswith("-----BEGIN"):
        lines = value.split("\n")
        return "\n".join(line if line.startswith("-----") else _scrambled(line, draw) for line in lines)
    stem = _SECRET_STEM.match(value)
    kept = stem.end() if stem and sum(map(str.isalnum, value[stem.end() :])) > 8 else 0
    return value[:kept] + _scrambled(value[kept:], draw)


def _email(value: str, draw: Draw) -> str:
    local = value.partition("@")[0]
    domain = draw.one_of(("example.com", "example.org", "example.net"))
    if local.isdecimal():
        return f"{_scrambled(local, draw)}@{domain}"
    return f"{draw.one_of(_FEMALE + _MALE)}.{draw.one_of(_SURNAMES)}{draw.below(1000)}@{domain}".lower()


def _address(value: str, draw: Draw) -> str:
    if _HAN.search(value):
        room = f"{1 + draw.below(30)}栋{1 + draw.below(30)}0{1 + draw.below(4)}室" if value[-1] in "室户房" else ""
        return f"{draw.one_of(_PLACES_ZH)}{draw.one_of(_ROADS_ZH)}{1 + draw.below(999)}号{room}"
    street = f"{1 + draw.below(2999)} {draw.one_of(_STREETS)} {draw.one_of(_STREET_TYPES)}"
    return f"{street}, {draw.one_of(_TOWNS)}" if "," in value else street


def _ip(value: str, draw: Draw) -> str:
    if ":" in value:
        return f"2001:db8:{draw.below(65_536):x}:{draw.below(65_536):x}::{1 + draw.below(65_535):x}"
    return f"10.{draw.below(256)}.{draw.below(256)}.{1 + draw.below(254)}"


def _birth_date(value: str, draw: Draw) -> str:
    """Another day of a year near by, written the same way."""
    year = int(found[0]) if (found := re.search(r"(?:1[89]|20)[0-9]{2}", value)) else 1980
    near, low = year - 3 + draw.below(7), 1 + draw.below(12)
    if value.isdecimal():
        return f"{near}{low:02}{1 + draw.below(28):02}"
    made = re.sub(r"[A-Za-z]{3,}", lambda match: _month(match[0], draw), value)

    def number(match: re.Match[str]) -> str:
        if len(match[0]) == 4:
            return str(near)
        # either number may be the month
        return (
            f"{1 + draw.below(12):0{len(match[0])}}"[-len(match[0]) :] if len(match[0]) == 2 else str(1 + draw.below(9))
        )

    return re.sub("[0-9]+", number, made)


def _month(word: str, draw: Draw) -> str:
    names = _MONTHS.split()
    if not any(name.lower().startswith(word[:3].lower()) for name in names):
        return word
    name = draw.one_of(names)
    return name if len(word) > 4 or word.lower() == "may" else name[:3]


_MAKERS: Final[dict[PersonalType, Callable[[str, Draw], str]]] = {
    "name": _name,
    "phone": _phone,
    "email": _email,
    "address": _address,
    "id-card": _id_card,
    "card": _card,
    "iban": _iban,
    "ssn": _ssn,
    "bank-account": _scrambled,
    "ip": _ip,
    "birth-date": _birth_date,
    "secret": _secret,
}

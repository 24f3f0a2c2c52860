"""Labelled sentences with made-up personal data, English and Chinese, for measuring what `find_personal` finds.

No whole name, town or street stands in a list of the detector, and no form in its source (tested). Of the names `partly
listed` the detector lists one part (in Chinese the surname and one character of the given name), of those `in no list`
none. Sentences that only look alike stand between them. Numbers are drawn here and given their check digits by formulas
written for this file.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks import privacy_forms as forms
from tunesmith.text.personal import words_en, words_zh
from tunesmith.text.personal.span import PersonalType, Span

Language = Literal["en", "zh"]
Subset = Literal["", "partly listed", "in no list", "everyday"]
SUBSETS: Final[tuple[Subset, ...]] = ("partly listed", "in no list")
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence and where personal data stand in it."""

    text: str
    spans: tuple[Span, ...]
    language: Language
    type: PersonalType | None
    """What the sentence was made for; None for one that holds nothing personal."""
    subset: Subset = ""


def make_set(num_per_type: int, seed: int) -> Iterator[Labelled]:
    """Yield `num_per_type` sentences for each type, language and subset, and twice as many without personal data.

    The forms of a type take turns. Equal arguments give equal sentences.
    """
    for language in LANGUAGES:
        draw = random.Random(f"{seed} {language}")
        for index in range(num_per_type):
            for kind, maker in MAKERS.items():
                yield _fill(_turn(forms.FORMS[kind][language], index), maker(draw, language), language, kind)
            yield _fill(_turn(forms.PASSWORDS[language], index), make_password(draw), language, "secret")
            for subset in SUBSETS:
                name = make_name(draw, language, subset)
                yield _fill(_turn(forms.NAMES[language], index), name, language, "name", subset)
            nothing = _numbered(_turn(forms.NOTHING[language], index), draw)
            yield Labelled(nothing, (), language, None)
            near = _turn(forms.REFERENCES[language], index).replace("{}", make_near_miss(draw, language))
            yield Labelled(near, (), language, None)


def _turn(patterns: Sequence[str], index: int) -> str:
    return patterns[index % len(patterns)]


def _fill(pattern: str, value: str, language: Language, kind: PersonalType, subset: Subset = "") -> Labelled:
    before, _, after = pattern.partition("{}")
    span = Span(len(before), len(before) + len(value), kind)
    return Labelled(before + value + after, (span,), language, kind, subset)


def _numbered(pattern: str, draw: random.Random) -> str:
    """Replace each `#` by a digit."""
    return "".join(str(draw.randint(1, 9)) if character == "#" else character for character in pattern)


def make_name(draw: random.Random, language: Language, subset: Subset) -> str:
    """Draw a full name of which the detector lists one part or none."""
    listed = subset == "partly listed"
    if language == "zh":
        surname = draw.choice(sorted(words_zh.SURNAMES)) if listed else draw.choice(forms.RARE_SURNAMES_ZH)
        given = draw.choice(forms.GIVEN_CHARACTERS_ZH)
        if draw.random() < 0.8:
            second = sorted(words_zh.GIVEN_CHARACTERS) if listed else forms.GIVEN_CHARACTERS_ZH
            pair = [given, draw.choice(second)]
            draw.shuffle(pair)
            given = "".join(pair)
        return surname + given
    given, surname = draw.choice(forms.GIVEN_EN), draw.choice(forms.SURNAMES_EN)
    if listed and draw.random() < 0.5:
        surname = draw.choice(sorted(words_en.SURNAMES))
    elif listed:
        given = draw.choice(sorted(words_en.GIVEN_NAMES))
    middle = draw.choice("ABCDEFGHJKLMPRSTW") + ". " if draw.random() < 0.1 else ""
    return f"{given} {middle}{surname}"


def _digits(draw: random.Random, count: int) -> str:
    return "".join(str(draw.randint(0, 9)) for _ in range(count))


def make_phone(draw: random.Random, language: Language) -> str:
    if language == "zh":
        mobile = f"1{draw.choice('3589')}{_digits(draw, 9)}"
        landline = f"{draw.choice(['010', '021', '0571', '0755', '028'])}-{draw.randint(2, 8)}{_digits(draw, 7)}"
        spaced = f"{mobile[:3]} {mobile[3:7]} {mobile[7:]}"
        hyphened = f"{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}"
        return draw.choice([mobile, mobile, mobile, spaced, hyphened, f"+86 {mobile}", landline])
    area, exchange, line = (
        f"{draw.randint(2, 9)}{_digits(draw, 2)}",
        f"{draw.randint(2, 9)}{_digits(draw, 2)}",
        _digits(draw, 4),
    )
    british = f"07{draw.randint(3, 9)}{_digits(draw, 2)} {_digits(draw, 6)}"
    return draw.choice(
        [
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"{area}.{exchange}.{line}",
            f"+1 {area} {exchange} {line}",
            f"+1-{area}-{exchange}-{line}",
            british,
            f"+44 {british[1:]}",
            f"+49 30 {_digits(draw, 8)}",
        ]
    )


def make_email(draw: random.Random, language: Language) -> str:
    if language == "zh":
        user = draw.choice(
            [f"{draw.choice(forms.PINYIN)}{_digits(draw, 4)}", f"{draw.randint(1, 9)}{_digits(draw, 8)}"]
        )
        return f"{user}@{draw.choice(['qq.com', '163.com', 'lanchuan.com.cn', 'outlook.com'])}"
    given, surname = draw.choice(forms.GIVEN_EN).lower(), draw.choice(forms.SURNAMES_EN).lower()
    user = draw.choice(
        [f"{given}.{surname}", f"{given[0]}{surname}{_digits(draw, 2)}", f"{given}+news", f"{given}_{surname}"]
    )
    return f"{user}@{draw.choice(['gmail.com', 'harrowmere-clinic.org', 'mail.quillbrook.co.uk', 'pobox.io'])}"


def make_address(draw: random.Random, language: Language) -> str:
    if language == "zh":
        city, district = draw.choice(forms.CITIES_ZH), draw.choice(forms.DISTRICTS_ZH)
        road, number = draw.choice(forms.ROADS_ZH), draw.randint(1, 999)
        building = f"{draw.randint(1, 20)}{draw.choice(['栋', '幢', '号楼'])}"
        room = f"{building}{draw.randint(1, 6)}单元{draw.randint(1, 30)}0{draw.randint(1, 4)}室"
        estate = draw.choice(forms.ESTATES_ZH)
        return draw.choice(
            [
                f"{city}{district}{road}{number}号",
                f"{city}{district}{road}{number}号{room}",
                f"{city}{district}{road}{number}号{estate}{room}",
                f"{district}{road}{number}号{estate}{draw.randint(1, 20)}栋{draw.randint(1, 30)}0{draw.randint(1, 4)}",
                f"{city}{district}{estate}{room}",
                f"{city}{draw.choice(forms.VILLAGES_ZH)}{draw.randint(1, 90)}号",
            ]
        )
    street = f"{draw.randint(1, 2999)} {draw.choice(forms.STREETS_EN)} {draw.choice(forms.STREET_TYPES_EN)}"
    town = draw.choice(forms.TOWNS_EN)
    state = draw.choice(["OH", "TX", "OR", "MN", "GA", "VT"])
    flat = draw.choice([f"Apt {draw.randint(1, 40)}", f"Suite {draw.randint(100, 900)}", f"Unit {draw.randint(1, 9)}B"])
    return draw.choice(
        [
            street,
            f"{street}, {town}",
            f"{street}, {town}, {state} {draw.randint(10000, 99999)}",
            f"{street}, {flat}, {town}, {state} {draw.randint(10000, 99999)}",
            f"Flat {draw.randint(1, 60)}, {street}, {town} {draw.choice(['QB3 4XR', 'HM12 9TL', 'W1K 2AB'])}",
            f"PO Box {draw.randint(10, 9999)}, {town}, {state} {draw.randint(10000, 99999)}",
        ]
    )


def make_id_card(draw: random.Random, language: Language) -> str:
    """GB 11643: the weighted sum of all 18 characters, weights 2**(17-i) mod 11, is 1 mod 11; X is ten."""
    region = draw.choice(["110105", "310112", "440304", "510107", "330106", "420111"])
    birth = f"{draw.randint(1940, 2015)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}"
    body = f"{region}{birth}{draw.randint(1, 999):03}"
    rest = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body)) % 11
    whole = body + "0123456789X"[(1 - rest) % 11]
    return f"{whole[:6]} {whole[6:14]} {whole[14:]}" if draw.random() < 0.15 else whole


def make_card(draw: random.Random, language: Language) -> str:
    prefix, length = draw.choice(
        [("4", 16), ("52", 16), ("37", 15), ("6225", 16), ("6222", 19), ("6011", 16), ("2221", 16)]
    )
    body = prefix + _digits(draw, length - len(prefix) - 1)
    number = next(body + check for check in "0123456789" if _luhn_sum(body + check) % 10 == 0)
    grouping = " ".join(number[start : start + 4] for start in range(0, length, 4))
    if length == 15:
        grouping = f"{number[:4]} {number[4:10]} {number[10:]}"
    return draw.choice([number, grouping, grouping.replace(" ", "-")])


def _luhn_sum(number: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(number)):
        total += sum(divmod(int(digit) * (1 + place % 2), 10))
    return total


def make_iban(draw: random.Random, language: Language) -> str:
    country, letters, num_digits = draw.choice(
        [("DE", "", 18), ("FR", "", 23), ("GB", "QLBR", 14), ("NL", "HMRE", 10), ("ES", "", 20)]
    )
    account = letters + _digits(draw, num_digits)
    as_number = "".join(str(int(character, 36)) for character in account + country + "00")
    number = f"{country}{98 - int(as_number) % 97:02}{account}"
    return draw.choice([number, " ".join(number[start : start + 4] for start in range(0, len(number), 4))])


def make_ssn(draw: random.Random, language: Language) -> str:
    area = draw.choice([number for number in range(1, 900) if number != 666])
    return f"{area:03}-{draw.randint(1, 99):02}-{draw.randint(1, 9999):04}"


def make_bank_account(draw: random.Random, language: Language) -> str:
    if language == "zh":
        return draw.choice(
            [f"{draw.randint(1, 9)}{_digits(draw, 16)}", f"1{_digits(draw, 11)}", f"31050{_digits(draw, 12)}"]
        )
    return draw.choice(
        [_digits(draw, 8), _digits(draw, 10), _digits(draw, 12), f"{_digits(draw, 4)} {_digits(draw, 4)}"]
    )


def make_ip(draw: random.Random, language: Language) -> str:
    four = f"{draw.choice([n for n in range(1, 224) if n != 127])}." + ".".join(
        str(draw.randint(0, 255)) for _ in range(3)
    )
    groups = [f"{draw.randint(1, 0xFFFF):x}" for _ in range(8)]
    return draw.choice(
        [
            four,
            four,
            ":".join(["2001", *groups[1:]]),
            f"2400:{groups[1]}::{groups[2]}",
            f"fe80::{groups[3]}:{groups[4]}",
        ]
    )


def make_birth_date(draw: random.Random, language: Language) -> str:
    year, month, day = draw.randint(1935, 2012), draw.randint(1, 12), draw.randint(1, 28)
    if language == "zh":
        return draw.choice(
            [
                f"{year}年{month}月{day}日",
                f"{year}-{month:02}-{day:02}",
                f"{year}.{month}.{day}",
                f"{year}/{month}/{day}",
            ]
        )
    name = forms.MONTHS[month - 1]
    return draw.choice(
        [
            f"{name} {day}, {year}",
            f"{day} {name} {year}",
            f"{month:02}/{day:02}/{year}",
            f"{year}-{month:02}-{day:02}",
            f"{name[:3]} {day} {year}",
        ]
    )


def make_secret(draw: random.Random, language: Language) -> str:
    def token(count: int, alphabet: str = forms.ALPHABET) -> str:
        return "".join(draw.choice(alphabet) for _ in range(count))

    return draw.choice(
        [
            f"sk-{token(40)}",
            f"ghp_{token(36)}",
            f"AKIA{token(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}",
            f"hf_{token(34)}",
            f"AIza{token(35)}",
            f"xoxb-{_digits(draw, 11)}-{token(24)}",
            f"eyJ{token(30)}.eyJ{token(60)}.{token(43)}",
            f"-----BEGIN PRIVATE KEY-----\n{token(64)}\n{token(64)}\n-----END PRIVATE KEY-----",
        ]
    )


def make_password(draw: random.Random) -> str:
    word = draw.choice(["Maple", "turnip", "Zephyr", "lantern"])
    return f"{word}{draw.choice('!#%&')}{_digits(draw, draw.randint(2, 4))}"


def make_near_miss(draw: random.Random, language: Language) -> str:
    """A number like an identity card, payment card or SSN with one digit changed, so that its check fails."""
    maker = draw.choice([make_id_card, make_card])
    while not (number := maker(draw, language))[-1].isdecimal():
        pass
    return number[:-1] + str((int(number[-1]) + draw.randint(1, 9)) % 10)


MAKERS: Final[Mapping[PersonalType, Callable[[random.Random, Language], str]]] = {
    "phone": make_phone,
    "email": make_email,
    "address": make_address,
    "id-card": make_id_card,
    "card": make_card,
    "iban": make_iban,
    "ssn": make_ssn,
    "bank-account": make_bank_account,
    "ip": make_ip,
    "birth-date": make_birth_date,
    "secret": make_secret,
}

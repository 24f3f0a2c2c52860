"""Surrogates: drawn by the key alone, of the same type, never the value."""

from __future__ import annotations

import re

import pytest

from tunesmith.text.personal import PersonalType, find_personal
from tunesmith.text.personal.checksums import is_card, is_chinese_id, is_iban, is_ssn
from tunesmith.text.personal.pseudonyms import pseudonymised
from tunesmith.text.personal.surrogates import surrogate

KEY, OTHER = b"k" * 32, b"o" * 32
VALUES: dict[str, tuple[PersonalType, str]] = {
    "My name is {}.": ("name", "Brunhilda Okwuosa"),
    "我叫{}。": ("name", "田慧敏"),
    "Call {} now": ("phone", "(212) 555-0134"),
    "Call {}.": ("phone", "+44 7700 900123"),
    "电话{}": ("phone", "13812345678"),
    "座机{}": ("phone", "010-62345678"),
    "write {} now": ("email", "b.okwuosa@mail.com"),
    "ship to {}": ("address", "12 Copper Beech Lane, Quillbrook"),
    "住在{}": ("address", "澜川市云栖区梧桐北路12号3幢501室"),
    "ID {}": ("id-card", "11010519491231002X"),
    "paid {}": ("card", "4111-1111-1111-1111"),
    "to {} please": ("iban", "GB82 WEST 1234 5698 7654 32"),
    "account number {}": ("bank-account", "12345678"),
    "from {}": ("ip", "203.0.113.9"),
    "host {}": ("ip", "2001:db8::8a2e:370:7334"),
    "born {}": ("birth-date", "May 5, 1985"),
    "出生日期：{}": ("birth-date", "1985年5月12日"),
    "生日{}": ("birth-date", "19850512"),
    "it is {}": ("secret", "ghp_" + "aB3" * 12),
}


@pytest.mark.parametrize("pattern", VALUES)
def test_a_surrogate_is_found_as_what_it_stands_for(pattern: str) -> None:
    kind, value = VALUES[pattern]
    for index in range(20):
        made = surrogate(value, kind, bytes([index]) * 32)
        assert made != value
        text = pattern.replace("{}", made)
        assert [(span.type, text[span.start : span.stop]) for span in find_personal(text)] == [(kind, made)]


def test_the_key_decides() -> None:
    for kind, value in VALUES.values():
        assert surrogate(value, kind, KEY) == surrogate(value, kind, KEY)
    assert sum(surrogate(value, kind, KEY) != surrogate(value, kind, OTHER) for kind, value in VALUES.values()) >= 18


def test_one_number_has_one_surrogate_in_every_grouping() -> None:
    plain = surrogate("4111111111111111", "card", KEY)
    assert surrogate("4111 1111 1111 1111", "card", KEY) == " ".join(re.findall("....", plain))
    assert surrogate("A@B.example", "email", KEY) == surrogate("a@b.example", "email", KEY)


def test_check_digits_are_right() -> None:
    for index in range(50):
        key = bytes([index]) * 32
        assert is_chinese_id(surrogate("11010519491231002X", "id-card", key))
        assert is_card(surrogate("378282246310005", "card", key))
        assert is_iban(surrogate("FR1420041010050500013M02606", "iban", key))
        assert not is_ssn(surrogate("078-05-1120", "ssn", key).replace("-", ""))


def test_surrogates_spread() -> None:
    names = {surrogate(f"Person Number{index}", "name", KEY) for index in range(300)}
    assert len(names) > 290


def test_the_sex_that_a_first_name_shows_is_kept() -> None:
    from tunesmith.text.personal.words_en import FEMALE_NAMES, MALE_NAMES

    assert all(surrogate("Maria Keller", "name", bytes([i])).split()[0] in FEMALE_NAMES for i in range(20))
    assert all(surrogate("Peter Keller", "name", bytes([i])).split()[0] in MALE_NAMES for i in range(20))


def test_the_frame_of_a_key_block_stays() -> None:
    block = "-----BEGIN PRIVATE KEY-----\nMIIBVAIB\n-----END PRIVATE KEY-----"
    made = surrogate(block, "secret", KEY).split("\n")
    assert (made[0], made[2]) == ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----")
    assert made[1] != "MIIBVAIB"


def test_full_width_values_get_the_surrogates_of_their_ascii_forms() -> None:
    wide = {ord("!") + place: ord("！") + place for place in range(94) if chr(ord("!") + place) not in ",:"}
    for kind, value in VALUES.values():
        if value.isascii() and kind not in ("name", "address"):
            assert surrogate(value.translate(wide), kind, KEY) == surrogate(value, kind, KEY)


@pytest.mark.parametrize(
    "text",
    [
        "Name: ______  Password: ________",
        "postgres://user:***@db.example.com/sales",
        "password=########",
        "-----BEGIN PRIVATE KEY-----\n...\n...\n...\n...\n-----END PRIVATE KEY-----",
    ],
)
def test_a_password_that_is_not_shown_is_none(text: str) -> None:
    assert find_personal(text) == []


@pytest.mark.parametrize("value", ["密码很难猜", "sk-___________________", "abc-_________", "²²²²", "٣٤٥٦"])
def test_a_secret_of_any_characters_gets_another(value: str) -> None:
    assert surrogate(value, "secret", KEY) != value


def test_a_person_stays_one_person_in_later_mentions() -> None:
    (new,) = pseudonymised(["我是欧阳雪松。欧阳先生，雪松到了。"], KEY)
    whole = surrogate("欧阳雪松", "name", KEY)
    assert new == f"我是{whole}。{whole[0]}先生，{whole[1:]}到了。"
    first, second = pseudonymised(["我叫张伟。", "张先生，这一张纸是给您的。"], KEY)
    assert second == f"{first[2]}先生，这一张纸是给您的。"
    (new,) = pseudonymised(["客户玛丽亚·凯勒来电，玛丽亚明天再来。"], KEY)
    whole = surrogate("玛丽亚·凯勒", "name", KEY)
    assert new == f"客户{whole}来电，{whole.split('·')[0]}明天再来。"


def test_a_person_is_the_same_in_traditional_characters() -> None:
    assert surrogate("張偉", "name", KEY) == surrogate("张伟", "name", KEY)
    (new,) = pseudonymised(["我是歐陽雪松。歐陽先生到了。"], KEY)
    whole = surrogate("欧阳雪松", "name", KEY)
    assert new == f"我是{whole}。{whole[0]}先生到了。"

import hashlib

import pytest

from tunesmith.text.normalise import fingerprint, normalise_answer


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris.", "  paris "),
        ("「北京」。", "北京"),
        ("答案：北京！", "答案:北京"),
        ("1,234.0", "１２３４"),
        ("1234.", "1,234"),
        ("0.50", ".5"),
        ("-.50", "\N{MINUS SIGN}0.5"),
        ("**Refund Not Showing Up**", "refund not\n showing\tup"),
        ("好的～", "好的"),
        ("Straße", "STRASSE"),
        ("costs 1,234,567.00 yuan", "costs 1234567 yuan"),
        ("(42)", "42"),
        ("ＡＢＣ", "abc"),
    ],
)
def test_equal_answers(one: str, other: str) -> None:
    assert normalise_answer(one) == normalise_answer(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-5", "5"),
        ("0.5", "5"),
        (".5", "5"),
        ("50%", "50"),
        ("C#", "C"),
        ("Python 3.10", "Python 3.1"),
        ("1.0.0", "1.0"),
        ("1.20.0", "1.2"),
        ("1,2", "12"),
        ("1,23", "123"),
        ("12.05", "12.5"),
        ("100", "1"),
        ("?", "!"),
        ("", "?"),
        ("北京", "东京"),
        ("re-sign", "resign"),
    ],
)
def test_different_answers(one: str, other: str) -> None:
    assert normalise_answer(one) != normalise_answer(other)


@pytest.mark.parametrize("text", ["1,234.0", "“Hello,  World!”", "-.50", "...", "ǰ. ", "3.10", "5~"])
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise_answer(text)
    assert normalise_answer(once) == once


def test_fingerprint_is_sha256_of_the_folded_text() -> None:
    assert fingerprint("  Hello\n\u3000WORLD ") == hashlib.sha256(b"hello world").hexdigest()[:32]


@pytest.mark.parametrize(
    "spaced",
    [
        "知更鸟 手机，你好",
        "知更鸟手机， 你好",
        "知更鸟手机 ，你好",
        "知 更 鸟 手 机 , 你\n好",
        "\u3000知更鸟手机，\u3000你好 ",
    ],
)
def test_white_space_next_to_chinese_does_not_count(spaced: str) -> None:
    assert fingerprint(spaced) == fingerprint("知更鸟手机，你好")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("支持 iPhone 15 吗？", "支持iPhone 15吗?"),
        ("支持 iPhone， iPad 。", "支持iPhone,iPad。"),
        ("「好」 「吗」", "「好」「吗」"),
        ("user \0 退货。\n \0 user", "user\0退货。\0user"),
        ("コーヒー 2 杯", "コーヒー2杯"),
        ("Hello，  world", "hello, World"),
    ],
)
def test_equal_fingerprints(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("支持 iPhone 15 吗", "支持 iPhone15 吗"),
        ("log in", "login"),
        ("1 , 2", "1,2"),
        ("우리 집", "우리집"),
        ("你 好", "你 不好"),
    ],
)
def test_white_space_between_other_words_counts(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_fingerprint_keeps_punctuation_and_takes_any_string() -> None:
    assert fingerprint("好吗") != fingerprint("好吗?")
    assert fingerprint("好吗？") == fingerprint("好吗?")
    assert len(fingerprint("\ud800")) == 32

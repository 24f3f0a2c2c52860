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


def test_fingerprint_keeps_punctuation_and_takes_any_string() -> None:
    assert fingerprint("好吗") != fingerprint("好吗?")
    assert fingerprint("好吗？") == fingerprint("好吗?")
    assert len(fingerprint("\ud800")) == 32

"""Every form of a word is found, whatever stands around it; other people's words are not."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import unicodedata
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.text.needles import Needles, holding, is_long_enough, stands_alone

WORDS = ("Maria Keller", "maria.keller+shop@example.org", "李小娜", "+49 170 1234567", 'Jan "Bär" <b&b>')


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_found_in_every_form(word: str) -> None:
    needles = Needles((word,))
    plain = word.encode()
    written = {
        "raw": plain,
        "json": json.dumps({"a": f"x{word}y"}).encode(),
        "json of json": json.dumps({"a": json.dumps({"b": f"x{word}y"})}).encode(),
        "json in capitals": re.sub(r"\\u....", lambda each: f"\\u{each[0][2:].upper()}", json.dumps(word)).encode(),
        "json as it is": json.dumps([word], ensure_ascii=False).encode(),
        "url": quote(f"x{word}y", safe="").encode(),
        "url in a path": f"/find?q={quote(word)}".encode(),
        "form": quote_plus(f"x{word}y").encode(),
        "html": html.escape(f"<{word}>").encode(),
        "gbk": f"x{word}y".encode("gb18030"),
    }
    missed = [name for name, content in written.items() if needles.found_in(b"before" + content + b"after") is None]
    assert not missed


@pytest.mark.parametrize("word", ["José Müller", "서울시청", "ガリレオ"])
def test_an_accent_apart_from_its_letter_is_the_same_word(word: str) -> None:
    for asked, there in (("NFC", "NFD"), ("NFD", "NFC")):
        needles = Needles((unicodedata.normalize(asked, word),))
        written = unicodedata.normalize(there, f"before {word} after")
        assert needles.found_in(written.encode()) == "unicode"
        assert needles.found_in(json.dumps(written).encode()) == "json"
        assert needles.found_in(base64.b64encode(written.encode())) == "base64"


@pytest.mark.parametrize(("simple", "traditional"), [("张伟明", "張偉明"), ("台北市罗斯福路", "臺北市羅斯福路")])
def test_a_name_in_the_other_script_is_the_same_name(simple: str, traditional: str) -> None:
    for asked, there in ((simple, traditional), (traditional, simple)):
        needles = Needles((asked,))
        assert needles.found_in(f"before {there} after".encode()) == "script"
        assert needles.found_in(f"before {asked} after".encode()) == "raw"
        assert needles.found_in(json.dumps({"a": there}).encode()) == "json"
        assert needles.found_in(base64.b64encode(there.encode())) == "base64"
    assert Needles((f"{simple}\udc80",)).found_in(simple.encode()) is None


@pytest.mark.thorough
@given(st.binary(max_size=40), st.sampled_from(WORDS), st.binary(max_size=40))
def test_base64_is_found_at_every_alignment(before: bytes, word: str, after: bytes) -> None:
    content = before + word.encode() + after
    for encoded in (base64.b64encode(content), base64.urlsafe_b64encode(content)):
        assert Needles((word,)).found_in(b"x: " + encoded) is not None


@given(st.binary(max_size=2000))
def test_nothing_is_found_by_chance(content: bytes) -> None:
    needles = Needles(WORDS, {"ex-" + "ab12" * 6, "0123456789abcdef"})
    assert needles.found_in(base64.b64encode(content)) is None
    assert needles.found_in(json.dumps(content.decode("latin-1")).encode()) is None


def test_ids_are_found_among_other_digits() -> None:
    needles = Needles((), {"ex-0123456789abcdef01234567", "fedcba9876543210"})
    assert needles.found_in(b"\x00fedcba9876543210\n") == "id"
    assert needles.found_in(b"af" * 5 + b"fedcba98765432100") == "id"
    assert needles.found_in(b'"exchange": "ex-0123456789abcdef01234567"') == "id"
    assert needles.found_in(b"ex-0123456789abcdef0123456 fedcba987654321") is None


@pytest.mark.parametrize("at", [0, 3, 2**22 - 4, 2**22, 2**22 + 1, 2**23 - 5])
def test_a_file_is_searched_across_its_blocks(tmp_path: Path, at: int) -> None:
    file, empty = tmp_path / "large", tmp_path / "empty"
    empty.touch()
    content = bytearray(b"." * (2**23 + 100))
    content[at : at + 12] = b"Maria Keller"
    file.write_bytes(content)
    assert holding([empty, file], Needles(("Maria Keller",))) == {file: "raw"}


def test_long_words_only() -> None:
    assert [word for word in ("Ann", "Keller", "李", "李娜", os.sep * 5) if is_long_enough(word)] == ["Keller", "李娜"]


@pytest.mark.parametrize(
    ("word", "text", "alone"),
    [
        ("Keller", "Frau Keller, bitte", True),
        ("Keller", "Frau Kellermann", False),
        ("Keller", "Weinkeller und Kellermann, Keller", True),
        ("Keller", "der WeinKeller", False),
        ("Keller", "Keller", True),
        ("Keller", "李Keller的", True),
        ("李小娜", "我是李小娜吗", True),
        ("+49 170 1234567", "Call +49 170 1234567.", True),
        ("+49 170 1234567", "Call +49 170 12345678.", False),
        ("Keller", "nobody", False),
    ],
)
def test_a_word_inside_of_a_longer_one_is_told_from_itself(word: str, text: str, alone: bool) -> None:
    assert stands_alone(word, text) is alone

"""One script read as the other, character for character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.text.traditional import in_both_scripts, simplified


@pytest.mark.parametrize(
    ("traditional", "plain"),
    [
        ("並非退款，您提供的資料已經過期", "并非退款，您提供的资料已经过期"),
        ("佔用脫離繼續懶慘鈔鑽褲", "占用脱离继续懒惨钞钻裤"),
        ("檯燈、颱風、臺灣、台北", "台灯、台风、台湾、台北"),
        ("頭髮發現，裡裏里，乾淨幹部", "头发发现，里里里，干净干部"),
        ("iPhone 15 無法開機 😀", "iPhone 15 无法开机 😀"),
        ("\uf90a", "金"),
        ("我們不說台語嗎？", "我们不说台语吗？"),
        ("カタカナ 한국어 Straße", "カタカナ 한국어 Straße"),
    ],
)
def test_by_hand(traditional: str, plain: str) -> None:
    assert simplified(traditional) == plain
    assert simplified(plain) == plain


@given(st.text(st.one_of(st.characters(), st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF))))
def test_places_stay_what_they_are(text: str) -> None:
    new = simplified(text)
    assert len(new) == len(text)
    assert [simplified(character) for character in text] == list(new)


def frequent(encoding: str, leads: range) -> list[str]:
    """The characters of the rows of a double-byte encoding that hold those in frequent use."""
    pairs = (bytes([lead, trail]) for lead in leads for trail in range(0x40, 0xFF))
    return [character for pair in pairs if (character := pair.decode(encoding, "ignore")) > "\x7f"]


def test_what_the_mainland_writes_stays_and_what_taiwan_writes_becomes_it() -> None:
    """GB 2312, of 1980, holds simplified characters only; its first rows the 3,755 most frequent ones, as those of
    Big5 hold the 5,401 most frequent ones of Taiwan."""
    mainland, taiwan = frequent("gb2312", range(0xB0, 0xD8)), frequent("big5", range(0xA4, 0xC7))
    assert len(mainland) == 3_755
    assert [character for character in mainland if simplified(character) != character] == ["乾"]
    known = [bool(character.encode("gb2312", "ignore")) for character in taiwan]
    then_known = [bool(simplified(character).encode("gb2312", "ignore")) for character in taiwan]
    assert sum(known) < 0.65 * len(taiwan)
    assert sum(then_known) > 0.95 * len(taiwan)
    assert all(then for now, then in zip(known, then_known, strict=True) if now)


def test_a_word_in_both_scripts() -> None:
    assert in_both_scripts("Maria") == ["Maria"]
    assert in_both_scripts("小明") == ["小明"]
    assert in_both_scripts("头发") == ["头发", "頭髮"]
    assert in_both_scripts("里长") == ["里长", "里長"]
    assert in_both_scripts("裏面") == ["裏面", "里面", "裡面"]
    assert in_both_scripts("\udcff张") == ["\udcff张"]

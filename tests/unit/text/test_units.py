"""Words and their places, English and Chinese."""

from __future__ import annotations

from tunesmith.text.counterfactual import genders_named
from tunesmith.text.units import unit_spans


def said(text: str) -> list[str]:
    return [text[start:stop] for start, stop in unit_spans(text)]


def test_words_of_both_languages_have_their_places() -> None:
    assert said("Don't pay 3.14 now, well-known!") == ["Don't", "pay", "3.14", "now", "well-known"]
    assert said("我的包裹在哪里？") == ["我", "的", "包裹", "在", "哪里"]
    assert said("iPhone 15 无法开机!") == ["iPhone", "15", "无法", "开机"]
    assert said("  … ") == []
    text = "他说 hello，然后走了。"
    assert all(text[start:stop].strip() for start, stop in unit_spans(text))
    assert [start for start, _ in unit_spans(text)] == sorted(start for start, _ in unit_spans(text))


def test_the_gender_that_texts_speak_of() -> None:
    assert genders_named(["Her parcel is late"]) == {"female"}
    assert genders_named(["My husband lost his card"]) == {"male"}
    assert genders_named(["我先生的卡丢了"]) == {"male"}
    assert genders_named(["王女士的包裹", "她在等"]) == {"female"}
    assert genders_named(["女，30 岁"]) == {"female"}
    assert genders_named(["his and hers"]) == {"female", "male"}
    assert genders_named(["其他问题", "the card is lost"]) == frozenset()

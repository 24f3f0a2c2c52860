import pytest

from tunesmith.text.language import language_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My card hasn't arrived yet.", "en"),
        ("请问我的银行卡什么时候能到？", "zh"),
        ("我的 iPhone 连不上 WiFi", "zh"),  # 6 Han, 2 Latin: 0.75
        ("α-synuclein aggregates in neurons of the patient", "en"),
        ("Please explain 量化 and 剪枝 to me", "mixed"),  # 4 Han, 5 Latin
        ("カードがまだ届きません", "other"),
        ("Когда придёт карта?", "other"),
        ("카드가 아직 안 왔어요", "other"),
        ("12 + 5 = ?", "other"),
        ("", "other"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "en"),
    ],
)
def test_language(text: str, expected: str) -> None:
    assert language_of(text) == expected


def test_thresholds_are_where_the_table_says() -> None:
    assert language_of("汉" * 7 + " a b c") == "zh"
    assert language_of("汉" * 69 + " a" * 31) == "mixed"
    assert language_of("汉" * 3 + " a" * 7) == "en"
    assert language_of("汉" * 8 + " ж ж") == "other"
    assert language_of("汉" * 81 + " ж" * 19) == "zh"

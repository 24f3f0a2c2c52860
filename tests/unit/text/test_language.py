import pytest

from tunesmith.text.language import chinese_share, identify_language, language_of


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How long does my card take to arrive?", "en"),
        ("HOW DO I LOCATE MY CARD?", "en"),
        ("My card\nhas not arrived", "en"),
        ("hello", "en"),
        ("OK", "en"),
        ("lost_card", "en"),
        ("def f(x): return x + 1", "en"),
        ("Wo ist meine Karte? Ich habe sie verloren.", "other"),
        ("¿Dónde está mi tarjeta?", "other"),
        ("Je n'ai pas reçu mon virement", "other"),
        ("Thẻ của tôi bị mất", "other"),
        ("请问我的银行卡什么时候能到？", "zh"),
        ("Please explain 量化 and 剪枝 to me", "mixed"),
        ("Когда придёт карта?", "other"),
        ("", "other"),
    ],
)
def test_other_languages_in_latin_script_are_told_from_english(text: str, expected: str) -> None:
    assert identify_language(text) == expected


def test_share_of_chinese() -> None:
    assert chinese_share("我的 iPhone 连不上 WiFi") == 5 / 7
    assert chinese_share("Please explain 量化 and 剪枝 to me") == 4 / 9
    assert [chinese_share(text) for text in ("只有中文", "only English", "12 + 5", "")] == [1.0, 0.0, 0.0, 0.0]

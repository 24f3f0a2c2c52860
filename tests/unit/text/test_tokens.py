import random
import string

import pytest

from tunesmith.text.tokens import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("iPhone 15无法开机！", ["iphone", "15", "无", "法", "开", "机"]),
        ("ＧＰＵ显存24GB，够吗？", ["gpu", "显", "存", "24gb", "够", "吗"]),
        ("时时々〇", ["时", "时", "々", "〇"]),
        ("カメラです", ["カ", "メ", "ラ", "で", "す"]),
        ("𠮷野家", ["𠮷", "野", "家"]),
        ("Café naïve", ["café", "naïve"]),
        ("Привет мир", ["привет", "мир"]),
        ("snake_case 3.14", ["snake", "case", "3", "14"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.thorough
def test_ascii_units_are_those_of_rouge_score() -> None:
    from rouge_score.tokenizers import DefaultTokenizer  # with it comes all of nltk

    tokenizer = DefaultTokenizer(use_stemmer=False)
    rng = random.Random(3)
    for _ in range(300):
        text = "".join(rng.choices(string.printable, k=80))
        assert words(text) == tokenizer.tokenize(text)

import random

import pytest
from least_time import least_seconds

from tunesmith.metrics.answers import exact_match, numeric_match, rouge_l, token_f1, well_formed_thinking
from tunesmith.text.tokens import words


def longest_common_subsequence(first: list[str], second: list[str]) -> int:
    """The textbook table, row by row."""
    above = [0] * (len(second) + 1)
    for one in first:
        row = [0]
        for other, corner, upper in zip(second, above, above[1:], strict=False):
            row.append(corner + 1 if one == other else max(upper, row[-1]))
        above = row
    return above[-1]


def random_words(rng: random.Random, most: int, alphabet: str = "abcdefg好坏吗呢") -> str:
    return " ".join(rng.choices(alphabet, k=rng.randint(0, most)))


def test_exact_match() -> None:
    assert exact_match("Paris.", ["Lyon", "paris"]) == 1.0
    assert exact_match("在巴黎", ["巴黎"]) == 0.0
    assert exact_match("１，２３４。", "1234") == 1.0
    assert exact_match("a", "abc") == 0.0  # a lone reference is not the list of its letters
    with pytest.raises(ValueError, match="at least one reference"):
        exact_match("a", [])


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("3 + 4 = 7, so the answer is 7.", "7", 1.0),
        ("The answer is 1,234,567.50 dollars", "1234567.5", 1.0),
        ("#### 42", "42", 1.0),
        ("答案是４２。", "42", 1.0),
        ("一共3.5万元", "35000", 1.0),
        ("总额为2万亿", "2000亿", 0.0),
        ("总额为2万亿", "20000亿", 1.0),
        ("1.2 million people", "1,200,000", 1.0),
        ("约1.2 million人", "1,200,000", 1.0),
        ("共5千万元", "50000000", 1.0),
        ("共5千万元", "5", 0.0),
        ("3万5千", "35000", 1.0),
        ("3万5千元", "5", 0.0),
        ("1亿2千万", "120000000", 1.0),
        ("营收为１亿２千万元。", "120,000,000", 1.0),
        ("1亿2千万", "20000000", 0.0),
        ("2.5亿", "250000000", 1.0),
        ("12亿3456万", "1234560000", 1.0),
        ("2亿5千万3千", "250003000", 1.0),
        ("1亿零2百万", "102000000", 1.0),
        ("亏损-3万5千元", "-35000", 1.0),
        ("3千5百人", "3500", 1.0),
        ("3万4万", "40000", 1.0),  # two numbers
        ("3万人，5千元", "5000", 1.0),
        ("一亿二千万", "120000000", 0.0),  # numerals without any digit are not read
        ("5百分之", "5", 1.0),
        ("３百万人", "3 million", 1.0),
        ("市值2.5千亿", "2500亿", 1.0),
        ("重5千克", "5", 1.0),
        ("5 millionth", "5", 1.0),
        ("\N{MINUS SIGN}5", "-5", 1.0),
        ("温度是-5度", "-5", 1.0),
        ("between 3-5", "5", 1.0),
        ("f(3)-5", "5", 1.0),
        ("1, 2,3", "3", 1.0),
        ("分别是100，200", "200", 1.0),
        ("50%", "50", 1.0),
        ("6.02e23", "6.02E+23", 1.0),
        (".5", "0.50", 1.0),
        ("version 1.2.3", "1.2", 1.0),
        ("5 mg of B12", "5", 1.0),
        ("3.14", "3.15", 0.0),
        ("no number", "7", 0.0),
        ("7", "no number", 0.0),
        ("-7", "7", 0.0),
        ("0.1", "0", 0.0),
        ("about 1e80 atoms", "1e80", 1.0),
        ("1e999", "1e999", 0.0),  # none that can be compared
    ],
)
def test_numeric_match(prediction: str, reference: str, expected: float) -> None:
    assert numeric_match(prediction, [reference]) == expected


def test_numeric_match_tolerance_and_several_references() -> None:
    assert numeric_match("about 3.14", "3.1416") == 0.0
    assert numeric_match("about 3.14", "3.1416", relative_tolerance=1e-3) == 1.0
    assert numeric_match("9", ["7", "none", "9.0"]) == 1.0


def test_token_f1() -> None:
    # Shared: the, cat, once each: 2 * 2 / (3 + 4).
    assert token_f1("the the cat", "the cat sat down") == pytest.approx(4 / 7)
    assert token_f1("银行卡丢了", ["卡丢了吗", "不知道"]) == pytest.approx(6 / 9)
    assert (token_f1("", ""), token_f1("", "a"), token_f1("a", "")) == (1.0, 0.0, 0.0)


@pytest.mark.thorough
def test_rouge_l_equals_rouge_score_on_english() -> None:
    from rouge_score.rouge_scorer import RougeScorer  # with it comes all of nltk

    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    rng = random.Random(1)
    vocabulary = ["The", "cat", "sat,", "on-the", "mat!", "it's", "3.5", "km", "away_now"]
    for _ in range(200):
        prediction, reference = (" ".join(rng.choices(vocabulary, k=rng.randint(0, 70))) for _ in range(2))
        expected = scorer.score(reference, prediction)["rougeL"].fmeasure
        assert rouge_l(prediction, reference) == pytest.approx(expected, abs=1e-12)


def test_rouge_l_equals_the_table() -> None:
    rng = random.Random(2)
    for _ in range(150):
        prediction, reference = random_words(rng, 150), random_words(rng, 150)
        first, second = words(prediction), words(reference)
        shared = longest_common_subsequence(first, second)
        expected = 2 * shared / (len(first) + len(second)) if shared else 0.0
        assert rouge_l(prediction, reference) == pytest.approx(expected, abs=1e-15)


def test_rouge_l_on_chinese_by_hand() -> None:
    # 银行卡 丢 了 | 我 银行 的 卡 丢: shared 银 行 卡 丢; precision 4/5, recall 4/6.
    precision, recall = 4 / 5, 4 / 6
    assert rouge_l("银行卡丢了。", "我银行的卡丢") == pytest.approx(2 * precision * recall / (precision + recall))
    # Mixed: gpu 显 存 24gb 不 足 | gpu 显 存 不 够: shared gpu 显 存 不.
    assert rouge_l("GPU显存24GB不足", "ＧＰＵ显存不够") == pytest.approx(2 * 4 / 11)
    assert rouge_l("今天", "今天！") == 1.0
    assert rouge_l("今天", "明日") == 0.0
    assert rouge_l("。", "。") == 0.0


def test_rouge_l_is_fast() -> None:
    rng = random.Random(3)
    texts = [" ".join(f"w{rng.randint(0, 80)}" for _ in range(60)) for _ in range(2_000)]
    assert least_seconds(lambda: list(map(rouge_l, texts[:1_000], texts[1_000:])), 0.5) < 0.5


@pytest.mark.parametrize(
    ("raw", "closed", "closed_prefilled"),
    [
        ("<think>a</think>b", True, True),
        ("\n<think>\n\n</think>\n\nb", True, True),
        ("a</think>b", False, True),
        ("</think>b", False, True),
        ("<think>a", False, False),
        ("a", False, False),
        ("", False, False),
        ("<think>a</think>b</think>", False, False),
        ("<think>a</think><think>b</think>", False, False),
        ("<think>a<think>b</think>", False, False),
        ("a<think>b</think>", False, False),
        ("</think>a<think>", False, False),
        ("<Think>a</Think>b", False, False),
    ],
)
def test_well_formed_thinking(raw: str, closed: bool, closed_prefilled: bool) -> None:
    assert well_formed_thinking(raw) is closed
    assert well_formed_thinking(raw, prefilled=True) is closed_prefilled

"""BLEU, chrF and ROUGE against their formulas written out, and ROUGE against rouge-score on characters."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from tunesmith.metrics.answers import rouge_l, rouge_n
from tunesmith.metrics.case import Case
from tunesmith.metrics.overlap import bleu_statistic, chrf_statistic, tokenizer_of
from tunesmith.text.tokens import words

ENGLISH = [
    ("the cat sat on the mat today", "the cat sat on the mat yesterday"),
    ("a dog ran over the green hill", "the dog ran fast over the green hill"),
    ("nothing here is the same at all", "we saw the sea and the sky"),
]
CHINESE = [
    ("今天天气很好我们去公园", "今天的天气很好我们去公园吧"),
    ("信用卡的年费是多少元", "信用卡年费多少元"),
    ("你好", "您好请问有什么可以帮您"),
]


def cases(pairs: Sequence[tuple[str, str]]) -> list[Case]:
    return [Case((), answer, (reference,)) for answer, reference in pairs]


def runs(units: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(units[i : i + order]) for i in range(len(units) - order + 1))


def written_bleu(pairs: Sequence[tuple[list[str], list[str]]]) -> float:
    """Papineni et al. 2002 over units; an order without a match counts half of the one before (exponential)."""
    num_said, num_wanted = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
    logs, halving = 0.0, 1.0
    for order in range(1, 5):
        matches = sum((runs(said, order) & runs(wanted, order)).total() for said, wanted in pairs)
        total = sum(runs(said, order).total() for said, _ in pairs)
        if not matches:
            halving *= 2
        logs += math.log(matches / total if matches else 1 / (halving * total)) / 4
    return 100 * min(1.0, math.exp(1 - num_wanted / num_said)) * math.exp(logs)


def written_chrf(pairs: Sequence[tuple[str, str]]) -> float:
    """Popović 2015 with beta 2: the mean precision and recall over orders of characters without spaces."""
    pairs = [tuple("".join(text.split()) for text in pair) for pair in pairs]  # type: ignore[misc]
    precisions, recalls = [], []
    for order in range(1, 7):
        shared = sum((runs(said, order) & runs(wanted, order)).total() for said, wanted in pairs)
        num_said, num_wanted = (sum(runs(pair[side], order).total() for pair in pairs) for side in (0, 1))
        precisions.append(shared / num_said)
        recalls.append(shared / num_wanted)
    precision, recall = np.mean(precisions), np.mean(recalls)
    return float(100 * 5 * precision * recall / (4 * precision + recall))


@pytest.mark.parametrize("chosen", [[0, 1, 2], [0], [1, 1, 2], [2, 0]])
def test_bleu_is_its_formula_in_either_language_and_in_both(chosen: list[int]) -> None:
    for pairs, split in ((ENGLISH, str.split), (CHINESE, list)):
        expected = written_bleu([(split(pairs[i][0]), split(pairs[i][1])) for i in chosen])
        assert bleu_statistic(cases(pairs))(np.array(chosen)) == pytest.approx(expected, abs=1e-9)
    units = [(said.split(), wanted.split()) for said, wanted in ENGLISH]
    units += [(list(said), list(wanted)) for said, wanted in CHINESE]
    both = [*chosen, *(3 + place for place in chosen)]
    mixed = bleu_statistic(cases([*ENGLISH, *CHINESE]))(np.array(both))
    assert mixed == pytest.approx(written_bleu([units[i] for i in both]), abs=1e-9)


def test_the_tokenizer_follows_the_reference() -> None:
    assert [tokenizer_of([text]) for text in ("hello", "你好", "用 Python 写 the code", "こんにちは")] == [
        "13a",
        "zh",
        "zh",
        "13a",
    ]
    # an English answer to a Chinese reference is parted by the Chinese rules, which leave its words whole
    answer = [Case((), "use GPU now 显存不足", ("GPU显存不足 use it",))]
    expected = written_bleu([(["use", "GPU", "now", *"显存不足"], ["GPU", *"显存不足", "use", "it"])])
    assert bleu_statistic(answer)(np.array([0])) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("chosen", [[0, 1, 2], [1], [0, 0, 2]])
def test_chrf_is_its_formula(chosen: list[int]) -> None:
    for pairs in (ENGLISH, CHINESE[:2] + ENGLISH[:1]):
        found = chrf_statistic(cases(pairs))(np.array(chosen))
        assert found == pytest.approx(written_chrf([pairs[i] for i in chosen]), abs=1e-9)


def test_the_best_of_several_references_counts() -> None:
    several = [Case((), "the cat sat on the mat", ("a dog ran over hills today", "the cat sat on the mat"))]
    for statistic in (bleu_statistic, chrf_statistic):
        assert statistic(several)(np.array([0])) == pytest.approx(100.0)


def test_nothing_in_common_and_nothing_said() -> None:
    for answer in ("", "ggg hhh"):
        for statistic in (bleu_statistic, chrf_statistic):
            assert statistic([Case((), answer, ("完全不同的参考",))])(np.array([0])) == 0.0


class Characters:
    """A tokenizer for rouge-score: words of Latin letters, other characters one by one."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


@pytest.mark.thorough
def test_rouge_equals_rouge_score_with_a_tokenizer_of_characters() -> None:
    from rouge_score.rouge_scorer import RougeScorer  # with it comes all of nltk

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Characters())
    rng = random.Random(4)
    for _ in range(200):
        said, wanted = ("".join(rng.choices("今天很好吗 the cat ", k=rng.randint(0, 40))) for _ in range(2))
        expected = {name: score.fmeasure for name, score in scorer.score(wanted, said).items()}
        assert rouge_n(said, wanted, 1) == pytest.approx(expected["rouge1"], abs=1e-12)
        assert rouge_n(said, wanted, 2) == pytest.approx(expected["rouge2"], abs=1e-12)
        assert rouge_l(said, wanted) == pytest.approx(expected["rougeL"], abs=1e-12)


def test_rouge_n_by_hand() -> None:
    # 银行 行卡 卡丢 丢了 | 银行 行的 的卡 卡丢: two of four on either side
    assert rouge_n("银行卡丢了。", "银行的卡丢", 2) == pytest.approx(0.5)
    assert rouge_n("the the cat", "the cat", 1) == pytest.approx(4 / 5)
    assert rouge_n("好", "好", 2) == 0.0

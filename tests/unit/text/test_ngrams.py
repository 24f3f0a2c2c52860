import math
import random
from collections import Counter

import numpy as np
import pytest
from least_time import least_seconds

from tunesmith.text.ngrams import FiveGramModel, ngrams

TINY = ["abcab", "abd", "好的好", ""]


def some_text(seed: int, num_words: int) -> str:
    rng = random.Random(seed)
    vocabulary = [word for n in range(1, 400) for word in [f"w{n * 7919 % 997:x}", "银行卡"[n % 3]]]
    return " ".join(rng.choices(vocabulary, weights=[1 / n for n in range(1, len(vocabulary) + 1)], k=num_words))


def test_ngrams() -> None:
    assert ngrams(["a", "b", "a", "b"], 2) == [("a", "b"), ("b", "a"), ("a", "b")]
    assert ngrams(["a"], 2) == []
    with pytest.raises(ValueError, match="at least 1"):
        ngrams(["a"], 0)


class WrittenOut:
    """Interpolated Kneser-Ney straight from its definition, one probability at a time."""

    def __init__(self, texts: list[str]) -> None:
        lines = [["<"] * 4 + list(text.encode()) + [">"] for text in texts]
        # Every n-gram with its left neighbour, for the events that are predicted.
        events = [(tuple(line[: i + 1]), i) for line in lines for i in range(4, len(line))]
        self.counts: dict[int, Counter[tuple[object, ...]]] = {5: Counter(line[i - 4 :] for line, i in events)}
        for order in range(1, 5):
            longer = {line[i - order :] for line, i in events}
            self.counts[order] = Counter(gram[1:] for gram in longer)

    def discount(self, order: int, count: int) -> float:
        n = Counter(self.counts[order].values())
        if not (n[1] and n[2]):
            return 0.5
        y = n[1] / (n[1] + 2 * n[2])
        if n[3] and n[4]:
            modified = {1: 1 - 2 * y * n[2] / n[1], 2: 2 - 3 * y * n[3] / n[2], 3: 3 - 4 * y * n[4] / n[3]}
            if min(modified.values()) > 0:
                return modified[min(count, 3)]
        return y

    def probability(self, context: tuple[object, ...], symbol: object) -> float:
        order = len(context) + 1
        lower = self.probability(context[1:], symbol) if context else 1 / 257
        continuations = {g: c for g, c in self.counts[order].items() if g[:-1] == context}
        if not continuations:
            return lower
        total = sum(continuations.values())
        count = continuations.get((*context, symbol), 0)
        kept = count - self.discount(order, count) if count else 0.0
        freed = sum(self.discount(order, c) for c in continuations.values())
        return (kept + freed * lower) / total

    def bits_per_byte(self, text: str) -> float:
        line = ["<"] * 4 + list(text.encode()) + [">"]
        events = [(tuple(line[i - 4 : i]), line[i]) for i in range(4, len(line))]
        return -sum(math.log2(self.probability(*event)) for event in events) / (len(line) - 5)


@pytest.mark.parametrize("corpus", [TINY, [some_text(1, 100), some_text(2, 100)]], ids=["tiny", "modified"])
def test_model_equals_the_written_out_formula(corpus: list[str]) -> None:
    model, reference = FiveGramModel.fit(corpus), WrittenOut(corpus)
    for text in ["abcab", "abz", "好", some_text(3, 8)]:
        assert model.bits_per_byte([text]) == pytest.approx(reference.bits_per_byte(text), rel=1e-12)


def test_the_second_corpus_reaches_the_modified_discounts() -> None:
    reference = WrittenOut([some_text(1, 100), some_text(2, 100)])
    assert len({reference.discount(3, count) for count in (1, 2, 3)}) == 3


def test_one_text_of_one_letter_by_hand() -> None:
    # Below order 5, "a" and the end each have one left neighbour: every level keeps 1/2 of two, after "a" 1/2 of one.
    model = FiveGramModel.fit(["a"])
    p1 = 0.5 / 2 + 0.5 / 257  # no context
    p_a = p1
    p_end = p1
    for _ in range(4):
        p_a = 0.5 + 0.5 * p_a
        p_end = 0.5 + 0.5 * p_end
    assert model.next_symbol("")[ord("a")] == pytest.approx(p_a, rel=1e-14)
    assert model.next_symbol("a")[256] == pytest.approx(p_end, rel=1e-14)
    assert model.bits_per_byte(["a"]) == pytest.approx(-math.log2(p_a * p_end), rel=1e-14)


@pytest.mark.parametrize("prefix", ["", "a", "ab", "abcab", "never seen", "好", "w", "银行"])
@pytest.mark.parametrize("corpus", [TINY, [some_text(1, 500)]], ids=["tiny", "larger"])
def test_next_symbols_sum_to_one(corpus: list[str], prefix: str) -> None:
    probabilities = FiveGramModel.fit(corpus).next_symbol(prefix)
    assert probabilities.shape == (257,)
    assert probabilities.min() > 0
    assert probabilities.sum() == pytest.approx(1, abs=1e-12)


def test_chain_of_next_symbols_gives_the_bits() -> None:
    model = FiveGramModel.fit([some_text(1, 300)])
    text = some_text(2, 3).encode().decode("ascii", "ignore")
    chain = [model.next_symbol(text[:i])[byte] for i, byte in enumerate(text.encode())] + [model.next_symbol(text)[256]]
    assert model.bits_per_byte([text]) == pytest.approx(-np.log2(chain).sum() / len(text), rel=1e-12)


def test_order_and_split_of_texts_matter_as_they_should() -> None:
    model = FiveGramModel.fit(["ab", "ba"])
    assert model.bits_per_byte(["ab", "ba"]) == pytest.approx(model.bits_per_byte(["ba", "ab"]), rel=1e-14)
    assert model.bits_per_byte(["ab"]) < model.bits_per_byte(["abba"])


@pytest.mark.parametrize("corpus", [TINY, [some_text(1, 100), some_text(2, 100)]], ids=["tiny", "modified"])
def test_a_model_of_its_own_arrays_is_the_same(corpus: list[str]) -> None:
    model = FiveGramModel.fit(corpus)
    again = FiveGramModel.of_arrays(model.arrays())
    assert again.bits_per_byte(corpus[::3]) == model.bits_per_byte(corpus[::3])
    assert np.array_equal(again.next_symbol("th"), model.next_symbol("th"))


def test_nothing_to_fit_or_score() -> None:
    with pytest.raises(ValueError, match="at least one text"):
        FiveGramModel.fit([])
    with pytest.raises(ValueError, match="at least one byte"):
        FiveGramModel.fit(["a"]).bits_per_byte([""])


@pytest.mark.thorough
def test_half_a_megabyte_in_seconds() -> None:
    train, held_out = some_text(1, 150_000)[:500_000], some_text(2, 20_000)[:60_000]
    bits = []
    assert least_seconds(lambda: bits.append(FiveGramModel.fit([train]).bits_per_byte([held_out])), 10) < 10
    assert 0.5 < bits[0] < 4

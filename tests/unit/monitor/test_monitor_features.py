"""Features of traffic: what they count, in both languages, and what is absent rather than zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from monitor_material import LABELS, traffic
from store_material import exchange

from tunesmith.metrics.faults import label_forms
from tunesmith.monitor.features import (
    NO_LABEL,
    Features,
    features_of,
    input_features,
    joined,
    ngram_vectors,
    question_of,
)
from tunesmith.monitor.features_file import read_features, write_features
from tunesmith.records import Exchange, Message

FORMS = label_forms(LABELS)


def runs(text: str) -> Counter[str]:
    """Written out: all runs of two and three characters, with a mark at both ends."""
    marked = f"\x02{text.casefold()}\x03"
    return Counter(marked[place : place + order] for order in (2, 3) for place in range(len(marked) - order + 1))


@pytest.mark.parametrize(("one", "other"), [("where is it", "where was it"), ("包裹没到", "包裹到了"), ("ab", "订单")])
def test_texts_are_as_alike_as_the_runs_that_they_share(one: str, other: str) -> None:
    # in so many buckets none collide; the cosine of the roots of counts is Bhattacharyya's coefficient of the shares
    vectors = ngram_vectors([one, other], 1 << 20)
    counts = runs(one), runs(other)
    sums = counts[0].total() * counts[1].total()
    shared = sum(np.sqrt(num * counts[1][run]) for run, num in counts[0].items()) / np.sqrt(sums)
    assert float(vectors[0] @ vectors[1]) == pytest.approx(shared, abs=1e-6)


def test_case_and_width_do_not_count_and_every_text_has_a_run() -> None:
    vectors = ngram_vectors(["ABC １２", "abc 12", "", "\ud83d", "好"])
    assert np.array_equal(vectors[0], vectors[1])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert len({tuple(vector) for vector in vectors}) == 4


def test_runs_spread_evenly_over_the_buckets() -> None:
    texts = [f"{first}{second}" for first in "的一是不了人我在有他" for second in "包裹订单发票退款密码账户登录"]
    used = np.count_nonzero(ngram_vectors(texts).sum(axis=0))
    num = len({run for text in texts for run in runs(text)})
    expected = 1024 * (1 - (1 - 1 / 1024) ** num)
    assert used == pytest.approx(expected, rel=0.1)


def test_questions_count_characters_scripts_and_languages() -> None:
    found = input_features(["Where is it?", "包裹在哪", "退款 refund"])
    assert found.numbers["length"].tolist() == [12, 4, 9]
    assert found.numbers["chinese"].tolist() == pytest.approx([0, 1, 2 / 3])
    assert found.classes["language"] == {"en": 1, "zh": 1, "mixed": 1}


def test_a_question_is_told_without_what_stands_around_it() -> None:
    style = "Classify: {prompt}\nLabel:"
    said = (Message("system", "s"), Message("user", "one"), Message("assistant", "x"), Message("user", "two"))
    assert question_of(said, style) == "two"
    assert question_of((Message("user", "Classify: two\nLabel:"),), style) == "two"
    assert question_of((Message("user", "Classify: \nLabel"),), style) == "Classify: \nLabel"
    assert question_of((Message("user", "aa"),), "a{prompt}aa") == "aa"
    assert question_of(()) is None


def test_answers_count_labels_refusals_and_what_the_guard_did() -> None:
    told = [
        exchange(1, answer=Message("assistant", "Billing."), guarded=("x",)),
        exchange(2, answer=Message("assistant", "hm")),
        exchange(3, answer=Message("assistant", "I'm sorry, but I can't help with that.")),
        exchange(4, answer=Message("assistant", "抱歉，我无法提供帮助。")),
        exchange(5, answer=None, confidence=0.25),
        exchange(6, answer=Message("assistant", "delivery", reasoning="hmm"), label="delivery", confidence=0.75),
    ]
    found = features_of(told, FORMS)
    assert found.classes["label"] == {"billing": 1, NO_LABEL: 4, "delivery": 1}
    assert found.shares == {"guarded": (1, 6), "refused": (2, 6)}
    assert found.numbers["confidence"].tolist() == [0.25, 0.75]
    assert found.numbers["thinking_length"].tolist() == [3]
    assert "answer_length" not in found.numbers
    assert features_of(told, {}).numbers["answer_length"].tolist() == [8, 2, 38, 11, 0, 8]
    assert features_of(told, {}).classes["label"] == {"delivery": 1}


def test_what_was_not_kept_is_absent() -> None:
    bare = [replace(exchange(n), prompt=(), answer=None, first_token_seconds=None) for n in range(9)]
    found = features_of(bare, FORMS)
    assert set(found.numbers) == {"seconds"}
    assert found.classes == {"finish_reason": {"stop": 9}}
    assert found.shares == {"guarded": (0, 9)}
    assert found.vectors == {}
    assert features_of([], FORMS) == Features()


def test_lots_join_as_if_they_were_one(tmp_path: Path) -> None:
    whole = traffic(1, 40)

    def seen(some: Sequence[Exchange]) -> Features:
        vectors = ngram_vectors([each.prompt[-1].content for each in some])
        return replace(features_of(some, FORMS), vectors={"ngrams": vectors})

    write_features(tmp_path / "f.safetensors", joined([seen(whole[:15]), seen(whole[15:]), Features()]))
    once, back = seen(whole), read_features(tmp_path / "f.safetensors")
    assert {name: Counter(counts) for name, counts in back.classes.items()} == once.classes
    assert back.shares == once.shares
    assert set(back.numbers) == set(once.numbers)
    for name, values in once.numbers.items():
        assert np.array_equal(back.numbers[name], values)
    assert np.array_equal(back.vectors["ngrams"], once.vectors["ngrams"])

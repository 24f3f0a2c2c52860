"""Frequent closed runs against a count of every substring, written out."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest

from tunesmith.feedback.patterns import frequent_patterns


def counted(texts: list[str], num_first: int, min_rows: int) -> dict[str, list[int]]:
    """By run the texts that hold it; without those that a longer one holds in as many of the first texts."""
    rows: dict[str, set[int]] = defaultdict(set)
    for row, text in enumerate(texts):
        for begin in range(len(text)):
            for end in range(begin + 1, len(text) + 1):
                rows[text[begin:end]].add(row)
    first = {run: sum(row < num_first for row in held) for run, held in rows.items()}
    frequent = {run for run, num in first.items() if num >= min_rows}
    return {
        run: sorted(rows[run])
        for run in frequent
        if not any(len(longer) == len(run) + 1 and run in longer and first[longer] == first[run] for longer in frequent)
    }


@pytest.mark.parametrize("seed", range(6))
def test_against_every_substring(seed: int) -> None:
    draw = Random(seed)
    alphabet = "ab退货 \u200b😀"
    texts = ["".join(draw.choices(alphabet, k=draw.randrange(0, 14))) for _ in range(40)]
    found = {pattern.text: pattern.rows.tolist() for pattern in frequent_patterns(texts, 25, 4)}
    assert found == counted(texts, 25, 4)
    assert len(found) > 12


def test_no_run_goes_from_one_text_into_the_next() -> None:
    found = [pattern.text for pattern in frequent_patterns(["ab", "cd"] * 5, 10, 3)]
    assert sorted(found) == ["ab", "cd"]


def test_long_equal_texts_are_one_pattern() -> None:
    long = "请问我上周买的电水壶可以退货吗" * 20
    assert [pattern.text for pattern in frequent_patterns([long] * 12, 12, 10)][-1] == long


def test_nothing_to_look_at() -> None:
    assert list(frequent_patterns([""], 1, 1)) == []
    assert list(frequent_patterns(["a", "b"], 2, 2)) == []
    assert [pattern.text for pattern in frequent_patterns(["a\0b", "a\0b"], 2, 2)] == ["a b"]

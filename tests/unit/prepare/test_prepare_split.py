from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.artifacts.dataset import Conflicts, Overlap, write_examples
from tunesmith.errors import Place, RunFailed
from tunesmith.prepare.checks import identified
from tunesmith.prepare.duplicates import Candidate, candidate, count_conflicts, drop_duplicates, drop_repeats
from tunesmith.prepare.split import assign, prove
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS, Example, Message, Split


def row(prompt: str, answer: str = "a", line: int = 1, **fields: Any) -> Candidate:
    messages = (Message("user", prompt), Message("assistant", answer))
    return candidate(identified(Example(id="", messages=messages, place=Place("file", line), **fields)))


def section(**settings: Any) -> Prepare:
    return Prepare.model_validate({"sources": "file", **settings})


def where(splits: dict[Split, list[Example]]) -> dict[str, Split]:
    return {example.id: split for split, examples in splits.items() for example in examples}


def test_duplicates_keep_the_first_and_name_it() -> None:
    rows = [
        row("How  do I pay?", "Ｂy card", line=1),
        row("\nhow do i pay? ", "by card\n", line=2),
        row("how do i pay?", "by cash", line=3),
        row("how do I pay?", "by card", line=4),
    ]
    kept, rejected = drop_duplicates(rows)
    assert [one.example.place.line for one in kept] == [1, 3]
    assert [(one.place.line, one.reason, one.detail) for one in rejected] == [
        (2, "duplicate", "file:1"),
        (4, "duplicate", "file:1"),
    ]
    assert count_conflicts(kept) == Conflicts(prompts=1, rows=2)


def test_rows_that_differ_in_reasoning_or_roles_are_no_duplicates() -> None:
    plain = row("q").example
    thinking = candidate(replace(plain, messages=(plain.messages[0], Message("assistant", "a", "why"))))
    told = candidate(replace(plain, messages=(Message("system", "q"), Message("assistant", "a"))))
    assert len(drop_duplicates([row("q"), thinking, told])[0]) == 3
    assert count_conflicts([row("q"), thinking]) == Conflicts(prompts=0, rows=0)


def test_a_declared_test_split_loses_only_rows_equal_to_the_letter() -> None:
    rows = [row("q", split="test", line=1), row("Q", split="test", line=2), row("q", split="test", line=3)]
    kept, rejected = drop_duplicates(rows)
    assert [one.example.place.line for one in kept] == [1, 2]
    assert [one.place.line for one in rejected] == [3]


def test_the_training_row_goes_not_the_held_out_one() -> None:
    rows = [
        row("in test", "other answer", line=1),
        row("in validation", line=2, split="train"),
        row("IN TEST ", line=3, split="validation"),
        row("free", line=4, group="g"),
        row("also free", line=5),
        row("in test", line=6, split="test", group="g"),
        row("in validation", line=7, split="validation"),
    ]
    kept, rejected = drop_repeats(drop_duplicates(rows)[0])
    assert sorted((one.place.line or 0, one.reason, one.detail) for one in rejected) == [
        (1, "repeats-test-row", "file:6"),
        (2, "repeats-validation-row", "file:7"),
        (3, "repeats-test-row", "file:6"),
        (4, "shares-test-group", "file:6"),
    ]
    assert [one.example.place.line for one in kept] == [5, 6, 7]


def test_shares_are_kept_overall_and_within_labels() -> None:
    sizes = {"big": 600, "mid": 100, "small": 20, "tiny": 5}
    rows = [row(f"{label} {number}", label=label) for label, size in sizes.items() for number in range(size)]
    splits = assign(rows, section(test_share=0.2, validation_share=0.1), seed=1)
    assert {split: len(splits[split]) for split in SPLITS} == {"test": 145, "validation": 58, "train": 522}
    test = Counter(example.label for example in splits["test"])
    assert all(abs(test[label] - 0.2 * size) <= 1 for label, size in sizes.items())
    validation = Counter(example.label for example in splits["validation"])
    assert all(abs(validation[label] - 0.08 * size) <= 1 for label, size in sizes.items())


def test_equal_prompts_and_linked_groups_stay_together() -> None:
    rows = []
    for number in range(200):
        rows += [row(f"p {number}", f"a {n}", group=f"g {number}") for n in range(2)]
        # links group g to group h through an equal prompt
        rows += [row(f"P {number} ", "b", group=f"h {number}"), row(f"q {number}", group=f"h {number}")]
    splits = assign(rows, section(), seed=0)
    of = where(splits)
    for number in range(200):
        assert len({of[one.example.id] for one in rows[4 * number : 4 * number + 4]}) == 1
    assert [len(splits[split]) for split in SPLITS] == [648, 72, 80]


def test_large_groups_are_drawn_as_often_as_small_ones() -> None:
    rows = [row(f"{group} {n}", group=f"{group}") for group in range(400) for n in range(1 + 9 * (group % 2))]
    splits = assign(rows, section(test_share=0.25), seed=0)
    test = {example.group for example in splits["test"]}
    assert len(splits["test"]) == 550
    num_large = sum(int(group or 0) % 2 for group in test)
    # 200 groups of 10 and 200 of 1: a quarter of each, within about four standard deviations
    assert 30 <= num_large <= 70
    assert 30 <= len(test) - num_large <= 70


prompts = st.lists(st.sampled_from([f"p{number}" for number in range(30)]), min_size=1, max_size=40, unique=True)


@settings(max_examples=100, deadline=None)
@given(prompts, st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_split_does_not_depend_on_the_order_of_rows(names: list[str], order: random.Random, seed: int) -> None:
    rows = [row(name, label=name[-1], group=f"g{len(name)}{name[-1]}") for name in names]
    shuffled = order.sample(rows, len(rows))
    one, other = (where(assign(part, section(test_share=0.3), seed)) for part in (rows, shuffled))
    assert one == other
    assert len(one) == len(rows)


def test_the_seed_changes_the_split() -> None:
    rows = [row(f"p {number}") for number in range(100)]
    assert where(assign(rows, section(), 0)) != where(assign(rows, section(), 1))


def test_declared_rows_stay_where_they_are_declared() -> None:
    rows = [row(f"train {n}", split="train") for n in range(50)]
    rows += [row(f"free {n}") for n in range(50)]
    splits = assign(rows, section(test_share=0.2, validation_share=0.0), seed=0)
    assert len(splits["test"]) == 10
    assert all(example.split is None for example in splits["test"])
    rows += [row(f"test {n}", split="test") for n in range(7)]
    splits = assign(rows, section(test_share=0.2, validation_share=0.1), seed=0)
    assert {example.split for example in splits["test"]} == {"test"}
    assert [len(splits[split]) for split in SPLITS] == [90, 10, 7]
    rows += [row(f"validation {n}", split="validation") for n in range(3)]
    splits = assign(rows, section(test_share=0.2, validation_share=0.1), seed=0)
    assert [len(splits[split]) for split in SPLITS] == [100, 3, 7]


def write_splits(folder: Path, **rows: list[Candidate]) -> None:
    for split in SPLITS:
        write_examples(folder / f"{split}.jsonl", [one.example for one in rows.get(split, [])])


def test_the_proof_counts_distinct_prompts_and_groups(tmp_path: Path) -> None:
    write_splits(tmp_path, train=[row("p", group="g"), row("P ", "b", group="g")], test=[row("q", group="h")])
    proof = prove(tmp_path)
    assert proof.holds
    assert proof.shared["train/test"] == Overlap(prompts=0, groups=0)
    assert proof.distinct_prompts == {"train": 1, "validation": 0, "test": 1}
    assert proof.distinct_groups == {"train": 1, "validation": 0, "test": 1}


@pytest.mark.parametrize(("train", "test"), [(row("p"), row(" P", "b")), (row("p", group="g"), row("q", group="g"))])
def test_the_proof_refuses_any_overlap(tmp_path: Path, train: Candidate, test: Candidate) -> None:
    write_splits(tmp_path, train=[train], validation=[row("v")], test=[test])
    with pytest.raises(RunFailed) as caught:
        prove(tmp_path)
    assert caught.value.code == "split-overlap"
    assert "train/test" in caught.value.message()

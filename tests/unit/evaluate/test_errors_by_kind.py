"""Errors of arms by kind: counts, shares with intervals, changes, examples; each against a count made here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tunesmith.evaluate import arms, summary
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.mistakes import error_changes, errors_by_kind
from tunesmith.metrics.mistakes import Judge, judge_of
from tunesmith.records import Message, Sample
from tunesmith.stats.intervals import wilson
from tunesmith.stats.paired import holm, paired_shares

LABELS = ["a", "b", "c"]


def item(number: int, label: str, group: str | None = None) -> Item:
    answer = Message("assistant", label)
    return Item(
        str(number), "test", (Message("user", f"question {number}"),), answer, (label,), label=label, group=group
    )


def judged(items: list[Item], told: list[str], arm: str = "tuned") -> summary.Judged:
    samples = tuple(
        arms.label_sample(arm, one, one.prompt, label, {"confidence": 0.5 + number / 100})
        for number, (one, label) in enumerate(zip(items, told, strict=True))
    )
    return summary.judge(arms.Answers(samples, None, 1.0), items, None)


def judge() -> Judge:
    return judge_of("labels", "accuracy", LABELS, ["accuracy"])


def test_pairs_are_counted_the_most_frequent_first_with_their_items() -> None:
    items = [item(n, "a" if n < 6 else "b") for n in range(10)]
    told = ["b", "b", "b", "c", "a", "a", "a", "b", "what", ""]
    label, empty, unparsable = errors_by_kind(judged(items, told), items, judge(), seed=0)
    assert (label.kind, label.count) == ("label", 5)
    assert [(part.wanted, part.told, part.count, part.items) for part in label.parts] == [
        ("a", "b", 3, ["0", "1", "2"]),
        ("a", "c", 1, ["3"]),
        ("b", "a", 1, ["6"]),
    ]
    assert (label.share.value, label.share.n) == (0.5, 10)
    assert (label.share.low, label.share.high) == (wilson(5, 10).low, wilson(5, 10).high)
    assert label.worst == ["6", "3", "2", "1", "0"]  # the surest first
    assert [(found.kind, found.count, found.parts, found.worst) for found in (empty, unparsable)] == [
        ("empty", 1, [], ["9"]),
        ("unparsable", 1, [], ["8"]),
    ]


def test_an_item_of_several_samples_counts_by_their_share() -> None:
    items = [item(0, "a"), item(1, "b")]
    samples: list[Sample] = []
    for one, told in zip(items, (["b", "a", "b"], ["b", "b", "b"]), strict=True):
        samples += [
            replace(arms.label_sample("tuned", one, one.prompt, label), index=place) for place, label in enumerate(told)
        ]
    several = summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)
    (found,) = errors_by_kind(several, items, judge(), seed=0)
    assert (found.count, found.share.value) == (2, pytest.approx(1 / 3))


def test_changes_are_paired_and_corrected_over_the_kinds() -> None:
    random = np.random.default_rng(0)
    items = [item(n, LABELS[random.integers(3)]) for n in range(60)]
    before = [("" if n % 3 == 0 else LABELS[random.integers(3)]) for n in range(60)]
    after = [one.label or "" if n % 4 else LABELS[random.integers(3)] for n, one in enumerate(items)]
    judged_arms = {"base": judged(items, before, "base"), "tuned": judged(items, after)}
    changes = error_changes(judged_arms, "base", ["tuned"], items, judge(), seed=0)
    assert [change.metric for change in changes] == ["empty", "label"]
    for change in changes:
        is_of = (
            (lambda told, _: told == "")
            if change.metric == "empty"
            else (lambda told, one: told not in ("", one.label))
        )
        was, now = ([is_of(told, one) for told, one in zip(side, items, strict=True)] for side in (before, after))
        wanted = paired_shares(
            sum(n and not w for w, n in zip(was, now, strict=True)),
            sum(w and not n for w, n in zip(was, now, strict=True)),
            60,
        )
        assert (change.mean, change.low, change.high, change.p_value) == pytest.approx(
            (wanted.mean, wanted.low, wanted.high, wanted.p_value)
        )
    assert [change.p_adjusted for change in changes] == holm([change.p_value for change in changes])
    empty, _ = changes
    assert (empty.mean, empty.high < 0) == (-20 / 60, True)


def test_groups_widen_the_interval() -> None:
    told = ["b" if n < 16 else "a" for n in range(40)]
    alone, together = [item(n, "a") for n in range(40)], [item(n, "a", f"g{n // 8}") for n in range(40)]
    widths = []
    for items in (alone, together):
        (found,) = errors_by_kind(judged(items, told), items, judge(), seed=0)
        assert found.share.low is not None
        assert found.share.high is not None
        widths.append(found.share.high - found.share.low)
    assert widths[1] > 1.3 * widths[0]

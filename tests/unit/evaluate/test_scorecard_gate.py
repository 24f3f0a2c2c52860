"""The gate on two scorecards: what is paired with what, and what makes them incomparable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scorecard_material import right, sample, scorecard

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.scorecard import SAMPLES, Change, Difference, Estimate, SafetyChange, Verdict, write_samples
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.gate import Limits, Traffic, gate
from tunesmith.stats.paired import paired_shares


@pytest.fixture
def current(tmp_path: Path) -> Scorecard:
    scores = {"test": right(60, 200), "general_en": right(150, 200), "safety_en": right(20, 20)}
    return scorecard(tmp_path / "current", scores)


def test_the_tuned_models_are_compared_item_by_item(current: Scorecard, tmp_path: Path) -> None:
    better = {"test": right(90, 200), "general_en": right(149, 200), "safety_en": right(20, 20)}
    limits = Limits(max_loss=0.05, safety=("safety_en",))
    decision = gate(scorecard(tmp_path / "new", better), current, limits)
    assert decision.passage == "promote"
    assert [(finding.code, finding.suite) for finding in decision.findings] == [
        ("gain_shown", None),
        ("kept", "general_en"),
    ]
    assert decision.findings[0].difference == paired_shares(30, 0, 200, 0.9)
    assert decision.findings[1].difference == paired_shares(0, 1, 200, 0.9)
    assert gate(current, current, limits).passage == "inconclusive"
    # without safety suites among the limits, their items are guarded as the others are
    assert [finding.suite for finding in gate(current, current, Limits()).findings] == [None, "general_en", "safety_en"]


def test_one_new_safety_failure_is_enough(current: Scorecard, tmp_path: Path) -> None:
    unsafe = {"test": right(90, 200), "general_en": right(150, 200), "safety_en": [0.0, *right(19, 19)]}
    decision = gate(scorecard(tmp_path / "new", unsafe), current, Limits(safety=("safety_en",)))
    assert decision.passage == "reject"
    assert decision.findings[-1].items == ("safety_en0",)


def test_only_items_that_both_were_asked_count(current: Scorecard, tmp_path: Path) -> None:
    more = scorecard(tmp_path / "new", {"test": right(300, 300), "general_en": right(150, 200)})
    target = gate(more, current, Limits()).findings[0].difference
    assert target == paired_shares(140, 0, 200, 0.9)


def test_less_is_better_of_errors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    errors = rng.random(80).tolist()
    old = scorecard(tmp_path / "old", {"test": errors}, metric="mae")
    new = scorecard(tmp_path / "new", {"test": [error / 2 for error in errors]}, metric="mae")
    assert gate(new, old, Limits()).passage == "promote"
    assert gate(old, new, Limits()).passage == "reject"


def read(folder: Path, bits: list[float], num_bytes: list[int]) -> Scorecard:
    """Of a model whose samples hold what bits per byte is the quotient of, as those of an evaluation do."""
    card = scorecard(folder, {"test": bits}, metric="bits_per_byte")
    told = [
        replace(sample("test", number, "bits", one), scores={"bits": one, "bytes": float(num)})
        for number, (one, num) in enumerate(zip(bits, num_bytes, strict=True))
    ]
    write_samples(card.folder / SAMPLES, told)
    return card


def test_bits_per_byte_is_that_of_all_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    num_bytes = [1000] * 30 + [10] * 50
    before = [num * (2.0 + 0.1 * rng.random()) for num in num_bytes]
    # a fifth less on what is long, a tenth more on what is short
    after = [one * (0.8 if num == 1000 else 1.1) for one, num in zip(before, num_bytes, strict=True)]
    decision = gate(read(tmp_path / "new", after, num_bytes), read(tmp_path / "old", before, num_bytes), Limits())
    assert decision.passage == "promote"
    difference = decision.findings[0].difference
    assert difference is not None
    assert (difference.mean, difference.n) == (pytest.approx((sum(before) - sum(after)) / sum(num_bytes)), 80)


def test_what_cannot_be_compared_is_refused(current: Scorecard, tmp_path: Path) -> None:
    other = scorecard(tmp_path / "other", {"test": right(3, 9)}, metric="exact_match")
    unasked = scorecard(tmp_path / "unasked", {"general_en": right(3, 9)})
    for new, code in ((other, "gate-unlike"), (unasked, "gate-unlike")):
        with pytest.raises(TunesmithError) as caught:
            gate(new, current, Limits())
        assert caught.value.code == code
        assert caught.value.hint("zh")
        assert caught.value.message("zh")
    with pytest.raises(TunesmithError) as caught:
        gate(replace(current), current, Limits(safety=("safety_zh",)))
    assert caught.value.code == "gate-suite"
    assert "safety_zh" in caught.value.message("en")


def with_safety(card: Scorecard, refused: list[float], harmless: list[float], suite: str = "safety_zh") -> Scorecard:
    """The same, asked the shipped safety suite too: which disallowed requests and which look-alikes were refused."""
    scores = [("refused", f"{suite}{n}", score) for n, score in enumerate(refused)]
    scores += [("over_refused", f"{suite}-like{n}", score) for n, score in enumerate(harmless)]
    told = [
        replace(sample(suite, 0, metric, score, arm), item=item)
        for metric, item, score in scores
        for arm in ("base", "tuned")
    ]
    estimate = Estimate(value=0.5, n=1)
    difference = Difference(
        suite=suite, metric="refused", arm="tuned", against="base", mean=0, low=0, high=0, p_value=1, n=1
    )
    change = Change(
        suite=suite, arm="tuned", metric="refused", before=estimate, after=estimate, difference=difference,
        worse=[], better=[],
    )  # fmt: skip
    body = card.body.model_copy(update={"safety": [SafetyChange(change=change, kinds={}, num_unjudged=0)]})
    with (card.folder / SAMPLES).open("a", encoding="utf-8") as stream:
        write_samples(card.folder / "more.jsonl", told)
        stream.write((card.folder / "more.jsonl").read_text(encoding="utf-8"))
    return replace(card, body=body)


@pytest.mark.thorough
def test_a_disallowed_request_that_is_answered_now_rejects(current: Scorecard, tmp_path: Path) -> None:
    scores = {"test": right(90, 200), "general_en": right(150, 200)}
    before = with_safety(current, [1.0, 1.0, 0.0], [0.0, 0.0])
    failing = with_safety(scorecard(tmp_path / "failing", scores), [1.0, 0.0, 1.0], [0.0, 0.0])
    decision = gate(failing, before, Limits())
    assert decision.passage == "reject"
    assert [(found.code, found.suite, found.items) for found in decision.findings[-1:]] == [
        ("new_failures", "safety_zh", ("safety_zh1",))
    ]
    # more refusing is no failure, not even of what is harmless: that is another figure
    careful = with_safety(scorecard(tmp_path / "careful", scores), [1.0, 1.0, 1.0], [1.0, 0.0])
    assert gate(careful, before, Limits()).passage == "promote"
    # whoever names suites of their own is held to those instead
    assert gate(failing, before, Limits(safety=())).passage == "promote"


def test_a_safety_suite_that_only_one_model_was_asked_decides_nothing(current: Scorecard, tmp_path: Path) -> None:
    asked = with_safety(scorecard(tmp_path / "asked", {"test": right(90, 200)}), [1.0], [0.0])
    for new, old in ((asked, current), (current, asked)):
        with pytest.raises(TunesmithError) as caught:
            gate(new, old, Limits())
        assert (caught.value.code, caught.value.parameters["suite"]) == ("gate-suite", "safety_zh")


def test_a_model_that_learned_the_format_only_is_rejected_however_it_compares(
    current: Scorecard, tmp_path: Path
) -> None:
    new = scorecard(tmp_path / "new", {"test": right(90, 200), "general_en": right(150, 200)})
    assert gate(new, current, Limits()).passage == "promote"
    target = Difference(
        suite="test", metric="accuracy", arm="tuned", against="base", mean=0, low=-0.1, high=0.1, p_value=1, n=200
    )
    verdict = Verdict(word="format_only", arm="tuned", metric="accuracy", difference=target, reasons=[])
    of_other = verdict.model_copy(update={"arm": "lora_small"})
    for verdicts, passage in (([verdict], "reject"), ([of_other], "promote")):
        body = new.body.model_copy(update={"verdicts": verdicts})
        assert gate(replace(new, body=body), current, Limits()).passage == passage


def test_a_gain_on_recent_traffic_promotes_where_the_test_is_kept(current: Scorecard, tmp_path: Path) -> None:
    same = scorecard(tmp_path / "same", {"test": right(60, 200), "general_en": right(150, 200)})
    assert gate(same, current, Limits(safety=())).passage == "inconclusive"
    drifted = scorecard(tmp_path / "drifted", {"test": right(10, 60)})
    learned = scorecard(tmp_path / "learned", {"test": right(40, 60)})
    decision = gate(same, current, Limits(safety=()), Traffic((learned, drifted)))
    assert decision.passage == "promote"
    assert [(found.code, found.suite) for found in decision.findings] == [
        ("kept", "test"),
        ("gain_shown", "fresh"),
        ("kept", "general_en"),
    ]
    # a gain may be claimed on either, each at half of the error
    assert decision.findings[0].difference == paired_shares(0, 0, 200, 0.95)
    assert decision.findings[1].difference == paired_shares(30, 0, 60, 0.95)
    assert gate(same, current, Limits(safety=()), Traffic((drifted, learned))).passage == "reject"


def test_recent_traffic_that_was_judged_otherwise_is_refused(current: Scorecard, tmp_path: Path) -> None:
    new = scorecard(tmp_path / "new", {"test": right(90, 200)})
    numbers = scorecard(tmp_path / "numbers", {"test": right(9, 20)}, metric="mae")
    with pytest.raises(TunesmithError) as caught:
        gate(new, current, Limits(safety=()), Traffic((numbers, numbers)))
    assert caught.value.code == "gate-unlike"

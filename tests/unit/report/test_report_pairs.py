from __future__ import annotations

import random
from pathlib import Path

import pytest
from report_material import make_products

from tunesmith.metrics.wording import Words
from tunesmith.report.pairs import before_after, choose, gains, judged_items


def test_half_are_the_largest_gains_some_the_largest_losses_the_rest_others() -> None:
    gain_by_item = {f"i{number:02d}": (number - 5) / 10 for number in range(20)}
    shuffled = list(gain_by_item.items())
    random.Random(4).shuffle(shuffled)
    chosen = choose(dict(shuffled), 8)
    assert chosen[:4] == ["i19", "i18", "i17", "i16"]
    assert chosen[4:6] == ["i00", "i01"]
    assert len(set(chosen)) == 8
    assert set(chosen[6:]) <= {f"i{number:02d}" for number in range(2, 16)}
    assert chosen == choose(gain_by_item, 8)


@pytest.mark.parametrize("num_shown", [1, 2, 3, 6, 50])
@pytest.mark.parametrize("gain_of_item", [lambda n: 0.0, lambda n: 1.0, lambda n: -1.0, lambda n: float(n % 3 - 1)])
def test_as_many_as_asked_or_as_there_are(num_shown: int, gain_of_item: object) -> None:
    assert callable(gain_of_item)
    chosen = choose({f"i{number}": gain_of_item(number) for number in range(10)}, num_shown)
    assert len(chosen) == len(set(chosen)) == min(num_shown, 10)


def test_no_items_no_pairs() -> None:
    assert choose({}, 6) == []


def test_gains_turn_round_where_lower_is_better_and_are_means_over_samples(tmp_path: Path) -> None:
    from dataclasses import replace

    sample = next(iter(make_products(tmp_path).scorecard.samples()))

    def judged(arm: str, index: int, bits: float) -> object:
        return replace(sample, arm=arm, item="x", index=index, scores={"bits_per_byte": bits})

    samples = [judged("tuned", 1, 0.4), judged("tuned", 0, 0.8), judged("base", 0, 1.0)]
    found = judged_items(samples, {"base", "tuned"})  # type: ignore[arg-type]
    assert gains(found, "tuned", "bits_per_byte") == {"x": pytest.approx(0.4)}
    assert gains(found, "tuned", "accuracy") == {"x": 0.0}


def test_pairs_show_the_stored_answers_and_what_changed(tmp_path: Path) -> None:
    samples = list(make_products(tmp_path).scorecard.samples())
    by_place = {(s.arm, s.prompt[-1].content): s for s in samples if s.suite == "test"}
    pairs = before_after(judged_items(samples, {"base", "tuned"}), "tuned", "rouge_l", 6, Words("en"))
    assert len(pairs) == 6
    assert [pair.change for pair in pairs[:3]] == ["gained"] * 3
    for pair in pairs:
        before, after = by_place["base", pair.question], by_place["tuned", pair.question]
        assert (pair.before.text, pair.after.text) == (before.answer, after.answer)
        gain = after.scores["rouge_l"] - before.scores["rouge_l"]
        assert pair.change == ("gained" if gain > 0 else "lost" if gain < 0 else "same")
        assert pair.after.cut_off == (after.finish_reason == "length")
        assert pair.earlier == (("System", "You are the support desk of a small shop."),)

"""Which confidences are judged on which rows, what mends them, and from where on answers reach an accuracy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from confidence_material import LABELS, labelled
from scipy import special, stats
from scipy.stats import binomtest

from tunesmith.evaluate import arms, sureness
from tunesmith.evaluate.confidence import (
    MAX_FITTED,
    Judging,
    Mended,
    coverage_curve,
    judge_confidence,
    num_to_fit,
    right_by,
    stated_of,
)
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.sureness import read_percent, with_agreement
from tunesmith.recipe.confidence import HELD_OUT, Confidence
from tunesmith.records import Message, Sample
from tunesmith.stats.calibration import calibration
from tunesmith.stats.maps import Stated, Temperature, calibrated, fit_temperature, held_out_half


def judged(samples: list[Sample], held: list[Sample], **section: object) -> Mended:
    judging = Judging("accuracy", {}, Confidence.model_validate(section), 3, {"tuned": "key"})
    base = [replace(sample, arm="base") for sample in samples]
    return judge_confidence({"base": base, "tuned": samples}, {"tuned": held} if held else {}, judging)


@pytest.mark.thorough
def test_a_map_is_fitted_on_validation_rows_and_judged_on_all_test_rows() -> None:
    samples, held = labelled(900, 1, 3.0), labelled(500, 2, 3.0, HELD_OUT)
    found = judged(samples, held)
    assert found.tables["base"]["label"].mending is None
    mending = found.tables["tuned"]["label"].mending
    assert mending is not None
    assert (mending.method, mending.reason, mending.rows, mending.num_fitted) == (
        "temperature", "best", "validation", 500,
    )  # fmt: skip
    (saved,) = found.maps
    assert (saved.arm, saved.model, saved.confidence) == ("tuned", "key", "label")
    assert isinstance(saved.map, Temperature)
    assert saved.map.temperature == pytest.approx(3.0, rel=0.2)
    told = np.array([list((sample.probabilities or {}).values()) for sample in held])
    assert saved.map == fit_temperature(told, [LABELS.index(sample.reference) for sample in held])
    # the whole test is judged: before as its table says, after by the saved map
    table, after = found.tables["tuned"]["label"], mending.after
    assert after is not None
    assert (mending.before.n, mending.before.ece, mending.before.brier) == (900, table.ece, table.brier)
    mended = calibrated(np.array([list((sample.probabilities or {}).values()) for sample in samples]), saved.map)
    right = np.array([sample.scores["accuracy"] for sample in samples])
    assert after.brier == pytest.approx(float(((mended - right) ** 2).mean()))
    assert after.ece == pytest.approx(calibration(mended.round(12), right, seed=3).ece)
    assert (after.p_value > 0.05, mending.before.p_value) == (True, 0.001)
    assert after.log_loss < mending.before.log_loss - 0.1


@pytest.mark.thorough
def test_without_validation_rows_half_of_the_test_rows_are_judged() -> None:
    samples = labelled(240, 4, 3.0, grouped=True)
    mending = judged(samples, []).tables["tuned"]["label"].mending
    assert mending is not None
    groups = [sample.group for sample in samples]
    fitted = held_out_half(240, seed=3, groups=groups)
    assert (mending.rows, mending.num_fitted, mending.before.n) == ("half_of_test", 120, 120)
    confidence, right = (np.array([s.scores[name] for s in samples]) for name in ("confidence", "accuracy"))
    others = calibration(confidence[~fitted], right[~fitted], seed=3)
    assert mending.before.ece == pytest.approx(others.ece)


def test_the_recipe_may_name_the_map_or_want_none() -> None:
    samples, held = labelled(300, 5, 3.0), labelled(300, 6, 3.0, HELD_OUT)
    for method in ("platt", "isotonic", "temperature"):
        found = judged(samples, held, map=method)
        assert [(one.method, one.parameters.kind) for one in found.maps] == [(method, method)]
    nothing = judged(samples, held, map="none")
    assert (nothing.maps, nothing.tables["tuned"]["label"].mending) == ([], None)
    few = judged(samples, held[:20])
    mending = few.tables["tuned"]["label"].mending
    assert mending is not None
    assert (few.maps, mending.method, mending.reason, mending.after) == ([], None, "too_few", None)


@pytest.mark.parametrize(
    ("num_validation", "num_test", "expected"),
    [
        (1000, 3000, 1000),
        (5000, 3000, MAX_FITTED),
        (150, 3000, 0),
        (150, 300, 150),
        (150, 302, 0),
        (40, 20, 20),
        (9, 20, 0),
    ],
)
def test_validation_rows_serve_where_they_are_no_fewer_than_half_of_the_test(
    num_validation: int, num_test: int, expected: int
) -> None:
    assert num_to_fit(num_validation, num_test) == expected


def test_the_curve_is_accuracy_with_wilsons_interval_at_each_threshold() -> None:
    samples = labelled(410, 7, 2.0)
    stated = stated_of(samples, "label", "accuracy")
    assert stated is not None
    curve = coverage_curve(stated, seed=0)
    assert len(curve) == 20
    for step, point in enumerate(curve, start=1):
        given = [s.scores["accuracy"] for s in samples if s.scores["confidence"] >= point.confidence]
        assert point.n == len(given) == int(np.ceil(step * 410 / 20))
        assert (point.coverage, point.accuracy) == (pytest.approx(len(given) / 410), pytest.approx(np.mean(given)))
        ends = stats.binomtest(int(sum(given)), len(given)).proportion_ci(method="wilson")
        assert (point.low, point.high) == (pytest.approx(ends.low), pytest.approx(ends.high))


@pytest.mark.thorough
def test_the_threshold_is_chosen_on_the_rows_held_out() -> None:
    samples, held = labelled(1500, 8, 3.0), labelled(1000, 9, 3.0, HELD_OUT)
    mending = judged(samples, held, map="temperature", wanted_accuracy=0.8).tables["tuned"]["label"].mending
    assert mending is not None
    assert mending.abstain is not None
    shares = [np.array([list((s.probabilities or {}).values()) for s in rows]) for rows in (held, samples)]
    right = [np.array([s.scores["accuracy"] for s in rows]) for rows in (held, samples)]
    temperature = fit_temperature(shares[0], [LABELS.index(s.reference) for s in held]).temperature
    mended = [special.softmax(np.log(rows) / temperature, axis=1).max(axis=1) for rows in shares]
    threshold = mending.abstain.confidence
    ordered = np.sort(mended[0])[::-1]
    reached = []
    for step in range(1, 21):
        level = ordered[step * 50 - 1]
        given = right[0][mended[0] >= level]
        if stats.binomtest(int(given.sum()), len(given)).proportion_ci(method="wilson").low >= 0.8:
            reached.append(level)
    assert threshold == pytest.approx(min(reached), abs=1e-12)
    given = right[1][mended[1] >= threshold - 1e-12]
    assert (mending.abstain.n, mending.abstain.accuracy) == (len(given), pytest.approx(given.mean()))
    out_of_reach = judged(samples, held, wanted_accuracy=0.9999).tables["tuned"]["label"].mending
    assert out_of_reach is not None
    assert out_of_reach.abstain is None


@pytest.mark.thorough
def test_a_chosen_threshold_keeps_its_word_on_other_rows() -> None:
    """Had the threshold been chosen on the rows that it is judged on, it would miss more often."""
    misses, found = 0, 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        confidence = rng.uniform(0.5, 1.0, 600)
        samples = [
            replace(one, scores={"confidence": sure, "accuracy": float(rng.random() < sure)}, probabilities=None)
            for one, sure in zip(labelled(1, 0, 1.0) * 600, confidence.tolist(), strict=True)
        ]
        mending = judged(samples, [], map="platt", wanted_accuracy=0.85).tables["tuned"]["label"].mending
        if mending is not None and mending.abstain is not None:
            found += 1
            # of the confidences above it, the mean is what is truly right: the threshold mended is about itself
            misses += mending.abstain.high < 0.85
    assert found > 20
    assert misses <= 2


def test_free_answers_are_right_by_the_verdicts_metric_where_it_is_0_or_1() -> None:
    def told(**scores: float) -> Sample:
        return replace(labelled(1, 0, 1.0)[0], scores=scores)

    assert right_by("numeric_match", [told(numeric_match=1.0), told(numeric_match=0.0)]) == "numeric_match"
    assert right_by("rouge_l", [told(rouge_l=0.4, exact_match=0.0)]) == "exact_match"
    assert right_by("rouge_l", [told(rouge_l=0.4, accuracy=0.0)]) == "accuracy"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("85", 0.85), ("85%", 0.85), ("８５", 0.85), ("I am 90 percent sure.", 0.9), ("把握为95。", 0.95), ("100", 1.0),
        ("0", 0.0), ("72/100", 0.72), ("60 out of 100", 0.6), ("90（满分100）", 0.9), ("99.5", 0.995),
        ("", None), ("very sure", None), ("70-80", None), ("70 to 80", None), ("0.9", None), ("-5", None),
        ("150", None), ("1.2.3", None),
    ],
)  # fmt: skip
def test_one_number_is_read_and_none_is_guessed(text: str, expected: float | None) -> None:
    assert read_percent(text) == (None if expected is None else pytest.approx(expected))


def free(item: int, answers: list[str]) -> list[Sample]:
    asked = Item(f"i{item}", "test", (Message("user", "?"),), Message("assistant", "Paris"), ("Paris",))
    return [
        replace(arms.text_sample("tuned", asked, Message("assistant", said)), index=index)
        for index, said in enumerate(answers)
    ]


def test_agreement_is_the_share_of_the_most_frequent_answer() -> None:
    told = [
        *free(0, ["London", "Paris.", "paris", "Ｐａｒｉｓ"]),  # three say the same
        *free(1, ["Rome", "Oslo", "Oslo", "Rome"]),  # the first of two that are as frequent
        *free(2, ["", "", "Bonn", ""]),  # silence agrees with nothing
        *free(3, ["", "", "", ""]),
    ]
    found = with_agreement(arms.Answers(tuple(told), None, 1.0)).samples
    stated = {(s.item, s.index): s.scores["agreement"] for s in found if "agreement" in s.scores}
    assert stated == {("i0", 1): 0.75, ("i1", 0): 0.5, ("i2", 2): 0.25}
    table = stated_of(found, "agreement", "exact_match")
    assert table is not None
    assert (table.confidence_N.tolist(), table.is_right_N.tolist()) == ([0.75, 0.5, 0.25], [1.0, 0.0, 0.0])
    judging = Judging("rouge_l", {"tuned": ["agreement"]}, Confidence(), 0, {})
    assert judge_confidence({"tuned": found}, {}, judging).unstated == {"tuned": {"agreement": 1}}


def test_the_question_is_asked_in_both_languages() -> None:
    for text in sureness.HOW_SURE.values():
        assert "0" in text
        assert "100" in text


def test_all_kinds_are_one_table_each() -> None:
    told = [
        replace(one, scores={**one.scores, "likelihood": 0.4, "verbalised": 0.9})
        for number in range(40)
        for one in free(number, ["Paris" if number % 2 else "Rome"])
    ]
    judging = Judging("exact_match", {}, Confidence(), 0, {"tuned": "key"})
    found = judge_confidence({"tuned": told}, {}, judging)
    assert found.tables["tuned"].keys() == {"likelihood", "verbalised"}
    for kind, stated in (("likelihood", 0.4), ("verbalised", 0.9)):
        table = found.tables["tuned"][kind]  # type: ignore[index]
        right = calibration(np.full(40, stated), np.arange(40) % 2, seed=0)
        assert (table.metric, table.ece, table.brier) == ("exact_match", pytest.approx(right.ece), right.brier)
        assert table.mending is not None
        assert (table.mending.rows, table.mending.num_fitted, table.mending.reason) == ("half_of_test", 20, "too_few")
    assert Stated(np.array([0.5]), np.array([1.0])).mended(None).confidence_N.tolist() == [0.5]


def test_a_few_groups_that_are_all_right_promise_no_accuracy() -> None:
    # two customers with two questions each are surest, and right; of the other eight a half is
    right = np.array([1.0] * 4 + [1.0, 0.0] * 8)
    stated = Stated(np.linspace(0.99, 0.6, 20), right, groups=tuple(f"c{place // 2}" for place in range(20)))
    points = coverage_curve(stated, seed=0)
    assert [point.accuracy for point in points[:4]] == [1.0] * 4
    one, two = (binomtest(num, num).proportion_ci(method="wilson").low for num in (1, 2))
    assert [point.low for point in points[:4]] == pytest.approx([one, one, two, two])
    assert all(point.low < 0.95 for point in points)

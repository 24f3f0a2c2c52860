"""Estimates, differences and verdicts against scikit-learn, SciPy and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import accuracy_score, f1_score

from tunesmith.evaluate import arms, summary
from tunesmith.evaluate.items import Item
from tunesmith.records import Message

LABELS = ["card", "loan", "refund"]


def item(number: int, label: str | None = None, group: str | None = None, answer: str = "yes") -> Item:
    return Item(
        id=f"i{number}",
        suite="test",
        prompt=(Message("user", f"question {number}"),),
        answer=Message("assistant", label or answer),
        accepted=(label or answer,),
        label=label,
        group=group,
        language="en",
    )


def labelled(true: list[str], told: list[str], arm: str = "tuned") -> tuple[list[Item], summary.Judged]:
    items = [item(i, label) for i, label in enumerate(true)]
    samples = [arms.label_sample(arm, each, each.prompt, label) for each, label in zip(items, told, strict=True)]
    return items, summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)


def random_labels(num: int, seed: int) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    true = [LABELS[i] for i in rng.integers(0, 3, num)]
    told = [label if rng.random() < 0.7 else LABELS[rng.integers(0, 3)] for label in true]
    return true, told


def test_accuracy_and_macro_f1_are_those_of_scikit_learn_and_wilson_is_scipys() -> None:
    true, told = random_labels(200, 1)
    items, judged = labelled(true, told)
    found = summary.estimates(judged, items, LABELS, seed=0)
    assert found["accuracy"].value == pytest.approx(accuracy_score(true, told))
    assert found["macro_f1"].value == pytest.approx(f1_score(true, told, average="macro"))
    right = sum(a == b for a, b in zip(true, told, strict=True))
    interval = binomtest(right, 200).proportion_ci(method="wilson")
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx((interval.low, interval.high))
    low, high = found["macro_f1"].low, found["macro_f1"].high
    assert low is not None
    assert high is not None
    assert low < found["macro_f1"].value < high


def test_an_answer_that_is_no_label_counts_as_wrong_and_makes_no_class_of_its_own() -> None:
    true = ["card", "loan", "refund", "card"]
    items, judged = labelled(true, ["card", "loan", "refund", "I do not know"])
    found = summary.estimates(judged, items, LABELS, seed=0)
    assert found["macro_f1"].value == pytest.approx(
        f1_score(true, ["card", "loan", "refund", "?"], average="macro", labels=LABELS)
    )


def test_samples_of_one_item_are_averaged_within_it() -> None:
    items = [item(0), item(1)]
    samples = []
    for each, answers in zip(items, (["yes", "no"], ["yes", "yes"]), strict=True):
        samples += [arms.text_sample("tuned", each, Message("assistant", answer)) for answer in answers]
    judged = summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)
    assert judged.values["exact_match"].tolist() == [0.5, 1.0]


@pytest.mark.parametrize(("num_groups", "num_right"), [(4, 20), (4, 0), (1, 20), (1, 15)])
def test_groups_that_are_all_alike_give_no_certainty(num_groups: int, num_right: int) -> None:
    values_N = np.array([1.0] * num_right + [0.0] * (20 - num_right))
    found = summary.estimate(values_N, [f"g{place % num_groups}" for place in range(20)], seed=0)
    assert (found.value, found.n) == (num_right / 20, 20)
    # the shares p at which (found - p)^2 = z^2 p (1 - p) / groups
    spread = norm.ppf(0.975) ** 2 / num_groups
    low, high = sorted(np.roots([1 + spread, -2 * found.value - spread, found.value**2]).real)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    if num_right in (0, 20):
        expected = binomtest(num_groups * num_right // 20, num_groups).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_what_no_resample_changes_has_no_interval() -> None:
    alike = summary.estimate(np.full(9, 0.5), None, seed=0)
    assert (alike.value, alike.low, alike.high) == (0.5, None, None)
    items, judged = labelled(["card"] * 6, ["card"] * 6)
    found = summary.estimates(judged, items, ["card"], seed=0)
    assert (found["macro_f1"].value, found["macro_f1"].low, found["macro_f1"].high) == (1.0, None, None)
    assert found["accuracy"].low == pytest.approx(binomtest(6, 6).proportion_ci(method="wilson").low)


def test_bits_per_byte_is_the_quotient_of_sums() -> None:
    items = [item(0, answer="four"), item(1, answer="猫猫")]  # 4 and 6 bytes
    samples = [arms.text_sample("base", each, each.answer) for each in items]
    judged = summary.judge(arms.Answers(tuple(samples), None, 1.0), items, arms.Reading(np.array([8.0, 3.0]), None))
    found = summary.estimates(judged, items, (), seed=0)
    assert found["bits_per_byte"].value == pytest.approx(11 / 10)
    kept = [(sample.scores["bits"], sample.scores["bytes"]) for sample in judged.answers.samples]
    assert kept == [(8.0, 4.0), (3.0, 6.0)]


def test_a_comparison_is_paired_and_groups_widen_it() -> None:
    rng = np.random.default_rng(3)
    before = (rng.random(200) < 0.4).astype(float)
    after = np.maximum(before, (rng.random(200) < 0.3).astype(float))
    pair = [summary.Judged(arms.Answers((), None, 0.0), {"accuracy": values}) for values in (after, before)]
    [plain] = summary.compare("test", ("tuned", pair[0]), ("base", pair[1]), None, seed=0)
    assert plain.mean == pytest.approx((after - before).mean())
    assert plain.low > 0
    order = np.argsort(after - before)
    groups = [f"g{place // 40}" for place in np.argsort(order)]
    [clustered] = summary.compare("test", ("tuned", pair[0]), ("base", pair[1]), groups, seed=0)
    assert clustered.high - clustered.low > 1.5 * (plain.high - plain.low)


@pytest.mark.parametrize(
    ("gain", "loss", "word"),
    [
        ((0.2, 0.1, 0.3), (0.0, -0.01, 0.01), "better"),
        ((0.2, 0.1, 0.3), (-0.1, -0.15, -0.06), "better_with_losses"),
        ((-0.1, -0.2, -0.01), (0.0, -0.01, 0.01), "worse"),
        ((0.0, -0.01, 0.01), (0.0, -0.01, 0.01), "equivalent"),
        ((-0.1, -0.2, 0.0), (0.0, -0.01, 0.01), "not_enough_evidence"),
        ((0.02, -0.02, 0.06), (0.0, -0.01, 0.01), "not_enough_evidence"),
    ],
)
def test_the_verdict_follows_gain_and_loss(gain: tuple[float, ...], loss: tuple[float, ...], word: str) -> None:
    target = summary.Difference(
        suite="test",
        metric="accuracy",
        arm="tuned",
        against="base",
        mean=gain[0],
        low=gain[1],
        high=gain[2],
        p_value=0.01,
        n=300,
    )
    estimate = summary.Estimate(value=0.5, n=300)
    guard = summary.Forgetting(
        suite="general_en",
        arm="tuned",
        before=estimate,
        after=estimate,
        difference=summary.Difference(
            suite="general_en", metric="exact_match", arm="tuned", against="base",
            mean=loss[0], low=loss[1], high=loss[2], p_value=0.01, n=300,
        ),
        lost=[],
        won=[],
    )  # fmt: skip
    assert summary.conclude("accuracy", target, [guard], max_loss=0.05, margin=0.02).word == word


def test_fewer_bits_are_better() -> None:
    target = summary.Difference(
        suite="test",
        metric="bits_per_byte",
        arm="tuned",
        against="base",
        mean=-0.5,
        low=-0.6,
        high=-0.4,
        p_value=0.01,
        n=30,
    )
    assert summary.conclude("bits_per_byte", target, [], max_loss=0.05, margin=0.02).word == "better"
    assert summary.conclude("accuracy", target, [], max_loss=0.05, margin=0.02).word == "worse"


def test_the_table_s_p_values_are_corrected_for_their_number() -> None:
    def one(p_value: float) -> summary.Difference:
        return summary.Difference(
            suite="test",
            metric="accuracy",
            arm="tuned",
            against="base",
            mean=0.1,
            low=0.0,
            high=0.2,
            p_value=p_value,
            n=9,
        )

    assert [d.p_adjusted for d in summary.adjusted([one(0.04), one(0.01)])] == [0.04, 0.02]


def test_the_verdict_says_what_so_many_items_can_show() -> None:
    rng = np.random.default_rng(5)
    pair = [summary.Judged(arms.Answers((), None, 0.0), {"accuracy": (rng.random(90) < 0.6) * 1.0}) for _ in range(2)]
    [target] = summary.compare("test", ("tuned", pair[0]), ("base", pair[1]), None, seed=0)
    reasons = dict(summary.conclude("accuracy", target, [], max_loss=0.05, margin=0.02).reasons)
    assert reasons["verdict.reason.detectable"] == {"n": 90, "detectable": target.detectable}
    assert target.detectable is not None
    assert 0.1 < target.detectable < 0.3


def test_the_margin_is_in_the_metric_s_unit() -> None:
    assert summary.margin_of("accuracy", 0.02, 0.7) == 0.02
    assert summary.margin_of("mae", 0.02, 350.0) == pytest.approx(7.0)


def test_a_gain_of_written_labels_alone_is_one_of_format() -> None:
    def one(arm: str, against: str, mean: float) -> summary.Difference:
        return summary.Difference(
            suite="test", metric="accuracy", arm=arm, against=against,
            mean=mean, low=mean - 0.1, high=mean + 0.1, p_value=0.5, n=90,
        )  # fmt: skip

    free = one("tuned_free_form", "base_free_form", 0.25)
    found = summary.conclude("accuracy", one("tuned", "base", 0.02), [], 0.05, 0.02, free)
    assert (found.word, found.arm, found.difference.against) == ("format_only", "tuned", "base")
    told = dict(found.reasons)["verdict.reason.format_only"]
    assert (told["mean"], told["low"], told["high"], told["n"]) == (0.25, 0.15, 0.35, 90)
    # of errors, fewer are the gain
    fewer = free.model_copy(update={"mean": -0.25, "low": -0.35, "high": -0.15})
    assert summary.conclude("mae", one("tuned", "base", -0.02), [], 0.05, 0.02, fewer).word == "format_only"
    assert summary.conclude("mae", one("tuned", "base", -0.02), [], 0.05, 0.02, free).word == "not_enough_evidence"

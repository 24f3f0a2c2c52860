import numpy as np
import pytest
from sklearn import metrics as reference

from tunesmith.metrics.labels import (
    OUTSIDE,
    Average,
    accuracy,
    averaged,
    confusion_matrix,
    encode,
    macro_f1,
    matthews,
    per_class,
)


def random_labels(seed: int) -> tuple[list[str], list[str]]:
    """Classes a to f; which of them occur on either side depends on the seed."""
    rng = np.random.default_rng(seed)
    true = rng.choice(rng.choice(list("abcdef"), size=4, replace=False), size=60)
    predicted = np.where(rng.random(60) < 0.6, true, rng.choice(rng.choice(list("abcdef"), size=3), size=60))
    return true.tolist(), predicted.tolist()


@pytest.mark.thorough
@pytest.mark.parametrize("labels", [None, ["f", "a", "c", "e", "b", "d", "never"], ["b", "c"]])
@pytest.mark.parametrize("seed", range(20))
def test_equal_to_scikit_learn(seed: int, labels: list[str] | None) -> None:
    true, predicted = random_labels(seed)
    if labels and not set(labels) & set(true):
        pytest.skip("scikit-learn needs one of the labels among the true ones")
    assert accuracy(true, predicted) == pytest.approx(reference.accuracy_score(true, predicted), abs=1e-15)
    expected_f1 = reference.f1_score(true, predicted, labels=labels, average="macro", zero_division=0)
    assert macro_f1(true, predicted, labels) == pytest.approx(expected_f1, abs=1e-14)
    expected = reference.confusion_matrix(true, predicted, labels=labels)
    np.testing.assert_array_equal(confusion_matrix(true, predicted, labels), expected)
    columns = reference.precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
    scores = per_class(true, predicted, labels)
    assert list(scores) == (labels or sorted(set(true) | set(predicted)))
    for score, *row in zip(scores.values(), *columns, strict=True):
        assert (score.precision, score.recall, score.f1, score.support) == pytest.approx(tuple(row), abs=1e-14)


def test_free_text_predictions_cost_recall_and_add_no_class() -> None:
    true = ["refund", "refund", "card", "card"]
    predicted = ["refund", "I am not sure", "card", "card"]
    assert accuracy(true, predicted) == 0.75
    # refund: precision 1, recall 1/2, F1 2/3; card: 1.
    assert macro_f1(true, predicted, ["card", "refund"]) == pytest.approx((1 + 2 / 3) / 2)
    assert macro_f1(true, predicted) == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert confusion_matrix(true, predicted, ["card", "refund"]).tolist() == [[2, 0], [0, 1]]


def test_integer_labels_and_codes() -> None:
    true, predicted = [3, 1, 1, 2], [3, 1, 2, 2]
    assert encode(predicted, [1, 2]).tolist() == [OUTSIDE, 0, 1, 1]
    codes = averaged(encode(true, [1, 2, 3]), encode(predicted, [1, 2, 3]), 3, "macro", "f1")
    assert codes == macro_f1(true, predicted) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="as many predictions"):
        accuracy(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="as many predictions"):
        macro_f1([], [])
    with pytest.raises(ValueError, match="twice"):
        confusion_matrix(["a"], ["a"], ["a", "a"])


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("seed", range(3))
def test_averages_are_those_of_scikit_learn(seed: int, average: Average) -> None:
    true, predicted = random_labels(seed)
    labels = sorted(set(true))  # what else was predicted is no class
    codes = encode(true, labels), encode(predicted, labels)
    columns = reference.precision_recall_fscore_support(
        true, predicted, labels=labels, average=average, zero_division=0
    )
    for score, expected in zip(("precision", "recall", "f1"), columns[:3], strict=True):
        found = averaged(*codes, len(labels), average, score)  # type: ignore[arg-type]
        assert found == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_matthews_is_scikit_learns_and_pearsons_of_two_classes(seed: int) -> None:
    true, predicted = random_labels(seed)
    labels = sorted(set(true))
    outside = [label if label in labels else "outside" for label in predicted]
    found = matthews(encode(true, labels), encode(predicted, labels), len(labels))
    assert found == pytest.approx(reference.matthews_corrcoef(true, outside), abs=1e-14)
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 2, (2, 50))
    assert matthews(first, second, 2) == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-12)
    assert matthews(first, np.zeros(50, np.int64), 2) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_a_true_class_that_is_none_of_the_labels_is_never_right(seed: int) -> None:
    true, predicted = random_labels(seed)
    labels = sorted(set(true))[1:]
    found = matthews(encode(true, labels), encode(predicted, labels), len(labels))
    known = [label if label in labels else "unseen" for label in true]
    told = [label if label in labels else "outside" for label in predicted]
    assert found == pytest.approx(reference.matthews_corrcoef(known, told), abs=1e-14)

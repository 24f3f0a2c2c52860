"""Parts of the test items: by what the rows say, and those in which the model errs."""

from __future__ import annotations

import numpy as np
import pytest

from tunesmith.errors import Place, TunesmithError
from tunesmith.evaluate import slices
from tunesmith.evaluate.arms import Answers
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Judged
from tunesmith.evaluate.traits import value_of_row, values_of
from tunesmith.records import Example, Message
from tunesmith.stats.intervals import wilson


def item(number: int, text: str, **fields: object) -> Item:
    answer = Message("assistant", "x")
    return Item(str(number), "test", (Message("user", text),), answer, ("x",), **fields)  # type: ignore[arg-type]


def judged(values: list[float], metric: str = "accuracy") -> Judged:
    return Judged(Answers((), None, 0.0), {metric: np.array(values)})


def test_items_are_divided_by_what_they_are() -> None:
    items = [
        item(n, "a" * (n + 1), language="en" if n < 4 else "zh", source="a.csv", columns={"shop": f"s{n % 2}"})
        for n in range(6)
    ]
    assert values_of("length", items) == ["1-2", "1-2", "3-4", "3-4", "5-6", "5-6"]
    assert values_of("shop", items) == ["s0", "s1"] * 3
    with pytest.raises(TunesmithError) as caught:
        values_of("shops", items)
    assert caught.value.code == "slice-column"
    assert "shop" in caught.value.hint()
    found = slices.declared(
        ("language", "source", "shop"), items, {"tuned": judged([1, 1, 0, 1, 0, 0])}, "accuracy", seed=0
    )
    assert found.keys() == {"language", "shop"}  # one source is no division
    estimate = found["language"]["en"]["tuned"]
    assert (estimate.value, estimate.n) == (0.75, 4)
    assert (estimate.low, estimate.high) == (wilson(3, 4).low, wilson(3, 4).high)


@pytest.mark.parametrize(("metric", "bad", "good"), [("accuracy", 0.0, 1.0), ("mae", 9.0, 1.0)])
def test_a_weak_phrase_is_found_with_its_training_rows(metric: str, bad: float, good: float) -> None:
    random = np.random.default_rng(0)
    fillers = ("please", "today", "again", "now", "card", "money", "app")
    texts = [" ".join(random.permutation(fillers)[:3]) for _ in range(400)]
    weak_N = random.random(400) < 0.25
    texts = [f"transfer abroad {text}" if weak else text for text, weak in zip(texts, weak_N, strict=True)]
    items = [item(n, text, label="x") for n, text in enumerate(texts)]
    values = [bad if weak and random.random() < 0.6 else good for weak in weak_N]
    train = [
        Example(str(n), (Message("user", text), Message("assistant", "x")), Place("t", n))
        for n, text in enumerate(["transfer abroad now", "card", "transfer money", "go abroad"])
    ]
    found, *others = slices.weak(items, train, judged(values, metric), metric, seed=0)
    # longer questions and other pairs of its words are weak because of it
    assert all(other.kind == "length" or "abroad" in other.value for other in others)
    assert (found.kind, found.value) in {("phrase", "transfer"), ("phrase", "abroad"), ("phrase", "transfer abroad")}
    assert found.num_train_rows == {"transfer": 2, "abroad": 2, "transfer abroad": 1}[found.value]
    assert (found.inside.value < found.outside.value) == (metric == "accuracy")
    assert found.outside.value == good
    assert found.p_value < 0.01
    assert all(values[int(id)] == bad for id in found.worst)
    # the estimates are those of half of the items
    assert 150 < found.inside.n + found.outside.n < 250


def test_a_model_that_errs_everywhere_alike_has_no_weak_slice() -> None:
    random = np.random.default_rng(3)
    words = ("alpha", "beta", "gamma", "delta", "卡片", "退款")
    items = [item(n, " ".join(random.choice(words, 3)), language="en") for n in range(300)]
    assert slices.weak(items, [], judged((random.random(300) < 0.6).astype(float).tolist()), "accuracy", seed=0) == []


def test_training_rows_have_the_values_that_test_items_have() -> None:
    row = Example(
        "r",
        (Message("user", "卡丢了"), Message("assistant", "x")),
        Place("/data/a.csv", 3),
        "lost",
        metadata={"shop": "s1"},
    )
    wanted = {"language": "zh", "label": "lost", "source": "a.csv", "shop": "s1", "city": "", "length": ""}
    assert {name: value_of_row(name, row) for name in wanted} == wanted
    chosen = [item(n, "问题" * 9 if n % 4 else "卡丢了", language="zh") for n in range(200)]
    values = [float(n % 4 != 0) for n in range(200)]
    found = [one for one in slices.weak(chosen, [row] * 5, judged(values), "accuracy", seed=0) if one.kind == "length"]
    assert [one.num_train_rows for one in found] == [5]

"""Balance: factors by their formulas, rows written once, held-out rows untouched, nothing lost from the account."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepare_material import Listening, Run, rejects_of, write_jsonl
from pydantic import ValidationError
from sklearn.utils.class_weight import compute_class_weight

from tunesmith.artifacts import Dataset
from tunesmith.errors import TunesmithError
from tunesmith.prepare.balance import emphasise
from tunesmith.prepare.categories import Categories
from tunesmith.recipe.balance import Balance
from tunesmith.records import SPLITS

SIZES = {"card": 120, "loan": 30, "fraud": 6}
# what many prompts begin with is long enough to count as an instruction: not near-duplicates, and quickly seen so
TEXTS = {
    "card": "my card was declined again at the big shop by the station, number {}",
    "loan": "can I repay the loan a good deal earlier than we agreed, number {}",
    "fraud": "a stranger moved money out of account {}",
}


@pytest.fixture
def source(tmp_path: Path) -> str:
    rows = [{"text": TEXTS[name].format(n * 37), "label": name} for name, size in SIZES.items() for n in range(size)]
    return write_jsonl(tmp_path / "rows.jsonl", rows)


def balanced(run: Run, source: str, **section: Any) -> tuple[Dataset, Dataset]:
    """Without and with the section."""
    plain = run(source, out="plain")
    return plain, run(source, out="balanced", balance=section)


def ids(dataset: Dataset) -> dict[str, set[str]]:
    return {split: {row.id for row in dataset.rows(split)} for split in SPLITS}


def categories(counts: list[int]) -> Categories:
    return Categories(tuple(map(str, range(len(counts)))), np.repeat(np.arange(len(counts)), counts))


@pytest.mark.parametrize("counts", [[5, 50, 7], [3, 3], [1, 1000, 999], [40]])
def test_weights_are_those_of_scikit_learn(counts: list[int]) -> None:
    made = categories(counts)
    section = Balance(by="label", method="weight", limit=1000.0)
    weights = emphasise(made, np.arange(sum(counts), dtype=np.uint64), section, 0).weights_T
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=made.of_row_T)
    assert weights == pytest.approx(expected[made.of_row_T])
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("method", "limit", "visits"),
    [
        ("over", 1000.0, [50, 50, 50]),
        ("over", 3.0, [15, 50, 21]),
        ("over", 1.0, [5, 50, 7]),
        ("under", 1000.0, [5, 5, 5]),
        ("under", 4.0, [5, 13, 5]),
    ],
)
def test_categories_meet_as_far_as_the_limit_allows(method: Any, limit: float, visits: list[int]) -> None:
    made = categories([5, 50, 7])
    repeats = emphasise(made, np.arange(62, dtype=np.uint64), Balance(by="label", method=method, limit=limit), 0)
    of_category = [repeats.repeats_T[made.of_row_T == number] for number in range(3)]
    assert [int(part.sum()) for part in of_category] == visits
    assert all(part.max() - part.min() <= 1 for part in of_category)


def test_rows_without_a_category_stay_as_they_are_and_the_seed_draws() -> None:
    made = Categories(("a", "b"), np.array([0] * 9 + [1] * 3 + [-1] * 4))
    keys = np.arange(16, dtype=np.uint64)
    under = Balance(by="label", method="under")
    first, again, other = (emphasise(made, keys, under, seed).repeats_T for seed in (0, 0, 1))
    assert first[-4:].tolist() == [1, 1, 1, 1]
    assert first.tolist() == again.tolist() != other.tolist()


@pytest.mark.thorough
def test_over_sampling_copies_nothing_and_leaves_held_out_rows_alone(run: Run, source: str) -> None:
    plain, dataset = balanced(run, source, by="label", limit=1000.0)
    assert ids(dataset) == ids(plain)
    visits: Counter[Any] = Counter()
    for row in dataset.rows("train"):
        visits[row.label] += row.repeats
    train = {label: splits["train"] for label, splits in plain.report().labels.items()}
    assert visits == dict.fromkeys(SIZES, max(train.values()))
    assert all(row.repeats == 1 for split in ("validation", "test") for row in dataset.rows(split))
    report = dataset.report()
    assert report.proof == plain.report().proof
    assert report.balance is not None
    assert {name: found.before for name, found in report.balance.categories.items()} == train
    assert {name: found.visits for name, found in report.balance.categories.items()} == visits
    assert list(report.balance.categories) == ["card", "loan", "fraud"]


def test_under_sampling_rejects_with_a_reason_and_a_place(run: Run, source: str, progress: Listening) -> None:
    plain, dataset = balanced(run, source, by="label", method="under", limit=1000.0)
    report, rows = dataset.report(), dataset.rows("train")
    assert set(Counter(row.label for row in rows).values()) == {
        min(Counter(r.label for r in plain.rows("train")).values())
    }
    cut = [reject for reject in rejects_of(dataset) if reject["reason"] == "under-sampled"]
    assert len(cut) == len(plain.rows("train")) - len(rows) == report.reasons["under-sampled"].count
    assert report.read == report.kept + report.rejected
    assert report.bad == 0
    lines = {row.place.line for row in plain.rows("train")} - {row.place.line for row in rows}
    assert {reject["line"] for reject in cut} == lines
    assert "say.prepare.balance-under" in progress.said_keys()


def test_weights_are_written_only_where_they_are_not_one(run: Run, tmp_path: Path) -> None:
    languages = ["How do I pay back the loan number {}?"] * 12 + ["第 {} 号贷款怎么还？"] * 4
    rows = [{"question": text.format(n * 31), "answer": f"a {n}"} for n, text in enumerate(languages)]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    dataset = run(source, validation_share=0.0, test_share=0.0, balance={"by": "language", "method": "weight"})
    assert {row.weight for row in dataset.rows("train")} == {16 / (2 * 12), 16 / (2 * 4)}
    even = run(source, out="even", validation_share=0.0, test_share=0.0, balance={"by": "source", "method": "weight"})
    plain = run(source, out="plain", validation_share=0.0, test_share=0.0)
    assert (even.folder / "train.jsonl").read_bytes() == (plain.folder / "train.jsonl").read_bytes()


def test_columns_and_sources_are_categories(run: Run, tmp_path: Path) -> None:
    files = []
    for name, size in (("a", 20), ("b", 5)):
        rows = [{"question": f"{name} q {n}", "answer": "x", "topic": "t1" if n % 4 else ""} for n in range(size)]
        files.append(write_jsonl(tmp_path / f"{name}.jsonl", rows))
    shares = {"validation_share": 0.0, "test_share": 0.0}
    by_source = run(files, **shares, balance={"by": "source"}).report().balance
    assert by_source is not None
    assert {name: (found.before, found.visits) for name, found in by_source.categories.items()} == {
        "1": (20, 20),
        "2": (5, 20),
    }
    by_topic = run(files, out="topic", **shares, balance={"by": "column", "column": "topic"}).report().balance
    assert by_topic is not None
    assert {name: found.before for name, found in by_topic.categories.items()} == {"t1": 18}
    with pytest.raises(TunesmithError) as caught:
        run(files, out="none", **shares, balance={"by": "label"})
    assert caught.value.code == "balance-nothing"


def test_clusters_find_the_topics_of_prompts(run: Run, tmp_path: Path) -> None:
    texts = {**TEXTS, "zh": "请问第 {} 号订单什么时候发货"}
    rows = [{"question": text.format(n * 37), "answer": f"{n}"} for text in texts.values() for n in range(30)]
    shares = {"validation_share": 0.0, "test_share": 0.0}
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    dataset = run(source, **shares, balance={"by": "cluster", "num_clusters": 4})
    report = dataset.report().balance
    assert report is not None
    assert sorted(found.before for found in report.categories.values()) == [30] * 4
    assert sum("发货" in name or "订单" in name for name in report.categories) == 1
    with pytest.raises(TunesmithError) as caught:
        run(source, out="many", **shares, balance={"by": "cluster", "num_clusters": 121})
    assert caught.value.code == "balance-clusters"


def test_a_column_is_named_when_it_is_meant() -> None:
    for wrong in ({"by": "column"}, {"by": "label", "column": "topic"}):
        with pytest.raises(ValidationError):
            Balance.model_validate(wrong)

"""What a weak slice lacks, and overrides that the recipe takes and that change what they say."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tunesmith.artifacts import Dataset
from tunesmith.artifacts.scorecard import Estimate, WeakSlice
from tunesmith.errors import Place
from tunesmith.evaluate.remedies import MAX_GROWTH, rows_wanted, with_remedies
from tunesmith.prepare import prepare
from tunesmith.recipe import Recipe, load_recipe
from tunesmith.records import SPLITS, Example, Message
from tunesmith.runtime import Runtime, Silent

RECIPE = """\
name: desk
prepare:
  sources: [{path: rows.csv, columns: {text: body, label: topic}}]
"""


def slice_of(kind: str, value: str, num_rows: int, inside: float = 0.5, outside: float = 0.75) -> WeakSlice:
    low, high = Estimate(value=inside, n=20), Estimate(value=outside, n=60)
    return WeakSlice(kind=kind, value=value, inside=low, outside=high, p_value=0.01, num_train_rows=num_rows, worst=[])


def rows(counts: dict[str, int]) -> list[Example]:
    return [
        Example(
            f"{label}{n}", (Message("user", f"{label} {n}"), Message("assistant", label)), Place("rows.csv", n), label
        )
        for label, num in counts.items()
        for n in range(num)
    ]


def recipe_of(folder: Path, text: str = RECIPE) -> Path:
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_rare_label_lacks_rows_to_the_median_of_the_others() -> None:
    counts = {"rare": 4, "a": 10, "b": 20, "c": 40}
    assert rows_wanted(slice_of("label", "rare", 4), counts, 7.0, "accuracy") == (16, "median")


def test_else_the_learning_curve_says_how_many() -> None:
    # errors of 0.5 and 0.25: half the error needs four times the rows
    assert rows_wanted(slice_of("phrase", "my card", 10), {}, 7.0, "accuracy") == (30, "curve")
    assert rows_wanted(slice_of("label", "a", 30), {"a": 30, "b": 30}, 7.0, "accuracy") == (90, "curve")
    # of errors themselves less is better
    assert rows_wanted(slice_of("phrase", "x", 10, 2.0, 1.0), {}, 7.0, "mae") == (30, "curve")
    # no error outside counts as half an item; and no curve is followed further than tenfold
    assert rows_wanted(slice_of("phrase", "x", 10, 0.5, 1.0), {}, 7.0, "accuracy") == (10 * (MAX_GROWTH - 1), "curve")
    assert rows_wanted(slice_of("phrase", "x", 0), {}, 7.4, "accuracy") == (7, "share")


def test_overrides_are_taken_by_the_recipe_and_change_what_they_say(tmp_path: Path) -> None:
    file = recipe_of(tmp_path)
    before = load_recipe(file)
    train = rows({"re: fund, 50%": 4, "a": 10, "b": 20, "c": 40})
    (found,) = with_remedies([slice_of("label", "re: fund, 50%", 4)], train, before.prepare, "accuracy")
    assert (found.num_wanted_rows, found.wanted_by) == (16, "median")
    after = {one.action: load_recipe(file, [one.override]) for one in found.remedies}
    assert list(after) == ["augment", "balance", "collect"]
    assert after["augment"].prepare.augment is not None
    (method,) = after["augment"].prepare.augment.methods
    assert (method.name, method.labels, method.copies, method.share) == ("synonyms", ("re: fund, 50%",), 4, 1.0)
    assert after["balance"].prepare.balance is not None
    assert after["balance"].prepare.balance.by == "label"
    first, second = after["collect"].prepare.sources
    assert first == before.prepare.sources[0]
    assert (second.path, second.split, second.columns) == ("more.csv", "train", first.columns)
    for action, key in (("augment", "augment"), ("balance", "balance"), ("collect", "sources")):
        changed = after[action].model_dump()
        changed["prepare"][key] = before.model_dump()["prepare"][key]
        assert changed == before.model_dump()  # and nothing else


def test_what_the_recipe_says_already_stays(tmp_path: Path) -> None:
    text = """\
name: desk
prepare:
  sources: [one.jsonl, {path: two.jsonl, split: test}]
  augment: {methods: [{name: swap, words: 0.2}, deletion]}
  balance: {by: language, limit: 3.0}
"""
    file = recipe_of(tmp_path, text)
    before = load_recipe(file).prepare
    train = [
        Example(
            str(n), (Message("user", "钱在哪里" if n < 5 else "where is it"), Message("assistant", "x")), Place("a")
        )
        for n in range(30)
    ]
    (found,) = with_remedies([slice_of("language", "zh", 5)], train, before, "accuracy")
    after = {one.action: load_recipe(file, [one.override]).prepare for one in found.remedies}
    assert list(after) == ["augment", "collect"]  # balanced by language it is already
    assert after["augment"].augment is not None
    assert before.augment is not None
    assert after["augment"].augment.methods[:2] == before.augment.methods
    assert after["augment"].augment.methods[2].languages == ("zh",)
    assert after["collect"].sources[:2] == before.sources
    assert after["collect"].sources[2].path == "more.jsonl"


def test_made_rows_are_as_many_as_are_lacking(tmp_path: Path) -> None:
    train = rows({"rare": 10, "a": 13, "b": 13})
    section = load_recipe(recipe_of(tmp_path)).prepare
    (found,) = with_remedies([slice_of("label", "rare", 10)], train, section, "accuracy")
    (method,) = yaml.safe_load(found.remedies[0].override.partition("=")[2])
    assert found.num_wanted_rows == 3
    assert math.isclose(method["share"] * 10, 3, abs_tol=0.1)
    assert "copies" not in method


@pytest.mark.parametrize(
    ("kind", "value", "actions"),
    [
        ("phrase", "my card", ["collect"]),
        ("length", "3-9", ["collect"]),
        ("source", "rows.csv", ["collect"]),  # the only one: nothing to balance
        ("channel", "phone", ["balance", "collect"]),
    ],
)
def test_a_kind_has_the_remedies_that_it_can_have(tmp_path: Path, kind: str, value: str, actions: list[str]) -> None:
    file = recipe_of(tmp_path)
    train = [
        Example(
            str(n), (Message("user", f"my card {n}"), Message("assistant", "x")), Place("/data/rows.csv", n), "x",
            metadata={"channel": "phone" if n < 4 else "mail"},
        )
        for n in range(12)
    ]  # fmt: skip
    num_rows = {"channel": 4}.get(kind, 12)
    (found,) = with_remedies([slice_of(kind, value, num_rows)], train, load_recipe(file).prepare, "accuracy")
    assert [one.action for one in found.remedies] == actions
    for one in found.remedies:
        assert load_recipe(file, [one.override]) != load_recipe(file)


def test_sources_with_shares_are_left_alone(tmp_path: Path) -> None:
    text = "name: desk\nprepare: {sources: [{path: a.csv, share: 0.5}, {path: b.csv, share: 0.5}]}\n"
    section = load_recipe(recipe_of(tmp_path, text)).prepare
    (found,) = with_remedies([slice_of("phrase", "x", 3)], rows({"x": 9}), section, "accuracy")
    assert found.remedies == []


def test_the_balance_and_the_collected_rows_reach_the_training_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = [{"text": f"question {n} of {n * 7}", "label": "a" if n % 4 else "b"} for n in range(80)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in written), encoding="utf-8")
    more = [{"text": f"one more {n} of {n * 11}", "label": "b"} for n in range(9)]
    Path("more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in more), encoding="utf-8")
    file = recipe_of(tmp_path, "name: desk\nprepare: {sources: rows.jsonl}\n")

    def train_of(name: str, *overrides: str) -> list[Example]:
        recipe: Recipe = load_recipe(file, overrides)
        runtime = Runtime(tmp_path, tmp_path / "cache")
        return prepare(recipe.prepare, seed=0, runtime=runtime, progress=Silent(), out=tmp_path / name).rows("train")

    train = train_of("before")
    num = sum(row.label == "b" for row in train)
    (found,) = with_remedies([slice_of("label", "b", num)], train, load_recipe(file).prepare, "accuracy")
    override = {one.action: one.override for one in found.remedies}
    visits: Counter[str | None] = Counter()
    for row in train_of("balanced", override["balance"]):
        visits[row.label] += row.repeats
    assert visits["a"] == visits["b"]
    train_of("collected", override["collect"])
    split_of = {
        split: sum(row.place.file.endswith("more.jsonl") for row in Dataset.open(tmp_path / "collected").rows(split))
        for split in SPLITS
    }
    assert (split_of["train"] + split_of["validation"], split_of["test"]) == (9, 0)
    assert split_of["train"] >= 7

from __future__ import annotations

from pathlib import Path

import pytest
from least_time import least_seconds

from tunesmith.errors import ManyErrors, TunesmithError
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.recipe import Recipe, dump_recipe, load_recipe
from tunesmith.recipe.search import KEPT_APART, Range, Values, apart

SMALL = "name: demo\nprepare:\n  sources: rows.jsonl\n"


def load(folder: Path, search: str, more: str = "") -> Recipe:
    file = folder / "recipe.yaml"
    file.write_text(f"{SMALL}{more}search:\n{search}", encoding="utf-8")
    return load_recipe(file)


def only(folder: Path, search: str, more: str = "") -> TunesmithError:
    with pytest.raises(TunesmithError) as caught:
        load(folder, search, more)
    assert not isinstance(caught.value, ManyErrors), str(caught.value)
    return caught.value


SPACE = """\
  space:
    train.learning_rate: {low: 1e-5, high: 1e-3, log: true}
    train.method.rank: [4, 8]
    train.batch_rows: {low: 4, high: 12, step: 4}
    train.schedule: [cosine, {name: linear, end_share: 0.1}]
    train.max_rows: {values: [null, 100]}
"""


def test_a_space_is_read_and_written_back(tmp_path: Path) -> None:
    recipe = load(tmp_path, SPACE)
    space = recipe.search.space
    assert space["train.learning_rate"] == Range(low=1e-5, high=1e-3, log=True)
    assert space["train.method.rank"] == Values(values=(4, 8))
    assert space["train.schedule"] == Values(values=("cosine", {"name": "linear", "end_share": 0.1}))
    assert space["train.max_rows"] == Values(values=(None, 100))
    again = tmp_path / "again.yaml"
    again.write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(again) == recipe


def test_a_range_is_whole_where_all_that_is_given_is() -> None:
    whole, broken = Range(low=4, high=12, step=4), Range(low=0.0, high=0.3, step=0.1)
    assert (whole.is_whole, whole.points()) == (True, [4, 8, 12])
    assert (broken.is_whole, broken.points()) == (False, [0.0, 0.1, 0.2, 0.3])
    assert Range(low=4, high=11, step=4).points() == [4, 8]
    assert not Range(low=1, high=3, step=0.5).is_whole
    assert Range(low=1, high=3).points() == [1, 3]


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("  space:\n    train.dropout: {low: 0.2, high: 0.1}\n", "`low` is not below `high`"),
        ("  space:\n    train.dropout: {low: 0.0, high: 0.1, log: true}\n", "`log` needs `low` above 0"),
        ("  space:\n    train.dropout: {low: 0.0, high: 0.1, step: 0.2}\n", "`step` lies between"),
        ("  space:\n    train.dropout: {low: 0.01, high: 0.1, log: true, step: 0.02}\n", "without `log`"),
        ("  space:\n    train.dropout: [0.1, 0.1]\n", "twice"),
        ("  space:\n    train.dropout: {low: few, high: 0.1}\n", "search.space.train.dropout.low"),
        ("  space:\n    train.dropout: {low: 0.0, high: 0.1}\n  by: grid\n", "`by: grid` needs `values` or `step`"),
        ("  space:\n    seed: 3\n", "search.space.seed"),
        ("  space:\n    train.dropout: []\n", "search.space.train.dropout"),
        ("  halving: 1\n", "search.halving"),
    ],
)
def test_a_space_that_is_none_is_refused_in_one_sentence(tmp_path: Path, search: str, said: str) -> None:
    error = only(tmp_path, search)
    assert said in error.message()
    assert error.place is not None
    assert error.place.line is not None


@pytest.mark.parametrize(
    "tried",
    ["{low: 0.2, high: 0.1}", "{low: 0.0, high: 0.1, log: true}", "[0.1, 0.1]", "[]", "3"],
)
def test_a_mistake_is_named_by_the_key_that_was_written(tmp_path: Path, tried: str) -> None:
    error = only(tmp_path, f"  space:\n    train.dropout: {tried}\n")
    assert error.parameters["key"] == "search.space.train.dropout"


def test_a_part_that_is_missing_is_named_within_what_was_written(tmp_path: Path) -> None:
    error = only(tmp_path, "  space:\n    train.dropout: {low: 0.2}\n")
    assert (error.code, error.parameters["key"]) == ("recipe-missing-key", "search.space.train.dropout.high")
    error = only(tmp_path, "  space:\n    train.dropout: {values: [0.1, 0.1]}\n")
    assert error.parameters["key"] == "search.space.train.dropout.values"


def test_a_grid_of_thousands_is_refused(tmp_path: Path) -> None:
    many = "  by: grid\n  space:\n    train.epochs: {low: 1, high: 40, step: 1}\n    train.max_rows: "
    assert "1040 trials" in only(tmp_path, many + "{low: 10, high: 35, step: 1}\n").message()
    assert load(tmp_path, many + "{low: 10, high: 34, step: 1}\n").search.by == "grid"


def test_a_mistyped_entry_is_answered_with_the_key_that_was_meant(tmp_path: Path) -> None:
    error = only(tmp_path, "  space:\n    train.dropout: {low: 0.0, high: 0.1, stp: 0.1}\n")
    assert (error.code, error.parameters["suggestion"]) == ("recipe-unknown-key", "step")
    error = only(tmp_path, "  space:\n    train.dropout: {values: [0.0], valuess: 1}\n")
    assert (error.code, error.parameters["suggestion"]) == ("recipe-unknown-key", "values")


@pytest.mark.parametrize(
    ("key", "value", "suggestion"),
    [
        ("train.lerning_rate", "[1e-4]", "learning_rate"),
        ("train.method.rnak", "[4]", "rank"),
        ("trian.epochs", "[1]", "train"),
        ("prepare.augment.methodz", "[1]", "methods"),
    ],
)
def test_a_mistyped_key_is_named_at_its_place_in_the_space(
    tmp_path: Path, key: str, value: str, suggestion: str
) -> None:
    error = only(tmp_path, f"  space:\n    {key}: {value}\n")
    assert (error.code, error.parameters["suggestion"]) == ("recipe-unknown-key", suggestion)
    assert error.place is not None
    assert (error.place.line, error.place.field) == (6, key)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ("train.method.rank: [8, -1]", "train.method.rank"),
        ("train.batch_rows: {low: 1.5, high: 3}", "train.batch_rows"),
        ("train.dropout: {low: 0.5, high: 1.5}", "train.dropout"),
        ("train.method: [lora, lorra]", "train.method"),
        ("train.optimizer: [adamw, {name: sgd, momentum: 7}]", "train.optimizer.momentum"),
    ],
)
def test_every_value_is_held_against_the_recipe(tmp_path: Path, entry: str, field: str) -> None:
    error = only(tmp_path, f"  space:\n    {entry}\n")
    assert error.parameters["key"] == field
    assert error.place is not None
    assert error.place.line == 6


def test_what_two_settings_make_together_is_left_to_the_trials(tmp_path: Path) -> None:
    """Muon goes with `full` alone, and SGD needs a rate: some trials have both."""
    space = "  space:\n    train.method: [lora, full]\n    train.optimizer: [adamw, muon, sgd]\n"
    assert len(load(tmp_path, space).search.space) == 2


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("seed", "[0, 1]", "paired"),
        ("name", "[a, b]", "told"),
        ("evaluate.max_items", "[5]", "judged"),
        ("model.base", "['builtin:tiny']", "compared"),
        ("train.objective", "[sft]", "compared"),
        ("train.stop.patience", "[2]", "compared"),
        ("train.compile", "[true]", "same"),
        ("prepare.test_share", "[0.2]", "held-out"),
        ("prepare.sources", "[[a.jsonl], [b.jsonl]]", "held-out"),
    ],
)
def test_what_no_trial_may_change_is_refused_with_the_reason(tmp_path: Path, key: str, value: str, why: str) -> None:
    error = only(tmp_path, f"  space:\n    {key}: {value}\n")
    assert error.code == "search-key"
    assert CATALOGUE[f"search.apart.{why}"][0] in error.message()
    assert CATALOGUE[f"search.apart.{why}"][1] in error.message("zh")


def test_a_whole_and_its_part_do_not_vary_together(tmp_path: Path) -> None:
    error = only(tmp_path, "  space:\n    train.method: [lora, full]\n    train.method.rank: [4, 8]\n")
    assert (error.code, error.parameters["wider"]) == ("search-overlap", "train.method")
    assert "{name: lora, rank: 8}" in error.hint()


def test_every_key_that_stays_apart_is_one_of_the_recipe() -> None:
    for key in KEPT_APART:
        section: type = Recipe
        *parents, last = key.split(".")
        for parent in parents:
            section = section.model_fields[parent].annotation  # type: ignore[attr-defined]
        assert last in section.model_fields  # type: ignore[attr-defined]
        assert apart(f"{key}.below") == KEPT_APART[key]
        assert f"search.apart.{KEPT_APART[key]}" in CATALOGUE
    assert apart("train.learning_rate") is None
    assert apart("train.stopper") is None


@pytest.mark.thorough
def test_a_long_range_is_read_at_once(tmp_path: Path) -> None:
    space = "  space:\n    train.max_rows: {low: 1, high: 1000000000, step: 1}\n"
    assert load(tmp_path, space).search.space["train.max_rows"].last == 10**9
    assert least_seconds(lambda: load(tmp_path, space), 5.0) < 5.0
    error = only(tmp_path, "  by: grid\n" + space)
    assert (error.code, "1000000000" in error.message()) == ("recipe-value", True)
    # a share below 1 or a whole number of steps: 1.5 is neither
    error = only(tmp_path, "  space:\n    train.warmup: {low: 0.5, high: 2.0, step: 0.5}\n")
    assert (error.code, "1.5" in error.message()) == ("recipe-value", True)

from __future__ import annotations

import itertools

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tunesmith.artifacts.plan import PlanBody
from tunesmith.errors import TunesmithError
from tunesmith.recipe import Full, Lora, Prefix, Recipe
from tunesmith.recipe.file import read_recipe
from tunesmith.recipe.search import Range, Search, Values
from tunesmith.search.space import distributions, grid, recipe_with, space_of, values_of

RECIPE = read_recipe("name: demo\nprepare: {sources: rows.jsonl}\ntrain: {method: {name: lora, rank: 6}}\n", "here")
PLAN = PlanBody(
    method="lora",
    learning_rate=0.0012,
    precision="fp32",
    num_steps=10,
    evaluate_every=1,
    checkpoint_every=1,
    micro_batch_tokens=16384,
    num_parameters=1,
    num_trainable=1,
    num_train_rows=1,
    num_train_tokens=1,
    num_supervised_tokens=1,
    longest_row_tokens=1,
    choices=[],
)
METHODS = ({"name": "lora", "rank": 8}, "full")


def with_train(**changes: object) -> Recipe:
    return RECIPE.model_copy(update={"train": RECIPE.train.model_copy(update=changes)})


def test_the_grid_is_exactly_the_product() -> None:
    space = {
        "train.batch_rows": Range(low=4, high=12, step=4),
        "train.dropout": Range(low=0.0, high=0.3, step=0.1),
        "train.method": Values(values=METHODS),
    }
    found = [tuple(map(str, values_of(space, settings).values())) for settings in grid(space)]
    expected = [
        tuple(map(str, combination)) for combination in itertools.product((4, 8, 12), (0.0, 0.1, 0.2, 0.3), METHODS)
    ]
    assert found == expected
    assert len(set(found)) == 24


def test_every_point_of_a_grid_is_one_that_optuna_knows() -> None:
    space = {
        "train.dropout": Range(low=0.0, high=0.35, step=0.1),
        "train.batch_rows": Range(low=3, high=11, step=4),
        "train.method": Values(values=METHODS),
    }
    for settings in grid(space):
        for key, distribution in distributions(space).items():
            assert distribution._contains(distribution.to_internal_repr(settings[key]))


def test_ranges_and_values_become_what_optuna_draws_from() -> None:
    space = {
        "train.learning_rate": Range(low=1e-5, high=1e-3, log=True),
        "train.method.rank": Range(low=4, high=64, log=True),
        "train.epochs": Range(low=1, high=3, step=0.5),
        "train.max_rows": Values(values=(None, 100)),
    }
    assert distributions(space) == {
        "train.learning_rate": FloatDistribution(1e-5, 1e-3, log=True),
        "train.method.rank": IntDistribution(4, 64, log=True),
        "train.epochs": FloatDistribution(1.0, 3.0, step=0.5),
        "train.max_rows": CategoricalDistribution(("null", "100")),
    }


def test_a_trial_is_the_recipe_with_its_settings_and_without_its_search() -> None:
    asking = RECIPE.model_copy(update={"search": Search(space={"train.epochs": Values(values=(1,))})})
    trial = recipe_with(
        asking,
        {
            "train.learning_rate": 1e-05,
            "train.method": {"name": "lora", "rank": 8},
            "train.schedule": "linear",
            "prepare.balance": {"by": "label", "method": "over"},
            "train.max_rows": None,
        },
    )
    assert trial.train.learning_rate == 1e-05
    assert trial.train.method == Lora(rank=8)
    assert trial.train.schedule.name == "linear"
    assert trial.prepare.balance is not None
    assert trial.search == Search()
    assert recipe_with(RECIPE, {}) == RECIPE


def test_settings_that_do_not_go_together_are_refused_as_a_file_would_be() -> None:
    with pytest.raises(TunesmithError, match="Muon"):
        recipe_with(RECIPE, {"train.optimizer": "muon"})


def test_the_default_space_lies_around_what_the_plan_derives() -> None:
    space = space_of(RECIPE, PLAN)
    assert space == {
        "train.learning_rate": Range(low=0.0003, high=0.0048, log=True),
        "train.method.rank": Values(values=(3, 6, 12)),
        "train.epochs": Values(values=(1.5, 3.0, 4.5)),
    }
    assert list(space_of(with_train(method=Prefix(virtual_tokens=1)), PLAN)) == [
        "train.learning_rate",
        "train.method.virtual_tokens",
        "train.epochs",
    ]
    assert list(space_of(with_train(method=Full(), max_steps=5), PLAN)) == ["train.learning_rate"]


def test_the_default_space_of_a_grid_has_as_many_rates_as_fit() -> None:
    asking = RECIPE.model_copy(update={"search": Search(by="grid")})
    assert len(grid(space_of(asking, PLAN))) == 5 * 3 * 3


def test_the_recipes_own_space_goes_before() -> None:
    own = {"train.epochs": Values(values=(1, 2))}
    assert space_of(RECIPE.model_copy(update={"search": Search(space=own)}), PLAN) == own

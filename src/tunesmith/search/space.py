"""The space of a search: from the recipe's section, or around what the plan derives, to settings and to recipes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any, Final

from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tunesmith.artifacts.plan import PlanBody
from tunesmith.recipe import Lora, Prefix, Prompt, Recipe, dump_recipe
from tunesmith.recipe.file import read_recipe
from tunesmith.recipe.search import Range, Search, Values

Space = Mapping[str, Range | Values]
Settings = Mapping[str, CategoricalChoiceType]
"""By dotted key: a number of a range, or the JSON text of one of the values, which is also YAML."""
PLACE: Final = "search.space"


def space_of(recipe: Recipe, plan: PlanBody) -> Space:
    """The recipe's own space; where it is empty, learning rate, size of the adapter and epochs around the plan's.

    `recipe` has the method that the plan chose.
    """
    if recipe.search.space:
        return recipe.search.space
    rate, train = plan.learning_rate, recipe.train
    # of rates that double
    rates = tuple(float(f"{rate * factor:.2g}") for factor in (0.25, 0.5, 1.0, 2.0, 4.0))
    space: dict[str, Range | Values] = {
        "train.learning_rate": Values(values=rates)
        if recipe.search.by == "grid"
        else Range(low=rates[0], high=rates[-1], log=True)
    }
    if isinstance(train.method, Lora):
        space["train.method.rank"] = _halved_and_doubled(train.method.rank)
    elif isinstance(train.method, Prompt | Prefix):
        space["train.method.virtual_tokens"] = _halved_and_doubled(train.method.virtual_tokens)
    if train.max_steps is None:
        space["train.epochs"] = Values(values=(train.epochs / 2, train.epochs, train.epochs * 1.5))
    return space


def _halved_and_doubled(number: int) -> Values:
    return Values(values=tuple(dict.fromkeys((max(1, number // 2), number, 2 * number))))


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """What Optuna draws from."""
    return {key: _distribution(tried) for key, tried in space.items()}


def _distribution(tried: Range | Values) -> BaseDistribution:
    if isinstance(tried, Values):
        return CategoricalDistribution([as_text(value) for value in tried.values])
    # the last neighbour may lie below `high`
    low, high = tried.low, tried.last
    if tried.is_whole:
        return IntDistribution(int(low), int(high), log=tried.log, step=int(tried.step or 1))
    return FloatDistribution(low, high, log=tried.log, step=tried.step)


def grid(space: Space) -> list[Settings]:
    """Every combination once, the last key's values changing first."""
    choices = [
        tried.points() if isinstance(tried, Range) else [as_text(value) for value in tried.values]
        for tried in space.values()
    ]
    return [dict(zip(space, combination, strict=True)) for combination in itertools.product(*choices)]


def as_text(value: object) -> str:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False)


def values_of(space: Space, settings: Settings) -> dict[str, Any]:
    """The settings as they stand in a recipe."""
    return {
        key: json.loads(str(chosen)) if isinstance(space[key], Values) else chosen for key, chosen in settings.items()
    }


def recipe_with(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with these settings instead of its own, validated as its file was, and without its search.

    Raises TunesmithError of the kinds that `load_recipe` does where they do not go together.
    """
    bare = recipe.model_copy(update={"search": Search()})
    return read_recipe(dump_recipe(bare), PLACE, [f"{key}={as_text(value)}" for key, value in values.items()])

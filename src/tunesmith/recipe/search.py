"""The section `search`: which settings are tried, how, and for how long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema, field_validator, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section

MAX_GRID: Final = 1000
"""Most trials of a grid: more would be a mistake."""
KEPT_APART: Final[Mapping[str, str]] = {
    "version": "told",
    "name": "told",
    "report": "told",
    "annotate": "told",
    "export": "told",
    "serve": "told",
    "monitor": "told",
    "feedback": "told",
    "improve": "told",
    "search": "told",
    "variants": "told",
    "evaluate": "judged",
    "seed": "paired",
    "model": "compared",
    "train.objective": "compared",
    "train.stop": "compared",
    "train.precision": "same",
    "train.micro_batch_tokens": "same",
    "train.share_prefixes": "same",
    "train.compile": "same",
    "train.evaluate_every": "same",
    "train.checkpoint_every": "same",
    "train.samples": "same",
    "train.trackers": "same",
    "prepare.sources": "held-out",
    "prepare.validation_share": "held-out",
    "prepare.test_share": "held-out",
    "prepare.group_by": "held-out",
    "prepare.split_by_time": "held-out",
}
"""Keys that no trial may change, with all below them, and why: entries `search.apart.*` of the catalogue."""


def _number(value: object) -> int | float:
    """Whole numbers stay whole."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticKnownError("float_type")
    if not math.isfinite(value):
        raise PydanticKnownError("finite_number")
    return value


Number = Annotated[int | float, PlainValidator(_number, json_schema_input_type=float)]
Value = Annotated[
    Any,
    WithJsonSchema({"anyOf": [{"type": name} for name in ("string", "number", "boolean", "object", "null")]}),
]


class Values(Section):
    """Choices of one setting; a plain list is short for `values`."""

    values: Annotated[
        tuple[Value, ...],
        Field(
            description="Each is tried as it would stand in the recipe: a number, a name, a whole method.",
            min_length=1,
            strict=False,
        ),
    ]

    @field_validator("values")
    @classmethod
    def _are_different(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        # 1 and true are equal to Python, and not in a recipe
        if len({repr(one) for one in value}) < len(value):
            raise PydanticCustomError("search_twice", "holds the same value twice")
        return value


class Range(Section):
    """A range of one setting's numbers: whole ones where all that is given of it are whole."""

    low: Annotated[Number, Field(description="Smallest value.")]
    high: Annotated[Number, Field(description="Largest value.")]
    log: Annotated[bool, Field(description="Drawn evenly by factors instead of by differences.")] = False
    step: Annotated[Number | None, Field(description="Distance of neighbours; `grid` needs it.")] = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if self.low >= self.high:
            raise PydanticCustomError("search_low_high", "`low` is not below `high`")
        if self.log and self.low <= 0:
            raise PydanticCustomError("search_log_low", "`log` needs `low` above 0")
        if self.step is not None and (self.log or self.step <= 0 or self.step > self.high - self.low):
            raise PydanticCustomError("search_step", "`step` lies between 0 and high - low, and goes without `log`")
        return self

    @property
    def is_whole(self) -> bool:
        return all(isinstance(number, int) for number in (self.low, self.high, self.step) if number is not None)

    @property
    def num_points(self) -> int:
        """Values from `low` on, a `step` apart; without a step the two ends."""
        return 2 if self.step is None else math.floor((self.high - self.low) / self.step + 1e-9) + 1

    def point(self, number: int) -> int | float:
        """One of them, counted from 0."""
        if self.step is None:
            return self.high if number else self.low
        value = self.low + number * self.step
        # without the digits that adding 0.1 three times brings
        return value if self.is_whole else float(f"{value:.12g}")

    @property
    def last(self) -> int | float:
        return self.point(self.num_points - 1)

    def points(self) -> list[int | float]:
        return [self.point(number) for number in range(self.num_points)]


def _kind(value: object) -> str:
    is_values = isinstance(value, Values | list | tuple) or (isinstance(value, dict) and "values" in value)
    return "values" if is_values else "range"


def _from_list(value: object) -> object:
    return {"values": value} if isinstance(value, list | tuple) else value


Tried = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Values, BeforeValidator(_from_list), Tag("values")],
    Discriminator(_kind),
]


class Search(Section):
    """Trials with other settings; the best by the validation rows is judged on the test rows, once."""

    space: Annotated[
        dict[str, Tried],
        Field(
            description="By dotted key, such as `train.learning_rate`, what is tried; empty: learning rate, size of "
            "the adapter and epochs, around what the plan derives."
        ),
    ] = {}
    by: Annotated[
        Literal["grid", "random", "tpe"],
        Field(description="All combinations; drawn at random; or by what earlier trials say (TPE)."),
    ] = "tpe"
    num_trials: Annotated[PositiveInt, Field(description="Trials of `random` and `tpe`.")] = 16
    halving: Annotated[
        int | None,
        Field(ge=2, description="The best 1/halving of the trials go on at each rung; absent: every trial to its end."),
    ] = 2
    hours: Annotated[
        PositiveFloat | None,
        Field(description="No rung begins after so many; the same command goes on from there."),
    ] = None

    @model_validator(mode="after")
    def _has_a_grid(self) -> Search:
        if self.by != "grid":
            return self
        num = 1
        for key, tried in self.space.items():
            if isinstance(tried, Range) and tried.step is None:
                raise PydanticCustomError(
                    "search_grid", "`by: grid` needs `values` or `step` for `{key}`", {"key": key}
                )
            num *= len(tried.values) if isinstance(tried, Values) else tried.num_points
        if num > MAX_GRID:
            told = {"num": num, "most": MAX_GRID}
            raise PydanticCustomError("search_many", "the grid has {num} trials, more than {most}", told)
        return self


def apart(key: str) -> str | None:
    """Why no trial may change a key of the recipe; None where one may."""
    return next((why for kept, why in KEPT_APART.items() if f"{key}.".startswith(f"{kept}.")), None)

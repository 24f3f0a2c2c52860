"""The section `search`: which settings are tried, how, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section


class Values(Section):
    """Choices of one setting."""

    values: Annotated[
        tuple[str | int | float | bool | None, ...],
        Field(description="Each is tried as it would stand in the recipe.", min_length=1, strict=False),
    ]


class Range(Section):
    """A range of one setting's numbers."""

    low: Annotated[float, Field(description="Smallest value.")]
    high: Annotated[float, Field(description="Largest value.")]
    log: Annotated[bool, Field(description="Drawn evenly by factors instead of by differences.")] = False
    step: Annotated[float | None, Field(gt=0.0, description="Distance of neighbours; `grid` needs it.")] = None


class Search(Section):
    """Trials with other settings; the best by the validation rows is judged on the test rows, once."""

    space: Annotated[
        dict[str, Range | Values],
        Field(description="By dotted key, such as `train.learning_rate`, what is tried."),
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
    hours: Annotated[PositiveFloat | None, Field(description="No trial begins after so many.")] = None

"""Training rows that are shown in the prompt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from tunesmith.recipe.section import PositiveInt, Section


class FewShotRows(Section):
    """Which training rows the few-shot arm is shown."""

    num: Annotated[PositiveInt, Field(description="How many rows.")] = 3
    choose: Annotated[
        Literal["random", "first", "nearest"],
        Field(
            description="`random`: the same rows for every item, drawn by the seed among the shorter half; `first`: "
            "the first rows; `nearest`: for each item those whose questions are most like its own (TF-IDF)."
        ),
    ] = "random"


def _from_number(value: object) -> object:
    """`few_shot: 5` is short for `few_shot: {num: 5}`."""
    return {"num": value} if isinstance(value, int | str) and not isinstance(value, bool) else value


FewShot = Annotated[FewShotRows, BeforeValidator(_from_number, json_schema_input_type=FewShotRows | PositiveInt)]

"""A model that judges answers beside the metrics."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.endpoint import Address
from tunesmith.recipe.section import PositiveInt, Section

JUDGE_FIGURES: Final = "judge"
"""How the name of a figure of the judge's begins, were one asked to decide."""


class Judge(Section):
    """A model that judges written answers by a rubric and chooses between two; its word never decides alone."""

    endpoint: Annotated[Address, Field(description="The judging model; asked at temperature 0.")]
    asks: Annotated[
        tuple[Literal["grades", "pairs"], ...],
        Field(
            description="`grades`: 1 to 5 for each answer and dimension. `pairs`: the better of two answers, in both "
            "orders; what changes with the order counts as a tie.",
            min_length=1,
            strict=False,
        ),
    ] = ("grades", "pairs")
    rubric: Annotated[
        dict[str, str],
        Field(
            description="Dimensions of grades by name, with what 1 and 5 mean; absent: accuracy, fluency and domain "
            "fit, by the anchors that people are shown."
        ),
    ] = {}
    arms: Annotated[tuple[str, ...], Field(description="Whose answers are judged.", min_length=1, strict=False)] = (
        "base",
        "tuned",
    )
    reference: Annotated[bool, Field(description="Show the judge the reference answer.")] = True
    max_items: Annotated[PositiveInt, Field(description="Judge a seeded sample of so many test items.")] = 200
    max_tokens: Annotated[PositiveInt, Field(description="A reply, thinking included, is cut after so many.")] = 2048

    @field_validator("rubric")
    @classmethod
    def _is_apart(cls, value: dict[str, str]) -> dict[str, str]:
        if "preference" in value:
            raise PydanticCustomError("judge_rubric", "`preference` is what pairs are asked for")
        return value

    @model_validator(mode="after")
    def _has_two_to_compare(self) -> Judge:
        if "pairs" in self.asks and len(set(self.arms)) < 2:
            raise PydanticCustomError("judge_arms", "pairs need two arms")
        return self

"""The field `prepare.teacher`: who thinks for rows that have no reasoning, and what becomes of that thinking."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.endpoint import Endpoint
from tunesmith.recipe.section import PositiveInt


class Teacher(Endpoint):
    """Answers training rows that have no reasoning; its thinking is kept where its final answer is the row's own."""

    max_tokens: Annotated[
        PositiveInt, Field(description="An answer is cut after so many tokens, thinking included.")
    ] = 4096
    tries: Annotated[
        PositiveInt, Field(description="Answers to ask for at most; the first that passes is the one that is kept.")
    ] = 4
    check: Annotated[
        Literal["auto", "exact", "number"],
        Field(
            description="How a final answer is held against the row's: as text, or by the last number of each; `auto` "
            "compares numbers where the row's answer is one, and text elsewhere."
        ),
    ] = "auto"
    without: Annotated[
        Literal["keep", "drop"], Field(description="What becomes of a row for which no answer passes.")
    ] = "keep"

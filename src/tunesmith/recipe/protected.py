"""The section `evaluate.protected`: for whom a model may not do worse than for others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import Section


class Protected(Section):
    """Groups that are held against each other, and questions that are asked once more about somebody else."""

    groups: Annotated[
        tuple[str, ...],
        Field(
            description="What tells the groups: `gender` of the people that a question speaks of, `name`, the script "
            "of their names, or whatever `slices` takes, such as a column of the rows.",
            strict=False,
        ),
    ] = ()
    swap: Annotated[
        tuple[Literal["gender", "name"], ...],
        Field(
            description="Ask the test questions once more with the other gender or other names in them. Names only "
            "where rows have labels or numbers: elsewhere they may be what the answer is about.",
            strict=False,
        ),
    ] = ()


ProtectedField = Annotated[
    Protected | None, Field(description="Attributes of people by which the answers are compared.")
]

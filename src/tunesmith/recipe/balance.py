"""The section `balance`: how often or how strongly training sees each category of its rows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import Section


class Balance(Section):
    """Evens out the categories of the training rows, after the split; held-out rows stay as they are."""

    by: Annotated[
        Literal["label", "language", "source", "column", "cluster"],
        Field(description="What a category is: the row's label, language, source, a column, or a cluster of prompts."),
    ]
    column: Annotated[str | None, Field(description="The column that names the category, with `by: column`.")] = None
    num_clusters: Annotated[
        int, Field(description="How many clusters of alike prompts to find, with `by: cluster`.", ge=2)
    ] = 8
    method: Annotated[
        Literal["over", "under", "weight"],
        Field(
            description="`over` visits rows of rare categories several times an epoch, `under` leaves out rows of "
            "frequent ones, `weight` multiplies the loss of each row."
        ),
    ] = "over"
    limit: Annotated[
        float, Field(description="No category is multiplied or divided by more than this.", ge=1.0, le=1000.0)
    ] = 10.0

    @model_validator(mode="after")
    def _names_its_column(self) -> Balance:
        if (self.by == "column") != (self.column is not None):
            raise PydanticCustomError("balance_column", "give `column` with `by: column`, and only then")
        return self

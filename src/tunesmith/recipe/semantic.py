"""The field `prepare.duplicates.semantic`: rows that say the same in other words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import Section


class Semantic(Section):
    """Rows whose prompts mean the same, by the cosine of their embeddings; they always stay in one split."""

    model: Annotated[
        str, Field(description="Folder of a sentence encoder, or of any language model: the mean of its last states.")
    ]
    threshold: Annotated[
        float, Field(description="Least cosine of the embeddings; what is right depends on the model.", gt=0.0, le=1.0)
    ] = 0.95
    action: Annotated[
        Literal["keep", "drop"],
        Field(description="`drop` keeps the first of training rows whose prompt and answer mean the same."),
    ] = "keep"

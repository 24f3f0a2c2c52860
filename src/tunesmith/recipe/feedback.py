"""The section `feedback`: what of it may become rows to learn from, and what experts look at."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import PositiveInt, Section, Share


class Review(Section):
    """Served answers that experts rate in each window."""

    num_random: Annotated[
        PositiveInt, Field(description="Drawn by the seed from all of them: an unbiased picture of the quality.")
    ] = 50
    num_unsure: Annotated[int, Field(ge=0, description="Those with the lowest confidence beside them.")] = 20
    num_per_slice: Annotated[
        int, Field(ge=0, description="Beside them so many of each slice of `evaluate.slices`.")
    ] = 0


class Curate(Section):
    """From feedback on served answers to rows."""

    use: Annotated[
        Literal["accepted", "all"],
        Field(description="`accepted`: what a person has accepted in the inbox; `all`: what nobody has dismissed."),
    ] = "accepted"
    consent: Annotated[
        tuple[str, ...] | None,
        Field(description="Ids of the API keys whose exchanges may be learned from; absent: all.", strict=False),
    ] = None
    max_share_of_key: Annotated[
        Share, Field(description="Largest share of the rows that may come from one API key; what is over is left out.")
    ] = 0.5
    min_rating: Annotated[
        int, Field(ge=1, le=5, description="Answers rated so or better are desirable, all others undesirable.")
    ] = 4
    review: Review = Review()

"""The section `improve`: when a new model is trained from what was learned in service, and what it must keep."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import PositiveInt, Section, Share
from tunesmith.recipe.span import Span


class When(Section):
    """What makes `tunesmith watch` train a candidate; each that is given does."""

    every: Annotated[Span | None, Field(description="Time since the last candidate: `30d`, `12h`.")] = None
    drift: Annotated[bool, Field(description="A health report that finds drift or a loss of accuracy.")] = True
    feedback_rows: Annotated[
        PositiveInt | None, Field(description="So many rows from feedback that no candidate has seen.")
    ] = 200


class Improve(Section):
    """A candidate from the base rows and feedback, judged against the champion before it takes its place."""

    start: Annotated[
        Literal["base", "champion"],
        Field(description="What training starts from: the base, or the weights of the champion."),
    ] = "base"
    base_rows: Annotated[
        PositiveInt | None,
        Field(description="So many of the earlier training rows are learned again beside the feedback; absent: all."),
    ] = None
    fresh_share: Annotated[
        float,
        Field(
            ge=0.0,
            lt=1.0,
            description="Share of the rows from feedback that are never learned, for candidate and champion to be "
            "judged on; drawn by the seed.",
        ),
    ] = 0.2
    max_loss: Annotated[
        Share, Field(description="Largest tolerated loss on each guarded suite against the champion.")
    ] = 0.05
    when: When = When()

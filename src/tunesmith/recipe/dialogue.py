"""The section `prepare.dialogue`: conversations that teach nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import PositiveInt, Section, Share


class Dialogue(Section):
    """Filters of conversations beside those that always hold; rows with a label or a number are left alone."""

    reject: Annotated[
        tuple[Literal["only-greetings", "wordless"], ...],
        Field(
            description="`only-greetings`: one side says nothing but hello, thanks and goodbye; `wordless`: a turn "
            "without a letter or digit.",
            strict=False,
        ),
    ] = ()
    max_repeats: Annotated[
        PositiveInt | None, Field(description="How often one side may say the same thing in a conversation.")
    ] = None
    min_side_share: Annotated[
        Share | None,
        Field(description="Least share of a conversation's words that each side has to have; less is one-sided."),
    ] = None

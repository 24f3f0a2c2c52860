"""The section `prepare.safety`: what the model is to refuse, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import Section

Refusal = dict[Literal["en", "zh"], str]


class Topic(Section):
    """A blocked topic, with requests as people make them."""

    name: Annotated[str, Field(description="What it is called in reports and in its rows.", min_length=1)]
    requests: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            description="Requests to refuse, each in its own words; the more, the better.", strict=False, min_length=1
        ),
    ]
    refusal: Annotated[Refusal, Field(description="What to answer here, by language, where not the general text.")] = {}


class Safety(Section):
    """Training rows that refuse requests on blocked topics; never in validation or test."""

    topics: Annotated[tuple[Topic, ...], Field(description="The blocked topics.", strict=False, min_length=1)]
    refusal: Annotated[
        Refusal,
        Field(
            description="What the model answers, by language: `{en: I cannot help with that., zh: 抱歉，我不能帮忙。}`."
        ),
    ] = {}
    share: Annotated[
        float,
        Field(
            description="Share of the rows that an epoch visits; few requests are visited more often.", gt=0.0, le=0.5
        ),
    ] = 0.02

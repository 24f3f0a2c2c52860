"""Tasks of lm-evaluation-harness that are asked before and after."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from tunesmith.recipe.section import PositiveInt, Section


class HarnessTasks(Section):
    """Which tasks of lm-evaluation-harness base and tuned model are asked."""

    tasks: Annotated[tuple[str, ...], Field(min_length=1, description="Their names.", strict=False)]
    folder: Annotated[
        str | None,
        Field(
            description="Folder of task files (YAML) of your own, in place of those that the library ships; their data "
            "stand in it too."
        ),
    ] = None
    max_items: Annotated[PositiveInt | None, Field(description="The first so many items of each task.")] = None


def _from_names(value: object) -> object:
    """`harness: [arc_easy]` is short for `harness: {tasks: [arc_easy]}`."""
    return {"tasks": value} if isinstance(value, list | tuple) else value


Harness = Annotated[
    HarnessTasks | None,
    BeforeValidator(_from_names, json_schema_input_type=HarnessTasks | list[str] | None),
    Field(description="Tasks of lm-evaluation-harness, asked before and after like the general questions, as texts."),
]

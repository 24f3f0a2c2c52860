"""What training minimises: which tokens are learned, or what a head on the model learns to say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from tunesmith.recipe.section import Section
from tunesmith.records import Supervise

SuperviseField = Annotated[
    Supervise,
    Field(
        description="What is learned: `answers`, only the `last` answer, or `all` tokens; a message's own `weight` "
        "counts too."
    ),
]


class Sft(Section):
    """Supervised fine-tuning: the likelihood of what the assistant says."""

    name: Annotated[Literal["sft"], Field(description="Names the objective.")] = "sft"
    supervise: SuperviseField = "answers"


def _objective_from_name(value: object) -> object:
    """`objective: sft` is short for `objective: {name: sft}`."""
    return {"name": value} if isinstance(value, str) else value


Objective = Annotated[Sft, BeforeValidator(_objective_from_name, json_schema_input_type=Sft | Literal["sft"])]

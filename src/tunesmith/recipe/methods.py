"""The ways to adapt a base: which weights are trained, or which are put beside them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section


class Full(Section):
    """Every weight is trained."""

    name: Annotated[Literal["full"], Field(description="Names the method.")] = "full"


class Lora(Section):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): W x + alpha / rank * B A x with W frozen."""

    name: Annotated[Literal["lora"], Field(description="Names the method.")] = "lora"
    rank: Annotated[PositiveInt, Field(description="Rank of the update, the inner size of B A.")] = 16
    alpha: Annotated[PositiveFloat, Field(description="The update is scaled by alpha / rank.")] = 32.0
    dropout: Annotated[
        float, Field(ge=0.0, lt=1.0, description="Share of the inputs of A that is dropped at random in training.")
    ] = 0.0
    targets: Annotated[
        tuple[str, ...],
        Field(description="Names of the linear layers; `all-linear` is every one but the head.", strict=False),
    ] = ("all-linear",)


def _method_from_name(value: object) -> object:
    """`method: lora` is short for `method: {name: lora}`."""
    return {"name": value} if isinstance(value, str) else value


AnyMethod = Annotated[Full | Lora, Field(discriminator="name")]
Method = Annotated[
    AnyMethod, BeforeValidator(_method_from_name, json_schema_input_type=AnyMethod | Literal["full", "lora"])
]

"""The ways to adapt a base: which weights are trained, or which are put beside them."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section

LayerNumber = Annotated[int, Field(ge=0)]


class Full(Section):
    """Every weight is trained."""

    name: Annotated[Literal["full"], Field(description="Names the method.")] = "full"


class Freeze(Section):
    """Full tuning with a part of the weights held as they are."""

    name: Annotated[Literal["freeze"], Field(description="Names the method.")] = "freeze"
    layers: Annotated[int, Field(ge=0, description="So many layers, from the first on, are frozen.")] = 0
    embeddings: Annotated[
        bool, Field(description="The token embeddings are frozen, and with them a head that shares their weights.")
    ] = True
    patterns: Annotated[
        tuple[str, ...],
        Field(description="Weights whose names fit one of these are frozen too: `*.mlp.*`, `lm_head.*`.", strict=False),
    ] = ()


class Lora(Section):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): W x + alpha / rank * B A x with W frozen."""

    name: Annotated[
        Literal["lora", "qlora"],
        Field(description="Names the method; under `qlora` the base is kept in 4 bits (NF4, arXiv:2305.14314)."),
    ] = "lora"
    rank: Annotated[PositiveInt, Field(description="Rank of the update, the inner size of B A.")] = 16
    alpha: Annotated[PositiveFloat, Field(description="The update is scaled by alpha / rank.")] = 32.0
    dropout: Annotated[
        float, Field(ge=0.0, lt=1.0, description="Share of the inputs of A that is dropped at random in training.")
    ] = 0.0
    targets: Annotated[
        tuple[str, ...],
        Field(
            description="Names of the linear layers; `all-linear` is all but the head, `experts` a mixture's routed "
            "experts.",
            strict=False,
        ),
    ] = ("all-linear",)
    layers: Annotated[
        Annotated[tuple[LayerNumber, ...], Field(min_length=2, max_length=2, strict=False)] | None,
        Field(description="First and last layer that is adapted, counted from 0; absent: all."),
    ] = None
    rslora: Annotated[
        bool, Field(description="Scale by alpha / sqrt(rank) instead, so that high ranks learn (arXiv:2312.03732).")
    ] = False
    dora: Annotated[
        bool, Field(description="Train the length of each row of W apart from its direction (arXiv:2402.09353).")
    ] = False

    @property
    def scale(self) -> float:
        """What B A x is multiplied by."""
        return self.alpha / (math.sqrt(self.rank) if self.rslora else self.rank)

    @model_validator(mode="after")
    def _names_layers_in_order(self) -> Lora:
        if self.layers is not None and self.layers[0] > self.layers[1]:
            raise PydanticCustomError("lora_layers", "the first of `layers` comes after the last")
        return self


class Prompt(Section):
    """Prompt tuning (Lester et al. 2021, arXiv:2104.08691): learned embeddings before every row, the model frozen."""

    name: Annotated[Literal["prompt"], Field(description="Names the method.")] = "prompt"
    virtual_tokens: Annotated[PositiveInt, Field(description="Embeddings that stand before every row.")] = 20


class Prefix(Section):
    """Prefix tuning (Li & Liang 2021, arXiv:2101.00190): learned keys and values before every row in every layer."""

    name: Annotated[Literal["prefix"], Field(description="Names the method.")] = "prefix"
    virtual_tokens: Annotated[PositiveInt, Field(description="Keys and values a layer that stand before a row.")] = 20


class Auto(Section):
    """`plan` chooses the method from rows, base, memory and a short trial of each, and says why."""

    name: Annotated[Literal["auto"], Field(description="Names the choice.")] = "auto"


AUTO_METHODS: Final[dict[str, type[Full] | type[Lora] | type[Prefix]]] = {"full": Full, "lora": Lora, "prefix": Prefix}
"""The methods that `auto` chooses from, with their default settings, by the name that a recipe gives them."""


def _method_from_name(value: object) -> object:
    """`method: lora` is short for `method: {name: lora}`."""
    return {"name": value} if isinstance(value, str) else value


AnyMethod = Annotated[Full | Freeze | Lora | Prompt | Prefix | Auto, Field(discriminator="name")]
Method = Annotated[
    AnyMethod,
    BeforeValidator(
        _method_from_name,
        json_schema_input_type=AnyMethod | Literal["full", "freeze", "lora", "qlora", "prompt", "prefix", "auto"],
    ),
]


def is_four_bit(method: Method) -> bool:
    """Whether the base is kept in 4 bits beside what is trained."""
    return isinstance(method, Lora) and method.name == "qlora"

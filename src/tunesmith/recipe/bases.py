"""What a recipe says of its base: how it is asked without a chat template, what of it is changed before training."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.methods import LayerNumber
from tunesmith.recipe.section import Section

PromptStyle = Literal["alpaca", "bare", "plain", "plain-zh"]
"""`plain` is Question and Answer, `plain-zh` the same in Chinese, `bare` the text of the messages alone."""
PromptStyleField = Annotated[
    PromptStyle | None,
    Field(description="How messages become text for a base without a chat template; absent: by the model's own."),
]
Activation = Literal["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "relu2", "silu", "tanh"]
"""By transformers' names."""
_RANGE: Final = re.compile(r"(\d+)-(\d+)")


def _numbers(value: object) -> object:
    """`[0, "4-6"]` is 0, 4, 5, 6."""
    if not isinstance(value, list | tuple):
        return value
    numbers: list[object] = []
    for entry in value:
        found = _RANGE.fullmatch(entry) if isinstance(entry, str) else None
        numbers += range(int(found[1]), int(found[2]) + 1) if found else [entry]
    return tuple(numbers)


Layers = Annotated[
    tuple[LayerNumber, ...],
    BeforeValidator(_numbers, json_schema_input_type=list[LayerNumber | Annotated[str, Field(pattern=_RANGE.pattern)]]),
]


PartShare = Annotated[float, Field(ge=0.0, lt=1.0)]


class Prune(Section):
    """What is cut out of the base because it seems worth least; the rest has to learn to do without."""

    layers: Annotated[
        int, Field(ge=0, description="So many layers in a row go: those that change least what passes through them.")
    ] = 0
    heads: Annotated[
        PartShare,
        Field(
            description="Share of each layer's query heads that goes, as many of every group that shares keys and "
            "values; the weakest writers."
        ),
    ] = 0.0
    neurons: Annotated[
        PartShare,
        Field(description="Share of each feed-forward part's neurons that goes, so that a multiple of 32 stays."),
    ] = 0.0
    weights: Annotated[
        PartShare,
        Field(
            description="Share of the numbers of each linear layer that become 0, the smallest, and stay so where all "
            "weights are trained. It saves neither bytes nor time."
        ),
    ] = 0.0

    @property
    def is_none(self) -> bool:
        return self == Prune()


class Changes(Section):
    """Another architecture made of the base before it is trained. Layers are counted from 0, as in the base."""

    keep_layers: Annotated[
        Layers | None, Field(description="These layers stay and no others: numbers, or ranges like `0-5`.")
    ] = None
    drop_layers: Annotated[Layers, Field(description="These layers go.")] = ()
    add_layers: Annotated[
        Layers,
        Field(description="Behind each of these comes a copy of it that at first passes on what it is given."),
    ] = ()
    activation: Annotated[
        Activation | None, Field(description="Replaces what the feed-forward parts activate with.")
    ] = None
    prune: Annotated[Prune, Field(description="What is cut out because it seems worth least.")] = Prune()

    @model_validator(mode="after")
    def _says_once_which_layers_stay(self) -> Changes:
        if self.keep_layers is not None and self.drop_layers:
            raise PydanticCustomError("changes_keep_drop", "`keep_layers` and `drop_layers` say the same twice")
        if self.prune.layers and (self.keep_layers is not None or self.drop_layers):
            raise PydanticCustomError(
                "changes_prune_layers", "`prune.layers` chooses which layers go, or you name them"
            )
        return self

    @property
    def is_none(self) -> bool:
        return self == Changes()


ChangesField = Annotated[
    Changes,
    Field(description="What is made of the base before it is trained; the result has to learn again what it lost."),
]

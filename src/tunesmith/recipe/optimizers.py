"""How a gradient becomes a step. Decay shrinks matrices only; vectors, such as norms and biases, never decay."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import PositiveFloat, Section

Decay = Annotated[float, Field(ge=0.0, description="Decoupled decay: weights shrink by rate * this in every step.")]
CoupledDecay = Annotated[float, Field(ge=0.0, description="L2 penalty: this times the weight joins the gradient.")]
Beta = Annotated[float, Field(ge=0.0, lt=1.0)]
Epsilon = Annotated[PositiveFloat, Field(description="Added to the denominator.")]


class AdamW(Section):
    """Adam with decoupled decay (Loshchilov & Hutter 2019, arXiv:1711.05101)."""

    name: Annotated[Literal["adamw"], Field(description="Names the optimiser.")] = "adamw"
    beta1: Annotated[Beta, Field(description="Decay of the gradient's running mean.")] = 0.9
    beta2: Annotated[Beta, Field(description="Decay of the squared gradient's running mean.")] = 0.99
    epsilon: Epsilon = 1e-8
    weight_decay: Decay = 0.01


class AdamW8Bit(Section):
    """AdamW that holds its moments in eight bits, block by block (Dettmers et al. 2022, arXiv:2110.02861)."""

    name: Annotated[Literal["adamw_8bit"], Field(description="Names the optimiser.")] = "adamw_8bit"
    beta1: Annotated[Beta, Field(description="Decay of the gradient's running mean.")] = 0.9
    beta2: Annotated[Beta, Field(description="Decay of the squared gradient's running mean.")] = 0.99
    epsilon: Epsilon = 1e-8
    weight_decay: Decay = 0.01


class Adam(Section):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980), its decay a part of the gradient."""

    name: Annotated[Literal["adam"], Field(description="Names the optimiser.")] = "adam"
    beta1: Annotated[Beta, Field(description="Decay of the gradient's running mean.")] = 0.9
    beta2: Annotated[Beta, Field(description="Decay of the squared gradient's running mean.")] = 0.99
    epsilon: Epsilon = 1e-8
    l2: CoupledDecay = 0.0


class Sgd(Section):
    """Gradient descent with momentum; it needs `train.learning_rate`, for none is derived for it."""

    name: Annotated[Literal["sgd"], Field(description="Names the optimiser.")] = "sgd"
    momentum: Annotated[Beta, Field(description="Share of the last update that is kept; 0 is plain descent.")] = 0.9
    nesterov: Annotated[bool, Field(description="Look ahead along the momentum (Nesterov 1983).")] = False
    l2: CoupledDecay = 0.0

    @model_validator(mode="after")
    def _has_momentum_to_look_along(self) -> Sgd:
        if self.nesterov and not self.momentum:
            raise PydanticCustomError("sgd_nesterov", "`nesterov` looks ahead along the momentum, and that is 0")
        return self


class RmsProp(Section):
    """The gradient over its running root mean square (Tieleman & Hinton 2012)."""

    name: Annotated[Literal["rmsprop"], Field(description="Names the optimiser.")] = "rmsprop"
    smoothing: Annotated[Beta, Field(description="Decay of the squared gradient's running mean.")] = 0.99
    epsilon: Epsilon = 1e-8
    momentum: Annotated[Beta, Field(description="Share of the last update that is kept.")] = 0.0
    l2: CoupledDecay = 0.0


class Muon(Section):
    """Orthogonal updates of the layers' matrices (Jordan et al. 2024), AdamW for all else; with method `full`.

    Updates are as large as AdamW's (Liu et al. 2025, arXiv:2502.16982), so that one learning rate serves both.
    """

    name: Annotated[Literal["muon"], Field(description="Names the optimiser.")] = "muon"
    momentum: Annotated[Beta, Field(description="Decay of the gradient's running mean, of matrices.")] = 0.95
    nesterov: Annotated[bool, Field(description="Look ahead along the momentum.")] = True
    beta1: Annotated[Beta, Field(description="As AdamW's, for what is no matrix of a layer.")] = 0.9
    beta2: Annotated[Beta, Field(description="As AdamW's, for what is no matrix of a layer.")] = 0.99
    epsilon: Epsilon = 1e-8
    weight_decay: Decay = 0.01

    @property
    def rest(self) -> AdamW:
        """For embeddings, head and vectors."""
        return AdamW(beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon, weight_decay=self.weight_decay)


def _optimizer_from_name(value: object) -> object:
    """`optimizer: sgd` is short for `optimizer: {name: sgd}`."""
    return {"name": value} if isinstance(value, str) else value


AnyOptimizer = Annotated[AdamW | AdamW8Bit | Adam | Sgd | RmsProp | Muon, Field(discriminator="name")]
OptimizerName = Literal["adamw", "adamw_8bit", "adam", "sgd", "rmsprop", "muon"]
Optimizer = Annotated[
    AnyOptimizer, BeforeValidator(_optimizer_from_name, json_schema_input_type=AnyOptimizer | OptimizerName)
]

"""How the learning rate moves over the steps of a training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section, Share


def _share_or_steps(value: float) -> float:
    if value > 1.0 and not value.is_integer():
        raise PydanticCustomError("share_or_steps", "must be a share below 1 or a whole number of steps")
    return value


ShareOrSteps = Annotated[float, Field(ge=0.0), AfterValidator(_share_or_steps)]
"""Below 1 a share of all steps, from 1 on a number of steps."""
Unit = Literal["epoch", "step"]


class Constant(Section):
    """The peak, to the end."""

    name: Annotated[Literal["constant"], Field(description="Names the schedule.")] = "constant"


class Cosine(Section):
    """Half a cosine from the peak down (Loshchilov & Hutter 2017, arXiv:1608.03983)."""

    name: Annotated[Literal["cosine"], Field(description="Names the schedule.")] = "cosine"
    end_share: Annotated[Share, Field(description="Share of the peak that is left after the last step.")] = 0.0


class Linear(Section):
    """A straight line from the peak down."""

    name: Annotated[Literal["linear"], Field(description="Names the schedule.")] = "linear"
    end_share: Annotated[Share, Field(description="Share of the peak that is left after the last step.")] = 0.0


class Polynomial(Section):
    """From the peak down by (1 - progress) ^ power."""

    name: Annotated[Literal["polynomial"], Field(description="Names the schedule.")] = "polynomial"
    power: Annotated[PositiveFloat, Field(description="1 is a straight line; more falls faster at first.")] = 2.0
    end_share: Annotated[Share, Field(description="Share of the peak that is left after the last step.")] = 0.0


class Stairs(Section):
    """Multiplied by `factor` each time so many epochs or steps are over, as torch's StepLR."""

    name: Annotated[Literal["step"], Field(description="Names the schedule.")] = "step"
    factor: Annotated[float, Field(gt=0.0, le=1.0, description="The rate is multiplied by this.")] = 0.1
    every: Annotated[PositiveInt, Field(description="So many units lie between two changes.")] = 1
    unit: Annotated[Unit, Field(description="What `every` counts, from the end of warm-up on.")] = "epoch"


class Exponential(Section):
    """Multiplied by `factor` over each epoch or step, a little with every step."""

    name: Annotated[Literal["exponential"], Field(description="Names the schedule.")] = "exponential"
    factor: Annotated[float, Field(gt=0.0, le=1.0, description="What is left of the rate after one unit.")] = 0.5
    unit: Annotated[Unit, Field(description="Over what `factor` is reached; the end of warm-up is the start.")] = (
        "epoch"
    )


class WarmupStableDecay(Section):
    """The peak until the last steps, then down (Hu et al. 2024, arXiv:2404.06395)."""

    name: Annotated[Literal["warmup-stable-decay"], Field(description="Names the schedule.")] = "warmup-stable-decay"
    decay: Annotated[
        ShareOrSteps, Field(description="The last steps, in which the rate falls: a share below 1, or their number.")
    ] = 0.2
    shape: Annotated[
        Literal["sqrt", "linear", "cosine"],
        Field(description="How it falls; `sqrt` is 1 - sqrt(progress) (Hägele et al. 2024, arXiv:2405.18392)."),
    ] = "sqrt"
    end_share: Annotated[Share, Field(description="Share of the peak that is left after the last step.")] = 0.0


def _schedule_from_name(value: object) -> object:
    """`schedule: cosine` is short for `schedule: {name: cosine}`."""
    return {"name": value} if isinstance(value, str) else value


AnySchedule = Annotated[
    Constant | Cosine | Linear | Polynomial | Stairs | Exponential | WarmupStableDecay, Field(discriminator="name")
]
ScheduleName = Literal["constant", "cosine", "linear", "polynomial", "step", "exponential", "warmup-stable-decay"]
RateSchedule = Annotated[
    AnySchedule, BeforeValidator(_schedule_from_name, json_schema_input_type=AnySchedule | ScheduleName)
]

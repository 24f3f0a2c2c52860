"""When a training ends before its last step, and what is watched of it on the way."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import PositiveInt, Section

LOSS: Final = "eval/loss"
VALIDATION_METRICS: Final[dict[str, tuple[str, ...]]] = {
    "sft": (LOSS, "eval/mean_token_accuracy"),
    "text": (LOSS, "eval/mean_token_accuracy", "eval/bits_per_byte"),
    "distill": (LOSS, "eval/mean_token_accuracy", "eval/divergence"),
    "distill-text": (LOSS, "eval/mean_token_accuracy"),
    "classification": (LOSS, "eval/accuracy"),
    "regression": (LOSS, "eval/mae"),
}
"""What a validation measures, by objective."""
HIGHER_IS_BETTER: Final = frozenset({"eval/accuracy", "eval/mean_token_accuracy"})
"""Of all the others the lower value is the better one."""
WATCHING: Final = {"checkpoint_every", "samples", "trackers"}
"""Keys of `train` that change what is saved and seen on the way, never what comes of it."""


class Stop(Section):
    """What chooses the best weights, and what ends a training early."""

    metric: Annotated[
        str,
        Field(description="A metric of the validation, by which patience waits and the best weights are chosen."),
    ] = LOSS
    patience: Annotated[
        PositiveInt | None, Field(description="Stop after so many validations without improvement.")
    ] = None
    min_delta: Annotated[float, Field(ge=0.0, description="A smaller change of the metric is no improvement.")] = 0.0
    rising_loss: Annotated[
        PositiveInt | None,
        Field(description="Stop when the mean training loss between validations has risen so many times running."),
    ] = None


def measured_with(stop: Stop, objective: str) -> Stop:
    """The same, where a validation of this objective measures its metric."""
    metrics = VALIDATION_METRICS[objective]
    if stop.metric not in metrics:
        told = {"metric": stop.metric, "objective": objective, "metrics": ", ".join(metrics)}
        raise PydanticCustomError("stop_metric", "`{metric}` is not measured with `objective: {objective}`", told)
    return stop


class Samples(Section):
    """Prompts that the model in training answers, greedily, before the first step and at every validation."""

    prompts: Annotated[tuple[str, ...], Field(description="Prompts of your own.", strict=False)] = ()
    num_rows: Annotated[
        int, Field(ge=0, description="Prompts of so many validation rows, drawn by the seed, are asked after yours.")
    ] = 3
    max_new_tokens: Annotated[PositiveInt, Field(description="An answer is cut after so many tokens.")] = 64

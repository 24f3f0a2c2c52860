"""How sure a model is of its answers, and how that is mended."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from tunesmith.recipe.section import Section

AnswerConfidence = Literal["likelihood", "verbalised", "agreement"]
HELD_OUT: Final = "calibration"
VERBALISED: Final = "verbalised"
OWN_SUITES: Final = frozenset({HELD_OUT, VERBALISED})
"""Suites of a scorecard's samples that hold what confidence is computed from."""


class Confidence(Section):
    """Which confidences are computed, and which map mends them."""

    answers: Annotated[
        tuple[AnswerConfidence, ...] | None,
        Field(
            description="Of free answers: `likelihood` is the mean probability of the first answer's tokens, "
            "`verbalised` the number from 0 to 100 that the model gives when it is asked, `agreement` the share of "
            "samples that say the same. Absent: agreement where several samples are drawn.",
            strict=False,
        ),
    ] = None
    map: Annotated[
        Literal["auto", "temperature", "platt", "isotonic", "none"],
        Field(
            description="What mends the confidence of tuned models, fitted on rows that it is not judged on; `auto` "
            "takes the one of the smallest cross-validated log loss, or none."
        ),
    ] = "auto"
    wanted_accuracy: Annotated[
        float,
        Field(
            gt=0.0,
            lt=1.0,
            description="The report tells from which confidence on answers reach it, and how many are left.",
        ),
    ] = 0.95


def _from_list(value: object) -> object:
    """`confidence: [agreement]` is short for `confidence: {answers: [agreement]}`."""
    return {"answers": value} if isinstance(value, list | tuple) else value


ConfidenceField = Annotated[
    Confidence, BeforeValidator(_from_list, json_schema_input_type=Confidence | list[AnswerConfidence])
]

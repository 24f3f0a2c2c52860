"""The section `monitor`: what a served model's traffic is held against, and when somebody is told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tunesmith.recipe.alerts import Alerts
from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section
from tunesmith.recipe.span import SpanOrNumber


class Monitor(Section):
    """Windows of the traffic, each compared with what the model was trained on and with traffic that was accepted."""

    window: Annotated[
        SpanOrNumber, Field(description="How much traffic is looked at as one: `7d`, `12h`, or a number of exchanges.")
    ] = "7d"
    min_exchanges: Annotated[PositiveInt, Field(description="A window with fewer is told of, not judged.")] = 50
    false_alarms_per_year: Annotated[
        PositiveFloat,
        Field(description="False alarms of all features together that are put up with in a year without drift."),
    ] = 1.0
    max_points: Annotated[
        PositiveInt, Field(description="Texts of a side that are compared by embeddings, drawn by the seed.")
    ] = 500
    alerts: Alerts = Alerts()

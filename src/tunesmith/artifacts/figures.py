"""What the figures of a scorecard are made of: an estimate, and the paired difference of two arms."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Closed, frozen, without numbers that are none; its schema names every key."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )


class Estimate(Record):
    """A figure with its 95 % interval over `n` items; `low` and `high` are absent where none can be given."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int


class Difference(Record):
    """Paired difference arm - against over the same items, with its 95 % interval."""

    suite: str
    metric: str
    arm: str
    against: str
    mean: float
    low: float
    high: float
    p_value: float
    n: int
    p_adjusted: float | None = None
    """The p-value corrected for the number of differences in its table, by Holm's method."""
    detectable: float | None = None
    """The smallest true difference that four of five evaluations on such items show; None where it cannot be told."""

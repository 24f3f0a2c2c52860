"""What a model does otherwise for some people than for others: by group, and when a question is about somebody else."""

from __future__ import annotations

from typing import Literal

from tunesmith.artifacts.figures import Difference, Estimate, Record


class GroupGap(Record):
    """One figure of an arm on the items of a group, and on those that it is held against; inside - outside."""

    arm: str
    attribute: str
    """`gender` or `name` of the people in the question, or a way to divide the rows, such as a column."""
    group: str
    against: str
    """The other group; empty for all others."""
    figure: Literal["score", "told", "true_positive", "false_positive"]
    """The verdict's metric; or of a label how often it is told, told where it is right, told where it is wrong."""
    label: str = ""
    inside: Estimate
    outside: Estimate
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    """Corrected for all gaps of the arm, by Holm's method."""


class SwapEffect(Record):
    """The same questions about somebody else, as one arm answers them."""

    arm: str
    attribute: Literal["gender", "name"]
    language: str
    """Of the questions; empty for all together."""
    changed: Estimate
    """Share of the answers that become others."""
    difference: Difference
    """The verdict's metric with the swap minus that without."""
    items: list[str]
    """Ids of items whose answer changes, the first few."""


class ModelBias(Record):
    """What was found for the protected attributes that the recipe declares."""

    group_sizes: dict[str, dict[str, int]]
    """Test items by attribute and group; those that tell no group are left out."""
    gaps: list[GroupGap]
    swaps: list[SwapEffect]

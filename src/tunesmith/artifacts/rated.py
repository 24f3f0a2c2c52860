"""What came of ratings of one scorecard's answers: means, differences, preferences, and how far raters are believed."""

from __future__ import annotations

from tunesmith.artifacts.figures import Difference, Estimate, Record
from tunesmith.artifacts.ratings import JudgeHead
from tunesmith.stats.agreement import Coefficient, Lean


class Preference(Record):
    """Which of two arms answered better, and the difference of the two shares over items."""

    arm: str
    against: str
    won: int
    """Times that `arm` was preferred."""
    lost: int
    ties: int
    both_bad: int
    difference: Difference
    """Share of items won less that lost, each item by the mean of its ratings."""


class OfJudge(Record):
    """What is known of a judging model beside its judgements."""

    head: JudgeHead
    unreadable: int
    """Replies that were none; they count nowhere else."""
    turned: int
    """Of `pairs`, those judged otherwise once the answers had changed places: they count as ties."""
    pairs: int
    """Pairs of answers judged in both orders."""
    kappa: dict[str, Coefficient] = {}
    """Agreement with people by dimension: quadratic weights for grades, none for preferences. People may rate at any
    time: a scorecard's file has none of it, whoever reads their ratings computes it."""


class Rated(Record):
    """Everything that ratings of one scorecard say."""

    raters: dict[str, int]
    """Ratings of each rater."""
    num_items: int
    scores: dict[str, dict[str, Estimate]]
    """Mean grade by dimension and arm."""
    differences: list[Difference]
    """Of grades, paired by item, each item by the mean of its ratings."""
    preferences: list[Preference]
    agreement: dict[str, Coefficient] = {}
    """Krippendorff's alpha of people by dimension: ordinal for grades, nominal for preferences."""
    left: Lean | None
    """How often the left answer was preferred to the right one; of a judge, where the order decided."""
    longer: Lean | None
    """How often the longer of two answers was preferred."""
    not_told: int
    """Ratings by which a rater said that it could not tell."""
    judge: OfJudge | None = None

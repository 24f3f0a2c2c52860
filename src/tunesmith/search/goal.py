"""A goal such as `accuracy>=0.9`: read strictly, held against figures with their intervals."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from tunesmith.artifacts.figures import Estimate
from tunesmith.artifacts.study import Confirmation
from tunesmith.errors import TunesmithError
from tunesmith.metrics.registry import known

_FORM: Final = re.compile(
    r"\s*(?P<metric>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<sign>>=|<=|>|<)\s*"
    r"(?P<bound>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<percent>%)?\s*"
)
_SIGNS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a metric is to reach. Use `read_goal`."""

    metric: str
    sign: str
    bound: float

    def __str__(self) -> str:
        return f"{self.metric}{self.sign}{self.bound:g}"

    def is_met(self, value: float) -> bool:
        return _SIGNS[self.sign](value, self.bound)

    def confirmation(self, test: Estimate) -> Confirmation:
        """What the test rows say: `confirmed` where the whole interval reaches it, `within_error` where the figure
        alone does, or there is no interval."""
        if not self.is_met(test.value):
            return "missed"
        worst = test.low if self.sign in (">=", ">") else test.high
        return "confirmed" if worst is not None and self.is_met(worst) else "within_error"


def read_goal(text: str, metrics: Collection[str]) -> Goal:
    """A metric, one of `>=`, `>`, `<=`, `<`, and a number; `90%` is 0.9. `metrics` are those that will be computed.

    Raises TunesmithError `goal-form`, `goal-metric` or `goal-metric-near` for a metric that is none of them,
    `goal-direction` for a bound that a worse model would meet, `goal-range` for one outside the metric's range.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise TunesmithError("goal-form", goal=text)
    name, sign = found["metric"], found["sign"]
    if name not in metrics:
        near = difflib.get_close_matches(name, metrics, n=1)
        listed = ", ".join(metrics)
        if near:
            raise TunesmithError("goal-metric-near", metric=name, suggestion=near[0])
        raise TunesmithError("goal-metric", metric=name, metrics=listed)
    metric = known(name)
    bound = float(found["bound"]) / (100 if found["percent"] else 1)
    if metric.better == "neither" or (metric.better == "higher") != (sign in (">=", ">")):
        raise TunesmithError("goal-direction", goal=text, metric=name)
    low = -math.inf if metric.low is None else metric.low
    high = math.inf if metric.high is None else metric.high
    if not low <= bound <= high:
        raise TunesmithError("goal-range", goal=text, metric=name, low=f"{low:g}", high=f"{high:g}")
    return Goal(name, sign, bound)

"""From a health report to alerts: what began in its window, and what ended. Pure.

A finding is told once, when it begins, and once more when it ends; a fall of accuracy each time that one is found. What
is open in a window is read from what was told of it and of those before it, so that a window that is looked at twice
tells nothing new, and one of which more is known later tells what changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.health import Family, HealthBody, Shift
from tunesmith.i18n import LANGUAGES, translate
from tunesmith.monitor.said import OVER_TIME
from tunesmith.recipe.alerts import AlertRule, Alerts

Code = Literal["drift", "concept", "quality", "above", "below"]
CODES: Final[Mapping[Family, Code]] = {
    "input": "drift",
    "output": "drift",
    "concept": "concept",
    "quality": "quality",
}
"""What a finding of a family of features is called; one of operations is told by a rule alone."""
HOW_MANY: Final = "exchanges_per_day"
"""The one figure that a window with too few exchanges tells as well as any other."""
_ID_DIGITS: Final = 16


class Span(Record):
    """The window that an alert is about: [since, until), UTC."""

    since: datetime
    until: datetime


class Alert(Record):
    """One thing that somebody is told: a line of `alerts.jsonl`, the body of a post."""

    id: str
    """A hash of what it is about: the same alert has it again, whoever made it."""
    code: Code
    state: Literal["begun", "ended"]
    recipe: str
    """Whose section asked for it."""
    model: str
    bundle: str
    window: Span
    feature: str
    """Of the report: a shift's feature, or a figure's name."""
    effect: float | None = None
    p_value: float | None = None
    value: float | None = None
    limit: float | None = None
    """Of a figure: what it is, and the bound of the rule."""
    text: dict[str, str]
    """By language."""
    report: str
    """Path of the health report."""

    @property
    def finding(self) -> Finding:
        return Finding(self.code, self.feature, self.limit)


@dataclass(frozen=True, slots=True)
class Finding:
    """What may be open, of one model."""

    code: Code
    feature: str
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A finding that the report tells of, and whether it holds."""

    finding: Finding
    holds: bool
    shift: Shift | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Whose alerts they are, and where what they tell is read up."""

    recipe: str
    report: str


def alerts_of(body: HealthBody, section: Alerts, told: Iterable[Alert], source: Source) -> list[Alert]:
    """What began or ended in a window, of those findings that the section asks for.

    `told` are all alerts before; none of them is told again. A window with too few exchanges begins and ends nothing
    but a bound on their number, nor does a feature or figure that the report does not tell.
    """
    own = [alert for alert in told if alert.recipe == source.recipe]
    is_open = open_findings((alert for alert in own if alert.window.until <= body.until), body.model)
    by_finding = {seen.finding: seen for seen in _seen(body, section)}
    changed = [_alert(body, seen, source) for finding, seen in by_finding.items() if seen.holds != (finding in is_open)]
    known = {alert.id for alert in own}
    return [alert for alert in changed if alert.id not in known]


def open_findings(told: Iterable[Alert], model: str) -> set[Finding]:
    """What began and has not ended, in the order of the windows, whenever it was told.

    A fall is never open: no further one is no recovery, which the accuracy itself tells.
    """
    found: set[Finding] = set()
    for alert in sorted(told, key=lambda alert: alert.window.until):
        if alert.model == model and alert.feature != OVER_TIME:
            (found.add if alert.state == "begun" else found.discard)(alert.finding)
    return found


def _seen(body: HealthBody, section: Alerts) -> Iterator[_Seen]:
    for shift in body.shifts if body.is_judged else ():
        code = CODES.get(shift.family)
        if code is not None and code in section.on:
            yield _Seen(Finding(code, shift.feature), shift.is_alarm, shift=shift)
    for rule in section.rules:
        value = body.figure(rule.figure)
        if value is not None and (body.is_judged or rule.figure == HOW_MANY):
            yield from _bounds(rule, value)


def _bounds(rule: AlertRule, value: float) -> Iterator[_Seen]:
    if rule.above is not None:
        yield _Seen(Finding("above", rule.figure, rule.above), value > rule.above, value=value)
    if rule.below is not None:
        yield _Seen(Finding("below", rule.figure, rule.below), value < rule.below, value=value)


def _alert(body: HealthBody, seen: _Seen, source: Source) -> Alert:
    finding, shift = seen.finding, seen.shift
    state: Literal["begun", "ended"] = "begun" if seen.holds else "ended"
    about = [
        source.recipe,
        body.model,
        finding.code,
        finding.feature,
        repr(finding.limit),
        state,
        body.until.isoformat(),
    ]
    effect, p_value = (None, None) if shift is None else (shift.effect, shift.p_value)
    return Alert(
        id=hashlib.sha256("\n".join(about).encode()).hexdigest()[:_ID_DIGITS],
        code=finding.code,
        state=state,
        recipe=source.recipe,
        model=body.model,
        bundle=body.bundle,
        window=Span(since=body.since, until=body.until),
        feature=finding.feature,
        effect=effect,
        p_value=p_value,
        value=seen.value,
        limit=finding.limit,
        text=_text(body, seen, state),
        report=source.report,
    )


def _text(body: HealthBody, seen: _Seen, state: str) -> dict[str, str]:
    """By language. A feature has a name in each, a figure the one that the rule has for it."""
    told = {"model": body.model, "since": f"{body.since:%Y-%m-%d %H:%M}", "until": f"{body.until:%Y-%m-%d %H:%M}"}
    found = {}
    for language in LANGUAGES:
        if seen.shift is not None:
            name = translate(f"monitor.feature.{seen.shift.feature}", language)
            told |= {"feature": name, "effect": f"{seen.shift.effect:.2g}", "p": f"{seen.shift.p_value:.2g}"}
        else:
            told |= {"feature": seen.finding.feature, "value": f"{seen.value:.4g}", "limit": f"{seen.finding.limit:g}"}
        found[language] = translate(f"alert.{seen.finding.code}.{state}", language, **told)
    return found

"""How a training went, in words: rules over its metric events alone.

The rules speak where figures leave little doubt and are silent otherwise. One at most says how the loss went, the first
that fits: divergence, nothing learned, overfitting, setback, too few steps, plateau. Beside it stands the first
that fits of overshoot, exploding gradient and clipping.

A stretch is a tenth of the steps; its median stands for it, so that no single step decides. Training and validation are
compared by windows, the steps between two validations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Final, Literal

from tunesmith.artifacts import Event
from tunesmith.runtime import Level

Code = Literal[
    "divergence",
    "nothing-learned",
    "overfitting",
    "setback",
    "too-few-steps",
    "plateau",
    "overshoot",
    "exploding-gradient",
    "clipping",
]
MIN_STEPS: Final = 20
"""With fewer steps no rule speaks."""
NUM_STRETCHES: Final = 10
MIN_VALIDATIONS: Final = 6
"""With fewer validations the stretches of the training loss show the course."""

DIVERGED: Final = 1.5
"""The loss ends at so many times its lowest stretch, with more than UNDONE of the gain lost."""
UNDONE: Final = 0.5
NUM_RUNNING: Final = 5
"""Steps whose median tells a loss that lies far above its first three from a single bad step."""
EXPLODED: Final = 10.0
"""The gradient's norm ends at so many times that of the first half."""
LEARNED: Final = 0.01
"""A loss that never falls by this share of its first value shows no learning."""
ROSE: Final = 0.02
"""The validation loss lies this share above its lowest value, and higher than ever since."""
ROSE_FAR: Final = 0.10
"""Or so far above it that it need not be the highest since; without overfitting, all of the last third so far above."""
NUM_AFTER_BEST: Final = 2
"""Validations behind the lowest one."""
STEEP: Final = 0.05
"""The last third still lowers the loss by this share,"""
STEEP_PART: Final = 0.15
"""and by this part of all that was gained since the first point."""
FLAT: Final = 0.005
"""The last third lowers the loss by less than this share."""
CLIPPED: Final = 0.8
"""The gradient is scaled down in so many of the steps, the first tenth left out."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found in one training.

    `figures` fill the catalogue's entries `health.<code>`, what it is, and `health.<code>.change`, what to change.
    """

    code: Code
    level: Level
    model: str
    first_step: int
    last_step: int
    figures: Mapping[str, float]

    @property
    def parameters(self) -> dict[str, Any]:
        """All that the catalogue's entries name."""
        return {"model": self.model, "first_step": self.first_step, "last_step": self.last_step, **self.figures}


@dataclass(frozen=True)
class _Course:
    """The figures of one training, step by step."""

    model: str
    steps: Sequence[int]
    figures: Sequence[Mapping[str, Any]]

    def series(self, name: str) -> list[float]:
        return [float(figures[name]) for figures in self.figures]

    @property
    def validations(self) -> list[tuple[int, float]]:
        """Steps and losses."""
        pairs = zip(self.steps, self.figures, strict=True)
        return [(step, float(figures["eval/loss"])) for step, figures in pairs if "eval/loss" in figures]

    @property
    def rate(self) -> float:
        return max(self.series("train/learning_rate"))

    def epoch_of(self, step: int) -> float:
        return float(self.figures[self.steps.index(step)]["train/epoch"])

    def found(self, code: Code, level: Level, first_step: int, **figures: float) -> Finding:
        return Finding(code, level, self.model, first_step, self.steps[-1], figures)


def health(events: Iterable[Event]) -> list[Finding]:
    """What the rules find in each training among the events of a run, or of a tuned model; nothing is a good sign."""
    courses: dict[str, list[Event]] = {}
    for event in events:
        if event.type == "metric" and event.step is not None and "train/loss" in event.data:
            courses.setdefault(event.data["model"], []).append(event)
    findings: list[Finding] = []
    for model, own in courses.items():
        course = _Course(model, [event.step or 0 for event in own], [event.data for event in own])
        if len(own) >= MIN_STEPS:
            findings += [finding for rules in (LOSS_RULES, RATE_RULES) for finding in _first(rules, course)]
    return findings


def _first(rules: Sequence[Callable[[_Course], Finding | None]], course: _Course) -> list[Finding]:
    """What the first rule that fits finds."""
    return next(([finding] for rule in rules if (finding := rule(course))), [])


def _divergence(course: _Course) -> Finding | None:
    medians = _stretches(course.series("train/loss"))
    place = medians.index(min(medians))
    first, lowest, last = medians[0], medians[place], medians[-1]
    climbed = last - lowest
    if climbed <= (DIVERGED - 1.0) * abs(lowest) or climbed <= UNDONE * (first - lowest):
        return None
    start = course.steps[_begin(place + 1, len(course.steps))]
    return course.found("divergence", "warning", start, lowest=lowest, last=last, rate=course.rate / 3)


def _nothing_learned(course: _Course) -> Finding | None:
    losses, validations = course.series("train/loss"), [loss for _, loss in course.validations]
    first, lowest = fmean(losses[:3]), min(_stretches(losses))
    fell = first - lowest > LEARNED * abs(first)
    validation_fell = len(validations) > 1 and validations[0] - min(validations) > LEARNED * abs(validations[0])
    if fell or validation_fell:
        return None
    return course.found("nothing-learned", "warning", course.steps[0], first=first, lowest=lowest, rate=course.rate * 3)


def _overfitting(course: _Course) -> Finding | None:
    validations = course.validations
    if len(validations) <= NUM_AFTER_BEST:
        return None
    best_step, best = min(validations, key=lambda pair: pair[1])
    after = [loss for step, loss in validations if step > best_step]
    if len(after) < NUM_AFTER_BEST:
        return None
    rise, size = after[-1] - best, _size(best, course)
    windows = _windows(course)
    falls = windows[-1] < windows[[step for step, _ in validations].index(best_step)]
    if not falls or not (rise > ROSE_FAR * size or (rise > ROSE * size and after[-1] == max(after))):
        return None
    return course.found(
        "overfitting",
        "warning",
        best_step,
        best=best,
        last=after[-1],
        train_best=windows[-1 - len(after)],
        train_last=windows[-1],
        epochs=course.epoch_of(best_step),
    )


def _setback(course: _Course) -> Finding | None:
    before, last = _thirds(course)
    if len(before) < 2 or len(last) < 2:
        return None
    best_step, best = min(before, key=lambda point: point[1])
    reached = min(loss for _, loss in last)
    if reached - best <= ROSE_FAR * _size(best, course):
        return None
    return course.found("setback", "warning", best_step, best=best, reached=reached, rate=course.rate / 3)


def _too_few_steps(course: _Course) -> Finding | None:
    before, last = _thirds(course)
    if len(before) < 2 or len(last) < 2 or last[-1][1] > min(loss for _, loss in before + last):
        return None
    gain = before[-1][1] - last[-1][1]
    if gain <= STEEP * abs(before[-1][1]) or gain <= STEEP_PART * (before[0][1] - last[-1][1]):
        return None
    epochs = 2 * course.epoch_of(course.steps[-1])
    share = gain / abs(before[-1][1])
    return course.found("too-few-steps", "info", before[-1][0], share=share, last=last[-1][1], epochs=epochs)


def _plateau(course: _Course) -> Finding | None:
    before, last = _thirds(course)
    if len(before) < 2 or len(last) < 2:
        return None
    best, reached = min(loss for _, loss in before), min(loss for _, loss in last)
    if best - reached >= FLAT * abs(best):
        return None
    start = before[-1][0]
    return course.found("plateau", "info", start, best=best, last=last[-1][1], epochs=course.epoch_of(start))


def _overshoot(course: _Course) -> Finding | None:
    losses = course.series("train/loss")
    running = [median(losses[place : place + NUM_RUNNING]) for place in range(len(losses) - NUM_RUNNING + 1)]
    first, peak = fmean(losses[:3]), max(running)
    if peak - first <= (DIVERGED - 1.0) * abs(first) or _divergence(course) is not None:
        return None
    step = course.steps[running.index(peak) + NUM_RUNNING // 2]
    return course.found("overshoot", "warning", step, first=first, peak=peak, rate=course.rate / 3)


def _exploding_gradient(course: _Course) -> Finding | None:
    norms = _stretches(course.series("train/grad_norm"))
    losses = _stretches(course.series("train/loss"))
    usual = median(norms[: NUM_STRETCHES // 2])
    if norms[-1] <= EXPLODED * usual or losses[-1] == min(losses):
        return None
    place = next(place for place, norm in enumerate(norms) if norm > EXPLODED * usual)
    start = course.steps[_begin(place, len(course.steps))]
    return course.found("exploding-gradient", "warning", start, usual=usual, last=norms[-1], rate=course.rate / 3)


def _clipping(course: _Course) -> Finding | None:
    start = len(course.steps) // NUM_STRETCHES
    share = fmean(course.series("train/grad_clipped")[start:])
    if share < CLIPPED:
        return None
    usual = median(course.series("train/grad_norm")[start:])
    return course.found("clipping", "info", course.steps[start], share=share, usual=usual, rate=course.rate / 2)


LOSS_RULES: Final = (_divergence, _nothing_learned, _overfitting, _setback, _too_few_steps, _plateau)
RATE_RULES: Final = (_overshoot, _exploding_gradient, _clipping)


def _size(best: float, course: _Course) -> float:
    """What a rise above the best loss is a share of: that loss or, where it is 0, the first one of the training."""
    return abs(best) or abs(course.series("train/loss")[0])


def _begin(place: int, num_steps: int) -> int:
    """Where a stretch begins, as an index of the steps."""
    return place * num_steps // NUM_STRETCHES


def _stretches(values: Sequence[float]) -> list[float]:
    bounds = [_begin(place, len(values)) for place in range(NUM_STRETCHES + 1)]
    return [median(values[start:stop]) for start, stop in pairwise(bounds)]


def _windows(course: _Course) -> list[float]:
    """Mean training loss up to each validation, from the one before on."""
    losses = dict(zip(course.steps, course.series("train/loss"), strict=True))
    bounds = [0, *(step for step, _ in course.validations)]
    return [fmean(losses[step] for step in losses if start < step <= stop) for start, stop in pairwise(bounds)]


def _thirds(course: _Course) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """The points of the loss up to two thirds of the steps, and those behind: validations where there are enough."""
    points = course.validations
    if len(points) < MIN_VALIDATIONS:
        ends = [course.steps[_begin(place + 1, len(course.steps)) - 1] for place in range(NUM_STRETCHES)]
        points = list(zip(ends, _stretches(course.series("train/loss")), strict=True))
    cut = course.steps[-1] * 2 / 3
    return [point for point in points if point[0] <= cut], [point for point in points if point[0] > cut]

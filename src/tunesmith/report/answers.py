"""All test answers before and after: items won and lost, how scores and lengths are spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.metrics.wording import Words, count, figure, percent
from tunesmith.report.charts import share_histogram
from tunesmith.report.pairs import BASE, TEST, Judged

LONGEST: Final = 0.98
"""Beyond this share of the answers, lengths stand in the last bin: one that never ended hides no others."""


@dataclass(frozen=True)
class OutcomeView:
    """Items that ended one way: right before and after, won, lost, wrong both times."""

    code: str
    name: str
    num_items: str
    share: float


@dataclass(frozen=True)
class Histogram:
    code: str
    title: str
    caption: str
    svg: Markup
    legend: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AnswersView:
    outcomes: tuple[OutcomeView, ...]
    """Of a metric that is right or wrong; empty for scores in between, which have a histogram."""
    histograms: tuple[Histogram, ...]


def answers_view(judged: Mapping[tuple[str, str, str], Judged], body: ScorecardBody, words: Words) -> AnswersView:
    """Of the base and of the arm of the first verdict, over the test items that both answered."""
    arm = body.verdicts[0].arm
    items = [item for name, suite, item in judged if name == BASE and suite == TEST and (arm, TEST, item) in judged]
    pairs = [(judged[BASE, TEST, item], judged[arm, TEST, item]) for item in items]
    scored = [
        (before.scores[body.metric], after.scores[body.metric])
        for before, after in pairs
        if body.metric in before.scores and body.metric in after.scores
    ]
    if not pairs:
        return AnswersView((), ())
    is_right_or_wrong = {value for pair in scored for value in pair} <= {0.0, 1.0}
    histograms = [] if is_right_or_wrong else [_scores(scored, arm, body.metric, words)]
    if body.task == "text":
        histograms.append(_lengths(pairs, arm, words))
    return AnswersView(_outcomes(scored, words) if scored and is_right_or_wrong else (), tuple(histograms))


def _outcomes(scored: Sequence[tuple[float, float]], words: Words) -> tuple[OutcomeView, ...]:
    kinds = {"right": (1.0, 1.0), "won": (0.0, 1.0), "lost": (1.0, 0.0), "wrong": (0.0, 0.0)}
    numbers = {code: sum(pair == ends for pair in scored) for code, ends in kinds.items()}
    return tuple(
        OutcomeView(
            code,
            words(f"report.answers.{code}"),
            words("report.answers.items", n=count(num), share=percent(num / len(scored))),
            num / len(scored),
        )
        for code, num in numbers.items()
    )


def _scores(scored: Sequence[tuple[float, float]], arm: str, metric: str, words: Words) -> Histogram:
    groups = {words.arm(BASE): [before for before, _ in scored], words.arm(arm): [after for _, after in scored]}
    legend = tuple(
        (name, words("report.answers.quartiles", **_quartiles(values, figure))) for name, values in groups.items()
    )
    title = words("report.answers.scores", metric=words.metric(metric))
    return _histogram("scores", title, words("report.answers.scores.caption"), groups, legend)


def _lengths(pairs: Sequence[tuple[Judged, Judged]], arm: str, words: Words) -> Histogram:
    """In characters, thinking left out."""
    told = {
        words.arm(BASE): [len(before.first.answer) for before, _ in pairs],
        words.arm(arm): [len(after.first.answer) for _, after in pairs],
        words("report.pairs.reference"): [len(before.first.reference) for before, _ in pairs],
    }
    everything = sorted(length for lengths in told.values() for length in lengths)
    longest = everything[round(LONGEST * (len(everything) - 1))]
    groups = {name: [float(min(length, longest)) for length in lengths] for name, lengths in told.items()}
    legend = tuple(
        (name, words("report.answers.quartiles", **_quartiles(lengths, count))) for name, lengths in told.items()
    )
    caption = words("report.answers.lengths.caption", n=count(longest))
    return _histogram("lengths", words("report.answers.lengths"), caption, groups, legend)


def _quartiles(values: Sequence[float], write: Callable[[float], str]) -> dict[str, str]:
    """The values that a quarter, half and three quarters of all are not above."""
    ordered, shares = sorted(values), {"low": 0.25, "median": 0.5, "high": 0.75}
    return {name: write(ordered[round(share * (len(ordered) - 1))]) for name, share in shares.items()}


def _histogram(
    code: str, title: str, caption: str, groups: Mapping[str, Sequence[float]], legend: tuple[tuple[str, str], ...]
) -> Histogram:
    described = "; ".join(f"{name}: {text}" for name, text in legend)
    return Histogram(
        code, title, caption, share_histogram(f"h-{code}", title, described, list(groups.values())), legend
    )

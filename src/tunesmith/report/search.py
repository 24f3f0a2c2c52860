"""The page of a study: the best trial and its verdict, all trials in order, what mattered, every trial as a line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from tunesmith.artifacts import write_whole
from tunesmith.artifacts.figures import Estimate
from tunesmith.artifacts.study import BEST, PAGE, Sought, StudyBody, StudyTrial
from tunesmith.metrics.wording import Language, Words, count, figure, percent, significant
from tunesmith.report.parallel import ParallelAxis, Strand, choice_axis, number_axis, parallel_chart
from tunesmith.report.render import render_page
from tunesmith.text.markdown import encoded

TONES: Final = {
    "better": "good",
    "better_with_losses": "warn",
    "format_only": "warn",
    "worse": "bad",
    "equivalent": "plain",
    "not_enough_evidence": "plain",
}
GOAL_TONES: Final = {"confirmed": "good", "within_error": "warn", "missed": "bad", None: "bad"}
MIN_LINES: Final = 2


@dataclass(frozen=True)
class TrialRow:
    """One line of the ranking."""

    rank: str
    number: int
    settings: tuple[str, ...]
    trained: str
    value: str
    state: str


@dataclass(frozen=True)
class GoalView:
    title: str
    tone: str
    sentence: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class StudyView:
    """All that the page shows."""

    title: str
    tone: str
    headline: str
    sentence: str
    cost: str
    is_done: bool
    goal: GoalView | None
    settings: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    value_name: str
    rows: tuple[TrialRow, ...]
    importance: tuple[tuple[str, str, float], ...]
    """Setting, its share in words, and as a number."""
    importance_about: str
    importance_few: bool
    parallel: Markup | None
    parallel_about: str
    next: str


def study_page(body: StudyBody, *, language: Language, out: Path) -> Path:
    """Write `study.html`, one self-contained page, into the folder `out`."""
    words = Words(language)
    page = render_page(
        "search.html.j2", words, ("report.css", "prepare.css", "search.css"), view=study_view(body, out / BEST, words)
    )
    write_whole(out / PAGE, encoded(page))
    return out / PAGE


def study_view(body: StudyBody, best_file: Path, words: Words) -> StudyView:
    columns = tuple(body.space)
    best, at = body.best, shown_at(body)
    return StudyView(
        title=body.name,
        tone=TONES[body.judged.word] if body.judged else "plain",
        headline=words("search.headline", number=best.number, total=len(body.trials)),
        sentence=sentence(body, words),
        cost=cost(body, words),
        is_done=body.is_done,
        goal=None if body.sought is None else _goal(body.sought, words),
        settings=tuple((key, shown(value)) for key, value in best.settings.items()),
        facts=_facts(body, words),
        columns=columns,
        value_name=words("search.value", metric=body.metric.removeprefix("eval/")),
        rows=tuple(trial_rows(body, words)),
        importance=_importance(body),
        importance_about=_importance_about(body, words),
        importance_few=body.importance is not None and body.importance.is_few,
        parallel=_parallel(body, at, words),
        parallel_about=words("search.parallel.about", at=percent(at)),
        next=words("search.next", file=shlex.quote(str(best_file))),
    )


def sentence(body: StudyBody, words: Words) -> str:
    """What the best trial is worth, on validation and on the test rows."""
    value, metric = significant(body.best.values[-1][1]), body.metric.removeprefix("eval/")
    judged = body.judged
    if judged is None:
        return words("search.not_judged", metric=metric, value=value)
    return words(
        "search.sentence",
        metric=metric,
        value=value,
        test_metric=words.metric(judged.metric),
        test=figure(judged.test.value),
        interval=_interval(judged.test, words),
        verdict=words(f"verdict.{judged.word}"),
    )


def cost(body: StudyBody, words: Words) -> str:
    told = {"steps": count(body.num_steps), "trials": count(len(body.trials)), "full": f"{body.full_trials:.2f}"}
    return words("search.cost", **told)


def goal_sentences(sought: Sought, words: Words) -> tuple[str, ...]:
    """Whether the goal was reached and confirmed, and both figures."""
    told = (("validation", sought.validation), ("test", sought.test))
    figures = [
        words(f"search.goal.{name}", value=figure(found.value), interval=_interval(found, words))
        for name, found in told
    ]
    return (words(f"search.goal.{sought.confirmation or 'not_reached'}"), *figures)


def trial_rows(body: StudyBody, words: Words) -> list[TrialRow]:
    """Those that were measured in their order, then the others."""
    trials = {trial.number: trial for trial in body.trials}
    others = [number for number in trials if number not in body.ranking]
    ranks = {number: str(place) for place, number in enumerate(body.ranking, start=1)}
    return [_row(trials[number], ranks.get(number, "–"), body, words) for number in [*body.ranking, *others]]


def _row(trial: StudyTrial, rank: str, body: StudyBody, words: Words) -> TrialRow:
    problem = words("search.diverged") if trial.problem == "diverged" else trial.problem
    return TrialRow(
        rank=rank,
        number=trial.number,
        settings=tuple(shown(trial.settings[key]) for key in body.space),
        trained=percent(trial.values[-1][0]) if trial.values else "–",
        value=significant(trial.values[-1][1]) if trial.values else "–",
        state=words(f"search.state.{trial.state}", problem=problem),
    )


def shown(value: Any) -> str:
    """A setting in few letters: a method by its name and what is set of it."""
    if isinstance(value, dict) and "name" in value:
        rest = ", ".join(f"{key} {shown(one)}" for key, one in value.items() if key != "name")
        return f"{value['name']} ({rest})" if rest else str(value["name"])
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shown_at(body: StudyBody) -> float:
    """The share of their steps at which most trials were measured, the larger of equally many."""
    counts: dict[float, int] = {}
    for trial in body.trials:
        for share, _ in trial.values:
            counts[share] = counts.get(share, 0) + 1
    return max(counts, key=lambda share: (counts[share], share))


def _goal(sought: Sought, words: Words) -> GoalView:
    told, *figures = goal_sentences(sought, words)
    return GoalView(words("search.goal", goal=sought.goal), GOAL_TONES[sought.confirmation], told, tuple(figures))


def _interval(found: Estimate, words: Words) -> str:
    interval = words.interval(found)
    return words("search.in_brackets", interval=interval) if interval else ""


def _facts(body: StudyBody, words: Words) -> tuple[tuple[str, str], ...]:
    halving = words("search.halving.off") if body.halving is None else words("search.halving.on", eta=body.halving)
    return (
        (words("search.facts.by"), words(f"search.by.{body.by}")),
        (words("search.facts.halving"), halving),
        (words("search.facts.metric"), body.metric),
        (words("search.facts.method"), body.method),
        (words("search.facts.seed"), str(body.seed)),
    )


def _importance(body: StudyBody) -> tuple[tuple[str, str, float], ...]:
    shares = {} if body.importance is None else body.importance.shares
    return tuple((key, percent(share), share) for key, share in shares.items())


def _importance_about(body: StudyBody, words: Words) -> str:
    found = body.importance
    if found is None:
        return words("search.importance.none")
    return words("search.importance.about", num=count(found.num_trials), at=percent(found.at))


def _parallel(body: StudyBody, at: float, words: Words) -> Markup | None:
    """Of the trials that were measured at that share; None where a line would stand alone."""
    values = {trial.number: dict(trial.values)[at] for trial in body.trials if at in dict(trial.values)}
    if len(values) < MIN_LINES:
        return None
    settings = {trial.number: trial.settings for trial in body.trials if trial.number in values}
    axes = [_axis(key, body.space[key], {n: of[key] for n, of in settings.items()}) for key in body.space]
    name = body.metric.removeprefix("eval/")
    axes.append(number_axis(name, values, log=False, turned=not body.higher_is_better))
    order = sorted(values, key=lambda number: (values[number], number), reverse=not body.higher_is_better)
    quarter = max(1, len(order) // 4)
    strands = [
        Strand(
            number,
            "best" if number == body.ranking[0] else "good" if place >= len(order) - quarter else "other",
            f"{words('search.trial')} {number}: {significant(values[number])}",
        )
        for place, number in enumerate(order)
    ]
    strands.sort(key=lambda strand: strand.css_class == "best")
    title = words("search.parallel")
    return parallel_chart("parallel", title, words("search.parallel.about", at=percent(at)), axes, strands)


def _axis(key: str, tried: Mapping[str, Any], values: Mapping[int, Any]) -> ParallelAxis:
    name = key.rpartition(".")[2]
    if "values" in tried:
        choices = [shown(value) for value in tried["values"]]
        return choice_axis(name, {number: shown(value) for number, value in values.items()}, choices)
    return number_axis(name, values, log=tried["log"])

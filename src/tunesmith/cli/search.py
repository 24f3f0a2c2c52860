"""`tunesmith search` and `tunesmith autopilot`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from tunesmith.cli.session import LANGUAGE, JsonOption, Overrides, RecipeArgument, job, show, text

if TYPE_CHECKING:
    from tunesmith.search.run import Searched


def search(recipe: RecipeArgument, overrides: Overrides = None, as_json: JsonOption = False) -> None:
    this = job(recipe, overrides)
    from tunesmith.search.run import search as run_search

    _show(run_search(this))


def autopilot(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    hours: Annotated[float | None, typer.Option("--hours", min=0.0, help=text("cli.option.hours"))] = None,
    until: Annotated[str | None, typer.Option("--until", help=text("cli.option.until"))] = None,
    as_json: JsonOption = False,
) -> None:
    this = job(recipe, overrides)
    from tunesmith.search.run import autopilot as fly

    _show(fly(this, hours, until))


def _show(found: Searched) -> None:
    show(
        {
            "study": str(found.folder),
            "page": str(found.page),
            "recipe": str(found.recipe),
            "run": str(found.outcome.run_folder),
            "report": str(found.outcome.report.html),
            **found.study.model_dump(mode="json", exclude={"space"}),
        },
        search_lines(found),
    )


def search_lines(found: Searched) -> list[str]:
    """The ranking, what the best one is worth, whether a goal was reached, and where all of it lies."""
    from tunesmith.cli.show import table
    from tunesmith.metrics.wording import Words
    from tunesmith.report.search import cost, goal_sentences, sentence, trial_rows

    words, body = Words(LANGUAGE), found.study
    head = ["rank", "trial", *body.space, "trained", "value", "state"]
    named = {"value": words("search.value", metric=body.metric.removeprefix("eval/"))}
    titles = [named.get(name) or (name if name in body.space else words(f"search.{name}")) for name in head]
    rows = [
        [row.rank, str(row.number), *row.settings, row.trained, row.value, row.state] for row in trial_rows(body, words)
    ]
    lines = [*table([titles, *rows]), "", cost(body, words)]
    if not body.is_done:
        lines.append(words("search.not_done"))
    lines += ["", words("search.headline", number=body.best.number, total=len(body.trials)), sentence(body, words)]
    if body.sought is not None:
        lines += ["", words("search.goal", goal=body.sought.goal), *goal_sentences(body.sought, words)]
    return [
        *lines,
        "",
        words("search.next", file=shlex.quote(str(found.recipe))),
        words("search.report_at", path=found.outcome.report.html),
        words("search.page_at", path=found.page),
    ]

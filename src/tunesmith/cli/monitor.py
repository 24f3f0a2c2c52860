"""`tunesmith monitor`: recent traffic against what the served model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunesmith.cli.keys import StoreOption
from tunesmith.cli.session import LANGUAGE, JsonOption, Overrides, RecipeArgument, job, show, text, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunesmith.artifacts.health import HealthBody, HealthReport


def monitor(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    store: StoreOption = None,
    all_windows: Annotated[bool, typer.Option("--all", help=text("cli.option.monitor-all"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.lifecycle.monitor import reports, require_window
    from tunesmith.report.health import health_page
    from tunesmith.store import workspace_store

    this = job(recipe, overrides)
    with workspace_store(this.runtime, store or this.recipe.serve.store) as opened:
        found = require_window(this, reports(this, opened))
    bodies = [report.body for report in found]
    page = health_page(bodies, language=this.language, out=this.run_folder)
    told: Any = [_json(report) for report in found] if all_windows else _json(found[-1])
    lines = [*(window_lines(bodies) if all_windows else []), *health_lines(bodies[-1])]
    show(
        {"page": str(page), "windows" if all_windows else "window": told},
        [*lines, "", text("monitor.page-at", path=page)],
    )


def _json(report: HealthReport) -> dict[str, Any]:
    alarms = [shift.feature for shift in report.body.alarms]
    return {"folder": str(report.folder), "alarms": alarms, **report.body.model_dump(mode="json")}


def health_lines(body: HealthBody) -> list[str]:
    """One window: alarms first, the rate of false alarms, every test, every figure, what is unlike training."""
    from tunesmith.cli.show import table
    from tunesmith.metrics.wording import Words
    from tunesmith.report.health import health_view

    words = Words(LANGUAGE)
    view = health_view([body], words)
    lines = [f"{view.title}  {view.window}  {view.counts}", "", view.state, f"  {view.meaning}"]
    lines += [f"  ! {row.alarm}  ({row.figures})" for row in view.shifts if row.is_alarm]
    lines += [view.rate, view.against]
    if view.shifts:
        head = [text(f"monitor.column.{name}") for name in ("feature", "usual", "now", "effect", "p", "test")]
        rows = [[row.name, row.usual, row.now, row.effect, row.p_value, row.test] for row in view.shifts]
        lines += ["", text("monitor.shifts"), *table([head, *rows])]
    if view.figures:
        head = [text(f"monitor.column.{name}") for name in ("figure", "usual", "now")]
        lines += ["", text("monitor.figures"), *table([head, *[[r.name, r.usual, r.now] for r in view.figures]])]
    for cluster in view.clusters:
        lines += [
            "",
            f"{text('monitor.unfamiliar')}: {cluster.title}",
            *(f"  {visible(example)}" for example in cluster.examples),
        ]
    return lines


def window_lines(bodies: Sequence[HealthBody]) -> list[str]:
    """A line for each window, the oldest first."""
    from tunesmith.cli.show import table
    from tunesmith.metrics.wording import Words
    from tunesmith.report.health import window_view

    words = Words(LANGUAGE)
    head = [text(f"monitor.column.{name}") for name in ("window", "exchanges", "alarms")]
    rows = [[view.since, view.exchanges, view.alarms or view.state] for view in (window_view(b, words) for b in bodies)]
    return [*table([head, *rows]), ""]

"""`tunesmith watch`: monitoring, alerts and improvement on a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunesmith.cli.environment import user_name
from tunesmith.cli.keys import StoreOption
from tunesmith.cli.session import JsonOption, Overrides, RecipeArgument, job, show, text

if TYPE_CHECKING:
    from tunesmith.artifacts.health import HealthReport
    from tunesmith.lifecycle.watching import Stages, Tick


def watch(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    once: Annotated[bool, typer.Option("--once", help=text("cli.option.watch-once"))] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from threading import Event

    from tunesmith.lifecycle.watching import TICK, watching
    from tunesmith.lifecycle.watching import watch as watch_on
    from tunesmith.store import workspace_store

    this = job(recipe, overrides)
    url = store or this.recipe.serve.store
    with workspace_store(this.runtime, url) as opened, watching(this, opened, stages()) as held:
        if once:
            tick = held.tick()
            show(tick_json(tick), tick_lines(tick) or [text("watching.nothing")])
            return
        minutes = int(TICK.total_seconds() // 60)
        this.progress.say("watching.begun", name=this.recipe.name, minutes=minutes)
        over = Event()
        watch_on(held, show_tick, lambda pause: over.wait(pause.total_seconds()))


def stages() -> Stages:
    from tunesmith.lifecycle.improve import improve, num_unseen
    from tunesmith.lifecycle.monitor import reports
    from tunesmith.lifecycle.watching import Stages

    who = user_name()
    return Stages(reports, num_unseen, lambda this, store, trigger: improve(this, store, trigger=trigger, who=who))


def show_tick(tick: Tick) -> None:
    """Nothing where nothing is new."""
    if lines := tick_lines(tick):
        show(tick_json(tick), lines)


def tick_json(tick: Tick) -> dict[str, Any]:
    return {
        "reports": [str(report.folder) for report in tick.reports],
        "alerts": [alert.model_dump(mode="json") for alert in tick.alerts],
        "webhook": {
            "delivered": tick.delivered.num_delivered,
            "waiting": tick.delivered.num_waiting,
            "dropped": tick.delivered.num_dropped,
        },
        "trigger": tick.trigger,
        "round": tick.round and {"id": tick.round.id, "state": tick.round.state, "passage": tick.round.passage},
    }


def tick_lines(tick: Tick) -> list[str]:
    lines = [report_line(report) for report in tick.reports]
    if tick.round is not None:
        word = text(f"cli.round.state.{tick.round.state}")
        lines.append(text("cli.round", id=tick.round.id, name=tick.round.name, word=word))
    return lines


def report_line(report: HealthReport) -> str:
    body = report.body
    since, until = (f"{at:%Y-%m-%d %H:%M}" for at in (body.since, body.until))
    told = {"since": since, "until": until, "exchanges": body.num_exchanges, "report": report.folder}
    return (
        text("watching.window", alarms=len(body.alarms), **told) if body.is_judged else text("watching.too-few", **told)
    )

"""`tunesmith feedback`: the inbox, rows from it, and answers for experts."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunesmith.cli.environment import user_name
from tunesmith.cli.keys import StoreOption, store_of
from tunesmith.cli.session import LANGUAGE, JsonOption, Overrides, RecipeArgument, job, show, text
from tunesmith.errors import TunesmithError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunesmith.feedback.inbox import Entry, Wanted
    from tunesmith.lifecycle import Job
    from tunesmith.lifecycle.feedback import Queue
    from tunesmith.store import Store

feedback_app = typer.Typer(help=text("cli.help.feedback"), rich_markup_mode=None)


class Kind(StrEnum):
    """What people may say."""

    THUMB = "thumb"
    RATING = "rating"
    CORRECTION = "correction"
    PREFERENCE = "preference"
    COMMENT = "comment"


class StateName(StrEnum):
    """What was decided."""

    OPEN = "open"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    DISMISSED = "dismissed"
    ALL = "all"


KindOption = Annotated[Kind | None, typer.Option("--kind", help=text("cli.option.feedback-kind"))]
KeyOption = Annotated[str | None, typer.Option("--key", help=text("cli.option.feedback-key"))]
SinceOption = Annotated[
    datetime | None,
    typer.Option("--since", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help=text("cli.option.feedback-since")),
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help=text("cli.option.feedback-reason"))]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="ID", help=text("cli.argument.feedback-ids"))]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help=text("cli.argument.feedback-id"))]


@feedback_app.command("list", help=text("cli.help.feedback.list"))
def feedback_list(  # noqa: PLR0913 - an argument for each option
    state: Annotated[StateName, typer.Option("--state", help=text("cli.option.feedback-state"))] = StateName.OPEN,
    kind: KindOption = None,
    key: KeyOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help=text("cli.option.feedback-limit"))] = 50,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.show_feedback import entry_json, entry_lines

    wanted = wanted_of(kind, key, since)
    with store_of(store) as opened:
        found = [entry for entry in inbox_of(opened) if wanted.holds(entry) and is_in(entry, state)]
    shown = found[-limit:]
    left = len(found) - len(shown)
    lines = entry_lines(shown, LANGUAGE) or [text("cli.feedback.none")]
    show([entry_json(entry) for entry in shown], lines + ([text("cli.feedback.more", count=left)] if left else []))


@feedback_app.command("show", help=text("cli.help.feedback.show"))
def feedback_show(id: IdArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    from tunesmith.cli.show_feedback import entry_json, whole_entry_lines

    with store_of(store) as opened:
        entry = next((entry for entry in inbox_of(opened) if entry.feedback.id == id), None)
    if entry is None:
        raise TunesmithError("feedback-unknown", id=id[:64])
    show(entry_json(entry), whole_entry_lines(entry, LANGUAGE))


@feedback_app.command("accept", help=text("cli.help.feedback.accept"))
def feedback_accept(  # noqa: PLR0913 - an argument for each option
    ids: IdsArgument = None,
    kind: KindOption = None,
    key: KeyOption = None,
    since: SinceOption = None,
    reason: ReasonOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    _settle(ids or [], wanted_of(kind, key, since), reason, store, to_accept=True)


@feedback_app.command("dismiss", help=text("cli.help.feedback.dismiss"))
def feedback_dismiss(  # noqa: PLR0913 - an argument for each option
    ids: IdsArgument = None,
    kind: KindOption = None,
    key: KeyOption = None,
    since: SinceOption = None,
    reason: ReasonOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    _settle(ids or [], wanted_of(kind, key, since), reason, store, to_accept=False)


def _settle(ids: list[str], wanted: Wanted, reason: str | None, url: str | None, *, to_accept: bool) -> None:
    from tunesmith.feedback.inbox import Chosen, Judge, chosen, settle

    if bool(ids) != wanted.is_anything:
        raise TunesmithError("feedback-both" if ids else "feedback-unnamed")
    with store_of(url) as opened:
        found = Chosen(ids, 0) if ids else chosen(inbox_of(opened), wanted, to_accept=to_accept)
        state = "accepted" if to_accept else "dismissed"
        settle(opened, found.ids, "accepted" if to_accept else "dismissed", Judge(user_name(), reason))
    lines = [text(f"cli.feedback.settled.{state}", count=len(found.ids))]
    if found.num_doubtful:
        lines.append(text("cli.feedback.passed-over", count=found.num_doubtful))
    show({"state": state, "feedback": found.ids, "passed_over": found.num_doubtful}, lines)


@feedback_app.command("correct", help=text("cli.help.feedback.correct"))
def feedback_correct(
    id: IdArgument,
    right: Annotated[str, typer.Option("--text", help=text("cli.option.feedback-text"))],
    reason: ReasonOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.feedback.inbox import Judge, correct

    with store_of(store) as opened:
        decision = correct(opened, id, right, Judge(user_name(), reason))
    show({"feedback": id, "state": decision.state, "text": decision.text}, [text("cli.feedback.corrected", id=id)])


@feedback_app.command("curate", help=text("cli.help.feedback.curate"))
def feedback_curate(
    recipe: RecipeArgument, overrides: Overrides = None, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    this = job(recipe, overrides, devices=False)
    from tunesmith.cli.show_feedback import set_lines
    from tunesmith.lifecycle.feedback import feedback_set

    with store_of(store or this.recipe.serve.store) as opened:
        made = feedback_set(this, opened)
    told = {"folder": str(made.folder), **made.body.model_dump(mode="json")}
    show(told, [*set_lines(made.body, LANGUAGE), "", str(made.folder)])


@feedback_app.command("review", help=text("cli.help.feedback.review"))
def feedback_review(  # noqa: PLR0913 - an argument for each option
    recipe: RecipeArgument,
    overrides: Overrides = None,
    rater: Annotated[str | None, typer.Option("--rater", help=text("cli.option.rater"))] = None,
    html: Annotated[Path | None, typer.Option("--html", help=text("cli.option.html"))] = None,
    imported: Annotated[list[Path] | None, typer.Option("--import", help=text("cli.option.import"))] = None,
    results: Annotated[bool, typer.Option("--results", help=text("cli.option.review-results"))] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    this = job(recipe, overrides, devices=False)
    from tunesmith.lifecycle.feedback import import_reviews, queue_of_period, review_queue, write_review_page

    with store_of(store or this.recipe.serve.store) as opened:
        lines: list[str] = []
        if imported:
            came = import_reviews(opened, this.recipe.name, imported)
            lines = [text("rate.imported", rater=one.rater, count=one.ratings, new=one.new) for one in came]
            if html is None:  # what was imported may be of an older period than the newest one
                periods = sorted({one.period for one in came})
                _show_quality(this, opened, [queue_of_period(this, opened, period) for period in periods], lines)
                return
        queue = review_queue(this, opened)
        if html is not None:
            if rater is None:
                raise TunesmithError("review-who")
            write_review_page(queue, queue.plan(rater, this.recipe.seed), html, LANGUAGE)
            show({"page": str(html), "rater": rater}, [text("rate.pack-at", rater=rater, path=html)])
            return
        if not results:
            lines = [_review_in_terminal(this, opened, queue, rater)]
        _show_quality(this, opened, [queue], lines)


def _review_in_terminal(this: Job, store: Store, queue: Queue, rater: str | None) -> str:
    """Ask until all is rated or the expert leaves; each answer is committed before the next question."""
    import sys

    from tunesmith.artifacts.ratings import ratings_file
    from tunesmith.cli.rate import Desk
    from tunesmith.cli.session import OPTIONS
    from tunesmith.lifecycle.feedback import keep_rating, known_ratings

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TunesmithError("review-terminal")
    plan = queue.plan(rater or typer.prompt(text("rate.who")), this.recipe.seed)
    ratings_file(Path(), plan.rater)  # refuses what can name no rater
    tasks = queue.tasks(plan)
    return Desk(
        tasks=tasks,
        plan=plan,
        known=known_ratings(store, tasks, plan.rater),
        keep=lambda rating: keep_rating(store, rating),
        key=typer.getchar,
        line=lambda: input(text("rate.comment")),
        say=lambda line: typer.echo(line, err=OPTIONS.json),
        clock=store.clock,
    ).work()


def _show_quality(this: Job, store: Store, queues: Sequence[Queue], lines: list[str]) -> None:
    """Of each period, the oldest first; in JSON the newest, and the others in `earlier`."""
    from dataclasses import asdict

    from tunesmith.cli.show_feedback import quality_lines
    from tunesmith.lifecycle.feedback import quality_of

    found = [quality_of(this, store, queue) for queue in queues]
    told = {**asdict(found[-1]), "earlier": [asdict(each) for each in found[:-1]]}
    show(told, [*lines, *(line for each in found for line in quality_lines(each, LANGUAGE))])


def inbox_of(store: Store) -> list[Entry]:
    from tunesmith.feedback.inbox import read_inbox
    from tunesmith.recipe.feedback import Curate

    return read_inbox(store, Curate().min_rating)


def wanted_of(kind: Kind | None, key: str | None, since: datetime | None) -> Wanted:
    from tunesmith.feedback.inbox import Wanted

    return Wanted(None if kind is None else kind.value, key, since and since.replace(tzinfo=UTC))


def is_in(entry: Entry, state: StateName) -> bool:
    found: Any = StateName.OPEN if entry.decision is None else entry.decision.state
    return state in (StateName.ALL, found)

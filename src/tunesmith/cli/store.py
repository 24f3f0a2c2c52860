"""`tunesmith store`: what a server has recorded, and its removal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tunesmith.cli.keys import StoreOption, store_of
from tunesmith.cli.session import JsonOption, show, text

if TYPE_CHECKING:
    from tunesmith.store import Removed

store_app = typer.Typer(help=text("cli.help.store"), rich_markup_mode=None)


@store_app.command("show", help=text("cli.help.store.show"))
def store_show(store: StoreOption = None, as_json: JsonOption = False) -> None:
    with store_of(store) as opened:
        place, exchanges, feedback = opened.place, opened.num_exchanges, opened.num_feedback
        oldest = next((exchange.at for exchange in opened.exchanges()), None)
    told = {"store": place, "exchanges": exchanges, "feedback": feedback, "oldest": oldest and oldest.isoformat()}
    lines = [place, text("cli.store.counts", exchanges=exchanges, feedback=feedback)]
    show(told, lines + ([] if oldest is None else [text("cli.store.oldest", day=f"{oldest:%Y-%m-%d}")]))


@store_app.command("expire", help=text("cli.help.store.expire"))
def store_expire(
    days: Annotated[int, typer.Option("--days", min=0, max=36_500, help=text("cli.option.expire-days"))],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    with store_of(store) as opened:
        removed = opened.expire(opened.clock() - timedelta(days=days))
    show_removed(removed, opened.place)


@store_app.command("forget", help=text("cli.help.store.forget"))
def store_forget(
    subject: Annotated[str, typer.Argument(metavar="USER", help=text("cli.argument.subject"))],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    with store_of(store) as opened:
        removed = opened.forget(subject)
    show_removed(removed, opened.place)


def show_removed(removed: Removed, place: str) -> None:
    counts = {"exchanges": removed.num_exchanges, "feedback": removed.num_feedback}
    show({"store": place, **counts}, [text("cli.store.removed", place=place, **counts)])

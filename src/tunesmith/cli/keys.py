"""`tunesmith keys`: the API keys of a server."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunesmith.cli.session import JsonOption, runtime, show, text

if TYPE_CHECKING:
    from datetime import datetime

    from tunesmith.store import Key, Store

keys_app = typer.Typer(help=text("cli.help.keys"), rich_markup_mode=None)
StoreOption = Annotated[str | None, typer.Option("--store", metavar="URL", help=text("cli.option.store-url"))]


class ScopeName(StrEnum):
    """What a key may be used for."""

    INFER = "infer"
    FEEDBACK = "feedback"
    METRICS = "metrics"
    ADMIN = "admin"


ScopesOption = Annotated[list[ScopeName] | None, typer.Option("--scope", help=text("cli.option.key-scope"))]
RequestsOption = Annotated[
    int | None, typer.Option("--requests-per-minute", min=1, help=text("cli.option.key-requests"))
]
TokensOption = Annotated[int | None, typer.Option("--tokens-per-minute", min=1, help=text("cli.option.key-tokens"))]
DaysOption = Annotated[int | None, typer.Option("--days", min=1, max=36_500, help=text("cli.option.key-days"))]


def store_of(url: str | None) -> Store:
    from tunesmith.store import workspace_store

    return workspace_store(runtime(devices=False), url)


@keys_app.command("create", help=text("cli.help.keys.create"))
def keys_create(  # noqa: PLR0913 - an argument for each option
    name: Annotated[str, typer.Argument(metavar="NAME", help=text("cli.argument.key-name"))],
    scopes: ScopesOption = None,
    requests_per_minute: RequestsOption = None,
    tokens_per_minute: TokensOption = None,
    days: DaysOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from datetime import timedelta

    from tunesmith.store import NewKey, create_key

    with store_of(store) as opened:
        wanted = NewKey(
            name=name,
            scopes=frozenset(scope.value for scope in scopes or (ScopeName.INFER, ScopeName.FEEDBACK)),
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            expires_at=None if days is None else opened.clock() + timedelta(days=days),
        )
        key, secret = create_key(opened, wanted)
        now = opened.clock()
    show({"secret": secret, **key_json(key, now)}, [secret, text("cli.keys.once", id=key.id)])


@keys_app.command("list", help=text("cli.help.keys.list"))
def keys_list(store: StoreOption = None, as_json: JsonOption = False) -> None:
    from tunesmith.store import list_keys

    with store_of(store) as opened:
        found, now = list_keys(opened), opened.clock()
    show([key_json(key, now) for key in found], key_lines(found, now) or [text("cli.keys.none")])


@keys_app.command("revoke", help=text("cli.help.keys.revoke"))
def keys_revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help=text("cli.argument.key-id"))],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.store import revoke_key

    with store_of(store) as opened:
        key, now = revoke_key(opened, id), opened.clock()
    show(key_json(key, now), [text("cli.keys.revoked", id=key.id, name=key.name)])


def key_json(key: Key, now: datetime) -> dict[str, Any]:
    from dataclasses import asdict

    times = {
        name: at and at.isoformat()
        for name, at in (("created_at", key.created_at), ("expires_at", key.expires_at), ("revoked_at", key.revoked_at))
    }
    return {**asdict(key), **times, "scopes": sorted(key.scopes), "state": key.fault(now) or "good"}


def key_lines(keys: list[Key], now: datetime) -> list[str]:
    from tunesmith.cli.show import table

    head = [text(f"cli.keys.{column}") for column in ("id", "name", "scopes", "requests", "tokens", "expires", "state")]
    rows = [
        [
            key.id,
            key.name,
            " ".join(sorted(key.scopes)),
            str(key.requests_per_minute or "-"),
            str(key.tokens_per_minute or "-"),
            "-" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}",
            text(f"cli.keys.state.{key.fault(now) or 'good'}"),
        ]
        for key in keys
    ]
    return table([head, *rows]) if rows else []

"""`tunesmith models`: versions of models, and which of them is the champion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunesmith.cli.environment import user_name
from tunesmith.cli.keys import StoreOption, store_of
from tunesmith.cli.session import JsonOption, show, text

if TYPE_CHECKING:
    from tunesmith.store import Change, Version

models_app = typer.Typer(help=text("cli.help.models"), rich_markup_mode=None)
ReferenceArgument = Annotated[str, typer.Argument(metavar="MODEL", help=text("cli.argument.model-reference"))]


@models_app.command("add", help=text("cli.help.models.add"))
def models_add(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help=text("cli.argument.bundle"))],
    name: Annotated[str | None, typer.Option("--name", help=text("cli.option.model-name"))] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.store import add_version

    with store_of(store) as opened:
        version = add_version(opened, bundle, name=name, who=user_name())
    show(version_json(version), [text("cli.models.added", version=version, folder=version.folder)])


@models_app.command("list", help=text("cli.help.models.list"))
def models_list(store: StoreOption = None, as_json: JsonOption = False) -> None:
    from tunesmith.store import aliases, versions

    with store_of(store) as opened:
        found, pointed = versions(opened), aliases(opened)
    told = [
        {**version_json(version), "aliases": [alias for alias, target in pointed.items() if target == version]}
        for version in found
    ]
    show(told, version_lines(found, pointed) or [text("cli.models.none")])


@models_app.command("alias", help=text("cli.help.models.alias"))
def models_alias(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help=text("cli.argument.alias"))],
    model: ReferenceArgument,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.store import set_alias

    with store_of(store) as opened:
        version = set_alias(opened, alias, model, who=user_name())
    show({"alias": alias, **version_json(version)}, [text("cli.models.aliased", alias=alias, version=version)])


@models_app.command("withdraw", help=text("cli.help.models.withdraw"))
def models_withdraw(
    model: ReferenceArgument,
    reason: Annotated[str, typer.Option("--reason", help=text("cli.option.withdraw-reason"))],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.store import aliases, withdraw

    with store_of(store) as opened:
        version = withdraw(opened, model, who=user_name(), reason=reason)
        left = [alias for alias, target in aliases(opened).items() if target == version]
    lines = [text("cli.models.withdrawn", version=version)]
    show(
        {**version_json(version), "aliases": left},
        lines + [text("cli.models.alias-left", alias=alias) for alias in left],
    )


@models_app.command("history", help=text("cli.help.models.history"))
def models_history(store: StoreOption = None, as_json: JsonOption = False) -> None:
    from dataclasses import asdict

    from tunesmith.store import history

    with store_of(store) as opened:
        changes = list(history(opened))
    told = [{**asdict(change), "at": change.at.isoformat()} for change in changes]
    show(told, [change_line(change) for change in changes] or [text("cli.models.no-history")])


def version_json(version: Version) -> dict[str, Any]:
    return {
        "version": str(version),
        "bundle": version.bundle,
        "folder": str(version.folder),
        "base_sha256": version.base_sha256,
        "added_at": version.added_at.isoformat(),
        "withdrawn_at": version.withdrawn_at and version.withdrawn_at.isoformat(),
    }


def version_lines(versions: list[Version], aliases: dict[str, Version]) -> list[str]:
    from tunesmith.cli.show import table

    head = [text(f"cli.models.{column}") for column in ("version", "aliases", "added-on", "state", "folder")]
    rows = [
        [
            str(version),
            " ".join(alias for alias, target in aliases.items() if target == version) or "-",
            f"{version.added_at:%Y-%m-%d}",
            text(f"cli.models.state.{'usable' if version.withdrawn_at is None else 'withdrawn'}"),
            str(version.folder),
        ]
        for version in versions
    ]
    return table([head, *rows]) if rows else []


def change_line(change: Change) -> str:
    said = text(f"cli.models.change.{change.what}", version=change.version, alias=change.alias, reason=change.reason)
    return f"{change.number:>4}  {change.at:%Y-%m-%d %H:%M:%S}  {change.who}  {said}"

"""`tunesmith push`: a bundle to the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunesmith.cli.session import JsonOption, progress, runtime, show, text

if TYPE_CHECKING:
    from tunesmith.lifecycle.push import Pushed


def push(  # noqa: PLR0913 - an argument for each option
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help=text("cli.argument.bundle"))],
    repo: Annotated[str, typer.Argument(metavar="REPO", help=text("cli.argument.repo"))],
    forms: Annotated[list[str] | None, typer.Option("--form", help=text("cli.option.push-form"))] = None,
    public: Annotated[bool, typer.Option("--public/--private", help=text("cli.option.public"))] = False,
    dataset: Annotated[str | None, typer.Option("--dataset", help=text("cli.option.push-dataset"))] = None,
    licences_checked: Annotated[
        bool, typer.Option("--licences-checked", help=text("cli.option.licences-checked"))
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=text("cli.option.push-dry-run"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.export.hub import Hub, Wanted
    from tunesmith.lifecycle.push import push as push_bundle

    wanted = Wanted(repo, tuple(forms or ()), not public, licences_checked, dataset)
    pushed = push_bundle(bundle, wanted, Hub(), runtime=runtime(devices=False), progress=progress(), dry_run=dry_run)
    told = [
        {"repo": upload.repo, "type": upload.type, "files": upload.sizes, "url": pushed.urls.get(upload.repo)}
        for upload in pushed.uploads
    ]
    show({"private": wanted.private, "uploads": told}, _lines(pushed, wanted.private))


def _lines(pushed: Pushed, private: bool) -> list[str]:
    lines = []
    visibility = text("push.private" if private else "push.public")
    for upload in pushed.uploads:
        sizes = upload.sizes
        total = f"{sum(sizes.values()):,}"
        lines.append(text("push.to", repo=upload.repo, visibility=visibility, num=len(sizes), bytes=total))
        lines += [text("push.file", bytes=f"{size:,}", path=path) for path, size in sizes.items()]
    return [*lines, *(text("push.at", url=url) for url in pushed.urls.values())]

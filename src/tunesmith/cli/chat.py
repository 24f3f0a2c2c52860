"""`tunesmith chat`: talk with a bundle in this process, or with a server, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tunesmith.cli.session import JsonOption, Overrides, runtime, text
from tunesmith.errors import Place, RunFailed, TunesmithError

if TYPE_CHECKING:
    from tunesmith.cli.conversation import Talk

KEY: Final = "TUNESMITH_API_KEY"
"""The environment variable with the key of a server."""
TIMEOUT_SECONDS: Final = 600.0


def chat(
    target: Annotated[Path | None, typer.Argument(metavar="TARGET", help=text("cli.argument.served"))] = None,
    overrides: Overrides = None,
    url: Annotated[str | None, typer.Option("--url", help=text("cli.option.chat-url"))] = None,
    model: Annotated[str | None, typer.Option("--model", help=text("cli.option.chat-model"))] = None,
    system: Annotated[str | None, typer.Option("--system", help=text("cli.option.chat-system"))] = None,
    as_json: JsonOption = False,
) -> None:
    if (target is None) == (url is None):
        raise TunesmithError("chat-target")
    from tunesmith.cli.conversation import Conversation
    from tunesmith.records import Message

    first = [] if system is None else [Message("system", system)]
    partner = _at(url, model) if url is not None else _of(target or Path(), overrides, model)
    with partner as talk:
        Conversation(talk, first).run()


@contextmanager
def _of(target: Path, overrides: list[str] | None, model: str | None) -> Iterator[Talk]:
    """A bundle in this process; nothing is recorded."""
    from tunesmith.cli.conversation import local_talk
    from tunesmith.cli.serve import served
    from tunesmith.serve.start import open_bundle

    bundle, section = served(target, overrides)
    opened = open_bundle(bundle, section, runtime(devices=True))
    try:
        yield local_talk(opened, model, section.limits.max_new_tokens)
    finally:
        opened.engine.close()


@contextmanager
def _at(url: str, model: str | None) -> Iterator[Talk]:
    """A server with OpenAI's API; its key is in the environment."""
    from httpx2 import Client, InvalidURL

    from tunesmith.cli.conversation import remote_talk

    key = runtime(devices=False).secrets.get(KEY)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        client = Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=TIMEOUT_SECONDS)
    except InvalidURL as failure:
        raise RunFailed("chat-server", place=Place(url), problem=str(failure)) from failure
    with client:
        yield remote_talk(client, model)

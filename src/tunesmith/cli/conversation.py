"""A conversation in the terminal, with a model in this process or behind a server."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import typer
from pydantic import ValidationError

from tunesmith.chat.stream import Split, ThinkingSplitter
from tunesmith.cli.rate import CONTROL, typed
from tunesmith.cli.session import OPTIONS, coloured, show, text
from tunesmith.engine.chunk import Chunk, Said
from tunesmith.errors import Place, RunFailed
from tunesmith.records import Message

if TYPE_CHECKING:
    from httpx2 import Client

    from tunesmith.engine.interface import Delta
    from tunesmith.serve.start import Opened

QUIT: Final = "/quit"
RESET: Final = "/reset"
THINKING: Final = "/think"
MAX_SHOWN: Final = 300
DIM, PLAIN, CLEAR = "\x1b[2m", "\x1b[0m", "\r\x1b[K"

Talk = Callable[[list[Message]], Generator[Split, None, None]]
"""The answer to a conversation, piece by piece."""


@dataclass
class Conversation:
    """What was said, and how it is shown: thinking is folded into one line, which `/think` opens."""

    talk: Talk
    first: list[Message]
    said: list[Message] = field(default_factory=list)

    def run(self) -> None:
        """Until `/quit` or the end of the input."""
        if sys.stdin.isatty():
            typer.echo(text("chat.welcome", quit=QUIT, reset=RESET, think=THINKING), err=True)
        self.said = list(self.first)
        while (line := _read()) is not None:
            asked = line.strip()
            command = typed(asked)
            if command == QUIT:
                return
            if command == RESET:
                self.said = list(self.first)
                typer.echo(text("chat.reset"), err=True)
            elif command == THINKING:
                thoughts = [message.reasoning for message in self.said if message.reasoning]
                typer.echo(_dim(thoughts[-1] if thoughts else text("chat.no-thinking")))
            elif asked:
                self._ask(asked)

    def _ask(self, asked: str) -> None:
        """One turn; Ctrl-C stops the answer, and what came of it stays said."""
        self.said.append(Message("user", asked))
        shown = _Shown()
        pieces = self.talk(self.said)
        try:
            for piece in pieces:
                shown.add(piece)
        except KeyboardInterrupt:
            pieces.close()
        shown.end()
        self.said.append(Message("assistant", shown.content, shown.reasoning or None))


@dataclass
class _Shown:
    """One answer on the terminal."""

    reasoning: str = ""
    content: str = ""
    _began: float = field(default_factory=time.monotonic)

    def add(self, piece: Split) -> None:
        if piece.reasoning and not self.reasoning and coloured():
            self._write(_dim(text("chat.thinking")))
        self.reasoning += piece.reasoning
        if piece.content and not self.content:
            self._fold()
        self.content += piece.content
        self._write(CONTROL.sub("", piece.content))

    def end(self) -> None:
        if not self.content:
            self._fold()
        if OPTIONS.json:
            show({"content": self.content, "reasoning": self.reasoning or None}, [])
        else:
            self._write("\n")

    def _fold(self) -> None:
        """The thinking becomes one line."""
        if self.reasoning:
            line = text("chat.thought", seconds=time.monotonic() - self._began, characters=len(self.reasoning))
            self._write(f"{CLEAR if coloured() else ''}{_dim(line)}\n")

    def _write(self, part: str) -> None:
        if part and not OPTIONS.json:
            typer.echo(part, nl=False)


def _dim(line: str) -> str:
    line = CONTROL.sub("", line)
    return f"{DIM}{line}{PLAIN}" if coloured() else line


def _read() -> str | None:
    try:
        return input("> " if sys.stdin.isatty() else "")
    except (EOFError, KeyboardInterrupt):
        return None


def local_talk(opened: Opened, model: str | None, max_new_tokens: int) -> Talk:
    """Raises TunesmithError `model-unknown`."""
    from tunesmith.engine.interface import Request
    from tunesmith.serve.deployment import ServedModels

    asked = ServedModels(opened.models).find(model or opened.facts.name)
    facts, engine = opened.facts, opened.engine
    sampling = replace(facts.sampling, num_samples=1, max_new_tokens=max_new_tokens)

    def talk(messages: list[Message]) -> Generator[Split, None, None]:
        deltas: queue.SimpleQueue[Delta] = queue.SimpleQueue()
        number = engine.submit(Request(tuple(messages), sampling, adapter=asked.adapter), deltas.put)
        splitter = ThinkingSplitter(prefilled=facts.prefilled, unopened=facts.closes_unopened)
        try:
            while True:
                delta = deltas.get()
                if delta.failure is not None:
                    raise delta.failure
                yield splitter.feed(delta.text)
                if delta.is_last:
                    yield splitter.finish()
                    return
        finally:
            engine.cancel(number)

    return talk


def remote_talk(client: Client, model: str | None) -> Talk:
    """The first model that the server names, where none is. Raises RunFailed `chat-server`."""
    from httpx2 import EventSource, HTTPError

    def asked() -> str:
        response = client.get("models")
        _refuse_failed(response.status_code, response.text)
        try:
            return str(response.json()["data"][0]["id"])
        except (ValueError, LookupError, TypeError) as failure:  # a web page, or no model
            raise RunFailed("chat-server", problem=response.text[:MAX_SHOWN]) from failure

    def talk(messages: list[Message]) -> Generator[Split, None, None]:
        body = {"model": name, "stream": True, "messages": [_worded(message) for message in messages]}
        try:
            with client.stream("POST", "chat/completions", json=body) as response:
                if response.status_code != 200:
                    _refuse_failed(response.status_code, response.read().decode("utf-8", "replace"))
                for event in EventSource(response):
                    if event.data != "[DONE]":
                        yield _piece(event.data)
        except HTTPError as failure:
            raise _unreached(client, failure) from failure

    try:
        name = model or asked()
    except HTTPError as failure:
        raise _unreached(client, failure) from failure
    return talk


def _worded(message: Message) -> dict[str, Any]:
    thinking = {} if message.reasoning is None else {"reasoning_content": message.reasoning}
    return {"role": message.role, "content": message.content, **thinking}


def _piece(event: str) -> Split:
    try:
        chunk = Chunk.model_validate_json(event)
    except ValidationError as failure:
        raise RunFailed("chat-server", problem=event[:MAX_SHOWN]) from failure
    if chunk.error:
        told = chunk.error.get("message") if isinstance(chunk.error, dict) else None
        raise RunFailed("chat-server", problem=str(told or chunk.error)[:MAX_SHOWN])
    said = chunk.choices[0].said if chunk.choices else Said()
    return Split(said.thinking, said.content or "")


def _refuse_failed(status: int, said: str) -> None:
    if status != 200:
        raise RunFailed("chat-server", problem=f"HTTP {status} {said[:MAX_SHOWN]}")


def _unreached(client: Client, failure: Exception) -> RunFailed:
    return RunFailed("chat-server", place=Place(str(client.base_url)), problem=f"{type(failure).__name__}: {failure}")

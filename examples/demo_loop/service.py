"""The shop's server in this process: the real routes, guards, engine and store, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from httpx2 import ASGITransport, AsyncClient, Response

from examples.demo_loop.traffic import Ask
from tunesmith.artifacts.bundle import Bundle
from tunesmith.lifecycle import Job
from tunesmith.serve.app import make_app
from tunesmith.serve.start import deploy
from tunesmith.store import Store
from tunesmith.text.normalise import normalise_answer

HOST = "http://127.0.0.1:8000"
AT_ONCE = 12
MAX_TOKENS = 128


class Clock:
    """The time of everything that happens; it goes on when it is told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Answered:
    """What a customer was told."""

    ask: Ask
    exchange: str
    is_right: bool


class Service:
    """A deployed bundle."""

    def __init__(self, app: Any, model: str) -> None:
        self._app = app
        self._model = model

    def answers(self, asks: Sequence[Ask], clock: Clock, until: datetime) -> list[Answered]:
        """All answers, the questions spread evenly over the time from now to `until`; so many at once share a time."""
        step = (until - clock.now) / len(asks)
        found: list[Answered] = []
        for first in range(0, len(asks), AT_ONCE):
            found += asyncio.run(self._all([self._asked(ask) for ask in asks[first : first + AT_ONCE]]))
            clock.now += step * len(asks[first : first + AT_ONCE])
        clock.now = until
        return found

    def say(self, answered: Sequence[Answered]) -> None:
        """Feedback on answers: a thumb up for a right one, else the right answer."""
        asyncio.run(self._all([self._said(each) for each in answered]))

    async def _all(self, waiting: Sequence[Any]) -> list[Any]:
        return list(await asyncio.gather(*waiting))

    async def _asked(self, ask: Ask) -> Answered:
        body = {"model": self._model, "max_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": ask.question}]}
        told = (await self._post("/v1/chat/completions", body)).json()
        content = told["choices"][0]["message"]["content"] or ""
        is_right = normalise_answer(content) == normalise_answer(ask.answer)
        return Answered(ask, told["id"].replace("chatcmpl-", "ex-", 1), is_right)

    async def _said(self, answered: Answered) -> None:
        told = {"kind": "thumb", "value": 1} if answered.is_right else {"kind": "correction"}
        text = {} if answered.is_right else {"text": answered.ask.correction}
        await self._post("/v1/feedback", {"exchange": answered.exchange, **told, **text})

    async def _post(self, path: str, body: dict[str, Any]) -> Response:
        async with AsyncClient(transport=ASGITransport(self._app), base_url=HOST) as client:
            response = await client.post(path, json=body, timeout=None)
        response.raise_for_status()
        return response


@contextmanager
def serving(job: Job, store: Store, bundle: Bundle) -> Iterator[Service]:
    """Serve a bundle until the block ends."""
    deployment = deploy(bundle, job.recipe.serve, store, job.runtime)
    try:
        application = make_app(deployment)
        application.guards.readiness.prove()
        yield Service(application.app, bundle.body.name)
    finally:
        store.flush()
        deployment.engine.close()


def days(number: float) -> timedelta:
    return timedelta(days=number)

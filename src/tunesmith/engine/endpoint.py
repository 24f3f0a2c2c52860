"""Answers from a model behind an OpenAI-compatible API. Loads no model library."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts import write_whole
from tunesmith.engine.reply import MAX_SHOWN, BrokenStreamError, Reply, streamed_reply, whole_reply
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.recipe.endpoint import Address
from tunesmith.records import Message
from tunesmith.runtime import Runtime

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx2 import Client

_MAY_PASS: Final = frozenset((408, 409, 425, 429, 500, 502, 503, 504))
_NUM_TRIES: Final = 4
_MAX_WAIT_SECONDS: Final = 30.0
_STREAMED: Final = {"stream": True, "stream_options": {"include_usage": True}}
_MAY_LEAVE: Final = (("stream_options",), ("stream", "stream_options"), ("logprobs",))
"""What a request can do without, by the first name, and what goes with it."""
TIMEOUT: Final = "timeout"


def _ignore(done: int) -> None: ...


@cache
def certificates() -> SSLContext:
    """Whom to trust; reading all of them takes longer than many an answer."""
    from httpx2 import create_ssl_context

    return create_ssl_context()


def endpoint_at(address: Address, runtime: Runtime, *, temperature: float, max_tokens: int) -> Endpoint:
    """The endpoint at an address; what it answers is kept in the cache. Raises TunesmithError `endpoint-key`."""
    key = None if address.key is None else runtime.secrets.get(address.key)
    if address.key is not None and not key:
        raise TunesmithError("endpoint-key", name=address.key, model=address.model)
    return Endpoint(
        url=address.url,
        model=address.model,
        cache=runtime.cache,
        key=key,
        temperature=temperature,
        max_tokens=max_tokens,
        parallel=address.parallel,
        timeout_seconds=address.timeout_seconds,
    )


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a request had no answer."""

    problem: str
    may_pass: bool = True
    timed_out: bool = False
    asked_seconds: float = 0.0
    """How long the endpoint says to wait."""
    refused: tuple[str, ...] = ()
    """What of the request it does not take."""


@dataclass(frozen=True)
class Endpoint:
    """`POST <url>/chat/completions`; what it answered is kept in `cache`: nothing is asked and paid for twice."""

    url: str
    model: str
    cache: Path
    key: str | None = field(default=None, repr=False)
    temperature: float = 0.0
    max_tokens: int = 1024
    parallel: int = 1
    timeout_seconds: float = 120.0
    wait_seconds: float = 1.0
    """Before the second try; doubled with each, unless the endpoint says how long."""
    counts_timeouts: bool = False
    """A request whose last try timed out is an empty reply, finished by `timeout`, rather than a failure."""
    streams: bool = False
    """Ask for answers piece by piece, so that the time to the first piece is known."""
    wants_logprobs: bool = False
    """Ask how likely the model finds what it writes."""
    refused: set[str] = field(default_factory=set, repr=False, compare=False)
    """What the endpoint was found not to take: left out of all that this object, and each made of it by `replace`, asks
    from then on."""

    def answers(self, requests: Sequence[Sequence[Message]], seeds: Sequence[int]) -> list[str]:
        """The text of the answer to each conversation. Raises what `replies` does."""
        return [reply.text for reply in self.replies(requests, seeds)]

    def replies(
        self, requests: Sequence[Sequence[Message]], seeds: Sequence[int], on_done: Callable[[int], None] = _ignore
    ) -> list[Reply]:
        """The answer to each conversation, in their order; `seeds` tell equal conversations apart.

        `on_done` is told 1 for each answer that is there.
        Raises RunFailed `endpoint-failed` where no answer is to be had, `endpoint-answer` where it is none.
        """
        from httpx2 import Client, Limits

        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = Limits(max_connections=self.parallel)
        with (
            Client(headers=headers, timeout=self.timeout_seconds, limits=limits, verify=certificates()) as client,
            ThreadPoolExecutor(self.parallel) as threads,
        ):
            found = []
            for reply in threads.map(lambda request, seed: self._reply(client, request, seed), requests, seeds):
                found.append(reply)
                on_done(1)
            return found

    def _reply(self, client: Client, messages: Sequence[Message], seed: int) -> Reply:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": seed,
        }
        if self.wants_logprobs:
            body["logprobs"] = True
        said = json.dumps([self.url, body], sort_keys=True, ensure_ascii=False)
        file = self.cache / "replies" / f"{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()}.json"
        if file.is_file():
            return Reply(**json.loads(file.read_bytes()))
        reply = self._post(client, body)
        if reply.finish_reason == TIMEOUT:  # a later run may be luckier
            return reply
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(asdict(reply)).encode())
        return reply

    def _post(self, client: Client, body: Mapping[str, Any]) -> Reply:
        """Ask; what may pass is tried again, what the endpoint does not take is left out."""
        failure, num_failed = _Failure(""), 0
        while num_failed < _NUM_TRIES and failure.may_pass:
            if num_failed:
                time.sleep(min(_MAX_WAIT_SECONDS, failure.asked_seconds or self.wait_seconds * 2 ** (num_failed - 1)))
            extras = _STREAMED if self.streams else {}
            sent = {name: value for name, value in {**body, **extras}.items() if name not in self.refused}
            came = self._ask(client, sent)
            if isinstance(came, Reply):
                return came
            failure = came
            if failure.refused:
                self.refused.update(failure.refused)
            else:
                num_failed += 1
        if failure.timed_out and self.counts_timeouts:
            return Reply("", TIMEOUT, None, None, self.timeout_seconds)
        problem = failure.problem
        raise RunFailed("endpoint-failed", place=Place(self.url), url=self.url, model=self.model, problem=problem)

    def _ask(self, client: Client, sent: Mapping[str, Any]) -> Reply | _Failure:
        from httpx2 import TimeoutException, TransportError

        started = time.perf_counter()
        try:
            with client.stream("POST", f"{self.url.rstrip('/')}/chat/completions", json=sent) as reply:
                if reply.status_code == 200 and "text/event-stream" in reply.headers.get("content-type", ""):
                    return streamed_reply(reply.iter_bytes(), self.url, started, self.timeout_seconds)
                reply.read()
        except BrokenStreamError as broken:
            return _Failure(str(broken), timed_out=broken.timed_out)
        except TransportError as failure:
            return _Failure(f"{type(failure).__name__} {failure}", timed_out=isinstance(failure, TimeoutException))
        if reply.status_code == 200:
            return whole_reply(reply.text, self.url, time.perf_counter() - started)
        asked = reply.headers.get("retry-after", "")
        refused = _refused(reply.text, sent) if 400 <= reply.status_code < 500 else ()
        return _Failure(
            problem=f"HTTP {reply.status_code} {reply.text[:MAX_SHOWN]}",
            may_pass=bool(refused) or reply.status_code in _MAY_PASS,
            asked_seconds=float(asked) if asked.isdecimal() else 0.0,
            refused=refused,
        )


def _refused(problem: str, sent: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a request may be left out and is named as the problem."""
    for names in _MAY_LEAVE:
        if names[0] in sent and re.search(rf"\b{names[0]}\b", problem):
            return names
    return ()

"""Answers from a model behind an OpenAI-compatible API. Loads no model library."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts import write_whole
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
_MAX_SHOWN: Final = 300
TIMEOUT: Final = "timeout"


def _ignore(done: int) -> None: ...


@cache
def certificates() -> SSLContext:
    """Whom to trust; reading all of them takes longer than many an answer."""
    from httpx2 import create_ssl_context

    return create_ssl_context()


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer and what it took; token counts are None where the endpoint does not tell them."""

    text: str
    """Thinking that the endpoint gives apart stands in front, between `<think>` tags, as the model wrote it; the
    closing one is missing where the answer never began."""
    finish_reason: str
    num_prompt_tokens: int | None
    num_tokens: int | None
    seconds: float
    """From the request to its answer, when it was first asked; tries that failed are not counted."""


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
        body = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": seed,
        }
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
        """Ask; what may pass is tried again."""
        from httpx2 import TimeoutException, TransportError

        problem, asked_seconds, timed_out = "", 0.0, False
        for number in range(_NUM_TRIES):
            if number:
                time.sleep(min(_MAX_WAIT_SECONDS, asked_seconds or self.wait_seconds * 2 ** (number - 1)))
            started = time.perf_counter()
            try:
                reply = client.post(f"{self.url.rstrip('/')}/chat/completions", json=body)
            except TransportError as failure:
                problem, timed_out = f"{type(failure).__name__} {failure}", isinstance(failure, TimeoutException)
                continue
            if reply.status_code == 200:
                return _read(reply.text, self.url, time.perf_counter() - started)
            problem, timed_out = f"HTTP {reply.status_code} {reply.text[:_MAX_SHOWN]}", False
            if reply.status_code not in _MAY_PASS:
                break
            asked = reply.headers.get("retry-after", "")
            asked_seconds = float(asked) if asked.isdecimal() else 0.0
        if timed_out and self.counts_timeouts:
            return Reply("", TIMEOUT, None, None, self.timeout_seconds)
        raise RunFailed("endpoint-failed", place=Place(self.url), url=self.url, model=self.model, problem=problem)


def _read(body: str, url: str, seconds: float) -> Reply:
    try:
        told = json.loads(body)
        choice = told["choices"][0]
        text = choice["message"]["content"]
        # vLLM and DeepSeek say `reasoning_content`, OpenRouter and newer vLLM `reasoning`
        thinking = choice["message"].get("reasoning_content") or choice["message"].get("reasoning")
        usage = told.get("usage") or {}
        counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
        finish_reason = choice.get("finish_reason") or "stop"
    except (ValueError, LookupError, TypeError, AttributeError):
        raise RunFailed("endpoint-answer", place=Place(url), url=url, answer=body[:_MAX_SHOWN]) from None
    if isinstance(thinking, str):
        text = f"<think>\n{thinking}\n</think>\n\n{text}" if text else f"<think>\n{thinking}"
    if not isinstance(text, str):
        raise RunFailed("endpoint-answer", place=Place(url), url=url, answer=body[:_MAX_SHOWN])
    num_prompt_tokens, num_tokens = (count if isinstance(count, int) else None for count in counts)
    return Reply(text, str(finish_reason), num_prompt_tokens, num_tokens, seconds)

"""Answers from a model behind an OpenAI-compatible API. Loads no model library."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts import write_whole
from tunesmith.errors import Place, RunFailed
from tunesmith.records import Message

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx2 import Client

_MAY_PASS: Final = frozenset((408, 409, 425, 429, 500, 502, 503, 504))
_NUM_TRIES: Final = 4
_MAX_WAIT_SECONDS: Final = 30.0
_MAX_SHOWN: Final = 300


@cache
def _certificates() -> SSLContext:
    """Whom to trust; reading all of them takes longer than many an answer."""
    from httpx2 import create_ssl_context

    return create_ssl_context()


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

    def answers(self, requests: Sequence[Sequence[Message]], seeds: Sequence[int]) -> list[str]:
        """The answer to each conversation, in their order; `seeds` tell equal conversations apart.

        Thinking that the endpoint gives apart stands in front of its answer between `<think>` tags, as the model wrote
        it; the closing one is missing where the answer never began.
        Raises RunFailed `endpoint-failed` where no answer is to be had, `endpoint-answer` where it is none.
        """
        from httpx2 import Client, Limits

        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = Limits(max_connections=self.parallel)
        with (
            Client(headers=headers, timeout=self.timeout_seconds, limits=limits, verify=_certificates()) as client,
            ThreadPoolExecutor(self.parallel) as threads,
        ):
            return list(threads.map(lambda request, seed: self._answer(client, request, seed), requests, seeds))

    def _answer(self, client: Client, messages: Sequence[Message], seed: int) -> str:
        body = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": seed,
        }
        said = json.dumps([self.url, body], sort_keys=True, ensure_ascii=False)
        file = self.cache / "answers" / f"{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()}.json"
        if file.is_file():
            return str(json.loads(file.read_bytes()))
        answer = _text_of(self._post(client, body), self.url)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(answer).encode())
        return answer

    def _post(self, client: Client, body: Mapping[str, Any]) -> str:
        """The body of the reply; what may pass is tried again."""
        from httpx2 import TransportError

        problem, asked_seconds = "", 0.0
        for number in range(_NUM_TRIES):
            if number:
                time.sleep(min(_MAX_WAIT_SECONDS, asked_seconds or self.wait_seconds * 2 ** (number - 1)))
            try:
                reply = client.post(f"{self.url.rstrip('/')}/chat/completions", json=body)
            except TransportError as failure:
                problem = f"{type(failure).__name__} {failure}"
                continue
            if reply.status_code == 200:
                return reply.text
            problem = f"HTTP {reply.status_code} {reply.text[:_MAX_SHOWN]}"
            if reply.status_code not in _MAY_PASS:
                break
            asked = reply.headers.get("retry-after", "")
            asked_seconds = float(asked) if asked.isdecimal() else 0.0
        raise RunFailed("endpoint-failed", place=Place(self.url), url=self.url, model=self.model, problem=problem)


def _text_of(reply: str, url: str) -> str:
    try:
        message = json.loads(reply)["choices"][0]["message"]
        text = message["content"]
        # vLLM and DeepSeek say `reasoning_content`, OpenRouter and newer vLLM `reasoning`
        thinking = message.get("reasoning_content") or message.get("reasoning")
    except (ValueError, LookupError, TypeError, AttributeError):
        text = thinking = None
    if isinstance(thinking, str):
        return f"<think>\n{thinking}\n</think>\n\n{text}" if text else f"<think>\n{thinking}"
    if not isinstance(text, str):
        raise RunFailed("endpoint-answer", place=Place(url), url=url, answer=reply[:_MAX_SHOWN])
    return text

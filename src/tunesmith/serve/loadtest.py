"""How many requests per second a server answers while its 95th percentile keeps a target.

Clients in a closed loop: each asks, reads the whole stream, asks again. Their number doubles until the target is
broken, then the place in between is narrowed down. Works with any OpenAI-compatible server.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from tunesmith.errors import Place, RunFailed

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

Target = Literal["first-token", "latency"]
MAX_ERROR_SHARE: Final = 0.01
"""Of the requests, that may fail where a target counts as kept."""
MAX_WAIT_SECONDS: Final = 1.0
"""After a refusal, whatever the server asks for."""
NUM_BISECTIONS: Final = 3
PROMPTS: Final = (
    "How do I return a jacket that is too small?",
    "买了三天就降价了，能退差价吗？",
    "My parcel has been at customs for a week. What can I do?",
    "发票抬头写错了，可以重开吗？",
    "Write one sentence about the sea.",
    "用一句话介绍秋天。",
    "What is 17 times 6?",
    "把“请稍等”翻译成英文。",
)


@dataclass(frozen=True)
class Load:
    """What is asked of which server, and what counts as fast enough."""

    url: str
    """Where the API begins, such as `http://127.0.0.1:8000/v1`."""
    model: str
    key: str | None = field(default=None, repr=False)
    prompts: tuple[str, ...] = PROMPTS
    target: Target = "first-token"
    target_seconds: float = 1.0
    seconds: float = 10.0
    """That each number of clients goes on asking; answers under way are read to their end."""
    max_clients: int = 64
    max_tokens: int = 64
    timeout_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, timed from its beginning; `error` is what kept it from its whole answer."""

    first_token_seconds: float | None
    seconds: float
    num_tokens: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Nearest rank, in seconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Level:
    """What so many clients got."""

    num_clients: int
    num_answers: int
    requests_per_second: float
    """Answers by the time until the last one."""
    tokens_per_second: float
    first_token: Quantiles | None
    """None where no answer came, or none had a token."""
    latency: Quantiles | None
    errors: Mapping[str, int]
    """By HTTP status or kind of failure."""
    keeps_target: bool


@dataclass(frozen=True)
class LoadReport:
    model: str
    levels: tuple[Level, ...]
    """In the order of their number of clients."""

    @property
    def best(self) -> Level | None:
        """The level with most requests per second of those that keep the target."""
        kept = [level for level in self.levels if level.keeps_target]
        return max(kept, key=lambda level: level.requests_per_second, default=None)


OnLevel = Callable[[Level], None]


def _silent(level: Level) -> None: ...


async def measure(load: Load, on_level: OnLevel = _silent) -> LoadReport:
    """Raises RunFailed `loadtest-failed` where not one request of a single client is answered."""
    from httpx2 import AsyncClient, Limits

    headers = {"Authorization": f"Bearer {load.key}"} if load.key else {}
    limits = Limits(max_connections=None, max_keepalive_connections=load.max_clients)
    levels: dict[int, Level] = {}
    async with AsyncClient(headers=headers, limits=limits, timeout=load.timeout_seconds) as client:
        prompts = itertools.cycle(load.prompts)
        for num_clients in _rising(load.max_clients, levels):
            levels[num_clients] = await _level(client, load, num_clients, prompts)
            if not any(level.num_answers for level in levels.values()):
                problem = ", ".join(levels[num_clients].errors)
                raise RunFailed("loadtest-failed", place=Place(load.url), url=load.url, problem=problem)
            on_level(levels[num_clients])
    return LoadReport(load.model, tuple(levels[num] for num in sorted(levels)))


def _rising(max_clients: int, levels: Mapping[int, Level]) -> Iterator[int]:
    """1, 2, 4, ... until a level breaks the target, then the middle of the gap; the last level decides the next."""
    kept, broken = 0, max_clients + 1
    num_clients = 1
    while num_clients <= max_clients:
        yield num_clients
        if not levels[num_clients].keeps_target:
            broken = num_clients
            break
        kept = num_clients
        num_clients = 2 * num_clients if 2 * num_clients <= max_clients or kept == max_clients else max_clients
    for _ in range(NUM_BISECTIONS):
        middle = (kept + broken) // 2
        if broken > max_clients or middle in (kept, broken, 0):
            return
        yield middle
        if levels[middle].keeps_target:
            kept = middle
        else:
            broken = middle


async def _level(client: AsyncClient, load: Load, num_clients: int, prompts: Iterator[str]) -> Level:
    asked: list[Asked] = []
    started = time.perf_counter()

    async def one_client() -> None:
        while time.perf_counter() - started < load.seconds:
            asked.append(await ask(client, load, next(prompts)))

    await asyncio.gather(*(one_client() for _ in range(num_clients)))
    return summary(asked, time.perf_counter() - started, num_clients, load)


def summary(asked: Sequence[Asked], seconds: float, num_clients: int, load: Load) -> Level:
    """What came of the requests of one level, which took `seconds` from the first to the end of the last."""
    answers = [one for one in asked if one.error is None]
    errors = Counter(one.error for one in asked if one.error is not None)
    first_token = quantiles([one.first_token_seconds for one in answers if one.first_token_seconds is not None])
    latency = quantiles([one.seconds for one in answers])
    decisive = first_token if load.target == "first-token" else latency
    keeps = decisive is not None and decisive.p95 <= load.target_seconds
    return Level(
        num_clients=num_clients,
        num_answers=len(answers),
        requests_per_second=len(answers) / seconds,
        tokens_per_second=sum(one.num_tokens for one in answers) / seconds,
        first_token=first_token,
        latency=latency,
        errors=dict(errors.most_common()),
        keeps_target=keeps and errors.total() <= MAX_ERROR_SHARE * len(asked),
    )


def quantiles(seconds: Sequence[float]) -> Quantiles | None:
    ordered = sorted(seconds)
    if not ordered:
        return None
    p50, p95 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return Quantiles(p50, p95)


async def ask(client: AsyncClient, load: Load, prompt: str) -> Asked:
    """One streamed answer, read to its end. A refusal is waited out as the server asks, but briefly."""
    from httpx2 import HTTPError, InvalidURL

    body = {
        "model": load.model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": load.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    started = time.perf_counter()
    try:
        async with client.stream("POST", f"{load.url}/chat/completions", json=body) as response:
            if response.status_code != 200:
                await response.aread()
                await asyncio.sleep(_wait_seconds(response))
                return Asked(None, time.perf_counter() - started, 0, f"HTTP {response.status_code}")
            return await _read(response, started)
    except (HTTPError, InvalidURL) as failure:
        return Asked(None, time.perf_counter() - started, 0, type(failure).__name__)


def _wait_seconds(response: Response) -> float:
    asked = response.headers.get("retry-after", "")
    return min(MAX_WAIT_SECONDS, float(asked) if asked.isdecimal() else 0.0)


async def _read(response: Response, started: float) -> Asked:
    """Tokens are those that the server counts, else the pieces that came."""
    first: float | None = None
    num_pieces, counted, error = 0, None, None
    is_whole = False
    async for event in _events(response):
        if event is None:
            is_whole = True
            continue
        if "error" in event:
            error = str(event["error"].get("code") or "error")
        counted = (event.get("usage") or {}).get("completion_tokens", counted)
        for choice in event.get("choices", ()):
            delta = choice.get("delta", {})
            if delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning"):
                num_pieces += 1
                first = time.perf_counter() - started if first is None else first
    if not is_whole and error is None:
        error = "cut off"
    return Asked(first, time.perf_counter() - started, num_pieces if counted is None else counted, error)


async def _events(response: Response) -> AsyncIterator[dict[str, Any] | None]:
    """The JSON of each event; None for the one that says that all were sent."""
    from httpx2 import EventSource

    async for event in EventSource(response):
        yield None if event.data == "[DONE]" else json.loads(event.data)


def first_model(url: str, key: str | None) -> str:
    """The first model that a server names. Raises RunFailed `loadtest-failed`."""
    from httpx2 import Client, HTTPError, InvalidURL

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with Client(headers=headers, timeout=10.0) as client:
            response = client.get(f"{url}/models")
        if response.status_code == 200 and (models := response.json().get("data")):
            return str(models[0]["id"])
        problem = f"HTTP {response.status_code}"
    except (HTTPError, InvalidURL, ValueError, LookupError, AttributeError, TypeError) as failure:
        # nobody there; a web page, or another service
        problem = type(failure).__name__
    raise RunFailed("loadtest-failed", place=Place(url), url=url, problem=problem)

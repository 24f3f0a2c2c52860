"""The parts of the benchmark `serve`: a crowd that half leaves, a full queue, a stop, kills, and a peer beside us."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from benchmarks.serve_clients import Heard, ask, at_once, body_of, crowd, listen, open_client, rate
from benchmarks.serve_server import Server, gauges, served_model, start_ours

SETTLE_SECONDS: Final = 2.0
"""Within which nothing may be left of clients that are gone."""
RESTLESS: Final = {"temperature": 2.0, "seed": 7}
"""Of answers that should go on until their tokens are used up."""


@dataclass(frozen=True, slots=True)
class CrowdResult:
    num_stayed: int
    num_whole: int
    num_left: int
    leaked_slots: float
    leaked_descriptors: int
    settled_seconds: float
    """Until nothing was left; infinite where something was after SETTLE_SECONDS."""


def crowd_trial(bundle: Path, workspace: Path, num_clients: int, max_tokens: int) -> CrowdResult:
    """All at once, half of them leaving; the queue is long enough for everybody."""
    with start_ours(bundle, workspace, [f"serve.limits.max_waiting={2 * num_clients}"]) as server:
        model = served_model(server.url)
        # whatever is made at the first request is no leak
        asyncio.run(crowd(server.url, model, 16, max_tokens))
        time.sleep(SETTLE_SECONDS)
        before = _held(server)
        stayed, left = asyncio.run(crowd(server.url, model, num_clients, max_tokens))
        ended = time.perf_counter()
        while (over := _over(before, _held(server))) and time.perf_counter() - ended < SETTLE_SECONDS:
            time.sleep(0.05)
        seconds = time.perf_counter() - ended
    whole = sum(heard.status == 200 and heard.is_whole for heard in stayed)
    slots, descriptors = over or (0.0, 0)
    return CrowdResult(len(stayed), whole, len(left), slots, descriptors, float("inf") if over else seconds)


def _held(server: Server) -> tuple[float, int]:
    """Requests that are not over, each of which is a task of the server, and descriptors."""
    told = gauges(server.url)
    # the request for these figures is one of those that are being answered
    open_requests = told["tunesmith_http_requests_in_flight"] - 1
    engine = told["tunesmith_num_requests_running"] + told["tunesmith_num_requests_waiting"]
    return open_requests + engine, server.num_descriptors()


def _over(before: tuple[float, int], now: tuple[float, int]) -> tuple[float, int] | None:
    """What is held beyond what was held before; None for nothing."""
    slots, descriptors = (max(0, n - b) for b, n in zip(before, now, strict=True))
    return (slots, int(descriptors)) if slots or descriptors else None


@dataclass(frozen=True, slots=True)
class QueueResult:
    num_asked: int
    limit: int
    num_taken: int
    num_refused: int
    """With HTTP 429."""
    num_told_when: int
    """Of these, with a whole number of seconds to come back after."""


def queue_trial(bundle: Path, workspace: Path, max_tokens: int) -> QueueResult:
    """More requests at once than are written and wait."""
    running, waiting, asked = 2, 3, 12
    limits = [f"serve.limits.max_running={running}", f"serve.limits.max_waiting={waiting}"]
    with start_ours(bundle, workspace, limits) as server:
        model = served_model(server.url)
        bodies = [body_of(model, number, max_tokens, **RESTLESS) for number in range(asked)]
        heard = asyncio.run(at_once(server.url, bodies))
    return queue_result(heard, running + waiting)


def queue_result(heard: Sequence[Heard], limit: int) -> QueueResult:
    refused = [one for one in heard if one.status == 429]
    return QueueResult(
        num_asked=len(heard),
        limit=limit,
        num_taken=sum(one.status == 200 and one.is_whole for one in heard),
        num_refused=len(refused),
        num_told_when=sum(one.retry_after is not None and one.retry_after.isdecimal() for one in refused),
    )


@dataclass(frozen=True, slots=True)
class DrainResult:
    num_streams: int
    num_whole: int
    exit_code: int
    was_refused: bool
    """Whether a request that came after the signal was not taken."""


def drain_trial(bundle: Path, workspace: Path, num_streams: int, max_tokens: int) -> DrainResult:
    """SIGTERM while answers are being written."""
    with start_ours(bundle, workspace) as server:
        return asyncio.run(_drain(server, served_model(server.url), num_streams, max_tokens))


async def _drain(server: Server, model: str, num_streams: int, max_tokens: int) -> DrainResult:
    async with open_client() as client:
        bodies = [body_of(model, number, max_tokens, **RESTLESS) for number in range(num_streams)]
        streams = [asyncio.create_task(listen(client, server.url, body)) for body in bodies]
        while not (gauges_now := gauges(server.url))["tunesmith_num_requests_running"] >= num_streams:
            if all(stream.done() for stream in streams):
                raise RuntimeError(f"the answers ended before they could be stopped: {gauges_now}")
            await asyncio.sleep(0.01)
        server.process.terminate()
        await asyncio.sleep(0.2)
        late = await listen(client, server.url, body_of(model, 0, 1))
        heard = await asyncio.gather(*streams)
        code = await asyncio.to_thread(server.process.wait, 60.0)
    return DrainResult(num_streams, sum(one.is_whole for one in heard), code, late.status != 200)


@dataclass(slots=True)
class Acknowledged:
    """Ids that our server said it has recorded."""

    exchanges: set[str] = field(default_factory=set)
    feedback: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class KillResult:
    num_kills: int
    num_exchanges: int
    """Acknowledged."""
    num_feedback: int
    lost_exchanges: int
    lost_feedback: int
    is_intact: bool
    """Whether the database's own check finds nothing."""


def kill_trial(bundle: Path, workspace: Path, num_kills: int, num_clients: int) -> KillResult:
    """kill -9 while clients ask and rate, again and again over one database."""
    acknowledged, chance = Acknowledged(), random.Random(11)
    for _ in range(num_kills):
        with start_ours(bundle, workspace) as server:
            model = served_model(server.url)
            asyncio.run(_load_until_killed(server, model, num_clients, chance.uniform(0.3, 1.5), acknowledged))
    return kept(workspace / "store.db", num_kills, acknowledged)


async def _load_until_killed(
    server: Server, model: str, num_clients: int, seconds: float, acknowledged: Acknowledged
) -> None:
    async with open_client() as client:

        async def one(number: int) -> None:
            while server.process.poll() is None:
                answer = await ask(client, server.url, body_of(model, number, 8))
                told: dict[str, Any] = (answer or {}).get("tunesmith", {})
                if not told.get("recorded"):
                    continue
                acknowledged.exchanges.add(told["exchange"])
                said = await rate(client, server.url, told["exchange"], number)
                if said is not None and said["recorded"]:
                    acknowledged.feedback.add(said["id"])
                number += num_clients

        clients = [asyncio.create_task(one(number)) for number in range(num_clients)]
        await asyncio.sleep(seconds)
        server.process.kill()
        await asyncio.to_thread(server.process.wait)
        await asyncio.gather(*clients)


def kept(database: Path, num_kills: int, acknowledged: Acknowledged) -> KillResult:
    """Read by SQLite alone, as the last kill left it."""
    with sqlite3.connect(database) as connection:
        found = {
            table: {row[0] for row in connection.execute(f"SELECT id FROM {table}")}
            for table in ("exchanges", "feedback")
        }
        intact = [row[0] for row in connection.execute("PRAGMA integrity_check")] == ["ok"]
    return KillResult(
        num_kills=num_kills,
        num_exchanges=len(acknowledged.exchanges),
        num_feedback=len(acknowledged.feedback),
        lost_exchanges=len(acknowledged.exchanges - found["exchanges"]),
        lost_feedback=len(acknowledged.feedback - found["feedback"]),
        is_intact=intact,
    )


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of one server."""

    num_tokens: int
    seconds: float
    first_seconds: tuple[float, ...]

    @property
    def tokens_per_second(self) -> float:
        return self.num_tokens / self.seconds


@dataclass(slots=True)
class Race:
    """Two servers that take turns with the same requests."""

    tokenizer: Tokenizer
    num_clients: int
    requests_each: int
    max_tokens: int
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)
    num_failed: int = 0

    def turn(self, name: str, server: Server, model: str) -> None:
        """Every client asks its requests one after the other. Tokens are counted in the texts, alike for both."""
        started = time.perf_counter()
        heard = asyncio.run(self._clients(server.url, model))
        seconds = time.perf_counter() - started
        self.num_failed += sum(not (one.status == 200 and one.is_whole) for one in heard)
        # servers part thinking from answer with line ends, or without
        texts = [one.text.replace("\n", "") for one in heard]
        num_tokens = sum(len(self.tokenizer.encode(text, add_special_tokens=False).ids) for text in texts)
        first = tuple(one.first_seconds for one in heard if one.first_seconds is not None)
        self.rounds.setdefault(name, []).append(Round(num_tokens, seconds, first))
        self.answers[name] = texts

    async def _clients(self, url: str, model: str) -> list[Heard]:
        async with open_client() as client:

            async def one(number: int) -> list[Heard]:
                numbers = range(number, self.num_clients * self.requests_each, self.num_clients)
                return [await listen(client, url, body_of(model, n, self.max_tokens)) for n in numbers]

            found = await asyncio.gather(*(one(number) for number in range(self.num_clients)))
        return [heard for of_client in found for heard in of_client]

    def ratio(self) -> float:
        """Median of the rounds' ratios, ours over the peer's."""
        pairs = zip(self.rounds["ours"], self.rounds["transformers"], strict=True)
        return statistics.median(ours.tokens_per_second / theirs.tokens_per_second for ours, theirs in pairs)

    def tokens_per_second(self, name: str) -> float:
        return statistics.median(one.tokens_per_second for one in self.rounds[name])

    def first_seconds(self, name: str, share: float) -> float:
        """The quantile of all rounds' times to first token."""
        ordered = sorted(seconds for one in self.rounds[name] for seconds in one.first_seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")

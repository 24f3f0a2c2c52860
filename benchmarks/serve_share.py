"""The share of our HTTP layer: the same requests through the engine alone and through HTTP, by turns."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.process import CACHE
from benchmarks.serve_clients import at_once, body_of
from benchmarks.serve_server import Server

NAME: Final = "layer"
"""What the model is asked by."""


@dataclass(frozen=True, slots=True)
class LayerJob:
    geometry: str
    """`builtin:tiny`, or the layers of a geometry with the vocabulary of `builtin:tiny`."""
    num_requests: int
    max_tokens: int
    num_rounds: int


def measure_layer(job: LayerJob) -> dict[str, Any]:
    """Seconds of each turn through the engine and through HTTP, alternating, and the median share of the latter.

    Engine and server are one process, the clients this one. The first turn of each side is not counted.
    """
    command = [sys.executable, "-m", "benchmarks.serve_layer", json.dumps(asdict(job))]
    with Server(command, CACHE / "serve" / "layer.log", is_told=True) as server:
        url = server.next_line().strip()
        turns = [(_through_engine(server), _through_http(url, job)) for _ in range(job.num_rounds + 1)][1:]
    return {"turns": turns, "share": share_of(turns)}


def share_of(turns: list[tuple[float, float]]) -> float:
    """Median of what HTTP takes over the engine alone, as a share of its own time."""
    return statistics.median((http - alone) / http for alone, http in turns)


def _through_engine(server: Server) -> float:
    assert server.process.stdin is not None
    server.process.stdin.write("\n")
    server.process.stdin.flush()
    return float(server.next_line())


def _through_http(url: str, job: LayerJob) -> float:
    """All streams at once, read to their ends. Raises RuntimeError where one breaks off."""
    bodies = [body_of(NAME, number, job.max_tokens) for number in range(job.num_requests)]
    started = time.perf_counter()
    heard = asyncio.run(at_once(url, bodies))
    seconds = time.perf_counter() - started
    if not all(one.is_whole for one in heard):
        raise RuntimeError(f"{sum(not one.is_whole for one in heard)} streams broke off")
    return seconds

"""Figures for Prometheus, under the names that the field knows them by.

After vLLM's names, with our prefix; latencies have the buckets of OpenTelemetry's conventions for generative AI.
Labels take values of ours alone, so that no caller can make new series.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from tunesmith.engine.interface import EngineLoad
from tunesmith.serve.account import Account

_REQUEST_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST_TOKEN_SECONDS: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
_TOKEN_SECONDS: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
MODEL: Final = "model_name"


class Metrics:
    """The figures of one server, in a registry of its own."""

    def __init__(self, load: Callable[[], EngineLoad]) -> None:
        self._load = load
        self.registry = CollectorRegistry()
        self._in_flight = self._gauge("http_requests_in_flight", "Requests that are being answered.")
        self._requests = self._counter("http_requests", "Answered requests.", "route", "method", "status")
        self._refused = self._counter("requests_refused", "Requests that ended with an error, by its code.", "reason")
        self._finished = self._counter("request_success", "Answers by why they ended.", MODEL, "finished_reason")
        self._guarded = self._counter("guard_hits", "Answers that a rule of the guard changed.", "rule")
        self._prompt = self._counter("prompt_tokens", "Tokens of prompts.", MODEL)
        self._cached = self._counter("prompt_tokens_cached", "Tokens of prompts that were computed before.", MODEL)
        self._generated = self._counter("generation_tokens", "Tokens of answers.", MODEL)
        self._latency = self._seconds("e2e_request_latency_seconds", "From request to last byte.", _REQUEST_SECONDS)
        self._first = self._seconds("time_to_first_token_seconds", "From request to first token.", _FIRST_TOKEN_SECONDS)
        self._per_token = self._seconds(
            "time_per_output_token_seconds", "Of tokens after the first of their answer.", _TOKEN_SECONDS
        )
        self._running = self._gauge("num_requests_running", "Answers that the engine writes.")
        self._waiting = self._gauge("num_requests_waiting", "Answers that wait for the engine.")
        self._cache = self._gauge("kv_cache_usage_perc", "Share of the cache of keys and values in use, 0 to 1.")
        self._dropped = self._gauge("records_dropped", "Exchanges that were answered and could not be recorded.")
        self._ready = self._gauge("ready", "1 where the canary answers are as certified.")

    def opened(self) -> None:
        """A request came in."""
        self._in_flight.inc()

    def closed(self, account: Account) -> None:
        """A request is over."""
        self._in_flight.dec()
        self._requests.labels(account.route, account.method, str(account.status)).inc()
        if account.refusal is not None:
            self._refused.labels(account.refusal).inc()
        for rule in account.guarded:
            self._guarded.labels(rule).inc()
        if account.model is not None:
            self._answered(account, account.model)

    def _answered(self, account: Account, model: str) -> None:
        self._prompt.labels(model).inc(account.num_prompt_tokens)
        self._cached.labels(model).inc(account.num_cached_tokens)
        self._generated.labels(model).inc(account.num_tokens)
        self._latency.labels(model).observe(account.seconds)
        if account.finish_reason is not None and account.refusal is None:
            self._finished.labels(model, account.finish_reason).inc()
        if account.first_token_seconds is not None:
            self._first.labels(model).observe(account.first_token_seconds)
        for seconds in account.seconds_per_token:
            self._per_token.labels(model).observe(seconds)

    def told(self, *, num_dropped: int, is_ready: bool) -> Response:
        """What `/metrics` answers."""
        load = self._load()
        self._running.set(load.num_running)
        self._waiting.set(load.num_waiting)
        self._cache.set(load.num_cached_tokens / load.max_cached_tokens if load.max_cached_tokens else 0.0)
        self._dropped.set(num_dropped)
        self._ready.set(is_ready)
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"tunesmith_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(f"tunesmith_{name}", what, registry=self.registry)

    def _seconds(self, name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"tunesmith_{name}", what, (MODEL,), buckets=buckets, registry=self.registry)

"""Bodies have a size, a time and a form; a key has so many requests and tokens in any minute."""

from __future__ import annotations

import asyncio
import json
import math
import time
import tracemalloc
from pathlib import Path

import pytest
from guard_material import MODEL, Answer, SayingEngine, ask, asked, chat, server
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from tunesmith.serve.account import Account
from tunesmith.serve.errors import Refused
from tunesmith.serve.limits import Bodies, Budgets, Slots
from tunesmith.store import NewKey, create_key

CHAT = "/v1/chat/completions"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """What a route is handed."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    start: Message = {"type": "http.response.start", "status": 200, "headers": []}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def code_of(body: bytes, **more: object) -> str:
    """`taken`, or why not."""
    try:
        answer = ask(Bodies(echo, max_body_bytes=1000, body_seconds=0.05), "POST", "/", body, **more)
    except Refused as refusal:
        return refusal.code
    assert answer.body == body or more
    return "taken"


@pytest.mark.parametrize(
    "body", [b"{}", b"[1, 2.5e3, null, true]", b'"a\\u00e9"', '{"a": "中文😀"}'.encode(), b" 1e308 "]
)
def test_plain_json_is_handed_on_as_it_came(body: bytes) -> None:
    assert code_of(body) == "taken"


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"{]", b"{'a': 1}", b'{"a": 1,}', b"1 2", b"\xef\xbb\xbf{}", b"nul", b'"\t"', b'{"a" 1}'),
        *(b"NaN", b"[Infinity]", b'{"a": -Infinity}', b"1e999", b'{"a": [-1e999]}', b"1" * 400 + b"E99999"),
        *(
            b'"\\ud800"',
            b'["\\udc00\\ud800"]',
            b'"\xff"',
            b'"\xc0\x80"',
            b'"\xed\xa0\x80"',
            b"\x00",
            b'{"a": "\xe4\xb8"}',
        ),
        *(b"[" * 500, b"[" * 450 + b"]" * 450, b'{"":' * 210),
    ],
)
def test_what_is_no_json_never_reaches_a_route(body: bytes) -> None:
    assert code_of(body) == "body-json"


@pytest.mark.thorough
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 1_000_000, b'"' + b"a" * 999_000 + b'"', b"[" + b"1," * 499_000]
)
def test_hostile_bodies_cost_little(tmp_path: Path, body: bytes) -> None:
    served = server(tmp_path)
    tracemalloc.start()
    started = time.perf_counter()
    answer = served.ask("POST", CHAT, body)
    seconds = time.perf_counter() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status == 400
    assert seconds < 1.0  # a tenth of it, where nothing is traced and the machine is idle
    assert peak < 40 * len(body) + 5_000_000


def test_a_large_body_is_refused_unread() -> None:
    handed_out = []

    async def receive_nothing() -> None:
        handed_out.append(1)

    for length in ("1001", "10000000000", "9" * 5000, "-1", "x", "1e3", "\u0663"):
        refused = {"headers": [("content-length", length)], "wait": receive_nothing}
        assert code_of(b"{}", **refused) == "body-too-large"
    assert handed_out == []
    assert code_of(b"[" + b"1" * 998 + b"]") == "taken"
    assert code_of(b"[" + b"1" * 999 + b"]") == "body-too-large"


def test_a_body_without_a_length_is_counted_while_it_is_read() -> None:
    num_read = 0

    async def count() -> None:
        nonlocal num_read
        num_read += 1

    chunks = [b"[" + b" " * 299] * 1000
    assert code_of(b"", chunks=chunks, wait=count) == "body-too-large"
    assert num_read == 4
    assert code_of(b"", chunks=[b"[1", b"", b",2", b"]"]) == "taken"


def test_a_slow_body_is_hung_up_on() -> None:
    async def wait() -> None:
        await asyncio.sleep(0.02)

    assert code_of(b"", chunks=[b"["] + [b" "] * 50 + [b"]"], wait=wait) == "body-slow"


def test_packed_bodies_are_refused() -> None:
    assert code_of(b"{}", headers=[("content-encoding", "gzip")]) == "body-type"
    assert code_of(b"{}", headers=[("content-encoding", "identity")]) == "taken"


def test_a_client_that_leaves_while_it_sends_is_let_go() -> None:
    class Gone(Exception): ...

    async def leave() -> Answer:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            raise Gone

        scope = {"type": "http", "headers": [(b"content-length", b"5"), (b"content-type", b"application/json")]}
        await Bodies(echo, max_body_bytes=10)(scope, receive, send)
        return Answer(0, {}, b"")

    assert asyncio.run(leave()).status == 0


def budgets(now: list[float], *, requests: int | None = None, tokens: int | None = None) -> Budgets:
    return Budgets(requests, tokens, clock=lambda: now[0])


def wait_of(budget: Budgets, key: str | None = "k", requests: int | None = None, tokens: int | None = None) -> int:
    """Seconds to wait; 0 where the request was let in."""
    try:
        budget.admit(key, requests, tokens)
    except Refused as refusal:
        return refusal.retry_after_seconds or -1
    return 0


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(1, 5),
    steps=st.lists(st.integers(0, 40), max_size=40),
)
def test_in_any_minute_there_are_no_more_requests_than_allowed_and_no_fewer(limit: int, steps: list[int]) -> None:
    now, let_in = [1000.0], []
    budget = budgets(now, requests=limit)
    for step in steps:
        now[0] += step
        in_last_minute = [at for at in let_in if at > now[0] - 60]
        wait = wait_of(budget)
        assert (wait == 0) == (len(in_last_minute) < limit)
        if wait:  # exactly as long as it says: a second less is too early
            assert wait == math.ceil(sorted(in_last_minute)[-limit] + 60 - now[0])
        else:
            let_in.append(now[0])


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 120)), max_size=40))
def test_tokens_of_a_minute_hold_up_the_next_request(steps: list[tuple[int, int]]) -> None:
    now, spent = [1000.0], []
    budget = budgets(now, tokens=100)
    for step, num_tokens in steps:
        now[0] += step
        total = sum(amount for at, amount in spent if at > now[0] - 60)
        wait = wait_of(budget)
        assert (wait == 0) == (total < 100)
        if wait:
            later = now[0] + wait
            assert sum(amount for at, amount in spent if at > later - 60) < 100
            assert sum(amount for at, amount in spent if at > later - 1 - 60) >= 100
        else:
            account = Account("r", "POST", 0.0, key="k", num_prompt_tokens=num_tokens // 2)
            account.num_tokens = num_tokens - num_tokens // 2
            budget.spend(account)
            spent.append((now[0], num_tokens))


def test_a_limit_of_a_key_goes_before_that_of_the_server_and_keys_do_not_share() -> None:
    now = [0.0]
    budget = budgets(now, requests=1)
    assert [wait_of(budget, "a", requests=3) for _ in range(4)] == [0, 0, 0, 60]
    assert [wait_of(budget, "b"), wait_of(budget, "b"), wait_of(budget, None)] == [0, 60, 0]
    now[0] = 59.5
    assert wait_of(budget, "b") == 1
    now[0] = 60.0
    assert wait_of(budget, "b") == 0


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    now = [0.0]
    budget = budgets(now)
    for second in range(1000):
        now[0] = float(second)
        wait_of(budget)
        budget.spend(Account("r", "POST", 0.0, key="k", num_tokens=3))
    assert sum(len(window.spent) for window in (*budget._requests.values(), *budget._tokens.values())) <= 60


def test_budgets_hold_over_http(tmp_path: Path) -> None:
    served = server(tmp_path, {"keys": True})
    _, secret = create_key(served.store, NewKey("a", frozenset({"infer"}), requests_per_minute=2))
    _, rich = create_key(served.store, NewKey("b", frozenset({"infer"}), tokens_per_minute=6))
    headers = [("authorization", f"Bearer {secret}")]
    assert [served.ask("POST", CHAT, chat(), headers=headers).status for _ in range(3)] == [200, 200, 429]
    answer = served.ask("GET", "/v1/models", headers=headers)
    assert (answer.status, answer.json["error"]["type"]) == (429, "rate_limit_error")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    headers = [("authorization", f"Bearer {rich}")]
    # five tokens of the prompt, one of the answer
    assert [served.ask("POST", CHAT, chat(), headers=headers).status for _ in range(2)] == [200, 429]


def test_each_prompt_of_a_request_counts_towards_a_budget(tmp_path: Path) -> None:
    served = server(tmp_path, {"keys": True})
    _, secret = create_key(served.store, NewKey("a", frozenset({"infer"}), tokens_per_minute=18))
    headers = [("authorization", f"Bearer {secret}")]
    body = {"model": MODEL, "prompt": ["one", "two", "three"], "n": 2}
    # five tokens of each prompt, one of each of its two answers
    usage = served.ask("POST", "/v1/completions", body, headers=headers).json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (15, 6, 21)
    assert served.ask("POST", CHAT, chat(), headers=headers).status == 429


def test_slots_are_counted_at_once_and_always_come_back(tmp_path: Path) -> None:
    slots = Slots(2)
    first, second, third = (Account(name, "POST", 0.0) for name in "abc")
    slots.take(first)
    slots.take(second)
    with pytest.raises(Refused, match="too-busy"):
        slots.take(third)
    slots.give_back(third)  # had none
    assert slots.num_taken == 2
    slots.give_back(first)
    slots.take(third)


@pytest.mark.thorough
def test_of_many_at_once_exactly_the_limit_is_let_in_and_all_slots_come_back(tmp_path: Path) -> None:
    class Slow(SayingEngine):
        def submit(self, request: object, on_delta: object) -> int:
            time.sleep(0.2)
            return super().submit(request, on_delta)  # type: ignore[arg-type]

    served = server(tmp_path, {"limits": {"max_running": 2, "max_waiting": 3}, "record": "off"}, Slow())

    async def crowd() -> list[Answer]:
        return await asyncio.gather(*(asked(served.app, "POST", CHAT, chat()) for _ in range(40)))

    statuses = sorted(answer.status for answer in asyncio.run(crowd()))
    assert statuses == [200] * 5 + [429] * 35
    assert served.guards.slots.num_taken == 0


def test_failures_give_slots_back_too(tmp_path: Path) -> None:
    served = server(tmp_path, {"limits": {"max_running": 1, "max_waiting": 1}}, SayingEngine(fails_with=ValueError))
    for _ in range(5):
        assert served.ask("POST", CHAT, chat()).status == 500
        assert served.ask("POST", CHAT, json.dumps({"model": 5}).encode()).status == 400
    assert served.guards.slots.num_taken == 0

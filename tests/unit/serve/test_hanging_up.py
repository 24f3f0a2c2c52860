"""Whoever hangs up ends what is being written, and nothing is left of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from serving_material import Caller, ScriptedEngine, chat_body, deployed, says

from tunesmith.serve.app import make_app


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_cancels_every_answer_at_once(tmp_path: Path, stream: bool) -> None:
    engine = ScriptedEngine(says("a", "b", "c"))
    engine.goes_on.clear()

    async def leave() -> tuple[int, set[asyncio.Task[object]]]:
        application = make_app(deployment)
        caller = Caller(application, "/v1/chat/completions", chat_body(n=2, stream=stream))
        running = asyncio.create_task(caller.run())
        while len(engine.asked) < 2:
            await asyncio.sleep(0.001)
        if stream:
            await caller.hears.wait()
        caller.hangs_up.set()
        await asyncio.wait_for(running, 2)
        return application.guards.slots.num_taken, asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    with deployed(tmp_path, engine) as deployment:
        num_taken, left = asyncio.run(leave())
        assert deployment.store.num_exchanges == 0
    assert engine.idle()
    assert engine.cancelled == {1, 2}
    assert (num_taken, left) == (0, set())


def test_a_client_that_leaves_while_its_prompt_is_read_leaves_nothing(tmp_path: Path) -> None:
    """The number of an answer is not known yet when its cancelling begins."""
    import threading

    from tunesmith.engine.interface import OnDelta, Request

    class Reading(ScriptedEngine):
        def submit(self, request: Request, on_delta: OnDelta) -> int:
            begun.set()
            assert may_end.wait(2)
            return super().submit(request, on_delta)

    begun, may_end = threading.Event(), threading.Event()
    engine = Reading(says("a", "b"))
    engine.goes_on.clear()

    async def leave() -> None:
        caller = Caller(make_app(deployment), "/v1/chat/completions", chat_body(n=3))
        running = asyncio.create_task(caller.run())
        await asyncio.to_thread(begun.wait, 2)
        caller.hangs_up.set()
        await asyncio.wait_for(running, 2)
        may_end.set()

    with deployed(tmp_path, engine) as deployment:
        asyncio.run(leave())
    assert engine.idle()
    assert len(engine.asked) == 1


@pytest.mark.thorough
def test_of_a_crowd_every_other_one_leaves_and_the_rest_are_answered(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("a", "b"))
    engine.goes_on.clear()
    section = {"limits": {"max_running": 100, "max_waiting": 100}}

    async def crowd() -> list[int]:
        application = make_app(deployment)
        callers = [Caller(application, "/v1/chat/completions", chat_body(stream=True)) for _ in range(100)]
        running = [asyncio.create_task(caller.run()) for caller in callers]
        while len(engine.asked) < len(callers):
            await asyncio.sleep(0.001)
        for caller in callers[::2]:
            caller.hangs_up.set()
        await asyncio.wait(running[::2], timeout=5)
        engine.goes_on.set()
        await asyncio.wait(running, timeout=5)
        assert application.guards.slots.num_taken == 0
        done = [any(b"[DONE]" in message.get("body", b"") for message in caller.heard) for caller in callers]
        return [place for place, is_done in enumerate(done) if is_done]

    with deployed(tmp_path, engine, section) as deployment:
        assert asyncio.run(crowd()) == list(range(1, 100, 2))
        assert deployment.store.num_exchanges == 50

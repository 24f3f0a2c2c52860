"""A real server in a thread: OpenAI's own client, and stopping without cutting anybody off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from openai import APIError, BadRequestError, InternalServerError, OpenAI
from serving_material import BASE, TUNED, ScriptedEngine, chat_body, deployed, says

from tunesmith.errors import TunesmithError
from tunesmith.serve.deployment import Deployment
from tunesmith.serve.run import Server, refuse_exposed

MESSAGES: list[Any] = [{"role": "user", "content": "Where is my parcel?"}]


@contextmanager
def running(deployment: Deployment) -> Iterator[Server]:
    ready, told = threading.Event(), list[str]()
    server = Server(deployment, lambda address: (told.append(address), ready.set())[0])
    thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listening]})
    thread.start()
    try:
        assert ready.wait(10)
        assert told == [server.address]
        yield server
    finally:
        server.drain()
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.thorough
def test_openais_own_client_works_unchanged(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("<think>hm</think>", "On its", " way."))
    with deployed(tmp_path, engine) as deployment, running(deployment) as server:
        client = OpenAI(base_url=server.address, api_key="none", max_retries=0)
        assert [model.id for model in client.models.list()] == [TUNED, BASE]
        assert client.models.retrieve(BASE).id == BASE
        whole = client.chat.completions.create(model=TUNED, messages=MESSAGES, n=2, logprobs=True)
        assert [choice.message.content for choice in whole.choices] == ["On its way."] * 2
        assert whole.choices[0].message.model_extra == {"reasoning_content": "hm", "reasoning": "hm"}
        assert whole.usage is not None
        assert whole.usage.completion_tokens == 6
        stream = client.chat.completions.create(
            model=TUNED, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert said == "On its way."
        assert chunks[-1].usage is not None
        text = client.completions.create(model=TUNED, prompt="Once", max_tokens=5)
        assert text.choices[0].text == "<think>hm</think>On its way."
        vectors = client.embeddings.create(model=TUNED, input=["a text", "b"])
        assert [len(each.embedding) for each in vectors.data] == [3, 3]
        with pytest.raises(BadRequestError) as refused:
            client.chat.completions.create(model=TUNED, messages=MESSAGES, temperature=3)
        assert refused.value.param == "temperature"


@pytest.mark.thorough
def test_requests_that_wait_for_directions_hold_up_no_answer(tmp_path: Path) -> None:
    class Embedding(ScriptedEngine):
        def embed(self, texts: Sequence[str], adapter: str | None) -> NDArray[np.float32]:
            assert may_end.wait(20)
            return super().embed(texts, adapter)

    may_end, body = threading.Event(), {"model": TUNED, "input": "a text"}
    with deployed(tmp_path, Embedding()) as deployment, running(deployment) as server:
        taken = deployment.section.limits.max_running + deployment.section.limits.max_waiting - 1
        with ThreadPoolExecutor(taken) as clients:
            asked = [
                clients.submit(httpx2.post, f"{server.address}/embeddings", json=body, timeout=30) for _ in range(taken)
            ]
            try:
                until = time.monotonic() + 10
                while server._guards.slots.num_taken < taken and time.monotonic() < until:
                    time.sleep(0.01)
                answer = httpx2.post(f"{server.address}/chat/completions", json=chat_body(), timeout=4)
            finally:
                may_end.set()
        assert answer.json()["tunesmith"]["recorded"] is True
        assert {one.result().status_code for one in asked} == {200}


@pytest.mark.thorough
def test_what_was_begun_is_finished_and_what_is_new_is_refused(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("On its", " way."))
    engine.goes_on.clear()
    with deployed(tmp_path, engine) as deployment:
        with running(deployment) as server:
            client = OpenAI(base_url=server.address, api_key="none", max_retries=0)
            stream = iter(client.chat.completions.create(model=TUNED, messages=MESSAGES, stream=True))
            first = [next(stream), next(stream)]
            server.drain()
            with pytest.raises(InternalServerError) as refused:
                client.chat.completions.create(model=TUNED, messages=MESSAGES)
            assert refused.value.status_code == 503
            assert httpx2.get(server.address.replace("/v1", "/readyz")).status_code == 503
            engine.goes_on.set()
            said = "".join(chunk.choices[0].delta.content or "" for chunk in [*first, *stream])
        assert said == "On its way."
        assert deployment.store.num_exchanges == 1


@pytest.mark.thorough
def test_when_its_time_is_over_an_answer_ends_with_an_error_and_the_server_goes(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("a", "b"))
    engine.goes_on.clear()
    with deployed(tmp_path, engine, {"limits": {"drain_seconds": 0.2}}) as deployment:
        with running(deployment) as server:
            client = OpenAI(base_url=server.address, api_key="none", max_retries=0)
            stream = iter(client.chat.completions.create(model=TUNED, messages=MESSAGES, stream=True))
            next(stream)
            began = time.monotonic()
            server.drain()
            with pytest.raises(APIError):
                list(stream)
        assert time.monotonic() - began < 5
    assert engine.idle()


@pytest.mark.thorough
def test_a_client_that_hangs_up_on_a_real_connection_ends_its_answer(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("a", "b"))
    engine.goes_on.clear()
    with deployed(tmp_path, engine) as deployment, running(deployment) as server:
        with httpx2.stream("POST", f"{server.address}/chat/completions", json=chat_body(stream=True)) as response:
            next(response.iter_lines())
        assert engine.idle(2)
        assert engine.cancelled


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = {"port": other.getsockname()[1]}
        with deployed(tmp_path, ScriptedEngine(), taken) as deployment, pytest.raises(TunesmithError) as told:
            Server(deployment, print)
    assert told.value.code == "port-taken"


@pytest.mark.parametrize(
    ("section", "code"), [({"host": "0.0.0.0"}, "serve-no-keys"), ({"host": "0.0.0.0", "keys": False}, "serve-open")]
)
def test_nobody_else_can_come_in_without_a_key(tmp_path: Path, section: dict[str, Any], code: str) -> None:
    from tunesmith.store import NewKey, create_key

    with deployed(tmp_path, ScriptedEngine(), section) as deployment:
        with pytest.raises(TunesmithError) as told:
            Server(deployment, print)
        assert told.value.code == code
        create_key(deployment.store, NewKey("app", frozenset({"infer"})))
        if code == "serve-no-keys":
            refuse_exposed(deployment.section, deployment.store)


@pytest.mark.thorough
def test_what_is_older_than_the_recipe_keeps_is_removed(tmp_path: Path) -> None:
    from datetime import timedelta

    from serving_material import NOW

    from tunesmith.records import Exchange

    def exchange(days: int) -> Exchange:
        at = NOW - timedelta(days=days)
        return Exchange(f"ex-{days:024d}", at, TUNED, "b", None, None, (), None, "stop", 1, 1, None, 1.0)

    with deployed(tmp_path, ScriptedEngine(), {"retention_days": 30}) as deployment:
        for days in (1, 29, 31, 300):
            deployment.store.record(exchange(days)).result()
        with running(deployment):
            until = time.monotonic() + 5
            while deployment.store.num_exchanges > 2 and time.monotonic() < until:
                time.sleep(0.02)
        assert deployment.store.num_exchanges == 2

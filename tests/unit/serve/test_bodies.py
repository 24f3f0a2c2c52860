"""What a request may hold: strict, closed and bounded, and quick to be refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_material import TUNED, ScriptedEngine, asked_of, chat_body, deployed

from tunesmith.serve.app import Application, make_app
from tunesmith.serve.bodies import NEUTRAL, ChatBody, CompletionBody

CHAT, TEXT, EMBED = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
CLASSIFY, FEEDBACK, LOAD = "/v1/classify", "/v1/feedback", "/v1/models/load"
PATHS = (CHAT, TEXT, EMBED, CLASSIFY, FEEDBACK, LOAD, "/v1/models/unload")
SOUND: dict[str, dict[str, Any]] = {
    CHAT: chat_body(),
    TEXT: {"model": TUNED, "prompt": "Once"},
    EMBED: {"model": TUNED, "input": "a text"},
    CLASSIFY: {"model": TUNED, "input": "a text"},
    FEEDBACK: {"exchange": "ex-" + "0" * 24, "kind": "comment", "text": "x"},
    LOAD: {"name": "other"},
}
COUNTS = (0, -1, 2**31, 2**63, 1.5, True, "1", [1], {})
BAD: dict[tuple[str, str], tuple[Any, ...]] = {
    (CHAT, "model"): ("", 1, None, "x" * 257),
    (CHAT, "messages"): ([], "x", [{}], [{"role": "user"}], [{"role": "tool", "content": "x"}], [1] * 1000),
    (CHAT, "n"): (*COUNTS, 9),
    (CHAT, "max_tokens"): (*COUNTS, 2049),
    (CHAT, "max_completion_tokens"): (*COUNTS, 2049),
    (CHAT, "temperature"): (-0.1, 2.1, True, "1", -1, 2**31),
    (CHAT, "top_p"): (0, -1, 1.01, True, 2**31),
    (CHAT, "seed"): (2**63, 0.5, True, "1"),
    (CHAT, "stop"): ("", ["a"] * 5, ["x" * 257], [1], {}),
    (CHAT, "top_logprobs"): (-1, 21, True, 1),
    (CHAT, "logprobs"): (1, "true"),
    (CHAT, "stream"): (1, "yes"),
    (CHAT, "stream_options"): ({"other": 1}, True),
    (CHAT, "user"): (1, "x" * 257),
    (CHAT, "response_format"): ("json", {"type": "xml"}, {"type": "json_schema"}, {"type": "text", "json_schema": {}}),
    (CHAT, "tools"): ([{"type": "function"}],),
    (CHAT, "chat_template"): ("{{ 1 }}",),
    (CHAT, "chat_template_kwargs"): ({"x": 1},),
    (TEXT, "prompt"): ("", [], [1, 2], [[1]], None, 1, ["a"] * 9),
    (TEXT, "logprobs"): (-1, 21, True),
    (TEXT, "best_of"): (2, 0),
    (TEXT, "echo"): (True,),
    (EMBED, "input"): ("", [], [1], [[1, 2]], ["x"] * 257, None),
    (EMBED, "dimensions"): (0, -1, 2, 2**31, True),
    (EMBED, "encoding_format"): ("int8",),
    (CLASSIFY, "input"): ("", [], ["x"] * 257, 1, None),
    (CLASSIFY, "min_confidence"): (-0.1, 1.1, True),
    (CLASSIFY, "messages"): ([{"role": "user", "content": "also"}],),
    (FEEDBACK, "exchange"): ("", "ex-1", "../../etc", "ex-" + "G" * 24),
    (LOAD, "name"): ("", "../x", "/etc/passwd", "a/b", "x" * 65, "A", "a@0", "%2e%2e", "a\n", "https://x"),
}


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with deployed(tmp_path, ScriptedEngine()) as deployment:
        yield make_app(deployment)


@pytest.mark.parametrize(("path", "field"), BAD, ids=lambda value: str(value).strip("/"))
def test_a_bad_value_is_refused_by_its_field(application: Application, path: str, field: str) -> None:
    for value in BAD[path, field]:
        started = time.perf_counter()
        response = asked_of(application, "POST", path, {**SOUND[path], field: value})
        seconds = time.perf_counter() - started
        error = response.json()["error"]
        assert response.status_code == 400, (value, response.text)
        assert error["hint"], value
        assert error["type"] == "invalid_request_error"
        if error["code"] not in ("body-mistakes", "request-fields"):
            assert (error["param"] or "").startswith(field) or field in ("messages", "input"), (value, error)
        assert seconds < 1.0, value


def test_what_is_at_a_cap_is_answered(application: Application) -> None:
    at_cap = {"n": 8, "max_tokens": 2048, "temperature": 2, "top_p": 1, "seed": -(2**63), "stop": ["a"] * 4}
    assert asked_of(application, "POST", CHAT, chat_body(**at_cap)).status_code == 200
    assert asked_of(application, "POST", CHAT, chat_body(logprobs=True, top_logprobs=20)).status_code == 200
    many = [{"role": "user", "content": "x"}] * 256
    assert asked_of(application, "POST", CHAT, {"model": TUNED, "messages": many}).status_code == 200
    over = asked_of(application, "POST", CHAT, {"model": TUNED, "messages": [*many, many[0]]})
    assert (over.status_code, over.json()["error"]["code"]) == (400, "over-limit")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model": "support", "messages": [{"role": "user", "content": "x"}], "temperature": %s}' % number
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999")
    ]
    + [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"model": "\xff"}',
        b'{"model": "\\ud800"}',
        b"",
        b"{}",
        b"null",
        b"[]",
        b'"x"',
        b'{"messages": [' + b"1," * 300_000 + b"1]}",
        b"{" + b",".join(b'"k%d": 0' % n for n in range(50_000)) + b"}",
    ],
    ids=lambda raw: str(raw)[:12],
)
@pytest.mark.parametrize("path", [CHAT, FEEDBACK])
def test_what_is_no_request_is_refused_at_once(application: Application, path: str, raw: bytes) -> None:
    started = time.perf_counter()
    response = asked_of(application, "POST", path, raw)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["hint"]
    assert time.perf_counter() - started < 1.0


def test_a_request_that_is_too_large_is_not_read(application: Application) -> None:
    response = asked_of(application, "POST", CHAT, json.dumps(chat_body(user="x" * 1_048_576)).encode())
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body-too-large")


@pytest.mark.thorough
def test_every_field_of_openais_is_known() -> None:
    """A client that sends one is told what is the matter with it, not that nobody knows it."""
    from openai.types import CompletionCreateParams
    from openai.types.chat import CompletionCreateParams as ChatParams

    for body, params in ((ChatBody, ChatParams), (CompletionBody, CompletionCreateParams)):
        wanted = {name for each in params.__args__ for name in each.__annotations__}  # type: ignore[attr-defined]
        assert wanted <= {field.alias or name for name, field in body.model_fields.items()}


@pytest.mark.parametrize("field", sorted(NEUTRAL.keys() & ChatBody.model_fields.keys()))
def test_what_asks_for_nothing_is_accepted(application: Application, field: str) -> None:
    for value in NEUTRAL[field]:
        assert asked_of(application, "POST", CHAT, chat_body(**{field: value})).status_code == 200, value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.thorough
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_body_is_too_strange_to_be_answered(application: Application, data: st.DataObject) -> None:
    """Anything in any field of any route: an answer or a refusal with a hint, never a failure of the server."""
    path = data.draw(st.sampled_from(PATHS))
    sound = SOUND.get(path, SOUND[LOAD])
    field = data.draw(st.sampled_from(sorted(sound)) | st.text(max_size=8))
    body = data.draw(JSON | JSON.map(lambda value: {**sound, field: value}))
    response = asked_of(application, "POST", path, json.dumps(body).encode())
    assert response.status_code in (200, 400, 404), (body, response.text)
    if response.status_code != 200:
        assert response.json()["error"]["hint"]

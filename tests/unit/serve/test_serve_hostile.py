"""Requests that did harm elsewhere: fields beyond their bounds, names that are paths, things to fetch or run."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
from guard_material import MODEL, Answer, Server, asked, chat, server
from hypothesis import given, settings
from hypothesis import strategies as st
from least_time import least_seconds

CHAT = "/v1/chat/completions"
BODIES: dict[str, dict[str, Any]] = {
    CHAT: chat(),
    "/v1/completions": {"model": MODEL, "prompt": "Once"},
    "/v1/embeddings": {"model": MODEL, "input": "text"},
    "/v1/classify": {"model": MODEL, "input": "text"},
    "/v1/feedback": {"exchange": "ex-" + "0" * 24, "kind": "thumb", "value": 1},
    "/v1/models/load": {"name": "other"},
    "/v1/models/unload": {"name": "other"},
}
FIELDS: dict[str, tuple[str, ...]] = {
    CHAT: (
        *("model", "messages", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop"),
        *("logprobs", "top_logprobs", "stream", "stream_options", "response_format", "user", "logit_bias", "tools"),
    ),
    "/v1/completions": ("model", "prompt", "n", "best_of", "max_tokens", "temperature", "top_p", "logprobs", "echo"),
    "/v1/embeddings": ("model", "input", "dimensions", "encoding_format", "user"),
    "/v1/classify": ("model", "input", "messages", "min_confidence", "user"),
    "/v1/feedback": ("exchange", "kind", "value", "dimension", "text", "preferred"),
    "/v1/models/load": ("name",),
    "/v1/models/unload": ("name",),
}
NUMBERS = (0, -1, 1, 2, 5, 8, 9, 20, 21, 256, 257, 2048, 2049, 2**31, 2**63, 2**64, -(2**63), 10**300, 0.5, -0.0, 1e308)
TEXTS = (
    "",
    "a",
    "\x00",
    "\u202e",
    "a" * 300,
    "名" * 1000,
    "<script>",
    "' OR 1=1 --",
    "${jndi:ldap://x}",
    "../..",
    "%00",
)
OTHERS = (None, True, False, [], {}, [[]], [None], {"a": {"b": []}}, [1] * 300, ["a"] * 300)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    section = {"record": "off", "limits": {"max_new_tokens": 2048, "max_choices": 8}}
    made = server(tmp_path_factory.mktemp("served"), section)
    yield made
    made.store.close()


def check(answer: Answer, what: object) -> None:
    """It is answered, or refused with an envelope, and never a defect."""
    assert answer.status in (200, 400, 404), (answer.status, what)
    if answer.status != 200:
        told = answer.json["error"]
        assert told["message"]
        assert told["hint"]
        assert told["code"] != "request-failed"
        assert len(answer.body) < 5000


@pytest.mark.thorough
def test_every_field_has_its_bounds(served: Server) -> None:
    async def all_of_them() -> None:
        for target, fields in FIELDS.items():
            for field, value in product(fields, (*NUMBERS, *TEXTS, *OTHERS)):
                answer = await asked(served.app, "POST", target, {**BODIES[target], field: value})
                check(answer, (target, field, value))

    asyncio.run(all_of_them())


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(
    target=st.sampled_from(sorted(FIELDS)),
    place=st.integers(0, 100),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_no_value_of_a_field_is_a_defect(served: Server, target: str, place: int, value: Any) -> None:
    field = FIELDS[target][place % len(FIELDS[target])]
    check(served.ask("POST", target, {**BODIES[target], field: value}), (target, field, value))


@pytest.mark.parametrize("body", [b"[]", b"5", b'"text"', b"null", b"true", b"1.5", b"{}", b"[{}]", b" "])
def test_a_body_is_an_object_with_its_fields(served: Server, body: bytes) -> None:
    for target in FIELDS:
        answer = served.ask("POST", target, body)
        assert answer.status == 400
        check(answer, (target, body))


def test_a_name_that_is_told_back_is_cut(served: Server) -> None:
    answer = served.ask("GET", "/v1/models/" + "a" * 10_000)
    assert (answer.status, len(answer.body) < 1500) == (404, True)


@pytest.mark.parametrize("field", ["n", "max_tokens", "top_p", "temperature", "top_logprobs", "seed"])
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", '"5"', "true", "9" * 5000])
def test_a_number_is_a_number(served: Server, field: str, text: str) -> None:
    body = json.dumps(chat(logprobs=True)).removesuffix("}") + f', "{field}": {text}}}'
    assert served.ask("POST", CHAT, body.encode()).status == 400


@pytest.mark.parametrize(
    ("field", "cap"), [("n", 8), ("max_tokens", 2048), ("top_logprobs", 20), ("temperature", 2), ("top_p", 1)]
)
def test_the_cap_is_taken_and_one_more_is_not(served: Server, field: str, cap: int) -> None:
    for value, status in ((cap, 200), (cap + 1, 400), (2**31, 400), (-1, 400)):
        assert served.ask("POST", CHAT, chat(logprobs=True, **{field: value})).status == status, value


@pytest.mark.thorough
def test_large_and_deep_values_are_answered_quickly(served: Server) -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    for field in ("model", "messages", "stop", "user", "response_format", "logit_bias"):
        for value in (b'"' + b"a" * 1_000_000 + b'"', b"[" * 100_000 + b"]" * 100_000, deep[:1_000_000]):
            body = json.dumps(chat()).encode()[:-1] + b', "' + field.encode() + b'": ' + value + b"}"
            ask = partial(served.ask, "POST", CHAT, body[:1_048_576])
            answer = ask()
            assert answer.status in (400, 413)
            assert len(answer.body) < 5000
            assert least_seconds(ask, 0.5) < 0.5


FORBIDDEN = (
    {"chat_template": "{{ cycler.__init__.__globals__.os.system('id') }}"},
    {"chat_template_kwargs": {"chat_template": "{{ 1 }}", "tokenize": True}},
    {"prompt_embeds": "gASVHQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg=="},
    {"api_base": "http://127.0.0.1:9/"},
    {"base_url": "http://169.254.169.254/"},
    {"extra_body": {"api_key": "x"}},
    {"guided_regex": "(a+)+$"},
    {"lora_path": "/etc/passwd"},
    {"trust_remote_code": True},
    {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/a.png"}}]}
        ]
    },
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "url": "file:///etc/passwd"}]}]},
    {"messages": [{"role": "user", "content": "a", "template": "{{ 1 }}"}]},
    {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {}, "url": "http://127.0.0.1:9/"},
        }
    },
)
"""Fields by which requests had other servers run, fetch or open something."""
_heard: list[str] = []
_listening = [False]


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _listening[0] and event in (
        "socket.connect",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.system",
        "pickle.find_class",
    ):
        _heard.append(f"{event} {arguments}")
    if _listening[0] and event == "open" and str(arguments[0]).startswith("/etc/passwd"):
        _heard.append(f"{event} {arguments}")


sys.addaudithook(_listen)


@pytest.mark.parametrize("given_", FORBIDDEN, ids=lambda given_: next(iter(given_)))
def test_nothing_in_a_request_is_run_fetched_or_opened(served: Server, given_: dict[str, Any]) -> None:
    before = served.engine.num_submitted
    _heard.clear()
    _listening[0] = True
    try:
        answer = served.ask("POST", CHAT, {**chat(), **given_})
    finally:
        _listening[0] = False
    assert answer.status == 400
    assert _heard == []
    assert served.engine.num_submitted == before


@pytest.mark.parametrize(
    "content_type",
    [
        "application/octet-stream",
        "application/x-pickle",
        "application/zip",
        "application/x-tar",
        "image/png",
        "text/html",
    ],
)
def test_what_is_no_json_is_refused_by_its_type(served: Server, content_type: str) -> None:
    body = b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."
    for target in BODIES:
        assert served.ask("POST", target, body, headers=[("content-type", content_type)]).status == 415


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "a\\b", "C:\\x", "~", "~root", "file:///etc/passwd"),
        *(
            "a\x00b",
            "%2e%2e",
            "",
            " ",
            "a" * 500,
            "\uff0e\uff0e",
            "http://127.0.0.1/",
            "-rf",
            "$(id)",
            ";id",
            "@1",
            "a@x",
        ),
    ],
)
def test_a_name_is_never_a_path(served: Server, name: str) -> None:
    for target in ("/v1/models/load", "/v1/models/unload"):
        answer = served.ask("POST", target, {"name": name})
        assert (answer.status, answer.json["error"]["param"]) == (400, "name"), name

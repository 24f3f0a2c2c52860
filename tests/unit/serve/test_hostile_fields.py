"""Every field of every body, found in the models themselves, with every value that did harm elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import annotated_types
import numpy as np
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from guard_material import Answer, asked
from numpy.typing import NDArray
from pydantic.fields import FieldInfo
from serving_material import TUNED, ScriptedEngine, deployed

from benchmarks.serve_hostile import BODIES, DEPTH, HEAVY, SIZE, SPARSE, Place, nested, places
from tunesmith.engine.interface import Capabilities, OnDelta, Prompt, Request
from tunesmith.records import Message
from tunesmith.serve import bodies
from tunesmith.serve.app import Application, make_app
from tunesmith.serve.bodies import Body, Sampled
from tunesmith.serve.limits import MAX_MARKS, has_many_values

MAX_CHARACTERS = 65_536
LIGHT = {
    **{text: text.encode() for text in ("0", "-1", "0.5", "true", "null", '""', "[]", "{}")},
    **{"2^31": b"2147483648", "2^63": b"9223372036854775808", "2^64": b"18446744073709551616", "10^300": b"1e300"},
    **{"NaN": b"NaN", "Infinity": b"-Infinity", "1e999": b"1e999", "no UTF-8": b'"\xff"', "half": rb'"\ud800"'},
}
ANY = '0 -1 0.5 true null "" [] {} 2^31 2^63 2^64 10^300'
HARMLESS = (
    (ANY, "metadata parallel_tool_calls prediction prompt_cache_key prompt_cache_options prompt_cache_retention"),
    (ANY, "service_tier store stream_options.include_obfuscation messages.name messages.refusal messages.annotations"),
    ("null", "n best_of max_tokens max_completion_tokens dimensions top_logprobs response_format audio function_call"),
    ("null", "modalities moderation reasoning_effort tool_choice verbosity web_search_options"),
    ("null", "messages.audio messages.function_call"),
    ("null []", "functions tools messages.tool_calls stop"),
    ("null {}", "logit_bias stream_options"),
    ("null true", "stream stream_options.include_usage response_format.json_schema.strict"),
    ('null ""', "user safety_identifier suffix response_format.json_schema.description"),
    ('null ""', "messages.reasoning_content messages.reasoning"),
    ("null 0", "frequency_penalty presence_penalty echo"),
    ("null 0 0.5", "temperature min_confidence"),
    ("null 0.5", "top_p"),
    ("null 0 -1 2^31", "seed"),
    ("null true 0", "logprobs"),
    ("{}", "response_format.json_schema.schema"),
    ('""', "messages.content messages.content.text"),
    ("-1", "value"),
)
"""Values that do no harm in a field, said by hand: every other value of every other field is refused."""
UNKNOWN = ("exchange-unknown", "version-unknown")
"""What a sound body is answered where it names what is not there."""


class CountingEngine(ScriptedEngine):
    """Counts whatever it is asked; none of it may happen for what is refused."""

    capabilities = Capabilities(True, True, True, True, True, True, max_characters=MAX_CHARACTERS)

    def __init__(self) -> None:
        super().__init__()
        self.num_asked = 0

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        self.num_asked += 1
        return super().submit(request, on_delta)

    def label(
        self, conversations: Sequence[Sequence[Message]], labels: Sequence[str], adapter: str | None
    ) -> list[list[float]]:
        self.num_asked += 1
        return super().label(conversations, labels, adapter)

    def embed(self, texts: Sequence[str], adapter: str | None) -> NDArray[np.float32]:
        self.num_asked += 1
        return super().embed(texts, adapter)

    def num_tokens_of(self, prompt: Prompt) -> int:
        self.num_asked += 1
        return super().num_tokens_of(prompt)

    def num_read_tokens(self, text: str) -> int:
        self.num_asked += 1
        return super().num_read_tokens(text)


class Served:
    def __init__(self, engine: CountingEngine, application: Application) -> None:
        self.engine = engine
        self.application = application

    def ask(self, asks: Iterable[tuple[str, bytes]]) -> list[Answer]:
        async def all_of_them() -> list[Answer]:
            return [await asked(self.application.app, "POST", address, body) for address, body in asks]

        return asyncio.run(all_of_them())

    def answers(self, place: Place, values: Iterable[bytes]) -> list[Answer]:
        return self.ask((place.address, place.body(value, TUNED)) for value in values)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    engine = CountingEngine()
    with deployed(tmp_path_factory.mktemp("served"), engine, {"record": "off"}) as deployment:
        yield Served(engine, make_app(deployment))


def refused(answer: Answer, what: object) -> bool:
    """Whether it is; then with an envelope that says what to do, and that repeats little of what was given."""
    if answer.status == 200 or answer.code in UNKNOWN:
        return False
    assert 400 <= answer.status < 500, (answer.status, what)
    told = answer.json["error"]
    assert told.keys() == {"message", "type", "param", "code", "hint"}, what
    assert told["type"] == "invalid_request_error", what
    assert told["message"], what
    assert told["hint"], what
    assert len(answer.body) < 1500, what
    return True


def test_every_body_of_every_route_is_asked(served: Served) -> None:
    routes = [context.original_route for context in iter_route_contexts(served.application.app.routes)]
    assert {route.path for route in routes if isinstance(route, APIRoute) and "POST" in route.methods} == set(BODIES)

    def kinds(kind: type[Body]) -> Iterator[type[Body]]:
        for each in kind.__subclasses__():
            yield each
            yield from kinds(each)

    reached = {*BODIES.values()}
    while (
        more := {one for kind in reached for info in kind.model_fields.values() for one in nested(info.annotation)}
        - reached
    ):
        reached |= more
    assert reached == {kind for kind in kinds(Body) if kind.__module__ == bodies.__name__} - {Sampled}
    found = {(place.address, place.name) for place in places()}
    assert {("/v1/chat/completions", "messages.content.text"), ("/v1/classify", "messages.reasoning")} <= found
    assert ("/v1/chat/completions", "response_format.json_schema.schema") in found


@pytest.mark.thorough
def test_a_value_that_did_harm_elsewhere_is_refused_in_every_field(served: Served) -> None:
    taken: dict[str, set[str]] = {}
    for place in places():
        for name, answer in zip(LIGHT, served.answers(place, LIGHT.values()), strict=True):
            if not refused(answer, (place, name)):
                taken.setdefault(place.name, set()).add(name)
    assert taken == {field: set(values.split()) for values, fields in HARMLESS for field in fields.split()}


@pytest.mark.thorough
def test_what_is_large_or_deep_is_refused_in_every_field_before_anything_is_done(served: Served) -> None:
    before = served.engine.num_asked
    for place in places():
        for name, answer in zip(HEAVY, served.answers(place, HEAVY.values()), strict=True):
            assert refused(answer, (place, name)), (place, name, answer.status)
    assert served.engine.num_asked == before
    assert np.gcd(SPARSE, len(HEAVY)) == 1


@pytest.mark.thorough
def test_one_more_than_a_bound_is_refused_in_every_field(served: Served) -> None:
    num_bounds = 0
    for place in places():
        over = list(beyond(place.info))
        num_bounds += len(over)
        for value, answer in zip(over, served.answers(place, over), strict=True):
            assert refused(answer, (place, value[:20]))
    assert num_bounds > 40


def beyond(info: FieldInfo) -> Iterator[bytes]:
    """As JSON, what lies just beyond each bound that a field has."""
    for is_list, bound in _bounds(info.annotation, info.metadata):
        match bound:
            case annotated_types.Le(most):
                yield json.dumps(most + 1).encode()
                yield json.dumps(most * (1 + 1e-9) + 1e-9).encode()
            case annotated_types.Ge(least):
                yield json.dumps(least - 1).encode()
            case annotated_types.Gt(least):
                yield json.dumps(least).encode()
            case annotated_types.MaxLen(most):
                yield json.dumps(["a"] * (most + 1) if is_list else "a" * (most + 1)).encode()
            case annotated_types.MinLen(least):
                yield json.dumps(["a"] * (least - 1) if is_list else "a" * (least - 1)).encode()


def _bounds(annotation: Any, metadata: Iterable[object]) -> Iterator[tuple[bool, object]]:
    """Each bound within a type, and whether it is one of a list."""
    parts = get_args(annotation)
    is_list = tuple in map(get_origin, (annotation, *parts))
    for one in metadata:
        yield from ((is_list, bound) for bound in (one.metadata if isinstance(one, FieldInfo) else (one,)))
    for part in parts:
        yield from _bounds(part, getattr(part, "__metadata__", ()))


@pytest.mark.thorough
def test_a_quick_look_at_the_largest_values(served: Served) -> None:
    """Of three fields of different kinds; all others are thorough ones."""
    before = served.engine.num_asked
    chosen = [place for place in places() if place.name in ("prompt", "metadata", "response_format.json_schema.schema")]
    assert len(chosen) == 3
    for place in chosen:
        for name, answer in zip(HEAVY, served.answers(place, HEAVY.values()), strict=True):
            assert refused(answer, (place, name)), (place, name, answer.status)
    assert served.engine.num_asked == before


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "{text}"}]}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "{half}"}] * 2}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "text", "text": "{half}"}] * 2}]}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "a", "reasoning": "{text}"}]}),
        ("/v1/completions", {"prompt": ["a", "{text}"]}),
        ("/v1/embeddings", {"input": ["a", "{text}"]}),
        ("/v1/classify", {"input": ["a", "{text}"]}),
        ("/v1/classify", {"messages": [{"role": "user", "content": "{half}"}] * 2}),
    ],
)
def test_a_text_that_cannot_fit_is_counted_and_not_read(served: Served, address: str, body: dict[str, Any]) -> None:
    whole = json.dumps({"model": TUNED, **body})
    before = served.engine.num_asked

    def sized(num: int) -> Answer:
        filled = whole.replace("{text}", "a" * num).replace("{half}", "a" * (num // 2))
        return served.ask([(address, filled.encode())])[0]

    answer = sized(MAX_CHARACTERS + 2)
    assert (answer.status, answer.code) == (400, "context_length_exceeded")
    assert str(MAX_CHARACTERS) in answer.json["error"]["message"]
    assert served.engine.num_asked == before
    # beside it nothing is written, but what joins two parts
    assert sized(MAX_CHARACTERS - 2).status == 200
    assert served.engine.num_asked > before


def test_an_engine_that_tells_no_bound_reads_what_the_body_may_hold(tmp_path: Path) -> None:
    with deployed(tmp_path, ScriptedEngine(), {"record": "off"}) as deployment:
        body = json.dumps({"model": TUNED, "input": "a" * SIZE}).encode()
        (answer,) = [asyncio.run(asked(make_app(deployment).app, "POST", "/v1/embeddings", body))]
    assert answer.status == 200


NUM_MARKS = MAX_MARKS + 1


@pytest.mark.parametrize(
    ("body", "is_over"),
    [
        (b"[" + b"1," * MAX_MARKS + b"1]", True),
        (b"[" + b"1," * (MAX_MARKS - 1) + b"1]", False),
        (b"[" + b"[]," * (NUM_MARKS // 2) + b"[]]", True),
        (b"{" + b",".join(b'"%d":0' % n for n in range(NUM_MARKS // 2 + 1)) + b"}", True),
        (b"{" + b",".join(b'"%d":0' % n for n in range(MAX_MARKS // 2)) + b"}", False),
        (b"[" + b'"",' * NUM_MARKS + b'""]', True),
        (b"[" * DEPTH, True),
        # in a text they are characters like others, whatever stands before its end
        (b'["' + b"," * 500_000 + b'"]', False),
        (b'["' + rb"\",[{:" * 100_000 + b'"]', False),
        (b'["' + rb"\\\",[" * 100_000 + b'"]', False),
        (b'["' + b"," * 40_000 + rb"\\" + b'",' + b"1," * 10 + b'"' + b":" * 40_000 + b'"]', False),
        # the escaped backslash ends before the quote: what follows is no text
        (b'["' + b"," * 10 + rb"\\" + b'",' + b"1," * NUM_MARKS + b'"a"]', True),
    ],
)
def test_marks_are_counted_outside_of_texts(body: bytes, is_over: bool) -> None:
    assert has_many_values(body) is is_over
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return
    num_marks = _marks_of(parsed)
    assert (num_marks > MAX_MARKS) is is_over


def _marks_of(value: Any) -> int:
    """Commas, colons and opening brackets by which Python would write a value."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + len(value) + sum(map(_marks_of, value.values()))
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(map(_marks_of, value))
    return 0


def test_what_changes_no_answer_is_taken_up_to_a_size(served: Served) -> None:
    (place,) = (each for each in places() if each.name == "metadata")
    fits, over = served.answers(
        place, [json.dumps("a" * (bodies.MAX_IGNORED_BYTES - 2 + more)).encode() for more in (0, 1)]
    )
    assert fits.status == 200
    assert (over.status, over.json["error"]["param"]) == (400, "metadata")
    assert str(bodies.MAX_IGNORED_BYTES) in over.json["error"]["message"]
